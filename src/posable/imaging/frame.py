"""Frames: how a picture and the frame that something works in lie over each other; every way there and back is here.

A frame shows a window of the picture. The window is scaled to `content` px, each axis by a factor of its own, and lies
at `offset` in the frame; around it, images go on with their edge pixels, parsing maps are background and masks are 0.
Points are (x, y) in px, the centre of the top-left pixel is (0.5, 0.5), so points and pixels agree on both sides.

    >>> frame = Frame.letterbox(Size(1024, 768), Size(256, 176))
    >>> frame.content, frame.offset
    (Size(height=235, width=176), (0, 10))
    >>> frame.points_back(frame.points([[384.0, 512.0]]))
    array([[384., 512.]], dtype=float32)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor
from torch.nn import functional

from posable.errors import SizeError
from posable.imaging.image import size_of, to_rgb
from posable.imaging.size import Size
from posable.pose.pose import Pose, PoseBatch

Kernel = Literal["lanczos", "bicubic", "nearest"]
"""How pictures are resampled; tensors are resampled bilinearly, antialiased where they shrink."""
Fit = Literal["letterbox", "stretch"]
"""How a picture comes to another shape: whole, with its edge pixels repeated around it, or each axis on its own."""

_RESAMPLING = {
    "lanczos": Image.Resampling.LANCZOS,
    "bicubic": Image.Resampling.BICUBIC,
    "nearest": Image.Resampling.NEAREST,
}
_ROUNDING = 1e-6
Label = TypeVar("Label", bound=np.generic)


class Window(NamedTuple):
    """An upright rectangle of a picture, in px of the picture; it may reach beyond the picture's border."""

    left: float
    top: float
    width: float
    height: float

    @classmethod
    def whole(cls, picture: Size) -> Window:
        return cls(0, 0, picture.width, picture.height)

    @property
    def is_on_pixels(self) -> bool:
        """Whether all four sides lie between pixels."""
        return all(float(side).is_integer() for side in self)

    def is_inside(self, picture: Size) -> bool:
        right, bottom = self.left + self.width, self.top + self.height
        return self.left >= 0 and self.top >= 0 and right <= picture.width and bottom <= picture.height

    def holds(self, points: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """For each of the points (..., 2) whether it lies in the window."""
        inner = np.asarray(points, np.float64) - [self.left, self.top]
        return np.asarray(((inner >= 0) & (inner <= [self.width, self.height])).all(-1))


@dataclass(frozen=True)
class Frame:
    """The way between a picture and a working frame; made by `letterbox`, `stretch`, `centred` or `sampled`."""

    picture_size: Size
    size: Size
    """Of the working frame."""
    window: Window
    """The part of the picture that the frame shows."""
    content: Size
    """Of the window in the frame."""
    offset: tuple[int, int]
    """Left and top of the window in the frame, px."""

    def __post_init__(self) -> None:
        if min(*self.picture_size, *self.size, *self.content) < 1 or min(self.window.width, self.window.height) <= 0:
            raise SizeError(f"cannot fit {self.picture_size} into {self.size}; both need at least one pixel a side.")

    @classmethod
    def letterbox(cls, picture: Size, size: Size, window: Window | None = None) -> Frame:
        """The picture, or a window of it, scaled to fit and centred. The content has whole pixels and both axes are
        scaled by content / window exactly, so the aspect ratio changes by less than one pixel of the frame."""
        if min(*picture, *size) < 1:
            raise SizeError(f"cannot fit {picture} into {size}; both need at least one pixel a side.")
        window = window or Window.whole(picture)
        scale = min(size.height / window.height, size.width / window.width)
        content = Size(max(1, round(window.height * scale)), max(1, round(window.width * scale)))
        return cls.centred(picture, content, size, window)

    @classmethod
    def stretch(cls, picture: Size, size: Size) -> Frame:
        """The whole picture, each axis scaled on its own."""
        return cls(picture, size, Window.whole(picture), size, (0, 0))

    @classmethod
    def fitted(cls, picture: Size, size: Size, fit: Fit) -> Frame:
        return cls.letterbox(picture, size) if fit == "letterbox" else cls.stretch(picture, size)

    @classmethod
    def centred(cls, picture: Size, content: Size, size: Size, window: Window | None = None) -> Frame:
        """The picture, or a window of it, scaled to `content` in the middle of a frame of `size`."""
        offset = (size.width - content.width) // 2, (size.height - content.height) // 2
        return cls(picture, size, window or Window.whole(picture), content, offset)

    @classmethod
    def sampled(cls, picture: Size, window: Window, size: Size) -> Frame:
        """A window, which may reach beyond the picture and between its pixels, scaled to fill the frame."""
        return cls(picture, size, window, size, (0, 0))

    @property
    def shows_whole_picture(self) -> bool:
        return self.window == Window.whole(self.picture_size)

    @property
    def scale(self) -> npt.NDArray[np.float64]:
        """Px of the frame per px of the picture, (x, y)."""
        return np.array([self.content.width / self.window.width, self.content.height / self.window.height])

    @property
    def margins(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of the frame around the content, px."""
        left, top = self.offset
        return left, top, self.size.width - self.content.width - left, self.size.height - self.content.height - top

    def with_size(self, size: Size) -> Frame:
        """The same window in a frame of another size and about the same proportions."""
        return Frame.letterbox(self.picture_size, size, self.window)

    def of_smaller_picture(self, size: Size) -> Frame:
        """The frame for the same picture brought to another size."""
        y, x = size.height / self.picture_size.height, size.width / self.picture_size.width
        left, top, width, height = self.window
        return replace(self, picture_size=size, window=Window(left * x, top * y, width * x, height * y))

    # ---- points and poses

    def points(self, xy: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Points (..., 2), x and y in px of the picture, in the frame."""
        inner = np.asarray(xy, np.float64) - [self.window.left, self.window.top]
        return (inner * self.scale + self.offset).astype(np.float32)

    def points_back(self, xy: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Points (..., 2), x and y in px of the frame, in the picture."""
        inner = (np.asarray(xy, np.float64) - self.offset) / self.scale
        return (inner + np.array([self.window.left, self.window.top])).astype(np.float32)

    def pose(self, pose: Pose) -> Pose:
        """A pose of the picture in the frame; keypoints outside the frame stay where they are. Raises SizeError."""
        if pose.size != self.picture_size:
            raise SizeError(f"the pose is in a frame of {pose.size}, but this one is made for {self.picture_size}.")
        return Pose(self.points(pose.keypoints), pose.visible, self.size)

    def pose_back(self, pose: Pose) -> Pose:
        """The inverse of `pose`; keypoints outside the picture become hidden. Raises SizeError."""
        if pose.size != self.size:
            raise SizeError(f"the pose is in a frame of {pose.size}, but this one gives {self.size}.")
        return Pose(self.points_back(pose.keypoints), pose.visible, self.picture_size).within_frame()

    def poses(self, poses: PoseBatch) -> PoseBatch:
        """A batch of poses in the frame; they may come in any size of the same picture."""
        # Whole pictures first take the content's size, as images do; so the numbers agree with theirs to the last bit.
        window = self.window
        if self.shows_whole_picture:
            shift = poses.keypoints.new_tensor(self.offset)
            return PoseBatch(poses.resize(self.content).keypoints + shift, poses.visible, self.size)
        inner = poses.resize(self.picture_size).keypoints - poses.keypoints.new_tensor([window.left, window.top])
        scaled = inner * poses.keypoints.new_tensor(self.scale) + poses.keypoints.new_tensor(self.offset)
        return PoseBatch(scaled, poses.visible, self.size)

    # ---- PIL pictures

    def picture(self, picture: Image.Image, *, kernel: Kernel = "lanczos", outside: int | None = None) -> Image.Image:
        """The picture in the frame, RGB. `outside` is the grey level of what a window shows beyond the picture's
        border; by default the edge pixels go on. Raises SizeError for a picture of another size."""
        if size_of(picture) != self.picture_size:
            raise SizeError(f"the picture is {size_of(picture)}, but this frame is made for {self.picture_size}.")
        content = self._resampled(np.asarray(to_rgb(picture)), kernel, outside)
        left, top, right, bottom = self.margins
        if left or top or right or bottom:
            content = np.pad(content, ((top, bottom), (left, right), (0, 0)), mode="edge")
        return Image.fromarray(content)

    def picture_back(
        self, drawn: Image.Image, *, onto: Image.Image | None = None, kernel: Kernel = "lanczos"
    ) -> Image.Image:
        """A picture of the frame's size in the picture's size and frame; around the window lie the pixels of `onto`,
        which a frame that does not show the whole picture needs. Raises SizeError for a picture of another size."""
        if size_of(drawn) != self.size:
            raise SizeError(f"the picture is {size_of(drawn)}, but this frame gives {self.size}.")
        left, top = self.offset
        content = drawn.crop((left, top, left + self.content.width, top + self.content.height))
        assert self.window.is_on_pixels, "pictures go back from windows of whole pixels"
        size = Size(int(self.window.height), int(self.window.width))
        if size_of(content) != size:
            content = content.resize((size.width, size.height), _RESAMPLING[kernel])
        if self.shows_whole_picture:
            return content
        assert onto is not None, "a frame that shows a part of the picture needs what is around it"
        result = onto.copy()
        result.paste(content, (int(self.window.left), int(self.window.top)))
        return result

    # ---- label maps

    def labels(self, labels: npt.NDArray[Label]) -> npt.NDArray[Label]:
        """A label map (h, w) of the picture in the frame, (H, W): each pixel has the label of the nearest; 0, which is
        background in every scheme, beyond the window and the picture. Raises SizeError."""
        self._check_map(labels.shape)
        left, top = self.offset
        rows, columns = self._rows_and_columns()
        result = np.zeros(self.size, labels.dtype)
        content = _picked(labels, np.floor(rows).astype(int), np.floor(columns).astype(int))
        result[top : top + self.content.height, left : left + self.content.width] = content
        return result

    def labels_back(self, labels: npt.NDArray[Label]) -> npt.NDArray[Label]:
        """A label map (H, W) of the frame in the picture, (h, w); 0 where the frame does not show it."""
        rows = (np.arange(self.picture_size.height) + 0.5 - self.window.top) * self.scale[1]
        columns = (np.arange(self.picture_size.width) + 0.5 - self.window.left) * self.scale[0]
        left, top = self.offset
        content = labels[top : top + self.content.height, left : left + self.content.width]
        return _picked(content, np.floor(rows).astype(int), np.floor(columns).astype(int))

    # ---- tensors

    def image(self, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c H W"]:
        """Images of the picture in the frame, their edge repeated around them; bilinear, antialiased."""
        return self._padded(self._content_of_picture(image), "replicate")

    def mask(self, mask: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c H W"]:
        """As `image`, with 0 around it and beyond the picture: for masks and shares of classes."""
        content = self._content_of_picture(mask)
        if not self.window.is_inside(self.picture_size):
            rows, columns = self._rows_and_columns()
            inside = _is_within(rows, self.picture_size.height)[:, None] & _is_within(columns, self.picture_size.width)
            content = content * torch.from_numpy(inside).to(content.device, content.dtype)
        return self._padded(content, "constant")

    def image_back(self, image: Float[Tensor, "n c H W"], size: Size | None = None) -> Float[Tensor, "n c h w"]:
        """Layers of the frame in the picture's frame as float32, in its size or that of the same picture brought to
        `size`; bilinear. What the frame does not show is 0."""
        frame = self if size is None else self.of_smaller_picture(size)
        content = self.content_of(image).float()
        if frame.shows_whole_picture:
            return resized(content, frame.picture_size)
        return frame._written(content)

    mask_back = image_back

    def flow_back(
        self, flow: Float[Tensor, "n 2 H W"], source: Frame, size: Size | None = None
    ) -> Float[Tensor, "n 2 h w"]:
        """A flow of the frame, x and y in px of the frame of `source`, for the pixels of the picture, in px of the
        picture that `source` frames; meaningless where the frame does not show the picture."""
        shift = flow.new_tensor(source.offset).view(1, 2, 1, 1)
        scale = flow.new_tensor(source.scale).view(1, 2, 1, 1)
        corner = flow.new_tensor([source.window.left, source.window.top]).view(1, 2, 1, 1)
        return self.image_back((flow - shift) / scale + corner, size)

    def content_of(self, image: Float[Tensor, "n c H W"]) -> Float[Tensor, "n c h w"]:
        """Layers of the frame without what is around the window, still scaled."""
        left, top = self.offset
        return image[..., top : top + self.content.height, left : left + self.content.width]

    # ---- how it is done

    def _rows_and_columns(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Where in the picture the content's rows and columns lie, px."""
        rows = self.window.top + (np.arange(self.content.height) + 0.5) / self.scale[1]
        return rows, self.window.left + (np.arange(self.content.width) + 0.5) / self.scale[0]

    def _check_map(self, shape: tuple[int, ...]) -> None:
        if shape != tuple(self.picture_size):
            raise SizeError(f"the map is {shape}, but this frame is made for {self.picture_size}.")

    def _resampled(self, pixels: npt.NDArray[np.uint8], kernel: Kernel, outside: int | None) -> npt.NDArray[np.uint8]:
        """The window (h, w, 3) at the content's size; copied where nothing changes size."""
        left, top, width, height = self.window
        right, bottom = left + width, top + height
        beyond = [
            max(0, int(np.ceil(-top - _ROUNDING))),
            max(0, int(np.ceil(bottom - self.picture_size.height - _ROUNDING))),
            max(0, int(np.ceil(-left - _ROUNDING))),
            max(0, int(np.ceil(right - self.picture_size.width - _ROUNDING))),
        ]
        if any(beyond):
            around = ((beyond[0], beyond[1]), (beyond[2], beyond[3]), (0, 0))
            options: dict[str, Any] = {"mode": "edge"} if outside is None else {"constant_values": outside}
            pixels = np.pad(pixels, around, **options)
            left, top, right, bottom = left + beyond[2], top + beyond[0], right + beyond[2], bottom + beyond[0]
        if self.window.is_on_pixels and (height, width) == tuple(self.content):
            return np.ascontiguousarray(pixels[int(top) : int(bottom), int(left) : int(right)])
        box = (max(left, 0.0), max(top, 0.0), min(right, pixels.shape[1]), min(bottom, pixels.shape[0]))
        size = self.content.width, self.content.height
        return np.asarray(Image.fromarray(pixels).resize(size, _RESAMPLING[kernel], box=box))

    def _content_of_picture(self, image: Tensor) -> Tensor:
        found = Size(image.shape[-2], image.shape[-1])
        if found != self.picture_size:
            return self.of_smaller_picture(found)._content_of_picture(image)
        if self.shows_whole_picture:
            return resized(image, self.content)
        if self.window.is_on_pixels and self.window.is_inside(self.picture_size):
            left, top, width, height = (int(side) for side in self.window)
            return resized(image[..., top : top + height, left : left + width], self.content)
        return self._read(image)

    def _padded(self, content: Tensor, mode: str) -> Tensor:
        left, top, right, bottom = self.margins
        if not (left or top or right or bottom):
            return content
        return functional.pad(content, (left, right, top, bottom), mode=mode)

    def _read(self, image: Tensor) -> Tensor:
        """The window sampled at the content's pixels; the picture's border goes on beyond it."""
        size, window = self.picture_size, self.window
        shrink = window.height / self.content.height
        if shrink > 1.5:
            # Sampling far apart would skip pixels: first the picture's means, in whole steps.
            step = int(shrink)
            image = functional.avg_pool2d(image, step, ceil_mode=True, count_include_pad=False)
            size = Size(image.shape[-2] * step, image.shape[-1] * step)
        x, y = window.left + window.width / 2, window.top + window.height / 2
        theta = np.array(
            [
                [window.width / size.width, 0, 2 * x / size.width - 1],
                [0, window.height / size.height, 2 * y / size.height - 1],
            ]
        )
        return _sampled(image, theta, self.content)

    def _written(self, content: Tensor) -> Tensor:
        """The content at the picture's pixels; 0 outside the window."""
        size, window = self.picture_size, self.window
        x, y = window.left + window.width / 2, window.top + window.height / 2
        theta = np.array(
            [
                [size.width / window.width, 0, (size.width / 2 - x) * 2 / window.width],
                [0, size.height / window.height, (size.height / 2 - y) * 2 / window.height],
            ]
        )
        rows = (torch.arange(size.height) + 0.5 - window.top) / window.height
        columns = (torch.arange(size.width) + 0.5 - window.left) / window.width
        inside = ((rows >= 0) & (rows <= 1))[:, None] & ((columns >= 0) & (columns <= 1))[None]
        return _sampled(content, theta, size) * inside.to(content.device, content.dtype)


def resized(image: Float[Tensor, "n c h w"], size: Size) -> Float[Tensor, "n c H W"]:
    """Images at another size, bilinear; antialiased where a side shrinks. Themselves when they have that size."""
    height, width = image.shape[-2:]
    if (height, width) == size:
        return image
    smaller = height > size.height or width > size.width
    return functional.interpolate(image, tuple(size), mode="bilinear", align_corners=False, antialias=smaller)


def warped(layer: Float[Tensor, "n c h w"], flow: Float[Tensor, "n 2 H W"]) -> Float[Tensor, "n c H W"]:
    """Each place of the target with what the layer has where `flow` says, x and y in px of a frame of the flow's own
    size."""
    scale = flow.new_tensor([flow.shape[-1], flow.shape[-2]]).view(1, 2, 1, 1)
    grid = (flow / scale * 2 - 1).permute(0, 2, 3, 1)
    return functional.grid_sample(layer, grid, padding_mode="border", align_corners=False)


def _sampled(image: Tensor, theta: npt.NDArray[np.float64], size: Size) -> Tensor:
    matrix = torch.from_numpy(theta).to(image.device, image.dtype)[None].expand(len(image), -1, -1)
    grid = functional.affine_grid(matrix, [len(image), 1, *size], align_corners=False)
    return functional.grid_sample(image, grid, padding_mode="border", align_corners=False)


def _picked(
    labels: npt.NDArray[Label], rows: npt.NDArray[np.integer], columns: npt.NDArray[np.integer]
) -> npt.NDArray[Label]:
    """The labels at rows x columns; 0 where they lie outside."""
    height, width = labels.shape
    picked = labels[rows.clip(0, height - 1)[:, None], columns.clip(0, width - 1)[None]]
    inside = _is_within(rows, height)[:, None] & _is_within(columns, width)[None]
    return np.where(inside, picked, labels.dtype.type(0))


def _is_within(places: npt.NDArray[Any], length: int) -> npt.NDArray[np.bool_]:
    return np.asarray((places >= 0) & (places < length))
