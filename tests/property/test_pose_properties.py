"""Laws that hold for any pose: symmetries, round trips, and what retargeting must keep."""

import math

import numpy as np
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from posable.imaging.frame import Frame
from posable.imaging.size import Size
from posable.pose import maps as pose_maps
from posable.pose.pose import OPENPOSE_18, Pose, PoseBatch, retarget
from posable.pose.proportions import PARENTS, stature

modest = settings(deadline=None, max_examples=40, derandomize=True)

sizes = st.builds(Size, st.integers(24, 90), st.integers(24, 90))


@st.composite
def poses(draw: st.DrawFn, at: st.SearchStrategy[Size] = sizes, least_visible: int = 0) -> Pose:
    size = draw(at)
    unit = st.floats(0, 1, width=32)
    fractions = draw(arrays.arrays(np.float32, (18, 2), elements=unit))
    visible = draw(arrays.arrays(np.bool_, 18))
    assume(visible.sum() >= least_visible)
    return Pose(fractions * np.array([size.width, size.height], np.float32), visible, size)


@st.composite
def people(draw: st.DrawFn) -> Pose:
    """Somebody with arms and legs anywhere: limbs of human length, in any direction, seen at any slant."""
    size = Size(256, 176)
    height, lengths = draw(st.floats(60, 200)), [0.11, 0.16, 0.15, 0.11, 0.16, 0.15, 0.3, 0.24, 0.24, 0.3, 0.24, 0.24]
    share = dict(zip(OPENPOSE_18.keypoints, [0.12, 0, *lengths, 0.03, 0.03, 0.05, 0.05], strict=True))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    points = np.zeros((18, 2))
    points[1] = rng.uniform([60, 60], [120, 120])
    for name in ("nose", *OPENPOSE_18.keypoints[2:]):
        child = OPENPOSE_18.index(name)
        parent = PARENTS[child]
        assert parent is not None
        angle, slant = rng.uniform(0, 2 * math.pi), rng.uniform(0.4, 1.0)
        points[child] = points[parent] + height * share[name] * slant * np.array([math.cos(angle), math.sin(angle)])
    visible = rng.random(18) > draw(st.sampled_from([0, 0.3]))
    pose = Pose(points.astype(np.float32), visible, size).within_frame()
    assume(stature(pose.keypoints, pose.visible) is not None)
    return pose


def assert_close(first: Pose, second: Pose, tolerance: float = 2e-3) -> None:
    assert first.size == second.size
    assert first.visible.tolist() == second.visible.tolist()
    assert np.abs(first.keypoints - second.keypoints).max() < tolerance


@modest
@given(poses())
def test_flipping_twice_changes_nothing(pose: Pose):
    assert_close(pose.flip().flip(), pose)


@modest
@given(poses(), sizes)
def test_resizing_there_and_back_changes_nothing(pose: Pose, size: Size):
    assert_close(pose.resize(size).resize(pose.size), pose)


@modest
@given(poses(), sizes)
def test_flips_and_resizes_commute(pose: Pose, size: Size):
    assert_close(pose.flip().resize(size), pose.resize(size).flip())


@modest
@given(poses(), st.integers(0, 8), st.integers(0, 8))
def test_a_crop_hides_what_lies_outside_and_moves_the_rest(pose: Pose, left: int, top: int):
    window = Size(pose.size.height - top - 4, pose.size.width - left - 4)
    cropped = pose.crop(left, top, window)
    for name, (x, y) in pose.named().items():
        x, y = x - left, y - top
        if 0.1 < x < window.width - 0.1 and 0.1 < y < window.height - 0.1:
            assert np.allclose(cropped.named()[name], (x, y), atol=1e-3)
        elif not (-0.1 < x < window.width + 0.1 and -0.1 < y < window.height + 0.1):
            assert name not in cropped.named()


