"""The runs that train RSA-GAN, on DeepFashion, on our people, and tiny. The paper's settings are not public: the rates
and lengths are our choice."""

from dataclasses import dataclass

from posable.data.rendered_pairs import RenderedPeople
from posable.models.rsagan import RsaganConfig, RsaganObjective, RsaganWeights
from posable.recipes.perceptual_choice import features_named, found_features
from posable.size import Size
from posable.train.corpus_batches import CorpusPairs
from posable.train.people_batches import PeoplePairs
from posable.train.recipe import Optimiser, Recipe, Stage, TrainingData

EPOCH_PAIRS = 101_966
"""Training pairs of DeepFashion In-shop in the PATN lineage."""


@dataclass(frozen=True, kw_only=True)
class RsaganLosses:
    """RSA-GAN's objective; `features` says what the perceptual losses look through."""

    weights: RsaganWeights
    features: str
    discriminator_blocks: int = 4

    def build(self, config: RsaganConfig) -> RsaganObjective:
        return RsaganObjective(self.weights, features_named(self.features), self.discriminator_blocks)


def _stage(data: TrainingData, pairs: int) -> Stage:
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
    data = CorpusPairs(size=Size(256, 176), pairs_per_batch=8, parsing=True)
    return Recipe(
        name="rsagan.published", family="rsagan", config=RsaganConfig(), stages=(_stage(data, 100 * EPOCH_PAIRS),)
    )


def rsagan_people() -> Recipe:
    """The same losses and rates on our people."""
    people = RenderedPeople(first_seed=2000, people=5000, views=6, size=Size(256, 176))
    data = PeoplePairs(people=people, pairs_per_batch=8)
    return Recipe(name="rsagan.people", family="rsagan", config=RsaganConfig(), stages=(_stage(data, 400_000),))


def rsagan_tiny() -> Recipe:
    """A narrow RSA-GAN that learns four pairs by heart: a look at the loop and the pictures."""
    people = RenderedPeople(first_seed=2000, people=4, views=2, size=Size(64, 48))
    return Recipe(
        name="rsagan.tiny",
        family="rsagan",
        config=RsaganConfig(
            height=64,
            width=48,
            network_height=64,
            network_width=48,
            channels=64,
            region_channels=16,
            num_injections=1,
            num_attentions=2,
            heatmap_sigma_px=2.0,
        ),
        ema_half_life_pairs=40,
        save_every_pairs=200,
        sample_every_pairs=400,
        validation_batches=1,
        stages=(
            Stage(
                name="whole",
                data=PeoplePairs(people=people, pairs_per_batch=4),
                objective=RsaganLosses(
                    weights=RsaganWeights(style=50.0), features="efficientnet-lite0", discriminator_blocks=3
                ),
                pairs=1600,
                generator=Optimiser(learning_rate=5e-4),
                discriminators=Optimiser(learning_rate=5e-5),
            ),
        ),
    )
