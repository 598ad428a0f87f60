"""Limb lengths of people in pictures, and keypoints moved onto another person's proportions and place.

A picture shows a limb at its length or shorter, never longer. So a person's size is estimated from the longest limbs
relative to an average body, and a limb that appears far too short for that size is taken to be foreshortened.
All functions take keypoints (18, 2) in px and a mask (18,).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from posable.imaging.size import Size
from posable.pose.skeleton import OPENPOSE_18

Points = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]

_PARENT_NAMES = {
    "nose": "neck",
    "shoulder": "neck",
    "elbow": "shoulder",
    "wrist": "elbow",
    "hip": "neck",
    "knee": "hip",
    "ankle": "knee",
    "eye": "nose",
    "ear": "eye",
}

# Length of the limb that ends in this keypoint, in statures: the mean of eight synthetic people, none of whom is more
# than a tenth away from it.
_SHARE_OF_STATURE = {
    "nose": 0.129,
    "shoulder": 0.090,
    "elbow": 0.156,
    "wrist": 0.136,
    "hip": 0.296,
    "knee": 0.232,
    "ankle": 0.226,
    "eye": 0.028,
    "ear": 0.054,
}
_FACE = ("eye", "ear")

# Bodies differ from the average by less than this; a limb that looks shorter is foreshortened, a longer one an error.
_SHORTEST, _LONGEST = 0.85, 1.3

_FRAME_MARGIN = 0.02
_HEAD_ROOM = 0.07
"""Between the highest keypoint of a head and its top, in statures."""


def _kind(name: str) -> str:
    return name.removeprefix("left_").removeprefix("right_")


KINDS = tuple(_kind(name) for name in OPENPOSE_18.keypoints)


def _parent(name: str) -> int | None:
    if name == "neck":
        return None
    parent, side = _PARENT_NAMES[_kind(name)], name.removesuffix(_kind(name))
    return OPENPOSE_18.index(parent if parent in OPENPOSE_18.keypoints else side + parent)


PARENTS = tuple(_parent(name) for name in OPENPOSE_18.keypoints)
"""For each keypoint the one that it hangs on, in a tree that begins at the neck."""


def _depth(keypoint: int) -> int:
    parent = PARENTS[keypoint]
    return 0 if parent is None else 1 + _depth(parent)


_FROM_THE_NECK_OUT = sorted(range(len(PARENTS)), key=_depth)

_NOT_ARM = np.array([kind not in ("elbow", "wrist") for kind in KINDS])
_NECK = OPENPOSE_18.index("neck")
_HIPS = [OPENPOSE_18.index("right_hip"), OPENPOSE_18.index("left_hip")]
_ANKLES = [OPENPOSE_18.index("right_ankle"), OPENPOSE_18.index("left_ankle")]


def limb_lengths(points: Points, visible: Mask) -> dict[str, float]:
    """By the kind of keypoint that the limb ends in: its length in px, on the side that shows it longer."""
    lengths: dict[str, float] = {}
    for child, parent in enumerate(PARENTS):
        if parent is not None and visible[child] and visible[parent]:
            length = float(np.hypot(*(points[child] - points[parent])))
            lengths[KINDS[child]] = max(length, lengths.get(KINDS[child], 0.0))
    return lengths


def stature(points: Points, visible: Mask) -> float | None:
    """The height in px that an average person with these limbs would have standing; None when no limb tells it.

    The second largest of the estimates by limb, so that one misplaced keypoint does not decide.
    """
    lengths = limb_lengths(points, visible)
    estimates = {kind: length / _SHARE_OF_STATURE[kind] for kind, length in lengths.items() if length > 0}
    body = [estimate for kind, estimate in estimates.items() if kind not in _FACE]
    ranked = sorted(body or estimates.values(), reverse=True)
    if not ranked:
        return None
    return ranked[1] if len(ranked) > 2 else ranked[0]


def body_lengths(points: Points, visible: Mask) -> dict[str, float]:
    """The lengths in px that this person's limbs would have unforeshortened, those of hidden limbs by the average."""
    height = stature(points, visible)
    assert height is not None, "no limb shows a size"
    seen = limb_lengths(points, visible)
    lengths: dict[str, float] = {}
    for kind, share in _SHARE_OF_STATURE.items():
        average = share * height
        lengths[kind] = min(max(seen[kind], _SHORTEST * average), _LONGEST * average) if kind in seen else average
    return lengths


