"""Shadows of the key light: a depth picture of the person as the light sees it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from posable.people.geometry import FloatArray, normalize, product
from posable.people.rasterize import IntArray, rasterize
from posable.size import Size

_TEXELS = 256
_WIDTH_METRES = 2.6
_OFFSET_METRES = 5.0
_TAPS = ((-0.7, -0.7), (0.7, -0.7), (-0.7, 0.7), (0.7, 0.7))


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
        blocked = np.zeros(len(points), np.float32)
        limit = local[:, 2] - np.float32(bias)
        for dx, dy in _TAPS:
            column = np.clip(local[:, 0] + np.float32(dx * self.softness), 0, _TEXELS - 1).astype(np.int32)
            row = np.clip(local[:, 1] + np.float32(dy * self.softness), 0, _TEXELS - 1).astype(np.int32)
            blocked += self.depth[row, column] < limit
        return blocked / np.float32(len(_TAPS))


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
