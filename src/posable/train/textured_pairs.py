"""Pairs with a picture of a material each, for families that can draw clothes in another one."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from posable.batch import PersonPair
from posable.data.textures import Textures
from posable.errors import ConfigError
from posable.imaging.size import Size
from posable.people.wardrobe.patterns import choose_pattern, make_pattern
from posable.train.recipe import Batches, DataNeeds, TrainingData

_MATERIALS = 6151
"""Keeps the random stream of materials apart from that of the pairs."""
_CROP = (64, 128)
"""Sides of the squares that are cut out of a material, in px of its own picture."""


@dataclass(frozen=True, kw_only=True)
class TexturedPairs:
    """Other pairs, each with a square of a material as `condition.texture`: a random cut of a random picture of DTD, or
    of a cloth pattern that is drawn for it."""

    pairs: TrainingData
    dtd: str = ""
    """The folder of DTD; empty for drawn patterns."""
    side: int = 256
    """Of the squares, in px."""

    def __post_init__(self) -> None:
        if self.side < 32:
            raise ConfigError(f"materials of {self.side} px a side were asked for; give at least 32.")

    @property
    def pairs_per_batch(self) -> int:
        return self.pairs.pairs_per_batch

    def prepare(self, cache: Path, workers: int, tell: Callable[[int, int], None]) -> None:
        self._textures()
        self.pairs.prepare(cache, workers, tell)

    def open(self, cache: Path, seed: int) -> "_OpenTexturedPairs":
        return _OpenTexturedPairs(self.pairs.open(cache, seed), self._textures(), seed, self.side)

    def validation(self) -> "TexturedPairs":
        return replace(self, pairs=self.pairs.validation())

    def in_batches_of(self, pairs: int) -> "TexturedPairs":
        return replace(self, pairs=self.pairs.in_batches_of(pairs))

    def on_corpus(self, root: str, size: Size, parsing: bool) -> "TexturedPairs":
        return replace(self, pairs=self.pairs.on_corpus(root, size, parsing))

    @property
    def needs(self) -> DataNeeds:
        return self.pairs.needs

    def provenance(self) -> dict[str, Any]:
        textures = "drawn patterns" if not self.dtd else f"DTD in '{Path(self.dtd).resolve()}'"
        return {**self.pairs.provenance(), "textures": textures}

    def _textures(self) -> Textures | None:
        return Textures(self.dtd, "train") if self.dtd else None


@dataclass(frozen=True, eq=False)
class _OpenTexturedPairs:
    pairs: Batches
    textures: Textures | None
    seed: int
    side: int

    def batch(self, position: int) -> PersonPair:
        pair: PersonPair = self.pairs.batch(position)
        rng = np.random.default_rng([self.seed, _MATERIALS, position])
        materials = torch.stack([self._material(rng) for _ in range(len(pair))])
        return replace(pair, condition=replace(pair.condition, texture=materials))

    def _material(self, rng: np.random.Generator) -> Tensor:
        if self.textures is not None:
            picture = self.textures[int(rng.integers(len(self.textures)))]
        else:
            tile = make_pattern(choose_pattern(rng), rng).tile
            picture = torch.from_numpy(np.tile(tile, (2, 2, 1))).movedim(2, 0) * 2 - 1
        height, width = picture.shape[-2:]
        side = min(int(rng.integers(_CROP[0], _CROP[1] + 1)), height, width)
        top, left = (int(rng.integers(length - side + 1)) for length in (height, width))
        cut = picture[None, :, top : top + side, left : left + side]
        size = (self.side, self.side)
        return functional.interpolate(cut, size, mode="bilinear", antialias=self.side < side).clamp(-1, 1)[0]
