"""A textured person drawn in a target body: skinning, z-buffer and gathering in one pass."""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from posable.body.fitted import Body
from posable.body.kinematics import rotation_of
from posable.imaging.size import Size
from posable.surface.grids import Floats
from posable.surface.limbs import head_yaw, joint, trunk_yaw
from posable.surface.profiles import rest_joint
from posable.surface.surface import FootPart, Surface

_SAMPLES = 2
"""Samples a pixel, across and down."""
_NO_LAYER = 255
_TWIST_UNTIL_DEGREES, _TWIST_RAMP_DEGREES = 100.0, 40.0
"""Bodies that turn further than this show other sides of their arms too."""
_HELD_SHARE, _HELD_DEGREES, _TURNED_AWAY_DEGREES = 0.45, 14.0, 100.0
_TURNED_FOOT_DEGREES = 35.0
_THREADS = min(4, os.cpu_count() or 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawing:
    """A drawn person, without background, in the target's frame."""

    color: Floats
    """(h, w, 3) RGB in [-1, 1], not multiplied by alpha; 0 where nobody is."""
    alpha: Floats
    """(h, w), how much of the pixel the person covers, in [0, 1]."""
    source: Floats
    """(h, w, 2), x and y px in the source that the pixel's colour is copied from; NaN where nobody is."""
    layer: npt.NDArray[np.uint8]
    """(h, w), of LAYERS; 255 where nobody is."""
    kind: npt.NDArray[np.uint8]
    """(h, w), see Kind."""
    confidence: Floats
    """(h, w) in [0, 1]: how much is copied, less where it is stretched or made up; 0 where nobody is."""


_TRUST = np.array([0, 1, 0.7, 0.5, 0.4, 0.3, 0.2], np.float32)
"""By Kind."""


def draw(surface: Surface, target: Body, size: Size | None = None) -> Drawing:
    """The person in the pose of `target`, a body in the frame of the picture that is drawn.

    `size` is the picture's, by default the target's own; what lies outside is cut off. The target should have been
    fitted `like` the surface's body, so that its shape is the person's.
    """
    from posable.surface import kernels_compiled as kernels

    height, width = size = Size(*(size or target.size))
    target = with_seen_face(surface.body, target)
    screen = _screen(surface, target)
    zoom = target.scale / surface.body.scale
    level = int(np.clip(math.floor(math.log2(max(1.0, 0.75 / max(zoom, 1e-3)))), 0, len(surface.photos) - 1))
    photo, matte = surface.photos[level], surface.mattes[level]
    photo_scale = photo.shape[0] / (surface.window[3] - surface.window[1])
    stretch = np.empty(len(surface.triangles), np.float32)
    kernels.stretches(screen, surface.triangles, surface.areas, zoom, stretch)
    job = _Job(
        surface,
        screen,
        stretch,
        photo,
        matte,
        photo_scale,
        surface.places * photo_scale,
        _longest(surface, target) * zoom,
    )
    color = np.zeros((height, width, 3), np.float32)
    alpha, confidence = np.zeros(size, np.float32), np.zeros(size, np.float32)
    source = np.full((height, width, 2), np.nan, np.float32)
    layer, kind = np.full(size, _NO_LAYER, np.uint8), np.zeros(size, np.uint8)
    left, top, right, bottom = _extent(screen, size)
    if right <= left or bottom <= top:
        return Drawing(color=color, alpha=alpha, source=source, layer=layer, kind=kind, confidence=confidence)
    edges = np.linspace(top, bottom, min(_THREADS, bottom - top) + 1).astype(int)

    def band(first: int, last: int) -> None:
        window = np.s_[first:last, left:right]
        _draw_band(
            job, left, first, color[window], alpha[window], source[window], layer[window], kind[window],
            confidence[window],
        )  # fmt: skip

    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(band, edges[:-1], edges[1:]))
    source += np.array(surface.window[:2], np.float32)
    confidence *= _TRUST[kind]
    return Drawing(
        color=color, alpha=np.minimum(alpha, 1), source=source, layer=layer, kind=kind, confidence=confidence
    )


