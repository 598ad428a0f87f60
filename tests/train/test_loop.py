"""The training loop: resumable to the bit, honest about its people, and it learns."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from posable.checkpoint import load_checkpoint
from posable.data.rendered_pairs import RenderedPairs, RenderedPeople, render_cache
from posable.errors import CheckpointError, ConfigError
from posable.models.weave import WeaveGenerator
from posable.recipes import RECIPES
from posable.recipes.weave import weave_tiny
from posable.size import Size
from posable.train.augment import NO_AUGMENTATION
from posable.train.loop import Progress, train
from posable.train.recipe import Recipe
from posable.train.weave_objective import coarse_losses, prepare


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    recipe = weave_tiny()
    for stage in recipe.stages:
        render_cache(stage.data, folder, 1)
        render_cache(recipe.validation(stage), folder, 1)
    return folder


def weights(generator: WeaveGenerator) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in generator.parameters()])


def test_a_run_that_was_stopped_and_resumed_makes_the_same_weights(cache: Path, tmp_path: Path) -> None:
    whole = train(weave_tiny(), tmp_path / "whole", cache)
    train(weave_tiny(), tmp_path / "parts", cache, stop_after_steps=3)
    train(weave_tiny(), tmp_path / "parts", cache, stop_after_steps=10)
    resumed = train(weave_tiny(), tmp_path / "parts", cache)
    assert torch.equal(weights(whole), weights(resumed))


def test_a_finished_run_leaves_a_checkpoint_samples_and_a_log(cache: Path, tmp_path: Path) -> None:
    told: list[Progress] = []
    generator = train(weave_tiny(), tmp_path, cache, tell=told.append)
    loaded = load_checkpoint(tmp_path / "checkpoint")
    assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in generator.state_dict().items())
    assert {p.name.split("-")[1] for p in (tmp_path / "samples").glob("*.png")} == {"full", "half"}
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["stage"] == "full"
    assert lines[-1]["pairs"] == 16
    assert {"flow", "mask", "l1"} <= set(lines[-1]["validation"])
    assert told[-1].done == told[-1].total


def test_a_folder_of_another_recipe_is_not_overwritten(cache: Path, tmp_path: Path) -> None:
    train(weave_tiny(), tmp_path, cache, stop_after_steps=1)
    with pytest.raises(CheckpointError, match="another recipe"):
        train(replace(weave_tiny(), seed=1), tmp_path, cache)


def test_a_finished_run_goes_on_with_an_added_stage_as_if_planned(cache: Path, tmp_path: Path) -> None:
    whole = train(weave_tiny(), tmp_path / "whole", cache)
    train(replace(weave_tiny(), stages=weave_tiny().stages[:1]), tmp_path / "grown", cache)
    assert torch.equal(weights(whole), weights(train(weave_tiny(), tmp_path / "grown", cache)))


def test_an_unfinished_run_cannot_change_its_stages(cache: Path, tmp_path: Path) -> None:
    train(replace(weave_tiny(), stages=weave_tiny().stages[:1]), tmp_path, cache, stop_after_steps=1)
    with pytest.raises(CheckpointError, match="another recipe"):
        train(weave_tiny(), tmp_path, cache)


def test_the_losses_fall_on_a_batch_seen_again_and_again(cache: Path) -> None:
    torch.manual_seed(0)
    recipe = weave_tiny()
    pairs = RenderedPairs(recipe.stages[0].data, cache)
    batch = prepare(pairs.group(0, 0, 2, 2), NO_AUGMENTATION, torch.Generator().manual_seed(0))
    generator = WeaveGenerator(recipe.config)
    optimiser = torch.optim.Adam(generator.coarse.parameters(), 3e-3)
    history: list[dict[str, float]] = []
    for _ in range(60):
        losses, _ = coarse_losses(generator, batch)
        optimiser.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        optimiser.step()
        history.append({name: float(value.detach()) for name, value in losses.items()})
    for name in ("flow", "visibility", "mask", "l1"):
        assert history[-1][name] < 0.75 * history[0][name], name


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_no_recipe_trains_on_the_first_2000_people(name: str) -> None:
    recipe: Recipe = RECIPES[name]()
    assert all(stage.data.first_seed >= 2000 for stage in recipe.stages)
    assert all(recipe.validation(stage).first_seed in range(1000, 2000) for stage in recipe.stages)
    with pytest.raises(ConfigError, match="testing and validation"):
        replace(recipe.stages[0], data=replace(recipe.stages[0].data, first_seed=1999))


def test_each_round_shows_everybody_once(cache: Path) -> None:
    what = RenderedPeople(first_seed=2000, people=6, views=3, size=Size(64, 48))
    pairs = RenderedPairs(what, cache)
    seen = [pairs.group(i, seed=0, people_per_group=2, views_per_person=2).keypoints for i in range(3)]
    first_keypoints = torch.cat([k[::2, 0, :2] for k in seen])
    assert len(torch.unique(first_keypoints, dim=0)) == 6


def test_missing_shards_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="render them first"):
        RenderedPairs(RenderedPeople(first_seed=2000, people=6, views=3, size=Size(64, 48)), tmp_path)
