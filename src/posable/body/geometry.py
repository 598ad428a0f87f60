"""Small vector geometry for the synthetic people; frames: x to the person's left, -y to the front, z up, metres."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating]
"""Float32 in fact; NumPy's types lose that in mixed arithmetic."""
Float32Array = npt.NDArray[np.float32]
Vector = FloatArray | Sequence[float]


def normalize(vectors: Vector) -> Float32Array:
    """The vectors (..., n) at length 1; a zero vector stays zero."""
    array = np.asarray(vectors, np.float32)
    length = np.sqrt(np.einsum("...i,...i->...", array, array))[..., None]
    return array / np.maximum(length, np.float32(1e-9))


def product(first: npt.ArrayLike, *others: npt.ArrayLike) -> Float32Array:
    """The product of matrices, the same to the last bit on every processor.

    BLAS adds in an order of the processor's own. In float64 that moves the 16th digit, which rounding to float32 hides;
    in float32 it would move vertices, and cut meshes elsewhere.
    """
    result = np.asarray(first, np.float64)
    for other in others:
        result = result @ np.asarray(other, np.float64)
    return np.asarray(result, np.float32)


def exp(values: FloatArray) -> Float32Array:
    """The exponential, the same to the last bit on every processor: taken in float64, as `product`."""
    return np.exp(values, dtype=np.float64).astype(np.float32)


def arctan2(y: FloatArray, x: FloatArray) -> Float32Array:
    """Radians, the same to the last bit on every processor: taken in float64, as `product`."""
    return np.arctan2(y, x, dtype=np.float64).astype(np.float32)


def sin(radians: FloatArray) -> Float32Array:
    """The sine, the same to the last bit on every processor: taken in float64, as `product`."""
    return np.sin(radians, dtype=np.float64).astype(np.float32)


def cos(radians: FloatArray) -> Float32Array:
    """The cosine, the same to the last bit on every processor: taken in float64, as `product`."""
    return np.cos(radians, dtype=np.float64).astype(np.float32)


def length(vector: Vector) -> float:
    """The length of one vector (n,); `np.linalg.norm` would leave the adding to BLAS."""
    values = np.asarray(vector, np.float64)
    return float(np.sqrt((values * values).sum()))


def smoothstep(start: float, end: float, values: FloatArray) -> Float32Array:
    """0 up to `start`, 1 from `end` on, a smooth S between; `start` may be the larger one."""
    t = np.clip((values - start) / (end - start), 0, 1).astype(np.float32)
    return (t * t * (3 - 2 * t)).astype(np.float32, copy=False)


def rotation(axis: Vector, degrees: float) -> Float32Array:
    """The right-handed rotation matrix (3, 3) about `axis`."""
    x, y, z = normalize(axis).tolist()
    angle = np.deg2rad(degrees)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return (np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross).astype(np.float32)


def cross(first: Vector, second: Vector) -> FloatArray:
    """The cross product of two vectors (3,); NumPy's own takes ten times as long for one pair."""
    (ax, ay, az), (bx, by, bz) = first, second
    return np.array([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx])


def direction_frame(direction: Vector, hinge: Vector) -> Float32Array:
    """The orthonormal frame (3, 3) with columns: direction, hinge made perpendicular to it, their cross product."""
    along = normalize(direction)
    across = np.asarray(hinge, np.float32)
    across = normalize(across - along * product(across, along))
    return np.stack([along, across, cross(along, across)], 1)
