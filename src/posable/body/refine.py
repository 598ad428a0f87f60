"""Levenberg-Marquardt of bodies against keypoints: all hypotheses of a pose at once, with exact derivatives.

A hypothesis starts from local rotations; what is searched is a rotation vector for each of 13 groups of joints, which
turns them further, the shape, and the camera. How far each may go from its start is a prior, the same for all poses.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from posable.body.joint_groups import GROUP_OF_JOINT, GROUPS, SHARE_OF_JOINT, group_number
from posable.body.kinematics import (
    CAMERA_DISTANCE,
    Array,
    Kinematics,
    forward_kinematics,
    keypoint_derivatives,
    keypoints_of,
    left_jacobian,
    project,
    quaternion_of,
    rotation_of,
)
from posable.body.reduced import JOINTS, NUM_JOINTS, NUM_SHAPE, reduced_body
from posable.pose import OPENPOSE_18

_SPREADS: dict[str, tuple[float, float, float]] = {
    "root": (0.5, 0.5, 0.5),
    "spine": (0.22, 0.22, 0.22),
    "head": (0.35, 0.35, 0.35),
    "clavicle": (0.12, 0.12, 0.12),
    "upperarm01": (0.5, 0.5, 0.5),
    "lowerarm01": (0.5, 0.08, 0.08),
    "upperleg01": (0.4, 0.4, 0.4),
    "lowerleg01": (0.45, 0.04, 0.04),
}
"""Radians that each group turns from its start, standard deviation; of elbows and knees about the hinge first."""
_KEYPOINT_SPREAD = {"nose": 0.006, "right_eye": 0.006, "left_eye": 0.006}
_OTHER_SPREAD = 0.012
"""Metres by which a keypoint that was found misses the body's, standard deviation."""
_LARGEST_STEP = 0.5
_MOST_BENT, _LIMIT_SPREAD = 2.6, 0.06
"""Radians that elbows and knees bend, and by which they may go beyond their limits."""


MOVED = tuple(number for number, group in enumerate(GROUPS) if not group.name.startswith(("wrist", "foot")))
"""The groups that keypoints can tell something of; wrists and feet stay as they start."""
NUM_MOVED = len(MOVED)
_TURNS = slice(3, 3 + 3 * NUM_MOVED)
_SHAPE = slice(3 + 3 * NUM_MOVED, 3 + 3 * NUM_MOVED + NUM_SHAPE)
NUM_PARAMETERS = 3 + 3 * NUM_MOVED + NUM_SHAPE
_HINGES = tuple(f"{bone}.{side}" for bone in ("lowerarm01", "lowerleg01") for side in "LR")


@dataclass(frozen=True, kw_only=True, eq=False)
class Observation:
    """What is known of one person; hidden keypoints have weight 0."""

    points: Array
    """(18, 2) px."""
    seen: npt.NDArray[np.bool_]
    """(18,)."""
    depth: Array
    """(18,) metres behind the middle of the hips."""
    depth_weight: Array
    """(18,) reciprocal standard deviation, 1/m; 0 where unknown."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Start:
    """n hypotheses to begin with."""

    rotations: Array
    """(n, 24, 3, 3) local rotations."""
    scale: Array
    """(n,) px per metre."""
    offset: Array
    """(n, 2) where the root is in the picture, px."""
    shape: Array
    """(n, s)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit:
    """n hypotheses as they ended."""

    rotations: Array
    scale: Array
    offset: Array
    shape: Array
    keypoints: Array
    """(n, 18, 3) metres from the root, camera axes."""
    cost: Array
    """(n,), the sum of squared residuals, each over its standard deviation."""


def refine(start: Start, observed: Observation, *, shape_freedom: float = 1.0, iterations: int = 12) -> Fit:
    """The hypotheses after so many steps of Levenberg-Marquardt, each for itself.

    `shape_freedom` scales how far the shape may go from its start; 0 keeps it.
    """
    problem = _Problem(start, observed, shape_freedom)
    count = len(start.rotations)
    x = np.zeros((count, NUM_PARAMETERS))
    x[:, 0], x[:, 1:3] = np.log(start.scale), start.offset
    damping = np.full(count, 1e-2)
    cost = problem.cost(x)
    for _ in range(iterations):
        hessian, gradient = problem.normal_equations(x)
        diagonal = np.einsum("nii->ni", hessian)
        diagonal += damping[:, None] * diagonal + 1e-9
        step = np.linalg.solve(hessian, gradient[..., None])[..., 0]
        step[:, 3:] = np.clip(step[:, 3:], -_LARGEST_STEP, _LARGEST_STEP)
        step[:, 0] = np.clip(step[:, 0], -_LARGEST_STEP, _LARGEST_STEP)
        trial = np.asarray(x - step, np.float64)
        trial_cost = problem.cost(trial)
        better = trial_cost < cost
        gain = np.where(better, cost - trial_cost, 0)
        x, cost = np.where(better[:, None], trial, x), np.where(better, trial_cost, cost)
        damping = np.where(better, np.maximum(damping * 0.3, 1e-6), damping * 6)
        if (better & (gain < 1e-3 * cost + 1e-4)).all() or (damping > 1e3).all():
            break
    rotations, shape, posed = problem.pose(x)
    return Fit(
        rotations=rotations,
        scale=np.exp(x[:, 0]),
        offset=x[:, 1:3],
        shape=shape,
        keypoints=keypoints_of(posed, shape),
        cost=cost,
    )


