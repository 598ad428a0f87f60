"""A z-buffer: which triangle each sample sees, and where on it. Compiled when numba is there, NumPy otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt

from posable.body.geometry import FloatArray
from posable.imaging.size import Size

IntArray = npt.NDArray[np.int32]

NEAR_METRES = 1e-3
"""Triangles with a corner nearer to the camera than this are not drawn."""
_SMALLEST_AREA = 1e-9


@dataclass(frozen=True)
class Fragments:
    """What the samples of a grid see. Sample (row i, column j) lies at (j + 0.5, i + 0.5)."""

    face_ids: IntArray
    """(h, w); -1 where there is nothing."""
    barycentrics: FloatArray
    """(h, w, 3), perspective-correct weights of the face's corners; 0 where there is nothing."""
    depth: FloatArray
    """(h, w) in the units of the screen vertices' third column; inf where there is nothing."""


def rasterize(screen_vertices: FloatArray, faces: IntArray, size: Size) -> Fragments:
    """Draws triangles with corners `screen_vertices` (v, 3): x and y in samples, positive depth; the nearest wins."""
    vertices = np.ascontiguousarray(screen_vertices, np.float32)
    triangles = np.ascontiguousarray(faces, np.int32)
    if find_spec("numba") is None:
        return rasterize_numpy(vertices, triangles, size)
    return rasterize_numba(vertices, triangles, size)


def rasterize_numba(vertices: FloatArray, faces: IntArray, size: Size) -> Fragments:
    """`rasterize` compiled by numba, triangle after triangle."""
    from posable.body.rasterize_compiled import fill

    face_ids = np.full(size, -1, np.int32)
    barycentrics = np.zeros((*size, 3), np.float32)
    depth = np.full(size, np.inf, np.float32)
    fill(vertices, faces, NEAR_METRES, _SMALLEST_AREA, face_ids, barycentrics, depth)
    return Fragments(face_ids, barycentrics, depth)


def rasterize_numpy(vertices: FloatArray, faces: IntArray, size: Size) -> Fragments:
    """`rasterize` in NumPy: every sample of every triangle's box at once, written from far to near."""
    height, width = size
    corners = vertices.astype(np.float64)[faces]
    x, y, z = corners[..., 0], corners[..., 1], corners[..., 2]
    doubled_area = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])
    drawn = (np.abs(doubled_area) >= _SMALLEST_AREA) & (z.min(1) > NEAR_METRES)
    left = np.maximum(np.ceil(x.min(1) - 0.5), 0).astype(np.int32)
    columns = np.minimum(np.floor(x.max(1) - 0.5), width - 1).astype(np.int32) - left + 1
    top = np.maximum(np.ceil(y.min(1) - 0.5), 0).astype(np.int32)
    rows = np.minimum(np.floor(y.max(1) - 0.5), height - 1).astype(np.int32) - top + 1
    counts = np.where(drawn, np.maximum(columns, 0) * np.maximum(rows, 0), 0)

    face = np.repeat(np.arange(len(faces), dtype=np.int32), counts)
    offset = np.arange(len(face)) - np.repeat(np.cumsum(counts) - counts, counts)
    row, column = top[face] + offset // columns[face], left[face] + offset % columns[face]
    dx, dy = x[face] - (column + 0.5)[:, None], y[face] - (row + 0.5)[:, None]
    weights = np.empty((len(face), 3))
    weights[:, 0] = (dx[:, 1] * dy[:, 2] - dx[:, 2] * dy[:, 1]) / doubled_area[face]
    weights[:, 1] = (dx[:, 2] * dy[:, 0] - dx[:, 0] * dy[:, 2]) / doubled_area[face]
    weights[:, 2] = 1 - weights[:, 0] - weights[:, 1]
    inside = (weights >= 0).all(1)
    face, pixel, weights = face[inside], (row * width + column)[inside], weights[inside]

    over_depth = weights / z[face]
    depth = 1 / over_depth.sum(1)
    # Among equals the compiled version keeps the face that came first: later writes win here, so order them last.
    order = np.lexsort((-face, -depth.astype(np.float32)))
    pixel = pixel[order]
    face_ids = np.full(height * width, -1, np.int32)
    nearest = np.full(height * width, np.inf, np.float32)
    barycentrics = np.zeros((height * width, 3), np.float32)
    face_ids[pixel] = face[order]
    nearest[pixel] = depth[order]
    barycentrics[pixel] = (over_depth * depth[:, None])[order]
    return Fragments(face_ids.reshape(size), barycentrics.reshape(*size, 3), nearest.reshape(size))
