"""Rotations, forward kinematics of the reduced body and the derivatives of its keypoints, for many bodies at once."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from posable.body.reduced import NUM_JOINTS, NUM_SHAPE, reduced_body

Array = npt.NDArray[np.float64]
CAMERA_DISTANCE = 4.5
"""Metres from the camera to the root; keypoints hardly tell it, so all fits have the same."""


_CROSS = np.zeros((3, 3, 3))
_CROSS[[0, 1, 2], [2, 0, 1], [1, 2, 0]], _CROSS[[0, 1, 2], [1, 2, 0], [2, 0, 1]] = 1, -1
_CROSS.setflags(write=False)


def cross_matrix(vectors: Array) -> Array:
    """The matrices (..., 3, 3) whose product with x is the cross product of `vectors` (..., 3) with x."""
    return (vectors @ _CROSS.reshape(3, 9)).reshape(*vectors.shape, 3)


def rotation_of(vectors: Array) -> Array:
    """The rotation matrices (..., 3, 3) of rotation vectors (..., 3): axis times angle in radians."""
    first, second, _ = _coefficients(vectors)
    cross = cross_matrix(vectors)
    return np.eye(3) + first * cross + second * (cross @ cross)


def left_jacobian(vectors: Array) -> Array:
    """(..., 3, 3): rotation_of(v + d) is about rotation_of(left_jacobian(v) d) rotation_of(v) for a small d."""
    _, second, third = _coefficients(vectors)
    cross = cross_matrix(vectors)
    return np.eye(3) + second * cross + third * (cross @ cross)


def _coefficients(vectors: Array) -> tuple[Array, Array, Array]:
    """sin(a) / a, (1 - cos a) / a² and (a - sin a) / a³ of the vectors' lengths a, (..., 1, 1) each."""
    square = (vectors * vectors).sum(-1)[..., None, None]
    angle = np.sqrt(np.maximum(square, 1e-8))
    small = square < 1e-8
    return (
        np.where(small, 1 - square / 6, np.sin(angle) / angle),
        np.where(small, 0.5 - square / 24, (1 - np.cos(angle)) / angle**2),
        np.where(small, 1 / 6 - square / 120, (angle - np.sin(angle)) / angle**3),
    )


def vector_of(rotations: Array) -> Array:
    """Rotation vectors (..., 3) of rotation matrices (..., 3, 3), at most pi long; the inverse of `rotation_of`."""
    quaternion = quaternion_of(rotations)
    imaginary = np.linalg.norm(quaternion[..., 1:], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(imaginary, quaternion[..., :1])
    return quaternion[..., 1:] * np.where(imaginary < 1e-9, 2.0, angle / np.maximum(imaginary, 1e-9))


def quaternion_of(rotations: Array) -> Array:
    """Unit quaternions (..., 4), real part first and not negative, of rotation matrices (..., 3, 3)."""
    r = rotations
    d = np.stack([r[..., 0, 0], r[..., 1, 1], r[..., 2, 2]], -1)
    trace = d.sum(-1)
    # Four times the outer product of the quaternion with itself; its longest row is the best conditioned.
    outer = np.empty((*r.shape[:-2], 4, 4))
    outer[..., 0, 0] = 1 + trace
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        outer[..., i + 1, i + 1] = 1 + 2 * d[..., i] - trace
        outer[..., 0, i + 1] = outer[..., i + 1, 0] = r[..., k, j] - r[..., j, k]
        outer[..., i + 1, j + 1] = outer[..., j + 1, i + 1] = r[..., i, j] + r[..., j, i]
    longest = np.argmax(np.diagonal(outer, axis1=-2, axis2=-1), -1)
    row = np.take_along_axis(outer, longest[..., None, None], -2)[..., 0, :]
    row = row / np.linalg.norm(row, axis=-1, keepdims=True)
    return row * np.where(row[..., :1] < 0, -1.0, 1.0)


def orthonormal(matrices: Array) -> Array:
    """The rotation matrices (..., 3, 3) nearest to `matrices` (..., 3, 3)."""
    left, _, right = np.linalg.svd(matrices)
    flip = np.linalg.det(left @ right)
    left[..., :, 2] *= flip[..., None]
    return left @ right


class Kinematics(NamedTuple):
    """Posed joints of n bodies, the root at the origin."""

    turns: Array
    """(n, 24, 3, 3): how each joint has turned from the rest pose."""
    joints: Array
    """(n, 24, 3), metres."""
    rest: Array
    """(n, 24, 3), metres."""

    def transforms(self) -> Array:
        """Affine maps (n, 24, 3, 4) from rest to posed points."""
        shift = self.joints - np.einsum("njab,njb->nja", self.turns, self.rest)
        return np.concatenate([self.turns, shift[..., None]], -1)


def forward_kinematics(rotations: Array, heads: Array) -> Kinematics:
    """Poses n bodies by local rotations (n, 24, 3, 3), given in the world axes of the rest pose, about rest joints
    `heads` (n, 24, 3): each joint turns about its head, after which its parents' turns follow."""
    turns, joints = rotations.copy(), np.zeros_like(heads)
    # The bone to a joint as a fourth column, so that one product serves both.
    local = np.concatenate([rotations, (heads - heads[:, _safe_parents()])[..., None]], -1)
    for parents, children in _levels():
        moved = turns[:, parents] @ local[:, children]
        turns[:, children] = moved[..., :3]
        joints[:, children] = joints[:, parents] + moved[..., 3]
    return Kinematics(turns, joints, heads)


@lru_cache(maxsize=1)
def _safe_parents() -> npt.NDArray[np.int64]:
    return np.maximum(reduced_body().parents, 0)


@lru_cache(maxsize=1)
def _levels() -> tuple[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]], ...]:
    """Parents and children of joints that are equally far from the root, nearest first."""
    parents = reduced_body().parents
    depth = np.zeros(NUM_JOINTS, int)
    for joint in range(1, NUM_JOINTS):
        depth[joint] = depth[parents[joint]] + 1
    groups = (np.flatnonzero(depth == level) for level in range(1, depth.max() + 1))
    return tuple((parents[children], children) for children in groups)


