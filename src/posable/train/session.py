"""What one call of `train` works with, and what it tells its caller."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from posable.train.processes import Processes
from posable.train.recipe import Recipe
from posable.train.run_record import RunRecord


@dataclass(frozen=True)
class TrainingProgress:
    """`done` of `total` in `unit`, the mean losses since the last save, and the share of the time since then that was
    spent waiting for data."""

    stage: str
    unit: str
    done: int
    total: int
    losses: dict[str, float]
    waiting: float = 0.0


@dataclass(frozen=True)
class Session:
    recipe: Recipe
    folder: Path
    cache: Path
    processes: Processes
    record: RunRecord
    loaders: int
    accumulate: int
    keep_states: int
    tell: Callable[[TrainingProgress], None]
    note: Callable[[str], None]
    """Takes sentences that are worth saying once."""
    stop_wanted: Callable[[], bool]
    stop_after_steps: int | None