class _Problem:
    """The residuals of one observation, of n hypotheses at once."""

    def __init__(self, start: Start, observed: Observation, shape_freedom: float) -> None:
        self._start, self._seen = start, observed
        spread = np.array([_KEYPOINT_SPREAD.get(name, _OTHER_SPREAD) for name in OPENPOSE_18.keypoints])
        self._point_weight = np.where(observed.seen, 1 / spread, 0) / start.scale[:, None]
        self._axes, self._bend_axis = _prior_axes()
        precision = np.zeros(NUM_PARAMETERS)
        precision[_TURNS] = (1 / _turn_spreads() ** 2).ravel()
        shape_spread = reduced_body().spread * max(shape_freedom, 1e-4)
        precision[_SHAPE] = 1 / shape_spread**2
        self._precision = precision
        self._bend = _bend_of(start.rotations)

    def pose(self, x: Array) -> tuple[Array, Array, Kinematics]:
        """Local rotations, shape and joints of parameters (n, p)."""
        turns = x[:, _TURNS].reshape(len(x), NUM_MOVED, 3)
        joints, row, share, _ = _moved_joints()
        rotations = self._start.rotations.copy()
        rotations[:, joints] = rotation_of(turns[:, row] * share) @ rotations[:, joints]
        shape = self._start.shape + x[:, _SHAPE]
        return rotations, shape, forward_kinematics(rotations, reduced_body().rest_heads(shape))

    def cost(self, x: Array) -> Array:
        _, shape, posed = self.pose(x)
        points = keypoints_of(posed, shape)
        plane, depth, bend = self._residuals(x, points)
        prior = (self._precision * self._in_prior_axes(x) ** 2).sum(1)
        return (plane**2).sum((1, 2)) + (depth**2).sum(1) + (bend**2).sum(1) + prior

    def _in_prior_axes(self, x: Array) -> Array:
        turned = x.copy()
        turns = x[:, _TURNS].reshape(len(x), NUM_MOVED, 1, 3)
        turned[:, _TURNS] = (turns @ self._axes).reshape(len(x), -1)
        return turned

    def _residuals(self, x: Array, points: Array) -> tuple[Array, Array, Array]:
        shown = project(points, np.exp(x[:, 0]), x[:, 1:3])
        plane = (shown - self._seen.points) * self._point_weight[..., None]
        hips = (points[:, _RIGHT_HIP, 1] + points[:, _LEFT_HIP, 1]) / 2
        depth = (points[..., 1] - hips[:, None] - self._seen.depth) * self._seen.depth_weight
        bend = self._bend + x @ self._bend_axis.T
        beyond = np.minimum(bend, 0) + np.maximum(bend - _MOST_BENT, 0)
        return plane, depth, beyond / _LIMIT_SPREAD

    def normal_equations(self, x: Array) -> tuple[Array, Array]:
        """Gauss-Newton's matrix (n, p, p) and the gradient (n, p), both halved."""
        count = len(x)
        _, shape, posed = self.pose(x)
        points, by_turn, by_shape = keypoint_derivatives(posed, shape)
        turns = x[:, _TURNS].reshape(count, NUM_MOVED, 3)
        joints, row, share, first = _moved_joints()
        # A group's vector turns a joint in the axes of its parent.
        frames = np.tile(np.eye(3), (count, NUM_JOINTS, 1, 1))
        frames[:, 1:] = posed.turns[:, reduced_body().parents[1:]]
        inner = left_jacobian(turns[:, row] * share) * share[..., None]
        by_joint = by_turn[:, joints].reshape(count, len(joints), 54, 3) @ (frames[:, joints] @ inner)
        by_group = np.add.reduceat(by_joint, first, axis=1)
        jacobian = np.empty((count, 18, 3, NUM_PARAMETERS))
        jacobian[..., :3] = 0
        by_group = by_group.reshape(count, NUM_MOVED, 18, 3, 3).transpose(0, 2, 3, 1, 4)
        jacobian[..., _TURNS] = by_group.reshape(count, 18, 3, -1)
        jacobian[..., _SHAPE] = by_shape

        scale = np.exp(x[:, 0])[:, None]
        nearness = scale / (1 + points[..., 1] / CAMERA_DISTANCE)
        shrink = nearness / (CAMERA_DISTANCE + points[..., 1])
        rows = np.zeros((count, 18, 3, NUM_PARAMETERS))
        depth_rows = jacobian[:, :, 1]
        rows[:, :, 0] = nearness[..., None] * jacobian[:, :, 0] - (shrink * points[..., 0])[..., None] * depth_rows
        rows[:, :, 1] = (shrink * points[..., 2])[..., None] * depth_rows - nearness[..., None] * jacobian[:, :, 2]
        rows[:, :, 0, 0], rows[:, :, 1, 0] = nearness * points[..., 0], -nearness * points[..., 2]
        rows[:, :, 0, 1] = rows[:, :, 1, 2] = 1
        rows[:, :, :2] *= self._point_weight[..., None, None]
        hips = (depth_rows[:, _RIGHT_HIP] + depth_rows[:, _LEFT_HIP]) / 2
        rows[:, :, 2] = (depth_rows - hips[:, None]) * self._seen.depth_weight[:, None]

        plane, depth, bend = self._residuals(x, points)
        bend_rows = np.where(bend[..., None] != 0, self._bend_axis / _LIMIT_SPREAD, 0)
        residuals = np.concatenate([np.concatenate([plane, depth[..., None]], -1).reshape(count, 54), bend], 1)
        matrix = np.concatenate([rows.reshape(count, 54, -1), bend_rows], 1)
        transposed = matrix.transpose(0, 2, 1)
        hessian = transposed @ matrix
        gradient = (transposed @ residuals[..., None])[..., 0]
        prior = self._prior_matrix()
        return hessian + prior, gradient + x @ prior

    def _prior_matrix(self) -> Array:
        matrix = np.diag(self._precision)
        for number in range(NUM_MOVED):
            block = slice(3 + 3 * number, 6 + 3 * number)
            axes = self._axes[number]
            matrix[block, block] = axes @ np.diag(self._precision[block]) @ axes.T
        return matrix


