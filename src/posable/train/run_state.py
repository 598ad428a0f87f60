"""Everything that a resumed run needs, as folders `states/0000123/` of which the newest few are kept."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from posable.errors import CheckpointError, TrainingError
from posable.models.generator import Generator
from posable.train.recipe import Recipe, described

KEPT = 2
_FILE = "state.pt"


@dataclass
class RunState:
    """The weights that learn, and where the run is. Optimisers and discriminators belong to the current stage."""

    generator: Generator[Any]
    average: dict[str, Tensor]
    """The generator's moving average: what is shipped and what samples are drawn with."""
    stage: int = 0
    step: int = 0
    """Steps done in the stage."""
    steps_in_all: int = 0
    seconds: float = 0.0
    stage_state: dict[str, Any] = field(default_factory=dict[str, Any])
    """State dicts of the stage's optimisers and discriminators; empty at a stage's start."""


def save_state(state: RunState, recipe: Recipe, run_folder: Path) -> None:
    """Writes a new state beside the older ones, whole or not at all, then drops all but the newest few.

    Raises TrainingError when it cannot be written: the older states stay as they are."""
    states = run_folder / "states"
    final = states / f"{state.steps_in_all:09d}"
    temporary = states / f"{final.name}.{os.getpid()}.tmp"
    values = {
        "recipe": json.dumps(described(recipe)),
        "generator": state.generator.state_dict(),
        "average": state.average,
        "stage": state.stage,
        "step": state.step,
        "steps_in_all": state.steps_in_all,
        "seconds": state.seconds,
        "stage_state": state.stage_state,
    }
    try:
        temporary.mkdir(parents=True)
        torch.save(values, temporary / _FILE)
        _flush(temporary / _FILE)
        if final.is_dir():
            shutil.rmtree(final)
        temporary.rename(final)
    except (OSError, RuntimeError) as error:
        shutil.rmtree(temporary, ignore_errors=True)
        kept = [path.name for path in saved_states(run_folder)]
        raise TrainingError(
            f"the run's state cannot be written to '{states}' ({error}); free some space and start the same command "
            f"again: it goes on from state {kept[-1] if kept else '0, its beginning'}."
        ) from None
    for old in saved_states(run_folder)[:-KEPT]:
        shutil.rmtree(old)


def saved_states(run_folder: Path) -> list[Path]:
    """Oldest first."""
    return sorted(path for path in (run_folder / "states").glob("*") if path.name.isdigit())


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


def learning_state(module: nn.Module) -> dict[str, Tensor]:
    """The state of a module without what is frozen."""
    learning = {name for name, p in module.named_parameters() if p.requires_grad}
    learning |= {name for name, _ in module.named_buffers()}
    return {name: value for name, value in module.state_dict().items() if name in learning}


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
