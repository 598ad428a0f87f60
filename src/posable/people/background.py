"""The studio behind the person: a wall that curves into the floor, with the person's shadow on it."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from posable.people.camera import Camera
from posable.people.geometry import FloatArray, exp, smoothstep
from posable.people.scene import Scene
from posable.people.shading import tone_map
from posable.people.shadow import ShadowMap

_SHADOW_REACH_METRES = 2.2
_SHADOW_BLUR_METRES = 0.0125
_CONTACT_METRES = 0.055


def draw_background(camera: Camera, scene: Scene, shadows: ShadowMap, person_vertices: FloatArray) -> FloatArray:
    """RGB (h, w, 3) in [0, 1] of wall and floor with the shadow of the person's scene vertices (v, 3)."""
    height, width = camera.size
    rays = camera.rays()
    eye = camera.position
    downward = rays[..., 2] < 0
    reach = (camera.ground - eye[2]) / np.minimum(rays[..., 2], np.float32(-1e-4))
    floor_points = eye + rays * reach[..., None]
    behind = floor_points[..., 1] - camera.centre[1]
    on_floor = downward & (behind < 2.5)

    down, across = np.meshgrid(
        (np.arange(height, dtype=np.float32) + 0.5) / height - 0.5,
        (np.arange(width, dtype=np.float32) + 0.5) / width - 0.5,
        indexing="ij",
    )
    brightness = (1 + scene.gradient * down) * (1 - scene.vignette * (across**2 + down**2) * 1.2)
    brightness *= 1 - 0.05 * on_floor * (1 - smoothstep(0.3, 2.5, behind))

    beside = np.hypot(floor_points[..., 0] - camera.centre[0], behind) < _SHADOW_REACH_METRES
    near = np.nonzero(on_floor & beside)
    if len(near[0]):
        points = floor_points[near]
        cast = np.zeros((height, width), np.float32)
        cast[near] = shadows.occlusion(points + np.array([0, 0, 0.004], np.float32), 0.01)
        cast = gaussian_filter(cast, _SHADOW_BLUR_METRES * camera.pixels_per_metre, truncate=3)
        brightness *= 1 - 0.32 * cast
        brightness[near] *= 1 - 0.3 * _contact(points, person_vertices, camera.ground)
    return tone_map(scene.wall * brightness[..., None])


def _contact(points: FloatArray, person_vertices: FloatArray, ground: float) -> FloatArray:
    """How dark the floor is at `points` (n, 3) for being close to a sole, in [0, 1]."""
    soles = person_vertices[person_vertices[:, 2] < ground + 0.035, :2]
    softness = np.float32(2 * _CONTACT_METRES**2)
    nearest = np.full(len(points), np.inf, np.float32)
    x, y = np.ascontiguousarray(points[:, 0]), np.ascontiguousarray(points[:, 1])
    # Some twenty vertices outline two feet well enough.
    for sole_x, sole_y in soles[:: max(1, len(soles) // 20)].tolist():
        np.minimum(nearest, (x - np.float32(sole_x)) ** 2 + (y - np.float32(sole_y)) ** 2, out=nearest)
    return exp(-nearest / softness)
