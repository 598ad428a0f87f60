"""`posable people make`: synthetic people, some of one's own choice or a whole benchmark."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from posable.cli.terminal import progress_bar, report
from posable.errors import ConfigError

people_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Make synthetic people.")


@people_app.command("make")
def make_people(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write to.", show_default=False)],
    people: Annotated[
        int | None, typer.Option(metavar="N", help="How many people; by default 10.", min=1, show_default=False)
    ] = None,
    views: Annotated[
        int | None, typer.Option(metavar="N", help="Pictures of each; by default 4.", min=1, show_default=False)
    ] = None,
    size: Annotated[str, typer.Option(metavar="HxW", help="Height x width, px.")] = "256x176",
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Of the first person; else 2000.", min=0, show_default=False)
    ] = None,
    benchmark: Annotated[
        str | None, typer.Option(metavar="NAME", help="people-1: make that data set.", show_default=False)
    ] = None,
    split: Annotated[
        str | None, typer.Option(metavar="NAME", help="Its train, val, test, or all.", show_default=False)
    ] = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", help="Processes; by default all cores.", min=1, show_default=False)
    ] = None,
    correspondence: Annotated[bool, typer.Option("--correspondence", help="Write pixel matches too.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Render synthetic people with all their labels into a folder.

    Seeds below 1000 are the test people, 1000-1999 validation, the rest
    training. A run that was interrupted goes on where it stopped, and a
    folder can be extended. With --benchmark people-1, --size is 256x176,
    512x352 or market, and --people takes the first N of each split.
    """
    from posable.imaging.size import Size
    from posable.people import PEOPLE_1, make_benchmark, make_dataset

    processes = workers or os.cpu_count() or 1
    if benchmark is None and split is not None:
        raise ConfigError("--split chooses a part of a benchmark; add --benchmark people-1.")
    if benchmark is not None and (views is not None or seed is not None):
        raise ConfigError(f"{benchmark} fixes people and views; leave out --views and --seed.")
    with progress_bar("people") as progress:
        if benchmark is not None:
            chosen = split or "all"
            folder = make_benchmark(
                benchmark,
                out,
                chosen,
                size,
                processes,
                correspondence=correspondence,
                people=people,
                progress=progress,
            )
            splits = PEOPLE_1.splits if chosen == "all" else [chosen]
            pictures = PEOPLE_1.views * sum(len(PEOPLE_1.seeds(name)[:people]) for name in splits)
        else:
            people, views = people or 10, views or 4
            folder = make_dataset(
                out,
                people,
                views,
                Size.parse(size),
                2000 if seed is None else seed,
                processes,
                correspondence=correspondence,
                progress=progress,
            )
            pictures = people * views
    report({"written": [str(folder)], "pictures": pictures}, json)
