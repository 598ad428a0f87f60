"""The runs that train PISE in two steps: as its authors say they did, on our people, and tiny."""

from dataclasses import dataclass, replace
from typing import Literal

from posable.models.pise import PiseConfig, PiseObjective, PiseWeights
from posable.recipes.perceptual_choice import FeaturesName, features_named, found_features
from posable.recipes.settings import (
    OFFLINE_FEATURES,
    SMALL_ADAM,
    SMALL_ADAM_AT_LAST,
    SMALL_ADAM_OF_DISCRIMINATORS,
    SMALL_PAIRS,
    people_data,
    published_data,
    small,
    small_data,
    tiny,
    tiny_data,
)
from posable.train.recipe import Optimiser, Recipe, Stage, TrainingData

PAPER_ADAM = Optimiser(learning_rate=1e-4, betas=(0.9, 0.999))
PAPER_ADAM_OF_DISCRIMINATOR = Optimiser(learning_rate=1e-5, betas=(0.9, 0.999))
"""Batches of 8 at constant rates."""


SHORT_RUN_WEIGHTS = PiseWeights(parsing=50.0, parsing_l1=5.0)
"""With the published weights a few hundred steps give background and one class: the L1 loss drives the others to where
tanh is flat before the network can tell them apart. That takes cross entropy, a warm-up and a wider parsing net."""


@dataclass(frozen=True, kw_only=True)
class PiseLosses:
    """The objective of one of PISE's steps; `features` is the feature network of the perceptual losses."""

    step: Literal[1, 2]
    weights: PiseWeights
    features: FeaturesName

    def build(self, config: PiseConfig) -> PiseObjective:
        return PiseObjective(self.weights, features_named(self.features), self.step)


def _steps(
    data: TrainingData, pairs: tuple[int, int], weights: PiseWeights, features: FeaturesName
) -> tuple[Stage, Stage]:
    """Step 1 learns the target's parsing, and regions in the source's styles, with features led by the target's; step 2
    adds the spatial norm and leads no more."""

    def step(number: Literal[1, 2], length: int) -> Stage:
        return Stage(
            name=f"step{number}",
            data=data,
            objective=PiseLosses(step=number, weights=weights, features=features),
            pairs=length,
            generator=PAPER_ADAM,
            discriminators=PAPER_ADAM_OF_DISCRIMINATOR,
        )

    return step(1, pairs[0]), step(2, pairs[1])


def pise_published() -> Recipe:
    """DeepFashion in both steps of the released code. Their lengths were not published: ours."""
    stages = _steps(published_data(parsing=True), (2_000_000, 2_000_000), PiseWeights(), found_features())
    return Recipe(name="pise.published", family="pise", config=PiseConfig(), stages=stages)


def pise_people() -> Recipe:
    """The same losses and rates on our people, at 256x176 inside."""
    stages = _steps(people_data(), (200_000, 200_000), PiseWeights(), found_features())
    return Recipe(name="pise.people", family="pise", config=PiseConfig(network_width=176), stages=stages)


def pise_small() -> Recipe:
    """Narrow; half of the pairs for each step. The losses are published, but for the parsing's."""
    config = PiseConfig(
        height=64,
        width=48,
        network_height=64,
        network_width=48,
        parsing_channels=16,
        channels=64,
        heatmap_sigma_px=2.0,
    )
    half = SMALL_PAIRS // 2
    first, second = _steps(small_data(), (half, SMALL_PAIRS - half), SHORT_RUN_WEIGHTS, OFFLINE_FEATURES)
    return small(
        "pise",
        config,
        replace(
            first,
            generator=replace(SMALL_ADAM, warmup_pairs=half // 10),
            discriminators=SMALL_ADAM_OF_DISCRIMINATORS,
        ),
        replace(second, generator=SMALL_ADAM_AT_LAST, discriminators=SMALL_ADAM_OF_DISCRIMINATORS),
    )


def pise_tiny() -> Recipe:
    """A narrow PISE that overfits four pairs: a check of both steps and the pictures."""
    config = PiseConfig(
        height=64,
        width=48,
        network_height=64,
        network_width=48,
        parsing_channels=16,
        channels=64,
        heatmap_sigma_px=2.0,
    )
    weights = replace(SHORT_RUN_WEIGHTS, style=50.0)
    first, second = _steps(tiny_data(), (2000, 1000), weights, OFFLINE_FEATURES)
    discriminators = Optimiser(learning_rate=5e-5)
    return tiny(
        "pise",
        config,
        replace(first, generator=Optimiser(learning_rate=2e-3, warmup_pairs=400), discriminators=discriminators),
        replace(second, generator=Optimiser(learning_rate=1e-3, schedule="cosine"), discriminators=discriminators),
    )


RECIPES = {
    "pise.people": pise_people,
    "pise.published": pise_published,
    "pise.small": pise_small,
    "pise.tiny": pise_tiny,
}
