"""Perceptual distance between pictures: how far apart ImageNet features of EfficientNet-Lite0 are.

The form is that of LPIPS (Zhang et al., 2018) without its learned channel weights: at each of five stages the feature
vector of every position is scaled to unit length; the distance is the squared length of the difference, averaged over
positions, then over stages. It lies in [0, 4], 0 for equal pictures. It is not comparable with published LPIPS, which
uses AlexNet and weights fitted to human choices.
"""

import torch
from torch import Tensor

SMALLEST_SIDE_PX = 16
_EPSILON = 1e-6


def unit_length(features: Tensor) -> Tensor:
    """`features` (n, c, h, w) with the vector of every position scaled to length 1; a zero vector stays zero."""
    squares = features.square().sum(dim=1, keepdim=True)
    return features * torch.rsqrt(squares + _EPSILON)


def distance_maps(features: list[Tensor], others: list[Tensor]) -> list[Tensor]:
    """The distance of every position at each stage, (n, h', w') in [0, 4], from the stages' features (n, c, h', w')."""
    return [(unit_length(a) - unit_length(b)).square().sum(dim=1) for a, b in zip(features, others, strict=True)]
