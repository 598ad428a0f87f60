"""The runs that train CATN: as published on DeepFashion, on our people, and tiny."""

from dataclasses import dataclass, replace

from posable.models.catn import CatnConfig, CatnObjective, CatnWeights
from posable.recipes.perceptual_choice import FeaturesName, features_named, found_features
from posable.recipes.settings import (
    OFFLINE_FEATURES,
    SMALL_ADAM_AT_LAST,
    SMALL_PAIRS,
    people_data,
    published_data,
    small,
    small_data,
    tiny,
    tiny_data,
)
from posable.train.recipe import Optimiser, Recipe, Stage, TrainingData

PAPER_ADAM = Optimiser(learning_rate=1e-4, schedule="late-linear")
"""2s-ATN's: 60,000 steps at the full rate, 30,000 more falling to zero. That the discriminators learn at the same rate
is inferred."""
PAPER_STEPS, PAPER_BATCH = 90_000, 7


@dataclass(frozen=True, kw_only=True)
class CatnLosses:
    """CATN's objective; `features` is the feature network of the perceptual loss."""

    weights: CatnWeights
    features: FeaturesName
    discriminator_channels: int = 64

    def build(self, config: CatnConfig) -> CatnObjective:
        return CatnObjective(self.weights, features_named(self.features), self.discriminator_channels)


def _transfer(data: TrainingData, pairs: int) -> Stage:
    """2s-ATN's losses and rates."""
    return Stage(
        name="transfer",
        data=data,
        objective=CatnLosses(weights=CatnWeights(), features=found_features()),
        pairs=pairs,
        generator=PAPER_ADAM,
        discriminators=PAPER_ADAM,
    )


def catn_published() -> Recipe:
    """2s-ATN's setting on DeepFashion with the three-stage network; the 2022 paper's own was not at hand."""
    stage = _transfer(published_data(PAPER_BATCH), PAPER_STEPS * PAPER_BATCH)
    return Recipe(name="catn.published", family="catn", config=CatnConfig(), stages=(stage,))


def catn_people() -> Recipe:
    """The paper's losses and rates on our people: what a single small GPU does in a day."""
    return Recipe(name="catn.people", family="catn", config=CatnConfig(), stages=(_transfer(people_data(), 400_000),))


def catn_small() -> Recipe:
    """Narrow, with 2s-ATN's losses; the discriminators learn at the generator's rate, as in `catn_published`."""
    config = CatnConfig(
        height=64,
        width=48,
        network_height=64,
        network_width=48,
        channels=20,
        context_channels=20,
        heatmap_sigma_px=2.0,
    )
    stage = replace(
        _transfer(small_data(), SMALL_PAIRS),
        objective=CatnLosses(weights=CatnWeights(), features=OFFLINE_FEATURES, discriminator_channels=16),
        generator=SMALL_ADAM_AT_LAST,
        discriminators=SMALL_ADAM_AT_LAST,
    )
    return small("catn", config, stage)


def catn_tiny() -> Recipe:
    """A narrow CATN that overfits four pairs in a minute or two: a check of the loop and the pictures."""
    config = CatnConfig(
        height=64,
        width=48,
        network_height=64,
        network_width=48,
        channels=16,
        context_channels=16,
        source_fusion="project",
        dropout=0.0,
        heatmap_sigma_px=2.0,
    )
    stage = replace(
        _transfer(tiny_data(), 2000),
        objective=CatnLosses(weights=CatnWeights(adversarial=2.0), features=OFFLINE_FEATURES, discriminator_channels=8),
        generator=Optimiser(learning_rate=4e-4, schedule="cosine"),
        discriminators=Optimiser(learning_rate=4e-5),
    )
    return tiny("catn", config, stage)


RECIPES = {
    "catn.people": catn_people,
    "catn.published": catn_published,
    "catn.small": catn_small,
    "catn.tiny": catn_tiny,
}
