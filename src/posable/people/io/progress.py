"""A progress bar for writing data sets, on standard error: people done, rate, time left."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text


class _RateColumn(ProgressColumn):
    """People per second, or per minute when that is less than one."""

    def render(self, task: Task) -> Text:
        if not task.speed:
            return Text("-")
        return Text(f"{task.speed:.1f}/s" if task.speed >= 1 else f"{task.speed * 60:.1f}/min")


@contextmanager
def people_progress() -> Generator[Callable[[int, int], None]]:
    """Shows the bar while inside; gives what `make_dataset` takes as `progress`."""
    columns = (TextColumn("people"), BarColumn(), MofNCompleteColumn(), _RateColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("people", total=None)

        def show(finished: int, total: int) -> None:
            if bar.tasks[0].total is None:
                # People of an earlier run do not count for the rate.
                bar.reset(task, total=total, completed=finished)
            bar.update(task, total=total, completed=finished)

        yield show
