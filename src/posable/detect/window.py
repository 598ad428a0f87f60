"""Where in a picture the parser looks: a frame around the person that the pose says, whatever the picture's size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from posable.imaging.size import Size
from posable.pose.pose import OPENPOSE_18

_MARGIN = 0.16
"""Of the box around the keypoints, added on each side: hair, feet and hands lie beyond the joints."""
_LEAST_SIDE_PX = 16.0


@dataclass(frozen=True)
class Window:
    """An upright rectangle of a picture, in px of the picture; it may reach beyond the picture's border."""

    left: float
    top: float
    width: float
    height: float

    def theta(self, picture: Size) -> npt.NDArray[np.float64]:
        """The matrix (2, 3) of `affine_grid` that reads the window from a picture."""
        x, y = self.left + self.width / 2, self.top + self.height / 2
        return np.array(
            [
                [self.width / picture.width, 0, 2 * x / picture.width - 1],
                [0, self.height / picture.height, 2 * y / picture.height - 1],
            ]
        )


def person_window(
    keypoints: npt.NDArray[np.floating], visible: npt.NDArray[np.bool_], picture: Size, frame: Size
) -> Window:
    """The window, of the frame's proportions, that holds the person of the keypoints (18, 2) with some room around.

    Where only some joints are known, as in a half-length photo, it is as large as the trunk says the person is, but
    need not hold what lies beyond the picture's border.
    """
    points = np.asarray(keypoints, np.float64)[visible]
    if not len(points):
        low, high = np.zeros(2), np.array([picture.width, picture.height], np.float64)
    else:
        low, high = points.min(0), points.max(0)
        side = max(float((high - low).max()), _trunk(keypoints, visible) * 1.6, _LEAST_SIDE_PX)
        room = _MARGIN * side
        # Above the eyes comes hair, below the ankles come feet.
        low, high = low - np.array([room, room * 0.9]), high + np.array([room, room * 0.8])
        low = np.maximum(low, 0)
        high = np.minimum(high, [picture.width, picture.height])
    centre, (width, height) = (low + high) / 2, np.maximum(high - low, _LEAST_SIDE_PX)
    height = max(height, width * frame.height / frame.width)
    width = height * frame.width / frame.height
    return Window(float(centre[0] - width / 2), float(centre[1] - height / 2), float(width), float(height))


def read_window(picture: Tensor, window: Window, frame: Size) -> Tensor:
    """The window of a picture (n, c, h, w) as (n, c, *frame), its border repeated beyond it; antialiased."""
    size = Size(picture.shape[-2], picture.shape[-1])
    shrink = window.height / frame.height
    if shrink > 1.5:
        # Sampling far apart would skip pixels: first the picture's means, in whole steps.
        step = int(shrink)
        picture = functional.avg_pool2d(picture, step, ceil_mode=True, count_include_pad=False)
        size = Size(picture.shape[-2] * step, picture.shape[-1] * step)
    theta = torch.from_numpy(window.theta(size)).to(picture.dtype)[None].expand(len(picture), -1, -1)
    grid = functional.affine_grid(theta.to(picture.device), [len(picture), 1, *frame], align_corners=False)
    return functional.grid_sample(picture, grid, padding_mode="border", align_corners=False)


def write_window(layer: Tensor, window: Window, picture: Size, outside: float) -> Tensor:
    """A layer (n, c, *frame) back in the picture's frame; `outside` the window."""
    x, y = window.left + window.width / 2, window.top + window.height / 2
    theta = torch.tensor(
        [
            [picture.width / window.width, 0, (picture.width / 2 - x) * 2 / window.width],
            [0, picture.height / window.height, (picture.height / 2 - y) * 2 / window.height],
        ],
        dtype=layer.dtype,
        device=layer.device,
    )[None].expand(len(layer), -1, -1)
    grid = functional.affine_grid(theta, [len(layer), 1, *picture], align_corners=False)
    read = functional.grid_sample(layer, grid, padding_mode="border", align_corners=False)
    inside = (grid.abs() <= 1).all(-1)[:, None]
    return torch.where(inside, read, outside)


def in_window(keypoints: npt.NDArray[np.floating], window: Window, frame: Size) -> npt.NDArray[np.float32]:
    """Points (..., 2) of the picture in the frame that shows the window."""
    scale = np.array([frame.width / window.width, frame.height / window.height])
    return ((np.asarray(keypoints, np.float64) - [window.left, window.top]) * scale).astype(np.float32)


def _trunk(keypoints: npt.NDArray[np.floating], visible: npt.NDArray[np.bool_]) -> float:
    """Length of the trunk, px, from what is seen; shoulders count when there are no hips."""
    index = OPENPOSE_18.index
    neck = index("neck")
    hips = [hip for hip in (index("right_hip"), index("left_hip")) if visible[hip] and visible[neck]]
    lengths = [0.0, *(float(np.linalg.norm(keypoints[hip] - keypoints[neck])) for hip in hips)]
    left, right = index("left_shoulder"), index("right_shoulder")
    if visible[left] and visible[right]:
        lengths.append(1.3 * float(np.linalg.norm(keypoints[left] - keypoints[right])))
    return max(lengths)
