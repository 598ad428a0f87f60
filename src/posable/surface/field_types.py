"""What the fields of a surface are: the grid they lie on, one layer's field, and all of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from posable.imaging.size import Size
from posable.surface.grids import (
    Floats,
    Mask,
)
from posable.surface.limbs import (
    Ints,
)
from posable.surface.owners import Labels

JOINTS = 24

REST, WEIGHTS = slice(0, 3), slice(3, 3 + JOINTS)

MIRRORED_AT, MIRRORED_SEEN = slice(27, 29), 29

_VALUES = 30

SAME_METRES = 0.012

THINNEST_METRES = 0.02

ARMPIT_METRES, SLEEVE_METRES = (0.06, 0.12), (0.10, 0.18)
"""Distances from the shoulder over which the trunk stops moving with the arm, and the arm with the trunk."""


FRONT, BACK, MESH = 0, 1, 2
"""Sides of a sheet: of the picture's near side, of its far side, of the body's own mesh (either)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Grid:
    """The cells that a surface is made on: the window of the source that has the person, made small."""

    size: Size
    origin: tuple[float, float]
    """Where the window's top-left corner is in the source, (x, y) px."""
    step: tuple[float, float]
    """Source px a cell, across and down."""
    open_edges: tuple[bool, bool, bool, bool]
    """Whether the window ends where the source ends, and not the person: top, bottom, left, right."""
    picture: Floats
    """(h, w, 3), RGB in [0, 1]."""
    matte: Floats
    """(h, w) in [0, 1]."""
    labels: Labels

    @property
    def mask(self) -> Mask:
        return self.matte > 0.5

    def to_cells(self, points: Floats) -> Floats:
        """Points (n, 2+) whose x and y are in source px, with x and y in cells."""
        moved = points.copy()
        moved[:, 0] = (points[:, 0] - self.origin[0]) / self.step[0]
        moved[:, 1] = (points[:, 1] - self.origin[1]) / self.step[1]
        return moved

    def to_source(self, x: npt.NDArray[np.floating], y: npt.NDArray[np.floating]) -> Floats:
        """(..., 2) source px of positions in cells."""
        return np.stack([x * self.step[0] + self.origin[0], y * self.step[1] + self.origin[1]], -1).astype(np.float32)


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerField:
    """One layer (h, w); what lies off `support` means little."""

    visible: Mask
    """Its pixels in the picture."""
    hidden: Mask
    """Where it is behind another layer."""
    covered: Mask
    """Where the fitted body has it."""
    presence: Floats
    """(h, w), the layer ends where this is a half."""
    to_outline: Floats
    """(h, w, 2), step in cells from a cell's centre to that outline; 0 for those that are not right beside it."""
    inward: Floats
    """(h, w, 2), step in cells from a cell on the rim, which is seen aslant, to one that shows the material well."""
    weights: Floats
    """(h, w, 24) skin weights."""
    front: Floats
    """Depth of the near side, metres."""
    back: Floats
    front_point: Floats
    """(h, w, 3), the rest point of the body that is seen there from the front."""
    back_point: Floats
    mirrored_front: Floats
    """(h, w, 2), cell where the same point of the other half of the body is, for the near side."""
    mirrored_front_seen: Mask
    mirrored_back: Floats
    mirrored_back_seen: Mask

    @property
    def support(self) -> Mask:
        return self.visible | self.hidden


@dataclass(frozen=True, kw_only=True, eq=False)
class Fields:
    owner: Ints
    """(h, w), the layer of each pixel; the nearest one off the person."""
    layers: tuple[LayerField | None, ...]
    """None for a limb that is out of the window."""
    seen_vertices: Mask
    """(v,), the body's vertices that the picture shows."""
    screen: Floats
    """(v, 3), the body on the grid: x and y in cells, depth in metres."""
    px_per_metre: float
    body_mask: Mask
    """(h, w)"""
    cloth: Floats
    """(h, w), how far each pixel is part of one piece of cloth over both legs, in [0, 1]."""
