"""Batches of rendered people, rendered once into a cache and read by position."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from posable import people
from posable.batch import PersonPair
from posable.data.rendered_pairs import RenderedPairs, RenderedPeople, render_cache
from posable.errors import ConfigError
from posable.imaging.size import Size
from posable.train.corpus_batches import CorpusPairs
from posable.train.recipe import DataNeeds

VALIDATION_PEOPLE = 12


@dataclass(frozen=True, kw_only=True)
class PeoplePairs:
    """Pairs of views of rendered people: what the published families train on when no corpus is at hand."""

    people: RenderedPeople
    pairs_per_batch: int

    def __post_init__(self) -> None:
        check_training_people(self.people)
        if not 1 <= self.pairs_per_batch <= self.people.people:
            raise ConfigError(
                f"a batch of {self.pairs_per_batch} pairs needs as many people, and there are {self.people.people}."
            )

    def prepare(self, cache: Path, workers: int, tell: Callable[[int, int], None]) -> None:
        render_cache(self.people, cache, workers, tell)

    def open(self, cache: Path, seed: int) -> "_OpenPairs":
        return _OpenPairs(RenderedPairs(self.people, cache), seed, self.pairs_per_batch)

    def validation(self) -> "PeoplePairs":
        return replace(self, people=validation_people(self.people, self.pairs_per_batch))

    def in_batches_of(self, pairs: int) -> "PeoplePairs":
        return replace(self, pairs_per_batch=pairs)

    def on_corpus(self, root: str, size: Size, parsing: bool) -> CorpusPairs:
        return CorpusPairs(root=root, size=size, pairs_per_batch=self.pairs_per_batch, parsing=parsing)

    @property
    def needs(self) -> DataNeeds:
        return DataNeeds(rendered_people=self.people.people)

    def provenance(self) -> dict[str, Any]:
        return rendered_provenance(self.people)


def rendered_provenance(what: RenderedPeople) -> dict[str, Any]:
    """What a model's card says of rendered people."""
    return {
        "kind": "rendered people",
        "generator_version": people.GENERATOR_VERSION,
        "seeds": [what.first_seed, what.first_seed + what.people],
        "licence": "Apache-2.0",
        "photographs": False,
    }


@dataclass(frozen=True, eq=False)
class _OpenPairs:
    pairs: RenderedPairs
    seed: int
    count: int

    def batch(self, position: int) -> PersonPair:
        return self.pairs.person_pairs(position, self.seed, self.count)


def check_training_people(what: RenderedPeople) -> None:
    """Raises ConfigError for people that are kept for tests; the validation people may be looked at."""
    if what.first_seed < people.FIRST_TRAINING_SEED and what.first_seed not in people.VALIDATION_SEEDS:
        raise ConfigError(
            f"the data would begin with person {what.first_seed}; the first {people.FIRST_TRAINING_SEED} are for "
            "testing and validation: start there or later."
        )


def validation_people(like: RenderedPeople, at_least: int = 1) -> RenderedPeople:
    """The first validation people, as many views and as large as those of the training data."""
    return replace(like, first_seed=people.VALIDATION_SEEDS.start, people=max(VALIDATION_PEOPLE, at_least))


def rng_at(seed: int, position: int) -> torch.Generator:
    """The random stream of one batch."""
    return torch.Generator().manual_seed((seed * 10_000_019 + position) % (1 << 62))
