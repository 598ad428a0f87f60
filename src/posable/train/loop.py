"""Training of every family: renders or checks the data, trains stage after stage, resumes at any step.

A run folder holds `states/` (weights, their moving average, optimisers; ours, read with weights_only=True), `run.json`
(what runs where), `log.jsonl` (one line a save, machine-readable), `tensorboard/`, `samples/*.png` (validation people:
source, target pose, truth, generated, ...) and at the end `checkpoint/`. Each batch and its noise are a function of
the recipe's seed and the batch's number, so a resumed run makes the same weights as an uninterrupted one.

Several processes (torchrun) each take their own batches of the same sequence; gradients are averaged after each
backward pass, so N processes learn what one with N times the batch does, and so does one that accumulates N batches.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from posable.errors import ConfigError, TrainingStoppedError
from posable.models import FAMILIES
from posable.models.generator import Generator as PoseGenerator
from posable.train.processes import Precision, Processes
from posable.train.recipe import Recipe, Stage
from posable.train.run_record import RunRecord, provenance
from posable.train.run_state import RunState, load_state, remove_half_written
from posable.train.session import Session, TrainingProgress
from posable.train.stage_run import StageRun
from posable.zoo.checkpoint import save_checkpoint


def train(
    recipe: Recipe,
    run_folder: Path,
    cache: Path,
    *,
    workers: int = 2,
    loaders: int = 0,
    accumulate: int = 1,
    keep_states: int = 2,
    device: torch.device | None = None,
    precision: Precision | None = None,
    tell: Callable[[TrainingProgress], None] = lambda _progress: None,
    note: Callable[[str], None] = lambda _sentence: None,
    stop_wanted: Callable[[], bool] = lambda: False,
    stop_after_steps: int | None = None,
) -> PoseGenerator[Any]:
    """Trains `recipe` in `run_folder` (resuming what is there) and returns the averaged generator, which it also
    writes to `run_folder/checkpoint`.

    `workers` processes render people into `cache` beforehand; `loaders` processes read batches while the network
    works (0: a thread does); a step takes `accumulate` batches of each process; `precision` None takes bf16 on GPUs
    that have it. `tell` gets the progress of each step, `note` sentences that are worth saying once. A run may go on
    with another number of processes or `accumulate`: lengths are counted in pairs. After `stop_after_steps` steps of a
    stage it returns early, its state saved.

    Raises CheckpointError when the folder is another recipe's, TrainingError when the losses have diverged or the disk
    is full (the last good state is kept then), TrainingStoppedError once `stop_wanted()` and all is saved.
    """
    if accumulate < 1 or keep_states < 1:
        raise ConfigError(f"accumulate is {accumulate} and keep_states {keep_states}; both must be 1 or more.")
    processes = Processes.joined(device, precision)
    run_folder.mkdir(parents=True, exist_ok=True)
    if processes.first:
        remove_half_written(run_folder)
    state = _fresh(recipe, processes.device)
    load_state(state, recipe, run_folder)
    record = RunRecord(run_folder if processes.first else None, recipe, processes, state, accumulate)
    session = Session(
        recipe=recipe,
        folder=run_folder,
        cache=cache,
        processes=processes,
        record=record,
        loaders=loaders,
        accumulate=accumulate,
        keep_states=keep_states,
        tell=tell,
        note=note,
        stop_wanted=stop_wanted,
        stop_after_steps=stop_after_steps,
    )
    try:
        while state.stage < len(recipe.stages):
            if processes.first:
                _prepare(recipe.stages[state.stage], workers, session)
            processes.wait()
            if not StageRun(state, session).run():
                return state.generator
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


def _prepare(stage: Stage, workers: int, session: Session) -> None:
    def tell(done: int, total: int) -> None:
        session.tell(TrainingProgress(stage.name, "people rendered", done, total, {}))
        if session.stop_wanted():
            raise TrainingStoppedError(
                f"stopped after {done:,} of {total:,} people of stage {stage.name} were rendered"
            )

    for data in (stage.data, stage.data.validation()):
        data.prepare(session.cache, workers, tell)
