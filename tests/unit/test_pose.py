"""Poses hide what is unknown, and move with their pictures."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch

from posable.errors import PoseError, SizeError
from posable.imaging.size import Size
from posable.pose.pose import OPENPOSE_18, Pose, PoseBatch

SIZE = Size(256, 176)


def random_pose(seed: int, size: Size = SIZE) -> Pose:
    rng = np.random.default_rng(seed)
    keypoints = (rng.random((18, 2)) * [size.width, size.height]).astype(np.float32)
    return Pose(keypoints, rng.random(18) > 0.2, size)


def test_hidden_coordinates_are_never_kept():
    keypoints = np.full((18, 2), 7, np.float32)
    keypoints[3] = np.nan
    visible = np.ones(18, bool)
    visible[3] = False
    pose = Pose(keypoints, visible, SIZE)
    assert (pose.keypoints[3] == 0).all()
    assert "right_elbow" not in pose.named()


def test_a_pose_cannot_be_changed_by_accident():
    keypoints = np.full((18, 2), 7, np.float32)
    pose = Pose(keypoints, np.ones(18, bool), SIZE)
    keypoints[0] = 99
    assert pose.keypoints[0, 0] == 7
    with pytest.raises(ValueError, match="read-only"):
        pose.keypoints[0] = 1


@pytest.mark.parametrize("shape", [(17, 2), (18, 3), (18,)])
def test_wrong_shapes_are_refused(shape: tuple[int, ...]):
    with pytest.raises(PoseError, match=r"\(18, 2\)"):
        Pose(np.zeros(shape, np.float32), np.ones(18, bool), SIZE)


def test_visible_keypoints_must_be_finite():
    keypoints = np.full((18, 2), np.inf, np.float32)
    with pytest.raises(PoseError, match="finite"):
        Pose(keypoints, np.ones(18, bool), SIZE)


def checked(**changed: tuple[float, float]) -> Pose:
    points = np.full((18, 2), 50.0)
    for name, point in changed.items():
        points[OPENPOSE_18.index(name)] = point
    return Pose.checked(points, np.ones(18, bool), SIZE, origin="the pose")


def test_keypoints_outside_the_frame_become_hidden():
    pose = checked(nose=(-5, 50), neck=(50, 300), left_hip=(176, 256), left_ankle=(0, 0))
    assert [name for name in OPENPOSE_18.keypoints if name not in pose.named()] == ["nose", "neck"]


@pytest.mark.parametrize("point", [(-400, 50), (50, 800), (600, 50), (50, -520)])
def test_keypoints_far_outside_the_frame_are_an_error(point: tuple[float, float]):
    with pytest.raises(PoseError, match=r"the pose has its nose at .* far outside its frame of 256x176"):
        checked(nose=point)


def test_points_that_are_not_numbers_are_an_error():
    with pytest.raises(PoseError, match="the pose has a left_eye that is not a number"):
        checked(left_eye=(math.nan, 4))


def test_a_pose_that_shows_nothing_is_an_error():
    with pytest.raises(PoseError, match="all its keypoints hidden"):
        Pose.checked(np.zeros((18, 2)), np.zeros(18, bool), SIZE, origin="it")
    with pytest.raises(PoseError, match="outside the frame"):
        Pose.checked(np.full((18, 2), -9.0), np.ones(18, bool), SIZE, origin="it")


def test_left_and_right_are_mirror_images():
    mirror = OPENPOSE_18.mirror
    assert [mirror[mirror[k]] for k in range(18)] == list(range(18))
    assert OPENPOSE_18.keypoints[mirror[OPENPOSE_18.index("left_knee")]] == "right_knee"
    assert mirror[OPENPOSE_18.index("nose")] == OPENPOSE_18.index("nose")
    limbs = OPENPOSE_18.mirrored_limbs
    assert [limbs[limbs[k]] for k in range(19)] == list(range(19))


def test_limbs_are_in_the_order_that_published_models_were_trained_with():
    one_based = [(start + 1, end + 1) for start, end in OPENPOSE_18.limbs]
    assert one_based[:6] == [(2, 3), (2, 6), (3, 4), (4, 5), (6, 7), (7, 8)]
    assert one_based[-2:] == [(3, 17), (6, 18)]
    assert len(one_based) == 19


def test_a_flipped_point_swaps_its_side():
    pose = Pose.from_named({"left_wrist": (10.5, 20)}, SIZE)
    assert pose.flip().named() == {"right_wrist": (165.5, 20)}


def test_names_come_back():
    pose = random_pose(1)
    assert Pose.from_named(pose.named(), SIZE) == pose
    with pytest.raises(PoseError, match="'left_toe' is no keypoint"):
        Pose.from_named({"left_toe": (1, 2)}, SIZE)


def test_poses_differ_by_what_they_show():
    pose = random_pose(1)
    assert pose == random_pose(1)
    assert pose != random_pose(2)
    assert pose != pose.resize(Size(512, 352))
    assert pose != "a pose"


def test_a_batch_is_its_poses():
    poses = [random_pose(seed) for seed in range(4)]
    batch = PoseBatch.from_poses(poses)
    assert len(batch) == 4
    assert [batch[index] for index in range(4)] == poses
    assert [batch.flip()[index] for index in range(4)] == [pose.flip() for pose in poses]
    half = Size(128, 88)
    assert [batch.resize(half)[index] for index in range(4)] == [pose.resize(half) for pose in poses]
    joined = PoseBatch.concatenated([batch, batch])
    assert joined[5] == poses[1]


def test_a_batch_needs_one_frame_size():
    with pytest.raises(SizeError, match="128x88 and 256x176"):
        PoseBatch.from_poses([random_pose(1), random_pose(2, Size(128, 88))])
    with pytest.raises(SizeError, match="nothing"):
        PoseBatch.from_poses([])


def test_a_batch_moves_whole():
    batch = PoseBatch.from_poses([random_pose(0)]).to("meta")
    assert batch.keypoints.device == batch.visible.device == torch.device("meta")


def test_poses_need_no_torch():
    code = "import sys, posable.pose.pose, posable.pose.skeleton; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
