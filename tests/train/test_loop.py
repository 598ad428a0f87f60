"""The training loop: resumable to the bit, honest about its people, and it learns."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from toy_runs import toy_recipe, weights

from posable.data.rendered_pairs import RenderedPairs, RenderedPeople
from posable.errors import CheckpointError, ConfigError, TrainingError, TrainingStoppedError
from posable.imaging.size import Size
from posable.models.dptn import DptnGenerator
from posable.models.weave import WeaveGenerator
from posable.recipes import RECIPES
from posable.recipes.weave import weave_tiny
from posable.train.augment import NO_AUGMENTATION
from posable.train.corpus_batches import CorpusPairs
from posable.train.loop import train
from posable.train.recipe import Recipe
from posable.train.run_state import saved_states
from posable.train.session import TrainingProgress
from posable.train.textured_pairs import TexturedPairs
from posable.zoo.checkpoint import load_checkpoint


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    recipe = weave_tiny()
    for stage in recipe.stages:
        for data in (stage.data, stage.data.validation()):
            data.prepare(folder, 1, lambda _done, _total: None)
    return folder


def run_of(folder: Path, *pauses: int, **changes: object) -> torch.Tensor:
    """The weights of a toy run that stopped after so many steps each time, and then went on to its end."""
    for steps in pauses:
        train(toy_recipe(), folder, folder, stop_after_steps=steps)
    return weights(train(toy_recipe(), folder, folder, **changes))


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> torch.Tensor:
    return run_of(tmp_path_factory.mktemp("straight"))


def test_a_run_that_was_stopped_and_resumed_makes_the_same_weights(straight: torch.Tensor, tmp_path: Path) -> None:
    assert torch.equal(straight, run_of(tmp_path, 3, 10))


def test_reading_ahead_in_other_processes_makes_the_same_weights(straight: torch.Tensor, tmp_path: Path) -> None:
    assert torch.equal(straight, run_of(tmp_path, loaders=1))


def test_a_run_goes_on_with_accumulated_batches_from_the_pair_where_it_stood(tmp_path: Path) -> None:
    told: list[TrainingProgress] = []
    train(toy_recipe(), tmp_path, tmp_path, stop_after_steps=5)
    train(toy_recipe(), tmp_path, tmp_path, accumulate=2, tell=told.append)
    done = [now.done for now in told if now.stage == "first"]
    assert (done[0], done[-1], len(done)) == (14, 50, 10)


def test_asking_to_stop_ends_the_step_and_saves_it(straight: torch.Tensor, tmp_path: Path) -> None:
    told: list[TrainingProgress] = []
    with pytest.raises(TrainingStoppedError, match="after 14 of 48 pairs of stage first"):
        train(toy_recipe(), tmp_path, tmp_path, tell=told.append, stop_wanted=lambda: len(told) == 7)
    assert saved_states(tmp_path)[-1].name == "000000007"
    assert torch.equal(straight, run_of(tmp_path))


def test_what_a_killed_process_left_half_written_is_removed(tmp_path: Path) -> None:
    (tmp_path / "states" / "000000004.77.new.tmp").mkdir(parents=True)
    (tmp_path / "states" / "000000004.77.new.tmp" / "state.pt").write_bytes(b"half")
    (tmp_path / ".run.1234abcd.json").write_text("{")
    train(toy_recipe(), tmp_path, tmp_path, stop_after_steps=1)
    assert [path.name for path in (tmp_path / "states").iterdir()] == ["000000001"]
    assert not list(tmp_path.glob(".run*"))


def test_a_finished_run_leaves_a_checkpoint_samples_and_a_log(cache: Path, tmp_path: Path) -> None:
    told: list[TrainingProgress] = []
    generator = train(weave_tiny(), tmp_path, cache, tell=told.append)
    loaded = load_checkpoint(tmp_path / "checkpoint")
    assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in generator.state_dict().items())
    assert {p.stem.split("-")[1] for p in (tmp_path / "samples").glob("*.png")} == {"full", "half"}
    assert list((tmp_path / "tensorboard").glob("events*"))
    about = json.loads((tmp_path / "run.json").read_text())
    assert about["recipe"]["name"] == "weave.tiny"
    assert {"commit", "device", "precision", "packages", "command"} <= about["sessions"][0].keys()
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["stage"] == "full"
    assert lines[-1]["pairs"] == 16
    assert {"flow", "mask", "l1"} <= set(lines[-1]["validation"])
    assert told[-1].done == told[-1].total


def test_a_folder_of_another_recipe_is_not_overwritten(tmp_path: Path) -> None:
    train(toy_recipe(), tmp_path, tmp_path, stop_after_steps=1)
    with pytest.raises(CheckpointError, match="another recipe"):
        train(toy_recipe(seed=1), tmp_path, tmp_path)


def test_a_finished_run_goes_on_with_an_added_stage_as_if_planned(straight: torch.Tensor, tmp_path: Path) -> None:
    train(toy_recipe(stages=toy_recipe().stages[:1]), tmp_path, tmp_path)
    assert torch.equal(straight, run_of(tmp_path))


def test_an_unfinished_run_cannot_change_its_stages(tmp_path: Path) -> None:
    train(toy_recipe(stages=toy_recipe().stages[:1]), tmp_path, tmp_path, stop_after_steps=1)
    with pytest.raises(CheckpointError, match="another recipe"):
        train(toy_recipe(), tmp_path, tmp_path)


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


def test_only_the_newest_states_are_kept_and_a_cut_one_is_passed_over(straight: torch.Tensor, tmp_path: Path) -> None:
    for _ in range(3):
        train(toy_recipe(), tmp_path, tmp_path, stop_after_steps=2, keep_states=2)
    states = saved_states(tmp_path)
    assert [path.name for path in states] == ["000000004", "000000006"]
    newest = states[-1] / "state.pt"
    newest.write_bytes(newest.read_bytes()[:1000])
    assert torch.equal(straight, run_of(tmp_path))


def test_as_many_states_are_kept_as_were_asked_for(tmp_path: Path) -> None:
    train(toy_recipe(), tmp_path, tmp_path, keep_states=4)
    assert len(saved_states(tmp_path)) == 4


def test_the_averaged_weights_follow_with_their_half_life_in_pairs(tmp_path: Path) -> None:
    train(toy_recipe(), tmp_path, tmp_path, stop_after_steps=1)
    one = torch.load(saved_states(tmp_path)[-1] / "state.pt", weights_only=True)
    torch.manual_seed(0)
    name = max(one["average"], key=lambda n: one["average"][n].numel())
    start = DptnGenerator(toy_recipe().config).state_dict()[name]
    share = 1 - 0.5 ** (2 / 16)
    torch.testing.assert_close(one["average"][name], start + share * (one["generator"][name] - start))
    assert not torch.equal(one["generator"][name], start)


def test_a_full_disk_stops_the_run_and_leaves_the_last_state_whole(
    straight: torch.Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(toy_recipe(), tmp_path, tmp_path, stop_after_steps=3)
    save = torch.save

    def full(values: object, path: Path) -> None:
        save(values, path)
        path.write_bytes(path.read_bytes()[:5000])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(TrainingError, match=r"No space left.*goes on from state 000000003"):
        train(toy_recipe(), tmp_path, tmp_path, stop_after_steps=5)
    monkeypatch.undo()
    assert [path.name for path in (tmp_path / "states").iterdir()] == ["000000003"]
    assert torch.equal(straight, run_of(tmp_path))