def with_proportions_of(points: Points, visible: Mask, source_points: Points, source_visible: Mask) -> Points:
    """The keypoints with the source's limb lengths, each limb in its old direction; their place means nothing."""
    own, others = body_lengths(points, visible), body_lengths(source_points, source_visible)
    ratios = {kind: others[kind] / own[kind] for kind in own}
    # The trunk is the safest measure of the whole where a limb's upper end is hidden.
    whole = ratios["hip"]
    moved = np.array(points, dtype=np.float64) * whole
    for child in _FROM_THE_NECK_OUT:
        parent = above = PARENTS[child]
        while above is not None and not visible[above]:
            above = PARENTS[above]
        if above is not None:
            ratio = ratios[KINDS[child]] if above == parent else whole
            moved[child] = moved[above] + ratio * (points[child] - points[above])
    return moved


def placed_like(points: Points, visible: Mask, source_points: Points, source_visible: Mask, frame: Size) -> Points:
    """The keypoints moved to the source's place in its frame, drawn smaller only if what it shows would not fit."""
    anchor, place = _anchors(points, visible, source_points, source_visible)
    placed = points - anchor + place
    height = stature(source_points, source_visible)
    assert height is not None, "no limb shows a size"
    # Where the source itself comes closer to the edge than the margin, so may the target.
    seen = source_points[source_visible]
    limit = np.array([frame.width, frame.height], dtype=np.float64)
    low = np.minimum([_FRAME_MARGIN * frame.width, _HEAD_ROOM * height], seen.min(axis=0))
    high = np.maximum((1 - _FRAME_MARGIN) * limit, seen.max(axis=0))
    bodily = placed[visible & source_visible & _NOT_ARM]
    if not len(bodily):
        return placed
    shrink = float(np.min((high - low) / np.maximum(np.ptp(bodily, axis=0), 1e-6)))
    if shrink < 1:
        placed, bodily = ((part - place) * shrink + place for part in (placed, bodily))
    at_least, at_most = low - bodily.min(axis=0), high - bodily.max(axis=0)
    shift = np.clip(0.0, at_least, np.maximum(at_least, at_most))
    # Arms reach sideways, and a step aside costs little; a head out of the frame is not bought with them.
    reach = placed[visible, 0]
    arms_at_least, arms_at_most = low[0] - reach.min(), high[0] - reach.max()
    if arms_at_least <= arms_at_most:
        wanted = np.clip(shift[0], arms_at_least, arms_at_most)
    else:
        wanted = (arms_at_least + arms_at_most) / 2
    shift[0] = np.clip(wanted, at_least[0], max(at_least[0], at_most[0]))
    return placed + shift


def _anchors(points: Points, visible: Mask, source_points: Points, source_visible: Mask) -> tuple[Points, Points]:
    """The point of the target, and that of the source, which are to coincide."""
    both = visible & source_visible
    if both[_NECK]:
        anchor, place = points[_NECK].copy(), source_points[_NECK].astype(np.float64)
    elif both.any():
        anchor, place = points[both].mean(axis=0), source_points[both].mean(axis=0, dtype=np.float64)
    else:
        anchor, place = points[visible].mean(axis=0), source_points[source_visible].mean(axis=0, dtype=np.float64)
    if visible[_ANKLES].any() and source_visible[_ANKLES].any():
        anchor[1] = _lowest_ankle(points, visible)
        place[1] = _lowest_ankle(source_points, source_visible)
        if both[_HIPS].all():
            anchor[0], place[0] = points[_HIPS, 0].mean(), source_points[_HIPS, 0].mean()
    return anchor, place


def _lowest_ankle(points: Points, visible: Mask) -> float:
    return max(float(points[ankle, 1]) for ankle in _ANKLES if visible[ankle])
