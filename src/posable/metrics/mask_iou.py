"""Intersection over union of person masks, and the boxes around them."""

import torch
from torch import Tensor

from posable.errors import SizeError


def mask_iou(mask: Tensor, other: Tensor) -> Tensor:
    """Shared over joint area, (n,) in [0, 1], of two batches of boolean masks (n, 1, h, w); two empty masks give 1."""
    if mask.shape != other.shape:
        raise SizeError(f"the masks are {tuple(mask.shape)} and {tuple(other.shape)}; give two of one shape.")
    shared = (mask & other).flatten(1).sum(dim=1)
    joint = (mask | other).flatten(1).sum(dim=1)
    return torch.where(joint > 0, shared / joint.clamp(min=1), 1.0)


def person_boxes(mask: Tensor) -> Tensor:
    """The tightest box around each boolean mask (n, 1, h, w): (n, 4) integers left, top, right, bottom in px.

    Right and bottom are excluded, so bottom - top is the person's height. An empty mask gives the whole picture.
    """
    n, _, height, width = mask.shape
    columns, rows = mask.any(dim=2).reshape(n, width), mask.any(dim=3).reshape(n, height)
    boxes = torch.stack(
        [_first(columns), _first(rows), width - _first(columns.flip(1)), height - _first(rows.flip(1))], 1
    )
    whole = torch.tensor([0, 0, width, height], device=mask.device)
    return torch.where(columns.any(dim=1, keepdim=True), boxes, whole)


def _first(flags: Tensor) -> Tensor:
    """The index of the first True in each row of (n, k); 0 where there is none."""
    return flags.to(torch.uint8).argmax(dim=1)
