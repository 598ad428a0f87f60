"""The matte on photographs, and its parts on pictures whose answer is known."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from posable.detect import detect_pose, matte
from posable.detect.foreground import foreground_colors
from posable.detect.matting import join_masks, refine
from posable.imaging.size import Size
from posable.pose.pose import Pose

EXAMPLES = Path(__file__).parents[3] / "examples"
GREY = np.full((100, 100, 3), 0.5, np.float32)
NOBODY = np.zeros((100, 100), np.float32)


def box(top: int, left: int, bottom: int, right: int) -> np.ndarray:
    mask = np.zeros((100, 100), np.float32)
    mask[top:bottom, left:right] = 1
    return mask


@pytest.mark.usefixtures("networks")
def test_the_astronaut_is_cut_from_flag_and_shuttle(astronaut: Image.Image) -> None:
    found = detect_pose(astronaut)
    share = matte(astronaut, found.pose, found.landmarks)
    assert (share.shape, share.dtype) == ((512, 512), np.float32)
    assert 0 <= share.min() <= share.max() <= 1
    for x, y in ((223, 120), (200, 330), (230, 40), (100, 420)):
        assert share[y, x] > 0.95
    for x, y in ((60, 60), (450, 100), (400, 250)):
        assert share[y, x] < 0.05


@pytest.mark.usefixtures("networks")
def test_somebody_else_in_the_picture_is_left_out(astronaut: Image.Image) -> None:
    both = Image.new("RGB", (900, 512), (120, 130, 140))
    both.paste(astronaut, (388, 0))
    both.paste(astronaut.resize((300, 300)), (40, 200))
    share = matte(both, detect_pose(both).pose)
    assert share[330, 588] > 0.95
    assert share[:, :330].max() < 0.05


@pytest.mark.usefixtures("networks")
def test_the_pose_says_who_of_two_is_meant(astronaut: Image.Image) -> None:
    both = Image.new("RGB", (900, 512), (120, 130, 140))
    both.paste(astronaut, (388, 0))
    both.paste(astronaut.resize((300, 300)), (40, 200))
    alone = detect_pose(astronaut).pose
    small = Pose((alone.keypoints * (300 / 512) + [40, 200]).astype(np.float32), alone.visible, Size(512, 900))
    share = matte(both, small)
    assert share[400, 157] > 0.9
    assert share[:, 420:].mean() < 0.02


def test_nobody_gives_nothing(astronaut: Image.Image) -> None:
    pose = Pose(np.zeros((18, 2), np.float32), np.zeros(18, np.bool_), Size(512, 512))
    assert matte(astronaut, pose).max() == 0


@pytest.mark.usefixtures("networks")
@pytest.mark.parametrize(
    ("points", "seen"),
    [
        ([[220, 120]] * 18, 18),
        ([[220, 120]] * 18, 1),
        ([[511.5, 511.5]] * 18, 1),
        ([[30 * k, 200] for k in range(17)], 17),
    ],
    ids=["all in one place", "one joint", "in the corner", "on a line"],
)
def test_a_pose_that_nobody_can_have_gives_a_matte_all_the_same(
    astronaut: Image.Image, points: list[list[float]], seen: int
) -> None:
    keypoints = np.array([*points, *points][:18], np.float32)
    share = matte(astronaut, Pose(keypoints, np.arange(18) < seen, Size(512, 512)))
    assert np.isfinite(share).all()
    assert 0 <= share.min() <= share.max() <= 1


def test_the_finer_mask_draws_the_outline() -> None:
    fine, rough = box(20, 20, 80, 60), box(20, 20, 80, 61)
    assert np.array_equal(join_masks(fine, rough, NOBODY, GREY) > 0.5, fine > 0.5)


def test_a_chair_far_from_the_person_is_left_out_whole() -> None:
    person, chair = box(10, 20, 90, 50), box(60, 50, 90, 80)
    joined = join_masks(np.maximum(person, chair), person, NOBODY, GREY)
    assert joined[70, 55] < 0.05
    assert joined[70, 45] > 0.95


def test_a_hole_far_from_all_background_is_closed() -> None:
    rough = box(10, 20, 90, 80)
    fine = np.where(box(40, 40, 60, 60) > 0, 0, rough).astype(np.float32)
    assert join_masks(fine, rough, NOBODY, GREY)[50, 50] > 0.9


def test_a_gap_beside_an_arm_that_shows_the_background_stays_open() -> None:
    rough = box(10, 20, 90, 60)
    gap = box(30, 50, 70, 56)
    fine = np.where(gap > 0, 0, rough).astype(np.float32)
    colors = np.where((fine > 0)[..., None], 0.2, GREY).astype(np.float32)
    assert join_masks(fine, rough, NOBODY, colors)[50, 53] < 0.05


@pytest.mark.parametrize(("level", "expected"), [(0.5, False), (0.9, True)], ids=["like the background", "unlike it"])
def test_a_lost_limb_comes_back_when_it_differs_from_the_background(level: float, expected: bool) -> None:
    trunk, limb = box(10, 20, 90, 50), box(40, 50, 60, 80)
    colors = np.where(limb[..., None] > 0, level, GREY).astype(np.float32)
    joined = join_masks(trunk, np.maximum(trunk, limb), NOBODY, colors)
    assert (joined[50, 65] > 0.5) == expected


def test_what_rather_belongs_to_somebody_else_is_left_out() -> None:
    both, one, other = box(10, 10, 90, 90), box(10, 10, 90, 60), box(10, 40, 90, 90)
    joined = join_masks(both, np.where(other > 0, 0.7 * one, one).astype(np.float32), other, GREY)
    assert joined[50, 20] > 0.9
    assert joined[50, 50] == 0


def test_a_blurred_mask_snaps_to_the_pictures_own_outline() -> None:
    ys, xs = np.mgrid[:400, :400]
    true = np.hypot(ys - 200, xs - 200) < 120
    picture = Image.fromarray(np.where(true[..., None], (200, 40, 40), (30, 60, 160)).astype(np.uint8))
    blurred = Image.fromarray((true * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(3))
    mask = np.asarray(blurred, np.float32) / 255
    large = picture.resize((1200, 1200), Image.Resampling.NEAREST)
    found = refine(mask, picture, large)
    truth = true.repeat(3, 0).repeat(3, 1)
    # 0.45 of the error measured.
    assert np.abs(found - truth).mean() < 0.6 * np.abs(mask - true).mean()


def test_a_mask_without_an_outline_stays() -> None:
    picture = Image.effect_noise((64, 64), 40).convert("RGB")
    assert np.allclose(refine(np.ones((64, 64), np.float32), picture, picture), 1, atol=1e-3)


def test_the_background_is_taken_out_of_the_edges_colour() -> None:
    ys, xs = np.mgrid[:200, :200]
    share = np.clip((80 - np.hypot(ys - 100, xs - 100)) / 12, 0, 1).astype(np.float32)
    front, back = np.array([200, 60, 40]), np.array([20, 200, 90])
    seen = np.round(share[..., None] * front + (1 - share[..., None]) * back).astype(np.uint8)
    colors = foreground_colors(seen, share).astype(float)
    edge = (share > 0.1) & (share < 1)
    # 9.6 measured, of 56 before.
    assert np.abs(colors[edge] - front).mean() < 12 < 50 < np.abs(seen[edge] - front).mean()
    assert np.array_equal(colors[share == 1], seen[share == 1])
    assert colors[share == 0].max() == 0


@pytest.mark.slow
@pytest.mark.usefixtures("networks")
def test_24_megapixels_stay_below_two_gigabytes() -> None:
    pytest.importorskip("resource", reason="this system does not say how much memory a program took")
    code = f"""
import resource
from PIL import Image
from posable import cutout
picture = Image.open({str(EXAMPLES / "astronaut.png")!r}).convert("RGB").resize((4900, 4900))
assert cutout(picture).size == (4900, 4900)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    alone = os.environ | {"OMP_NUM_THREADS": "1"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=alone)
    kilobytes = int(run.stdout)
    assert kilobytes < 2 * 2**20
