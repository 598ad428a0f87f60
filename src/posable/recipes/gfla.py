"""The runs that train GFLA: the flow network first, then the whole; as published, on our people, and tiny."""

from dataclasses import dataclass, replace

from posable.models.gfla import GflaConfig, GflaFlowObjective, GflaFlowWeights, GflaObjective, GflaWeights
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

PAPER_ADAM = Optimiser(learning_rate=1e-4, betas=(0.0, 0.999))
PAPER_ADAM_OF_DISCRIMINATORS = Optimiser(learning_rate=1e-5, betas=(0.0, 0.999))


@dataclass(frozen=True, kw_only=True)
class GflaFlowLosses:
    """The first stage's objective; `features` is the feature network of the flow's correctness."""

    weights: GflaFlowWeights
    features: FeaturesName

    def build(self, config: GflaConfig) -> GflaFlowObjective:
        return GflaFlowObjective(self.weights, features_named(self.features))


@dataclass(frozen=True, kw_only=True)
class GflaLosses:
    """The second stage's objective."""

    weights: GflaWeights
    features: FeaturesName
    discriminator_blocks: int = 4

    def build(self, config: GflaConfig) -> GflaObjective:
        return GflaObjective(self.weights, features_named(self.features), self.discriminator_blocks)


def _flow(data: TrainingData, pairs: int, features: FeaturesName) -> Stage:
    """The paper's first stage."""
    return Stage(
        name="flow",
        data=data,
        objective=GflaFlowLosses(weights=GflaFlowWeights(), features=features),
        pairs=pairs,
        generator=PAPER_ADAM,
    )


def _whole(data: TrainingData, pairs: int, features: FeaturesName) -> Stage:
    """The paper's second stage."""
    return Stage(
        name="whole",
        data=data,
        objective=GflaLosses(weights=GflaWeights(), features=features),
        pairs=pairs,
        generator=PAPER_ADAM,
        discriminators=PAPER_ADAM_OF_DISCRIMINATORS,
    )


def gfla_published() -> Recipe:
    """Section 4 of the paper, batches of 8 at a constant rate. The authors stopped by hand; the lengths are ours."""
    data, features = published_data(), found_features()
    stages = (_flow(data, 1_600_000, features), _whole(data, 4_000_000, features))
    return Recipe(name="gfla.published", family="gfla", config=GflaConfig(), stages=stages)


def gfla_people() -> Recipe:
    """The paper's losses and rates on our people: what a single small GPU does in a day."""
    data, features = people_data(), found_features()
    stages = (_flow(data, 150_000, features), _whole(data, 250_000, features))
    return Recipe(name="gfla.people", family="gfla", config=GflaConfig(network_width=176), stages=stages)


def gfla_small() -> Recipe:
    """Narrow, with the published losses; a quarter of the pairs for the flow alone."""
    config = GflaConfig(
        height=64,
        width=48,
        network_height=64,
        network_width=64,
        channels=24,
        max_channels=96,
        flow_channels=16,
        heatmap_sigma_px=2.0,
    )
    flow = replace(_flow(small_data(), SMALL_PAIRS // 4, OFFLINE_FEATURES), generator=SMALL_ADAM)
    whole = replace(
        _whole(small_data(), SMALL_PAIRS - flow.pairs, OFFLINE_FEATURES),
        objective=GflaLosses(weights=GflaWeights(), features=OFFLINE_FEATURES, discriminator_blocks=3),
        generator=SMALL_ADAM_AT_LAST,
        discriminators=SMALL_ADAM_OF_DISCRIMINATORS,
    )
    return small("gfla", config, flow, whole)


def gfla_tiny() -> Recipe:
    """A narrow GFLA that overfits four pairs: a check of the loop and the pictures."""
    config = GflaConfig(
        height=64,
        width=48,
        network_height=64,
        network_width=64,
        channels=24,
        max_channels=96,
        flow_channels=16,
        heatmap_sigma_px=2.0,
    )
    flow = replace(_flow(tiny_data(), 400, OFFLINE_FEATURES), generator=Optimiser(learning_rate=5e-4))
    whole = replace(
        _whole(tiny_data(), 2000, OFFLINE_FEATURES),
        objective=GflaLosses(weights=GflaWeights(style=50.0), features=OFFLINE_FEATURES, discriminator_blocks=3),
        generator=Optimiser(learning_rate=1.5e-3, schedule="cosine"),
        discriminators=Optimiser(learning_rate=5e-5),
    )
    return tiny("gfla", config, flow, whole)


RECIPES = {
    "gfla.people": gfla_people,
    "gfla.published": gfla_published,
    "gfla.small": gfla_small,
    "gfla.tiny": gfla_tiny,
}
