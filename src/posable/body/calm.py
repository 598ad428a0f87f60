"""What the keypoints of a picture do not tell, decided calmly: hidden limbs, slightly bent knees, a slight lean."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from posable.body.fitted import Body
from posable.body.kinematics import Array, forward_kinematics, rotation_of
from posable.body.reduced import JOINTS, reduced_body
from posable.body.refine import hinge_bends
from posable.pose.pose import OPENPOSE_18

_ARM, _FOREARM = ("clavicle", "upperarm01", "lowerarm01", "wrist"), ("lowerarm01", "wrist")
_LEG, _SHIN = ("upperleg01", "lowerleg01", "foot"), ("lowerleg01", "foot")
_LEGS_TOGETHER = 0.05
"""Radians that legs turn inwards from the rest pose, in which they are apart."""
_SLIGHT = 0.8
"""Radians that knees bend or trunks lean at most to count as straight but for what the picture does not show."""
_MOST_HIP_TILT = 1.0
"""Radians that legs which nobody sees may turn against the pelvis."""


def observed_joints(visible: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which joints (24,) the visible keypoints (18,) tell the rotation of."""
    seen = dict(zip(OPENPOSE_18.keypoints, visible.tolist(), strict=True))
    observed = np.ones(len(JOINTS), np.bool_)
    for side, name in (("L", "left"), ("R", "right")):
        elbow, wrist, knee, ankle = (seen[f"{name}_{joint}"] for joint in ("elbow", "wrist", "knee", "ankle"))
        hidden = ["wrist", "foot"]
        hidden += _ARM if not elbow and not wrist else _FOREARM if not wrist else ()
        hidden += _LEG if not knee and not ankle else _SHIN if not ankle else ()
        observed[[JOINTS.index(f"{bone}.{side}") for bone in hidden]] = False
    face = [seen[name] for name in ("nose", "right_eye", "left_eye", "right_ear", "left_ear")]
    if not any(face):
        observed[[joint for joint, bone in enumerate(JOINTS) if bone.startswith(("neck", "head"))]] = False
    return observed


def straightened(rotations: Array) -> Array:
    """The guesses (k, 24, 3, 3), trunks more upright and knees straighter where they bend little.

    From the front a leg that bends a little looks like a shorter one, and so does a trunk that leans. The network was
    trained on poses whose knees bend by 10 degrees at the median; people who pose for photographs stand straighter.
    """
    straight = _less_leaning(rotations)
    bends = hinge_bends(rotations)[:, 2:]
    slight = (bends < _SLIGHT).all(1, keepdims=True)
    less = np.where(slight, _ease(np.maximum(bends, 0)), 0)
    for column, side in enumerate("LR"):
        shin, thigh = JOINTS.index(f"lowerleg01.{side}"), JOINTS.index(f"upperleg01.{side}")
        turn = less[:, column, None] * np.array([1.0, 0.0, 0.0])
        straight[:, shin] = rotation_of(-turn) @ straight[:, shin]
        straight[:, thigh] = rotation_of(turn / 2) @ straight[:, thigh]
    return straight


def _less_leaning(rotations: Array) -> Array:
    """The guesses, turned about the hips towards upright where they lean forwards or backwards a little; legs stay."""
    heads = np.broadcast_to(reduced_body().heads, rotations.shape[:3])
    neck = forward_kinematics(rotations, heads).joints[:, JOINTS.index("neck01")]
    left = rotations[:, 0, :, 0] * [1.0, 1.0, 0.0]
    left = left / np.maximum(np.linalg.norm(left, axis=1, keepdims=True), 1e-6)
    front = np.stack([left[:, 1], -left[:, 0]], 1)
    lean = np.arctan2((neck[:, :2] * front).sum(1), neck[:, 2])
    turn = rotation_of(-left * _ease(lean)[:, None])
    upright, root = rotations.copy(), rotations[:, 0]
    upright[:, 0] = turn @ root
    back = root.transpose(0, 2, 1) @ turn.transpose(0, 2, 1) @ root
    for side in "LR":
        thigh = JOINTS.index(f"upperleg01.{side}")
        upright[:, thigh] = back @ upright[:, thigh]
    return upright


def _ease(angles: Array) -> Array:
    """How much of each angle to take away: most of a small one, nothing of those beyond `_SLIGHT`."""
    return angles * np.maximum(1 - np.abs(angles) / _SLIGHT, 0)


def calmed(rotations: Array, observed: npt.NDArray[np.bool_], like: Body | None) -> Array:
    """The rotations (k, 24, 3, 3), but of limbs that nobody sees those of `like`; without it, legs of which nothing is
    seen on either side stand under the body."""
    calm = rotations.copy()
    if like is not None:
        calm[:, ~observed] = like.rotations[~observed]
    elif not observed[[JOINTS.index("upperleg01.L"), JOINTS.index("upperleg01.R")]].any():
        upright = _upright(calm[:, 0])
        for side, sign in (("L", 1.0), ("R", -1.0)):
            thigh, shin, foot = (JOINTS.index(f"{bone}.{side}") for bone in _LEG)
            calm[:, thigh] = upright @ rotation_of(np.array([0.0, sign * _LEGS_TOGETHER, 0.0]))
            calm[:, [shin, foot]] = np.eye(3)
    return calm


def _upright(roots: Array) -> Array:
    """Turns (k, 3, 3) in the axes of pelvises with rotations `roots` (k, 3, 3) that bring what hangs on them upright,
    as far as hips can."""
    up = roots[:, 2]  # Where the pelvis has the picture's vertical.
    axis = np.cross(np.array([0.0, 0.0, 1.0]), up)
    sine = np.linalg.norm(axis, axis=1, keepdims=True)
    angle = np.minimum(np.arctan2(sine, up[:, 2:]), _MOST_HIP_TILT)
    return rotation_of(axis / np.maximum(sine, 1e-9) * angle)
