"""The steps of push-pull filling, compiled by numba when first needed."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]


@numba.njit(cache=True, nogil=True)  # pyright: ignore[reportUntypedFunctionDecorator]
def halved(weighted: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Sums over cells of 2x2, with weights of at most 1."""
    h, w, channels = weighted.shape
    rows, columns = (h + 1) // 2, (w + 1) // 2
    out, out_weight = np.zeros((rows, columns, channels), np.float32), np.zeros((rows, columns), np.float32)
    for row in range(h):
        for column in range(w):
            if weight[row, column] > 0:
                out_weight[row // 2, column // 2] += weight[row, column]
                for c in range(channels):
                    out[row // 2, column // 2, c] += weighted[row, column, c]
    for row in range(rows):
        for column in range(columns):
            total = out_weight[row, column]
            if total > 1:
                for c in range(channels):
                    out[row, column, c] /= total
                out_weight[row, column] = 1
    return out, out_weight


@numba.njit(cache=True, nogil=True)  # pyright: ignore[reportUntypedFunctionDecorator]
def pulled(coarse: Floats, weighted: Floats, weight: Floats) -> Floats:
    """What is known, over the coarser grid enlarged bilinearly."""
    h, w, channels = weighted.shape
    rows, columns = coarse.shape[:2]
    out = weighted.copy()
    for row in range(h):
        y = min(max((row + 0.5) / 2 - 0.5, 0.0), rows - 1.0)
        top = int(y)
        below, fy = min(top + 1, rows - 1), y - top
        for column in range(w):
            rest = 1 - weight[row, column]
            if rest <= 0:
                continue
            x = min(max((column + 0.5) / 2 - 0.5, 0.0), columns - 1.0)
            left = int(x)
            right, fx = min(left + 1, columns - 1), x - left
            for c in range(channels):
                upper = coarse[top, left, c] * (1 - fx) + coarse[top, right, c] * fx
                lower = coarse[below, left, c] * (1 - fx) + coarse[below, right, c] * fx
                out[row, column, c] += rest * (upper * (1 - fy) + lower * fy)
    return out
