import math

import numpy as np
import pytest

from posable.detect.landmarks import NUM_LANDMARKS, Landmarks, decode, refine_by_heatmaps, region_of_pose
from posable.detect.region import Region
from posable.imaging.size import Size
from posable.pose.pose import OPENPOSE_18, Pose

SIZE = Size(200, 100)


def landmarks(points: np.ndarray, visibility: np.ndarray, mask: np.ndarray | None = None) -> Landmarks:
    blank = np.zeros((256, 256), np.float32)
    drawn, world = blank if mask is None else mask, np.zeros((NUM_LANDMARKS, 3))
    return Landmarks(points, visibility, 1.0, drawn, world, Region((50, 100), 200))


def raw_output(logit: float) -> np.ndarray:
    table = np.zeros((NUM_LANDMARKS, 5), np.float32)
    table[:, :2] = 64
    table[:, 3] = logit
    return table.ravel()


def test_positions_are_px_of_the_region_and_visibility_is_a_logit() -> None:
    flat = np.full((64, 64, NUM_LANDMARKS), -9, np.float32)
    world = np.zeros(3 * NUM_LANDMARKS, np.float32)
    found = decode(raw_output(3.0), flat, 0.7, np.zeros((256, 256), np.float32), world, Region((50, 100), 200))
    assert np.allclose(found.points, [0, 50])
    assert np.allclose(found.visibility, 1 / (1 + np.exp(-3)))
    assert np.allclose(found.mask, 0.5)
    assert found.score == 0.7


def test_a_turned_region_turns_the_landmarks_in_space_too() -> None:
    flat = np.full((64, 64, NUM_LANDMARKS), -9, np.float32)
    world = np.tile(np.array([0.1, -0.5, 0.3], np.float32), NUM_LANDMARKS)
    lying = Region((50, 100), 200, math.pi / 2)
    found = decode(raw_output(3.0), flat, 0.7, np.zeros((256, 256), np.float32), world, lying)
    assert np.allclose(found.world, [0.5, 0.1, 0.3], atol=1e-6)


def test_a_heatmap_pulls_a_point_to_its_peak() -> None:
    heatmaps = np.full((64, 64, 1), -30, np.float32)
    heatmaps[20, 32] = 5
    assert np.allclose(refine_by_heatmaps(np.array([[0.49, 0.33]]), heatmaps), [[32 / 64, 20 / 64]])


@pytest.mark.parametrize(
    ("point", "peak"), [([0.49, 0.33], -1.0), ([0.9, 0.9], 5.0), ([1.2, 0.3], 5.0)], ids=["faint", "far", "outside"]
)
def test_a_point_stays_where_its_heatmap_says_nothing(point: list[float], peak: float) -> None:
    heatmaps = np.full((64, 64, 1), -30, np.float32)
    heatmaps[20, 32] = peak
    assert np.allclose(refine_by_heatmaps(np.array([point]), heatmaps), [point])


def test_each_of_the_18_keypoints_is_its_landmark() -> None:
    points = np.stack([np.arange(NUM_LANDMARKS) + 10.0, np.arange(NUM_LANDMARKS) + 50.0], axis=-1)
    named = landmarks(points, np.ones(NUM_LANDMARKS)).pose(SIZE).named()
    assert len(named) == 18
    assert named["nose"] == (10, 50)
    assert named["left_eye"] == (12, 52)
    assert named["right_eye"] == (15, 55)
    assert named["left_shoulder"] == (21, 61)
    assert named["right_wrist"] == (26, 66)
    assert named["left_hip"] == (33, 73)
    assert named["right_ankle"] == (38, 78)
    assert named["neck"] == (21.5, 61.5)


def test_unlikely_landmarks_and_those_outside_the_frame_are_hidden() -> None:
    points = np.full((NUM_LANDMARKS, 2), 50.0)
    visibility = np.ones(NUM_LANDMARKS)
    visibility[13] = 0.49
    points[28] = [50, 203]
    hidden = set(OPENPOSE_18.keypoints) - set(landmarks(points, visibility).pose(SIZE).named())
    assert hidden == {"left_elbow", "right_ankle"}


def test_the_box_goes_around_the_largest_part_of_the_mask() -> None:
    mask = np.zeros((256, 256), np.float32)
    mask[100:156, 110:146] = 1
    mask[5, 250] = 1
    left, top, right, bottom = landmarks(np.zeros((39, 2)), np.zeros(39), mask).box(SIZE)
    pixel = 200 / 256
    assert (left, right) == pytest.approx((-50 + 110 * pixel, -50 + 146 * pixel), abs=pixel)
    assert (top, bottom) == pytest.approx((100 * pixel, 156 * pixel), abs=pixel)


def test_a_pose_without_visible_keypoints_has_no_region() -> None:
    with pytest.raises(ValueError, match="no region"):
        region_of_pose(Pose(np.zeros((18, 2), np.float32), np.zeros(18, bool), SIZE))
