"""A target pose is taken as the source person would take it: their limbs, their size, their place."""

import numpy as np
import pytest

from posable.errors import PoseError
from posable.imaging.size import Size
from posable.pose.pose import OPENPOSE_18, Pose, retarget
from posable.pose.proportions import PARENTS, body_lengths, limb_lengths, stature

SIZE = Size(256, 176)
STANDING = {
    "nose": (88, 38),
    "neck": (88, 62),
    "right_shoulder": (70, 62),
    "right_elbow": (64, 94),
    "right_wrist": (62, 122),
    "left_shoulder": (106, 62),
    "left_elbow": (112, 94),
    "left_wrist": (114, 122),
    "right_hip": (78, 122),
    "right_knee": (77, 170),
    "right_ankle": (76, 216),
    "left_hip": (98, 122),
    "left_knee": (99, 170),
    "left_ankle": (100, 216),
    "right_eye": (84, 34),
    "left_eye": (92, 34),
    "right_ear": (78, 36),
    "left_ear": (98, 36),
}
ARMS_DOWN = Pose.from_named(STANDING, SIZE)
ARMS_UP = Pose.from_named(
    STANDING | {"right_elbow": (52, 36), "right_wrist": (54, 8), "left_elbow": (124, 36), "left_wrist": (122, 8)},
    SIZE,
)


def moved(pose: Pose, scale: float, right: float, down: float, size: Size = SIZE) -> Pose:
    return Pose((pose.keypoints * scale + [right, down]).astype(np.float32), pose.visible, size).within_frame()


def without(pose: Pose, *names: str) -> Pose:
    return Pose.from_named({name: xy for name, xy in pose.named().items() if name not in names}, pose.size)


def test_size_and_place_come_from_the_source():
    source = moved(ARMS_DOWN, 0.5, 20, 100)
    expected = moved(ARMS_UP, 0.5, 20, 100)
    assert np.abs(retarget(ARMS_UP, source).keypoints - expected.keypoints).max() < 1.5


def test_limb_lengths_come_from_the_source():
    long_legs = dict(STANDING)
    for name in ("right_knee", "left_knee"):
        long_legs[name] = (STANDING[name][0], 176)
    for name in ("right_ankle", "left_ankle"):
        long_legs[name] = (STANDING[name][0], 230)
    source = Pose.from_named(long_legs, SIZE)
    found = retarget(ARMS_UP, source)
    wanted = limb_lengths(source.keypoints, source.visible)
    lengths = limb_lengths(found.keypoints, found.visible)
    assert all(abs(lengths[kind] - wanted[kind]) < 0.5 for kind in ("knee", "ankle", "hip", "shoulder"))


def test_foreshortened_limbs_stay_foreshortened():
    pointing = STANDING | {"right_elbow": (69, 70), "right_wrist": (68, 76)}
    pointing |= {"left_elbow": (107, 70), "left_wrist": (108, 76)}
    found = retarget(Pose.from_named(pointing, SIZE), ARMS_DOWN)
    elbow, shoulder = (found.keypoints[OPENPOSE_18.index(name)] for name in ("right_elbow", "right_shoulder"))
    assert np.hypot(*(elbow - shoulder)) < 12


def test_feet_stay_on_the_ground():
    source = moved(ARMS_DOWN, 0.8, 10, 30)
    lifted = Pose.from_named(STANDING | {"left_knee": (112, 160), "left_ankle": (108, 190)}, SIZE)
    ankles = [OPENPOSE_18.index(name) for name in ("right_ankle", "left_ankle")]
    assert retarget(lifted, source).keypoints[ankles, 1].max() == pytest.approx(source.keypoints[ankles, 1].max())


def test_a_half_length_source_keeps_its_neck_and_its_scale():
    source = without(moved(ARMS_DOWN, 2.0, -88, -20), "right_wrist", "left_wrist")
    found = retarget(ARMS_DOWN, source)
    neck, shoulder = OPENPOSE_18.index("neck"), OPENPOSE_18.index("left_shoulder")
    assert not found.visible[OPENPOSE_18.index("left_ankle")]
    assert np.abs(found.keypoints[neck] - source.keypoints[neck]).max() < 0.1
    assert found.keypoints[shoulder, 0] - found.keypoints[neck, 0] == pytest.approx(36, rel=0.1)


def test_somebody_who_gets_up_is_drawn_smaller_rather_than_without_a_head():
    crouching = STANDING | {"right_knee": (60, 130), "left_knee": (116, 130)}
    crouching |= {"right_ankle": (78, 166), "left_ankle": (98, 166)}
    source = moved(Pose.from_named(crouching, SIZE), 1.6, -53, -35)
    found = retarget(ARMS_DOWN, source)
    assert {"nose", "left_ankle", "right_ankle"} <= found.named().keys()


def test_arms_that_reach_sideways_move_the_person_into_the_frame():
    source = moved(ARMS_DOWN, 0.8, 60, 40)
    reaching = Pose.from_named(STANDING | {"left_elbow": (138, 62), "left_wrist": (166, 62)}, SIZE)
    assert "left_wrist" in retarget(reaching, source).named()


@pytest.mark.parametrize("hidden", [("neck",), ("right_elbow",), ("right_hip", "left_hip"), ("nose", "left_shoulder")])
def test_hidden_joints_on_the_way_do_not_matter_much(hidden: tuple[str, ...]):
    source = moved(ARMS_DOWN, 0.5, 20, 100)
    found, whole = retarget(without(ARMS_UP, *hidden), source), retarget(ARMS_UP, source)
    both = found.visible & whole.visible
    assert not any(name in found.named() for name in hidden)
    assert np.abs(found.keypoints - whole.keypoints)[both].max() < 4


def test_a_pose_without_any_limb_cannot_be_retargeted():
    points = Pose.from_named({"nose": (10, 10), "left_ankle": (30, 200)}, SIZE)
    with pytest.raises(PoseError, match="target pose shows no limb"):
        retarget(points, ARMS_DOWN)
    with pytest.raises(PoseError, match="source pose shows no limb"):
        retarget(ARMS_DOWN, points)


def test_stature_is_that_of_the_limbs_that_are_not_foreshortened():
    upright = stature(ARMS_DOWN.keypoints, ARMS_DOWN.visible)
    assert upright == pytest.approx(205, rel=0.1)
    bowing = moved(ARMS_DOWN, 1, 0, 0).keypoints.copy()
    bowing[[OPENPOSE_18.index(name) for name in ("nose", "neck")], 1] = 110
    assert stature(bowing, ARMS_DOWN.visible) == pytest.approx(upright, rel=0.15)


def test_one_misplaced_wrist_does_not_change_the_size():
    wrong = ARMS_DOWN.keypoints.copy()
    wrong[OPENPOSE_18.index("left_wrist")] = (2, 250)
    lengths, right = body_lengths(wrong, ARMS_DOWN.visible), body_lengths(ARMS_DOWN.keypoints, ARMS_DOWN.visible)
    assert all(lengths[kind] == pytest.approx(right[kind], rel=0.1) for kind in right if kind != "wrist")


def test_the_tree_hangs_every_keypoint_on_a_limb_of_the_skeleton():
    limbs = {frozenset(limb) for limb in OPENPOSE_18.limbs}
    tree = {frozenset((child, parent)) for child, parent in enumerate(PARENTS) if parent is not None}
    assert len(tree) == 17
    assert tree <= limbs
