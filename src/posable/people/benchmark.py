"""people-1, the open benchmark: which people, views and pairs, at which sizes. Frozen: nothing here may change.

Test pairs, which everybody can recompute in a few lines of any language: of each test person the ordered pairs of
views are sorted by the SHA-256 of the text "people-1/test/SEED/SOURCE/TARGET", in hexadecimal. The first 8 of each
person are taken; and of the 570 people whose SHA-256 of "people-1/test/SEED" comes first, the ninth too. That makes
8,570, as many as DeepFashion's test pairs. Validation pairs are made in the same way, two of each person. Training
pairs are all ordered pairs of views of the same person.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Literal, TypeAlias

from posable.errors import ConfigError
from posable.imaging.size import Size
from posable.people.person import Person
from posable.people.render import View, render_views
from posable.people.scene.scene import Style
from posable.people.scene.snapshot import snapshot

GENERATOR_VERSION = 2
"""Grows whenever the same seed gives other pictures."""

Split: TypeAlias = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("test", "val", "train")
"""In the order in which they are made: the small ones first."""


@dataclass(frozen=True)
class Variant:
    """One way of seeing the people."""

    name: str
    size: Size
    style: Style
    degraded: bool
    """Whether pictures look as if a cheap camera took them; see `snapshot`."""
    table_prefix: str
    """How the field's tables of such pictures begin: fasion-resize (the spelling is theirs) or market."""


@dataclass(frozen=True)
class SplitDefinition:
    """The people of a split and how many pairs of their views are used."""

    seeds: range
    pairs: int


@dataclass(frozen=True)
class Benchmark:
    """A data set that is a function of its definition."""

    name: str
    generator: int
    """The `GENERATOR_VERSION` that draws it."""
    views: int
    """Pictures of each person."""
    splits: dict[Split, SplitDefinition]
    variants: dict[str, Variant]

    def variant(self, name: str) -> Variant:
        """The variant with this name; raises ConfigError that lists them."""
        if name not in self.variants:
            raise ConfigError(f"{self.name} has no size '{name}'; choose one of {', '.join(self.variants)}.")
        return self.variants[name]

    def seeds(self, split: str) -> range:
        """The people of a split; raises ConfigError for an unknown one."""
        return self._split(split).seeds

    def pairs(self, split: str) -> list[tuple[int, int, int]]:
        """(seed, source view, target view) of each pair, sorted. Raises ConfigError for an unknown split."""
        definition = self._split(split)
        every = list(permutations(range(self.views), 2))
        count, extra = divmod(definition.pairs, len(definition.seeds))
        if count == len(every):
            return [(seed, source, target) for seed in definition.seeds for source, target in every]
        prefix = f"{self.name}/{split}"
        luckiest = set(sorted(definition.seeds, key=lambda seed: _sha256(f"{prefix}/{seed}"))[:extra])
        chosen: list[tuple[int, int, int]] = []
        for seed in definition.seeds:
            ranked = sorted((_sha256(f"{prefix}/{seed}/{source}/{target}"), source, target) for source, target in every)
            first = ranked[: count + (seed in luckiest)]
            chosen += sorted((seed, source, target) for _, source, target in first)
        return chosen

    def _split(self, split: str) -> SplitDefinition:
        for name, definition in self.splits.items():
            if name == split:
                return definition
        raise ConfigError(f"{self.name} has no split '{split}'; choose one of {', '.join(self.splits)}.")


_VARIANTS = (
    Variant("256x176", Size(256, 176), "fashion", degraded=False, table_prefix="fasion-resize"),
    Variant("512x352", Size(512, 352), "fashion", degraded=False, table_prefix="fasion-resize"),
    Variant("market", Size(128, 64), "market", degraded=True, table_prefix="market"),
)

PEOPLE_1 = Benchmark(
    name="people-1",
    generator=2,
    views=6,
    splits={
        "train": SplitDefinition(range(2000, 22000), 600_000),
        "val": SplitDefinition(range(1000, 2000), 2_000),
        "test": SplitDefinition(range(1000), 8_570),
    },
    variants={variant.name: variant for variant in _VARIANTS},
)
"""20,000 people to train on, 1,000 to validate and 1,000 to test."""

BENCHMARKS: dict[str, Benchmark] = {PEOPLE_1.name: PEOPLE_1}


def benchmark_named(name: str) -> Benchmark:
    """The benchmark with this name; raises ConfigError for an unknown one, or when this version cannot draw it."""
    if name not in BENCHMARKS:
        raise ConfigError(f"there is no benchmark '{name}'; choose {' or '.join(BENCHMARKS)}.")
    benchmark = BENCHMARKS[name]
    if benchmark.generator != GENERATOR_VERSION:
        raise ConfigError(
            f"{name} is drawn by generator version {benchmark.generator}, and this posable has version "
            f"{GENERATOR_VERSION}; install a posable that has it, or make people without --benchmark."
        )
    return benchmark


def variant_views(person: Person, count: int | Sequence[int], variant: Variant) -> list[View]:
    """The first `count` views of a person, or those with the given indices, as a variant shows them."""
    views = render_views(person, count, variant.size, variant.style)
    return [snapshot(view) for view in views] if variant.degraded else views


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()
