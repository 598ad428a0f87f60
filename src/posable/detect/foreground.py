"""The colours of a person without the background that shines through at the edge.

Forte, "Approximate fast foreground colour estimation", ICIP 2021: the foreground's colour at an edge is the mean of the
colours around, weighted by the matte, mended so that foreground and background mix to the pixel that was seen. Twice:
widely, for hair, and closely. What is different: weights grow with the matte's fourth power, so that the person's own
colours count more than those of its edge.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

_WIDE_RADIUS, _CLOSE_RADIUS = 0.02, 0.004
"""Of the picture's larger side."""
_LEAST_WEIGHT = np.float32(1e-4)
_STRIP_ROWS = 384

_Map = npt.NDArray[np.float32]


def foreground_colors(picture: npt.NDArray[np.uint8], matte: _Map) -> npt.NDArray[np.uint8]:
    """Colours (h, w, 3) of what `matte` (h, w), in [0, 1], takes out of an RGB picture (h, w, 3); black where it is 0.

    Pixels that are wholly foreground keep their colours.
    """
    assert picture.shape[:2] == matte.shape, f"a matte of {matte.shape} does not fit a picture of {picture.shape}"
    side = max(matte.shape)
    wide, close = max(8, round(_WIDE_RADIUS * side)), max(2, round(_CLOSE_RADIUS * side))
    halo = wide + close
    result = np.where(matte[..., None] > 0, picture, 0).astype(np.uint8)
    for top in range(0, len(matte), _STRIP_ROWS):
        # Strip by strip, with what the means reach: a large photograph's planes would not fit beside each other.
        first, last = max(top - halo, 0), min(top + _STRIP_ROWS + halo, len(matte))
        share = matte[first:last]
        rows = slice(top, min(top + _STRIP_ROWS, len(matte)))
        inner = slice(rows.start - first, rows.stop - first)
        edge = (share[inner] > 0) & (share[inner] < 1)
        if not edge.any():
            continue
        for channel in range(3):
            seen = picture[first:last, :, channel].astype(np.float32)
            front, back = _unmixed(seen, share, seen, seen, wide)
            front, _ = _unmixed(seen, share, front, back, close)
            levels = np.clip(front[inner][edge] + 0.5, 0, 255).astype(np.uint8)
            result[rows, :, channel][edge] = levels
    return result


def _unmixed(seen: _Map, share: _Map, front: _Map, back: _Map, radius: int) -> tuple[_Map, _Map]:
    """Better colours (h, w) of foreground and background, of one channel, than `front` and `back`."""
    side = 2 * radius + 1
    rest = np.subtract(1, share, dtype=np.float32)
    front_mean, back_mean = _mean(front, share**4, side), _mean(back, rest**4, side)
    missing = seen - share * front_mean - rest * back_mean
    return np.add(front_mean, share * missing, dtype=np.float32), back_mean


def _mean(values: _Map, weights: _Map, side: int) -> _Map:
    """Weighted means over squares of `side` px; where nothing in the square weighs anything, the values themselves."""
    total: Any = ndimage.uniform_filter(weights, side, mode="nearest")
    mean: Any = ndimage.uniform_filter(values * weights, side, mode="nearest")
    return np.where(total > _LEAST_WEIGHT, mean / np.maximum(total, _LEAST_WEIGHT), values)
