"""The guided filter (He, Sun and Tang, "Guided image filtering", ECCV 2010): maps whose edges are those of a picture.

Around each pixel a map is taken for a linear function of the picture's colours; where the picture has an edge, so has
the result. The coefficients may be found on a small picture and applied to a large one ("Fast guided filter", 2015).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Float32
from scipy import ndimage

Floats = npt.NDArray[np.floating]
WHOLE = np.s_[:, :]


class GuidedFilter:
    """What depends on the picture alone, once; then any number of maps."""

    def __init__(self, guide: Float32[np.ndarray, "h w 3"], radius_px: int, epsilon: float) -> None:
        """`guide` is the picture in any units; `epsilon`, in those units squared, is the variance from which on a step
        counts as an edge; `radius_px` is half the side of the squares in which the functions are fitted."""
        self.channels = [np.ascontiguousarray(guide[..., channel], np.float32) for channel in range(3)]
        self.side = 2 * radius_px + 1
        self.means = [self._mean(channel) for channel in self.channels]
        self.inverse = _inverse(
            [self._covariance(row, column) for row in range(3) for column in range(row, 3)], epsilon
        )

    def __call__(self, values: Float32[np.ndarray, "h w"]) -> Float32[np.ndarray, "h w"]:
        """The map with the picture's edges, at the picture's size; it may go a little beyond the map's own range."""
        return applied(self.coefficients(values), self.channels)

    def coefficients(
        self, values: Float32[np.ndarray, "h w"], window: tuple[slice, slice] = WHOLE
    ) -> Float32[np.ndarray, "4 H W"]:
        """The linear functions in a window of the map: three slopes, one for each colour, and an offset."""
        part = np.ascontiguousarray(values[window])
        mean = self._mean(part)
        channels, means = ([plane[window] for plane in planes] for planes in (self.channels, self.means))
        shared = [self._mean(one * part) - around * mean for one, around in zip(channels, means, strict=True)]
        inverse = self.inverse
        slopes = [sum(inverse[row][column][window] * shared[column] for column in range(3)) for row in range(3)]
        offset = mean - sum(slope * around for slope, around in zip(slopes, means, strict=True))
        return np.stack([self._mean(plane) for plane in (*slopes, offset)])

    def _covariance(self, row: int, column: int) -> Floats:
        return self._mean(self.channels[row] * self.channels[column]) - self.means[row] * self.means[column]

    def _mean(self, values: Any) -> Floats:
        """Over squares, the border's pixels repeated beyond it."""
        return np.asarray(ndimage.uniform_filter(values, self.side, mode="nearest"))


def applied(coefficients: Float32[np.ndarray, "4 h w"], channels: list[Floats]) -> Float32[np.ndarray, "h w"]:
    """Linear functions of the colours (h, w) of a picture, at the picture's size."""
    result = coefficients[3].copy()
    for slope, channel in zip(coefficients[:3], channels, strict=True):
        result += slope * channel
    return result


def _inverse(triangle: list[Floats], epsilon: float) -> list[list[Floats]]:
    """Of a symmetric 3x3 matrix at each pixel, from its upper triangle row by row and `epsilon` on its diagonal: by
    Cramer's rule, a fifth of the time of a general solver on many small matrices."""
    a, b, c, d, e, f = triangle
    a, d, f = (diagonal + np.float32(epsilon) for diagonal in (a, d, f))
    rows: list[list[Floats]] = [
        [d * f - e * e, c * e - b * f, b * e - c * d],
        [a * f - c * c, b * c - a * e],
        [a * d - b * b],
    ]
    determinant = a * rows[0][0] + b * rows[0][1] + c * rows[0][2]
    rows = [[cofactor / determinant for cofactor in row] for row in rows]
    return [rows[0], [rows[0][1], *rows[1]], [rows[0][2], rows[1][1], *rows[2]]]
