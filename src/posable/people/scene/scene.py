"""Where a person is photographed: a studio, a wall, a room, a street, foliage or clutter, and the light there."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from posable.body.geometry import FloatArray
from posable.people.scene.backdrop import Backdrop, paint_backdrop

Style: TypeAlias = Literal["fashion", "market"]
"""What pictures are like: posed fashion photographs, or pedestrians seen by a street camera."""
STYLES: tuple[Style, ...] = ("fashion", "market")

SCENE_KINDS: dict[Style, dict[str, float]] = {
    "fashion": {
        "studio": 0.56,
        "gradient": 0.07,
        "wall": 0.12,
        "room": 0.08,
        "street": 0.08,
        "foliage": 0.07,
        "cluttered": 0.02,
    },
    "market": {"cluttered": 0.62, "street": 0.18, "foliage": 0.12, "wall": 0.08},
}
"""Kinds of places and how often they occur."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Light:
    """Amounts are relative; directions are in the scene's frame."""

    direction: FloatArray
    """(3,), unit vector towards the key light."""
    key: float
    key_color: FloatArray
    """(3,) about 1."""
    ambient: float
    ambient_color: FloatArray
    """(3,) about 1."""
    rim: float
    """Strength of a light from behind; 0 is none."""
    rim_direction: FloatArray
    """(3,), unit vector towards it."""
    softness: float
    """How soft the edges of shadows are; 1 is a studio's lamp."""
    exposure: float
    """Brightness of everything."""

    @property
    def shadow_depth(self) -> float:
        """The share of light that a shadow on floor and wall takes away."""
        return 0.56 * self.key / (self.key + self.ambient)


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """Frame: the camera looks along +y, z is up; colours are RGB in [0, 1]."""

    kind: str
    light: Light
    wall: FloatArray
    """(3,) colour of the studio's wall and floor."""
    wall_low: FloatArray
    """(3,) what the wall's colour turns to at the bottom of the picture."""
    vignette: float
    gradient: float
    """Brightness of the wall at the bottom of the picture minus at the top, relative."""
    backdrop: Backdrop | None
    """None in a studio."""


def sample_scene(rng: np.random.Generator, style: Style) -> Scene:
    """A random place and its light."""
    kinds = SCENE_KINDS[style]
    kind = str(rng.choice(list(kinds), p=list(kinds.values())))
    wall = _studio_color(rng)
    low = wall
    if kind == "gradient":
        wall = _studio_color(rng)
        low = np.clip(wall * rng.uniform(0.45, 1.4) + rng.normal(0, 0.04, 3), 0.03, 0.97).astype(np.float32)
    in_studio = kind in ("studio", "gradient")
    return Scene(
        kind=kind,
        light=_studio_light(rng) if in_studio else _location_light(kind, style, rng),
        wall=wall,
        wall_low=low,
        vignette=float(rng.uniform(0, 0.25) if kind != "gradient" else rng.uniform(0.2, 1.1)),
        gradient=float(rng.uniform(-0.12, 0.15)),
        backdrop=None if in_studio else paint_backdrop(kind, rng),
    )


def _studio_color(rng: np.random.Generator) -> FloatArray:
    """Mostly light and neutral, sometimes coloured or dark."""
    kind = rng.random()
    if kind < 0.62:
        grey = rng.uniform(0.78, 0.97)
        wall = (grey, grey * rng.uniform(0.97, 1.01), grey * rng.uniform(0.95, 1.02))
    elif kind < 0.85:
        wall = colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.08, 0.4), rng.uniform(0.5, 0.9))
    else:
        grey = rng.uniform(0.15, 0.45)
        wall = (grey, grey, grey * rng.uniform(1, 1.1))
    return np.array(wall, np.float32)


