"""`posable train`: a model by a named recipe, in a folder where it can go on after any stop."""

from __future__ import annotations

import inspect
import os
import runpy
import shlex
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from posable.cli.terminal import ProgressBars, report, tell
from posable.errors import InputError, TrainingStoppedError

if TYPE_CHECKING:
    from posable.train.recipe import Recipe
    from posable.train.session import TrainingProgress


def train(
    recipe: Annotated[
        str,
        typer.Argument(metavar="RECIPE", help="Its name ('list' lists them), or FILE.py:FUNCTION.", show_default=False),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="Run folder; else runs/RECIPE.")
    ] = None,
    data: Annotated[Path | None, typer.Option(metavar="DIR", help="A corpus, as in docs/data.md.")] = None,
    data_licence: Annotated[
        str | None, typer.Option(metavar="TEXT", help="The corpus's licence, for the model's card.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in the folder.")] = False,
    batch: Annotated[int | None, typer.Option(metavar="N", min=1, help="Pairs at once; else the recipe's.")] = None,
    accumulate: Annotated[int, typer.Option(metavar="N", min=1, help="Batches a step.")] = 1,
    keep: Annotated[int, typer.Option(metavar="N", min=1, help="Newest states to keep.")] = 2,
    cache: Annotated[Path | None, typer.Option(metavar="DIR", help="For rendered people.")] = None,
    precision: Annotated[str | None, typer.Option(metavar="P", help="fp32 or bf16; else by the device.")] = None,
    loaders: Annotated[int, typer.Option(metavar="N", min=0, help="Processes that read batches ahead.")] = 0,
    workers: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Rendering processes; else all cores.")
    ] = None,
    device: Annotated[str | None, typer.Option(metavar="NAME", help="cuda, mps or cpu; else the fastest.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Train a model by a named recipe.

    It writes samples/, log.jsonl, tensorboard/, checkpoint/ (docs/train.md).
    """
    if recipe == "list":
        list_recipes(json)
        return
    if precision not in (None, "fp32", "bf16"):
        raise InputError(f"the precision '{precision}' is not known; give fp32 or bf16, or leave it out.")
    from posable.files import cache_folder
    from posable.train.corpus_batches import on_corpus
    from posable.train.loop import train as run_training
    from posable.train.recipe import in_batches_of
    from posable.transfer.pipeline import choose_device

    chosen = _recipe(recipe)
    folder = out or Path("runs") / chosen.name
    _check_folder(folder, resume)
    chosen = chosen if data is None else on_corpus(chosen, str(data), data_licence)
    chosen = chosen if batch is None else in_batches_of(chosen, batch)
    with ProgressBars() as progress, stop_signals() as stop:
        try:
            run_training(
                chosen,
                folder,
                cache or cache_folder() / "rendered",
                workers=workers or os.cpu_count() or 1,
                loaders=loaders,
                accumulate=accumulate,
                keep_states=keep,
                device=choose_device(device),
                precision=precision,
                tell=lambda now: _show(progress, now) if _first_process() else None,
                note=tell,
                stop_wanted=stop.wanted,
            )
        except TrainingStoppedError as error:
            if _first_process():
                tell(f"{error}; go on with `{_command_to_go_on()}`.")
            raise typer.Exit(stop.exit_code) from None
    if _first_process():
        report({"written": [str(folder / "checkpoint")]}, json)


def _first_process() -> bool:
    """Whether this is the process of its group, if it has one, that speaks."""
    return os.environ.get("RANK", "0") == "0"


class _Stop:
    """What a signal has asked for."""

    signal_number: int | None = None

    def wanted(self) -> bool:
        return self.signal_number is not None

    @property
    def exit_code(self) -> int:
        """As shells count: 130 for Ctrl-C, 143 for the end of a machine's lease."""
        return 128 + (self.signal_number or 0)


@contextmanager
def stop_signals() -> Generator[_Stop]:
    """Inside, the first SIGINT (Ctrl-C) or SIGTERM is noted, and a second one ends the program at once."""
    stop = _Stop()

    def note(number: int, _frame: object) -> None:
        if stop.wanted():
            raise KeyboardInterrupt
        stop.signal_number = number
        tell("stopping once the step is done and saved; again to stop at once.")

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _command_to_go_on() -> str:
    """This command, as it was given, with --resume."""
    given = sys.argv[1:]
    return shlex.join(["posable", *given, *([] if "--resume" in given else ["--resume"])])


def _recipe(name: str) -> Recipe:
    """The recipe of that name, or, of `FILE.py:FUNCTION`, what that function of that file returns."""
    from posable.recipes import RECIPES
    from posable.train.recipe import Recipe

    file, colon, function = name.rpartition(":")
    if not colon or not file.endswith(".py"):
        if name not in RECIPES:
            raise InputError(
                f"there is no recipe '{name}'; choose one of {', '.join(RECIPES)}, or give FILE.py:FUNCTION."
            )
        return RECIPES[name]()
    if not Path(file).is_file():
        raise InputError(f"'{file}' does not exist; check the name of the file with your recipe.")
    make = runpy.run_path(file).get(function)
    made = make() if inspect.isfunction(make) and not inspect.signature(make).parameters else None
    if not isinstance(made, Recipe):
        raise InputError(
            f"'{function}' of '{file}' is no function without arguments that returns a Recipe; docs/train.md shows one."
        )
    return made


def _check_folder(folder: Path, resume: bool) -> None:
    """Raises InputError for a folder that holds a run, unless that run is to go on. In a group of processes the first
    one looks: it may have begun to write by the time that the others come."""
    if resume or not _first_process():
        return
    if folder.exists() and not folder.is_dir():
        raise InputError(f"'{folder}' is a file; give a folder for the run.")
    if any((folder / part).exists() for part in ("run.json", "states", "checkpoint")):
        raise InputError(f"'{folder}' holds a run already; add --resume to go on with it, or give another --out.")


def _show(progress: ProgressBars, now: TrainingProgress) -> None:
    data = f"data {now.waiting:.0%}" if now.losses else ""
    losses = "  ".join(f"{_shortened(name)} {value:.3g}" for name, value in now.losses.items())
    progress.show(f"{now.stage}: {now.unit}", now.done, now.total, data, below=losses)


def _shortened(name: str) -> str:
    """`content_reconstruction` as cont.reco: eight losses fit under a bar."""
    return ".".join(word[:4] for word in name.split("_"))


def list_recipes(as_json: bool) -> None:
    """What each recipe is, how many pairs it takes, at which size, and what it needs."""
    from posable.recipes import RECIPES

    rows = [_facts(name, inspect.getdoc(make) or "", make()) for name, make in RECIPES.items()]
    if as_json:
        report({"recipes": rows}, as_json)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("recipe", no_wrap=True)
    table.add_column("what it is")
    for heading in ("pairs", "size", "needs"):
        table.add_column(heading, justify="left" if heading == "needs" else "right", no_wrap=True)
    for row in rows:
        table.add_row(row["recipe"], row["what"], _counted(row["pairs"]), row["size"], row["needs"])
    Console().print(table)


def _facts(name: str, description: str, recipe: Recipe) -> dict[str, Any]:
    first = " ".join(description.split("\n\n")[0].split())
    return {
        "recipe": name,
        "family": recipe.family,
        "what": first.partition(". ")[0].rstrip("."),
        "pairs": sum(stage.pairs for stage in recipe.stages),
        "size": f"{recipe.config.height}x{recipe.config.width}",
        "needs": _needs(recipe),
    }


def _needs(recipe: Recipe) -> str:
    needs = [stage.data.needs for stage in recipe.stages]
    if any(one.corpus for one in needs):
        return "a corpus: --data"
    people = max((one.rendered_people for one in needs), default=0)
    return f"renders {people:,} people" if people else "nothing"


def _counted(pairs: int) -> str:
    return f"{pairs / 1e6:.1f} M" if pairs >= 1e6 else f"{pairs:,}"