@dataclass(frozen=True, eq=False)
class _Job:
    surface: Surface
    screen: Floats
    stretch: Floats
    photo: Floats
    matte: Floats
    photo_scale: float
    matte_places: Floats
    longest: Floats


def _draw_band(
    job: _Job,
    left: int,
    first: int,
    color: Floats,
    alpha: Floats,
    source: Floats,
    layer: npt.NDArray[np.uint8],
    kind: npt.NDArray[np.uint8],
    confidence: Floats,
) -> None:
    from posable.surface import kernels_compiled as kernels

    surface = job.surface
    shape = (alpha.shape[0] * _SAMPLES, alpha.shape[1] * _SAMPLES)
    depth, winner = np.full(shape, np.inf, np.float32), np.full(shape, -1, np.int32)
    soft_depth, soft_winner = np.full(shape, np.inf, np.float32), np.full(shape, -1, np.int32)
    soft_alpha = np.zeros(shape, np.float32)
    shifted = job.screen - np.array([left, first, 0], np.float32)
    for soft_pass in (False, True):
        kernels.rasterize_sheets(
            shifted,
            surface.triangles,
            surface.sides,
            job.longest,
            surface.penalties,
            surface.tested,
            job.matte_places,
            surface.opacity,
            job.matte,
            _SAMPLES,
            0,
            depth,
            winner,
            soft_depth,
            soft_winner,
            soft_alpha,
            soft_pass,
        )
    kernels.shade(
        shifted,
        surface.triangles,
        surface.layers,
        surface.sides,
        job.stretch,
        surface.copied_from,
        surface.second_from,
        surface.copied_share,
        surface.colors,
        surface.kinds,
        job.photo,
        job.photo_scale,
        _SAMPLES,
        winner,
        soft_winner,
        soft_alpha,
        0,
        color,
        alpha,
        source,
        layer,
        kind,
        confidence,
    )


def _extent(screen: Floats, size: Size) -> tuple[int, int, int, int]:
    low, high = screen[:, :2].min(0), screen[:, :2].max(0)
    left, top = max(0, int(low[0]) - 1), max(0, int(low[1]) - 1)
    return left, top, min(size.width, int(high[0]) + 2), min(size.height, int(high[1]) + 2)


def _screen(surface: Surface, target: Body) -> Floats:
    """(n, 3), the vertices in the target's picture."""
    from posable.surface import kernels_compiled as kernels

    rest = surface.rest
    if not np.array_equal(surface.body.shape, target.shape):
        rest = rest + (target.rest_vertices - surface.body.rest_vertices)[surface.nearest]
    rest = _turned_arms(surface, target, rest)
    screen = np.empty_like(rest)
    kernels.skin_and_project(
        np.ascontiguousarray(rest, np.float32),
        surface.bones,
        surface.shares,
        target.joint_transforms.reshape(len(target.joint_transforms), 12).astype(np.float32),
        target.scale,
        target.offset[0],
        target.offset[1],
        target.distance,
        screen,
    )
    return screen


def with_seen_face(source: Body, target: Body) -> Body:
    """The target with its head turned a little less from where the source's looks: less of an unseen cheek shows.

    Up to 14 degrees, which keypoints hardly tell; none of it where the whole head turns away.
    """
    turn = (head_yaw(target) - head_yaw(source) + 180) % 360 - 180
    held = min(_HELD_SHARE * abs(turn), _HELD_DEGREES) * float(np.clip((_TURNED_AWAY_DEGREES - abs(turn)) / 40, 0, 1))
    if held < 0.1:
        return target
    head, neck = joint("head"), joint("neck03")
    angle = -np.radians(np.copysign(held, turn))
    back = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    transforms, rotations = target.joint_transforms, target.rotations.copy()
    rotations[head] = transforms[neck, :, :3].T @ back @ transforms[head, :, :3]
    return replace(target, rotations=rotations)


