"""What the recipes of all families share: the data of each kind of run, and how short runs are kept and looked at.

`FAMILY.published` learns from DeepFashion as its paper says; `FAMILY.people` from rendered people, on a GPU in a day;
`FAMILY.small` learns from rendered people at 64x48 with a narrow network, every family from the same people, for the
same number of pairs and with the same seed, so that their results can stand in one table; `FAMILY.tiny` overfits
four pairs.
"""

from typing import Any

from posable.data.rendered_pairs import RenderedPeople
from posable.imaging.size import Size
from posable.recipes.perceptual_choice import FeaturesName
from posable.train.corpus_batches import CorpusPairs
from posable.train.people_batches import PeoplePairs
from posable.train.recipe import Optimiser, Recipe, Stage

DEEPFASHION_PAIRS = 101_966
"""Training pairs of DeepFashion In-shop in the PATN lineage: one epoch."""

SMALL_PAIRS = 10_000
"""Pairs that each FAMILY.small learns from, in all of its stages together: 1,250 batches of 8, as many as eight
families learn from in an hour on two CPU cores."""

SMALL_ADAM = Optimiser(learning_rate=1e-3)
"""Several times the published rates, for narrow networks and so few steps; `SMALL_ADAM_AT_LAST` for a last stage."""
SMALL_ADAM_AT_LAST = Optimiser(learning_rate=1e-3, schedule="linear")
SMALL_ADAM_OF_DISCRIMINATORS = Optimiser(learning_rate=1e-4)
"""A tenth of the generator's, as DPTN, GFLA and PISE have it."""

OFFLINE_FEATURES: FeaturesName = "efficientnet-lite0"
"""The feature network of perceptual losses in runs that are to be the same on every machine."""


def published_data(pairs_per_batch: int = 8, *, size: Size | None = None, parsing: bool = False) -> CorpusPairs:
    """Pairs of the corpus that the user names, at 256x176 unless said."""
    return CorpusPairs(size=size or Size(256, 176), pairs_per_batch=pairs_per_batch, parsing=parsing)


def people_data() -> PeoplePairs:
    """Batches of 8 from 5,000 people at 256x176."""
    people = RenderedPeople(first_seed=2000, people=5000, views=6, size=Size(256, 176))
    return PeoplePairs(people=people, pairs_per_batch=8)


def small_people() -> RenderedPeople:
    """400 people of people-1's training split, 6 views each, at 64x48: weave's frames are multiples of 16."""
    return RenderedPeople(first_seed=2000, people=400, views=6, size=Size(64, 48))


def small_data() -> PeoplePairs:
    """Batches of 8 of the small people."""
    return PeoplePairs(people=small_people(), pairs_per_batch=8)


def tiny_data() -> PeoplePairs:
    """The same four people in every batch, both of their views at 64x48."""
    people = RenderedPeople(first_seed=2000, people=4, views=2, size=Size(64, 48))
    return PeoplePairs(people=people, pairs_per_batch=4)


def small(family: str, config: Any, *stages: Stage) -> Recipe:
    """The run FAMILY.small, whose stages share out SMALL_PAIRS."""
    assert sum(stage.pairs for stage in stages) == SMALL_PAIRS, f"{family}.small must learn from {SMALL_PAIRS} pairs"
    return Recipe(
        name=f"{family}.small",
        family=family,
        config=config,
        ema_half_life_pairs=1000,
        save_every_pairs=4000,
        sample_every_pairs=8000,
        validation_batches=1,
        stages=stages,
    )


def tiny(family: str, config: Any, *stages: Stage) -> Recipe:
    """The run FAMILY.tiny: weights are averaged over the last few dozen pairs only, and looked at every 400."""
    return Recipe(
        name=f"{family}.tiny",
        family=family,
        config=config,
        ema_half_life_pairs=40,
        save_every_pairs=400,
        sample_every_pairs=400,
        validation_batches=1,
        stages=stages,
    )
