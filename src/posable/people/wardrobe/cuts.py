"""Where cloth ends: signed fields over the template vertices, positive where cloth is, roughly in metres."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from posable.body.geometry import smoothstep
from posable.body.model import BodyModel

FloatArray = NDArray[np.float32]

_NECK_BASE = 0.600
_OPENINGS = {
    "crew": (0.070, 0.050, 0.018),
    "v": (0.072, 0.17, 0.02),
    "scoop": (0.105, 0.125, 0.035),
    "boat": (0.125, 0.045, 0.03),
    "collar": (0.066, 0.095, 0.008),
    "strap": (0.105, 0.155, 0.16),
}
"""Half width, drop in front and drop at the back, metres."""


def neckline(body: BodyModel, kind: str) -> FloatArray:
    """Cloth below a neck opening of a kind in crew, v, scoop, boat, collar, strap or turtle."""
    x, y, z = np.abs(body.template[:, 0]), body.template[:, 1], body.template[:, 2]
    if kind == "turtle":
        return 0.612 + 0.5 * (y + 0.02) - z
    half_width, front_drop, back_drop = _OPENINGS[kind]
    frontness = smoothstep(0.015, -0.045, y)
    across = x / half_width
    down = np.maximum(_NECK_BASE - z, 0) / (back_drop + (front_drop - back_drop) * frontness)
    ellipse = np.hypot(across, down)
    if kind == "strap":
        # Squares and roots: the only powers that every processor rounds alike.
        ellipse = np.sqrt(np.sqrt((across**2) ** 2 + (down**2) ** 2))
    elif kind in ("v", "collar"):
        ellipse = np.where(frontness > 0.5, across + down, ellipse)
    return np.where(body.regions.arm > 0.6, 1, (ellipse - 1) * 0.06).astype(np.float32)


def sleeves(body: BodyModel, length: float) -> FloatArray:
    """Cloth down to `length` metres along the arms."""
    arm = body.regions.arm
    return np.where(arm > 0.02, length - body.regions.arm_distance, 1).astype(np.float32)


def sleeveless(body: BodyModel) -> FloatArray:
    """Cloth up to the armholes."""
    return 0.38 - body.regions.arm


def above(body: BodyModel, height: float) -> FloatArray:
    """Cloth above a template height; arms always count as above."""
    return (body.template[:, 2] - height + 2 * body.regions.arm).astype(np.float32)


def below(body: BodyModel, height: float) -> FloatArray:
    """Cloth below a template height, not on the arms."""
    return np.minimum(height - body.template[:, 2], 0.5 - body.regions.arm).astype(np.float32)


def front_gap(body: BodyModel, half_angle: float) -> FloatArray:
    """Cloth beside the opening of a jacket, which widens downwards to 1.3 times `half_angle` (radians) at the hip."""
    y, z = body.template[:, 1], body.template[:, 2]
    opening = half_angle * (1 + 0.3 * smoothstep(0.3, 0.0, z))
    in_front = (y < 0.02) & (body.regions.arm < 0.5)
    return np.where(in_front, (np.abs(body.regions.torso_angle) - opening) * 0.15, 1).astype(np.float32)


def jacket_collar(body: BodyModel) -> FloatArray:
    """Cloth below a jacket's collar."""
    y, z = body.template[:, 1], body.template[:, 2]
    return np.where(body.regions.arm > 0.6, 1, 0.592 + 0.5 * (y + 0.02) - z).astype(np.float32)
