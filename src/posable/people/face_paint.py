"""Skin and eyes, painted by position on the template body: cheeks, brows, nostrils, mouth line, beard, iris."""

from __future__ import annotations

import numpy as np

from posable.people.geometry import FloatArray, exp, sin, smoothstep
from posable.people.mesh import Appearance

_EYE_CENTRE = (0.0312, 0.7285)
"""|x| and z of the iris on the template, metres."""
_FACE_BOTTOM = 0.58


def skin_color(appearance: Appearance, masks: FloatArray, template: FloatArray, mottling: FloatArray) -> FloatArray:
    """Colours (n, 3) of skin samples; `masks` (n, 2) are lips and eyelids in [0, 1], `mottling` (n,) is noise."""
    color = appearance.skin * (1 + np.float32(0.025) * mottling[:, None])
    face = np.flatnonzero(template[:, 2] > _FACE_BOTTOM)
    if len(face):
        color[face] = _face_color(appearance, color[face], masks[face], template[face])
        color[face] = _scalp_color(appearance, color[face], template[face], mottling[face])
    return color


def _scalp_color(appearance: Appearance, color: FloatArray, template: FloatArray, noise: FloatArray) -> FloatArray:
    """Hair-covered scalp, with a soft edge that single hairs break up."""
    inside = appearance.hairline.above(template)
    streaks = sin(template[:, 0] * 2100 + template[:, 1] * 900) * sin(template[:, 2] * 500 + template[:, 1] * 1700)
    covered = smoothstep(-0.0035, 0.0055, inside + 0.0012 * noise + 0.0016 * streaks)
    return _blend(color, appearance.hair * 0.8, covered * np.float32(appearance.hairline.density))


def _face_color(appearance: Appearance, color: FloatArray, masks: FloatArray, template: FloatArray) -> FloatArray:
    x, y, z = np.abs(template[:, 0]), template[:, 1], template[:, 2]
    front = (y < -0.1).astype(np.float32)
    lips = smoothstep(0.25, 0.7, masks[:, 0])
    color = _blend(color, appearance.lip, lips)
    color = _darken(color, masks[:, 1] * 0.3, (0.35, 0.45, 0.45))
    color = _darken(color, _spot(x - 0.048, 0.022, z - 0.685, 0.02) * front * 0.16, (0.1, 0.75, 0.75))
    color = _blend(color, appearance.hair * 0.55, _brows(appearance, x, z) * front)
    color = _darken(color, _spot(x - 0.0085, 0.0045, z - 0.6855, 0.003) * (y < -0.14) * 0.6)
    mouth_line = exp(-(((z - 0.6545) / 0.0016) ** 2)) * (x < 0.024) * (y < -0.14)
    color = _darken(color, mouth_line * 0.45)
    color = _darken(color, _spot(x - 0.031, 0.02, z - 0.728, 0.012) * front * 0.16)
    if appearance.beard:
        height = z - 0.35 * np.maximum(x - 0.03, 0)
        grown = smoothstep(0.68, 0.668, height) * smoothstep(-0.045, -0.075, y) * (z > 0.60) * (1 - lips)
        color = _blend(color, appearance.hair * 0.7, grown * np.float32(appearance.beard))
    return color


def _brows(appearance: Appearance, x: FloatArray, z: FloatArray) -> FloatArray:
    along = np.clip((x - 0.012) / 0.042, 0, 1)
    middle = 0.7518 + 0.0035 * sin(np.pi * np.clip(along * 0.85 + 0.05, 0, 1)) + 0.0008 * along
    thickness = 0.0044 * (1 - 0.6 * along) * appearance.brow + 0.0012
    distance = np.abs(z - middle)
    across = np.clip((thickness - distance) / (thickness - 0.0008), 0, 1)
    ends = smoothstep(0.009, 0.014, x) * smoothstep(0.055, 0.048, x)
    return (across * across * (3 - 2 * across) * ends * 0.8).astype(np.float32)


def eye_color(appearance: Appearance, template: FloatArray) -> FloatArray:
    """Colours (n, 3) of eyeball samples: white, iris, pupil and a glint."""
    x, z = np.abs(template[:, 0]) - _EYE_CENTRE[0], template[:, 2] - _EYE_CENTRE[1]
    radius = np.hypot(x, z)[:, None]
    color = np.where(radius < 0.0064, appearance.iris, np.array((0.86, 0.85, 0.84), np.float32))
    color = np.where(radius < 0.0028, np.float32(0.03), color)
    color[np.hypot(x + 0.002, z - 0.0025) < 0.0014] = 1
    return (color * 0.92).astype(np.float32)


def _spot(dx: FloatArray, rx: float, dz: FloatArray, rz: float) -> FloatArray:
    return exp(-((dx / rx) ** 2 + (dz / rz) ** 2))


def _blend(color: FloatArray, over: FloatArray, amount: FloatArray) -> FloatArray:
    return color + (over - color) * amount[:, None].astype(np.float32)


def _darken(color: FloatArray, amount: FloatArray, tint: tuple[float, float, float] = (1, 1, 1)) -> FloatArray:
    return color * (1 - amount[:, None].astype(np.float32) * np.array(tint, np.float32))
