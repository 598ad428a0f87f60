"""Batches of a corpus on disk: DeepFashion, Market-1501, people-1, a prepared folder, ... read by position."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from posable.batch import PersonPair, collate
from posable.data.corpora import read_corpus
from posable.data.corpus_index import CorpusIndex, Split
from posable.data.pair_dataset import PairDataset
from posable.data.shuffled import shuffled_slice
from posable.errors import ConfigError
from posable.imaging.frame import Fit
from posable.imaging.size import Size
from posable.models import FAMILIES
from posable.people.benchmark import PEOPLE_1
from posable.train.recipe import DataNeeds, Recipe


@dataclass(frozen=True, kw_only=True)
class CorpusPairs:
    """The pairs of a corpus. An empty `root` stands for one that the user has yet to name."""

    root: str = ""
    corpus: str = "auto"
    size: Size
    pairs_per_batch: int
    fit: Fit = "letterbox"
    parsing: bool = False
    held_out: bool = False
    """The pairs that are kept for looking at, rather than those for training."""

    def prepare(self, cache: Path, workers: int, tell: Callable[[int, int], None]) -> None:
        self._pairs()

    def open(self, cache: Path, seed: int) -> "_OpenCorpus":
        return _OpenCorpus(self._pairs(), seed, self.pairs_per_batch)

    def validation(self) -> "CorpusPairs":
        return replace(self, held_out=True)

    def in_batches_of(self, pairs: int) -> "CorpusPairs":
        return replace(self, pairs_per_batch=pairs)

    def on_corpus(self, root: str, size: Size, parsing: bool) -> "CorpusPairs":
        return replace(self, root=root)

    @property
    def needs(self) -> DataNeeds:
        return DataNeeds(corpus=True)

    def provenance(self) -> dict[str, Any]:
        index = self._index()
        rendered = {"licence": "Apache-2.0", "photographs": False} if index.corpus == PEOPLE_1.name else {}
        return {
            **rendered,
            "kind": index.corpus,
            "root": str(Path(self.root).resolve()),
            "index_sha256": index.fingerprint("train"),
            "images": len({name for pair in index.pairs.get("train", []) for name in pair}),
        }

    def _index(self) -> CorpusIndex:
        if not self.root:
            raise ConfigError("this recipe trains on a corpus; say where it is with --data FOLDER (docs/data.md).")
        return read_corpus(self.root, self.corpus)

    def _pairs(self) -> PairDataset:
        index = self._index()
        held_out: Split = "val" if "val" in index.pairs else "test"
        pairs = PairDataset(
            index, held_out if self.held_out else "train", self.size, fit=self.fit, parsing=self.parsing
        )
        if len(pairs) < self.pairs_per_batch:
            raise ConfigError(
                f"'{self.root}' has {len(pairs)} usable pairs in its split {pairs.split}, fewer than a batch of "
                f"{self.pairs_per_batch}; `posable data inspect` says what is missing."
            )
        return pairs


def on_corpus(recipe: Recipe, root: str, licence: str | None = None) -> Recipe:
    """The recipe with the corpus in the folder `root` in place of its own data, batches as large as before; `licence`
    is what the user says of the corpus.

    Raises ConfigError for recipes that need what no corpus has: weave's ground truth comes from the renderer."""
    size = Size(recipe.config.height, recipe.config.width)
    parsing = FAMILIES[recipe.family].generator.needs_parsing
    stages = tuple(replace(stage, data=stage.data.on_corpus(root, size, parsing)) for stage in recipe.stages)
    return replace(recipe, stages=stages, data_licence=licence)


@dataclass(frozen=True, eq=False)
class _OpenCorpus:
    pairs: PairDataset
    seed: int
    count: int

    def batch(self, position: int) -> PersonPair:
        chosen = shuffled_slice(len(self.pairs), self.seed, position, self.count)
        return collate([self.pairs[index] for index in chosen])
