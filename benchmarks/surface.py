"""puppet against weave on people-1's test pairs: likeness, outline, the own pose, and milliseconds.

Prints a table and writes it as JSON. Keypoints are given; parsing maps and mattes are the renderer's, or with --found
what the shipped parser finds. Pairs are those whose trunks turn by less than --turn degrees between the views.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from posable.detect.parser import parse
from posable.imaging.image import to_tensor
from posable.metrics.mask_iou import mask_iou, person_boxes
from posable.metrics.ssim import ssim
from posable.models.generator import Generator, Rendering
from posable.models.puppet import PuppetConfig, PuppetGenerator
from posable.people import View, make_person, render_views
from posable.people.benchmark import PEOPLE_1
from posable.pose.pose import Pose, PoseBatch
from posable.zoo.checkpoint import load_checkpoint
from run_record import REPOSITORY, progress_bars, step, write_record

VARIANT = PEOPLE_1.variant("256x176")
INSIDE = 0.9
"""Share of the person above which a pixel counts as person."""


@dataclass
class Tally:
    """One value a pair."""

    ssim: list[float] = field(default_factory=list)
    ssim_in_box: list[float] = field(default_factory=list)
    mask_iou: list[float] = field(default_factory=list)
    mean_error: list[float] = field(default_factory=list)
    own_pose_psnr: list[float] = field(default_factory=list)
    encode_ms: list[float] = field(default_factory=list)
    render_ms: list[float] = field(default_factory=list)


def pairs(count: int, largest_turn: float) -> Iterator[tuple[View, View]]:
    """The first `count` test pairs whose views are turned by at most so many degrees from each other."""
    views: dict[int, View] = {}
    current = -1
    for seed, source, target in PEOPLE_1.pairs("test"):
        if count == 0:
            return
        if seed != current:
            current, views = seed, dict(enumerate(render_views(make_person(seed), PEOPLE_1.views, VARIANT.size)))
        turn = abs((views[source].camera.yaw - views[target].camera.yaw + 180) % 360 - 180)
        if turn <= largest_turn:
            count -= 1
            yield views[source], views[target]


def pose_of(view: View) -> PoseBatch:
    return PoseBatch.from_poses([Pose(view.keypoints[:, :2], view.keypoints[:, 2] > 0, view.size)])


def judge(tally: Tally, generator: Generator[Any], encode: Callable[[], Any], source: View, target: View) -> None:
    started = time.perf_counter()
    encoded = encode()
    tally.encode_ms.append(1000 * (time.perf_counter() - started))
    started = time.perf_counter()
    drawn: Rendering = generator.render(encoded, pose_of(target))
    tally.render_ms.append(1000 * (time.perf_counter() - started))
    assert drawn.mask is not None
    truth, alpha = levels(to_tensor(target.image)[None]), torch.from_numpy(np.asarray(target.alpha))[None, None].float()
    image, person = levels(drawn.image), alpha > 0.5
    tally.ssim.append(float(ssim(image, truth)))
    left, top, right, bottom = (int(side) for side in person_boxes(person)[0])
    box = np.s_[..., top:bottom, left:right]
    tally.ssim_in_box.append(float(ssim(image[box], truth[box])))
    tally.mask_iou.append(float(mask_iou(drawn.mask > 0.5, person)))
    tally.mean_error.append(float((image - truth).abs().mean(1, keepdim=True)[person].mean()))
    own = levels(generator.render(encoded, pose_of(source)).image)
    inside = torch.from_numpy(np.asarray(source.alpha) > INSIDE).expand(1, 3, -1, -1)
    error = ((own - levels(to_tensor(source.image)[None]))[inside] ** 2).mean()
    tally.own_pose_psnr.append(float(10 * torch.log10(255**2 / error)))


def levels(image: Tensor) -> Tensor:
    """[-1, 1] as the 256 levels of a file."""
    return ((image.float() + 1) * 127.5).round().clamp(0, 255)


def summary(tally: Tally) -> dict[str, dict[str, float]]:
    """Mean, standard error and median of each number."""
    return {
        name: {
            "mean": statistics.fmean(values),
            "standard_error": statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0,
            "median": statistics.median(values),
        }
        for name, values in asdict(tally).items()
    }


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--turn", type=float, default=180.0, help="largest turn between the views, degrees")
    parser.add_argument("--found", action="store_true", help="parsing maps and mattes as the shipped parser finds them")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "benchmarks" / "results" / "surface.json")
    options = parser.parse_args()

    weave: Any = load_checkpoint("weave")
    puppet = PuppetGenerator(PuppetConfig(**asdict(weave.config))).eval()
    puppet.weave.load_state_dict(weave.state_dict())
    tallies = {"weave": Tally(), "puppet": Tally()}
    surfaces = 0
    with progress_bars() as bars:
        told = step(bars, "pairs")
        for done, (source, target) in enumerate(pairs(options.pairs, options.turn), start=1):
            image, pose = to_tensor(source.image)[None], pose_of(source)
            labels, matte = source.parsing, np.asarray(source.alpha, np.float32)
            if options.found:
                labels = parse(Image.fromarray(source.image), pose[0]).labels
            parsing = torch.from_numpy(labels)[None]
            given = None if options.found else torch.from_numpy(matte)[None, None]
            judge(tallies["weave"], weave, lambda: weave.encode(image, pose), source, target)  # noqa: B023
            encode = lambda: puppet.encode(image, pose, parsing, source_matte=given)  # noqa: B023, E731
            judge(tallies["puppet"], puppet, encode, source, target)
            surfaces += encode().surfaces[0] is not None
            told(done, options.pairs)
    result = {name: summary(tally) for name, tally in tallies.items()}
    print(f"{len(tallies['puppet'].ssim)} pairs, puppet's body understood in {surfaces} of them")
    print(f"{'':16}{'weave':>22}{'puppet':>22}{'puppet - weave':>24}")
    for name in result["weave"]:
        ours, theirs = (np.array(getattr(tallies[who], name)) for who in ("puppet", "weave"))
        apart = ours - theirs
        error = apart.std(ddof=1) / len(apart) ** 0.5 if len(apart) > 1 else 0.0
        print(
            f"{name:16}{result['weave'][name]['mean']:22.3f}{result['puppet'][name]['mean']:22.3f}"
            f"{apart.mean():+15.3f} ± {error:.3f}"
        )
    write_record(options.out, {"pairs": len(tallies["puppet"].ssim), "understood": surfaces, "found": options.found,
                               "largest_turn": options.turn, **result})  # fmt: skip


if __name__ == "__main__":
    main()
