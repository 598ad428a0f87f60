"""Random outfits: what is worn together, in which order it lies, and what it hides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from posable.people.wardrobe.layers import Cutout, Dummy, Layer, cut_garment
from posable.people.wardrobe.materials import Cloth, Print, Shoe
from posable.people.wardrobe.patterns import ClothPattern

FloatArray = NDArray[np.float32]
LAYER_GAP = 0.005
"""Metres between two layers of cloth."""
_SKIN_MARGIN, _CLOTH_MARGIN = 0.012, 0.035
"""Skin and cloth this far (metres) inside the edge of a garment over them are left out of the mesh."""


class Level(IntEnum):
    """The order in which garments lie over each other."""

    HOSIERY = 1
    SHOES = 2
    TUCKED_TOP = 3
    BOTTOM = 4
    BOOTS = 5
    TOP = 6
    JACKET = 7


@dataclass(frozen=True, eq=False)
class _Worn:
    level: Level
    cover: FloatArray
    """(n,) metres inside the garment's edges, for every asset vertex."""
    cut: Callable[[list[FloatArray]], Layer]
    """Makes the layer, given more fields as Cutout.keep has them."""


@dataclass
class Outfit:
    """The garments on a dummy so far; per-vertex arrays run over all asset vertices (n)."""

    dummy: Dummy
    description: dict[str, object] = field(default_factory=dict)
    top_distance: FloatArray = field(init=False)
    """Metres that the top stands off the skin helper, for what is worn over or under it."""
    leg_distance: FloatArray = field(init=False)
    """The same of the trousers."""
    top_hem: float = 0.0
    """Template height."""
    tunic_hem: float = 1.0
    """Template height; trousers are narrow where a tunic hangs over them."""
    trouser_hem: float = 0.0
    waist: float | None = None
    """Template height of the upper edge of trousers or skirt, where it shows."""
    layers: list[Layer] = field(default_factory=list)
    """The cut garments, and trimmings over them."""
    _worn: list[_Worn] = field(default_factory=list)

    def __post_init__(self) -> None:
        count = len(self.dummy.body.template)
        self.top_distance = np.zeros(count, np.float32)
        self.leg_distance = np.zeros(count, np.float32)

    def wear(self, level: Level, cutout: Cutout, material: Cloth | Shoe, label: int, garment: str) -> None:
        """Puts on a garment that is cut from a helper mesh."""

        def cut(more: list[FloatArray]) -> Layer:
            return cut_garment(self.dummy, cutout, material, label, garment, more)

        self.add(level, np.min(np.stack(list(cutout.keep)), axis=0), cut)

    def add(self, level: Level, cover: FloatArray, cut: Callable[[list[FloatArray]], Layer]) -> None:
        """Puts on any garment; `cut` may ignore the fields that it is given."""
        self._worn.append(_Worn(level, cover.astype(np.float32), cut))

    def cut_all(self) -> None:
        """Cuts all garments, without the parts that lie well under others: nothing is there to poke through."""
        cut = [worn.cut(self._uncovered(worn.level)) for worn in self._worn]
        self.layers = [layer for layer in cut if len(layer.faces)]

    def trouser_room(self, hem: float) -> float:
        """Metres that the trousers stand off the legs above a template height; 0 without trousers."""
        z = self.dummy.body.template[:, 2]
        there = self.leg_distance[(self.leg_distance > 0) & (z < 0) & (z > hem)]
        return float(np.quantile(there, 0.8)) if len(there) else 0.0

    def hidden(self) -> NDArray[np.bool_]:
        """(n,) skin that clothes hide."""
        return np.any([worn.cover > _SKIN_MARGIN for worn in self._worn], axis=0)

    def _uncovered(self, level: Level) -> list[FloatArray]:
        over = [np.float32(_CLOTH_MARGIN) - worn.cover for worn in self._worn if worn.level > level]
        return [np.min(np.stack(over), axis=0)] if over else []


def make_cloth(
    pattern: ClothPattern, fold: tuple[float, float], rng: np.random.Generator, picture: Print | None = None
) -> Cloth:
    """Cloth in a pattern, with wrinkles of a strength between two."""
    return Cloth(
        tile=pattern.tile,
        metres_per_tile=pattern.metres_per_tile,
        fold=float(rng.uniform(*fold)),
        specular=0.04,
        print=picture,
        seed=int(rng.integers(1 << 30)),
    )


def pick(rng: np.random.Generator, shares: dict[str, float]) -> str:
    """One of the names, as often as its share says; shares sum to 1."""
    return str(rng.choice(list(shares), p=list(shares.values())))
