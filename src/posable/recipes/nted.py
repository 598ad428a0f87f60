"""The runs that train NTED: at both published sizes on DeepFashion, on our people, and tiny."""

from dataclasses import dataclass, replace

from posable.imaging.size import Size
from posable.models.nted import EMA_HALF_LIFE_IMAGES, NtedConfig, NtedObjective, NtedWeights
from posable.recipes.perceptual_choice import FeaturesName, found_features, nted_features_named
from posable.recipes.settings import (
    DEEPFASHION_PAIRS,
    OFFLINE_FEATURES,
    SMALL_PAIRS,
    people_data,
    published_data,
    small,
    small_data,
    tiny,
    tiny_data,
)
from posable.train.recipe import Optimiser, Recipe, Stage, TrainingData

PAPER_ADAM = Optimiser(learning_rate=2e-3, betas=(0.0, 0.99))
PAPER_ADAM_OF_DISCRIMINATOR = Optimiser(learning_rate=2e-3 * 16 / 17, betas=(0.0, 0.99 ** (16 / 17)))
"""The generator's, corrected for a penalty that comes every 16 steps, as StyleGAN2 does."""
_FAST_ADAM = Optimiser(learning_rate=8e-3, betas=(0.5, 0.99))
"""For short runs: at the published rate the attention is still spread out evenly after 300 steps."""
PAPER_BATCH = 8
"""Pairs; each is drawn in both directions, so that 16 pictures are."""
STEPS_WITHOUT_ADVERSARY, PAPER_EPOCHS = 20_000, 200
EMA_HALF_LIFE_PAIRS = EMA_HALF_LIFE_IMAGES // 2


@dataclass(frozen=True, kw_only=True)
class NtedLosses:
    """NTED's objective; `features` is the feature network of the perceptual losses."""

    weights: NtedWeights
    features: FeaturesName

    def build(self, config: NtedConfig) -> NtedObjective:
        return NtedObjective(self.weights, nted_features_named(self.features), config)


def _alone(data: TrainingData, pairs: int, losses: NtedLosses) -> Stage:
    """The published losses without the adversarial one."""
    weights = replace(losses.weights, adversarial=0.0)
    return Stage(
        name="alone",
        data=data,
        objective=replace(losses, weights=weights),
        pairs=pairs,
        generator=PAPER_ADAM,
    )


def _adversarial(data: TrainingData, pairs: int, losses: NtedLosses) -> Stage:
    return Stage(
        name="adversarial",
        data=data,
        objective=losses,
        pairs=pairs,
        generator=PAPER_ADAM,
        discriminators=PAPER_ADAM_OF_DISCRIMINATOR,
    )


def nted_published() -> Recipe:
    """256x176 as released: 20,000 steps without a discriminator, then with it, 200 epochs in all."""
    data, losses = published_data(PAPER_BATCH), NtedLosses(weights=NtedWeights(), features=found_features())
    first = STEPS_WITHOUT_ADVERSARY * PAPER_BATCH
    stages = (_alone(data, first, losses), _adversarial(data, PAPER_EPOCHS * DEEPFASHION_PAIRS - first, losses))
    return Recipe(
        name="nted.published",
        family="nted",
        config=NtedConfig(),
        ema_half_life_pairs=EMA_HALF_LIFE_PAIRS,
        stages=stages,
    )


def nted_published512() -> Recipe:
    """512x352 as released: with the discriminator from the first step on."""
    data = published_data(PAPER_BATCH, size=Size(512, 352))
    losses = NtedLosses(weights=NtedWeights.at_512(), features=found_features())
    return Recipe(
        name="nted.published512",
        family="nted",
        config=NtedConfig.at_512(),
        ema_half_life_pairs=EMA_HALF_LIFE_PAIRS,
        stages=(_adversarial(data, PAPER_EPOCHS * DEEPFASHION_PAIRS, losses),),
    )


def nted_people() -> Recipe:
    """The published losses and rates on our people: what a single GPU does in a day or two."""
    data, losses = people_data(), NtedLosses(weights=NtedWeights(), features=found_features())
    return Recipe(
        name="nted.people",
        family="nted",
        config=NtedConfig(),
        ema_half_life_pairs=EMA_HALF_LIFE_PAIRS,
        stages=(_alone(data, 100_000, losses), _adversarial(data, 300_000, losses)),
    )


def nted_small() -> Recipe:
    """Narrow, of three levels, with the published losses; a quarter of the pairs without adversary, at four times the
    published rate: the attention needs many steps to leave its even spread."""
    config = NtedConfig(height=64, width=48, channels=(96, 64, 32), num_labels=(16, 32), kernel_sizes=(1, 3))
    losses, first = NtedLosses(weights=NtedWeights(), features=OFFLINE_FEATURES), SMALL_PAIRS // 4
    alone = replace(_alone(small_data(), first, losses), generator=_FAST_ADAM)
    return small("nted", config, alone, _adversarial(small_data(), SMALL_PAIRS - first, losses))


def nted_tiny() -> Recipe:
    """A narrow NTED of three levels that overfits four pairs: a check of both stages and the pictures."""
    config = NtedConfig(height=64, width=48, channels=(64, 48, 32), num_labels=(16, 16), kernel_sizes=(1, 3))
    losses = NtedLosses(weights=NtedWeights(style=50.0, adversarial=0.5), features=OFFLINE_FEATURES)
    alone = replace(_alone(tiny_data(), 1600, losses), generator=_FAST_ADAM)
    return tiny("nted", config, alone, _adversarial(tiny_data(), 400, losses))


RECIPES = {
    "nted.people": nted_people,
    "nted.published": nted_published,
    "nted.published512": nted_published512,
    "nted.small": nted_small,
    "nted.tiny": nted_tiny,
}
