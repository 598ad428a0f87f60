"""Run by test_processes.py, once or as a group: RUN CACHE PEOPLE_PER_STEP."""

import sys
from pathlib import Path

import torch

from posable.data.rendered_pairs import RenderedPeople
from posable.models.weave import WeaveConfig
from posable.size import Size
from posable.train.augment import NO_AUGMENTATION
from posable.train.loop import train
from posable.train.recipe import Optimiser, Recipe, Stage
from posable.train.weave_objective import WeaveGroups, WeaveLosses, WeaveObjective


class PictureLosses(WeaveLosses):
    """The settings of PictureObjective."""

    def build(self, config):
        return PictureObjective(self)


class PictureObjective(WeaveObjective):
    """A mean over pairs: weave's own losses weigh by the area of a whole batch's people, so they are no such mean."""

    def generator_losses(self, generator, drawn, batch):
        return {"l1": (drawn.image - batch.truth.image).abs().mean()}


def main(run: Path, cache: Path, people_per_step: int) -> None:
    people = RenderedPeople(first_seed=2000, people=4, views=2, size=Size(32, 24))
    stage = Stage(
        name="half",
        data=WeaveGroups(
            people=people, people_per_step=people_per_step, views_per_person=2, augmentation=NO_AUGMENTATION
        ),
        objective=PictureLosses(level="coarse"),
        pairs=16,
        generator=Optimiser(learning_rate=1e-3),
    )
    config = WeaveConfig(height=64, width=48, channels=8, fine_channels=8, match_channels=8, num_heads=2)
    recipe = Recipe(name="two", family="weave", config=config, stages=(stage,), save_every_pairs=1000)
    train(recipe, run, cache, workers=1, device=torch.device("cpu"))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
