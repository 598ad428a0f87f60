"""Shadows of the key light: a depth picture of the person as the light sees it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from posable.body.geometry import FloatArray, normalize, product
from posable.body.rasterize import IntArray, rasterize
from posable.imaging.size import Size

_TEXELS = 256
_WIDTH_METRES = 2.6
_OFFSET_METRES = 5.0


@dataclass(frozen=True)
class ShadowMap:
    """Depth of the nearest surface for parallel light."""

    axes: FloatArray
    """(3, 3), rows: right and down in the map, and along the light."""
    origin: FloatArray
    softness: float
    """How far apart the light is felt, relative to a studio's lamp."""
    depth: FloatArray
    """(texels, texels), metres from a plane before the person; inf where the light meets nothing."""

    def occlusion(self, points: FloatArray, bias: float) -> FloatArray:
        """The share (n,) of the light at scene points (n, 3) that is blocked more than `bias` metres before them."""
        local = _to_map(points, self.axes, self.origin)
        limit = local[:, 2] - np.float32(bias)
        # Four looks on a grid as coarse as the light is soft, weighted by how near they lie: edges without steps.
        pitch = np.float32(max(1, round(self.softness)))
        x, y = (np.clip(local[:, axis] / pitch, 0, (_TEXELS - 1) // int(pitch) - 1) for axis in (0, 1))
        left, top = np.floor(x), np.floor(y)
        over, down = _eased(x - left), _eased(y - top)
        blocked = np.zeros(len(points), np.float32)
        for row, row_weight in ((top, 1 - down), (top + 1, down)):
            for column, column_weight in ((left, 1 - over), (left + 1, over)):
                seen = self.depth[(row * pitch).astype(np.int32), (column * pitch).astype(np.int32)]
                blocked += (seen < limit) * (row_weight * column_weight)
        return blocked


def _eased(share: FloatArray) -> FloatArray:
    return share * share * (3 - 2 * share)


def shadow_map(vertices: FloatArray, faces: IntArray, light: FloatArray, softness: float) -> ShadowMap:
    """What the light from direction `light` (3,) sees of the scene vertices (v, 3)."""
    right = normalize(np.cross(light, np.array([0, 0, 1], np.float32)))
    axes = np.stack([right, np.cross(right, light), -light]).astype(np.float32)
    origin = vertices.mean(0)
    fragments = rasterize(_to_map(vertices, axes, origin), faces, Size(_TEXELS, _TEXELS))
    return ShadowMap(axes, origin, softness, fragments.depth)


def _to_map(points: FloatArray, axes: FloatArray, origin: FloatArray) -> FloatArray:
    local = product(points - origin, axes.T)
    local[:, :2] = local[:, :2] * np.float32(_TEXELS / _WIDTH_METRES) + np.float32(_TEXELS / 2)
    local[:, 2] += np.float32(_OFFSET_METRES)
    return local
