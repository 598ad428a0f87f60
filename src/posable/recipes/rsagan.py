"""The runs that train RSA-GAN, on DeepFashion, on our people, and tiny. The paper's settings are not public: the rates
and lengths are our choice."""

from dataclasses import dataclass, replace

from posable.models.rsagan import RsaganConfig, RsaganObjective, RsaganWeights
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


@dataclass(frozen=True, kw_only=True)
class RsaganLosses:
    """RSA-GAN's objective; `features` is the feature network of the perceptual losses."""

    weights: RsaganWeights
    features: FeaturesName
    discriminator_blocks: int = 4

    def build(self, config: RsaganConfig) -> RsaganObjective:
        return RsaganObjective(self.weights, features_named(self.features), self.discriminator_blocks)


def _whole(data: TrainingData, pairs: int) -> Stage:
    return Stage(
        name="whole",
        data=data,
        objective=RsaganLosses(weights=RsaganWeights(), features=found_features()),
        pairs=pairs,
        generator=Optimiser(learning_rate=1e-4, schedule="linear"),
        discriminators=Optimiser(learning_rate=1e-5, schedule="linear"),
    )


def rsagan_published() -> Recipe:
    """DeepFashion in the PATN lineage, as the authors' README states; 100 epochs of batches of 8 are our choice."""
    stage = _whole(published_data(parsing=True), 100 * DEEPFASHION_PAIRS)
    return Recipe(name="rsagan.published", family="rsagan", config=RsaganConfig(), stages=(stage,))


def rsagan_people() -> Recipe:
    """The same losses and rates on our people."""
    stage = _whole(people_data(), 400_000)
    return Recipe(name="rsagan.people", family="rsagan", config=RsaganConfig(), stages=(stage,))


def rsagan_small() -> Recipe:
    """Narrow, with the losses of `rsagan_published`."""
    config = RsaganConfig(
        height=64,
        width=48,
        network_height=64,
        network_width=48,
        channels=64,
        region_channels=16,
        heatmap_sigma_px=2.0,
    )
    stage = replace(
        _whole(small_data(), SMALL_PAIRS),
        objective=RsaganLosses(weights=RsaganWeights(), features=OFFLINE_FEATURES, discriminator_blocks=3),
        generator=SMALL_ADAM_AT_LAST,
        discriminators=SMALL_ADAM_OF_DISCRIMINATORS,
    )
    return small("rsagan", config, stage)


def rsagan_tiny() -> Recipe:
    """A narrow RSA-GAN that overfits four pairs: a check of the loop and the pictures."""
    config = RsaganConfig(
        height=64,
        width=48,
        network_height=64,
        network_width=48,
        channels=64,
        region_channels=16,
        num_injections=1,
        num_attentions=2,
        heatmap_sigma_px=2.0,
    )
    stage = replace(
        _whole(tiny_data(), 2000),
        objective=RsaganLosses(weights=RsaganWeights(style=50.0), features=OFFLINE_FEATURES, discriminator_blocks=3),
        generator=Optimiser(learning_rate=1e-3, schedule="cosine"),
        discriminators=Optimiser(learning_rate=5e-5),
    )
    return tiny("rsagan", config, stage)


RECIPES = {
    "rsagan.people": rsagan_people,
    "rsagan.published": rsagan_published,
    "rsagan.small": rsagan_small,
    "rsagan.tiny": rsagan_tiny,
}
