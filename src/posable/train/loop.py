"""The training loop of every family: renders or checks the data, trains stage after stage, resumes at any step.

A run folder holds `states/` (weights, their moving average, optimisers; ours, read with weights_only=True), `run.json`
(what runs where), `log.jsonl` (one line a save, machine-readable), `tensorboard/`, `samples/*.png` (validation people:
source, target pose, truth, generated, ...) and at the end `checkpoint/`. Each step's data and noise are a function of
the recipe's seed and the step's number, so a resumed run makes the same weights as an uninterrupted one.

Several processes (torchrun) each take their own batches of the same sequence; gradients are averaged after each
backward pass, so N processes learn what one with N times the batch does.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from posable.checkpoint import save_checkpoint
from posable.errors import TrainingError
from posable.models import FAMILIES
from posable.models.generator import Generator as PoseGenerator
from posable.models.objective import Objective
from posable.train.batch_loader import load_batches
from posable.train.processes import Precision, Processes
from posable.train.recipe import Optimiser, Recipe, Stage
from posable.train.run_record import RunRecord, provenance
from posable.train.run_state import RunState, learning_state, load_state, save_state
from posable.train.samples import sample_sheet

AnyObjective = Objective[Any, Any, Any]


@dataclass(frozen=True)
class Progress:
    """What the loop tells its caller: `done` of `total` in `unit`, the last mean losses, and the share of the time
    that was spent waiting for data."""

    stage: str
    unit: str
    done: int
    total: int
    losses: dict[str, float]
    waiting: float = 0.0


@dataclass(frozen=True)
class _Session:
    """One call of `train`."""

    recipe: Recipe
    folder: Path
    cache: Path
    processes: Processes
    record: RunRecord
    workers: int
    tell: Callable[[Progress], None]
    stop_after_steps: int | None


def train(
    recipe: Recipe,
    run_folder: Path,
    cache: Path,
    *,
    workers: int = 2,
    loaders: int = 0,
    device: torch.device | None = None,
    precision: Precision | None = None,
    tell: Callable[[Progress], None] = lambda _progress: None,
    stop_after_steps: int | None = None,
) -> PoseGenerator[Any]:
    """Trains `recipe` in `run_folder` (resuming what is there) and returns the averaged generator, which it also
    writes to `run_folder/checkpoint`.

    `workers` processes render people into `cache` beforehand; `loaders` processes read batches while the network
    works (0: between steps); `precision` None takes bf16 on GPUs that have it. Raises CheckpointError when the folder
    is another recipe's, TrainingError when the losses are no numbers any more or the disk is full: the last good state
    is kept then.
    """
    processes = Processes.joined(device, precision)
    run_folder.mkdir(parents=True, exist_ok=True)
    state = _fresh(recipe, processes.device)
    load_state(state, recipe, run_folder)
    record = RunRecord(run_folder if processes.first else None, recipe, processes)
    session = _Session(recipe, run_folder, cache, processes, record, loaders, tell, stop_after_steps)
    try:
        while state.stage < len(recipe.stages):
            stage = recipe.stages[state.stage]
            if processes.first:
                _prepare(stage, cache, workers, tell)
            processes.wait()
            if not _train_stage(state, stage, session):
                return state.generator
            state.stage, state.step, state.stage_state = state.stage + 1, 0, {}
            _save(state, session)
    finally:
        record.close()
    state.generator.load_state_dict(state.average)
    if processes.first:
        save_checkpoint(run_folder / "checkpoint", state.generator.eval(), provenance(recipe, state.seconds))
    return state.generator


def _fresh(recipe: Recipe, device: torch.device) -> RunState:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        generator = FAMILIES[recipe.family].generator(recipe.config).to(device).train()
    return RunState(generator, {name: value.detach().clone() for name, value in generator.state_dict().items()})


def _prepare(stage: Stage, cache: Path, workers: int, tell: Callable[[Progress], None]) -> None:
    for data in (stage.data, stage.data.validation()):
        data.prepare(cache, workers, lambda done, total: tell(Progress(stage.name, "people rendered", done, total, {})))


class _Learner:
    """Adam over groups of parameters, on the stage's schedule."""

    def __init__(self, how: Optimiser, groups: Iterable[tuple[list[nn.Parameter], float]], stage: Stage) -> None:
        self.how, self.stage = how, stage
        chosen: list[dict[str, Any]] = [
            {"params": parameters, "pace": pace} for parameters, pace in groups if parameters
        ]
        self.adam = torch.optim.AdamW(chosen, lr=how.learning_rate, betas=how.betas, weight_decay=how.weight_decay)
        self.parameters = [p for group in self.adam.param_groups for p in group["params"]]

    def step(self, losses: dict[str, Tensor], pairs_done: int, processes: Processes) -> None:
        self.adam.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()
        processes.average_gradients(self.parameters)
        if self.how.clip_norm:
            nn.utils.clip_grad_norm_(self.parameters, self.how.clip_norm)
        for group in self.adam.param_groups:
            group["lr"] = group["pace"] * learning_rate(self.how, pairs_done, self.stage.pairs)
        self.adam.step()


