"""Batches of a corpus on disk: DeepFashion, Market-1501, people-1, a prepared folder, ... read by position."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from posable.batch import PersonPair, collate
from posable.data.corpora import read_corpus
from posable.data.corpus_index import Split
from posable.data.framing import Fit
from posable.data.pair_dataset import PairDataset
from posable.data.shuffled import shuffled_slice
from posable.errors import ConfigError
from posable.size import Size


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

    def _pairs(self) -> PairDataset:
        if not self.root:
            raise ConfigError("this recipe trains on a corpus; say where it is with --data FOLDER (docs/data.md).")
        index = read_corpus(self.root, self.corpus)
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


@dataclass(frozen=True, eq=False)
class _OpenCorpus:
    pairs: PairDataset
    seed: int
    count: int

    def batch(self, position: int) -> PersonPair:
        chosen = shuffled_slice(len(self.pairs), self.seed, position, self.count)
        return collate([self.pairs[index] for index in chosen])
