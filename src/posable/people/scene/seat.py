"""The box or drum that a seated person sits on: part of the background, though it may hide some of the person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from posable.body.geometry import FloatArray, cos, normalize, sin
from posable.body.rasterize import Fragments, IntArray, rasterize
from posable.imaging.size import Size
from posable.people.scene.camera import Camera
from posable.people.scene.scene import Light
from posable.people.scene.shading import tone_map
from posable.people.scene.shadow import ShadowMap

_DRUM_SIDES = 40
_SINK_METRES = 0.015
"""How far the person sinks in."""
_UNDER_METRES = 0.13
"""What lies this far before or behind the pelvis rests on the seat."""


@dataclass(frozen=True, eq=False)
class Seat:
    """A prism in the scene."""

    vertices: FloatArray
    """(v, 3), metres."""
    faces: IntArray
    """(f, 3)."""
    color: FloatArray
    """(3,)."""
    axis: FloatArray | None
    """(2,), where a drum's axis stands in the scene; None for a box."""

    def fragments(self, camera: Camera, supersampling: int = 1) -> Fragments:
        """Where the seat is seen, sampled as the person is."""
        scale = np.array([supersampling, supersampling, 1], np.float32)
        size = Size(camera.size.height * supersampling, camera.size.width * supersampling)
        return rasterize(camera.project(self.vertices) * scale, self.faces, size)

    def draw(
        self,
        background: FloatArray,
        samples: Fragments,
        supersampling: int,
        camera: Camera,
        light: Light,
        shadows: ShadowMap,
    ) -> FloatArray:
        """The background (h, w, 3) with the seat, of which `samples` were seen, before it."""
        rows, columns = np.nonzero(samples.face_ids >= 0)
        if not len(rows):
            return background
        face = samples.face_ids[rows, columns]
        corners = self.vertices[self.faces]
        normals = normalize(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))
        position = np.einsum("nkc,nk->nc", corners[face], samples.barycentrics[rows, columns])
        normal = normals[face]
        if self.axis is not None:
            side = np.abs(normal[:, 2]) < 0.5
            around = position[side] - np.array([*self.axis, 0], np.float32)
            normal[side] = normalize(around * np.array([1, 1, 0], np.float32))
        facing = np.clip((normal * light.direction).sum(1), 0, 1)
        lit = 1 - np.float32(0.8) * shadows.occlusion(position + normal * np.float32(0.03), 0.02)
        amount = light.ambient * (0.86 + 0.14 * normal[:, 2]) * light.ambient_color[:, None]
        amount = (amount + light.key * facing * lit * light.key_color[:, None]) * light.exposure
        color = tone_map(self.color * amount.T)
        pixels = background.shape[0] * background.shape[1]
        pixel = (rows // supersampling) * background.shape[1] + columns // supersampling
        share = 1 / supersampling**2
        sums = np.stack([np.bincount(pixel, color[:, channel], pixels) for channel in range(3)], -1) * share
        cover = np.bincount(pixel, minlength=pixels) * share
        drawn = sums.reshape(background.shape) + (1 - cover.reshape(background.shape[:2]))[..., None] * background
        return drawn.astype(np.float32)


def place_seat(camera: Camera, root: FloatArray, height: float, person: FloatArray, rng: np.random.Generator) -> Seat:
    """A seat under the pelvis at `root` (3,) of a person (n, 3), loose clothes left out, before the camera's turn.

    It is as high as what it bears, or `height` metres when there is nothing.
    """
    below = person[:, 2] < root[2] - 0.03
    above = below & (np.abs(person[:, 0] - root[0]) < 0.2) & (np.abs(person[:, 1] - root[1]) < _UNDER_METRES)
    top = float(person[above, 2].min()) if above.any() else camera.ground + height
    top += _SINK_METRES
    drum = rng.random() < 0.4
    if not drum:
        half_width, front, back = rng.uniform(0.17, 0.23), rng.uniform(0.12, 0.18), rng.uniform(0.18, 0.28)
        outline = np.array([[-half_width, -front], [half_width, -front], [half_width, back], [-half_width, back]])
    else:
        angle = np.arange(_DRUM_SIDES) * (2 * np.pi / _DRUM_SIDES)
        outline = np.stack([cos(angle), sin(angle)], 1) * rng.uniform(0.19, 0.22) + [0, 0.05]
    outline = outline.astype(np.float32) + root[:2]
    count = len(outline)
    low, high = np.full((count, 1), camera.ground, np.float32), np.full((count, 1), top, np.float32)
    vertices = np.concatenate([np.hstack([outline, low]), np.hstack([outline, high])])
    side = np.arange(count)
    after = (side + 1) % count
    walls = np.concatenate(
        [np.stack([side, after, after + count], 1), np.stack([side, after + count, side + count], 1)]
    )
    lid = np.stack([np.full(count - 2, count), side[1:-1] + count, side[2:] + count], 1)
    grey = rng.uniform(0.06, 0.95)
    warm = rng.uniform(0, 0.3) if rng.random() < 0.5 else 0.0
    color = np.array([grey, grey * (1 - 0.4 * warm), grey * (1 - warm)], np.float32)
    axis = np.array([root[0], root[1] + 0.05, 0], np.float32)
    return Seat(
        camera.turn(vertices.astype(np.float32)),
        np.concatenate([walls, lid]).astype(np.int32),
        color,
        camera.turn(axis[None])[0, :2] if drum else None,
    )


def hide_behind(person: Fragments, seat: Fragments) -> Fragments:
    """What is seen of the person with the seat in the way."""
    hidden = seat.depth < person.depth
    return Fragments(
        np.where(hidden, np.int32(-1), person.face_ids),
        np.where(hidden[..., None], np.float32(0), person.barycentrics),
        np.where(hidden, np.float32(np.inf), person.depth),
    )
