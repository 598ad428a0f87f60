"""The runs that train weave: `weave` made the shipped weights; `weave_tiny` shows in a minute that training works."""

from posable.data.rendered_pairs import RenderedPeople
from posable.models.weave import WeaveConfig
from posable.size import Size
from posable.train.augment import Augmentation
from posable.train.recipe import Recipe, Stage

GENTLE = Augmentation(
    new_background=0.35, scale=(0.75, 1.1), shift=0.08, degrade=0.3, keypoint_jitter=0.004, drop_keypoint=0.02
)
"""For the last stage: most pictures as clean as what the model will be measured on, some still like snapshots."""


def weave() -> Recipe:
    """Coarse to fine on two CPU cores: the half-size model on 5,000 people, then everything at 256x176."""
    return Recipe(
        name="weave",
        config=WeaveConfig(),
        stages=(
            Stage(
                name="half",
                level="coarse",
                data=RenderedPeople(first_seed=2000, people=5000, views=6, size=Size(128, 88)),
                pairs=77_000,
                people_per_step=2,
                views_per_person=4,
                learning_rate=1.5e-3,
                coarse_learning_rate=1.5e-3,
            ),
            Stage(
                name="full",
                level="fine",
                data=RenderedPeople(first_seed=10_000, people=600, views=6, size=Size(256, 176)),
                pairs=23_100,
                people_per_step=1,
                views_per_person=4,
                learning_rate=1e-3,
                coarse_learning_rate=5e-4,
                perceptual_weight=0.6,
                augmentation=GENTLE,
            ),
            Stage(
                name="more",
                level="fine",
                data=RenderedPeople(first_seed=10_000, people=1500, views=6, size=Size(256, 176)),
                pairs=30_000,
                people_per_step=1,
                views_per_person=4,
                learning_rate=7e-4,
                coarse_learning_rate=4e-4,
                warmup_pairs=600,
                perceptual_weight=0.6,
                augmentation=GENTLE,
            ),
        ),
    )


def weave_tiny() -> Recipe:
    """A narrow model on six people at 64x48 and 128x96: for tests and for a first look at the loop."""
    small = RenderedPeople(first_seed=2000, people=6, views=3, size=Size(64, 48))
    stage = Stage(
        name="half",
        level="coarse",
        data=small,
        pairs=48,
        people_per_step=2,
        views_per_person=2,
        learning_rate=1e-3,
        coarse_learning_rate=1e-3,
        warmup_pairs=8,
    )
    large = RenderedPeople(first_seed=2000, people=4, views=3, size=Size(128, 96))
    full = Stage(
        name="full",
        level="fine",
        data=large,
        pairs=16,
        people_per_step=1,
        views_per_person=2,
        learning_rate=1e-3,
        coarse_learning_rate=5e-4,
        warmup_pairs=4,
    )
    config = WeaveConfig(height=128, width=96, channels=8, fine_channels=8, match_channels=16, num_heads=2)
    return Recipe(
        name="weave-tiny",
        config=config,
        stages=(stage, full),
        ema_half_life_pairs=8,
        save_every_pairs=16,
        sample_every_pairs=32,
        validation_people=3,
    )
