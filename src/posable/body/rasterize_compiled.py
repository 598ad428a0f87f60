"""The inner loop of the rasteriser for numba; imported only when numba is installed."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from posable.body.geometry import FloatArray


@numba.njit(cache=True)  # pyright: ignore[reportUntypedFunctionDecorator]
def fill(
    vertices: FloatArray,
    faces: npt.NDArray[np.int32],
    near: float,
    smallest_area: float,
    face_ids: npt.NDArray[np.int32],
    barycentrics: FloatArray,
    depth: FloatArray,
) -> None:
    """Draws all triangles into `face_ids`, `barycentrics` and `depth`; arithmetic in double precision."""
    height, width = depth.shape
    for face in range(faces.shape[0]):
        a, b, c = faces[face, 0], faces[face, 1], faces[face, 2]
        # np.float64, because numba's float() leaves a float32 what it is.
        x0, y0, z0 = np.float64(vertices[a, 0]), np.float64(vertices[a, 1]), np.float64(vertices[a, 2])
        x1, y1, z1 = np.float64(vertices[b, 0]), np.float64(vertices[b, 1]), np.float64(vertices[b, 2])
        x2, y2, z2 = np.float64(vertices[c, 0]), np.float64(vertices[c, 1]), np.float64(vertices[c, 2])
        if min(z0, z1, z2) <= near:
            continue
        doubled_area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(doubled_area) < smallest_area:
            continue
        left = max(0, int(np.ceil(min(x0, x1, x2) - 0.5)))
        right = min(width - 1, int(np.floor(max(x0, x1, x2) - 0.5)))
        top = max(0, int(np.ceil(min(y0, y1, y2) - 0.5)))
        bottom = min(height - 1, int(np.floor(max(y0, y1, y2) - 0.5)))
        for row in range(top, bottom + 1):
            y = row + 0.5
            for column in range(left, right + 1):
                x = column + 0.5
                w0 = ((x1 - x) * (y2 - y) - (x2 - x) * (y1 - y)) / doubled_area
                w1 = ((x2 - x) * (y0 - y) - (x0 - x) * (y2 - y)) / doubled_area
                w2 = 1.0 - w0 - w1
                if w0 < 0 or w1 < 0 or w2 < 0:
                    continue
                over0, over1, over2 = w0 / z0, w1 / z1, w2 / z2
                z = 1.0 / (over0 + over1 + over2)
                if np.float32(z) < depth[row, column]:
                    depth[row, column] = z
                    face_ids[row, column] = face
                    barycentrics[row, column, 0] = over0 * z
                    barycentrics[row, column, 1] = over1 * z
                    barycentrics[row, column, 2] = over2 * z
