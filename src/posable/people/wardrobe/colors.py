"""Random colours for cloth: neutrals, blues, browns and the whole hue circle, as clothes are."""

from __future__ import annotations

import colorsys

import numpy as np

from posable.people.wardrobe.materials import Color


def cloth_color(rng: np.random.Generator) -> Color:
    """A colour that clothes have, RGB in [0, 1]."""
    kind = rng.choice(6, p=[0.17, 0.16, 0.12, 0.12, 0.3, 0.13])
    if kind == 0:
        value = rng.uniform(0.03, 0.22)
        return _color(value, value, value * rng.uniform(1, 1.25))
    if kind == 1:
        value = rng.uniform(0.75, 0.95)
        return _color(value, value * rng.uniform(0.95, 1), value * rng.uniform(0.86, 1))
    ranges = {
        2: ((0.56, 0.66), (0.4, 0.85), (0.15, 0.6)),
        3: ((0.03, 0.13), (0.3, 0.65), (0.25, 0.8)),
        4: ((0.0, 1.0), (0.5, 0.95), (0.35, 0.92)),
        5: ((0.0, 1.0), (0.15, 0.45), (0.65, 0.95)),
    }
    hue, saturation, value = (rng.uniform(*limits) for limits in ranges[int(kind)])
    return _color(*colorsys.hsv_to_rgb(hue, saturation, value))


def contrasting_color(other: Color, rng: np.random.Generator, least: float = 0.6) -> Color:
    """A cloth colour whose channels differ from `other` by at least `least` in sum, or its complement."""
    for _ in range(20):
        color = cloth_color(rng)
        if np.abs(other - color).sum() > least:
            return color
    return 1 - other


def denim_color(rng: np.random.Generator) -> Color:
    """Blue, sometimes washed or black jeans."""
    return _color(*colorsys.hsv_to_rgb(rng.uniform(0.57, 0.64), rng.uniform(0.3, 0.65), rng.uniform(0.15, 0.65)))


def _color(red: float, green: float, blue: float) -> Color:
    return np.array([red, green, blue], np.float32)
