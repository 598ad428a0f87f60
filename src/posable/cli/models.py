"""`posable models`: what there is to choose from."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from posable.cli.terminal import report

_NOTES = """\
Params: learned parameters in millions (M). Sizes: height x width in pixels.
Own edits: what the network itself does; garment, texture, parse and explain
work with every model. Needs: posable finds what is not given.
Code: what the family was written from - its authors' published code, the
paper's text, or an abstract alone.
Weights of the families other than weave: train your own (posable train), or
take the authors' (posable convert dptn, gfla, nted or pise)."""


def models(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="FOLDER", help="List the model folders in here too.", show_default=False),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """List the model families and the models at hand.

    Shows each family's size, what it needs and can do, and the licence of the
    weights that its authors published.
    """
    from posable.zoo.catalogue import families, models_in, shipped

    known, at_hand = families(), [*shipped(), *(models_in(folder) if folder is not None else [])]
    if json:
        report({"families": [one.to_json() for one in known], "models": [one.to_json() for one in at_hand]}, True)
        return
    _print_table(
        "families",
        ("family", "system", "params", "sizes", "needs", "own edits", "code"),
        [
            (
                one.family,
                one.system,
                _millions(one.parameters),
                "\n".join(one.sizes),
                "\n".join(one.needs),
                "\n".join(one.edits) or "-",
                one.code,
            )
            for one in known
        ],
    )
    _print_table(
        "models at hand (give the name as --model)",
        ("name", "family", "params", "size", "licence"),
        [(one.name, one.family, _millions(one.parameters), one.size, one.licence) for one in at_hand],
    )
    _print_table(
        "licence of the published weights",
        ("family", "licence"),
        [(one.family, one.licence) for one in known if one.code != "ours"],
    )
    typer.echo(_NOTES)


def _millions(parameters: int) -> str:
    return f"{parameters / 1e6:.1f} M"


def _print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    table = Table(
        title=title, title_justify="left", title_style="bold", header_style="bold", box=SIMPLE_HEAD, padding=(0, 1)
    )
    for name in columns:
        table.add_column(name, justify="right" if name == "params" else "left", overflow="fold")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    Console(file=sys.stdout, highlight=False).print(table)
