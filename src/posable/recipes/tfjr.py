"""The runs that train TFJR in three stages: parsing, texture, both jointly. The paper's schedule is not public: all
lengths, and the rates, which are PISE's, are our choice."""

from dataclasses import dataclass, replace
from typing import Literal

from posable.models.tfjr import TfjrConfig, TfjrObjective, TfjrWeights
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
from posable.train.textured_pairs import TexturedPairs

ADAM = Optimiser(learning_rate=1e-4)
ADAM_OF_DISCRIMINATORS = Optimiser(learning_rate=1e-5)
SHORT_RUN_WEIGHTS = TfjrWeights(parsing=10.0, parsing_l1=10.0)
"""More cross entropy and less L1 than PISE's, which learns small regions late."""


@dataclass(frozen=True, kw_only=True)
class TfjrLosses:
    """The objective of one of TFJR's stages; `features` is the feature network of the perceptual losses."""

    stage: Literal["parsing", "texture", "joint"]
    weights: TfjrWeights
    features: FeaturesName

    def build(self, config: TfjrConfig) -> TfjrObjective:
        return TfjrObjective(self.weights, features_named(self.features), self.stage)


def _parsing(data: TrainingData, pairs: int, features: FeaturesName) -> Stage:
    return Stage(
        name="parsing",
        data=data,
        objective=TfjrLosses(stage="parsing", weights=TfjrWeights(), features=features),
        pairs=pairs,
        generator=ADAM,
    )


def _drawing(stage: Literal["texture", "joint"], data: TexturedPairs, pairs: int, features: FeaturesName) -> Stage:
    return Stage(
        name=stage,
        data=data,
        objective=TfjrLosses(stage=stage, weights=TfjrWeights(), features=features),
        pairs=pairs,
        generator=ADAM,
        discriminators=ADAM_OF_DISCRIMINATORS,
    )


def tfjr_published(dtd: str = "") -> Recipe:
    """DeepFashion at 256x256 in batches of 8, as PISE trains; materials from the folder of DTD, or drawn patterns."""
    data, features = published_data(parsing=True), found_features()
    textured = TexturedPairs(pairs=data, dtd=dtd)
    stages = (
        _parsing(data, 800_000, features),
        _drawing("texture", textured, 2_000_000, features),
        _drawing("joint", textured, 2_000_000, features),
    )
    return Recipe(name="tfjr.published", family="tfjr", config=TfjrConfig(), stages=stages)


def tfjr_people() -> Recipe:
    """The same losses on our people, at 256x176 inside, with drawn patterns as materials."""
    data, features = people_data(), found_features()
    textured = TexturedPairs(pairs=data)
    stages = (
        _parsing(data, 100_000, features),
        _drawing("texture", textured, 150_000, features),
        _drawing("joint", textured, 150_000, features),
    )
    return Recipe(name="tfjr.people", family="tfjr", config=TfjrConfig(network_width=176), stages=stages)


def tfjr_small() -> Recipe:
    """Narrow; a quarter of the pairs for the parsing, three eighths each for the texture and for both jointly. The
    losses are those of `tfjr_published`, but for the parsing's, which are `SHORT_RUN_WEIGHTS`."""
    config = TfjrConfig(
        height=64, width=48, network_height=64, network_width=48, parsing_channels=8, channels=64, bone_sigma_px=1.0
    )
    data = small_data()
    textured = TexturedPairs(pairs=data, side=64)
    part = SMALL_PAIRS // 8
    losses = TfjrLosses(stage="parsing", weights=SHORT_RUN_WEIGHTS, features=OFFLINE_FEATURES)
    parsing = replace(_parsing(data, 2 * part, OFFLINE_FEATURES), objective=losses, generator=SMALL_ADAM)
    texture = _drawing("texture", textured, 3 * part, OFFLINE_FEATURES)
    joint = _drawing("joint", textured, SMALL_PAIRS - 5 * part, OFFLINE_FEATURES)
    return small(
        "tfjr",
        config,
        parsing,
        replace(texture, generator=SMALL_ADAM, discriminators=SMALL_ADAM_OF_DISCRIMINATORS),
        replace(
            joint,
            objective=replace(losses, stage="joint"),
            generator=SMALL_ADAM_AT_LAST,
            discriminators=SMALL_ADAM_OF_DISCRIMINATORS,
        ),
    )


def tfjr_tiny() -> Recipe:
    """A narrow TFJR that overfits four pairs: a check of the stages and the pictures."""
    config = TfjrConfig(
        height=64, width=48, network_height=64, network_width=48, parsing_channels=8, channels=64, bone_sigma_px=1.0
    )
    weights = replace(SHORT_RUN_WEIGHTS, style=50.0, material=50.0)
    data = tiny_data()
    parsing = replace(
        _parsing(data, 1200, OFFLINE_FEATURES),
        objective=TfjrLosses(stage="parsing", weights=weights, features=OFFLINE_FEATURES),
        generator=Optimiser(learning_rate=2e-3),
    )
    textured = TexturedPairs(pairs=data, side=64)
    lengths: dict[Literal["texture", "joint"], int] = {"texture": 1600, "joint": 1600}
    drawing = [
        replace(
            _drawing(stage, textured, pairs, OFFLINE_FEATURES),
            objective=TfjrLosses(stage=stage, weights=weights, features=OFFLINE_FEATURES),
            generator=Optimiser(learning_rate=1e-3, schedule="constant" if stage == "texture" else "cosine"),
            discriminators=Optimiser(learning_rate=5e-5),
        )
        for stage, pairs in lengths.items()
    ]
    return tiny("tfjr", config, parsing, *drawing)


RECIPES = {
    "tfjr.people": tfjr_people,
    "tfjr.published": tfjr_published,
    "tfjr.small": tfjr_small,
    "tfjr.tiny": tfjr_tiny,
}
