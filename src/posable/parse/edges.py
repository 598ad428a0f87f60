"""Borders of regions drawn to those of the picture: the guided filter (He, Sun and Tang, ECCV 2010)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

_SMOOTHNESS = 1e-3
"""Variance of brightness, in [0, 1] squared, from which on a step counts as a border."""


def sharpened(
    shares: Float[Tensor, "n classes h w"], image: Float[Tensor, "n 3 h w"], radius_px: int
) -> Float[Tensor, "n classes h w"]:
    """The shares as locally linear functions of the picture's colours within `radius_px`; they sum to 1.

    `image` is RGB in [-1, 1]."""
    guide = (image + 1) / 2
    sizes = _box(torch.ones_like(guide[:, :1]), radius_px)
    mean = lambda x: _box(x, radius_px) / sizes  # noqa: E731
    guide_mean = mean(guide)
    n, _, h, w = guide.shape
    products = mean((guide[:, :, None] * guide[:, None]).flatten(1, 2)).unflatten(1, (3, 3))
    covariance = products - guide_mean[:, :, None] * guide_mean[:, None]
    eye = torch.eye(3, dtype=guide.dtype, device=guide.device).view(1, 3, 3, 1, 1)
    system = (covariance + _SMOOTHNESS * eye).permute(0, 3, 4, 1, 2)
    inverse = torch.linalg.inv(system)
    result: list[Tensor] = []
    for share in shares.split(1, 1):
        if float(share.amax()) < 0.02:
            result.append(torch.zeros_like(share))
            continue
        share_mean = mean(share)
        together = mean(guide * share) - guide_mean * share_mean
        slope = (inverse @ together.permute(0, 2, 3, 1)[..., None])[..., 0].permute(0, 3, 1, 2)
        offset = share_mean - (slope * guide_mean).sum(1, keepdim=True)
        result.append((mean(slope) * guide).sum(1, keepdim=True) + mean(offset))
    stacked = torch.cat(result, 1).clamp(0, 1)
    # Where nothing is left after clamping, what was there before stays.
    total = stacked.sum(1, keepdim=True)
    assert stacked.shape == (n, shares.shape[1], h, w)
    return torch.where(total > 0.05, stacked / total.clamp_min(0.05), shares)


def _box(x: Tensor, radius: int) -> Tensor:
    """Sums over (2 radius + 1)^2 pixels, fewer at the border; two running sums, so the radius costs nothing."""
    for dim in (-1, -2):
        length = x.shape[dim]
        sums = functional.pad(x.double().cumsum(dim), (1, 0) if dim == -1 else (0, 0, 1, 0))
        index = torch.arange(length, device=x.device)
        high = (index + radius + 1).clamp(max=length)
        low = (index - radius).clamp(min=0)
        x = (sums.index_select(dim, high) - sums.index_select(dim, low)).to(x.dtype)
    return x
