"""What the command line shows: results on standard output; notes, errors and progress bars on standard error."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import typer
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

from posable.errors import InputError
from posable.progress import ProgressCallback

_PATIENCE_SECONDS = 2.0
_SECONDS_BETWEEN_LINES = 30.0
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


def tell(sentence: str) -> None:
    """One line on standard error."""
    typer.echo(f"posable: {' '.join(sentence.split())}", err=True)


def report(result: Mapping[str, Any], as_json: bool) -> None:
    """The result on standard output: lines for people, or one JSON object."""
    if as_json:
        typer.echo(json.dumps(result))
        return
    for key, value in result.items():
        if key == "written":
            for path in value:
                typer.echo(f"written: {path}")
        elif isinstance(value, list):
            for item in value:
                typer.echo(str(item))
        else:
            typer.echo(f"{key.replace('_', ' ')}: {value}")


def check_outputs(
    paths: Sequence[Path], suffixes: Sequence[str] = PICTURE_SUFFIXES, inputs: Sequence[str | Path | None] = ()
) -> None:
    """Raises InputError, before any work is done, for a place that cannot be written or that holds an input."""
    given = [Path(path).resolve() for path in inputs if path is not None]
    for path in paths:
        if path.suffix.lower() not in suffixes:
            raise InputError(f"cannot write '{path}'; end the name in {' or '.join(suffixes)}.")
        if path.is_dir():
            raise InputError(f"cannot write '{path}', because it is a folder; give the name of a file.")
        if not path.parent.is_dir():
            raise InputError(
                f"cannot write '{path}', because the folder '{path.parent}' does not exist; make it first."
            )
        if path.resolve() in given:
            raise InputError(f"'{path}' is given as input, so it will not be written over; give another output.")


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(_rate(task.speed))


def _rate(per_second: float | None) -> str:
    """Per second, or per minute when that is less than one."""
    if not per_second:
        return ""
    return f"{per_second:.1f}/s" if per_second >= 1 else f"{per_second * 60:.1f}/min"


class _BarsWithLine(Progress):
    below = ""

    def get_renderables(self) -> Generator[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        if self.below:
            yield Text(self.below, style="dim")


class ProgressBars:
    """One bar a stage, on standard error, with count, rate and time left; there is none before the first `show`.

    Where standard error is no terminal, a plain line comes every half minute instead.
    """

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console or Console(stderr=True)
        self._clock = clock
        self._bars = _BarsWithLine(
            TextColumn("{task.description}", table_column=Column(no_wrap=True)),
            BarColumn(bar_width=None, table_column=Column(ratio=1)),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", table_column=Column(no_wrap=True)),
            console=self._console,
            expand=True,
        )
        self._tasks: dict[str, Any] = {}
        self._first: dict[str, tuple[float, int]] = {}
        self._last_line = -math.inf

    def __enter__(self) -> ProgressBars:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._tasks:
            self._bars.stop()

    def show(self, what: str, done: int, total: int, note: str = "", below: str = "") -> None:
        """Moves the bar called `what`; may be called as often as wanted. `below` goes on lines under the bars."""
        if not self._console.is_terminal:
            self._show_line(what, done, total, ", ".join(part for part in (note, below) if part))
            return
        self._bars.below = below
        if not self._tasks:
            self._bars.start()
        if what not in self._tasks:
            # Work that was finished in an earlier run does not count for the rate.
            self._tasks[what] = self._bars.add_task(what, total=total, completed=done, note=note)
        self._bars.update(self._tasks[what], completed=done, total=total, note=note)

    def _show_line(self, what: str, done: int, total: int, note: str) -> None:
        now = self._clock()
        since, before = self._first.setdefault(what, (now, done))
        if now - self._last_line < _SECONDS_BETWEEN_LINES or now - since < _PATIENCE_SECONDS:
            return
        self._last_line = now
        speed = (done - before) / (now - since)
        left = f"{timedelta(seconds=round((total - done) / speed))} left" if speed else ""
        parts = [f"{what} {done}/{total}", _rate(speed), left, note]
        typer.echo(f"posable: {', '.join(part for part in parts if part)}", err=True)


@contextmanager
def progress_bar(what: str) -> Generator[ProgressCallback]:
    """A bar while inside; gives the function (done, total) that moves it."""
    with ProgressBars() as progress:
        yield lambda done, total: progress.show(what, done, total)
