"""A report as one web page: numbers with their intervals, the best and worst pairs, and how it was measured."""

from __future__ import annotations

import os
from collections.abc import Sequence
from html import escape
from pathlib import Path

from posable.data.doctor.html_charts import tiles
from posable.evaluation.cases import PLACES, Case, ranking
from posable.evaluation.formatting import about_of, absences, arrow, interval_of, name_of, number, value_of
from posable.evaluation.judging import Measured
from posable.evaluation.page_parts import definition, histogram, picture, section, skeleton, whole_page
from posable.evaluation.report import EvaluationReport, write_text

_TILES = 6
_TITLES = {"best": "Best pairs", "middling": "Pairs of the middle", "worst": "Worst pairs"}


def write_page(report: EvaluationReport, cases: Sequence[Case], path: str | os.PathLike[str]) -> Path:
    """Writes the page. Raises InputError when `path` cannot be written."""
    return write_text(page(report, cases), path)


def page(report: EvaluationReport, cases: Sequence[Case]) -> str:
    """The whole page as text."""
    title = f"{report.model.name} under {report.protocol.title}"
    header = (
        f"<header><p class='eyebrow'>posable evaluate</p><h1>{escape(title)}</h1>"
        f"<code class='quiet'>protocol {report.protocol.hash}</code><br>{_verdict(report)}</header>"
    )
    return whole_page(
        title, [header, _tiles(report), _numbers(report), *_galleries(report, cases), _counts(report), _how(report)]
    )


def _verdict(report: EvaluationReport) -> str:
    counts = report.counts
    if report.is_complete:
        return f"<p class='verdict good'>✓ All {counts.asked:,} asked pairs were drawn</p>"
    return f"<p class='verdict bad'>✗ {len(counts.failed):,} of {counts.asked:,} asked pairs were not drawn</p>"


def _tiles(report: EvaluationReport) -> str:
    present = {one.measure.metric: one for one in reversed(report.measured) if one.value is not None}
    return tiles(
        (f"{name_of(one.measure)} {arrow(one)}", value_of(one), interval_of(one) or f"of {one.judged:,} pairs")
        for one in [one for one in report.measured if present.get(one.measure.metric) is one][:_TILES]
    )


def _numbers(report: EvaluationReport) -> str:
    rows = "".join(_row(one) for one in report.measured if one.absent is None)
    table = (
        "<div class='wide' tabindex='0'><table class='numbers'><thead><tr><th>Measure</th><th>Mean</th>"
        "<th>95 % interval</th><th>Pairs</th><th>Spread over pairs</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )
    intro = "↑ higher is better, ↓ lower. Intervals are bootstrapped over people, as pairs of one person are alike."
    absent = absences(report.measured)
    told = definition(("; ".join(names), reason) for reason, names in absent.items()) if absent else ""
    return section("Numbers", intro, table) + section("Not measured", "Nothing stands in for these.", told)


def _row(one: Measured) -> str:
    name = f"<th>{escape(name_of(one.measure))} {arrow(one)}<small>{escape(about_of(one.measure))}</small></th>"
    note = "".join(f"<small>{count:,} not: {escape(reason)}</small>" for reason, count in one.left_out.items())
    spread = histogram(one.per_pair or (), f"Spread of {name_of(one.measure)} over the pairs")
    return (
        f"<tr>{name}<td class='value'>{value_of(one)}</td><td>{interval_of(one)}</td>"
        f"<td>{one.judged:,}{note}</td><td>{spread}</td></tr>"
    )


def _galleries(report: EvaluationReport, cases: Sequence[Case]) -> list[str]:
    by = ranking(report.measured)
    if by is None:
        return []
    alike = [one for one in report.measured if one.per_pair and one.measure.region == by.measure.region]
    columns = [by, *(one for one in alike if one is not by and one.absent is None)][:3]
    parts: list[str] = []
    for place in PLACES:
        quads = "".join(quad(case, columns) for case in cases if case.place == place)
        body = f"<div class='quads'>{quads}</div>" if quads else ""
        intro = f"By {name_of(by.measure)}. Source, target pose, truth and, framed, what the model drew."
        parts.append(section(_TITLES[place], intro, body))
    return parts


def quad(case: Case, columns: Sequence[Measured], word: str = "") -> str:
    """Source, target pose, truth and generated picture of a pair, with its values and perhaps a word before them."""
    values = " · ".join(
        f"{name_of(one.measure)} {number(case.values[one.measure.column], one.measure)}" for one in columns
    )
    values = f"{word}: {values}" if word else values
    name = f"{case.name.source} → {case.name.target}"
    pictures = (
        picture(case.source, f"source {case.name.source}"),
        skeleton(case.target_pose),
        picture(case.truth, f"truth {case.name.target}"),
        picture(case.generated, "generated", "generated"),
    )
    return (
        f"<figure><div class='quad'>{''.join(pictures)}</div><figcaption><span class='name'>{escape(name)}</span>"
        f"<small>{escape(values)}</small></figcaption></figure>"
    )


def _counts(report: EvaluationReport) -> str:
    counts = report.counts
    rows = [
        ("Pairs in the list", f"{counts.listed:,} ({report.pairs.corpus}, split {report.pairs.split})"),
        *((f"Left out: {reason}", f"{count:,}") for reason, count in counts.left_out.items()),
        ("Not asked for", f"{counts.not_asked:,}" if counts.not_asked else ""),
        ("Asked for", f"{counts.asked:,}"),
        ("Drawn", f"{counts.drawn:,}"),
        *((f"Not drawn: {source} → {target}", reason) for source, target, reason in counts.failed),
    ]
    return section("What was counted", "Nothing is left out in silence.", definition(rows))


def _how(report: EvaluationReport) -> str:
    protocol, model, run = report.protocol, report.model, report.run
    reference = report.reference
    weights = model.weights_sha256 or "none (baseline)"
    saved = "PNG" if protocol.file_format == "png" else f"JPEG of quality {protocol.jpeg_quality}"
    rows = [
        ("Protocol", f"{protocol.title}, version {protocol.version}, hash {protocol.hash}"),
        ("Size", f"{protocol.size} px, height x width"),
        ("Corpus to that size", f"{protocol.resize_kernel}, {protocol.fit}; untouched where it has the size"),
        ("Model's own frame", f"{model.frame}; pictures go in and out {model.drawn_through}" if model.frame else ""),
        ("Between drawing and measuring", f"8 bits, rounded to {_rounding(protocol.rounding)}, saved as {saved}"),
        ("White canvas", f"{protocol.white_canvas}, for the measures that say so" if protocol.white_canvas else ""),
        ("List of pairs, SHA-256", report.pairs.list_sha256),
        ("Reference set", "; ".join(f"{key}: {value}" for key, value in reference.items()) if reference else ""),
        ("Model", f"{model.name}, family {model.family}, {model.parameters:,} parameters"),
        ("Weights, SHA-256", weights),
        ("Config, SHA-256", model.config_sha256 or ""),
        ("Trained by", str(model.trained.get("recipe", ""))),
        ("Device", f"{run.device}, {run.threads} threads"),
        ("Seconds", ", ".join(f"{what} {seconds:g}" for what, seconds in run.seconds.items())),
        ("Versions", ", ".join(f"{name} {found}" for name, found in {"posable": run.posable, **run.packages}.items())),
        ("Commit", run.commit or ""),
        ("Date", run.date),
    ]
    return section(
        "How it was measured", "Two reports compare when protocol hash and list are equal.", definition(rows)
    )


def _rounding(rounding: str) -> str:
    return "the nearest level" if rounding == "nearest" else "the level below, as the published scripts do"