_RIGHT_HIP, _LEFT_HIP = OPENPOSE_18.index("right_hip"), OPENPOSE_18.index("left_hip")


@lru_cache(maxsize=1)
def _moved_joints() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Array, npt.NDArray[np.int64]]:
    """The joints of the moved groups; of each the row of its group in MOVED and its share (m, 1) of the turn; and where
    each group's joints begin."""
    joints = np.flatnonzero(np.isin(GROUP_OF_JOINT, MOVED))
    rows = np.searchsorted(MOVED, GROUP_OF_JOINT[joints])
    return joints, rows, SHARE_OF_JOINT[joints, None], np.flatnonzero(np.diff(rows, prepend=-1))


@lru_cache(maxsize=1)
def _turn_spreads() -> Array:
    """(13, 3) radians, in the axes of `_prior_axes`."""
    return np.array([_SPREADS[GROUPS[number].name.split(".")[0]] for number in MOVED])


@lru_cache(maxsize=1)
def _hinges() -> tuple[Array, Array]:
    """Of elbows and knees, left and right: the axis (4, 3) they bend about and the bend at rest (4,) in radians."""
    heads = reduced_body().heads
    axes, bends = np.tile([1.0, 0.0, 0.0], (4, 1)), np.zeros(4)
    for row, side in enumerate("LR"):
        shoulder, elbow, wrist = (
            heads[JOINTS.index(f"{bone}.{side}")] for bone in ("upperarm01", "lowerarm01", "wrist")
        )
        across = np.cross(elbow - shoulder, wrist - elbow)
        bends[row] = np.arctan2(np.linalg.norm(across), (elbow - shoulder) @ (wrist - elbow))
        axes[row] = across / np.linalg.norm(across)
    return axes, bends


@lru_cache(maxsize=1)
def _prior_axes() -> tuple[Array, Array]:
    """The axes (13, 3, 3), as columns, that the spreads are along; and the rows (4, p) that read the hinges' bend."""
    axes, rows = np.tile(np.eye(3), (NUM_MOVED, 1, 1)), np.zeros((4, NUM_PARAMETERS))
    for row, (name, axis) in enumerate(zip(_HINGES, _hinges()[0], strict=True)):
        across = np.cross(axis, [0, 0, 1.0])
        across /= np.linalg.norm(across)
        number = MOVED.index(group_number(name))
        axes[number] = np.stack([axis, across, np.cross(axis, across)], 1)
        rows[row, 3 + 3 * number : 6 + 3 * number] = axis
    return axes, rows


def _bend_of(rotations: Array) -> Array:
    """Radians (n, 4) that elbows and knees are bent: the twist of their local rotations about the hinge."""
    axes, bends = _hinges()
    quaternion = quaternion_of(rotations[:, [JOINTS.index(name) for name in _HINGES]])
    return bends + 2 * np.arctan2((quaternion[..., 1:] * axes).sum(-1), quaternion[..., 0])
