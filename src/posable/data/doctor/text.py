"""The inspection as tables on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from posable.data.doctor.report import Report

_SPLIT_COLUMNS = (
    ("pictures", "images"),
    ("people", "people"),
    ("pairs", "pairs"),
    ("with keypoints", "with_keypoints"),
    ("with parsing", "with_parsing"),
)


def print_report(report: Report, console: Console, examples: int = 5) -> None:
    """Counts by split, then every kind of problem with its first few names."""
    labels = report.index.parsing_labels
    scheme = f", parsing {labels.name}" if labels else ""
    size = f", pictures of {report.index.size}" if min(report.index.size) > 1 else ""
    console.print(f"[bold]{report.index.corpus}[/]{size}{scheme}", highlight=False)
    console.print(_split_table(report))
    for finding in report.findings:
        mark, style = ("note", "yellow") if finding.is_note else ("wrong", "bold red")
        count = f"{len(finding.problems):,}"
        console.print(f"[{style}]{mark}[/] [bold]{finding.title}: {count}[/] ({finding.kind})", highlight=False)
        console.print(f"  {finding.advice}", style="dim", highlight=False, soft_wrap=True)
        for problem in finding.problems[:examples]:
            told = f"  - [cyan]{escape(problem.name)}[/]: {escape(problem.detail)}"
            console.print(told, highlight=False, soft_wrap=True)
        if len(finding.problems) > examples:
            console.print(f"  ... and {len(finding.problems) - examples:,} more", style="dim", highlight=False)
    console.print(_verdict(report), highlight=False)


def _split_table(report: Report) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("")
    for title, name in _SPLIT_COLUMNS:
        table.add_column(report.people_are if name == "people" else title, justify="right")
    for split, counts in report.splits.items():
        table.add_row(split, *(f"{getattr(counts, name):,}" for _, name in _SPLIT_COLUMNS))
    return table


def _verdict(report: Report) -> str:
    wrong = [finding for finding in report.findings if not finding.is_note]
    if not wrong:
        return "[bold green]Nothing is wrong.[/]"
    cases = sum(len(finding.problems) for finding in wrong)
    kinds = "1 kind" if len(wrong) == 1 else f"{len(wrong)} kinds"
    return f"[bold red]{cases:,} problem{'s' if cases != 1 else ''} of {kinds}.[/]"
