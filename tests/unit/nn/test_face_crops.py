"""Crops of faces against boxes counted by hand."""

import pytest
import torch
from torch import Tensor

from posable.imaging.size import Size
from posable.nn.face_crops import face_crops
from posable.pose.pose import OPENPOSE_18, PoseBatch


def eyes(right: tuple[float, float], left: tuple[float, float], *, visible: bool = True) -> PoseBatch:
    keypoints, seen = torch.zeros(1, 18, 2), torch.zeros(1, 18).bool()
    for name, xy in (("right_eye", right), ("left_eye", left)):
        keypoints[0, OPENPOSE_18.index(name)] = torch.tensor(xy)
        seen[0, OPENPOSE_18.index(name)] = visible
    return PoseBatch(keypoints, seen, Size(256, 176))


def positions() -> Tensor:
    """A picture whose first channel is the pixel centre's x and whose second is its y."""
    ys, xs = torch.meshgrid(torch.arange(256) + 0.5, torch.arange(176) + 0.5, indexing="ij")
    return torch.stack([xs, ys, torch.ones_like(xs)])[None]


@pytest.mark.parametrize(
    ("right", "left", "box"),
    [
        ((80.0, 60.0), (100.0, 64.0), (65, 115, 37, 87)),
        ((90.0, 60.0), (92.0, 60.0), (75, 107, 44, 76)),
        ((100.0, 60.0), (80.0, 60.0), (74, 106, 44, 76)),
        ((4.0, 3.0), (6.0, 3.0), (0, 32, 0, 32)),
    ],
    ids=["frontal", "near", "from behind", "at the corner"],
)
def test_the_face_is_a_square_around_the_eyes(
    right: tuple[float, float], left: tuple[float, float], box: tuple[int, int, int, int]
) -> None:
    crop = face_crops(positions(), eyes(right, left))
    assert crop.shape == (1, 3, 64, 64)
    x0, x1, y0, y1 = box
    torch.testing.assert_close(crop[0, 0, 0, [0, -1]], torch.tensor([x0 + 0.5, x1 - 0.5]), atol=1e-3, rtol=0)
    torch.testing.assert_close(crop[0, 1, [0, -1], 0], torch.tensor([y0 + 0.5, y1 - 0.5]), atol=1e-3, rtol=0)


def test_the_face_of_a_person_with_a_hidden_eye_is_black() -> None:
    assert not face_crops(positions(), eyes((80.0, 60.0), (100.0, 60.0), visible=False)).any()
