"""The training loop: resumable to the bit, honest about its people, and it learns."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from posable.checkpoint import load_checkpoint
from posable.data.rendered_pairs import RenderedPairs, RenderedPeople
from posable.errors import CheckpointError, ConfigError, TrainingError
from posable.models.weave import WeaveGenerator
from posable.recipes import RECIPES
from posable.recipes.weave import weave_tiny
from posable.size import Size
from posable.train.augment import NO_AUGMENTATION
from posable.train.corpus_batches import CorpusPairs
from posable.train.loop import Progress, train
from posable.train.recipe import Recipe
from posable.train.run_state import saved_states
from posable.train.textured_pairs import TexturedPairs
from posable.train.weave_objective import WeaveObjective


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    recipe = weave_tiny()
    for stage in recipe.stages:
        for data in (stage.data, stage.data.validation()):
            data.prepare(folder, 1, lambda _done, _total: None)
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
    assert {p.stem.split("-")[1] for p in (tmp_path / "samples").glob("*.png")} == {"full", "half"}
    assert json.loads((tmp_path / "run.json").read_text())["recipe"]["name"] == "weave.tiny"
    assert list((tmp_path / "tensorboard").glob("events*"))
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
    groups = replace(recipe.stages[0].data, augmentation=NO_AUGMENTATION)
    batch = groups.open(cache, 0).batch(0)
    objective = recipe.stages[0].objective.build(recipe.config)
    generator = WeaveGenerator(recipe.config)
    optimiser = torch.optim.Adam(generator.coarse.parameters(), 3e-3)
    history: list[dict[str, float]] = []
    for _ in range(60):
        losses = objective.generator_losses(generator, objective.draw(generator, batch), batch)
        optimiser.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        optimiser.step()
        history.append({name: float(value.detach()) for name, value in losses.items()})
    for name in ("flow", "visibility", "mask", "l1"):
        assert history[-1][name] < 0.75 * history[0][name], name


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_no_recipe_trains_on_the_first_2000_people(name: str) -> None:
    recipe: Recipe = RECIPES[name]()
    for stage in recipe.stages:
        data = stage.data.pairs if isinstance(stage.data, TexturedPairs) else stage.data
        if isinstance(data, CorpusPairs):
            with pytest.raises(ConfigError, match="--data"):
                data.open(Path(), 0)
            continue
        assert data.people.first_seed >= 2000
        assert data.validation().people.first_seed in range(1000, 2000)
        with pytest.raises(ConfigError, match="testing and validation"):
            replace(data, people=replace(data.people, first_seed=999))


def test_each_round_shows_everybody_once(cache: Path) -> None:
    what = RenderedPeople(first_seed=2000, people=6, views=3, size=Size(64, 48))
    pairs = RenderedPairs(what, cache)
    seen = [pairs.group(i, seed=0, people_per_group=2, views_per_person=2).keypoints for i in range(3)]
    first_keypoints = torch.cat([k[::2, 0, :2] for k in seen])
    assert len(torch.unique(first_keypoints, dim=0)) == 6


def test_missing_shards_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="render them first"):
        RenderedPairs(RenderedPeople(first_seed=2000, people=6, views=3, size=Size(64, 48)), tmp_path)


def test_only_the_newest_states_are_kept_and_a_cut_one_is_passed_over(cache: Path, tmp_path: Path) -> None:
    whole = train(weave_tiny(), tmp_path / "whole", cache)
    run = tmp_path / "run"
    train(weave_tiny(), run, cache, stop_after_steps=2)
    train(weave_tiny(), run, cache, stop_after_steps=2)
    train(weave_tiny(), run, cache, stop_after_steps=2)
    states = saved_states(run)
    assert [path.name for path in states] == ["000000004", "000000006"]
    newest = states[-1] / "state.pt"
    newest.write_bytes(newest.read_bytes()[:1000])
    assert torch.equal(weights(whole), weights(train(weave_tiny(), run, cache)))


def test_a_run_whose_losses_are_no_numbers_stops_and_keeps_its_last_state(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(weave_tiny(), tmp_path, cache, stop_after_steps=3)
    before = [path.name for path in saved_states(tmp_path)]
    losses = WeaveObjective.generator_losses

    def broken(*args: object) -> dict[str, torch.Tensor]:
        return {name: value * float("nan") for name, value in losses(*args).items()}  # type: ignore[arg-type]

    monkeypatch.setattr(WeaveObjective, "generator_losses", broken)
    with pytest.raises(TrainingError, match="no numbers any more"):
        train(weave_tiny(), tmp_path, cache)
    assert [path.name for path in saved_states(tmp_path)] == before


def test_a_full_disk_stops_the_run_and_leaves_the_last_state_whole(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(weave_tiny(), tmp_path / "whole", cache)
    run = tmp_path / "run"
    train(weave_tiny(), run, cache, stop_after_steps=3)
    save = torch.save

    def full(values: object, path: Path) -> None:
        save(values, path)
        path.write_bytes(path.read_bytes()[:5000])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(TrainingError, match=r"No space left.*goes on from state 000000003"):
        train(weave_tiny(), run, cache, stop_after_steps=5)
    monkeypatch.undo()
    assert [path.name for path in (run / "states").iterdir()] == ["000000003"]
    assert torch.equal(weights(whole), weights(train(weave_tiny(), run, cache)))
