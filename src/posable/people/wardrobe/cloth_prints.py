"""Bold prints for the chest and back of garments: words, numbers, logos, shapes; RGBA float32 in [0, 1]."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from posable.body.geometry import arctan2, cos
from posable.people.wardrobe.colors import contrasting_color
from posable.people.wardrobe.glyphs import draw_text, text_size
from posable.people.wardrobe.materials import Print
from posable.people.wardrobe.patterns import ClothPattern

FloatArray = NDArray[np.float32]
_SIDE = 128
WORDS = (
    *("SKY", "SUN", "GO", "NOW", "LOVE", "WAVE", "ECHO", "NEW", "HEY", "YES", "RUN", "JAZZ", "POP", "ROCK", "SURF"),
    *("ZEN", "FUN", "AIR", "OH!", "CITY", "NORTH", "OCEAN", "TIGER", "MOON", "LEMON", "RIVER", "BRAVE", "QUIET"),
    *("EXTRA", "FIELD", "VOLT", "1987", "2001", "HIKE", "KIND", "DUSK"),
)
_LETTERS = "ABCDEFGHKLMNPRSTXYZ"
_KINDS = {
    "word": 0.12, "slogan": 0.14, "jersey": 0.12, "letter": 0.06, "label": 0.08, "ring": 0.05, "star": 0.06,
    "flower": 0.06, "box": 0.05, "mosaic": 0.06, "face": 0.05, "badge": 0.07, "peaks": 0.04, "bars": 0.04,
}  # fmt: skip
_Drawing = tuple[FloatArray, FloatArray]
"""Coverage (n, n) of the print and, inside it, how much is in the second colour."""


def make_print(cloth: ClothPattern, rng: np.random.Generator) -> Print:
    """A random print in colours that stand out from the cloth."""
    kind = str(rng.choice(list(_KINDS), p=list(_KINDS.values())))
    color = cloth.second if np.abs(cloth.base - cloth.second).sum() > 0.7 else contrasting_color(cloth.base, rng, 0.9)
    second = contrasting_color(color, rng, 0.7)
    coverage, accent = _draw(kind, rng)
    rgba = np.zeros((_SIDE, _SIDE, 4), np.float32)
    rgba[..., :3] = color + (second - color) * accent[..., None]
    rgba[..., 3] = coverage
    on_back = bool(rng.random() < (0.5 if kind == "jersey" else 0.12))
    if rng.random() < 0.12 and kind not in ("jersey", "slogan"):
        # A logo on the heart side.
        return Print(rgba=rgba, side=float(rng.uniform(0.06, 0.09)), center_height=0.41, center_x=0.062)
    side = float(rng.uniform(0.17, 0.27 if kind in ("jersey", "slogan") else 0.24))
    return Print(rgba=rgba, side=side, center_height=float(rng.uniform(0.345, 0.385)), on_back=on_back)


def _draw(kind: str, rng: np.random.Generator) -> _Drawing:
    none = np.zeros((_SIDE, _SIDE), np.float32)
    y, x = np.mgrid[-1 : 1 : _SIDE * 1j, -1 : 1 : _SIDE * 1j].astype(np.float32)
    radius, angle = np.sqrt(x * x + y * y), arctan2(x, -y)
    if kind in _LETTERINGS:
        return _LETTERINGS[kind](rng)
    if kind == "ring":
        return _inside(0.9 - radius), _inside(rng.uniform(0.35, 0.7) - radius)
    if kind == "star":
        points = int(rng.integers(4, 8))
        sector = np.abs((angle / (2 * np.pi) * points + 0.5) % 1 - 0.5) * 2
        return _inside(0.95 - sector * rng.uniform(0.4, 0.55) - radius), none
    if kind == "flower":
        petals = int(rng.integers(3, 8))
        return _inside(0.92 * (0.62 + 0.38 * cos(petals * angle)) - radius), _inside(0.25 - radius)
    if kind == "box":
        height = rng.uniform(0.25, 0.6)
        return _inside(np.minimum(0.92 - np.abs(x), height - np.abs(y))), _inside(height * 0.4 - np.abs(y))
    if kind == "mosaic":
        half = (rng.random((8, 4)) < 0.55).astype(np.float32)
        return np.kron(np.concatenate([half, half[:, ::-1]], 1), np.ones((16, 16), np.float32)), none
    if kind == "peaks":
        low, high = 0.75 - np.abs(x + 0.3) * 1.4 + y, 0.35 - np.abs(x - 0.4) * 1.2 + y
        peaks = np.minimum(np.maximum(low, high), 0.6 - y)
        return _inside(peaks), _inside(np.maximum(0.3 - low, 0.3 - high)) * _inside(-0.05 - y)
    if kind == "bars":
        count, slope = int(rng.integers(3, 9)), rng.uniform(-0.6, 0.6)
        bars = _inside(0.32 - np.abs(((x + slope * y + 4) * count / 2) % 1 - 0.5))
        return bars * _inside(np.minimum(0.9 - np.abs(x), 0.55 - np.abs(y))), none
    eyes = _inside(0.14 - np.sqrt((np.abs(x) - 0.32) ** 2 + (y + 0.25) ** 2))
    smile = np.minimum(0.09 - np.abs(np.sqrt(x * x + (y - 0.05) ** 2) - 0.48), y - 0.12)
    return _inside(0.92 - radius), np.maximum(eyes, _inside(smile))


def _word(rng: np.random.Generator) -> _Drawing:
    text = _lines([str(rng.choice(WORDS))], 0.98, rng)
    rows = np.arange(_SIDE)[:, None]
    halves = (rows > _SIDE / 2).astype(np.float32) * np.ones_like(text) * float(rng.random() < 0.4)
    return text, halves


def _slogan(rng: np.random.Generator) -> _Drawing:
    """Two to five lines of words, each in one of two colours."""
    count = int(rng.integers(2, 6))
    text = _lines([str(word) for word in rng.choice(WORDS, count, replace=False)], 0.98, rng)
    line = np.arange(_SIDE) * count // _SIDE
    colored = (rng.random(count) < 0.35).astype(np.float32)
    return text, colored[line][:, None] * np.ones_like(text)


def _jersey(rng: np.random.Generator) -> _Drawing:
    """A number, with a name over it or alone."""
    number = str(rng.integers(0, 100))
    if rng.random() < 0.4:
        return _lines([number], 0.98, rng), np.zeros((_SIDE, _SIDE), np.float32)
    square, accent = np.zeros((_SIDE, _SIDE), np.float32), np.zeros((_SIDE, _SIDE), np.float32)
    _stamp(square, _fitted(str(rng.choice(WORDS)), 24, 0.9 * _SIDE, 0.18), 15)
    _stamp(square, _fitted(number, 80, 0.9 * _SIDE, 0.2), 78)
    accent[:30] = float(rng.random() < 0.4)
    return square, accent


def _letter(rng: np.random.Generator) -> _Drawing:
    return _lines([str(rng.choice(list(_LETTERS)))], 0.95, rng), np.zeros((_SIDE, _SIDE), np.float32)


def _label(rng: np.random.Generator) -> _Drawing:
    """A word in a filled box."""
    text = np.zeros((_SIDE, _SIDE), np.float32)
    _stamp(text, _fitted(str(rng.choice(WORDS)), 40, 0.84 * _SIDE, 0.17), _SIDE // 2)
    y = np.linspace(-1, 1, _SIDE, dtype=np.float32)[:, None]
    return _inside((0.45 - np.abs(y)).astype(np.float32)) * np.ones_like(text), text


def _badge(rng: np.random.Generator) -> _Drawing:
    y, x = np.mgrid[-1 : 1 : _SIDE * 1j, -1 : 1 : _SIDE * 1j].astype(np.float32)
    disc = _inside(0.93 - np.sqrt(x * x + y * y))
    return disc, _lines([str(rng.choice(list(_LETTERS)))], 0.6, rng)


_LETTERINGS = {
    "word": _word,
    "slogan": _slogan,
    "jersey": _jersey,
    "letter": _letter,
    "label": _label,
    "badge": _badge,
}


def _inside(distance: FloatArray) -> FloatArray:
    """1 where the signed distance (unit: half the side) is positive, with an edge one texel soft."""
    return np.clip(distance * (_SIDE / 2) + 0.5, 0, 1).astype(np.float32)


def _lines(lines: Sequence[str], share: float, rng: np.random.Generator) -> FloatArray:
    """Lines of text, as large as `share` of the square allows."""
    square = np.zeros((_SIDE, _SIDE), np.float32)
    room = share * _SIDE
    pitch = room / len(lines)
    weight, slant = float(rng.uniform(0.12, 0.24)), float(rng.choice([0.0, 0.2], p=[0.75, 0.25]))
    for index, line in enumerate(lines):
        center = _SIDE / 2 + (index - (len(lines) - 1) / 2) * pitch
        _stamp(square, _fitted(line, int(pitch * 0.74), room, weight, slant), int(center))
    return square


def _fitted(text: str, height: int, room: float, weight: float, slant: float = 0.0) -> FloatArray:
    """A line at most `height` and `room` texels large; words too long become narrower, then lower."""
    room -= 2 * (weight * height / 2 + 1) + slant * height
    stretch = min(1.3, room / text_size(text, height))
    if stretch < 0.6:
        height, stretch = max(8, int(height * stretch / 0.6)), 0.6
    return draw_text(text, height, weight, round(stretch, 3), slant)


def _stamp(square: FloatArray, picture: FloatArray, center_row: int) -> None:
    rows, columns = min(picture.shape[0], _SIDE), min(picture.shape[1], _SIDE)
    top, left = max(0, min(center_row - rows // 2, _SIDE - rows)), (_SIDE - columns) // 2
    place = square[top : top + rows, left : left + columns]
    np.maximum(place, picture[:rows, :columns], out=place)
