"""A benchmark as one web page: every measure with its intervals, what a picture costs, and pictures side by side."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from posable.evaluation.benchmark import BenchmarkReport, Row, SharedCase, gains
from posable.evaluation.cases import PLACES, Place
from posable.evaluation.cost import Cost
from posable.evaluation.formatting import (
    absences_of_rows,
    arrow,
    interval_of,
    name_of,
    number,
    omissions_of_rows,
    value_of,
)
from posable.evaluation.judging import Measured
from posable.evaluation.page import quad
from posable.evaluation.page_parts import definition, dot_with_interval, picture, section, skeleton, whole_page
from posable.evaluation.report import write_text
from posable.metrics.bootstrap import Interval

_TITLES: dict[Place, str] = {
    "worst": "Worst for the models",
    "middling": "In the middle",
    "best": "Best for the models",
}


def write_benchmark_page(report: BenchmarkReport, path: str | os.PathLike[str]) -> Path:
    """Writes the page. Raises InputError when `path` cannot be written."""
    return write_text(benchmark_page(report), path)


def benchmark_page(report: BenchmarkReport) -> str:
    """The whole page as text."""
    title = f"{sum(not row.is_baseline for row in report.rows)} models under {report.protocol.title}"
    header = (
        f"<header><p class='eyebrow'>posable benchmark</p><h1>{escape(title)}</h1>"
        f"<code class='quiet'>protocol {report.protocol.hash}</code><br>{_verdict(report)}</header>"
    )
    parts = [header, _quality(report), _gains(report), _costs(report), *_side_by_side(report), *_own(report)]
    return whole_page(title, [*parts, _how(report)])


def _verdict(report: BenchmarkReport) -> str:
    gone = [(row.name, len(row.report.counts.failed)) for row in report.rows if row.report.counts.failed]
    if not gone:
        return f"<p class='verdict good'>✓ Everybody drew all {report.rows[0].report.counts.asked:,} asked pairs</p>"
    told = "; ".join(f"{name} lacks {count:,} pairs" for name, count in gone)
    return f"<p class='verdict bad'>✗ {escape(told)}</p>"


def best_of(measured: Sequence[Measured | None]) -> float | None:
    """The best value of a column; None when there is none."""
    values = [one.value for one in measured if one is not None and one.value is not None]
    if not values:
        return None
    higher = next(one for one in measured if one is not None).higher_is_better
    return max(values) if higher else min(values)


def _quality(report: BenchmarkReport) -> str:
    measured = report.rows[0].report.measured
    present = [one for one in measured if _anybody_has(report, one.measure.column)]
    cards = [_card(report, one.measure.column) for one in present]
    absent = absences_of_rows(report.measured_by_row)
    if absent:
        cards.append(_absent_card(absent))
    if omitted := omissions_of_rows(report.measured_by_row):
        told = "".join(f"<p>{escape(sentence)}</p>" for sentence in omitted)
        cards.append(f"<div class='chart'><h3>Not of every pair</h3>{told}</div>")
    intro = "Means with 95 % bootstrap intervals over people. The best value of each is green; baselines are grey."
    return section("Quality", intro, f"<div class='charts'>{''.join(cards)}</div>")


def _anybody_has(report: BenchmarkReport, column: str) -> bool:
    found = [row.report.measured_of(column) for row in report.rows]
    return any(one is not None and one.value is not None and math.isfinite(one.value) for one in found)


def _absent_card(absent: Mapping[str, Sequence[str]]) -> str:
    """What nobody or not everybody has, by the reason."""
    parts = [
        f"<p><strong>{escape('; '.join(names))}</strong><br>{escape(reason)}</p>" for reason, names in absent.items()
    ]
    return f"<div class='chart'><h3>Not measured</h3>{''.join(parts)}</div>"


def _card(report: BenchmarkReport, column: str) -> str:
    found = [row.report.measured_of(column) for row in report.rows]
    first = next(one for one in found if one is not None)
    present = [one for one in found if one is not None and one.value is not None and math.isfinite(one.value)]
    ends = [end for one in present for end in (one.value, one.low, one.high) if end is not None]
    best = best_of(found)
    lines = "".join(
        _line(row, one, (min(ends), max(ends)), best) for row, one in zip(report.rows, found, strict=True) if one
    )
    heading = f"{escape(name_of(first.measure))} {arrow(first)}"
    return f"<div class='chart'><h3>{heading}</h3><ul class='dots'>{lines}</ul></div>"


def _line(row: Row, one: Measured, scale: tuple[float, float], best: float | None) -> str:
    css = "baseline" if row.is_baseline else ""
    name = f"<span class='{css}'>{escape(row.name)}</span>"
    if one.value is None or not math.isfinite(one.value):
        told = escape(one.absent or "no finite value")
        return f"<li title='{escape(told, quote=True)}'>{name}<span></span><b class='quiet'>{value_of(one)}</b></li>"
    chart = dot_with_interval(one.value, one.low, one.high, scale)
    mark = "best" if one.value == best else ""
    return f"<li title='{interval_of(one)}'>{name}{chart}<b class='{mark}'>{value_of(one)}</b></li>"


def _gains(report: BenchmarkReport) -> str:
    models = [row for row in report.rows if not row.is_baseline]
    baselines = [row for row in report.rows if row.is_baseline]
    if not models or not baselines:
        return ""
    heads = "".join(f"<th>{escape(row.name)}</th>" for row in models)
    lines: list[str] = []
    for first in report.rows[0].report.measured:
        strongest = strongest_of(baselines, first.measure.column)
        if strongest is None:
            continue
        cells = "".join(_gain(row, strongest, first) for row in models)
        lines.append(
            f"<tr><th>{escape(name_of(first.measure))}<small>over {escape(strongest.name)}</small></th>{cells}</tr>"
        )
    table = (
        f"<div class='wide' tabindex='0'><table class='numbers'><thead><tr><th>Gain</th>{heads}</tr></thead>"
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )
    intro = (
        "On the same pairs, over the baseline that is strongest in each measure, with the interval of the paired "
        "difference. Positive is better."
    )
    return section("Better than doing nothing clever?", intro, table if lines else "")


def strongest_of(rows: Sequence[Row], column: str) -> Row | None:
    """The row with the best value of a measure of pairs; None when none has one."""
    by_row = [(row, row.report.measured_of(column)) for row in rows]
    known = [(row, one.value) for row, one in by_row if one is not None and one.value is not None and one.per_pair]
    if not known:
        return None
    measured = rows[0].report.measured_of(column)
    assert measured is not None
    return max(known, key=lambda pair: pair[1] if measured.higher_is_better else -pair[1])[0]


def verdict_of(gain: Interval) -> str:
    """What the interval of a paired difference says."""
    return "better" if gain.low > 0 else "worse" if gain.high < 0 else "no clear difference"


def gain_sentences(report: BenchmarkReport) -> list[str]:
    """By how much each model is better than the baseline that is strongest in the measure, on the same pairs."""
    baselines = [row for row in report.rows if row.is_baseline]
    told: list[str] = []
    for row in report.rows:
        for one in row.report.measured:
            strongest = strongest_of(baselines, one.measure.column) if baselines and not row.is_baseline else None
            gain = None if strongest is None else gains(row, strongest).get(one.measure.column)
            if strongest is None or gain is None or math.isnan(gain.mean):
                continue
            mean, low, high = (number(value, one.measure) for value in gain)
            sign = "+" if gain.mean > 0 else ""
            told.append(
                f"{row.name} over {strongest.name}, {name_of(one.measure)}: {sign}{mean} ({low} to {high}), "
                f"{verdict_of(gain)}"
            )
    return told


def _gain(row: Row, baseline: Row, first: Measured) -> str:
    interval = gains(row, baseline).get(first.measure.column)
    if interval is None or math.isnan(interval.mean):
        return "<td class='quiet'>none</td>"
    verdict = verdict_of(interval)
    css = {"better": "best", "worse": "worse"}.get(verdict, "quiet")
    low, high = number(interval.low, first.measure), number(interval.high, first.measure)
    sign = "+" if interval.mean > 0 else ""
    return (
        f"<td><span class='{css}'>{sign}{number(interval.mean, first.measure)}</span>"
        f"<small class='whole'>{verdict}<br>{low} to {high}</small></td>"
    )


def _costs(report: BenchmarkReport) -> str:
    rows = "".join(
        f"<tr class='{'baseline' if row.is_baseline else ''}'><th>{escape(row.name)}</th>"
        + "".join(f"<td>{escape(text)}</td>" for text in cost_cells(row.cost))
        + "</tr>"
        for row in report.rows
    )
    heads = "".join(f"<th>{escape(name)}</th>" for name in COST_HEADINGS)
    table = (
        f"<div class='wide' tabindex='0'><table class='numbers'><thead><tr><th>Model</th>{heads}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )
    run = report.rows[0].report.run
    intro = (
        f"One picture at a time in the model's own frame, on {run.device}, {run.threads} threads: medians after a "
        "warm-up. A further pose is drawn of a source that is encoded already."
    )
    return section("Cost", intro, f"<p class='warn'>{escape(note)}</p>" if (note := disturbance(report)) else "", table)


def disturbance(report: BenchmarkReport) -> str:
    """A sentence when other programs were busy while the rows were timed; else nothing."""
    loads = [row.cost.load_per_core or 0 for row in report.rows if row.cost.was_disturbed]
    if not loads:
        return ""
    return f"Other programs were busy meanwhile (up to {max(loads):.1f} for each core), so the times are too long."


COST_HEADINGS = (
    "frame",
    "parameters",
    "GFLOP picture",
    "GFLOP further pose",
    "ms picture",
    "ms further pose",
    "peak MB",
)


def cost_cells(cost: Cost) -> list[str]:
    """As tables show it, in the order of COST_HEADINGS; a dash where there is nothing."""
    whole = None if cost.gflops_source is None or cost.gflops_pose is None else cost.gflops_source + cost.gflops_pose
    return [
        cost.frame,
        f"{cost.parameters:,}" if cost.parameters else "-",
        "-" if whole is None else f"{whole:.2f}",
        "-" if cost.gflops_pose is None else f"{cost.gflops_pose:.2f}",
        f"{1000 * cost.seconds_picture:.1f}",
        f"{1000 * cost.seconds_pose:.1f}",
        "-" if cost.peak_megabytes is None else f"{cost.peak_megabytes:.0f}",
    ]


def _side_by_side(report: BenchmarkReport) -> list[str]:
    by = report.ranked_by
    if by is None:
        return []
    heads = ["source", "pose", "truth", *(row.name for row in report.rows)]
    head = "".join(f"<div class='head'>{escape(name)}</div>" for name in heads)
    parts: list[str] = []
    for place in PLACES:
        cases = [case for case in report.shared if case.place == place]
        rows = "".join(_strip_row(case, by) for case in cases)
        strip = f"<div class='wide' tabindex='0'><div class='strip'><div class='row'>{head}</div>{rows}</div></div>"
        intro = f"Side by side, chosen by the models' mean {name_of(by.measure)} {arrow(by)}; the value is under each."
        parts.append(section(_TITLES[place], intro, strip if cases else ""))
    return parts


def _strip_row(case: SharedCase, by: Measured) -> str:
    known = [value for value in case.values if math.isfinite(value)]
    best = (max if by.higher_is_better else min)(known) if known else None
    cells = [
        f"<div class='cell'>{picture(case.source, f'source {case.name.source}')}</div>",
        f"<div class='cell'>{skeleton(case.target_pose)}</div>",
        f"<div class='cell'>{picture(case.truth, f'truth {case.name.target}')}</div>",
    ]
    for image, value in zip(case.generated, case.values, strict=True):
        css = "cell best" if value == best else "cell"
        cells.append(
            f"<div class='{css}'>{picture(image, 'generated')}<small>{number(value, by.measure)}</small></div>"
        )
    return f"<div class='row'>{''.join(cells)}</div>"


def _own(report: BenchmarkReport) -> list[str]:
    """Each model's own best and worst pairs."""
    parts: list[str] = []
    for row in report.rows:
        by = report.ranked_by
        if row.is_baseline or by is None:
            continue
        quads = [quad(case, [by], case.place) for case in row.cases if case.place != "middling"]
        body = f"<div class='quads'>{''.join(quads)}</div>" if quads else ""
        parts.append(section(f"{row.name}: its own worst and best", "Source, target pose, truth, generated.", body))
    return parts


def _how(report: BenchmarkReport) -> str:
    first = report.rows[0].report
    rows = [
        ("Protocol", f"{report.protocol.title}, version {report.protocol.version}, hash {report.protocol.hash}"),
        ("Pairs", f"{first.counts.asked:,} of {first.counts.listed:,} ({first.pairs.corpus}, {first.pairs.split})"),
        ("List of pairs, SHA-256", first.pairs.list_sha256),
        *(
            (f"Weights of {row.name}, SHA-256", row.report.model.weights_sha256 or "")
            for row in report.rows
            if not row.is_baseline
        ),
        ("Device", f"{first.run.device}, {first.run.threads} threads"),
        (
            "Versions",
            ", ".join(f"{name} {v}" for name, v in {"posable": first.run.posable, **first.run.packages}.items()),
        ),
        ("Commit", first.run.commit or ""),
        ("Date", first.run.date),
    ]
    return section("How it was measured", "Every model drew the same pairs and met the same code.", definition(rows))
