"""Bold prints for the chest and back of garments: letters, numbers, shapes; RGBA float32 in [0, 1]."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from posable.people.colors import contrasting_color
from posable.people.geometry import arctan2, cos
from posable.people.materials import Print
from posable.people.patterns import Pattern

FloatArray = NDArray[np.float32]
_SIDE = 128
_WORDS = (
    *("SKY", "SUN", "GO", "NOW", "LOVE", "WAVE", "ECHO", "NEW", "HEY", "YES", "RUN", "JAZZ"),
    *("POP", "ROCK", "SURF", "ZEN", "FUN", "AIR", "OH!", "CITY", "1987", "2001"),
)
_LETTERS = "ABCDEFGHKLMNPRSTXYZ&?"


def make_print(cloth: Pattern, rng: np.random.Generator) -> Print:
    """A random print in colours that stand out from the cloth."""
    kind = rng.choice(["word", "number", "letter", "ring", "star", "flower", "box", "mosaic", "face", "badge"])
    color = cloth.second if np.abs(cloth.base - cloth.second).sum() > 0.7 else contrasting_color(cloth.base, rng, 0.9)
    second = contrasting_color(color, rng, 0.7)
    coverage, accent = _draw(str(kind), rng)
    rgba = np.zeros((_SIDE, _SIDE, 4), np.float32)
    rgba[..., :3] = color + (second - color) * accent[..., None]
    rgba[..., 3] = coverage
    side = float(rng.uniform(0.15, 0.24))
    return Print(
        rgba=rgba, side=side, center_height=float(rng.uniform(0.345, 0.385)), on_back=bool(rng.random() < 0.12)
    )


def _draw(kind: str, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Coverage (n, n) of the print and, inside it, how much is in the second colour."""
    none = np.zeros((_SIDE, _SIDE), np.float32)
    y, x = np.mgrid[-1 : 1 : _SIDE * 1j, -1 : 1 : _SIDE * 1j].astype(np.float32)
    radius, angle = np.hypot(x, y), arctan2(x, -y)
    if kind == "word":
        return _text(str(rng.choice(_WORDS))), (y > 0).astype(np.float32) * float(rng.random() < 0.4)
    if kind == "number":
        return _text(str(rng.integers(1, 100))), none
    if kind == "letter":
        return _text(str(rng.choice(list(_LETTERS)))), none
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
    if kind == "face":
        eyes = _inside(0.14 - np.hypot(np.abs(x) - 0.32, y + 0.25))
        mouth = _inside(np.minimum(0.09 - np.abs(np.hypot(x, y - 0.05) - 0.48), y - 0.12))
        return _inside(0.92 - radius), np.maximum(eyes, mouth)
    badge = _inside(0.93 - radius)
    return badge, _text(str(rng.choice(list(_LETTERS))), 0.62)


def _inside(distance: FloatArray) -> FloatArray:
    """1 where the signed distance (unit: half the side) is positive, with an edge one texel soft."""
    return np.clip(distance * (_SIDE / 2) + 0.5, 0, 1).astype(np.float32)


@lru_cache(maxsize=64)
def _text(text: str, share: float = 0.96) -> FloatArray:
    """The text, drawn as large as `share` of the square allows and made bold."""
    font = ImageFont.load_default(96)
    left, top, right, bottom = font.getbbox(text, stroke_width=3)
    picture = Image.new("L", (int(right - left) + 2, int(bottom - top) + 2))
    ImageDraw.Draw(picture).text((1 - left, 1 - top), text, fill=255, font=font, stroke_width=3, stroke_fill=255)
    room = share * _SIDE
    scale = min(room / picture.width, room / picture.height)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    square = Image.new("L", (_SIDE, _SIDE))
    corner = ((_SIDE - size[0]) // 2, (_SIDE - size[1]) // 2)
    square.paste(picture.resize(size, Image.Resampling.LANCZOS), corner)
    return (np.asarray(square) / 255).astype(np.float32)
