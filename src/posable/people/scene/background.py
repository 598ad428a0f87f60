"""What is behind the person: a studio's wall that curves into the floor, or a backdrop; with the person's shadow."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from posable.body.geometry import FloatArray, exp, smoothstep
from posable.people.scene.backdrop import FLOOR_METRES, TEXELS_PER_METRE, Backdrop
from posable.people.scene.camera import Camera
from posable.people.scene.scene import Scene
from posable.people.scene.shading import tone_map
from posable.people.scene.shadow import ShadowMap

_SHADOW_REACH_METRES = 2.2
_SHADOW_BLUR_METRES = 0.0125
_CONTACT_METRES = 0.055
_STUDIO_DEPTH_METRES = 2.5


def draw_background(
    camera: Camera, scene: Scene, pan: float, shadows: ShadowMap, person_vertices: FloatArray
) -> FloatArray:
    """RGB (h, w, 3) in [0, 1] of wall and floor with the shadow of the person's scene vertices (v, 3).

    `pan` in metres is how far along the backdrop the camera stands.
    """
    height, width = camera.size
    rays = camera.rays()
    eye = camera.position
    wall_distance = _STUDIO_DEPTH_METRES if scene.backdrop is None else scene.backdrop.distance
    reach = (camera.ground - eye[2]) / np.minimum(rays[..., 2], np.float32(-1e-4))
    floor_points = eye + rays * reach[..., None]
    behind = floor_points[..., 1] - camera.centre[1]
    on_floor = (rays[..., 2] < 0) & (behind < wall_distance)

    down, across = np.meshgrid(
        (np.arange(height, dtype=np.float32) + 0.5) / height - 0.5,
        (np.arange(width, dtype=np.float32) + 0.5) / width - 0.5,
        indexing="ij",
    )
    brightness = (1 + scene.gradient * down) * (1 - scene.vignette * (across**2 + down**2) * 1.2)
    points = floor_points
    if scene.backdrop is None:
        color = scene.wall + (scene.wall_low - scene.wall) * smoothstep(-0.45, 0.45, down)[..., None]
        brightness *= 1 - 0.05 * on_floor * (1 - smoothstep(0.3, wall_distance, behind))
    else:
        to_wall = (camera.centre[1] + wall_distance - eye[1]) / rays[..., 1]
        points = np.where(on_floor[..., None], floor_points, eye + rays * to_wall[..., None])
        color = _look_up(scene.backdrop, points, on_floor, pan, camera.ground)
        light = scene.light
        color = color * (0.5 * (light.key_color + light.ambient_color))

    beside = np.hypot(points[..., 0] - camera.centre[0], points[..., 1] - camera.centre[1]) < _SHADOW_REACH_METRES
    catches = on_floor & beside
    near = np.nonzero(catches if scene.backdrop is None else beside)
    if len(near[0]):
        cast = np.zeros((height, width), np.float32)
        cast[near] = shadows.occlusion(points[near] + np.array([0, 0, 0.004], np.float32), 0.01)
        blur = _SHADOW_BLUR_METRES * scene.light.softness * camera.pixels_per_metre
        cast = gaussian_filter(cast, blur, truncate=3)
        brightness *= 1 - scene.light.shadow_depth * cast
    touching = np.nonzero(catches)
    if len(touching[0]):
        brightness[touching] *= 1 - 0.3 * _contact(points[touching], person_vertices, camera.ground)
    return tone_map(color * (scene.light.exposure * brightness)[..., None])


def _look_up(backdrop: Backdrop, points: FloatArray, on_floor: np.ndarray, pan: float, ground: float) -> FloatArray:
    """The backdrop's colours (h, w, 3) at floor and wall points (h, w, 3)."""
    color = np.empty(points.shape, np.float32)
    side = len(backdrop.floor)
    x, y = points[on_floor][:, 0] + np.float32(pan), points[on_floor][:, 1]
    per_metre = np.float32(side / FLOOR_METRES)
    color[on_floor] = _bilinear(backdrop.floor, y * per_metre, x * per_metre, wrap_rows=True)
    wall = ~on_floor
    x, z = points[wall][:, 0] + np.float32(pan), points[wall][:, 2] - np.float32(ground)
    per_metre = np.float32(TEXELS_PER_METRE)
    color[wall] = _bilinear(backdrop.wall, len(backdrop.wall) - z * per_metre, x * per_metre, wrap_rows=False)
    return color


def _bilinear(picture: FloatArray, row: FloatArray, column: FloatArray, wrap_rows: bool) -> FloatArray:
    """Colours (n, 3) at fractional rows and columns, periodic across."""
    rows, columns = picture.shape[:2]
    row, column = row - np.float32(0.5), column - np.float32(0.5)
    if not wrap_rows:
        row = np.clip(row, 0, rows - 1)
    top, left = np.floor(row).astype(np.int32), np.floor(column).astype(np.int32)
    down, over = (row - top)[:, None], (column - left)[:, None]
    bottom, right = (top + 1) % rows if wrap_rows else np.minimum(top + 1, rows - 1), (left + 1) % columns
    top, left = top % rows, left % columns
    upper = picture[top, left] * (1 - over) + picture[top, right] * over
    lower = picture[bottom, left] * (1 - over) + picture[bottom, right] * over
    return (upper * (1 - down) + lower * down).astype(np.float32, copy=False)


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
