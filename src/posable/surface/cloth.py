"""Skirts, dresses and coats: cloth that is one piece, whatever limbs move under it."""

from __future__ import annotations

import numpy as np

from posable.body.fitted import Body
from posable.surface.field_types import JOINTS, Grid
from posable.surface.grids import (
    Floats,
    Mask,
    smoothed,
    smoothed_within,
)
from posable.surface.limbs import (
    joint,
)
from posable.surface.profiles import profile

_WELL_BELOW_CROTCH = 0.45
"""Share of the way from the hips to the knees."""

_SKIRT_ROUNDNESS = 0.6
"""How deep a skirt is, as a share of how wide it is."""

_HANGING = 0.6


def one_cloth(grid: Grid, off_arm: Mask, body: Body, px_per_metre: float) -> Floats | None:
    """How far each pixel is part of a skirt or dress, in [0, 1]; None without one.

    Parsers take wide trousers for skirts: one must hang below the crotch, and show no gap between legs there.
    """
    skirt = grid.labels.skirt * off_arm
    if (skirt > 0.5).sum() < 0.02 * grid.mask.sum():
        return None
    hips, knees = (
        grid.to_cells(body.project(body.joints[[joint(f"{name}.L"), joint(f"{name}.R")]]))[:, 1].mean()
        for name in ("upperleg01", "lowerleg01")
    )
    rows = np.arange(skirt.shape[0]) + 0.5
    down = (rows - hips) / max(float(knees - hips), 1.0)
    hanging = (skirt > 0.5) & (down > _WELL_BELOW_CROTCH)[:, None]
    if hanging.sum() < 0.02 * grid.mask.sum():
        return None
    below = hanging.astype(np.int32)
    inside = (np.maximum.accumulate(below, 1) > 0) & (np.maximum.accumulate(below[:, ::-1], 1)[:, ::-1] > 0)
    gaps = (inside & ~grid.mask).sum(1) >= 2
    reach = below.any(1)
    if gaps[reach].sum() > 0.25 * reach.sum():
        return None
    return np.clip(smoothed(skirt, 0.017 * px_per_metre) * 1.6 - 0.3, 0, 1) * off_arm


def draped(
    cloth: Floats, weights: Floats, middle: Floats, half: Floats, outline: Mask, inside: Floats, px_per_metre: float
) -> tuple[Floats, Floats, Floats]:
    """Weights, depth and half thickness where one piece of cloth hangs over both legs: smooth across it, no arms."""
    sigma = float(np.sqrt(outline.sum()) * 0.06)
    share = cloth[..., None]
    no_arms = weights.copy()
    for side in "LR":
        for name in ("clavicle", "upperarm01", "lowerarm01", "wrist"):
            no_arms[..., joint(f"{name}.{side}")] = 0
        # A hem hangs from the thighs; shins and feet swing in it.
        for name in ("lowerleg01", "foot"):
            below = no_arms[..., joint(f"{name}.{side}")]
            no_arms[..., joint(f"upperleg01.{side}")] += _HANGING * below
            no_arms[..., joint(f"{name}.{side}")] = (1 - _HANGING) * below
    no_arms /= np.maximum(no_arms.sum(-1, keepdims=True), 1e-3)
    soft = smoothed_within(np.concatenate([no_arms, middle[..., None], half[..., None]], 2), outline, sigma)
    sideways, width = _sideways(outline)
    radius = np.maximum(1.35 * soft[..., -1], np.maximum(_SKIRT_ROUNDNESS * width / px_per_metre, 0.03))
    # A skirt is round about its own axis; at the hem it is open.
    round_half = profile(np.maximum(inside, sideways), radius, px_per_metre)
    weights = weights * (1 - share) + soft[..., :JOINTS] * share
    return weights, middle * (1 - cloth) + soft[..., JOINTS] * cloth, half * (1 - cloth) + round_half * cloth


def _sideways(where: Mask) -> tuple[Floats, Floats]:
    """Distance (h, w) in px of each pixel of `where` to its outline in the same row, and half the row's width there;
    0 outside."""
    columns = np.arange(where.shape[1])[None]
    left = columns - np.maximum.accumulate(np.where(where, -1, columns), 1)
    right = np.minimum.accumulate(np.where(where, where.shape[1], columns)[:, ::-1], 1)[:, ::-1] - columns
    distance = np.where(where, np.minimum(left, right) - 0.5, 0)
    return distance.astype(np.float32), smoothed(np.where(where, (left + right - 1) / 2, 0).astype(np.float32), 2.0)
