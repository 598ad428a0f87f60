"""A rotated square in a picture: where a network looks, and the way back from its frame to the picture's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from posable.imaging.size import Size


@dataclass(frozen=True)
class Region:
    """A square with its centre (x, y) and side in picture px; at `angle` 0 its top is towards the picture's top.

    The angle is in radians and turns clockwise as seen: at pi/2 the square's top is towards the picture's right.
    The square may reach outside the picture. Inside it, points have unit coordinates: (0, 0) is its top-left corner
    and (1, 1) its bottom-right one.
    """

    center: tuple[float, float]
    side: float
    angle: float = 0.0

    @classmethod
    def around_frame(cls, size: Size) -> Region:
        """The smallest upright square with the whole picture in its middle, as in letterboxing."""
        return cls((size.width / 2, size.height / 2), float(max(size)))

    @classmethod
    def from_alignment(cls, center: npt.ArrayLike, rim: npt.ArrayLike, enlargement: float) -> Region:
        """The square around a circle with this centre and this point on its rim, enlarged; the rim point is its top.

        The two are BlazePose's alignment points: the middle of the hips, and a point above the head from there.
        """
        (center_x, center_y), (rim_x, rim_y) = np.asarray(center, float), np.asarray(rim, float)
        angle = math.atan2(rim_x - center_x, center_y - rim_y)
        radius = math.hypot(rim_x - center_x, rim_y - center_y)
        return cls((float(center_x), float(center_y)), 2 * radius * enlargement, angle)

    def to_image(self, unit: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Unit coordinates (..., 2) of this square as picture px (..., 2)."""
        return (np.asarray(unit, np.float64) - 0.5) * self.side @ self._axes() + np.asarray(self.center)

    def to_unit(self, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Picture px (..., 2) as unit coordinates (..., 2) of this square."""
        return (np.asarray(points, np.float64) - np.asarray(self.center)) @ self._axes().T / self.side + 0.5

    def turned_to_image(self, vectors: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Vectors (..., 3) whose x and y run along this square's sides, with x and y along the picture's."""
        turned = np.array(vectors, np.float64)
        turned[..., :2] = turned[..., :2] @ self._axes()
        return turned

    def crop(
        self, image: Image.Image, pixels: int, *, outside: Literal["black", "edge"] = "black"
    ) -> npt.NDArray[np.float32]:
        """The square as float32 (pixels, pixels, 3) in [0, 1], from an RGB picture.

        What lies outside the picture is black, or goes on as the picture's nearest edge pixel does.
        """
        corners = self.to_image([[0, 0], [1, 0], [0, 1], [1, 1]])
        frame = np.array([image.width, image.height])
        least, most = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0))
        low, high = np.clip(least, 0, frame).astype(int), np.clip(most, 0, frame).astype(int)
        if (high <= low).any():
            return np.zeros((pixels, pixels, 3), np.float32)
        # A bilinear warp alone would alias when it shrinks: average whole blocks of pixels first.
        step = max(1, int(self.side / pixels))
        source = image.reduce(step, box=(*low.tolist(), *high.tolist()))
        if outside == "edge":
            (left, top), (right, bottom) = (
                np.ceil(np.maximum(low - least, 0) / step).astype(int).tolist(),
                np.ceil(np.maximum(most - high, 0) / step).astype(int).tolist(),
            )
            source = Image.fromarray(np.pad(np.asarray(source), ((top, bottom), (left, right), (0, 0)), "edge"))
            low = low - np.array([left, top]) * step
        rightwards, downwards = self._axes() * (self.side / pixels / step)
        start = (self.to_image([0, 0]) - low) / step
        matrix = (rightwards[0], downwards[0], start[0], rightwards[1], downwards[1], start[1])
        warped = source.transform((pixels, pixels), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
        return (np.asarray(warped, np.float32) / 255).astype(np.float32, copy=False)

    def paste(self, values: npt.NDArray[np.float32], size: Size) -> npt.NDArray[np.float32]:
        """A map (pixels, pixels) of the square as one of the whole picture (height, width); 0 outside the square."""
        pixels = values.shape[0]
        rightwards, downwards = self._axes() * (pixels / self.side)
        start = self.to_unit([0, 0]) * pixels
        matrix = (*rightwards, start[0], *downwards, start[1])
        layer = Image.fromarray(np.ascontiguousarray(values, np.float32))
        warped = layer.transform((size.width, size.height), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
        return np.asarray(warped, np.float32)

    def is_near(self, other: Region) -> bool:
        """Whether the two differ by less than 3 % of the side in place, 6 % in side and 5 degrees in angle."""
        shift = math.hypot(self.center[0] - other.center[0], self.center[1] - other.center[1])
        turn = abs(math.remainder(self.angle - other.angle, 2 * math.pi))
        growth = abs(math.log(max(self.side, 1e-6) / max(other.side, 1e-6)))
        return shift < 0.03 * other.side and growth < 0.06 and turn < math.radians(5)

    def _axes(self) -> npt.NDArray[np.float64]:
        """The square's rightward and downward unit vectors, one per row, in the picture's frame."""
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        return np.array([[cos, sin], [-sin, cos]])
