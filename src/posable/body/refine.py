"""Levenberg-Marquardt of bodies against keypoints: all hypotheses of a pose at once, with exact derivatives.

A hypothesis starts from local rotations; what is searched is a rotation vector for each of 13 groups of joints, which
turns them further, the shape, and the camera. How far each may go from its start is a prior, the same for all poses.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from posable.body.joint_groups import GROUP_OF_JOINT, GROUPS, SHARE_OF_JOINT, group_number
from posable.body.kinematics import (
    CAMERA_DISTANCE,
    Array,
    Kinematics,
    derivatives_by_shape,
    derivatives_by_turn,
    forward_kinematics,
    keypoints_of,
    left_jacobian,
    project,
    quaternion_of,
    rotation_of,
)
from posable.body.reduced import JOINTS, NUM_SHAPE, reduced_body
from posable.pose.pose import OPENPOSE_18

_SPREADS: dict[str, tuple[float, float, float]] = {
    "root": (0.12, 0.10, 0.20),
    "spine": (0.18, 0.18, 0.18),
    "head": (0.20, 0.20, 0.30),
    "clavicle": (0.08, 0.08, 0.08),
    "upperarm01": (0.35, 0.25, 0.45),
    "lowerarm01": (0.40, 0.08, 0.08),
    "upperleg01": (0.20, 0.15, 0.20),
    "lowerleg01": (0.28, 0.05, 0.05),
}
"""Radians that each group turns from its start, standard deviation: about the errors of the learned guess. Of elbows
and knees the hinge comes first, and a turn across it is left to the guess."""
_KEYPOINT_SPREAD = {"nose": 0.006, "eye": 0.006, "ear": 0.02, "hip": 0.015}
_OTHER_SPREAD = 0.012
"""Metres by which a keypoint that was found misses the body's, standard deviation."""
_SIZE_FREEDOM = 0.3
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
    lean: Array
    """(18,) metres that the depth puts keypoints too far to the person's front: detectors see people lean forwards."""


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

    def only(self, number: int) -> Start:
        """One of the hypotheses."""
        one = slice(number, number + 1)
        return Start(
            rotations=self.rotations[one], scale=self.scale[one], offset=self.offset[one], shape=self.shape[one]
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit:
    """n hypotheses as they ended."""

    x: Array
    """(n, p) parameters, from which a further call can go on."""
    rotations: Array
    scale: Array
    offset: Array
    shape: Array
    keypoints: Array
    """(n, 18, 3) metres from the root, camera axes."""
    cost: Array
    """(n,), the sum of squared residuals, each over its standard deviation."""


def refine(
    start: Start, observed: Observation, *, shape_freedom: float, iterations: int, begin: Array | None = None
) -> Fit:
    """The hypotheses after so many steps of Levenberg-Marquardt, each for itself.

    `shape_freedom` scales how far the shape may go from its start; 0 keeps it. `begin` (n, p) has parameters to go on
    from instead of the start, which stays what the prior pulls to.
    """
    problem = _Problem(start, observed, shape_freedom)
    count = len(start.rotations)
    if begin is None:
        begin = np.zeros((count, NUM_PARAMETERS))
        begin[:, 0], begin[:, 1:3] = np.log(start.scale), start.offset
    damping = np.full(count, 1e-2)
    state = problem.at(begin)
    hessian, gradient = problem.normal_equations(state)
    for last in range(1 - iterations, 1):
        damped = hessian.copy()
        diagonal = np.einsum("nii->ni", damped)
        diagonal += damping[:, None] * diagonal + 1e-9
        step = np.linalg.solve(damped, gradient[..., None])[..., 0]
        step[:, 3:] = np.clip(step[:, 3:], -_LARGEST_STEP, _LARGEST_STEP)
        step[:, 0] = np.clip(step[:, 0], -_LARGEST_STEP, _LARGEST_STEP)
        trial = problem.at(np.asarray(state.x - step, np.float64))
        better = trial.cost < state.cost
        gain = np.where(better, state.cost - trial.cost, 0)
        state = trial if better.all() else problem.at(np.where(better[:, None], trial.x, state.x))
        damping = np.where(better, np.maximum(damping * 0.3, 1e-6), damping * 6)
        if last == 0 or (better & (gain < 1e-3 * state.cost + 1e-4)).all() or (damping > 1e3).all():
            break
        hessian, gradient = problem.normal_equations(state)
    return Fit(
        x=state.x,
        rotations=state.rotations,
        scale=np.exp(state.x[:, 0]),
        offset=state.x[:, 1:3],
        shape=state.shape,
        keypoints=state.keypoints,
        cost=state.cost,
    )


class _State(NamedTuple):
    """n bodies of parameters `x` (n, p), and their residuals, each over its standard deviation."""

    x: Array
    rotations: Array
    shape: Array
    posed: Kinematics
    keypoints: Array
    in_picture: Array
    """(n, 18, 3): x and y in the picture, then depth."""
    bend: Array
    """(n, 4), of the hinges beyond their limits."""
    cost: Array


class _Problem:
    """What one observation asks of n hypotheses at once."""

    def __init__(self, start: Start, observed: Observation, shape_freedom: float) -> None:
        self._start = start
        self._target = np.empty((len(start.rotations), 18, 3))
        self._target[..., :2] = observed.points
        front = -start.rotations[:, 0, 1, 1]
        self._target[..., 2] = observed.depth - front[:, None] * observed.lean
        spread = np.array([_KEYPOINT_SPREAD.get(name.split("_")[-1], _OTHER_SPREAD) for name in OPENPOSE_18.keypoints])
        point_weight = np.where(observed.seen, 1 / spread, 0) / start.scale[:, None]
        depth_weight = np.broadcast_to(observed.depth_weight, point_weight.shape)
        self._weight = np.stack([point_weight, point_weight, depth_weight], -1)
        self._prior = _prior(shape_freedom)
        self._bend = hinge_bends(start.rotations)

    def at(self, x: Array) -> _State:
        turns = x[:, _TURNS].reshape(len(x), NUM_MOVED, 3)
        joints, row, share, _ = _moved_joints()
        rotations = self._start.rotations.copy()
        rotations[:, joints] = rotation_of(turns[:, row] * share) @ rotations[:, joints]
        shape = self._start.shape + x[:, _SHAPE]
        posed = forward_kinematics(rotations, reduced_body().rest_heads(shape))
        points = keypoints_of(posed, shape)

        shown = np.empty_like(points)
        shown[..., :2] = project(points, np.exp(x[:, 0]), x[:, 1:3])
        shown[..., 2] = points[..., 1] - (points[:, _RIGHT_HIP, 1] + points[:, _LEFT_HIP, 1])[:, None] / 2
        in_picture = (shown - self._target) * self._weight
        bend = self._bend + x @ _hinge_rows().T
        bend = (np.minimum(bend, 0) + np.maximum(bend - _MOST_BENT, 0)) / _LIMIT_SPREAD
        cost = (in_picture**2).sum((1, 2)) + (bend**2).sum(1) + ((x @ self._prior) * x).sum(1)
        return _State(x, rotations, shape, posed, points, in_picture, bend, cost)

    def normal_equations(self, state: _State) -> tuple[Array, Array]:
        """Gauss-Newton's matrix (n, p, p) and the gradient (n, p), both halved."""
        x, points = state.x, state.keypoints
        count = len(x)
        scale = np.exp(x[:, 0])[:, None]
        nearness = scale / (1 + points[..., 1] / CAMERA_DISTANCE)
        shrink = nearness / (CAMERA_DISTANCE + points[..., 1])
        to_picture = np.zeros((count, 18, 3, 3))
        to_picture[..., 0, 0], to_picture[..., 0, 1] = nearness, -shrink * points[..., 0]
        to_picture[..., 1, 2], to_picture[..., 1, 1] = -nearness, shrink * points[..., 2]
        to_picture[..., 2, 1] = 1

        rows = np.zeros((count, 18, 3, NUM_PARAMETERS))
        rows[..., 0, 0], rows[..., 1, 0] = nearness * points[..., 0], -nearness * points[..., 2]
        rows[..., 0, 1] = rows[..., 1, 2] = 1
        rows[..., 3:] = to_picture @ self._keypoint_rows(state)
        rows[..., 2, :] -= ((rows[:, _RIGHT_HIP, 2] + rows[:, _LEFT_HIP, 2]) / 2)[:, None]
        rows *= self._weight[..., None]
        matrix = np.empty((count, 58, NUM_PARAMETERS))
        matrix[:, :54] = rows.reshape(count, 54, -1)
        matrix[:, 54:] = np.where(state.bend[..., None] != 0, _hinge_rows() / _LIMIT_SPREAD, 0)
        residuals = np.concatenate([state.in_picture.reshape(count, 54), state.bend], 1)
        transposed = matrix.transpose(0, 2, 1)
        gradient = (transposed @ residuals[..., None])[..., 0] + x @ self._prior
        return transposed @ matrix + self._prior, gradient

    def _keypoint_rows(self, state: _State) -> Array:
        """(n, 18, 3, p - 3): how keypoints move in space by turns and shape."""
        x, posed = state.x, state.posed
        count = len(x)
        joints, row, share, first = _moved_joints()
        turns = x[:, _TURNS].reshape(count, NUM_MOVED, 3)
        by_joint = derivatives_by_turn(posed, state.shape, joints).reshape(count, len(joints), 54, 3)
        # A group's vector turns a joint in the axes of its parent; the root's parent is the camera.
        inner = left_jacobian(turns[:, row] * share) * share[..., None]
        inner[:, 1:] = posed.turns[:, reduced_body().parents[joints[1:]]] @ inner[:, 1:]
        by_group = np.add.reduceat(by_joint @ inner, first, axis=1).reshape(count, NUM_MOVED, 18, 3, 3)
        rows = np.empty((count, 18, 3, NUM_PARAMETERS - 3))
        rows[..., : 3 * NUM_MOVED] = by_group.transpose(0, 2, 3, 1, 4).reshape(count, 18, 3, -1)
        rows[..., 3 * NUM_MOVED :] = derivatives_by_shape(posed)
        return rows


@lru_cache(maxsize=8)
def _prior(shape_freedom: float) -> Array:
    """(p, p), the precision of the parameters: nothing for the camera, `_SPREADS` for turns, people's for shape."""
    matrix = np.zeros((NUM_PARAMETERS, NUM_PARAMETERS))
    for row, (axes, spread) in enumerate(zip(_prior_axes(), _turn_spreads(), strict=True)):
        block = slice(3 + 3 * row, 6 + 3 * row)
        matrix[block, block] = axes @ np.diag(1 / spread**2) @ axes.T
    spread = reduced_body().spread * max(shape_freedom, 1e-4)
    # The first component is the size, which perspective alone could tell; errors of the keypoints tell it louder.
    spread[0] *= _SIZE_FREEDOM
    matrix[_SHAPE, _SHAPE] = np.diag(1 / spread**2)
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
def _prior_axes() -> Array:
    """The axes (13, 3, 3), as columns, that the spreads are along: of elbows and knees the hinge comes first."""
    axes = np.tile(np.eye(3), (NUM_MOVED, 1, 1))
    for name, hinge in zip(_HINGES, _hinges()[0], strict=True):
        across = np.cross(hinge, [0, 0, 1.0])
        across /= np.linalg.norm(across)
        axes[MOVED.index(group_number(name))] = np.stack([hinge, across, np.cross(hinge, across)], 1)
    return axes


@lru_cache(maxsize=1)
def _hinge_rows() -> Array:
    """(4, p), which read off how much further elbows and knees are bent."""
    rows = np.zeros((4, NUM_PARAMETERS))
    for row, (name, hinge) in enumerate(zip(_HINGES, _hinges()[0], strict=True)):
        begin = 3 + 3 * MOVED.index(group_number(name))
        rows[row, begin : begin + 3] = hinge
    return rows


def hinge_bends(rotations: Array) -> Array:
    """Radians (n, 4) that elbows and knees are bent: the twist of their local rotations about the hinge."""
    axes, bends = _hinges()
    quaternion = quaternion_of(rotations[:, [JOINTS.index(name) for name in _HINGES]])
    return bends + 2 * np.arctan2((quaternion[..., 1:] * axes).sum(-1), quaternion[..., 0])
