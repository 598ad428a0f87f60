"""The runs that train weave: `weave` made the shipped weights; `weave_tiny` shows in a minute that training works."""

from dataclasses import replace

from posable.data.rendered_pairs import RenderedPeople
from posable.imaging.size import Size
from posable.models.weave import WeaveConfig
from posable.recipes.settings import SMALL_PAIRS, small, small_people
from posable.train.augment import NO_AUGMENTATION, Augmentation
from posable.train.recipe import Optimiser, Recipe, Stage
from posable.train.weave_objective import WeaveGroups, WeaveLosses

GENTLE = Augmentation(
    new_background=0.35, scale=(0.75, 1.1), shift=0.08, degrade=0.3, keypoint_jitter=0.004, drop_keypoint=0.02
)
"""For the last stages: most pictures as clean as what the model will be measured on, some still like snapshots."""


def _adam(learning_rate: float, warmup_pairs: int = 1500) -> Optimiser:
    return Optimiser(
        learning_rate=learning_rate,
        betas=(0.9, 0.99),
        weight_decay=1e-4,
        schedule="cosine",
        warmup_pairs=warmup_pairs,
        clip_norm=1.0,
    )


def weave() -> Recipe:
    """Coarse to fine on two CPU cores: the half-size model on 5,000 people, then everything at 256x176.

    The shipped weights saw people of generator version 1 in the first three stages; whoever runs this now trains on
    version 2 in all, more varied in pose and dress. They are an average of the weights after "more-varied" and
    after "more", and the last stage followed them more closely, with a half-life of 2,500 pairs (docs/models/weave.md).
    """
    half = RenderedPeople(first_seed=2000, people=5000, views=6, size=Size(128, 88))
    full = RenderedPeople(first_seed=10_000, people=600, views=6, size=Size(256, 176))
    more = replace(full, people=1500)
    varied = RenderedPeople(first_seed=20_000, people=800, views=6, size=Size(256, 176))
    return Recipe(
        name="weave",
        family="weave",
        config=WeaveConfig(),
        ema_half_life_pairs=3000,
        stages=(
            Stage(
                name="half",
                data=WeaveGroups(people=half, people_per_step=2, views_per_person=4),
                objective=WeaveLosses(level="coarse"),
                pairs=77_000,
                generator=_adam(1.5e-3),
            ),
            Stage(
                name="full",
                data=WeaveGroups(people=full, people_per_step=1, views_per_person=4, augmentation=GENTLE),
                objective=WeaveLosses(level="fine", perceptual_weight=0.6, coarse_pace=0.5),
                pairs=23_100,
                generator=_adam(1e-3),
            ),
            Stage(
                name="more",
                data=WeaveGroups(people=more, people_per_step=1, views_per_person=4, augmentation=GENTLE),
                objective=WeaveLosses(level="fine", perceptual_weight=0.6, coarse_pace=4 / 7),
                pairs=30_000,
                generator=_adam(7e-4, warmup_pairs=600),
            ),
            Stage(
                name="varied",
                data=WeaveGroups(people=varied, people_per_step=1, views_per_person=4, augmentation=GENTLE),
                objective=WeaveLosses(level="fine", perceptual_weight=0.6),
                pairs=9000,
                generator=_adam(7e-4, warmup_pairs=600),
            ),
            Stage(
                name="more-varied",
                data=WeaveGroups(
                    people=replace(varied, people=1600), people_per_step=1, views_per_person=4, augmentation=GENTLE
                ),
                objective=WeaveLosses(level="fine", perceptual_weight=0.6),
                pairs=22_000,
                generator=_adam(8e-4, warmup_pairs=600),
            ),
        ),
    )


def _small_groups(people: RenderedPeople) -> WeaveGroups:
    return WeaveGroups(people=people, people_per_step=2, views_per_person=4, augmentation=NO_AUGMENTATION)


def weave_small() -> Recipe:
    """Narrow, all of it at once, without augmentation; the pairs of a batch share their pictures: all twelve ordered
    pairs of each of two people's four views."""
    config = WeaveConfig(height=64, width=48, channels=24, heatmap_sigma_px=2.0, bone_sigma_px=1.5)
    stage = Stage(
        name="whole",
        data=_small_groups(small_people()),
        objective=WeaveLosses(level="fine", perceptual_weight=0.6),
        pairs=SMALL_PAIRS,
        generator=_adam(1.5e-3),
    )
    return small("weave", config, stage)


def weave_first() -> Recipe:
    """The small run cut down to a few minutes: draws people that it never saw, roughly."""
    people = RenderedPeople(first_seed=2000, people=60, views=4, size=small_people().size)
    recipe = weave_small()
    stage = replace(recipe.stages[0], pairs=6000, data=_small_groups(people))
    return replace(recipe, name="weave.first", stages=(stage,), ema_half_life_pairs=600, sample_every_pairs=2000)


def weave_tiny() -> Recipe:
    """A narrow model on six people at 64x48 and 128x96: for tests and for a first look at the loop."""
    small = RenderedPeople(first_seed=2000, people=6, views=3, size=Size(64, 48))
    large = RenderedPeople(first_seed=2000, people=4, views=3, size=Size(128, 96))
    return Recipe(
        name="weave.tiny",
        family="weave",
        config=WeaveConfig(height=128, width=96, channels=8, fine_channels=8, match_channels=16, num_heads=2),
        ema_half_life_pairs=8,
        save_every_pairs=16,
        sample_every_pairs=32,
        validation_batches=1,
        stages=(
            Stage(
                name="half",
                data=WeaveGroups(people=small, people_per_step=2, views_per_person=2),
                objective=WeaveLosses(level="coarse"),
                pairs=48,
                generator=_adam(1e-3, warmup_pairs=8),
            ),
            Stage(
                name="full",
                data=WeaveGroups(people=large, people_per_step=1, views_per_person=2),
                objective=WeaveLosses(level="fine", coarse_pace=0.5),
                pairs=16,
                generator=_adam(1e-3, warmup_pairs=4),
            ),
        ),
    )


RECIPES = {
    "weave": weave,
    "weave.first": weave_first,
    "weave.small": weave_small,
    "weave.tiny": weave_tiny,
}
