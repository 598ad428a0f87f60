"""Distances between feature maps that are coarser than the picture, averaged over a region of it."""

from torch import Tensor
from torch.nn import functional

from posable.metrics.region import weighted_mean


def mean_in_region(distances: Tensor, shares: Tensor) -> Tensor:
    """The mean (n,) of `distances` (n, h', w') by how much of each cell lies in the region; nan where nothing does.

    `shares` (n, h, w) in [0, 1] is the region at the picture's size.
    """
    height, width = distances.shape[-2:]
    cells = functional.adaptive_avg_pool2d(shares[:, None].float(), (height, width))[:, 0]
    return weighted_mean(distances, cells)
