"""How well the shipped parser finds garments and body parts of synthetic test people, whom it never saw.

Prints a table and writes it as JSON: intersection over union of each LIP-20 class and of each region that can be
edited, over the pixels of all pictures together, with the true keypoints as the pose.
"""

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from posable.detect.parser import parse, shipped_parser
from posable.imaging.size import Size
from posable.parsing.schemes import LIP_20
from posable.people import TEST_SEEDS, make_person, render_views
from posable.pose.pose import Pose
from posable.transfer.regions import REGIONS
from run_record import REPOSITORY, progress_bars, step, write_record

VIEWS = 2
LEAST_PIXELS = 500
"""Of a class in all pictures together; rarer ones tell nothing."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--size", type=Size.parse, default=Size(256, 176))
    parser.add_argument("--out", type=Path, default=REPOSITORY / "benchmarks" / "results" / "parsing.json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    shipped_parser()
    counts, milliseconds = measure(arguments.people, arguments.size)
    classes = [np.array([value]) for value in range(len(LIP_20))]
    by_class = {name: overlap(counts, values) for name, values in zip(LIP_20.classes, classes, strict=True)}
    by_region = {name: overlap(counts, np.array(values)) for name, values in REGIONS.items()}
    by_region["person"] = overlap(counts, np.arange(1, len(LIP_20)))
    known = [value for value in by_class.values() if value is not None]
    accuracy = float(np.diag(counts).sum() / counts.sum())
    print_table("class", by_class)
    print_table("region", by_region)
    print(f"\nmean IoU over {len(known)} classes {np.mean(known):.3f}, pixels right {accuracy:.3f}")
    median = statistics.median(milliseconds)
    print(f"median of one core for a picture: {median:.0f} ms")
    record: dict[str, Any] = {
        "people": arguments.people,
        "views": VIEWS,
        "size": str(arguments.size),
        "iou_of_classes": by_class,
        "iou_of_regions": by_region,
        "mean_iou": float(np.mean(known)),
        "pixels_right": accuracy,
        "core_ms": median,
    }
    write_record(arguments.out, record)


def measure(people: int, size: Size) -> tuple[npt.NDArray[np.int64], list[float]]:
    """How many pixels of each true class (rows) were found as each class (columns), and ms of one core a picture."""
    n = len(LIP_20)
    counts, milliseconds = np.zeros((n, n), np.int64), list[float]()
    with progress_bars() as bars:
        tell = step(bars, "test people")
        for number in range(people):
            seed = TEST_SEEDS[number * len(TEST_SEEDS) // people]
            for view in render_views(make_person(seed), VIEWS, size):
                pose = Pose(view.keypoints[:, :2], view.keypoints[:, 2] > 0, view.size)
                start = time.process_time()
                found = parse(Image.fromarray(view.image), pose).labels
                milliseconds.append(1000 * (time.process_time() - start))
                pairs = view.parsing.astype(np.int64) * n + found
                counts += np.bincount(pairs.ravel(), minlength=n * n).reshape(n, n)
            tell(number + 1, people)
    return counts, milliseconds


def overlap(counts: npt.NDArray[np.int64], classes: npt.NDArray[np.int64]) -> float | None:
    """Intersection over union of some classes taken together; None where the truth has too few of their pixels."""
    truth, found = counts[classes].sum(), counts[:, classes].sum()
    both = counts[np.ix_(classes, classes)].sum()
    return float(both / (truth + found - both)) if truth >= LEAST_PIXELS else None


def print_table(what: str, values: dict[str, float | None]) -> None:
    print(f"\n{what:16s} {'IoU':>6s}")
    for name, value in values.items():
        print(f"{name:16s} {'-' if value is None else format(value, '6.3f'):>6s}")


if __name__ == "__main__":
    main()
