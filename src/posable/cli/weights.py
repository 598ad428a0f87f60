"""`posable weights`: published networks that no package ships; listed, and fetched when asked."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated, Any

import typer

from posable.cli.terminal import progress_bar, report
from posable.progress import ProgressCallback

_MEGABYTE = 1_000_000

weights_app = typer.Typer(
    no_args_is_help=True, help="List and fetch published weights that metrics and losses need.", rich_markup_mode=None
)
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@weights_app.command("list")
def list_weights(json: Json = False) -> None:
    """Say which weights are on this machine; nothing is fetched.

    Looked for in the folder that POSABLE_WEIGHTS_DIR names, then where torch.hub keeps downloads.
    """
    from posable.nn.pretrained.published_weights import PUBLISHED, find_weights, sha256_of

    rows: list[dict[str, Any]] = []
    for name, wanted in PUBLISHED.items():
        path = find_weights(name)
        # The hash of a file by another of its published names is in that name.
        prefix = wanted.sha256_prefix if path is None or path.name == wanted.file else path.stem[-8:]
        intact = None if path is None else sha256_of(path).startswith(prefix)
        rows.append(
            {
                "name": name,
                "file": wanted.file,
                "megabytes": wanted.megabytes,
                "licence": wanted.licence,
                "use": wanted.use,
                "path": None if path is None else str(path),
                "intact": intact,
            }
        )
    if json:
        typer.echo(json_module.dumps({"weights": rows}))
        return
    for row in rows:
        place = row["path"] if row["intact"] else "absent" if row["path"] is None else f"DAMAGED: {row['path']}"
        typer.echo(f"{row['name']:<14} {row['megabytes']:>4} MB  for {row['use']}\n{'':<14} {place}")
    if any(row["path"] is None for row in rows):
        typer.echo("\nFetch one with: posable weights fetch NAME")


@weights_app.command("fetch")
def fetch(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="Which: see 'posable weights list'.", show_default=False)
    ],
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="A mirror of the one file; file:// too.", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """Download weights from where their authors publish them, and check their hash."""
    from posable.errors import ConfigError
    from posable.nn.pretrained.published_weights import fetch_weights, published

    if url is not None and len(names) != 1:
        raise ConfigError(f"--url is the address of one file, but {len(names)} names are given; give one name.")
    wanted = [published(name) for name in names]
    paths: list[Path] = []
    for file in wanted:
        with progress_bar(f"{file.file} (MB)") as show:

            def tell(done: int, in_all: int, show: ProgressCallback = show, megabytes: int = file.megabytes) -> None:
                show(done // _MEGABYTE, in_all // _MEGABYTE or megabytes)

            paths.append(fetch_weights(file.name, url, tell))
    report({"written": [str(path) for path in paths]}, json)
