"""The runs that train CATN: as published on DeepFashion, on our people, and tiny."""

from dataclasses import dataclass

from posable.data.rendered_pairs import RenderedPeople
from posable.models.catn import CatnConfig, CatnObjective, CatnWeights
from posable.recipes.perceptual_choice import features_named, found_features
from posable.size import Size
from posable.train.corpus_batches import CorpusPairs
from posable.train.people_batches import PeoplePairs
from posable.train.recipe import Optimiser, Recipe, Stage

PAPER_ADAM = Optimiser(learning_rate=1e-4, schedule="late-linear")
"""2s-ATN's: 60,000 steps at the full rate, 30,000 more falling to zero. That the discriminators learn at the same rate
is inferred."""
PAPER_STEPS, PAPER_BATCH = 90_000, 7


@dataclass(frozen=True, kw_only=True)
class CatnLosses:
    """CATN's objective; `features` says what the perceptual loss looks through."""

    weights: CatnWeights
    features: str
    discriminator_channels: int = 64

    def build(self, config: CatnConfig) -> CatnObjective:
        return CatnObjective(self.weights, features_named(self.features), self.discriminator_channels)


def catn_published() -> Recipe:
    """2s-ATN's setting on DeepFashion with the three-stage network; the 2022 paper's own was not at hand."""
    return Recipe(
        name="catn.published",
        family="catn",
        config=CatnConfig(),
        stages=(
            Stage(
                name="transfer",
                data=CorpusPairs(size=Size(256, 176), pairs_per_batch=PAPER_BATCH),
                objective=CatnLosses(weights=CatnWeights(), features=found_features()),
                pairs=PAPER_STEPS * PAPER_BATCH,
                generator=PAPER_ADAM,
                discriminators=PAPER_ADAM,
            ),
        ),
    )


def catn_people() -> Recipe:
    """The paper's losses and rates on our people: what a single small GPU does in a day."""
    people = RenderedPeople(first_seed=2000, people=5000, views=6, size=Size(256, 176))
    return Recipe(
        name="catn.people",
        family="catn",
        config=CatnConfig(),
        stages=(
            Stage(
                name="transfer",
                data=PeoplePairs(people=people, pairs_per_batch=8),
                objective=CatnLosses(weights=CatnWeights(), features=found_features()),
                pairs=400_000,
                generator=PAPER_ADAM,
                discriminators=PAPER_ADAM,
            ),
        ),
    )


def catn_tiny() -> Recipe:
    """A narrow CATN that learns four pairs by heart in a minute or two: a look at the loop and the pictures."""
    people = RenderedPeople(first_seed=2000, people=4, views=2, size=Size(64, 48))
    return Recipe(
        name="catn.tiny",
        family="catn",
        config=CatnConfig(
            height=64,
            width=48,
            network_height=64,
            network_width=48,
            channels=16,
            context_channels=16,
            source_fusion="project",
            dropout=0.0,
            heatmap_sigma_px=2.0,
        ),
        ema_half_life_pairs=40,
        save_every_pairs=400,
        sample_every_pairs=400,
        validation_batches=1,
        stages=(
            Stage(
                name="transfer",
                data=PeoplePairs(people=people, pairs_per_batch=4),
                objective=CatnLosses(
                    weights=CatnWeights(adversarial=2.0), features="efficientnet-lite0", discriminator_channels=8
                ),
                pairs=1600,
                generator=Optimiser(learning_rate=2e-3, schedule="cosine"),
                discriminators=Optimiser(learning_rate=2e-4),
            ),
        ),
    )