def _from(azimuth: float, elevation: float) -> FloatArray:
    """The unit vector towards a light; an azimuth of 0 degrees is behind the camera."""
    turn, rise = np.deg2rad(azimuth), np.deg2rad(elevation)
    return np.array([np.sin(turn) * np.cos(rise), -np.cos(turn) * np.cos(rise), np.sin(rise)], np.float32)


def _warm(amount: float) -> FloatArray:
    """The colour of light that has more red than blue by twice the amount."""
    return np.array([1 + amount, 1 + 0.15 * amount, 1 - amount], np.float32)


def _studio_light(rng: np.random.Generator) -> Light:
    direction = _from(rng.uniform(-55, 55), rng.uniform(30, 62))
    key, ambient = float(rng.uniform(0.55, 0.85)), float(rng.uniform(0.42, 0.58))
    softness, rim = float(rng.uniform(0.6, 1.6)), 0.0
    mood = rng.random()
    if mood < 0.12:
        # One hard light at the side, little else.
        direction, key, ambient, softness = (
            _from(rng.choice([-1, 1]) * rng.uniform(50, 82), rng.uniform(20, 50)),
            0.95,
            0.3,
            0.3,
        )
    elif mood < 0.3:
        # A large soft box.
        key, ambient, softness = float(rng.uniform(0.3, 0.5)), float(rng.uniform(0.58, 0.7)), float(rng.uniform(2, 4))
    if rng.random() < 0.25:
        rim = float(rng.uniform(0.25, 0.7))
    return Light(
        direction=direction,
        key=key,
        key_color=_warm(float(rng.normal(0, 0.035))),
        ambient=ambient,
        ambient_color=_warm(float(rng.normal(0, 0.02))),
        rim=rim,
        rim_direction=_from(rng.choice([-1, 1]) * rng.uniform(125, 165), rng.uniform(15, 45)),
        softness=softness,
        exposure=1.0 if rng.random() < 0.9 else float(rng.uniform(0.6, 0.9)),
    )


def _location_light(kind: str, style: Style, rng: np.random.Generator) -> Light:
    """Sun, an overcast sky, lamps or dusk."""
    inside = kind == "room" or (kind == "wall" and rng.random() < 0.5)
    sunny = rng.random() < (0.35 if inside else 0.45)
    azimuth = rng.uniform(-75, 75) if rng.random() < 0.75 else rng.uniform(110, 250)
    direction = _from(azimuth, rng.uniform(25, 68))
    key, ambient, softness = float(rng.uniform(0.2, 0.4)), float(rng.uniform(0.6, 0.75)), float(rng.uniform(2.5, 5))
    warmth, sky = float(rng.normal(0.0, 0.03)), float(rng.normal(-0.02, 0.03))
    if sunny:
        key, ambient, softness = (
            float(rng.uniform(0.6, 0.95)),
            float(rng.uniform(0.35, 0.5)),
            float(rng.uniform(0.25, 0.8)),
        )
        warmth, sky = float(rng.normal(0.05, 0.04)), float(rng.normal(-0.05, 0.03))
    elif inside:
        warmth, sky = float(rng.normal(0.06, 0.06)), float(rng.normal(0.05, 0.06))
    ambient_color = _warm(sky)
    if kind == "foliage":
        ambient_color = ambient_color * np.array([0.98, 1.04, 0.95], np.float32)
    behind = azimuth > 100
    dim = rng.random() < (0.6 if style == "market" else 0.12)
    exposure = float(rng.uniform(0.3, 0.7)) if dim else float(rng.uniform(0.8, 1.05))
    return Light(
        direction=direction,
        key=key,
        key_color=_warm(warmth),
        ambient=ambient + (0.3 if behind else 0.0),
        ambient_color=ambient_color,
        rim=float(rng.uniform(0.2, 0.7)) if behind or rng.random() < 0.15 else 0.0,
        rim_direction=direction if behind else _from(rng.choice([-1, 1]) * rng.uniform(120, 165), rng.uniform(15, 50)),
        softness=softness,
        exposure=exposure,
    )
