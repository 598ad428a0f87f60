"""How a stored picture, the frame of its keypoints and the working picture lie over each other.

Corpora store pictures that do not always have the size that their annotations speak of. Three cases occur: the picture
has the frame's shape, at any size (GFLA and NTED: 750x1101 for a frame of 176x256); it is DeepFashion's square 256x256
around the frame's middle 176 columns (the 40-pixel crop); or it shows those 176 columns and the frame is square (PISE
pads 40 white columns on each side).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from posable.errors import SizeError
from posable.imaging.image import Letterbox, size_of, to_rgb
from posable.imaging.size import Size
from posable.pose.pose import Pose

Fit = Literal["letterbox", "stretch"]
"""How a frame comes to another shape: whole, with its edge pixels repeated around it, or each axis on its own."""

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
        content = self._cut_and_resized(to_rgb(picture), Image.Resampling.BICUBIC, _WHITE)
        return Image.fromarray(self._padded(np.asarray(content), mode="edge"))

    def parsing(self, labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """The working parsing map (h, w); background fills what the map does not cover. Raises SizeError."""
        content = self._cut_and_resized(Image.fromarray(labels), Image.Resampling.NEAREST, 0)
        return self._padded(np.asarray(content), mode="constant")

    def pose(self, pose: Pose) -> Pose:
        """The pose, in `frame`, as it lies in the working picture; what is outside the frame becomes hidden."""
        inside = pose.within_frame()
        return inside.letterboxed(self._letterbox) if self.fit == "letterbox" else inside.resize(self.working)

    def _cut_and_resized(self, picture: Image.Image, resampling: Image.Resampling, fill: int) -> Image.Image:
        found, content = size_of(picture), self._content
        box = frame_in_picture(found, self.frame)
        if box is None and self.any_shape:
            box = (0.0, 0.0, float(found.width), float(found.height))
        if box is None:
            raise SizeError(
                f"is {found}, which cannot show its keypoints' frame of {self.frame}; use the pictures that the "
                "annotations were made for."
            )
        margin = max(0, round(-box[0]))
        if margin:
            picture = _with_margins(picture, margin, fill)
            box = (box[0] + margin, box[1], box[2] + margin, box[3])
        if all(side.is_integer() for side in box) and (box[3] - box[1], box[2] - box[0]) == tuple(content):
            left, top, right, bottom = (int(side) for side in box)
            return picture.crop((left, top, right, bottom))
        # Rounding of odd widths may leave the box a fraction of a pixel outside.
        box = (max(box[0], 0.0), box[1], min(box[2], float(picture.width)), box[3])
        return picture.resize((content.width, content.height), resampling, box=box)

    @property
    def _letterbox(self) -> Letterbox:
        return Letterbox(self.frame, self.working)

    @property
    def _content(self) -> Size:
        return self._letterbox.content if self.fit == "letterbox" else self.working

    def _padded(self, pixels: npt.NDArray[np.uint8], mode: Literal["edge", "constant"]) -> npt.NDArray[np.uint8]:
        left, top = self._letterbox.offset if self.fit == "letterbox" else (0, 0)
        bottom = self.working.height - pixels.shape[0] - top
        right = self.working.width - pixels.shape[1] - left
        margins = ((top, bottom), (left, right), (0, 0))[: pixels.ndim]
        return np.pad(pixels, margins, mode=mode) if any(map(any, margins)) else pixels


def _with_margins(picture: Image.Image, columns: int, fill: int) -> Image.Image:
    color = (fill, fill, fill) if picture.mode == "RGB" else fill
    canvas = Image.new(picture.mode, (picture.width + 2 * columns, picture.height), color)
    canvas.paste(picture, (columns, 0))
    return canvas
