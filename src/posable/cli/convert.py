"""`posable convert`: the published weights of other systems as a model folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from posable.cli.terminal import report


def convert(
    family: Annotated[str, typer.Argument(metavar="FAMILY", help="dptn, nted, gfla or pise.", show_default=False)],
    checkpoint: Annotated[
        Path, typer.Argument(metavar="CHECKPOINT", help="The authors' file (.pth or .pt).", show_default=False)
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="New model folder to write.", show_default=False)
    ],
    setting: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="fashion, market, 256x176 or 512x352; else found out.", show_default=False),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Make a model folder of weights that a paper's authors published.

    The file is read safely and must fit to the last entry. The published
    weights are for non-commercial use, and the folder's card says so.
    """
    from posable.zoo.convert import convert_checkpoint, write_converted

    converted = convert_checkpoint(family, checkpoint, setting)
    folder = write_converted(converted, out)
    report(
        {
            "written": [str(folder)],
            "family": family,
            "setting": converted.setting,
            "entry": converted.card["provenance"]["entry"],
            "parameters": sum(parameter.numel() for parameter in converted.generator.parameters()),
            "licence": converted.card["licence"],
        },
        json,
    )
