"""`posable data inspect`: the data doctor's report as text, JSON or a page."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated

import typer

from posable.cli.terminal import ProgressBars, check_outputs
from posable.errors import InputError


def inspect(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A corpus in any known layout.", show_default=False)],
    corpus: Annotated[str, typer.Option(metavar="NAME", help="Its layout; else recognised.")] = "auto",
    parsing: Annotated[str, typer.Option(metavar="NAME", help="Scheme of *SPL8 parsing maps.")] = "PISE-8",
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write a page.", show_default=False)] = None,
    accept: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND", help="Call this kind of problem a note; may repeat.", show_default=False),
    ] = None,
    examples: Annotated[int, typer.Option(metavar="N", help="Names to show of each kind.", min=0)] = 5,
    workers: Annotated[
        int | None, typer.Option(metavar="N", help="Processes; else one a core, up to 8.", min=1, show_default=False)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Say what is wrong with a corpus; nothing in it is changed.

    Exit code 0: nothing is wrong; 1: something is; 2: nothing to inspect.
    """
    from rich.console import Console

    from posable.data.doctor.html import write_page
    from posable.data.doctor.inspect import inspect_corpus
    from posable.data.doctor.kinds import KINDS
    from posable.data.doctor.text import print_report
    from posable.parsing.schemes import labels_named

    accepted = accept or []
    unknown = sorted(set(accepted) - set(KINDS))
    if unknown:
        raise InputError(f"there is no kind of problem '{unknown[0]}'; the kinds are {', '.join(KINDS)}.")
    if html is not None:
        check_outputs([html], (".html", ".htm"))
    with ProgressBars() as bars:
        report = inspect_corpus(
            folder, corpus, bars.show, scheme=labels_named(parsing), accepted=accepted, workers=workers
        )
    if html is not None:
        write_page(report, html, examples)
    if json:
        written = {"written": [str(html)]} if html is not None else {}
        typer.echo(json_module.dumps({**report.as_dict(examples), **written}))
    else:
        print_report(report, Console(), examples)
        if html is not None:
            typer.echo(f"written: {html}")
    if not report.healthy:
        raise typer.Exit(1)
