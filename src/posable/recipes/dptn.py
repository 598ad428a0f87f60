"""The runs that train DPTN: as published on DeepFashion, on our people, and tiny."""

from dataclasses import dataclass

from posable.data.rendered_pairs import RenderedPeople
from posable.models.dptn import DptnConfig, DptnObjective, DptnWeights
from posable.recipes.perceptual_choice import features_named, found_features
from posable.size import Size
from posable.train.corpus_batches import CorpusPairs
from posable.train.people_batches import PeoplePairs
from posable.train.recipe import Optimiser, Recipe, Stage

EPOCH_PAIRS = 101_966
"""Training pairs of DeepFashion In-shop in the PATN lineage."""
PAPER_ADAM = Optimiser(learning_rate=2e-4, schedule="linear")
PAPER_ADAM_OF_DISCRIMINATORS = Optimiser(learning_rate=2e-5, schedule="linear")


@dataclass(frozen=True, kw_only=True)
class DptnLosses:
    """DPTN's objective; `features` says what the perceptual losses look through."""

    weights: DptnWeights
    features: str
    discriminator_blocks: int = 4

    def build(self, config: DptnConfig) -> DptnObjective:
        return DptnObjective(self.weights, features_named(self.features), self.discriminator_blocks)


def dptn_published() -> Recipe:
    """Section 4 of the paper: 200 epochs of DeepFashion, the second hundred with a falling rate, batches of 32."""
    return Recipe(
        name="dptn.published",
        family="dptn",
        config=DptnConfig(),
        stages=(
            Stage(
                name="both-tasks",
                data=CorpusPairs(size=Size(256, 176), pairs_per_batch=32),
                objective=DptnLosses(weights=DptnWeights(), features=found_features()),
                pairs=200 * EPOCH_PAIRS,
                generator=PAPER_ADAM,
                discriminators=PAPER_ADAM_OF_DISCRIMINATORS,
            ),
        ),
    )


def dptn_people() -> Recipe:
    """The paper's losses and rates on our people, at 256x176 inside: what a single small GPU does in a day."""
    people = RenderedPeople(first_seed=2000, people=5000, views=6, size=Size(256, 176))
    return Recipe(
        name="dptn.people",
        family="dptn",
        config=DptnConfig(network_width=176),
        stages=(
            Stage(
                name="both-tasks",
                data=PeoplePairs(people=people, pairs_per_batch=8),
                objective=DptnLosses(weights=DptnWeights(), features=found_features()),
                pairs=400_000,
                generator=PAPER_ADAM,
                discriminators=PAPER_ADAM_OF_DISCRIMINATORS,
            ),
        ),
    )


def dptn_tiny() -> Recipe:
    """A narrow DPTN that learns four pairs by heart in a minute or two: a look at the loop and the pictures."""
    people = RenderedPeople(first_seed=2000, people=4, views=2, size=Size(64, 48))
    return Recipe(
        name="dptn.tiny",
        family="dptn",
        config=DptnConfig(
            height=64,
            width=48,
            network_height=64,
            network_width=48,
            channels=16,
            max_channels=64,
            feed_forward_channels=64,
            num_residual_blocks=1,
            heatmap_sigma_px=2.0,
        ),
        ema_half_life_pairs=40,
        save_every_pairs=400,
        sample_every_pairs=400,
        validation_batches=1,
        stages=(
            Stage(
                name="both-tasks",
                data=PeoplePairs(people=people, pairs_per_batch=4),
                objective=DptnLosses(
                    weights=DptnWeights(style=50.0), features="efficientnet-lite0", discriminator_blocks=3
                ),
                pairs=1600,
                generator=Optimiser(learning_rate=5e-4),
                discriminators=Optimiser(learning_rate=5e-5),
            ),
        ),
    )
