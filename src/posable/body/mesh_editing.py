"""Cutting, smoothing and measuring triangle meshes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from posable.body.geometry import normalize

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Cut:
    """The kept part of a mesh: its triangles, and its vertices as points on edges of the old mesh."""

    faces: IntArray
    """(f', 3) over the new vertices."""
    start: IntArray
    """(v',) old vertex."""
    end: IntArray
    """(v',) old vertex; equals `start` for vertices that were kept."""
    fraction: FloatArray
    """(v',) in [0, 1], from start to end."""

    def interpolate(self, values: FloatArray) -> FloatArray:
        """Values (v', ...) at the new vertices of values (v, ...) at the old ones."""
        fraction = self.fraction.reshape(-1, *(1,) * (values.ndim - 1))
        return (values[self.start] * (1 - fraction) + values[self.end] * fraction).astype(np.float32)

    def matrix(self, old_count: int) -> csr_matrix:
        """The interpolation as a sparse matrix (v', old_count)."""
        rows = np.arange(len(self.start))
        entries = np.concatenate([1 - self.fraction, self.fraction])
        places = (np.concatenate([rows, rows]), np.concatenate([self.start, self.end]))
        return csr_matrix((entries, places), (len(rows), old_count))


def clip_faces(faces: IntArray, field: FloatArray) -> Cut:
    """The part of the mesh where the linearly interpolated `field` (v,) is >= 0, cut through triangles exactly."""
    count = len(field)
    inside = field[faces] >= 0
    how_many = inside.sum(1)
    tips, tip_odd = faces[how_many == 1], inside[how_many == 1].argmax(1)
    bases, base_odd = faces[how_many == 2], (~inside[how_many == 2]).argmax(1)
    cut = np.concatenate([tips, bases]).astype(np.int64)
    odd = np.concatenate([tip_odd, base_odd])
    rows = np.arange(len(cut))
    a, b, d = (cut[rows, (odd + k) % 3] for k in range(3))
    pairs = np.sort(np.stack([np.concatenate([a, a]), np.concatenate([b, d])]), axis=0)
    edges, middle = np.unique(pairs[0] * count + pairs[1], return_inverse=True)
    on_ab, on_ad = (middle.ravel() + count).reshape(2, -1)
    new_start, new_end = edges // count, edges % count
    crossing = field[new_start] / (field[new_start] - field[new_end])

    n = len(tips)
    pieces = [
        faces[how_many == 3],
        np.stack([a[:n], on_ab[:n], on_ad[:n]], 1),
        np.stack([on_ab[n:], b[n:], d[n:]], 1),
        np.stack([on_ab[n:], d[n:], on_ad[n:]], 1),
    ]
    used, renumbered = np.unique(np.concatenate(pieces), return_inverse=True)
    start = np.concatenate([np.arange(count), new_start])[used].astype(np.int32)
    end = np.concatenate([np.arange(count), new_end])[used].astype(np.int32)
    fraction = np.concatenate([np.zeros(count), crossing])[used].astype(np.float32)
    return Cut(renumbered.reshape(-1, 3).astype(np.int32), start, end, fraction)


def compact(faces: IntArray) -> tuple[IntArray, IntArray]:
    """The vertices that the triangles use, ascending, and the triangles numbered over them."""
    used, renumbered = np.unique(faces, return_inverse=True)
    return used.astype(np.int32), renumbered.reshape(-1, 3).astype(np.int32)


def neighbour_mean(faces: IntArray, count: int) -> csr_matrix:
    """The matrix (count, count) that replaces each vertex value by the mean over its neighbours; 0 if it has none."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    rows, columns = np.concatenate([edges, edges[:, ::-1]]).T
    matrix = csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), (count, count))
    matrix.data[:] = 1
    degrees = np.diff(matrix.indptr)
    matrix.data /= np.repeat(np.maximum(degrees, 1), degrees)
    return matrix


def smooth(values: FloatArray, means: csr_matrix, steps: int, amount: float = 0.5) -> FloatArray:
    """`values` (v, k) after `steps` of Laplacian smoothing with the matrix of `neighbour_mean`."""
    for _ in range(steps):
        values = values * np.float32(1 - amount) + np.float32(amount) * (means @ values)
    return values


def vertex_normals(points: FloatArray, faces: IntArray) -> FloatArray:
    """Unit normals (v, 3), area-weighted; zero where no triangle is."""
    corner = points[faces]
    normals = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    sums = [np.bincount(faces.ravel(), np.repeat(normals[:, axis], 3), len(points)) for axis in range(3)]
    return normalize(np.stack(sums, 1).astype(np.float32))
