"""Skin and eyes, painted by position on the template body: cheeks, brows, nostrils, mouth line, beard, iris."""

from __future__ import annotations

import numpy as np

from posable.body.geometry import FloatArray, exp, sin, smoothstep
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
    density = appearance.hairline.density
    uneven = density * (1 + (1 - density) * np.clip(0.25 * noise + 0.5 * streaks, -1, 0.5))
    return _blend(color, appearance.hair * 0.8, covered * uneven)


def _face_color(appearance: Appearance, color: FloatArray, masks: FloatArray, template: FloatArray) -> FloatArray:
    x, y, z = np.abs(template[:, 0]), template[:, 1], template[:, 2]
    front = (y < -0.1).astype(np.float32)
    lips = smoothstep(0.2, 0.75, masks[:, 0])
    color = _blend(color, appearance.lip, lips)
    # Lips are fuller in the middle of the lower one, and skin is redder on nose and cheeks.
    color = color * (1 + 0.1 * _spot(x, 0.012, z - 0.6475, 0.004) * lips)[:, None].astype(np.float32)
    color = _darken(color, masks[:, 1] * 0.3, (0.35, 0.45, 0.45))
    color = _darken(color, _spot(x - 0.048, 0.02, z - 0.688, 0.018) * front * appearance.blush, (0.1, 0.75, 0.7))
    color = _darken(color, _spot(x, 0.011, z - 0.692, 0.009) * (y < -0.15) * 0.07, (0.1, 0.9, 0.9))
    if appearance.eye_shadow:
        lid = _spot(x - 0.033, 0.018, z - 0.739, 0.006) * front * appearance.eye_shadow * 0.7
        color = _darken(color, lid, appearance.eye_shadow_tint)
    if appearance.freckles:
        specks = sin(x * 1900 + 2 * sin(z * 1300)) * sin(z * 1700 + 2 * sin(template[:, 0] * 1500))
        where = (_spot(x - 0.03, 0.035, z - 0.692, 0.016) + _spot(x, 0.05, z - 0.77, 0.015) * 0.4) * front
        color = _darken(color, smoothstep(0.55, 0.8, specks) * where * appearance.freckles * 0.4, (0.5, 0.75, 0.9))
    color = _blend(color, appearance.hair * 0.5 + appearance.skin * 0.06, _brows(appearance, x, z) * front)
    color = _darken(color, _spot(x - 0.0085, 0.004, z - 0.6855, 0.0026) * (y < -0.14) * 0.55)
    mouth_line = exp(-(((z - 0.6545) / 0.0014) ** 2)) * smoothstep(0.025, 0.02, x) * (y < -0.14)
    color = _darken(color, mouth_line * 0.4, (0.8, 1, 1))
    color = _darken(color, _spot(x - 0.031, 0.02, z - 0.7255, 0.012) * front * 0.13, (0.8, 1, 0.95))
    if appearance.beard:
        grown = _beard(appearance.beard_shape, x, y, z) * (1 - lips)
        color = _blend(color, appearance.hair * 0.7, grown * np.float32(appearance.beard))
    return color


def _beard(shape: str, x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
    """Coverage (n,) of cheeks, chin and upper lip; it thins towards its edges."""
    height = z - 0.4 * np.maximum(x - 0.028, 0)
    moustache = smoothstep(0.6795, 0.674, z) * smoothstep(0.652, 0.656, z) * smoothstep(0.031, 0.024, x) * (y < -0.12)
    if shape == "moustache":
        return moustache
    full = smoothstep(0.678, 0.662, height) * smoothstep(-0.04, -0.075, y) * smoothstep(0.596, 0.612, z)
    if shape == "goatee":
        return np.maximum(full * smoothstep(0.034, 0.026, x) * smoothstep(0.665, 0.655, z), moustache)
    return np.maximum(full * (1 - 0.5 * _spot(x, 0.02, z - 0.6715, 0.002)), moustache)


def _brows(appearance: Appearance, x: FloatArray, z: FloatArray) -> FloatArray:
    along = np.clip((x - 0.012) / 0.042, 0, 1)
    middle = 0.7515 + appearance.brow_arch * sin(np.pi * np.clip(along * 0.85 + 0.05, 0, 1)) + 0.0008 * along
    thickness = 0.0042 * (1 - 0.6 * along) * appearance.brow + 0.0012
    hairs = 0.0007 * sin(x * 2600 - z * 1500)
    distance = np.abs(z - middle + hairs)
    across = np.clip((thickness - distance) / (thickness - 0.0008), 0, 1)
    ends = smoothstep(0.008, 0.016, x) * smoothstep(0.056, 0.046, x)
    return (across * across * (3 - 2 * across) * ends * 0.78).astype(np.float32)


def eye_color(appearance: Appearance, template: FloatArray) -> FloatArray:
    """Colours (n, 3) of eyeball samples: white, iris with a dark rim, pupil, a glint and the lid's shadow."""
    x, z = np.abs(template[:, 0]) - _EYE_CENTRE[0], template[:, 2] - _EYE_CENTRE[1]
    radius = np.hypot(x, z)
    white = np.array((0.88, 0.86, 0.84), np.float32)
    iris = appearance.iris * (1.25 - 0.75 * smoothstep(0.0046, 0.0064, radius)[:, None])
    color = white + (iris - white) * smoothstep(0.0069, 0.0062, radius)[:, None]
    color = color * (1 - 0.95 * smoothstep(0.0031, 0.0025, radius)[:, None])
    color[np.hypot(x + 0.002, z - 0.0025) < 0.0013] = 1
    shadow = 1 - 0.35 * smoothstep(0.001, 0.0065, z)
    return (color * shadow[:, None]).astype(np.float32)


def _spot(dx: FloatArray, rx: float, dz: FloatArray, rz: float) -> FloatArray:
    return exp(-((dx / rx) ** 2 + (dz / rz) ** 2))


def _blend(color: FloatArray, over: FloatArray, amount: FloatArray) -> FloatArray:
    return color + (over - color) * amount[:, None].astype(np.float32)


def _darken(color: FloatArray, amount: FloatArray, tint: tuple[float, float, float] = (1, 1, 1)) -> FloatArray:
    return color * (1 - amount[:, None].astype(np.float32) * np.array(tint, np.float32))