def learning_rate(how: Optimiser, pairs_done: int, pairs: int) -> float:
    """The rate of `how` after `pairs_done` of a stage's `pairs`."""
    warm = min(1.0, (pairs_done + 1) / how.warmup_pairs) if how.warmup_pairs else 1.0
    share = pairs_done / pairs
    if how.schedule == "cosine":
        return how.learning_rate * warm * (0.505 + 0.495 * math.cos(math.pi * share))
    if how.schedule == "linear":
        return how.learning_rate * warm * min(1.0, 2 * (1 - share))
    if how.schedule == "late-linear":
        return how.learning_rate * warm * min(1.0, 3 * (1 - share))
    return how.learning_rate * warm


class _StageRun:
    """A stage's objective and optimisers around the run's generator."""

    def __init__(self, state: RunState, stage: Stage, recipe: Recipe, device: torch.device) -> None:
        self.stage = stage
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed + 1)
            self.objective: AnyObjective = stage.objective.build(recipe.config).to(device).train()
        groups = self.objective.parameter_groups(state.generator)
        self.generator = _Learner(stage.generator, [(group.parameters, group.pace) for group in groups], stage)
        players = [p for p in self.objective.parameters() if p.requires_grad]
        assert bool(players) == (stage.discriminators is not None), f"stage {stage.name}: discriminators need rates"
        self.players = players
        self.discriminators = _Learner(stage.discriminators, [(players, 1.0)], stage) if stage.discriminators else None
        if state.stage_state:
            self.restore(state.stage_state)

    def state(self) -> dict[str, Any]:
        return {
            "generator": self.generator.adam.state_dict(),
            "discriminators": self.discriminators.adam.state_dict() if self.discriminators else None,
            "objective": learning_state(self.objective),
        }

    def restore(self, saved: dict[str, Any]) -> None:
        self.generator.adam.load_state_dict(saved["generator"])
        if self.discriminators is not None:
            self.discriminators.adam.load_state_dict(saved["discriminators"])
        self.objective.load_state_dict(saved["objective"], strict=False)

    def step(
        self, generator: PoseGenerator[Any], batch: Any, step: int, pairs: int, processes: Processes
    ) -> dict[str, float]:
        """One step of the discriminators and the generator; the losses as numbers."""
        with processes.autocast():
            drawn = self.objective.draw(generator, batch)
        losses: dict[str, Tensor] = {}
        if self.discriminators is not None:
            with processes.autocast():
                against = self.objective.discriminator_losses(drawn, batch, step)
            self.discriminators.step(against, pairs, processes)
            losses |= against
        for player in self.players:
            player.requires_grad_(False)
        with processes.autocast():
            wanted = self.objective.generator_losses(generator, drawn, batch)
        self.generator.step(wanted, pairs, processes)
        for player in self.players:
            player.requires_grad_(True)
        return processes.mean({name: value.detach() for name, value in (losses | wanted).items()})