@modest
@given(poses(), st.integers(2, 5))
def test_a_crop_then_a_resize_is_a_resize_then_a_crop(pose: Pose, factor: int):
    window = Size(pose.size.height // 2, pose.size.width // 2)
    large = Size(window.height * factor, window.width * factor)
    whole = Size(pose.size.height * factor, pose.size.width * factor)
    first = pose.crop(3, 5, window).resize(large)
    second = pose.resize(whole).crop(3 * factor, 5 * factor, large)
    # At the very edge the two may disagree by the rounding that decides what is inside.
    for name in first.named().keys() & second.named().keys():
        assert np.allclose(first.named()[name], second.named()[name], atol=0.1)
    for name in first.named().keys() ^ second.named().keys():
        x, y = {**first.named(), **second.named()}[name]
        assert min(x, y, large.width - x, large.height - y) < 0.2


@modest
@given(poses(), sizes)
def test_letterboxes_give_poses_back(pose: Pose, target: Size):
    frame = Frame.letterbox(pose.size, target)
    assert_close(frame.pose_back(frame.pose(pose)), pose, tolerance=0.02)


@modest
@given(poses())
def test_maps_of_a_flipped_pose_are_the_flipped_maps(pose: Pose):
    plain, flipped = PoseBatch.from_poses([pose]), PoseBatch.from_poses([pose.flip()])
    keypoints, limbs = list(OPENPOSE_18.mirror), list(OPENPOSE_18.mirrored_limbs)
    heat, bones = pose_maps.heatmaps(plain, 2.0), pose_maps.bone_maps(plain, 2.0)
    assert torch.allclose(pose_maps.heatmaps(flipped, 2.0), heat.flip(-1)[:, keypoints], atol=1e-4)
    assert torch.allclose(pose_maps.bone_maps(flipped, 2.0), bones.flip(-1)[:, limbs], atol=1e-4)


@modest
@given(poses())
def test_maps_are_within_their_range(pose: Pose):
    batch = PoseBatch.from_poses([pose])
    for maps, low in (
        (pose_maps.heatmaps(batch, 2.0), 0),
        (pose_maps.bone_maps(batch, 2.0), 0),
        (pose_maps.nted_skeleton(batch), 0),
        (pose_maps.skeleton_image(batch), -1),
    ):
        assert torch.isfinite(maps).all()
        assert maps.min() >= low - 1e-6
        assert maps.max() <= 1 + 1e-6


@modest
@given(people())
def test_a_person_retargeted_to_themself_is_unchanged(pose: Pose):
    assert_close(retarget(pose, pose), pose, tolerance=0.02)


@modest
@given(people(), people(), st.floats(0.3, 3), st.floats(-50, 300), st.floats(-50, 300))
def test_retargeting_forgets_the_size_and_place_of_the_target(
    target: Pose, source: Pose, scale: float, right: float, down: float
):
    moved = Pose(
        target.keypoints * scale + np.array([right, down]).astype(np.float32), target.visible, Size(2000, 2000)
    )
    first, second = retarget(target, source), retarget(moved, source)
    near_edge = _near_edge(first) | _near_edge(second)
    assert (first.visible == second.visible)[~near_edge].all()
    both = first.visible & second.visible
    assert np.abs(first.keypoints - second.keypoints)[both].max(initial=0) < 0.05


def _near_edge(pose: Pose) -> np.ndarray:
    x, y = pose.keypoints.T
    return pose.visible & (np.minimum.reduce([x, y, pose.size.width - x, pose.size.height - y]) < 0.1)


@modest
@given(people(), people())
def test_retargeting_keeps_the_directions_of_limbs(target: Pose, source: Pose):
    moved = retarget(target, source)
    for child, parent in enumerate(PARENTS):
        if parent is None or not (moved.visible[child] and moved.visible[parent]):
            continue
        before, after = (pose.keypoints[child] - pose.keypoints[parent] for pose in (target, moved))
        cosine = before @ after / (np.linalg.norm(before) * np.linalg.norm(after) + 1e-9)
        assert cosine > 0.99 or np.linalg.norm(after) < 1


@modest
@given(people(), people())
def test_retargeting_commutes_with_mirrors(target: Pose, source: Pose):
    first, second = retarget(target, source).flip(), retarget(target.flip(), source.flip())
    near_edge = _near_edge(first) | _near_edge(second)
    assert (first.visible == second.visible)[~near_edge].all()
    both = first.visible & second.visible
    assert np.abs(first.keypoints - second.keypoints)[both].max(initial=0) < 0.05


@modest
@given(people(), people())
def test_a_retargeted_pose_lies_in_the_frame_of_the_source(target: Pose, source: Pose):
    moved = retarget(target, source)
    assert moved.size == source.size
    assert not (moved.visible & ~target.visible).any()
    assert (moved.keypoints >= 0).all()
    assert (moved.keypoints <= [source.size.width, source.size.height]).all()
