"""How exactly `fit_body` finds the body behind 18 keypoints: test people, as sampled and as the detector sees them.

    python benchmarks/lift.py [--poses 64] [--skip-detector]

Prints a table and writes benchmarks/results/lift.json. The truth is that of the full body with its 104 bones; the fit
knows neither the person nor the camera's distance. Joint errors are of the keypoints in the pose, relative to the
middle of the hips; `scaled` ones after the best scale, since no picture tells how large a person is, `all` ones also
of keypoints that were hidden or cut off.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from posable.body.fit import fit_body
from posable.body.rasterize import rasterize_numba, rasterize_numpy
from posable.body.reduced import reduced_body
from posable.detect import detect_pose
from posable.errors import NoPersonError
from posable.imaging.size import Size
from posable.people import TEST_SEEDS, make_person, render_views
from posable.people.true_pose import keypoints_in_space
from posable.pose.library import shipped_pose
from posable.pose.pose import OPENPOSE_18, Pose
from run_record import REPOSITORY, progress_bars, step, write_record

POSES_A_PERSON = 4
RENDERED_SIZE = Size(512, 352)
PIXELS_PER_METRE = 130.0
"""Of the poses that are not rendered: somebody who fills a picture 256 px high."""
LIMBS = ((2, 3), (3, 4), (5, 6), (6, 7), (8, 9), (9, 10), (11, 12), (12, 13))
RIGHT_HIP, LEFT_HIP, RIGHT_SHOULDER, LEFT_SHOULDER = (
    OPENPOSE_18.index(name) for name in ("right_hip", "left_hip", "right_shoulder", "left_shoulder")
)


@dataclass(frozen=True)
class Case:
    """One pose and where its keypoints are in space (18, 3), metres in camera axes."""

    pose: Pose
    truth: npt.NDArray[np.floating]
    upright: bool
    depth: npt.NDArray[np.floating] | None = None


@dataclass(frozen=True)
class Result:
    """Of one pose; lengths in metres, angles in degrees."""

    joints: float
    joints_scaled: float
    all_joints_scaled: float
    turn: float
    limbs_wrong: int
    limbs_deep: int
    reprojection_px: float
    milliseconds: float
    cost: float
    upright: bool


def facing(points: npt.NDArray[np.floating]) -> float:
    """Degrees by which trunk and hips (18, 3) are turned about the vertical."""
    left, right = points[[LEFT_SHOULDER, LEFT_HIP]].mean(0), points[[RIGHT_SHOULDER, RIGHT_HIP]].mean(0)
    return float(np.rad2deg(np.arctan2(left[1] - right[1], left[0] - right[0])))


def from_hips(points: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    return points - points[[RIGHT_HIP, LEFT_HIP]].mean(0)


def judged(case: Case) -> Result:
    start = time.process_time()
    body = fit_body(case.pose, depth=case.depth)
    milliseconds = (time.process_time() - start) * 1000
    found, truth = from_hips(body.keypoints_3d), from_hips(case.truth)
    seen = case.pose.visible
    scale = float((found[seen] * truth[seen]).sum() / (found[seen] ** 2).sum())
    misses, scaled = np.linalg.norm(found - truth, axis=1), np.linalg.norm(found * scale - truth, axis=1)
    turn = (facing(found) - facing(truth) + 180) % 360 - 180
    deep = [float(truth[end, 1] - truth[begin, 1]) for begin, end in LIMBS]
    said = [float(found[end, 1] - found[begin, 1]) for begin, end in LIMBS]
    return Result(
        joints=float(misses[seen].mean()),
        joints_scaled=float(scaled[seen].mean()),
        all_joints_scaled=float(scaled.mean()),
        turn=abs(turn),
        limbs_wrong=sum(abs(true) > 0.1 and true * guess < 0 for true, guess in zip(deep, said, strict=True)),
        limbs_deep=sum(abs(true) > 0.1 for true in deep),
        reprojection_px=body.reprojection_px,
        milliseconds=milliseconds,
        cost=body.cost,
        upright=case.upright,
    )


def summary(results: list[Result]) -> dict[str, Any]:
    return {
        "poses": len(results),
        "joints_cm": 100 * statistics.mean(result.joints for result in results),
        "joints_scaled_cm": 100 * statistics.mean(result.joints_scaled for result in results),
        "all_joints_scaled_cm": 100 * statistics.mean(result.all_joints_scaled for result in results),
        "upright_joints_cm": 100 * statistics.mean(result.joints for result in results if result.upright),
        "turn_median_degrees": statistics.median(result.turn for result in results),
        "facing_wrong": sum(result.turn > 90 for result in results),
        "limbs_wrong_in_depth": sum(result.limbs_wrong for result in results),
        "limbs_deep": sum(result.limbs_deep for result in results),
        "reprojection_px": statistics.mean(result.reprojection_px for result in results),
        "milliseconds_median": statistics.median(result.milliseconds for result in results),
        "cost_median": statistics.median(result.cost for result in results),
    }


def speeds() -> dict[str, dict[str, float]]:
    """Milliseconds of process time, median of many: the fit and its parts, and what numba would save in drawing."""
    body = fit_body(shipped_pose("walk-left"))
    faces = reduced_body().faces
    table: dict[str, dict[str, float]] = {
        "fit_body": {"NumPy": milliseconds(lambda: fit_body(shipped_pose("walk-left")))},
        "vertices": {"NumPy": milliseconds(lambda: replace(body).vertices)},
    }
    for size in (Size(256, 176), Size(512, 352), Size(1024, 704)):
        screen = body.resized(size).screen_vertices
        table[f"drawing {size}"] = {
            "NumPy": milliseconds(lambda screen=screen, size=size: rasterize_numpy(screen, faces, size)),
            "numba": milliseconds(lambda screen=screen, size=size: rasterize_numba(screen, faces, size)),
        }
    return table


def milliseconds(work: Callable[[], object], times: int = 15) -> float:
    work()
    spent: list[float] = []
    for _ in range(times):
        start = time.process_time()
        work()
        spent.append((time.process_time() - start) * 1000)
    return statistics.median(spent)


def collect(count: int, detector: bool) -> dict[str, list[Case]]:
    """The cases of each kind."""
    kinds = ["all points, exact", "all points, 1 px noise"]
    if detector:
        kinds += ["as BlazePose finds them", "the same, with its depth"]
    cases: dict[str, list[Case]] = {kind: [] for kind in kinds}
    rng = np.random.default_rng(77)
    with progress_bars() as bars:
        tell = step(bars, "people")
        people = list(TEST_SEEDS)[: -(-count // POSES_A_PERSON)]
        for done, seed in enumerate(people):
            tell(done, len(people))
            person = make_person(seed)
            for view in render_views(person, POSES_A_PERSON, RENDERED_SIZE):
                truth, upright = keypoints_in_space(person, view), view.pose.upright
                nearness = PIXELS_PER_METRE / (1 + truth[:, 1] / view.camera.distance)
                points = np.stack([128 + nearness * truth[:, 0], 128 - nearness * truth[:, 2]], 1)
                noise = rng.normal(size=points.shape)
                for kind, noisy in zip(kinds[:2], (points, points + noise), strict=True):
                    pose = Pose(noisy.astype(np.float32), np.ones(18, np.bool_), Size(256, 256))
                    cases[kind].append(Case(pose, truth, upright))
                if not detector:
                    continue
                try:
                    found = detect_pose(Image.fromarray(view.image))
                except NoPersonError:
                    continue
                cases[kinds[2]].append(Case(found.pose, truth, upright))
                if found.depth is not None:
                    cases[kinds[3]].append(Case(found.pose, truth, upright, found.depth))
    return cases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--poses", type=int, default=64)
    parser.add_argument("--skip-detector", action="store_true")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "benchmarks" / "results" / "lift.json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cases = collect(arguments.poses, not arguments.skip_detector)
    judged(next(iter(cases.values()))[0])
    table = {kind: summary([judged(case) for case in found]) for kind, found in cases.items() if found}
    names = list(next(iter(table.values())))
    print(f"{'':22}" + "".join(f"{kind:>27}" for kind in table))
    for name in names:
        print(f"{name:22}" + "".join(f"{values[name]:>27.2f}" for values in table.values()))
    spent = speeds()
    print()
    for name, ways in spent.items():
        print(f"{name:22}" + "".join(f"{way}: {value:8.2f} ms   " for way, value in ways.items()))
    write_record(arguments.out, {"cases": table, "milliseconds": spent})


if __name__ == "__main__":
    main()
