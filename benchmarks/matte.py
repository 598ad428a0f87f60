"""How well a person's matte fits rendered test people, whose coverage is known exactly: alone, and before another.

Compares what the networks draw by themselves with the matte. The pose is the true one. Prints a table and writes it as
JSON: intersection over union at one half, mean error over the picture, and mean error near the true outline.
"""

import argparse
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from scipy import ndimage

from posable.detect import blazepose, landmarks, matte
from posable.detect.matting import salient
from posable.detect.parser import parse
from posable.imaging.size import Size
from posable.people import TEST_SEEDS, View, make_person, render_views
from posable.pose.pose import Pose
from run_record import REPOSITORY, progress_bars, step, write_record

VIEWS = 2
VISIBLE = 2
NEAR_OUTLINE = 0.008
"""Distance from the true outline, of the picture's height, up to which errors are those of the outline."""
BESIDE = 0.22
"""How far the person in front stands aside, of the picture's width."""
METHODS = ("BlazePose's mask", "the parser's classes", "U^2-Net, whole picture", "matte")

Mask = npt.NDArray[np.float32]


class Case(NamedTuple):
    """A picture, the pose of its person as the renderer knows it, and the person's coverage (h, w)."""

    kind: str
    picture: Image.Image
    pose: Pose
    alpha: Mask


def cases(view: View, behind: View) -> Iterator[Case]:
    size = Size(*view.alpha.shape)
    pose = Pose(view.keypoints[:, :2], view.keypoints[:, 2] == VISIBLE, size)
    yield Case("alone", Image.fromarray(view.image), pose, view.alpha)
    aside = round(BESIDE * size.width)
    alpha, image, background = (np.roll(layer, aside, axis=1) for layer in (view.alpha, view.image, view.background))
    alpha[:, :aside] = 0
    share = alpha[..., None].astype(np.float32)
    mixed = behind.image * (1 - share) + image.astype(np.float32) - background.astype(np.float32) * (1 - share)
    picture = Image.fromarray(np.clip(np.where(share > 0, mixed, behind.image) + 0.5, 0, 255).astype(np.uint8))
    yield Case("before somebody else", picture, moved(pose, aside), alpha)


def moved(pose: Pose, pixels: int) -> Pose:
    return pose.crop(-pixels, 0, pose.size)


def masks(case: Case) -> Iterator[tuple[str, Mask, float]]:
    """What each method draws, and how many seconds of one core that took."""
    looks = {
        METHODS[0]: lambda: (
            blazepose.load().landmarks_in(case.picture, landmarks.region_of_pose(case.pose)).whole_mask(case.pose.size)
        ),
        METHODS[1]: lambda: parse(case.picture, case.pose).mask(range(1, 20)),
        METHODS[2]: lambda: salient(case.picture),
        METHODS[3]: lambda: matte(case.picture, case.pose),
    }
    for name, look in looks.items():
        start = time.process_time()
        yield name, look(), time.process_time() - start


def errors(found: Mask, true: Mask) -> dict[str, float]:
    inside, really = found > 0.5, true > 0.5
    outline = really ^ ndimage.binary_erosion(really)
    band = ndimage.distance_transform_edt(~outline) <= NEAR_OUTLINE * len(true)
    wrong = np.abs(found - true)
    return {
        "iou": float((inside & really).sum() / max((inside | really).sum(), 1)),
        "error": float(wrong.mean()),
        "error_near_outline": float(wrong[band].mean()),
    }


def mean_of(rows: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.fmean(row[key] for row in rows) for key in rows[0]}


def measure(people: int, size: Size) -> tuple[dict[str, dict[str, dict[str, float]]], dict[str, float]]:
    """By kind of picture and method the means of the errors, and each method's median of milliseconds."""
    found: dict[str, dict[str, list[dict[str, float]]]] = {}
    milliseconds: dict[str, list[float]] = {}
    seeds = [TEST_SEEDS[number * len(TEST_SEEDS) // people] for number in range(people)]
    with progress_bars() as bars:
        tell = step(bars, "test people")
        behind = next(iter(render_views(make_person(seeds[-1]), 1, size)))
        for number, seed in enumerate(seeds):
            for view in render_views(make_person(seed), VIEWS, size):
                for case in cases(view, behind):
                    for name, mask, seconds in masks(case):
                        found.setdefault(case.kind, {}).setdefault(name, []).append(errors(mask, case.alpha))
                        milliseconds.setdefault(name, []).append(1000 * seconds)
                behind = view
            tell(number + 1, people)
    means = {kind: {name: mean_of(rows) for name, rows in by_name.items()} for kind, by_name in found.items()}
    return means, {name: statistics.median(values) for name, values in milliseconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--size", type=Size.parse, default=Size(512, 352))
    parser.add_argument("--out", type=Path, default=REPOSITORY / "benchmarks" / "results" / "matte.json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    means, milliseconds = measure(arguments.people, arguments.size)
    for kind, rows in means.items():
        print(f"{kind:26s} {'IoU':>7s} {'error':>7s} {'near outline':>13s} {'core ms':>8s}")
        for name, row in rows.items():
            numbers = f"{row['iou']:7.3f} {row['error']:7.4f} {row['error_near_outline']:13.4f}"
            print(f"  {name:24s} {numbers} {milliseconds[name]:8.0f}")
    write_record(
        arguments.out,
        {"size": str(arguments.size), "people": arguments.people, "kinds": means, "core_ms": milliseconds},
    )


if __name__ == "__main__":
    main()
