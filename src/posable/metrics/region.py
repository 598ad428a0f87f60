"""Where a metric looks: at the whole picture, inside the box around the true person, or at the person's own pixels."""

from typing import Literal

import torch
from torch import Tensor

from posable.metrics.judged import JudgedPictures
from posable.metrics.mask_iou import person_boxes

Region = Literal["whole", "box", "mask"]
REGIONS: tuple[Region, ...] = ("whole", "box", "mask")
NO_MASK = "the true pictures have no person masks; use data that has them, as people-1 has."
PERSON = 0.5
"""The coverage from which on a pixel counts as the person's where a yes or no is needed."""


def suffix(region: Region) -> str:
    """What the region adds to a metric's name."""
    return "" if region == "whole" else f"_in_{region}"


def region_weights(pictures: JudgedPictures, region: Region) -> Tensor | str:
    """How much each pixel counts, float (n, h, w) in [0, 1]; all 0 where a mask shows nobody; or why it is unknown.

    The box is the tightest one around the pixels that the person covers at least half; the mask is the coverage itself.
    """
    if region == "whole":
        n, _, height, width = pictures.truth.shape
        return torch.ones(1, 1, 1, device=pictures.truth.device).expand(n, height, width)
    if pictures.mask is None:
        return NO_MASK
    mask = pictures.mask
    if region == "mask":
        return mask[:, 0].float()
    return pictures.shared("box weights", lambda: _inside_boxes(mask >= PERSON))


def weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """The mean (n,) of (n, h, w) by weights of that shape, in double precision; nan where no pixel counts."""
    return (values * weights).sum(dim=(1, 2), dtype=torch.float64) / weights.sum(dim=(1, 2), dtype=torch.float64)


def _inside_boxes(person: Tensor) -> Tensor:
    boxes = person_boxes(person)
    height, width = person.shape[-2:]
    ys = torch.arange(height, device=person.device)[None, :, None]
    xs = torch.arange(width, device=person.device)[None, None, :]
    left, top, right, bottom = (boxes[:, i, None, None] for i in range(4))
    within = (xs >= left) & (xs < right) & (ys >= top) & (ys < bottom)
    return (within & person.any(dim=3).any(dim=2)[..., None]).float()
