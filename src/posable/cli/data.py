"""`posable data`: prepare corpora, export them, inspect them."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from posable.cli.inspect import inspect
from posable.cli.terminal import ProgressBars, report, tell

data_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Prepare, export and inspect corpora.")

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@data_app.command(epilog="A CORPUS is auto, or a name that 'posable data corpora' lists.")
def prepare(
    corpus: Annotated[str, typer.Argument(metavar="CORPUS", help="What RAW holds.", show_default=False)],
    raw: Annotated[Path, typer.Argument(metavar="RAW", help="Folder of the corpus.", show_default=False)],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write to.", show_default=False)],
    size: Annotated[
        str | None, typer.Option(metavar="HxW", help="Of the pictures; else the corpus's own.", show_default=False)
    ] = None,
    stretch: Annotated[bool, typer.Option("--stretch", help="Stretch to --size, not letterbox.")] = False,
    parsing: Annotated[str, typer.Option(metavar="NAME", help="Scheme of *SPL8 parsing maps.")] = "PISE-8",
    person: Annotated[
        str | None, typer.Option(metavar="REGEX", help="Who is in a photo, by its name.", show_default=False)
    ] = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", help="Processes; by default all cores.", min=1, show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """Check a corpus and write it in one layout, whatever its own.

    An interrupted run goes on where it stopped. What cannot be used is left
    out and reported, with exit code 1; docs/data.md describes every corpus.
    """
    from posable.data.corpora import read_corpus
    from posable.data.prepare import prepare_corpus
    from posable.imaging.size import Size
    from posable.parsing.schemes import labels_named

    with ProgressBars() as progress:
        index = read_corpus(
            raw,
            corpus,
            scheme=labels_named(parsing),
            person_pattern=person,
            size=Size.parse(size) if size else None,
            progress=lambda done, total: progress.show("reading", done, total),
        )
        done = prepare_corpus(
            index,
            out,
            Size.parse(size) if size else None,
            fit="stretch" if stretch else "letterbox",
            workers=workers or os.cpu_count() or 1,
            progress=lambda done, total: progress.show("pictures", done, total),
        )
    kinds = Counter(problem.kind for problem in done.problems)
    told_in = done.folder / "problems.jsonl"
    left_out = len(index.images) - done.images
    if left_out:
        tell(
            f"{left_out} of {len(index.images)} pictures are left out ('{told_in}' names them; mend them and run the "
            f"same command again); the first: {done.problems[len(index.problems)].detail}"
        )
    if kinds and not json:
        listed = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
        tell(f"{sum(kinds.values())} problems ({listed}); {told_in} names them.")
    result: dict[str, Any] = {"written": [str(done.folder)], "corpus": index.corpus, "images": done.images}
    result.update({f"{split}_pairs": count for split, count in done.pairs.items()})
    report({**result, "problems": sum(kinds.values())}, json)
    if left_out:
        raise typer.Exit(1)


@data_app.command()
def export(
    prepared: Annotated[Path, typer.Argument(metavar="PREPARED", help="A prepared corpus.", show_default=False)],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write to.", show_default=False)],
    layout: Annotated[str, typer.Option(metavar="NAME", help="patn, nted, lmdb or market.", show_default=False)],
    json: Json = False,
) -> None:
    """Write a prepared corpus as the code of a method reads it.

    patn: train/, test/, fasion-resize-*.csv, *.lst (PATN, DPTN). nted: img/,
    pose/, *_pairs.txt (NTED, PIDM); lmdb: the same, pictures in LMDB. market: train/, test/, market-*.csv.
    """
    from posable.data.export import export_corpus

    with ProgressBars() as progress:
        folder = export_corpus(prepared, out, layout, lambda done, total: progress.show("pictures", done, total))
    report({"written": [str(folder)]}, json)


@data_app.command()
def corpora(json: Json = False) -> None:
    """List the corpora whose layouts are known."""
    from posable.data.corpora import CORPORA

    report({"corpora": list(CORPORA)}, json)


data_app.command()(inspect)
