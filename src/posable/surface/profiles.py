"""Depth and thickness of limbs from their outlines, and what the search for fields shares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from posable.body.fitted import Body
from posable.body.reduced import reduced_body
from posable.surface.field_types import WEIGHTS, Grid
from posable.surface.grids import (
    Floats,
    Mask,
    depth_inside,
    push_pull,
    smoothed,
)
from posable.surface.limbs import (
    LAYER_OF_JOINT,
    Ints,
    joint,
)


@dataclass(frozen=True, eq=False)
class Scene:
    grid: Grid
    body: Body
    screen: Floats
    values: Floats
    owner: Ints
    body_mask: Mask
    body_depth: Floats
    cloth: Floats | None
    px_per_metre: float


def own_weight(values: Floats, layer: int) -> Floats:
    """(h, w), how far the layer's own bones move what is seen."""
    return values[..., WEIGHTS][..., layer == LAYER_OF_JOINT].sum(2)


def profile(depth_px: Floats, radius: Floats, px_per_metre: float) -> Floats:
    """Half the thickness of a round limb of `radius` metres at a distance from its outline.

    Outside of it there is no thickness: near and far side meet on the outline and go on as one.
    """
    d = np.clip(depth_px / px_per_metre, 0, radius)
    return np.sqrt(d * (2 * radius - d)).astype(np.float32)


def inward(distance: Floats, radius: Floats, px_per_metre: float) -> Floats:
    """Steps (h, w, 2) in cells from where a round limb of `radius` metres is seen aslant, less than 30 degrees from its
    rim, to as far on the other side of that line on its skin: turned to the camera, the rim shows undistorted material.
    """
    r = np.maximum(radius * px_per_metre, 1e-3)
    d = np.clip(distance, 0, r)
    arc, turn = r * np.arccos(1 - d / r), r * (np.pi / 6)
    step = np.where(arc < turn, r * (1 - np.cos(np.pi / 6)) + turn - arc - d, 0)
    down, across = np.gradient(smoothed(distance, 1.5))
    length = np.maximum(np.hypot(down, across), 0.3)
    return (np.stack([across / length, down / length], -1) * step[..., None]).astype(np.float32)


def thickness(covered: Mask, half: Floats, px_per_metre: float) -> Floats:
    """The body's half thickness, continued from its inside: near its own outline it says too little."""
    inner = covered & (depth_inside(covered, (False, False, False, False)) / px_per_metre > 0.55 * half)
    return push_pull(half[..., None], inner if inner.sum() >= 10 else covered)[..., 0]


def presence_of(grid: Grid, support: Mask) -> Floats:
    """How far each cell is part of a layer: the matte outside, a soft border towards other layers."""
    return (np.clip(smoothed((support | ~grid.mask).astype(np.float32), 0.8), 0, 1) * grid.matte).astype(np.float32)


def cell_centres(shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """(h, w, 2)"""
    rows, columns = np.indices(shape[:2])
    return np.stack([columns + 0.5, rows + 0.5], -1)


def rest_joint(body: Body, name: str) -> npt.NDArray[np.float64]:
    """(3,) where a joint is in the rest pose of this body's shape, metres."""
    return reduced_body().rest_heads(body.shape)[joint(name)]
