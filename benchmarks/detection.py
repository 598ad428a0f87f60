"""How well BlazePose finds the pose of synthetic test people: whole, cut off, headless and small.

Prints a table and writes it as JSON. Keypoints are judged in units of the person's height, the height of the box around
the whole person before anything is cut off.
"""

import argparse
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from posable.detect import blazepose
from posable.detect.landmarks import Landmarks
from posable.imaging.size import Size
from posable.people import TEST_SEEDS, View, make_person, render_views
from posable.pose.pose import OPENPOSE_18
from run_record import REPOSITORY, progress_bars, step, write_record

SIZE = Size(256, 176)
VIEWS = 4
SMALL = 4
VISIBLE = 2
NOSE, NECK, RIGHT_SHOULDER, LEFT_SHOULDER, RIGHT_HIP, LEFT_HIP, RIGHT_ANKLE, LEFT_ANKLE = (
    OPENPOSE_18.index(name)
    for name in (
        "nose", "neck", "right_shoulder", "left_shoulder", "right_hip", "left_hip", "right_ankle", "left_ankle",
    )
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A picture, where its person's visible keypoints are (18, 3), the height and, if it is whole, the coverage."""

    kind: str
    picture: Image.Image
    keypoints: npt.NDArray[np.float32]
    person_height: float
    alpha: npt.NDArray[np.float32] | None = None


@dataclass
class Tally:
    pictures: int = 0
    found: int = 0
    visible: int = 0
    within_tenth: int = 0
    within_twentieth: int = 0
    shown: int = 0
    shown_right: int = 0
    overlaps: list[float] = field(default_factory=list)


def cases(view: View) -> Iterator[Case]:
    """The view as it is and its variations; nothing when it does not hold the whole person."""
    if view.keypoints[[NOSE, RIGHT_ANKLE, LEFT_ANKLE], 2].min() == 0:
        return
    picture = Image.fromarray(view.image)
    rows = np.flatnonzero((view.alpha > 0.5).any(axis=1))
    height = float(rows[-1] + 1 - rows[0])
    points = view.keypoints
    hips = float(points[[RIGHT_HIP, LEFT_HIP], 1].mean())
    torso = hips - float(points[NECK, 1])
    turn = float(points[LEFT_SHOULDER, 0] - points[RIGHT_SHOULDER, 0]) / max(torso, 1)
    facing = "from the front" if turn > 0.25 else "from behind" if turn < -0.25 else "from the side"
    yield Case(f"whole, {facing}", picture, points, height, view.alpha)
    yield cut("cut at the hips", picture, points, height, 0, hips + 0.1 * torso)
    yield cut("cut at the chest", picture, points, height, 0, hips - 0.5 * torso)
    yield cut("head cut off", picture, points, height, float(points[NECK, 1]) - 0.1 * torso, picture.height)
    wide = Image.new("RGB", (SMALL * SIZE.height, 2 * SIZE.height), tuple(view.background[4, 4].tolist()))
    small = picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.LANCZOS)
    left, top = (37 * view.seed) % (wide.width - small.width), wide.height - small.height
    wide.paste(small, (left, top))
    yield Case("a quarter of the picture's height", wide, points * [0.5, 0.5, 1] + [left, top, 0], height / 2)


def cut(
    kind: str, picture: Image.Image, keypoints: npt.NDArray[np.float32], height: float, top: float, bottom: float
) -> Case:
    """The case of the picture's rows from `top` to `bottom`."""
    first, last = int(max(top, 0)), int(np.clip(bottom, top + 16, picture.height))
    moved = keypoints - np.array([0, first, 0], np.float32)
    moved[(moved[:, 1] < 0) | (moved[:, 1] > last - first), 2] = 0
    return Case(kind, picture.crop((0, first, picture.width, last)), moved, height)


def judge(case: Case, person: Landmarks | None, tally: Tally) -> None:
    visible = case.keypoints[:, 2] == VISIBLE
    tally.pictures += 1
    tally.visible += int(visible.sum())
    if person is None:
        return
    tally.found += 1
    size = Size(case.picture.height, case.picture.width)
    pose = person.pose(size)
    away = np.linalg.norm(pose.keypoints - case.keypoints[:, :2], axis=1) / case.person_height
    in_frame = case.keypoints[:, 2] > 0
    tally.within_tenth += int((visible & pose.visible & (away <= 0.1)).sum())
    tally.within_twentieth += int((visible & pose.visible & (away <= 0.05)).sum())
    tally.shown += int(pose.visible.sum())
    tally.shown_right += int((pose.visible & in_frame & (away <= 0.1)).sum())
    if case.alpha is not None:
        found, true = person.region.paste(person.mask, size) > 0.5, case.alpha > 0.5
        tally.overlaps.append(float((found & true).sum() / (found | true).sum()))


def measure(people: int) -> tuple[dict[str, Tally], list[float]]:
    """A tally for each kind of picture, and how many ms of one core each whole person took."""
    networks = blazepose.load()
    tallies: dict[str, Tally] = {}
    milliseconds: list[float] = []
    with progress_bars() as bars:
        tell = step(bars, "test people")
        for number in range(people):
            seed = TEST_SEEDS[number * len(TEST_SEEDS) // people]
            for view in render_views(make_person(seed), VIEWS, SIZE):
                for case in cases(view):
                    start = time.process_time()
                    found = networks.people(case.picture)
                    if case.alpha is not None:
                        milliseconds.append(1000 * (time.process_time() - start))
                    judge(case, found[0] if found else None, tallies.setdefault(case.kind, Tally()))
            tell(number + 1, people)
    return tallies, milliseconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--out", type=Path, default=REPOSITORY / "benchmarks" / "results" / "detection.json")
    arguments = parser.parse_args()
    tallies, milliseconds = measure(arguments.people)
    print(f"{'picture':34s} {'number':>6s} {'found':>6s} {'<=0.1':>6s} {'<=0.05':>6s} {'right':>6s} {'mask IoU':>8s}")
    rows = {}
    for kind, tally in sorted(tallies.items(), key=lambda item: item[0].replace("whole", "!")):
        row = {
            "pictures": tally.pictures,
            "found": tally.found / tally.pictures,
            "visible_within_tenth": tally.within_tenth / max(tally.visible, 1),
            "visible_within_twentieth": tally.within_twentieth / max(tally.visible, 1),
            "shown_right": tally.shown_right / max(tally.shown, 1),
            "mask_iou": float(np.mean(tally.overlaps)) if tally.overlaps else None,
        }
        rows[kind] = row
        numbers = [row["found"], row["visible_within_tenth"], row["visible_within_twentieth"], row["shown_right"]]
        mask = f"{row['mask_iou']:8.3f}" if tally.overlaps else ""
        print(f"{kind:34s} {tally.pictures:6d} " + " ".join(f"{number:6.3f}" for number in numbers) + f" {mask}")
    median = statistics.median(milliseconds)
    print(f"median of one core for a whole person: {median:.0f} ms")
    write_record(arguments.out, {"size": str(SIZE), "people": arguments.people, "kinds": rows, "core_ms": median})


if __name__ == "__main__":
    main()
