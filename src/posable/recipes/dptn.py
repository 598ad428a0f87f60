"""The runs that train DPTN: as published on DeepFashion, on our people, and tiny."""

from dataclasses import dataclass, replace

from posable.models.dptn import DptnConfig, DptnObjective, DptnWeights
from posable.recipes.perceptual_choice import FeaturesName, features_named, found_features
from posable.recipes.settings import (
    DEEPFASHION_PAIRS,
    OFFLINE_FEATURES,
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

PAPER_ADAM = Optimiser(learning_rate=2e-4, schedule="linear")
PAPER_ADAM_OF_DISCRIMINATORS = Optimiser(learning_rate=2e-5, schedule="linear")


@dataclass(frozen=True, kw_only=True)
class DptnLosses:
    """DPTN's objective; `features` is the feature network of the perceptual losses."""

    weights: DptnWeights
    features: FeaturesName
    discriminator_blocks: int = 4

    def build(self, config: DptnConfig) -> DptnObjective:
        return DptnObjective(self.weights, features_named(self.features), self.discriminator_blocks)


def _both_tasks(data: TrainingData, pairs: int) -> Stage:
    """The paper's losses and rates."""
    return Stage(
        name="both-tasks",
        data=data,
        objective=DptnLosses(weights=DptnWeights(), features=found_features()),
        pairs=pairs,
        generator=PAPER_ADAM,
        discriminators=PAPER_ADAM_OF_DISCRIMINATORS,
    )


def dptn_published() -> Recipe:
    """Section 4 of the paper: 200 epochs of DeepFashion, the second hundred with a falling rate, batches of 32."""
    stage = _both_tasks(published_data(32), 200 * DEEPFASHION_PAIRS)
    return Recipe(name="dptn.published", family="dptn", config=DptnConfig(), stages=(stage,))


def dptn_people() -> Recipe:
    """The paper's losses and rates on our people, at 256x176 inside: what a single small GPU does in a day."""
    config = DptnConfig(network_width=176)
    return Recipe(name="dptn.people", family="dptn", config=config, stages=(_both_tasks(people_data(), 400_000),))


def dptn_small() -> Recipe:
    """Narrow, with the published losses; attention at a quarter of the size, 16x12 places."""
    config = DptnConfig(
        height=64,
        width=48,
        network_height=64,
        network_width=48,
        channels=32,
        max_channels=64,
        levels=2,
        feed_forward_channels=128,
        heatmap_sigma_px=2.0,
    )
    stage = replace(
        _both_tasks(small_data(), SMALL_PAIRS),
        objective=DptnLosses(weights=DptnWeights(), features=OFFLINE_FEATURES, discriminator_blocks=3),
        generator=SMALL_ADAM_AT_LAST,
        discriminators=SMALL_ADAM_OF_DISCRIMINATORS,
    )
    return small("dptn", config, stage)


def dptn_tiny() -> Recipe:
    """A narrow DPTN that overfits four pairs in a minute or two: a check of the loop and the pictures."""
    config = DptnConfig(
        height=64,
        width=48,
        network_height=64,
        network_width=48,
        channels=32,
        max_channels=64,
        levels=2,
        feed_forward_channels=64,
        num_residual_blocks=1,
        heatmap_sigma_px=2.0,
    )
    stage = replace(
        _both_tasks(tiny_data(), 3600),
        objective=DptnLosses(weights=DptnWeights(style=50.0), features=OFFLINE_FEATURES, discriminator_blocks=3),
        generator=Optimiser(learning_rate=1e-3, schedule="cosine"),
        discriminators=Optimiser(learning_rate=5e-5),
    )
    return tiny("dptn", config, stage)


RECIPES = {
    "dptn.people": dptn_people,
    "dptn.published": dptn_published,
    "dptn.small": dptn_small,
    "dptn.tiny": dptn_tiny,
}
