"""Faces cut out of pictures, where the pose says that they are."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from posable.pose.pose import OPENPOSE_18, PoseBatch


def face_crops(image: Float[Tensor, "n 3 h w"], pose: PoseBatch) -> Float[Tensor, "n 3 side side"]:
    """The square around the eyes, 2.5 times as wide as they are apart but at least 32 px, drawn with sides of a quarter
    of the height; black for a person with a hidden eye. Profiles and backs get the 32 px: the gap counts with its sign.
    """
    h, w = image.shape[-2:]
    right, left = (OPENPOSE_18.index(f"{side}_eye") for side in ("right", "left"))
    first, second = pose.keypoints[:, right], pose.keypoints[:, left]
    side = (2.5 * (second - first)[:, 0]).trunc().clamp(32, w)[:, None]
    half = side / 2
    limit = half.new_tensor([w, h])
    centre = torch.minimum(torch.maximum((first + second) / 2, half), limit - half)
    steps = torch.linspace(-1, 1, h // 32 * 8, device=image.device, dtype=image.dtype)
    # From pixel centre to pixel centre of the square; a square larger than the frame repeats the border.
    along = centre[:, None] + steps[:, None] * (half - 0.5)[:, None]
    xs, ys = (along / limit * 2 - 1).unbind(2)
    size = (-1, steps.shape[0], steps.shape[0])
    grid = torch.stack([xs[:, None, :].expand(size), ys[:, :, None].expand(size)], 3)
    crops = functional.grid_sample(image, grid, align_corners=False, padding_mode="border")
    return crops * (pose.visible[:, right] & pose.visible[:, left])[:, None, None, None]
