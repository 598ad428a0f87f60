"""Letters and digits drawn as strokes, so that prints don't depend on any font or version of Pillow."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

_STROKES = {
    "A": "062046 1333", "B": "003041423303 3344453606 0006", "C": "4130100105163645", "D": "00204244260600",
    "E": "40000646 0333", "F": "400006 0333", "G": "41301001051636454323", "H": "0006 4046 0343", "I": "2026 1030 1636",
    "J": "4045361605", "K": "0006 400346", "L": "000646", "M": "0600234046", "N": "06004640", "O": "103041453616050110",
    "P": "06003041423303", "Q": "103041453616050110 2446", "R": "06003041423303 2346", "S": "413010010213334445361605",
    "T": "0040 2026", "U": "000516364540", "V": "002640", "W": "0016233640", "X": "0046 4006", "Y": "002340 2326",
    "Z": "00400646", "0": "103041453616050110 3115", "1": "112026 1636", "2": "01103041420646",
    "3": "01103041423313 334445361605",
    "4": "36300444", "5": "400002324345361605", "6": "413010010516364544331304", "7": "004016",
    "8": "103041423313020110 3344453616050413", "9": "051636454130100102133342", "!": "2024 2626",
    "?": "01103041422324 2626", "-": "1333", ".": "2626", " ": "",
}  # fmt: skip
"""Polylines of points (x from 0 to 4, y from 0 to 6 downwards), two digits a point."""
_ADVANCE, _WIDTH, _HEIGHT = 5.6, 4.0, 6.0
CHARACTERS = "".join(_STROKES)


def text_size(text: str, height: float, stretch: float = 1.0) -> float:
    """The width of the text, in the unit of `height`; letters are `stretch` times as wide as by default."""
    return ((len(text) - 1) * _ADVANCE + _WIDTH) * stretch * height / _HEIGHT


@lru_cache(maxsize=256)
def draw_text(text: str, height: int, weight: float, stretch: float = 1.0, slant: float = 0.0) -> FloatArray:
    """Coverage in [0, 1] of a line of text (rows, columns), cropped to it; letters are `height` pixels high.

    `weight` is the strokes' width relative to the height, `slant` how far letters lean, relatively, to the right.
    """
    unit = height / _HEIGHT
    half = max(weight * height / 2, 0.6)
    margin = int(np.ceil(half)) + 1
    lean = slant * height
    columns = int(np.ceil(text_size(text, height, stretch) + abs(lean))) + 2 * margin
    y, x = np.mgrid[0 : height + 2 * margin, 0:columns].astype(np.float32) - np.float32(margin)
    x = x - np.float32(max(lean, 0)) + np.float32(slant) * y
    coverage = np.zeros(x.shape, np.float32)
    for place, character in enumerate(text):
        left = place * _ADVANCE * unit * stretch
        reach = half + 2 + abs(lean)
        first = max(0, int(left - reach) + margin)
        last = min(columns, int(left + _WIDTH * unit * stretch + reach) + margin + 2)
        window = np.s_[:, first:last]
        distance = _distance(x[window] - np.float32(left), y[window], character, unit, unit * stretch)
        coverage[window] = np.maximum(coverage[window], np.clip(half - distance + 0.5, 0, 1))
    return coverage


def _distance(x: FloatArray, y: FloatArray, character: str, unit: float, unit_x: float) -> FloatArray:
    """Pixels from the strokes of a character whose upper left corner is the origin."""
    nearest = np.full(x.shape, np.inf, np.float32)
    for line in _STROKES[character].split():
        points = [(int(line[k]) * unit_x, int(line[k + 1]) * unit) for k in range(0, len(line), 2)]
        for (ax, ay), (bx, by) in pairwise(points):
            dx, dy = bx - ax, by - ay
            share = np.clip(((x - ax) * dx + (y - ay) * dy) / max(dx * dx + dy * dy, 1e-6), 0, 1)
            across, down = x - ax - share * dx, y - ay - share * dy
            nearest = np.minimum(nearest, np.sqrt(across * across + down * down))
    return nearest
