"""`fit_body`: the lift from keypoints to the parametric body."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from posable.body.calm import calmed, observed_joints, straightened
from posable.body.fitted import Body
from posable.body.kinematics import Array, forward_kinematics, keypoints_of, project
from posable.body.lifter import Hypotheses, features, lifter
from posable.body.reduced import GIRTHS, reduced_body
from posable.body.refine import Observation, Start, refine
from posable.errors import PoseError
from posable.pose.pose import OPENPOSE_18, Pose

_DEPTH_SPREAD = {
    "hip": 0.06,
    "shoulder": 0.16,
    "neck": 0.16,
    "elbow": 0.22,
    "wrist": 0.28,
    "knee": 0.2,
    "ankle": 0.24,
    "nose": 0.2,
    "eye": 0.2,
    "ear": 0.2,
}
"""Metres, the standard deviation of a detector's depths: twice that of BlazePose's on rendered people, because the
guess has used them already."""
_LEAN = {
    "nose": 0.1,
    "eye": 0.1,
    "ear": 0.07,
    "shoulder": 0.035,
    "elbow": 0.03,
    "wrist": 0.03,
    "ankle": -0.08,
}
"""Metres that BlazePose's depth puts keypoints too far to the person's front, else 0: it sees people lean forwards, on
photographs of people who stand about twice as much as on rendered ones."""
_FIRST_STEPS, _LAST_STEPS = 3, 10
"""Of the fit: of all hypotheses, and then of the best one alone."""
_SMALLEST_EXTENT_PX = 2.0


def fit_body(
    pose: Pose,
    *,
    depth: npt.ArrayLike | None = None,
    depth_weight: npt.ArrayLike | None = None,
    like: Body | None = None,
) -> Body:
    """The body that shows a pose's visible keypoints, in the pose's frame.

    `depth` (18,) says how many metres each visible keypoint is farther from the camera than the middle of the hips, NaN
    where unknown; `depth_weight` (18,) in [0, 1] how far it is to be trusted. `like` is a body of the same person: its
    girth is kept, its shape up to small stretches, and its rotations for limbs without keypoints; else legs that nobody
    sees stand.
    Raises PoseError when fewer than two keypoints are visible, or all lie in one spot.
    """
    if pose.visible.sum() < 2:
        found = "no visible keypoint" if not pose.visible.any() else "one visible keypoint only"
        raise PoseError(f"the pose has {found}, which tells nothing of a body; give one with a trunk or a limb.")
    if np.ptp(pose.keypoints[pose.visible], axis=0).max() < _SMALLEST_EXTENT_PX:
        raise PoseError(
            f"all keypoints of the pose lie within {_SMALLEST_EXTENT_PX:.0f} px, which tells nothing of a body; "
            "give a larger picture or another pose."
        )
    observation = _observation(pose, depth, depth_weight)
    observed = observed_joints(pose.visible)
    guess = _guess(observation)
    rotations, shape = calmed(straightened(guess.rotations), observed, like), guess.shape
    if like is not None:
        shape = np.tile(like.shape, (len(rotations), 1))
    freedom = 1.0 if like is None else 0.3
    start = _placed(rotations, shape, observation)
    fits = refine(start, observation, shape_freedom=freedom, iterations=_FIRST_STEPS)
    best = int(np.argmin(fits.cost - 2 * guess.log_probability))
    fit = refine(start.only(best), observation, shape_freedom=freedom, iterations=_LAST_STEPS, begin=fits.x[[best]])
    shown = project(fit.keypoints, fit.scale, fit.offset)[0]
    return Body(
        shape=fit.shape[0],
        girth=np.zeros(len(GIRTHS)) if like is None else like.girth,
        rotations=calmed(fit.rotations, observed, like)[0],
        scale=float(fit.scale[0]),
        offset=(float(fit.offset[0, 0]), float(fit.offset[0, 1])),
        size=pose.size,
        observed=observed,
        cost=float(fit.cost[0]),
        reprojection_px=float(np.linalg.norm(shown - pose.keypoints, axis=1)[pose.visible].mean()),
    )


def turned_pose(body: Body, degrees: float) -> Pose:
    """The keypoints of a body after the camera has walked around it, in the body's frame: what its picture would show.

    Positive degrees turn the person's front to the picture's right. Keypoints that leave the frame are hidden.
    Raises PoseError when degrees is not a finite number.
    """
    if not np.isfinite(degrees):
        raise PoseError(f"the turn is {degrees} degrees; give a finite number, for example 30.")
    return body.turned(degrees).pose


def _observation(pose: Pose, depth: npt.ArrayLike | None, depth_weight: npt.ArrayLike | None) -> Observation:
    known = np.full(18, np.nan) if depth is None else np.array(depth, np.float64)
    trust = np.ones(18) if depth_weight is None else np.array(depth_weight, np.float64)
    if known.shape != (18,) or trust.shape != (18,):
        raise PoseError(f"depth and its weights need 18 values each, not {known.shape} and {trust.shape}.")
    # What a detector imagines of hidden limbs would bend them.
    used = np.isfinite(known) & np.isfinite(trust) & pose.visible
    kinds = [name.split("_")[-1] for name in OPENPOSE_18.keypoints]
    spread = np.array([_DEPTH_SPREAD[kind] for kind in kinds])
    return Observation(
        points=pose.keypoints.astype(np.float64),
        seen=pose.visible,
        depth=np.where(used, np.clip(np.nan_to_num(known), -2, 2), 0),
        depth_weight=np.where(used, np.clip(np.nan_to_num(trust), 0, 1), 0) / spread,
        lean=np.array([_LEAN.get(kind, 0.0) for kind in kinds]),
    )


def _guess(observation: Observation) -> Hypotheses:
    given = features(
        observation.points[None],
        observation.seen[None],
        observation.depth[None],
        (observation.depth_weight > 0)[None],
    )
    guess = lifter().hypotheses(given[0])
    # Of the shape it says little that holds for real detections, and nothing of the size: no picture shows it.
    shape = 0.5 * guess.shape
    shape[:, 0] = 0
    return guess._replace(shape=shape)


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
