"""Borders of regions drawn to those of the picture: the guided filter (He, Sun and Tang, ECCV 2010)."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.ndimage import uniform_filter1d
from torch import Tensor
from torch.nn import functional

_SMOOTHNESS = 1e-3
"""Variance of brightness, in [0, 1] squared, from which on a step counts as a border."""
UNLIKELY = 0.03
"""Share that a class must have somewhere to be looked at."""
_NOTHING = 1e-3
"""Share below which a class is not there, when the part of the picture is looked for that shows it."""
_COARSE_FROM_PX = 4
"""Radius from which on the linear functions are found at half the size (He and Sun, 2015: the fast guided filter)."""


def sharpened(
    shares: Float[Tensor, "n classes h w"], image: Float[Tensor, "n 3 h w"], radius_px: int
) -> Float[Tensor, "n classes h w"]:
    """The shares as locally linear functions of the picture's colours within `radius_px`; they sum to 1.

    `image` is RGB in [-1, 1]."""
    step = 2 if radius_px >= _COARSE_FROM_PX else 1
    full_guide, full_shares = (image + 1) / 2, shares
    guide, shares = (functional.avg_pool2d(x, step, ceil_mode=True) for x in (full_guide, full_shares))
    radius = radius_px // step
    mean = lambda x: _mean(x, radius)  # noqa: E731
    guide_mean = mean(guide)
    rows, columns = [0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]
    covariance = mean(guide[:, rows] * guide[:, columns]) - guide_mean[:, rows] * guide_mean[:, columns]
    inverse = _inverse(covariance + _SMOOTHNESS * covariance.new_tensor([1, 0, 0, 1, 0, 1]).view(1, 6, 1, 1))
    result = torch.zeros_like(full_shares)
    # Classes that are nowhere likely stay out: most pictures show a few of the twenty, and each in a part of them.
    for index in (shares.amax((0, 2, 3)) > UNLIKELY).nonzero()[:, 0].tolist():
        top, bottom, left, right = _box(shares[:, index] > _NOTHING, 2 * radius + 1)
        small = np.s_[..., top:bottom, left:right]
        large = np.s_[..., step * top : step * bottom, step * left : step * right]
        share, around, color = shares[:, index : index + 1][small], guide_mean[small], guide[small]
        share_mean = mean(share)
        slope = _times(inverse[small], mean(color * share) - around * share_mean)
        offset = share_mean - (slope * around).sum(1, keepdim=True)
        full_color = full_guide[large]
        smooth = _enlarged(mean(torch.cat([slope, offset], 1)), step, full_color.shape[-2:])
        result[:, index][large] = (smooth[:, :3] * full_color).sum(1) + smooth[:, 3]
    result = result.clamp_(0, 1)
    total = result.sum(1, keepdim=True)
    return torch.where(total > UNLIKELY, result / total.clamp_min(UNLIKELY), full_shares)


def _box(there: Bool[Tensor, "n h w"], margin: int) -> tuple[int, int, int, int]:
    """Top, bottom, left and right around what is there, with a margin, within the picture."""
    sides: list[int] = []
    for axes in ((0, 2), (0, 1)):
        places = there.any(axes[0]).any(axes[1] - 1).nonzero()[:, 0]
        sides += [max(0, int(places[0]) - margin), int(places[-1]) + margin + 1]
    return sides[0], sides[1], sides[2], sides[3]


def _enlarged(x: Float[Tensor, "n c h w"], step: int, size: tuple[int, ...]) -> Float[Tensor, "n c H W"]:
    """Bilinearly `step` times as large, cut to `size`."""
    if step == 1:
        return x
    return functional.interpolate(x, scale_factor=step, mode="bilinear")[..., : size[0], : size[1]]


def _inverse(matrix: Float[Tensor, "n 6 h w"]) -> Float[Tensor, "n 6 h w"]:
    """Of symmetric 3x3 matrices, both as their upper triangles row by row."""
    a, b, c, d, e, f = matrix.unbind(1)
    cofactors = torch.stack(
        [d * f - e * e, c * e - b * f, b * e - c * d, a * f - c * c, b * c - a * e, a * d - b * b], 1
    )
    determinant = a * cofactors[:, 0] + b * cofactors[:, 1] + c * cofactors[:, 2]
    return cofactors / determinant[:, None]


def _times(matrix: Float[Tensor, "n 6 h w"], vector: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
    first, second, third = matrix[:, [0, 1, 2]], matrix[:, [1, 3, 4]], matrix[:, [2, 4, 5]]
    return torch.stack([(row * vector).sum(1) for row in (first, second, third)], 1)


def _mean(x: Float[Tensor, "n c h w"], radius: int) -> Float[Tensor, "n c h w"]:
    """Means over (2 radius + 1)^2 pixels, fewer at the border; by running sums, so a larger radius costs nothing."""
    values = x.numpy()
    for axis in (2, 3):
        length = values.shape[axis]
        places = np.arange(length)
        count = np.minimum(places + radius + 1, length) - np.maximum(places - radius, 0)
        share = np.expand_dims((2 * radius + 1) / count, tuple(k for k in range(4) if k != axis)).astype(np.float32)
        values = uniform_filter1d(values, 2 * radius + 1, axis, mode="constant") * share
    return torch.from_numpy(values)
