"""One stage of a run: step after step, with states, samples and a log on the way."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import NoReturn

import torch
from torch.optim.swa_utils import get_ema_multi_avg_fn

from posable.errors import TrainingError, TrainingStoppedError
from posable.models import FAMILIES
from posable.train.batch_loader import load_batches
from posable.train.learner import Part, StageLearner, learning_rate
from posable.train.processes import Processes
from posable.train.recipe import Stage
from posable.train.run_state import RunState, save_state, set_aside_since
from posable.train.samples import sample_sheet
from posable.train.session import Session, TrainingProgress
from posable.train.watch import Trouble, Watch
from posable.train.window import Window


class StageRun:
    """The current stage of `state`, from where it stands."""

    def __init__(self, state: RunState, session: Session) -> None:
        self.state, self.session = state, session
        recipe, processes = session.recipe, session.processes
        self.stage: Stage = recipe.stages[state.stage]
        self.learner = StageLearner(state, self.stage, recipe, processes)
        self.watch = Watch()
        if "watch" in state.stage_state:
            self.watch.restore(state.stage_state["watch"])
        self.seed = recipe.seed + 1000 * state.stage
        self.data = self.stage.data.open(session.cache, self.seed)
        self.validation = self.stage.data.validation().open(session.cache, 0)
        self.batches_per_step = processes.count * session.accumulate
        self.pairs_per_step = self.stage.data.pairs_per_batch * self.batches_per_step
        self.average_decay = 0.5 ** (self.pairs_per_step / recipe.ema_half_life_pairs)
        self.pairs = state.batches * self.stage.data.pairs_per_batch
        self.steps = -(-(self.stage.pairs - self.pairs) // self.pairs_per_step)
        self.pairs_of_all = self.pairs + self.steps * self.pairs_per_step
        self.window, self.clock = Window(), time.monotonic()
        looks_through = session.record.looks_through(self.stage.name, self.learner.objective)
        if looks_through is not None:
            session.note(looks_through)

    def run(self) -> bool:
        """Trains to the stage's end; False when `stop_after_steps` came first. Raises TrainingError when the losses
        have diverged, and TrainingStoppedError when the session is asked to stop."""
        last_stage = self.state.stage + 1 == len(self.session.recipe.stages)
        for step, parts in enumerate(self._parts(), 1):
            before = self.pairs
            self._step(parts)
            last = step == self.steps
            stop = self.session.processes.any(self.session.stop_wanted()) and not (last and last_stage)
            pause = step == self.session.stop_after_steps and not last
            self._keep(before, ended=last, paused=stop or pause)
            if stop:
                raise TrainingStoppedError(
                    f"stopped after {self.pairs:,} of {self.pairs_of_all:,} pairs of stage {self.stage.name}"
                )
            if pause:
                return False
            self.window.wait()
        return True

    def _parts(self) -> Iterator[list[Part]]:
        """The batches of each step."""
        processes, count = self.session.processes, self.session.accumulate
        first = self.state.batches + processes.rank * count
        starts = range(first, first + self.steps * self.batches_per_step, self.batches_per_step)
        positions = (start + part for start in starts for part in range(count))
        loaded = load_batches(self.data, positions, self.session.loaders)
        for start in starts:
            batches = [next(loaded) for _ in range(count)]
            self.window.loaded()
            yield [
                Part(batch.to(processes.device), partial(_noise, self.seed, position, processes))
                for position, batch in enumerate(batches, start)
            ]

    def _step(self, parts: list[Part]) -> None:
        state = self.state
        losses = self.learner.step(parts, state.step, self.pairs)
        trouble = self.watch.add(losses, state.step)
        if trouble is not None:
            self._stop_for(trouble)
        _follow(state, self.average_decay)
        state.step, state.steps_in_all = state.step + 1, state.steps_in_all + 1
        state.batches += self.batches_per_step
        self.pairs += self.pairs_per_step
        self.window.add(losses.all, self.pairs_per_step)
        now = self.window.summary()
        self.session.tell(
            TrainingProgress(self.stage.name, "pairs", self.pairs, self.pairs_of_all, now.losses, now.waiting)
        )

    def _keep(self, before: int, *, ended: bool, paused: bool) -> None:
        """Saves, draws and logs what is due after a step that began at `before` pairs."""
        recipe, session, state = self.session.recipe, self.session, self.state
        save = ended or _crosses(before, self.pairs, recipe.save_every_pairs)
        draw = ended or _crosses(before, self.pairs, recipe.sample_every_pairs)
        pairs_in_all = state.pairs_before + self.pairs
        if save or paused:
            self._save(ended)
        if paused or not (save or draw):
            return
        if session.processes.first:
            checked = self._validate(pairs_in_all if draw else None)
            rate = learning_rate(self.stage.generator, self.pairs, self.stage.pairs)
            session.record.log(
                self.stage.name, self.pairs, pairs_in_all, state.seconds, rate, self.window.summary(), checked
            )
        self.window = Window()

    def _save(self, ended: bool) -> None:
        state, session = self.state, self.session
        if not all(bool(value.isfinite().all()) for value in state.average.values()):
            self._stop_for(Trouble("weights are NaN or infinite", state.step))
        state.seconds, self.clock = state.seconds + time.monotonic() - self.clock, time.monotonic()
        state.stage_state = {**self.learner.state(), "watch": self.watch.state()}
        if ended:
            state.begin_next_stage(self.pairs)
        if session.processes.first:
            save_state(state, session.recipe, session.folder, session.keep_states)
        session.processes.wait()

    def _stop_for(self, trouble: Trouble) -> NoReturn:
        began = self.state.steps_in_all - self.state.step + trouble.since_step
        left = set_aside_since(self.session.folder, began + 1) if self.session.processes.first else []
        kept = f"state {left[-1].name}, from before that, is kept" if left else "no state is from before that"
        raise TrainingError(
            f"stage {self.stage.name} has stopped after {self.pairs:,} pairs, because {trouble.what}; {kept}. Look at "
            "the last samples, and give the recipe a lower learning rate, or limit its gradients by clip_norm."
        )

    def _validate(self, draw_as: int | None) -> dict[str, float]:
        """Mean losses of the averaged weights on fixed validation pairs without augmentation; draws a sheet of samples
        under the number `draw_as`."""
        session, objective = self.session, self.learner.objective
        device = session.processes.device
        averaged = FAMILIES[session.recipe.family].generator(session.recipe.config).to(device)
        averaged.load_state_dict(self.state.average)
        averaged.eval()
        objective.eval()
        sums: dict[str, float] = {}
        for index in range(session.recipe.validation_batches):
            batch = self.validation.batch(index).to(device)
            with torch.no_grad():
                drawn = objective.draw(averaged, batch)
                losses = objective.generator_losses(averaged, drawn, batch)
            for name, value in losses.items():
                sums[name] = sums.get(name, 0.0) + float(value)
            if draw_as is not None and index == 0:
                session.record.sample(self.stage.name, draw_as, sample_sheet(objective.shown(batch), drawn))
        objective.train()
        return {name: value / session.recipe.validation_batches for name, value in sums.items()}


@contextmanager
def _noise(seed: int, position: int, processes: Processes) -> Generator[None]:
    """Dropout and noise depend on the stage's seed and the batch's position alone, whoever works on it."""
    cuda = [processes.device] if processes.device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda):
        torch.manual_seed(seed * 1_000_003 + position)
        yield


def _follow(state: RunState, decay: float) -> None:
    """Moves the average a step towards the weights."""
    now = state.generator.state_dict()
    moving = [name for name, value in now.items() if value.is_floating_point()]
    update = get_ema_multi_avg_fn(decay)
    update([state.average[name] for name in moving], [now[name] for name in moving], torch.tensor(state.step))
    for name in now.keys() - set(moving):
        state.average[name].copy_(now[name])


def _crosses(before: int, after: int, every: int) -> bool:
    return after // every > before // every
