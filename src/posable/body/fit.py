"""`fit_body`: the lift from keypoints to the parametric body."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from posable.body.fitted import Body
from posable.body.kinematics import Array, forward_kinematics, keypoints_of, project, rotation_of
from posable.body.reduced import JOINTS, NUM_SHAPE, reduced_body
from posable.body.refine import Observation, Start, refine
from posable.errors import PoseError
from posable.pose.pose import OPENPOSE_18, Pose

DEPTH_SPREAD = 0.08
"""Metres, the standard deviation of a detector's depth."""
_ARM, _FOREARM = ("clavicle", "upperarm01", "lowerarm01", "wrist"), ("lowerarm01", "wrist")
_LEG, _SHIN = ("upperleg01", "lowerleg01", "foot"), ("lowerleg01", "foot")


def fit_body(
    pose: Pose,
    *,
    depth: npt.ArrayLike | None = None,
    depth_weight: npt.ArrayLike | None = None,
    like: Body | None = None,
) -> Body:
    """The body that shows a pose's visible keypoints, in the pose's frame.

    `depth` (18,) says how many metres each keypoint is farther from the camera than the middle of the hips, NaN where
    unknown; `depth_weight` (18,) in [0, 1] how far it is to be trusted. `like` is a body of the same person: its shape
    is kept, up to small stretches, and limbs without keypoints keep its rotations; else they hang or stand.
    Raises PoseError when fewer than two keypoints are visible.
    """
    if pose.visible.sum() < 2:
        found = "no visible keypoint" if not pose.visible.any() else "one visible keypoint only"
        raise PoseError(f"the pose has {found}, which tells nothing of a body; give one with a trunk or a limb.")
    observation = _observation(pose, depth, depth_weight)
    observed = observed_joints(pose.visible)
    rotations = _starts(observed, like)
    shape = np.zeros((len(rotations), NUM_SHAPE)) if like is None else np.tile(like.shape, (len(rotations), 1))
    fits = refine(
        _placed(rotations, shape, observation), observation, shape_freedom=1.0 if like is None else 0.3, iterations=30
    )
    best = int(np.argmin(np.where(np.isfinite(fits.cost), fits.cost, np.inf)))
    shown = project(fits.keypoints[best : best + 1], fits.scale[best : best + 1], fits.offset[best : best + 1])[0]
    return Body(
        shape=fits.shape[best],
        rotations=fits.rotations[best],
        scale=float(fits.scale[best]),
        offset=(float(fits.offset[best, 0]), float(fits.offset[best, 1])),
        size=pose.size,
        observed=observed,
        cost=float(fits.cost[best]),
        reprojection_px=float(np.linalg.norm(shown - pose.keypoints, axis=1)[pose.visible].mean()),
    )


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


def _observation(pose: Pose, depth: npt.ArrayLike | None, depth_weight: npt.ArrayLike | None) -> Observation:
    known = np.full(18, np.nan) if depth is None else np.array(depth, np.float64)
    trust = np.ones(18) if depth_weight is None else np.array(depth_weight, np.float64)
    if known.shape != (18,) or trust.shape != (18,):
        raise PoseError(f"depth and its weights need 18 values each, not {known.shape} and {trust.shape}.")
    used = np.isfinite(known) & np.isfinite(trust)
    weight = np.where(used, np.clip(np.nan_to_num(trust), 0, 1), 0) / DEPTH_SPREAD
    return Observation(
        points=pose.keypoints.astype(np.float64),
        seen=pose.visible,
        depth=np.where(used, np.clip(np.nan_to_num(known), -2, 2), 0),
        depth_weight=weight,
    )


def _starts(observed: npt.NDArray[np.bool_], like: Body | None) -> Array:
    """Somebody who stands, seen from all sides."""
    standing = np.tile(np.eye(3), (len(JOINTS), 1, 1))
    for side, sign in (("L", 1.0), ("R", -1.0)):
        standing[JOINTS.index(f"upperarm01.{side}")] = rotation_of(np.array([0.0, sign * 0.5, 0.0]))
        standing[JOINTS.index(f"lowerarm01.{side}")] = rotation_of(np.array([0.3, 0.0, 0.0]))
    if like is not None:
        standing[~observed] = like.rotations[~observed]
    yaws = np.deg2rad(np.arange(0, 360, 45))
    starts = np.tile(standing, (len(yaws), 1, 1, 1))
    starts[:, 0] = rotation_of(np.stack([np.zeros_like(yaws), np.zeros_like(yaws), yaws], 1))
    return starts


def _placed(rotations: Array, shape: Array, observation: Observation) -> Start:
    """Scale and offset that bring bodies nearest to the points seen, perspective aside."""
    posed = forward_kinematics(rotations, reduced_body().rest_heads(shape))
    flat = keypoints_of(posed, shape)[:, observation.seen][..., [0, 2]] * [1, -1]
    points = observation.points[observation.seen]
    middle, target = flat.mean(1, keepdims=True), points.mean(0)
    spread = ((flat - middle) ** 2).sum((1, 2))
    least = 0.2 * np.sqrt(((points - target) ** 2).sum() / np.maximum(spread, 1e-6))
    scale = ((flat - middle) * (points - target)).sum((1, 2)) / np.maximum(spread, 1e-6)
    scale = np.maximum(np.maximum(scale, least), 1e-3)
    return Start(rotations=rotations, scale=scale, offset=target - scale[:, None] * middle[:, 0], shape=shape)