def keypoints_of(posed: Kinematics, shapes: Array) -> Array:
    """The 18 OpenPose keypoints (n, 18, 3) of posed bodies of these shapes (n, s), metres from the root."""
    return _sums() @ _posed_parts(posed, shapes)


def _posed_parts(posed: Kinematics, shapes: Array) -> Array:
    body = reduced_body()
    basis = body.part_basis.reshape(NUM_SHAPE, -1)
    points = body.part_points + (shapes @ basis).reshape(len(shapes), -1, 3) - posed.rest[:, body.part_joint]
    return posed.joints[:, body.part_joint] + (posed.turns[:, body.part_joint] @ points[..., None])[..., 0]


@lru_cache(maxsize=1)
def _sums() -> Array:
    """(18, e), which adds the weighted parts of each keypoint."""
    body = reduced_body()
    table = np.zeros((18, len(body.part_joint)))
    table[body.part_keypoint, np.arange(len(body.part_joint))] = body.part_weight
    return table


@lru_cache(maxsize=1)
def _sums_below() -> tuple[Array, Array]:
    """(24 * 18, e), which adds those parts of each keypoint that hang on each joint; and their weights (24, 18)."""
    body = reduced_body()
    table = body.descends[:, None, body.part_joint] * _sums()
    return table.reshape(NUM_JOINTS * 18, -1), table.sum(-1)


def derivatives_by_turn(posed: Kinematics, shapes: Array, joints: npt.NDArray[np.int64]) -> Array:
    """(n, m, 18, 3, 3): how keypoints move by a small turn of each of m joints in camera axes, the turn's axis last."""
    parts = _posed_parts(posed, shapes)
    below, weights = _sums_below()
    below = below.reshape(NUM_JOINTS, 18, -1)[joints].reshape(len(joints) * 18, -1)
    levers = (below @ parts).reshape(len(parts), len(joints), 18, 3)
    levers -= weights[joints, :, None] * posed.joints[:, joints, None]
    return cross_matrix(-levers)


def derivatives_by_shape(posed: Kinematics) -> Array:
    """(n, 18, 3, s): how keypoints move by each shape coefficient."""
    body = reduced_body()
    count = len(posed.turns)
    bone_basis, part_basis = _basis_along_bones()
    stretched = posed.turns[:, body.parents[1:]] @ bone_basis
    shifts = (_chains() @ stretched.reshape(count, NUM_JOINTS - 1, -1)).reshape(count, NUM_JOINTS, 3, NUM_SHAPE)
    moves = shifts[:, body.part_joint] + posed.turns[:, body.part_joint] @ part_basis
    return (_sums() @ moves.reshape(count, len(body.part_joint), -1)).reshape(count, 18, 3, NUM_SHAPE)


@lru_cache(maxsize=1)
def _chains() -> Array:
    """(24, 23), which adds the bones on the way from the root to each joint."""
    return np.ascontiguousarray(reduced_body().descends.T[:, 1:].astype(np.float64))


@lru_cache(maxsize=1)
def _basis_along_bones() -> tuple[Array, Array]:
    """What shape adds to the way from each joint's parent to it (23, 3, s) and from a joint to its parts (e, 3, s)."""
    body = reduced_body()
    heads = body.head_basis
    bones = heads[:, 1:] - heads[:, body.parents[1:]]
    parts = body.part_basis - heads[:, body.part_joint]
    return np.ascontiguousarray(bones.transpose(1, 2, 0)), np.ascontiguousarray(parts.transpose(1, 2, 0))


def project(points: Array, scale: Array, offset: Array, distance: float = CAMERA_DISTANCE) -> Array:
    """Points (n, k, 3) in metres from the root to px (n, k, 2), by cameras of `scale` (n,) and `offset` (n, 2)."""
    nearness = scale[:, None] / (1 + points[..., 1] / distance)
    return np.stack([nearness * points[..., 0], -nearness * points[..., 2]], -1) + offset[:, None]
