"""The studio that all views of one person share: wall colour, one key light, ambient light."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from posable.people.geometry import FloatArray

Style: TypeAlias = Literal["fashion", "market"]
"""What pictures are like: posed fashion photographs, or pedestrians seen by a street camera."""
STYLES: tuple[Style, ...] = ("fashion", "market")


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Frame: the camera looks along +y, z is up; light amounts are relative, colours RGB in [0, 1]."""

    wall: FloatArray
    light: FloatArray
    """(3,), unit vector towards the key light."""
    key: float
    ambient: float
    warmth: float
    """Tint of the key light: red gains what blue loses."""
    vignette: float
    gradient: float
    """Brightness of the wall at the bottom of the picture minus at the top, relative."""


def sample_scene(rng: np.random.Generator, style: Style) -> Scene:
    """A studio: mostly light and neutral, sometimes coloured or dark."""
    kind = rng.random()
    if kind < 0.62:
        grey = rng.uniform(0.78, 0.97)
        wall = (grey, grey * rng.uniform(0.97, 1.01), grey * rng.uniform(0.95, 1.02))
    elif kind < 0.85:
        wall = colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.08, 0.4), rng.uniform(0.5, 0.9))
    else:
        grey = rng.uniform(0.15, 0.45)
        wall = (grey, grey, grey * rng.uniform(1, 1.1))
    azimuth, elevation = np.deg2rad(rng.uniform(-55, 55)), np.deg2rad(rng.uniform(30, 62))
    dim = 0.7 if style == "market" else 1.0
    across, up = np.cos(elevation), np.sin(elevation)
    return Scene(
        wall=np.array(wall, np.float32),
        light=np.array([np.sin(azimuth) * across, -np.cos(azimuth) * across, up], np.float32),
        key=float(rng.uniform(0.55, 0.85)) * dim,
        ambient=float(rng.uniform(0.42, 0.58)) * dim,
        warmth=float(rng.normal(0, 0.02)),
        vignette=float(rng.uniform(0, 0.25)),
        gradient=float(rng.uniform(-0.12, 0.15)),
    )
