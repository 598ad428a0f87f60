"""What a training run is: plain frozen values, made by the functions in posable.recipes."""

from dataclasses import dataclass, field, replace
from typing import Literal

from posable import people
from posable.data.rendered_pairs import RenderedPeople
from posable.errors import ConfigError
from posable.models.weave import WeaveConfig
from posable.train.augment import Augmentation


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stretch of training on one set of rendered people. All lengths are counted in pairs."""

    name: str
    level: Literal["coarse", "fine"]
    """"coarse" trains the half-size model alone on pictures of half the working size; "fine" trains everything."""
    data: RenderedPeople
    pairs: int
    people_per_step: int
    views_per_person: int
    learning_rate: float
    coarse_learning_rate: float
    """For the weights that an earlier coarse stage has trained."""
    warmup_pairs: int = 1500
    perceptual_weight: float = 0.0
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        if self.data.first_seed < people.FIRST_TRAINING_SEED:
            raise ConfigError(
                f"stage {self.name} would train on people from seed {self.data.first_seed}; the first "
                f"{people.FIRST_TRAINING_SEED} are for testing and validation: start there or later."
            )
        if self.people_per_step > self.data.people or not 2 <= self.views_per_person <= self.data.views:
            raise ConfigError(
                f"stage {self.name} takes {self.views_per_person} views of {self.people_per_step} people a step, "
                f"but its data has {self.data.views} views of {self.data.people} people."
            )

    @property
    def pairs_per_step(self) -> int:
        return self.people_per_step * self.views_per_person * (self.views_per_person - 1)

    @property
    def steps(self) -> int:
        return -(-self.pairs // self.pairs_per_step)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    name: str
    config: WeaveConfig
    stages: tuple[Stage, ...]
    seed: int = 0
    ema_half_life_pairs: int = 3000
    save_every_pairs: int = 3000
    sample_every_pairs: int = 6000
    validation_people: int = 12

    def validation(self, stage: Stage) -> RenderedPeople:
        """The first validation people, at the stage's size."""
        return replace(stage.data, first_seed=people.VALIDATION_SEEDS.start, people=self.validation_people)