def _longest(surface: Surface, target: Body) -> Floats:
    """(t,) px in the source; 0 for what is not to be drawn of the feet."""
    longest = surface.longest.copy()
    for side, pixels, mesh in (
        ("L", FootPart.LEFT_PIXELS, FootPart.LEFT_MESH),
        ("R", FootPart.RIGHT_PIXELS, FootPart.RIGHT_MESH),
    ):
        ways = [-body.joint_transforms[joint(f"foot.{side}"), :, 1] for body in (surface.body, target)]
        turn = np.degrees(np.subtract(*(np.arctan2(way[0], -way[1]) for way in ways)))
        turned = abs((turn + 180) % 360 - 180) > _TURNED_FOOT_DEGREES
        longest[surface.feet == (pixels if turned and (surface.feet == mesh).any() else mesh)] = 0
    return longest


def _turned_arms(surface: Surface, target: Body, rest: Floats) -> Floats:
    """Rest points with the arms turned about their bones so that the side that the picture shows faces the camera.

    Keypoints do not tell how an arm is turned, and arms look alike from all sides.
    """
    turn = abs((trunk_yaw(surface.body) - trunk_yaw(target) + 180) % 360 - 180)
    amount = float(np.clip((_TWIST_UNTIL_DEGREES - turn) / _TWIST_RAMP_DEGREES, 0, 1))
    if amount <= 0:
        return rest
    rest = rest.copy()
    for twist in surface.twists:
        if not len(twist.vertices):
            continue
        points = rest[twist.vertices].astype(np.float64)
        shoulder, elbow, wrist = (
            rest_joint(target, f"{n}.{twist.side}") for n in ("upperarm01", "lowerarm01", "wrist")
        )
        upper = amount * _twist_angle(surface.body, target, f"upperarm01.{twist.side}", elbow - shoulder)
        lower = amount * _twist_angle(surface.body, target, f"lowerarm01.{twist.side}", wrist - elbow)
        along = np.clip((twist.upper_along - 0.12) / 0.45, 0, 1) * np.clip((twist.upper_share - 0.15) * 1.6, 0, 1)
        moved = _turned(points, shoulder, elbow - shoulder, upper * along)
        points += twist.upper_share[:, None] * (moved - points)
        angle = upper + (lower - upper) * np.clip(twist.lower_along / 0.35 + 0.3, 0, 1)
        moved = _turned(points, elbow, wrist - elbow, angle)
        points += twist.lower_share[:, None] * (moved - points)
        rest[twist.vertices] = points
    return rest


def _twist_angle(source: Body, target: Body, name: str, bone: npt.NDArray[np.float64]) -> float:
    """Radians about the bone from the side that faces the camera in the source to the one that does in the target."""
    axis = bone / np.linalg.norm(bone)
    towards = np.array([0.0, -1.0, 0.0])
    sides = [body.joint_transforms[joint(name), :, :3].T @ towards for body in (source, target)]
    sides = [side - axis * (side @ axis) for side in sides]
    evidence = float(np.linalg.norm(sides[0]) * np.linalg.norm(sides[1]))
    angle = float(np.arctan2(np.cross(sides[0], sides[1]) @ axis, sides[0] @ sides[1]))
    return angle * float(np.clip((evidence - 0.15) / 0.25, 0, 1)) * float(np.clip((2.75 - abs(angle)) / 0.5, 0, 1))


def _turned(
    points: npt.NDArray[np.float64],
    origin: npt.NDArray[np.float64],
    bone: npt.NDArray[np.float64],
    angle: npt.NDArray[np.floating],
) -> npt.NDArray[np.float64]:
    """Points (k, 3) turned by angles (k,) about a bone that begins at `origin`."""
    turns = rotation_of(angle[:, None] * bone / np.linalg.norm(bone))
    return origin + (turns @ (points - origin)[..., None])[..., 0]