def _train_stage(state: RunState, stage: Stage, session: _Session) -> bool:
    """Trains to the stage's end; False when `stop_after_steps` came first."""
    recipe, processes = session.recipe, session.processes
    run = _StageRun(state, stage, recipe, processes.device)
    seed = recipe.seed + 1000 * state.stage
    batches = stage.data.open(session.cache, seed)
    validation = stage.data.validation().open(session.cache, 0)
    pairs_per_step = stage.data.pairs_per_batch * processes.count
    steps = -(-stage.pairs // pairs_per_step)
    first, clock = state.step, time.monotonic()
    window = _Window()
    positions = range(first * processes.count + processes.rank, steps * processes.count, processes.count)
    for batch in load_batches(batches, positions, session.workers):
        window.loaded()
        pairs = state.step * pairs_per_step
        with _noise_of_step(seed, state.step, processes):
            losses = run.step(state.generator, batch.to(processes.device), state.step, pairs, processes)
        _check_finite(losses, stage, pairs)
        _follow(state, 0.5 ** (pairs_per_step / recipe.ema_half_life_pairs))
        state.step += 1
        state.steps_in_all += 1
        window.add(losses)
        session.tell(
            Progress(
                stage.name, "pairs", state.step * pairs_per_step, steps * pairs_per_step, window.means, window.waiting
            )
        )
        last = state.step == steps
        stopped = session.stop_after_steps is not None and state.step - first >= session.stop_after_steps and not last
        if stopped or last or _crosses(state.step, pairs_per_step, recipe.save_every_pairs):
            state.seconds += time.monotonic() - clock
            state.stage_state = run.state()
            _save(state, session)
            if not stopped and processes.first:
                sheet = last or _crosses(state.step, pairs_per_step, recipe.sample_every_pairs)
                checked = _validate(state, run.objective, recipe, validation, session, stage.name if sheet else None)
                session.record.log(stage.name, state, pairs_per_step, window.means, checked, window.waiting)
            clock = time.monotonic()
            window = _Window()
        window.wait()
        if stopped:
            return False
    return True


class _Window:
    """Mean losses and the share of time spent waiting for data since the last save."""

    def __init__(self) -> None:
        self.sums: dict[str, float] = {}
        self.count = 0
        self.start = self.since = time.monotonic()
        self.waited = 0.0

    def wait(self) -> None:
        self.since = time.monotonic()

    def loaded(self) -> None:
        self.waited += time.monotonic() - self.since

    def add(self, losses: dict[str, float]) -> None:
        self.count += 1
        for name, value in losses.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    @property
    def means(self) -> dict[str, float]:
        return {name: value / self.count for name, value in self.sums.items()}

    @property
    def waiting(self) -> float:
        return self.waited / max(time.monotonic() - self.start, 1e-9)


@contextmanager
def _noise_of_step(seed: int, step: int, processes: Processes) -> Generator[None]:
    """Dropout and noise of a step depend on the seed, the step and the process alone."""
    cuda = [processes.device] if processes.device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda):
        torch.manual_seed((seed * 1_000_003 + step) * 64 + processes.rank)
        yield


def _follow(state: RunState, decay: float) -> None:
    with torch.no_grad():
        for name, value in state.generator.state_dict().items():
            if value.is_floating_point():
                state.average[name].lerp_(value, 1 - decay)
            else:
                state.average[name].copy_(value)


def _check_finite(losses: dict[str, float], stage: Stage, pairs: int) -> None:
    broken = sorted(name for name, value in losses.items() if not math.isfinite(value))
    if broken:
        raise TrainingError(
            f"the losses {', '.join(broken)} of stage {stage.name} are no numbers any more after {pairs} pairs; "
            "the last good state is kept: lower the learning rate, or look at the pictures of the last samples."
        )


def _validate(
    state: RunState, objective: AnyObjective, recipe: Recipe, validation: Any, session: _Session, sheet: str | None
) -> dict[str, float]:
    """Mean losses of the averaged weights on fixed validation pairs without augmentation; draws a sheet of samples."""
    device = session.processes.device
    averaged = FAMILIES[recipe.family].generator(recipe.config).to(device)
    averaged.load_state_dict(state.average)
    averaged.eval()
    objective.eval()
    totals: dict[str, float] = {}
    for index in range(recipe.validation_batches):
        batch = validation.batch(index).to(device)
        with torch.no_grad():
            drawn = objective.draw(averaged, batch)
            losses = objective.generator_losses(averaged, drawn, batch)
        for name, value in losses.items():
            totals[name] = totals.get(name, 0.0) + float(value) / recipe.validation_batches
        if sheet is not None and index == 0:
            picture = sample_sheet(objective.shown(batch), drawn)
            session.record.sample(sheet, state.steps_in_all, picture)
    objective.train()
    return totals


def _save(state: RunState, session: _Session) -> None:
    if session.processes.first:
        save_state(state, session.recipe, session.folder)
    session.processes.wait()


def _crosses(step: int, pairs_per_step: int, every: int) -> bool:
    return step * pairs_per_step // every > (step - 1) * pairs_per_step // every
