"""SSIM's map of 8-bit pictures for numba, in one pass over each picture; imported only when numba is installed."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(cache=True, nogil=True, fastmath={"contract"})  # pyright: ignore[reportUntypedFunctionDecorator]
def add_similarity(
    image: NDArray[np.uint8],
    other: NDArray[np.uint8],
    window: NDArray[np.float32],
    c1: NDArray[np.float32],
    c2: NDArray[np.float32],
    found: NDArray[np.float32],
) -> None:
    """Adds the mean over colours of the similarity around each pixel of (n, 3, h, w) to `found` (n, h, w).

    The symmetric `window` (side,) lies on both axes; edges are mirrored, the edge pixel repeated. `c1` and `c2` (n,)
    are twice the paper's constants. As in `posable.metrics.ssim`, moments are those of sum and difference.
    """
    n, colours, height, width = image.shape
    radius = len(window) // 2
    total = np.empty((height, width), np.float32)
    difference = np.empty((height, width), np.float32)
    # Of one row: sum, difference and their squares under the window's vertical axis, then under both.
    down = np.empty((4, width + 2 * radius), np.float32)
    across = np.empty((4, width), np.float32)
    s_down, d_down = down[0, radius : radius + width], down[1, radius : radius + width]
    ss_down, dd_down = down[2, radius : radius + width], down[3, radius : radius + width]
    share = np.float32(1 / colours)
    for index in range(n):
        for colour in range(colours):
            levels = 0
            for y in range(height):
                for x in range(width):
                    levels += np.int64(image[index, colour, y, x]) + np.int64(other[index, colour, y, x])
            middle = np.float32(levels / (height * width))
            for y in range(height):
                for x in range(width):
                    a, b = np.float32(image[index, colour, y, x]), np.float32(other[index, colour, y, x])
                    total[y, x] = a + b - middle
                    difference[y, x] = a - b
            for y in range(height):
                # The window is symmetric: two rows, and later two columns, share a weight. Rows and shifted columns
                # are arrays of their own, so that every index is a plain counter and the loops become vector code.
                weight = window[radius]
                s_row, d_row = total[y], difference[y]
                for x in range(width):
                    s_down[x] = weight * s_row[x]
                    d_down[x] = weight * d_row[x]
                    ss_down[x] = weight * (s_row[x] * s_row[x])
                    dd_down[x] = weight * (d_row[x] * d_row[x])
                for tap in range(1, radius + 1):
                    above = y - tap if y >= tap else tap - y - 1
                    below = y + tap if y + tap < height else 2 * height - 1 - y - tap
                    weight = window[radius + tap]
                    s_row, d_row, s_low, d_low = total[above], difference[above], total[below], difference[below]
                    for x in range(width):
                        s_down[x] += weight * (s_row[x] + s_low[x])
                        d_down[x] += weight * (d_row[x] + d_low[x])
                        ss_down[x] += weight * (s_row[x] * s_row[x] + s_low[x] * s_low[x])
                        dd_down[x] += weight * (d_row[x] * d_row[x] + d_low[x] * d_low[x])
                for moment in range(4):
                    padded, blurred = down[moment], across[moment]
                    for x in range(radius):
                        padded[radius - 1 - x] = padded[radius + x]
                        padded[radius + width + x] = padded[radius + width - 1 - x]
                    centre, weight = padded[radius:], window[radius]
                    for x in range(width):
                        blurred[x] = weight * centre[x]
                    for tap in range(1, radius + 1):
                        left, right, weight = padded[radius - tap :], padded[radius + tap :], window[radius + tap]
                        for x in range(width):
                            blurred[x] += weight * (left[x] + right[x])
                for x in range(width):
                    s, d = across[0, x], across[1, x]
                    of_total = max(across[2, x] - s * s, np.float32(0))
                    of_difference = max(across[3, x] - d * d, np.float32(0))
                    square, other_square = (s + middle) * (s + middle), d * d
                    luminance = (square - other_square + c1[index]) / (square + other_square + c1[index])
                    structure = (of_total - of_difference + c2[index]) / (of_total + of_difference + c2[index])
                    found[index, y, x] += share * (luminance * structure)
