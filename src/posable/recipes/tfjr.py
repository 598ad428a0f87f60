"""The runs that train TFJR in three stages: parsing, texture, both jointly. The paper's schedule is not public: all
lengths, and the rates, which are PISE's, are our choice."""

from dataclasses import dataclass
from typing import Literal

from posable.data.rendered_pairs import RenderedPeople
from posable.models.tfjr import TfjrConfig, TfjrObjective, TfjrWeights
from posable.recipes.perceptual_choice import features_named, found_features
from posable.size import Size
from posable.train.corpus_batches import CorpusPairs
from posable.train.people_batches import PeoplePairs
from posable.train.recipe import Optimiser, Recipe, Stage, TrainingData
from posable.train.textured_pairs import TexturedPairs

ADAM = Optimiser(learning_rate=1e-4)
ADAM_OF_DISCRIMINATORS = Optimiser(learning_rate=1e-5)


@dataclass(frozen=True, kw_only=True)
class TfjrLosses:
    """The objective of one of TFJR's stages; `features` says what the perceptual losses look through."""

    stage: Literal["parsing", "texture", "joint"]
    weights: TfjrWeights
    features: str

    def build(self, config: TfjrConfig) -> TfjrObjective:
        return TfjrObjective(self.weights, features_named(self.features), self.stage)


def _stages(
    data: TrainingData,
    textured: TrainingData,
    pairs: tuple[int, int, int],
    *,
    features: str,
    weights: TfjrWeights | None = None,
    adam_of_parsing: Optimiser = ADAM,
    adam: Optimiser = ADAM,
    adam_of_discriminators: Optimiser = ADAM_OF_DISCRIMINATORS,
) -> tuple[Stage, ...]:
    names: tuple[Literal["parsing", "texture", "joint"], ...] = ("parsing", "texture", "joint")
    return tuple(
        Stage(
            name=name,
            data=data if name == "parsing" else textured,
            objective=TfjrLosses(stage=name, weights=weights or TfjrWeights(), features=features),
            pairs=length,
            generator=adam_of_parsing if name == "parsing" else adam,
            discriminators=None if name == "parsing" else adam_of_discriminators,
        )
        for name, length in zip(names, pairs, strict=True)
    )


def tfjr_published(dtd: str = "") -> Recipe:
    """DeepFashion at 256x256 in batches of 8, as PISE trains; materials from the folder of DTD, or drawn patterns."""
    pairs = CorpusPairs(size=Size(256, 176), pairs_per_batch=8, parsing=True)
    return Recipe(
        name="tfjr.published",
        family="tfjr",
        config=TfjrConfig(),
        stages=_stages(
            pairs, TexturedPairs(pairs=pairs, dtd=dtd), (800_000, 2_000_000, 2_000_000), features=found_features()
        ),
    )


def tfjr_people() -> Recipe:
    """The same losses on our people, at 256x176 inside, with drawn patterns as materials."""
    people = RenderedPeople(first_seed=2000, people=5000, views=6, size=Size(256, 176))
    pairs = PeoplePairs(people=people, pairs_per_batch=8)
    return Recipe(
        name="tfjr.people",
        family="tfjr",
        config=TfjrConfig(network_width=176),
        stages=_stages(pairs, TexturedPairs(pairs=pairs), (100_000, 150_000, 150_000), features=found_features()),
    )


def tfjr_tiny() -> Recipe:
    """A narrow TFJR that learns four pairs by heart: a look at the stages and the pictures."""
    people = RenderedPeople(first_seed=2000, people=4, views=2, size=Size(64, 48))
    pairs = PeoplePairs(people=people, pairs_per_batch=4)
    return Recipe(
        name="tfjr.tiny",
        family="tfjr",
        config=TfjrConfig(
            height=64,
            width=48,
            network_height=64,
            network_width=48,
            parsing_channels=8,
            channels=64,
            bone_sigma_px=1.0,
        ),
        ema_half_life_pairs=40,
        save_every_pairs=200,
        sample_every_pairs=400,
        validation_batches=1,
        stages=_stages(
            pairs,
            TexturedPairs(pairs=pairs, side=64),
            (1200, 1200, 800),
            features="efficientnet-lite0",
            weights=TfjrWeights(style=50.0, material=50.0, parsing=10.0, parsing_l1=10.0),
            adam_of_parsing=Optimiser(learning_rate=2e-3),
            adam=Optimiser(learning_rate=1e-3),
            adam_of_discriminators=Optimiser(learning_rate=5e-5),
        ),
    )
