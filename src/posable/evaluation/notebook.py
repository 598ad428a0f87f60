"""Reports as small tables of HTML, which is how Jupyter shows them; the page that `--html` writes tells more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from posable.evaluation.formatting import absences, absences_of_rows, arrow, interval_of, name_of, value_of

if TYPE_CHECKING:
    from posable.evaluation.benchmark import BenchmarkReport
    from posable.evaluation.report import EvaluationReport


def report_html(report: EvaluationReport) -> str:
    """Each measure with mean, interval and number of pairs; then what is absent, and why."""
    rows = [
        (f"{name_of(one.measure)} {arrow(one)}", value_of(one), interval_of(one), f"{one.judged:,}")
        for one in report.measured
        if one.absent is None
    ]
    counts = report.counts
    return "".join(
        [
            f"<p><b>{escape(report.model.name)}</b> under {escape(report.protocol.title)} "
            f"(protocol <code>{report.protocol.hash}</code>): asked {counts.asked:,} of {counts.listed:,} listed "
            f"pairs, drawn {counts.drawn:,}</p>",
            _table(("measure", "mean", "95 % interval", "pairs"), rows),
            *_told(absences(report.measured)),
        ]
    )


def benchmark_html(report: BenchmarkReport) -> str:
    """Each measure with the value of each model; then what is absent, and why."""
    first = report.rows[0].report
    rows: list[list[str]] = []
    for one in first.measured:
        if one.absent is None:
            values = [row.report.measured_of(one.measure.column) for row in report.rows]
            cells = ["-" if value is None else value_of(value) for value in values]
            rows.append([f"{name_of(one.measure)} {arrow(one)}", *cells])
    return "".join(
        [
            f"<p>{escape(report.protocol.title)} (protocol <code>{report.protocol.hash}</code>), "
            f"{first.counts.asked:,} pairs</p>",
            _table(("measure", *(row.name for row in report.rows)), rows),
            *_told(absences_of_rows(report.measured_by_row)),
        ]
    )


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The first column to the left, numbers to the right."""

    def cells(tag: str, texts: Sequence[str]) -> str:
        sides = ["left", *["right"] * (len(texts) - 1)]
        shown = zip(sides, texts, strict=True)
        inner = "".join(f"<{tag} style='text-align:{side}'>{escape(text)}</{tag}>" for side, text in shown)
        return f"<tr>{inner}</tr>"

    body = "".join(cells("td", row) for row in rows)
    return f"<table><thead>{cells('th', headings)}</thead><tbody>{body}</tbody></table>"


def _told(absent: Mapping[str, Sequence[str]]) -> list[str]:
    return [
        f"<p><small>absent: {escape('; '.join(names))}: {escape(reason)}</small></p>"
        for reason, names in absent.items()
    ]
