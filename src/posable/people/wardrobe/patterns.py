"""Periodic cloth patterns: RGB tiles (256, 256, 3) in [0, 1]."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from posable.body.geometry import arctan2, cos, sin, smoothstep
from posable.people.wardrobe.colors import cloth_color, contrasting_color, denim_color
from posable.people.wardrobe.glyphs import draw_text, text_size
from posable.people.wardrobe.materials import Color

FloatArray = NDArray[np.float32]
_SIDE = 256
_LETTERS = "ABCDEGHKLMNOPRSTUVXYZ0123456789"
_METRES = 0.4
"""Layers lay whole tiles of this side around body and limbs."""
_Y, _X = (np.mgrid[0:_SIDE, 0:_SIDE] / _SIDE).astype(np.float32)

PATTERN_SHARES = {
    "solid": 0.31,
    "stripes_across": 0.09,
    "stripes_down": 0.05,
    "fine_stripes": 0.08,
    "plaid": 0.08,
    "dots": 0.06,
    "check": 0.04,
    "floral": 0.09,
    "camouflage": 0.03,
    "mottled": 0.04,
    "tie_dye": 0.03,
    "zigzag": 0.03,
    "lettering": 0.03,
    "houndstooth": 0.02,
    "argyle": 0.02,
}
"""How often tops wear each pattern."""


@dataclass(frozen=True, eq=False)
class ClothPattern:
    """A tile and the colours it was drawn with."""

    kind: str
    tile: FloatArray
    metres_per_tile: float
    base: Color
    second: Color


def make_pattern(kind: str, rng: np.random.Generator) -> ClothPattern:
    """A random tile of a kind named in PATTERN_SHARES, or "denim"."""
    base = denim_color(rng) if kind == "denim" else cloth_color(rng)
    second = contrasting_color(base, rng)
    third = contrasting_color(second, rng)
    tile = np.tile(base, (_SIDE, _SIDE, 1))
    tile = _PAINTERS[kind](tile, second, third, rng)
    tile = tile * (1 + 0.03 * _fractal(rng, 0.3)[..., None])
    return ClothPattern(kind, np.clip(tile, 0, 1).astype(np.float32), _METRES, base, second)


def choose_pattern(rng: np.random.Generator) -> str:
    """A kind drawn by PATTERN_SHARES."""
    return str(rng.choice(list(PATTERN_SHARES), p=list(PATTERN_SHARES.values())))


def _mix(tile: FloatArray, mask: FloatArray, color: Color) -> FloatArray:
    return (tile + (color - tile) * mask[..., None]).astype(np.float32)


def _band(position: FloatArray, half_width: float) -> FloatArray:
    """1 in a soft-edged band of every unit period."""
    return 1 - smoothstep(0.0, 0.04, np.abs(position % 1 - 0.5) - half_width)


def _solid(tile: FloatArray, second: Color, third: Color, rng: np.random.Generator) -> FloatArray:
    return tile


def _stripes_across(tile: FloatArray, second: Color, third: Color, rng: np.random.Generator) -> FloatArray:
    count, width = int(rng.integers(4, 14)), rng.uniform(0.12, 0.38)
    striped = _mix(tile, _band(_Y * count, width), second)
    return _mix(striped, _band(_Y * count + 0.5, width * 0.15), third) if rng.random() < 0.25 else striped


def _stripes_down(tile: FloatArray, second: Color, third: Color, rng: np.random.Generator) -> FloatArray:
    return _mix(tile, _band(_X * int(rng.integers(6, 16)), rng.uniform(0.08, 0.3)), second)


def _plaid(tile: FloatArray, second: Color, third: Color, rng: np.random.Generator) -> FloatArray:
    count = int(rng.integers(3, 7))
    for axis in (_Y, _X):
        tile = _mix(tile, 0.45 * ((axis * count) % 1 < 0.5).astype(np.float32), second)
    lines = (np.abs((_X * count) % 1 - 0.25) < 0.04) | (np.abs((_Y * count) % 1 - 0.25) < 0.04)
    return _mix(tile, 0.6 * lines.astype(np.float32), third)


def _dots(tile: FloatArray, second: Color, third: Color, rng: np.random.Generator) -> FloatArray:
    count, radius = 2 * int(rng.integers(2, 7)), rng.uniform(0.18, 0.36)
    across = (_X * count + 0.5 * (np.floor(_Y * count) % 2)) % 1 - 0.5
    return _mix(tile, smoothstep(radius, radius - 0.08, np.hypot(across, (_Y * count) % 1 - 0.5)), second)


def _check(tile: FloatArray, second: Color, third: Color, rng: np.random.Generator) -> FloatArray:
    count = 2 * int(rng.integers(3, 8))
    return _mix(tile, ((np.floor(_X * count) + np.floor(_Y * count)) % 2).astype(np.float32), second)


def _floral(tile: FloatArray, second: Color, third: Color, rng: np.random.Generator) -> FloatArray:
    petals = (second, third, second * np.float32(0.6) + third * np.float32(0.4))
    for _ in range(int(rng.integers(12, 26))):
        (x, y), size, lobes = rng.random(2), rng.uniform(0.04, 0.11), int(rng.integers(4, 8))
        rows, columns = _window(y, size), _window(x, size)
        dx = (columns / np.float32(_SIDE) - np.float32(x))[None]
        dy = (rows / np.float32(_SIDE) - np.float32(y))[:, None]
        radius, turn = np.hypot(dx, dy), arctan2(dy, dx) + rng.random() * 6
        place = np.ix_(rows % _SIDE, columns % _SIDE)
        flower = smoothstep(0.006, -0.006, radius - size * (0.62 + 0.38 * cos(lobes * turn)))
        patch = _mix(tile[place], flower, petals[int(rng.integers(3))])
        tile[place] = _mix(patch, smoothstep(0.006, -0.006, radius - size * 0.22), third)
    return tile


def _window(center: float, size: float) -> NDArray[np.int64]:
    reach = size + 0.01
    return np.arange(int(np.floor((center - reach) * _SIDE)), int(np.ceil((center + reach) * _SIDE)))


def _camouflage(tile: FloatArray, second: Color, third: Color, rng: np.random.Generator) -> FloatArray:
    tile = _mix(tile, (_fractal(rng, 1.7) > 0.3).astype(np.float32), second)
    return _mix(tile, (_fractal(rng, 1.7) > 0.7).astype(np.float32), third * np.float32(0.7))


def _mottled(tile: FloatArray, second: Color, third: Color, rng: np.random.Generator) -> FloatArray:
    return tile + np.float32(0.1) * _fractal(rng, 1.2)[..., None]


def _tie_dye(tile: FloatArray, second: Color, third: Color, rng: np.random.Generator) -> FloatArray:
    return _mix(tile, np.float32(0.5) + np.float32(0.5) * sin(np.float32(3) * _fractal(rng, 2.2)), second)


def _zigzag(tile: FloatArray, second: Color, third: Color, rng: np.random.Generator) -> FloatArray:
    count = int(rng.integers(4, 9))
    shift = np.abs((_X * count * 2) % 2 - 1) * 0.5
    return _mix(tile, ((_Y * count + shift) % 1 < 0.4).astype(np.float32), second)


def _fine_stripes(tile: FloatArray, second: Color, third: Color, rng: np.random.Generator) -> FloatArray:
    """Pinstripes, or narrow stripes of even width, across or down."""
    count = int(rng.choice([16, 20, 25, 32, 40]))
    axis = _Y if rng.random() < 0.5 else _X
    share = 0.5 if rng.random() < 0.5 else 0.22
    return _mix(tile, ((axis * count) % 1 < share).astype(np.float32), second)


def _lettering(tile: FloatArray, second: Color, third: Color, rng: np.random.Generator) -> FloatArray:
    """Rows of letters all over, some rows in a third colour."""
    rows = int(rng.integers(4, 11))
    edges = np.round(np.linspace(0, _SIDE, rows + 1)).astype(int)
    weight = float(rng.uniform(0.12, 0.2))
    for top, bottom in pairwise(edges):
        height = int((bottom - top) * 0.62)
        count = max(3, round(_SIDE / (height * 0.95)))
        letters = "".join(rng.choice(list(_LETTERS), count))
        line = draw_text(letters, height, weight, round((_SIDE - 6) / text_size(letters, height) * 0.93, 3))
        line = line[: bottom - top, :_SIDE]
        band = np.zeros((bottom - top, _SIDE), np.float32)
        band[: len(line), : line.shape[1]] = line
        band = np.roll(band, int(rng.integers(_SIDE)), 1)
        tile[top:bottom] = _mix(tile[top:bottom], band, third if rng.random() < 0.25 else second)
    return tile


def _houndstooth(tile: FloatArray, second: Color, third: Color, rng: np.random.Generator) -> FloatArray:
    count = int(rng.integers(5, 13))
    x, y = np.floor(_X * count * 4) % 4, np.floor(_Y * count * 4) % 4
    warp, weft = x < 2, y < 2
    twill = (x - y) % 4 < 2
    return _mix(tile, np.where(warp == weft, warp, twill).astype(np.float32), second)


def _argyle(tile: FloatArray, second: Color, third: Color, rng: np.random.Generator) -> FloatArray:
    across, down = int(rng.integers(2, 5)), int(rng.integers(1, 4))
    u, v = np.abs((_X * across) % 1 - 0.5) * 2, np.abs((_Y * down) % 1 - 0.5) * 2
    tile = _mix(tile, (u + v < 1).astype(np.float32), second)
    return _mix(tile, (np.abs(u - v) < 0.04).astype(np.float32), third)


def _tweed(tile: FloatArray, second: Color, third: Color, rng: np.random.Generator) -> FloatArray:
    """A herringbone of two near shades with flecks."""
    shift = np.abs((_X * 16) % 2 - 1) * 1.5
    twill = ((_Y * 40 + shift) % 1 < 0.5).astype(np.float32)
    flecks = (_fractal(rng, 0.2) > 2.2).astype(np.float32)
    return _mix(_mix(tile, np.float32(0.3) * twill, 1 - tile[0, 0]), np.float32(0.6) * flecks, second)


def _denim(tile: FloatArray, second: Color, third: Color, rng: np.random.Generator) -> FloatArray:
    weave, wear = _fractal(rng, 0.4, (1, 0.4)), _fractal(rng, 1.6)
    return tile * (1 + np.float32(0.08) * weave + np.float32(0.08) * wear)[..., None]


_Painter = Callable[[FloatArray, Color, Color, np.random.Generator], FloatArray]
_PAINTERS: dict[str, _Painter] = {
    "solid": _solid,
    "stripes_across": _stripes_across,
    "stripes_down": _stripes_down,
    "plaid": _plaid,
    "dots": _dots,
    "check": _check,
    "floral": _floral,
    "camouflage": _camouflage,
    "mottled": _mottled,
    "tie_dye": _tie_dye,
    "zigzag": _zigzag,
    "denim": _denim,
    "fine_stripes": _fine_stripes,
    "lettering": _lettering,
    "houndstooth": _houndstooth,
    "argyle": _argyle,
    "tweed": _tweed,
}


def _fractal(rng: np.random.Generator, falloff: float, stretch: tuple[float, float] = (1, 1)) -> FloatArray:
    """Periodic noise (256, 256), mean 0 and deviation 1, whose amplitude falls with frequency to the `falloff`."""
    rows, columns = np.fft.fftfreq(_SIDE) * _SIDE, np.fft.rfftfreq(_SIDE) * _SIDE
    radius = np.hypot(columns[None] * stretch[0], rows[:, None] * stretch[1])
    radius[0, 0] = 1
    amplitude = radius**-falloff
    amplitude[0, 0] = 0
    field = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((_SIDE, _SIDE))) * amplitude, (_SIDE, _SIDE))
    return (field / field.std()).astype(np.float32)
