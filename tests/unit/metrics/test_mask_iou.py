"""Person masks: intersection over union and boxes, against counting by hand."""

import pytest
import torch
from torch import Tensor

from posable.errors import SizeError
from posable.metrics.mask_iou import mask_iou, person_boxes


def rectangle(left: int, top: int, right: int, bottom: int) -> Tensor:
    mask = torch.zeros(1, 1, 20, 16, dtype=torch.bool)
    mask[..., top:bottom, left:right] = True
    return mask


def test_overlapping_squares_give_shared_over_joint_area() -> None:
    iou = mask_iou(rectangle(0, 0, 10, 10), rectangle(5, 5, 15, 15))
    assert float(iou) == pytest.approx(25 / 175)


def test_equal_masks_give_one_and_disjoint_masks_zero() -> None:
    a, b = rectangle(0, 0, 5, 5), rectangle(8, 8, 12, 12)
    assert mask_iou(torch.cat([a, a]), torch.cat([a, b])).tolist() == [1.0, 0.0]


def test_two_empty_masks_agree() -> None:
    empty = torch.zeros(1, 1, 4, 4, dtype=torch.bool)
    assert float(mask_iou(empty, empty)) == 1.0


def test_boxes_are_tight_and_exclude_right_and_bottom() -> None:
    masks = torch.cat([rectangle(3, 4, 9, 17), rectangle(0, 0, 16, 20), rectangle(0, 0, 0, 0)])
    assert person_boxes(masks).tolist() == [[3, 4, 9, 17], [0, 0, 16, 20], [0, 0, 16, 20]]


def test_masks_of_two_sizes_are_refused() -> None:
    with pytest.raises(SizeError, match="one shape"):
        mask_iou(torch.zeros(1, 1, 4, 4, dtype=torch.bool), torch.zeros(1, 1, 4, 5, dtype=torch.bool))
