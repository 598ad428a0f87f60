"""What counts as diverged, on rigged losses, and what does not."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_runs import ToyLosses, ToyObjective, toy_recipe

from posable.errors import TrainingError
from posable.train.learner import StepLosses
from posable.train.loop import train
from posable.train.recipe import Optimiser
from posable.train.run_state import saved_states
from posable.train.watch import STEPS_OF_A_STRETCH, Trouble, Watch

STEPS = 12 * STEPS_OF_A_STRETCH
Curve = Callable[[int], tuple[float, float, float]]
"""L1, adversarial and discriminator losses after so many steps."""


def first_trouble(curve: Curve, steps: int = STEPS) -> Trouble | None:
    watch, noise = Watch(), np.random.default_rng(0)
    for step in range(steps):
        l1, adversarial, judging = (value * math.exp(0.3 * noise.standard_normal()) for value in curve(step))
        trouble = watch.add(
            StepLosses({"l1": l1, "adversarial": adversarial}, {"real": judging / 2, "fake": judging / 2}), step
        )
        if trouble is not None:
            return trouble
    return None


def well(step: int) -> tuple[float, float, float]:
    return 1.0 + 9 * math.exp(-step / 50), 0.7, 0.5


def test_falling_losses_are_well() -> None:
    assert first_trouble(well) is None


def test_losses_that_explode_are_noticed_within_two_stretches_of_steps() -> None:
    found = first_trouble(lambda step: (200.0 if step >= 400 else 1.0, 0.7, 0.5))
    assert found is not None
    assert "generator have grown" in found.what
    assert found.since_step == 400


def test_discriminators_whose_scores_run_away_are_noticed() -> None:
    found = first_trouble(lambda step: (1.0, 0.7, 0.5 * 1.03 ** max(0, step - 300)))
    assert found is not None
    assert "discriminators have grown" in found.what
    assert found.since_step >= 300


def test_discriminators_that_win_are_noticed_when_their_adversary_drowns_all_else() -> None:
    found = first_trouble(lambda step: (1.0, 0.7 + max(0, step - 250) / 5, 1.4 * math.exp(-step / 40)))
    assert found is not None
    assert "discriminators have won" in found.what


def spikes(step: int) -> tuple[float, float, float]:
    return (1.0, 0.7, 0.5) if step % 16 else (500.0, 0.7, 300.0)


def sure_least_squares(step: int) -> tuple[float, float, float]:
    """The discriminator is confident from early on; the generator's loss stays at its bound."""
    return 1.0, 1.0, 0.5 * math.exp(-step / 20)


def back_to_guessing(step: int) -> tuple[float, float, float]:
    return 1.0, 0.5, 0.5 if step < 5 or step > 400 else 0.001


def learning_by_heart(step: int) -> tuple[float, float, float]:
    return 10.0 * math.exp(-step / 60), 0.7, 0.5


def second_wind(step: int) -> tuple[float, float, float]:
    """The generator's losses come back to where they began, as after a warm restart."""
    return 10.0 if step < 60 or step > 450 else 0.1, 0.7, 0.5


@pytest.mark.parametrize("curve", [spikes, sure_least_squares, back_to_guessing, learning_by_heart, second_wind])
def test_what_only_looks_like_it_is_left_alone(curve: Curve) -> None:
    assert first_trouble(curve) is None


def test_losses_that_are_no_numbers_are_noticed_at_once() -> None:
    found = Watch().add(StepLosses({"l1": math.nan, "content": 1.0}, {"real": math.inf}), 7)
    assert found == Trouble("the losses l1, real are NaN or infinite", 7)


def test_a_watch_goes_on_where_its_state_was_taken() -> None:
    def steps(watch: Watch, chosen: range) -> Iterator[Trouble | None]:
        for step in chosen:
            yield watch.add(StepLosses({"l1": 100.0 if step >= 430 else 1.0}, {}), step)

    straight = Watch()
    expected = [*steps(straight, range(STEPS - 50))]
    first, second = Watch(), Watch()
    before = [*steps(first, range(455))]
    second.restore(first.state())
    assert [*before, *steps(second, range(455, STEPS - 50))] == expected
    assert any(expected)


@dataclass(frozen=True)
class Rigged(ToyLosses):
    """The discriminator's losses are multiplied by `factor` from the step `since` on."""

    factor: float
    since: int

    def build(self, config: object) -> ToyObjective:
        return RiggedObjective(self)


class RiggedObjective(ToyObjective):
    def __init__(self, how: Rigged) -> None:
        super().__init__()
        self.how = how

    def discriminator_losses(self, drawn, batch, step):
        losses = super().discriminator_losses(drawn, batch, step)
        return {name: value * (self.how.factor if step >= self.how.since else 1) for name, value in losses.items()}


def test_a_run_whose_losses_are_no_numbers_stops_and_keeps_its_last_state(tmp_path: Path) -> None:
    recipe = toy_recipe(objective=Rigged(math.nan, since=11))
    with pytest.raises(TrainingError, match=r"after 22 pairs.*NaN or infinite; state 000000008.*is kept"):
        train(recipe, tmp_path, tmp_path)
    values = torch.load(saved_states(tmp_path)[-1] / "state.pt", weights_only=True)
    assert all(bool(value.isfinite().all()) for value in values["generator"].values())


def test_no_state_is_saved_whose_weights_are_no_numbers(tmp_path: Path) -> None:
    recipe = toy_recipe(save_every_pairs=2)
    (stage, *_) = recipe.stages
    wild = replace(stage, generator=Optimiser(learning_rate=math.inf))
    with pytest.raises(TrainingError, match="weights are NaN or infinite; no state is from before that"):
        train(replace(recipe, stages=(wild,)), tmp_path, tmp_path)
    assert saved_states(tmp_path) == []


def test_a_run_that_diverges_goes_on_from_no_state_of_that_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With stretches of 10 steps: the losses of steps 51 to 70 give it away; of the states, only 60 is of that time."""
    monkeypatch.setattr("posable.train.stage_run.Watch", partial(Watch, 10))
    recipe = toy_recipe(pairs=200, objective=Rigged(1e3, since=50), save_every_pairs=20, sample_every_pairs=10_000)
    with pytest.raises(TrainingError, match=r"discriminators have grown.*state 000000050, from before that, is kept"):
        train(recipe, tmp_path, tmp_path, keep_states=10)
    assert saved_states(tmp_path)[-1].name == "000000050"
    assert [path.name for path in (tmp_path / "states").glob("*.diverged")] == ["000000060.diverged"]
