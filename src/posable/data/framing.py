"""How a stored picture, the frame of its keypoints and the working picture lie over each other.

Corpora store pictures that do not always have the size that their annotations speak of. Three cases occur: the picture
has the frame's shape, at any size (GFLA and NTED: 750x1101 for a frame of 176x256); it is DeepFashion's square 256x256
around the frame's middle 176 columns (the 40-pixel crop); or it shows those 176 columns and the frame is square (PISE
pads 40 white columns on each side).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image

from posable.errors import SizeError
from posable.imaging.frame import Fit, Frame, Window
from posable.imaging.image import size_of
from posable.imaging.size import Size
from posable.pose.pose import Pose

SHAPE_TOLERANCE = 0.02
_SQUARE_SHOWS = 176 / 256
_WHITE = 255


def frame_in_picture(picture: Size, frame: Size) -> tuple[float, float, float, float] | None:
    """Left, top, right and bottom of the keypoint frame in px of a picture; None when the shapes do not go together.

    The box may reach over the picture's sides, where white belongs.
    """
    shape, frame_shape = picture.width / picture.height, frame.width / frame.height
    if abs(shape / frame_shape - 1) <= SHAPE_TOLERANCE:
        return 0.0, 0.0, float(picture.width), float(picture.height)
    cut = _alike(shape, 1.0) and _alike(frame_shape, _SQUARE_SHOWS)
    padded = _alike(shape, _SQUARE_SHOWS) and _alike(frame_shape, 1.0)
    if not (cut or padded):
        return None
    width = picture.height * frame_shape
    left = (picture.width - width) / 2
    return left, 0.0, left + width, float(picture.height)


def _alike(shape: float, other: float) -> bool:
    return abs(shape / other - 1) <= SHAPE_TOLERANCE


@dataclass(frozen=True)
class Framing:
    """From pictures whose keypoints are in `frame` to pictures of `working` size."""

    frame: Size
    working: Size
    fit: Fit = "letterbox"
    any_shape: bool = False
    """Whether pictures of a shape that cannot show the frame are stretched to it; else they are refused."""

    def picture(self, picture: Image.Image) -> Image.Image:
        """The working picture, resized once, bicubic; pixels are copied where nothing changes size.

        Raises SizeError when the picture cannot show the frame, unless `any_shape`.
        """
        return self._of(size_of(picture)).picture(picture, kernel="bicubic", outside=_WHITE)

    def parsing(self, labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """The working parsing map (h, w); background fills what the map does not cover. Raises SizeError."""
        return self._of(Size(*labels.shape)).labels(labels)

    def pose(self, pose: Pose) -> Pose:
        """The pose, in `frame`, as it lies in the working picture; what is outside the frame becomes hidden."""
        return Frame.fitted(self.frame, self.working, self.fit).pose(pose.within_frame())

    def _of(self, found: Size) -> Frame:
        """The way from a stored picture of size `found`."""
        box = frame_in_picture(found, self.frame)
        if box is None and self.any_shape:
            box = (0.0, 0.0, float(found.width), float(found.height))
        if box is None:
            raise SizeError(
                f"is {found}, which cannot show its keypoints' frame of {self.frame}; use the pictures that the "
                "annotations were made for."
            )
        left, top, right, bottom = box
        there = Frame.fitted(self.frame, self.working, self.fit)
        return replace(there, picture_size=found, window=Window(left, top, right - left, bottom - top))
