"""Everything that a resumed run needs, as folders `states/0000123/` of which the newest few are kept."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from posable.errors import CheckpointError, TrainingError
from posable.models.generator import Generator
from posable.train.recipe import Recipe, described

_FILE = "state.pt"
_DIVERGED = ".diverged"


@dataclass
class RunState:
    """The weights that learn, and where the run is. Optimisers and discriminators belong to the current stage."""

    generator: Generator[Any]
    average: dict[str, Shaped[Tensor, "*shape"]]
    """The generator's moving average: what is shipped and what samples are drawn with."""
    stage: int = 0
    step: int = 0
    """Steps done in the stage."""
    batches: int = 0
    """Batches that the stage's steps took, over all processes and parts: where its data goes on."""
    pairs_before: int = 0
    """Pairs seen in the stages before this one."""
    steps_in_all: int = 0
    seconds: float = 0.0
    stage_state: dict[str, Any] = field(default_factory=dict[str, Any])
    """State dicts of the stage's optimisers and discriminators, and what its watch has seen; empty at its start."""

    def begin_next_stage(self, pairs_of_this: int) -> None:
        self.pairs_before += pairs_of_this
        self.stage, self.step, self.batches, self.stage_state = self.stage + 1, 0, 0, {}


def save_state(state: RunState, recipe: Recipe, run_folder: Path, keep: int) -> None:
    """Writes a new state beside the older ones, whole or not at all, then drops all but the newest `keep`.

    Raises TrainingError when it cannot be written: the older states stay as they are."""
    states = run_folder / "states"
    final = states / f"{state.steps_in_all:09d}"
    temporary, replaced = (states / f"{final.name}.{os.getpid()}.{what}.tmp" for what in ("new", "old"))
    values = {
        "recipe": json.dumps(described(recipe)),
        "generator": state.generator.state_dict(),
        "average": state.average,
        "stage": state.stage,
        "step": state.step,
        "batches": state.batches,
        "pairs_before": state.pairs_before,
        "steps_in_all": state.steps_in_all,
        "seconds": state.seconds,
        "stage_state": state.stage_state,
    }
    try:
        temporary.mkdir(parents=True)
        torch.save(values, temporary / _FILE)
        _flush(temporary / _FILE)
        if final.is_dir():
            final.rename(replaced)
        temporary.rename(final)
        _flush(states)
    except (OSError, RuntimeError) as error:
        shutil.rmtree(temporary, ignore_errors=True)
        kept = [path.name for path in saved_states(run_folder)]
        raise TrainingError(
            f"the run's state cannot be written to '{states}' ({error}); free some space and start the same command "
            f"again: it goes on from state {kept[-1] if kept else '0, its beginning'}."
        ) from None
    shutil.rmtree(replaced, ignore_errors=True)
    for old in saved_states(run_folder)[:-keep]:
        # Out of sight first: a kill while files go must not leave a state without them.
        old.rename(old.with_suffix(".tmp"))
        shutil.rmtree(old.with_suffix(".tmp"), ignore_errors=True)


def saved_states(run_folder: Path) -> list[Path]:
    """Oldest first."""
    return sorted(path for path in (run_folder / "states").glob("*") if path.name.isdigit())


def remove_half_written(run_folder: Path) -> None:
    """Removes what a killed process left unfinished: states and files under temporary names."""
    for path in (run_folder / "states").glob("*.tmp"):
        shutil.rmtree(path, ignore_errors=True)
    for pattern in (".run.*.json", "samples/.*.png", "checkpoint/.model.*"):
        for path in run_folder.glob(pattern):
            path.unlink(missing_ok=True)


def set_aside_since(run_folder: Path, steps_in_all: int) -> list[Path]:
    """Renames the states of `steps_in_all` steps and later, so that no run goes on from them; gives back those left."""
    for path in saved_states(run_folder):
        if int(path.name) >= steps_in_all:
            path.rename(path.with_suffix(_DIVERGED))
    return saved_states(run_folder)


def load_state(state: RunState, recipe: Recipe, run_folder: Path) -> bool:
    """Fills `state` from the newest state that can be read; False when there is none.

    Raises CheckpointError when the folder is the run of another recipe, or when no state can be read."""
    found = saved_states(run_folder)
    for path in reversed(found):
        try:
            values = torch.load(path / _FILE, weights_only=True, map_location="cpu")
        except (OSError, RuntimeError, EOFError, ValueError):
            continue
        if not _continues(json.loads(values["recipe"]), described(recipe), values["stage"]):
            raise CheckpointError(f"'{run_folder}' holds a run of another recipe; give this run another folder.")
        state.generator.load_state_dict(values["generator"])
        state.average = {name: value.to(state.average[name].device) for name, value in values["average"].items()}
        state.stage, state.step, state.steps_in_all = values["stage"], values["step"], values["steps_in_all"]
        # States of posable 0.1 lack these; its runs of one process took a batch a step.
        state.batches, state.pairs_before = values.get("batches", state.step), values.get("pairs_before", 0)
        state.seconds, state.stage_state = values["seconds"], values["stage_state"]
        return True
    if found:
        raise CheckpointError(f"no state in '{run_folder / 'states'}' can be read; remove them to start anew.")
    return False


def _continues(before: dict[str, Any], now: dict[str, Any], stages_done: int) -> bool:
    """Whether a run of `before` may go on as `now`: they are equal, but for stages added behind a finished run."""
    finished = stages_done == len(before["stages"])
    added = {**now, "stages": now["stages"][:stages_done]} if finished else now
    return before == json.loads(json.dumps(added))


def learning_state(module: nn.Module) -> dict[str, Shaped[Tensor, "*shape"]]:
    """The state of a module without what is frozen."""
    learning = {name for name, p in module.named_parameters() if p.requires_grad}
    learning |= {name for name, _ in module.named_buffers()}
    return {name: value for name, value in module.state_dict().items() if name in learning}


def _flush(path: Path) -> None:
    """Waits until a file's bytes, or a folder's names, are on the disk."""
    if os.name == "nt" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
