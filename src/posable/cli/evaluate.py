"""`posable evaluate` and `posable benchmark`: how good models are, under a named protocol."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from posable.cli.terminal import ProgressBars, check_outputs, report, tell
from posable.defaults import DEFAULT_MODEL

if TYPE_CHECKING:
    from posable.evaluation.benchmark import BenchmarkReport
    from posable.evaluation.protocol import EvaluationProtocol
    from posable.evaluation.report import EvaluationReport

Protocol = Annotated[str, typer.Option(metavar="NAME", help="people-1, dptn-2022, nted-2022 or market-1501.")]
Data = Annotated[str | None, typer.Option(metavar="DIR", help="A corpus; people-1 is drawn.", show_default=False)]
Pairs = Annotated[int | None, typer.Option(metavar="N", min=1, help="Only N of the pairs.", show_default=False)]
AtSize = Annotated[str | None, typer.Option(metavar="HxW", help="Another size than its own.", show_default=False)]
Html = Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page.", show_default=False)]
Workers = Annotated[int, typer.Option(metavar="N", min=1, help="Processes that draw people.")]
Device = Annotated[str | None, typer.Option(metavar="NAME", help="cuda, mps or cpu.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def evaluate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Shipped name or folder.", show_default=False)],
    protocol: Protocol = "people-1",
    data: Data = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write report.json.", show_default=False)
    ] = None,
    html: Html = None,
    pairs: Pairs = None,
    size: AtSize = None,
    save_pictures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep what is drawn.", show_default=False)
    ] = None,
    workers: Workers = 1,
    device: Device = None,
    json: Json = False,
) -> None:
    """Measure a model under a named protocol.

    MODEL is a shipped name, a model or run folder, or copy-source, part-warp or
    mean-picture. A stopped evaluation goes on when it is started again.
    """
    _check(out, html)
    from posable.evaluation.evaluate import Settings, evaluate_model
    from posable.evaluation.page import write_page
    from posable.evaluation.report import write_report
    from posable.transfer.pipeline import choose_device

    with ProgressBars() as progress:
        found, cases = evaluate_model(
            model,
            _protocol(protocol, pairs, size),
            data,
            pictures=save_pictures,
            settings=Settings(choose_device(device), workers=workers, progress=progress.show),
        )
    written = [str(path) for path in (out, html) if path is not None]
    if out is not None:
        write_report(found, out)
    if html is not None:
        write_page(found, cases, html)
    if json:
        report({**found.to_json(), "written": written}, True)
    else:
        _print(found)
        report({"written": written}, False)
    if not found.is_complete:
        tell(f"{len(found.counts.failed)} of {found.counts.asked} pairs could not be drawn; the report names them.")
        raise typer.Exit(1)


def benchmark(
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="MODEL...", help="Shipped names or folders.", show_default="puppet"),
    ] = None,
    protocol: Protocol = "people-1",
    data: Data = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write benchmark.json.", show_default=False)
    ] = None,
    html: Html = None,
    pairs: Pairs = None,
    size: AtSize = None,
    workers: Workers = 1,
    device: Device = None,
    json: Json = False,
) -> None:
    """Compare models and baselines: quality, parameters, FLOPs, seconds, memory.

    All draw the same pairs. --pairs 50 takes minutes; without it, hours.
    """
    _check(out, html)
    from posable.evaluation.benchmark import run_benchmark
    from posable.evaluation.benchmark_page import write_benchmark_page
    from posable.evaluation.evaluate import Settings
    from posable.evaluation.report import write_json
    from posable.transfer.pipeline import choose_device

    with ProgressBars() as progress:
        found = run_benchmark(
            models or [DEFAULT_MODEL],
            _protocol(protocol, pairs, size),
            data,
            Settings(choose_device(device), workers=workers, progress=progress.show),
        )
    written = [str(path) for path in (out, html) if path is not None]
    if out is not None:
        write_json(found.to_json(), out)
    if html is not None:
        write_benchmark_page(found, html)
    if json:
        report({**found.to_json(), "written": written}, True)
    else:
        _print_benchmark(found)
        report({"written": written}, False)
    incomplete = [row for row in found.rows if not row.report.is_complete]
    for row in incomplete:
        counts = row.report.counts
        tell(f"{len(counts.failed)} of {counts.asked} pairs could not be drawn with {row.name}; the report names them.")
    if incomplete:
        raise typer.Exit(1)


def _check(out: Path | None, html: Path | None) -> None:
    if out is not None:
        check_outputs([out], (".json",))
    if html is not None:
        check_outputs([html], (".html", ".htm"))


def _protocol(name: str, pairs: int | None, size: str | None) -> EvaluationProtocol:
    from posable.evaluation.protocol import protocol_named
    from posable.imaging.size import Size

    chosen = protocol_named(name)
    if size is not None:
        chosen = chosen.at_size(Size.parse(size))
    return chosen if pairs is None else chosen.with_pairs(pairs)


def _print(found: EvaluationReport) -> None:
    from rich.console import Console
    from rich.table import Table

    from posable.evaluation.formatting import absences, arrow, interval_of, name_of, value_of

    counts = found.counts
    typer.echo(f"{found.model.name} under {found.protocol.title} (protocol {found.protocol.hash})")
    table = Table(box=None, pad_edge=False)
    table.add_column("measure")
    for heading in ("mean", "95 % interval", "pairs"):
        table.add_column(heading, justify="right")
    for one in found.measured:
        if one.absent is not None:
            continue
        table.add_row(f"{name_of(one.measure)} {arrow(one)}", value_of(one), interval_of(one), f"{one.judged:,}")
    Console().print(table)
    for reason, names in absences(found.measured).items():
        typer.echo(f"absent: {'; '.join(names)}: {reason}")
    for one in found.measured:
        for reason, count in one.left_out.items():
            typer.echo(f"{name_of(one.measure)} is not of {count:,} drawn pairs: {reason}")
    typer.echo(f"asked {counts.asked:,} of {counts.listed:,} listed pairs, drawn {counts.drawn:,}")


def _print_benchmark(found: BenchmarkReport) -> None:
    from rich.console import Console
    from rich.table import Table

    from posable.evaluation.benchmark_page import COST_HEADINGS, cost_cells, disturbance, gain_sentences
    from posable.evaluation.formatting import absences_of_rows, arrow, name_of, omissions_of_rows, value_of

    first = found.rows[0].report
    typer.echo(f"{found.protocol.title} (protocol {found.protocol.hash}), {first.counts.asked:,} pairs")
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for row in found.rows:
        table.add_column(row.name, justify="right", overflow="fold")
    for one in first.measured:
        values = [row.report.measured_of(one.measure.column) for row in found.rows]
        cells = ["-" if value is None else value_of(value) for value in values]
        table.add_row(f"{name_of(one.measure)} {arrow(one)}", *cells)
    for place, heading in enumerate(COST_HEADINGS):
        table.add_row(heading, *(cost_cells(row.cost)[place] for row in found.rows))
    Console().print(table)
    for told in gain_sentences(found):
        typer.echo(told)
    for reason, names in absences_of_rows(found.measured_by_row).items():
        typer.echo(f"absent: {'; '.join(names)}: {reason}")
    for told in omissions_of_rows(found.measured_by_row):
        typer.echo(told)
    if note := disturbance(found):
        tell(note)
