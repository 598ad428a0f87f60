"""Borders of regions drawn to those of the picture: the guided filter (He, Sun and Tang, ECCV 2010)."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from posable.imaging.guided_filter import GuidedFilter

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
    guide, coarse = (functional.avg_pool2d(x, step, ceil_mode=True) for x in ((image + 1) / 2, shares))
    result = torch.zeros_like(shares)
    for n, colors in enumerate((image + 1) / 2):
        smooth = GuidedFilter(guide[n].permute(1, 2, 0).numpy(), radius_px // step, _SMOOTHNESS)
        # Classes that are nowhere likely stay out: most pictures show a few of the twenty, and each in a part of them.
        for index in (coarse[n].amax((1, 2)) > UNLIKELY).nonzero()[:, 0].tolist():
            share = coarse[n, index]
            top, bottom, left, right = _box(share > _NOTHING, smooth.side)
            large = np.s_[..., step * top : step * bottom, step * left : step * right]
            color = colors[large]
            planes = torch.from_numpy(smooth.coefficients(share.numpy(), np.s_[top:bottom, left:right]))
            planes = _enlarged(planes[None], step, color.shape[-2:])[0]
            result[n, index][large] = (planes[:3] * color).sum(0) + planes[3]
    result = result.clamp_(0, 1)
    total = result.sum(1, keepdim=True)
    return torch.where(total > UNLIKELY, result / total.clamp_min(UNLIKELY), shares)


def _box(there: Bool[Tensor, "h w"], margin: int) -> tuple[int, int, int, int]:
    """Top, bottom, left and right around what is there, with a margin, within the picture."""
    sides: list[int] = []
    for axis in (1, 0):
        places = there.any(axis).nonzero()[:, 0]
        sides += [max(0, int(places[0]) - margin), int(places[-1]) + margin + 1]
    return sides[0], sides[1], sides[2], sides[3]


def _enlarged(x: Float[Tensor, "n c h w"], step: int, size: tuple[int, ...]) -> Float[Tensor, "n c H W"]:
    """Bilinearly `step` times as large, cut to `size`."""
    if step == 1:
        return x
    return functional.interpolate(x, scale_factor=step, mode="bilinear")[..., : size[0], : size[1]]
