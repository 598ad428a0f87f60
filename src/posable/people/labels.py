"""Labels of a rendered view: colours of the LIP-20 parsing classes, and OpenPose-18 keypoints with visibility."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from posable.body.geometry import FloatArray
from posable.body.rasterize import Fragments
from posable.pose.skeleton import OPENPOSE_18

LIP_PALETTE: npt.NDArray[np.uint8] = np.array(
    [
        (0, 0, 0), (128, 0, 0), (255, 0, 0), (0, 85, 0), (170, 0, 51), (255, 85, 0), (0, 0, 85), (0, 119, 221),
        (85, 85, 0), (0, 85, 85), (85, 51, 0), (52, 86, 128), (0, 128, 0), (0, 0, 255), (51, 170, 221), (0, 255, 255),
        (85, 255, 170), (170, 255, 85), (255, 255, 0), (255, 170, 0),
    ],
    np.uint8,
)  # fmt: skip
"""RGB (20, 3) of the Look-into-Person classes, as the data set's own pictures use them."""

COCO_ORDER: tuple[str, ...] = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle",
)  # fmt: skip

OUT_OF_FRAME, SELF_OCCLUDED, VISIBLE = 0, 1, 2

_TORSO, _HEAD = 0, 1
_UPPER_ARM, _FOREARM, _THIGH, _SHIN, _FOOT = 2, 4, 6, 8, 10
_PARTS: dict[str, tuple[tuple[int, ...], float]] = {
    "nose": ((_HEAD,), 0.03),
    "neck": ((_TORSO, _HEAD), 0.14),
    "shoulder": ((_TORSO, _UPPER_ARM), 0.12),
    "elbow": ((_UPPER_ARM, _FOREARM), 0.075),
    "wrist": ((_FOREARM,), 0.06),
    "hip": ((_TORSO, _THIGH), 0.17),
    "knee": ((_THIGH, _SHIN), 0.11),
    "ankle": ((_SHIN, _FOOT), 0.09),
    "eye": ((_HEAD,), 0.03),
    "ear": ((_HEAD,), 0.045),
}
"""Body segments (left side's ids; the right side's are one higher) that show a keypoint, and how many metres the
surface may lie in front of it: joints are inside the body."""


def openpose_keypoints(coco_points: FloatArray) -> FloatArray:
    """The 18 OpenPose points (18, n) of the 17 COCO points (17, n); the neck is midway between the shoulders."""
    by_name = dict(zip(COCO_ORDER, coco_points, strict=True))
    by_name["neck"] = (by_name["left_shoulder"] + by_name["right_shoulder"]) / 2
    return np.stack([by_name[name] for name in OPENPOSE_18.keypoints])


def keypoint_visibility(
    projected: FloatArray, fragments: Fragments, face_segments: npt.NDArray[np.int8]
) -> npt.NDArray[np.uint8]:
    """0 out of frame, 1 hidden by the person's own body, 2 visible, for OpenPose points (18, 3).

    `projected` holds x and y in samples and the depth in metres. A point is visible when a sample within one of it
    shows one of the point's own body segments, not much nearer.
    """
    height, width = fragments.face_ids.shape
    marks = np.zeros(len(OPENPOSE_18.keypoints), np.uint8)
    for index, name in enumerate(OPENPOSE_18.keypoints):
        x, y, depth = projected[index].tolist()
        column, row = int(np.floor(x)), int(np.floor(y))
        if not (0 <= column < width and 0 <= row < height):
            continue
        window = (slice(max(row - 1, 0), row + 2), slice(max(column - 1, 0), column + 2))
        faces = fragments.face_ids[window]
        side, _, part = name.rpartition("_")
        segments, in_front = _PARTS[part]
        own = [s + 1 if side == "right" and s >= _UPPER_ARM else s for s in segments]
        shows = (faces >= 0) & np.isin(face_segments[faces], own) & (fragments.depth[window] > depth - in_front)
        marks[index] = VISIBLE if shows.any() else SELF_OCCLUDED
    return marks
