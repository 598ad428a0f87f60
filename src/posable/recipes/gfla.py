"""The runs that train GFLA: the flow network first, then the whole; as published, on our people, and tiny."""

from dataclasses import dataclass

from posable.data.rendered_pairs import RenderedPeople
from posable.models.gfla import GflaConfig, GflaFlowObjective, GflaFlowWeights, GflaObjective, GflaWeights
from posable.recipes.perceptual_choice import features_named, found_features
from posable.size import Size
from posable.train.corpus_batches import CorpusPairs
from posable.train.people_batches import PeoplePairs
from posable.train.recipe import Optimiser, Recipe, Stage, TrainingData

PAPER_ADAM = Optimiser(learning_rate=1e-4, betas=(0.0, 0.999))
PAPER_ADAM_OF_DISCRIMINATORS = Optimiser(learning_rate=1e-5, betas=(0.0, 0.999))


@dataclass(frozen=True, kw_only=True)
class GflaFlowLosses:
    """The first stage's objective; `features` says what the flow's correctness looks through."""

    weights: GflaFlowWeights
    features: str

    def build(self, config: GflaConfig) -> GflaFlowObjective:
        return GflaFlowObjective(self.weights, features_named(self.features))


@dataclass(frozen=True, kw_only=True)
class GflaLosses:
    """The second stage's objective."""

    weights: GflaWeights
    features: str
    discriminator_blocks: int = 4

    def build(self, config: GflaConfig) -> GflaObjective:
        return GflaObjective(self.weights, features_named(self.features), self.discriminator_blocks)


def _stages(data: TrainingData, features: str, flow_pairs: int, pairs: int) -> tuple[Stage, ...]:
    return (
        Stage(
            name="flow",
            data=data,
            objective=GflaFlowLosses(weights=GflaFlowWeights(), features=features),
            pairs=flow_pairs,
            generator=PAPER_ADAM,
        ),
        Stage(
            name="whole",
            data=data,
            objective=GflaLosses(weights=GflaWeights(), features=features),
            pairs=pairs,
            generator=PAPER_ADAM,
            discriminators=PAPER_ADAM_OF_DISCRIMINATORS,
        ),
    )


def gfla_published() -> Recipe:
    """Section 4 of the paper, batches of 8 at a constant rate. The authors stopped by hand; the lengths are ours."""
    return Recipe(
        name="gfla.published",
        family="gfla",
        config=GflaConfig(),
        stages=_stages(CorpusPairs(size=Size(256, 176), pairs_per_batch=8), found_features(), 1_600_000, 4_000_000),
    )


def gfla_people() -> Recipe:
    """The paper's losses and rates on our people: what a single small GPU does in a day."""
    people = RenderedPeople(first_seed=2000, people=5000, views=6, size=Size(256, 176))
    return Recipe(
        name="gfla.people",
        family="gfla",
        config=GflaConfig(network_width=176),
        stages=_stages(PeoplePairs(people=people, pairs_per_batch=8), found_features(), 150_000, 250_000),
    )


def gfla_tiny() -> Recipe:
    """A narrow GFLA that learns four pairs by heart: a look at the loop and the pictures."""
    people = RenderedPeople(first_seed=2000, people=4, views=2, size=Size(64, 48))
    data = PeoplePairs(people=people, pairs_per_batch=4)
    config = GflaConfig(
        height=64,
        width=48,
        network_height=64,
        network_width=64,
        channels=16,
        max_channels=64,
        flow_channels=16,
        heatmap_sigma_px=2.0,
    )
    features = "efficientnet-lite0"
    return Recipe(
        name="gfla.tiny",
        family="gfla",
        config=config,
        ema_half_life_pairs=40,
        save_every_pairs=400,
        sample_every_pairs=400,
        validation_batches=1,
        stages=(
            Stage(
                name="flow",
                data=data,
                objective=GflaFlowLosses(weights=GflaFlowWeights(), features=features),
                pairs=400,
                generator=Optimiser(learning_rate=5e-4, betas=(0.5, 0.999)),
            ),
            Stage(
                name="whole",
                data=data,
                objective=GflaLosses(weights=GflaWeights(style=50.0), features=features, discriminator_blocks=3),
                pairs=1200,
                generator=Optimiser(learning_rate=5e-4, betas=(0.5, 0.999)),
                discriminators=Optimiser(learning_rate=5e-5),
            ),
        ),
    )
