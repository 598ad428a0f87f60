"""The inspection as one web page: no network, no scripts; light and dark; from 360 px wide."""

from __future__ import annotations

import os
from collections import Counter
from html import escape
from importlib import resources
from pathlib import Path

import numpy as np

from posable.data.doctor.html_charts import Bar, bars, places_svg, tiles
from posable.data.doctor.html_pictures import keypoints_outside, pair_cards, sample_cards, stack
from posable.data.doctor.report import Comparison, Finding, Report
from posable.data.doctor.textures import DTD
from posable.errors import InputError
from posable.files import write_atomically
from posable.parsing.schemes import palette
from posable.pose.pose import OPENPOSE_18
from posable.pose.svg import hex_color, keypoint_color
from posable.version import __version__

_SAMPLES = 12
_PAIRS_OF_A_SPLIT = 3
_MAX_POSES = 600
_PICTURED_CASES = 3
# Kinds whose pictures say more than their names, and those of which two belong side by side.
_PICTURED = {"wrong-size", "no-visible-keypoint", "empty-parsing"}
_COMPARED = {"blank-image", "duplicate-picture", "identity-leak", "near-duplicate", "pair-of-two-people"}


def write_page(report: Report, path: str | os.PathLike[str], examples: int = 5) -> Path:
    """Writes the page, with up to `examples` problems of each kind. Raises InputError when `path` cannot be written."""
    target = Path(path)
    text = page(report, examples)
    with write_atomically(target) as temporary:
        try:
            temporary.write_text(text, encoding="utf-8")
        except OSError as error:
            raise InputError(
                f"cannot write '{target}' ({error.strerror}); make room, or choose another place."
            ) from None
    return target


def page(report: Report, examples: int) -> str:
    """The whole page as text."""
    style = resources.files("posable.data.doctor").joinpath("page.css").read_text(encoding="utf-8")
    wrong = [finding for finding in report.findings if not finding.is_note]
    notes = [finding for finding in report.findings if finding.is_note]
    title = f"{report.index.corpus}: {report.index.root.resolve().name}"
    parts = [
        f"<header><p class='eyebrow'>posable data inspect</p><h1>{escape(title)}</h1>"
        f"<code class='quiet'>{escape(str(report.index.root))}</code><br>{_verdict(wrong)}</header>",
        _tiles(report),
        _findings("What is wrong", wrong, report, examples),
        _findings("Worth knowing", notes, report, examples),
        _contents(report),
        _samples(report),
        _pairs(report),
        f"<footer>Made by posable {escape(__version__)}. Sample pictures are embedded: the licence of the corpus "
        "says who may see this page.</footer>",
    ]
    return (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; img-src data:; "
        "style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{style}</style></head><body><main>{''.join(parts)}</main></body></html>\n"
    )


def _verdict(wrong: list[Finding]) -> str:
    if not wrong:
        return "<p class='verdict good'>✓ Nothing is wrong</p>"
    cases = sum(len(finding.problems) for finding in wrong)
    kinds = "kind" if len(wrong) == 1 else "kinds"
    return (
        f"<p class='verdict bad'>✗ {len(wrong)} {kinds} of problems, {cases:,} {'case' if cases == 1 else 'cases'}</p>"
    )


def _tiles(report: Report) -> str:
    splits = report.splits
    images = list(report.index.images.values())
    sizes = Counter(str(facts.size) for facts in report.facts.values() if facts.size is not None)
    common = sizes.most_common(1)[0] if sizes else ("none", 0)

    def by_split(what: str) -> str:
        return ", ".join(f"{split}\N{NO-BREAK SPACE}{getattr(counts, what):,}" for split, counts in splits.items())

    def share(count: int) -> str:
        return f"{100 * count / len(images):.0f} %" if images else "none"

    values = [
        ("Pictures", f"{len(images):,}", by_split("images")),
        (report.people_are.capitalize(), f"{len({image.person for image in images}):,}", by_split("people")),
    ]
    if report.index.corpus != DTD:
        labels = report.index.parsing_labels
        with_keypoints = sum(image.keypoints is not None for image in images)
        with_parsing = sum(image.parsing is not None for image in images)
        values += [
            ("Pairs", f"{sum(counts.pairs for counts in splits.values()):,}", by_split("pairs")),
            ("With keypoints", share(with_keypoints), "of the pictures"),
            ("With parsing", share(with_parsing), labels.name if labels else "no label scheme"),
        ]
    return tiles([*values, ("Picture size", common[0], f"{share(common[1])} of them; height x width")])


def _findings(title: str, findings: list[Finding], report: Report, examples: int) -> str:
    if not findings:
        return ""
    parts: list[str] = []
    for finding in findings:
        cases = [_case(finding, place, report) for place in range(min(examples, len(finding.problems)))]
        if len(finding.problems) > examples:
            cases.append(f"<li class='more'>and {len(finding.problems) - examples:,} more</li>")
        parts.append(
            f"<details class='finding{' note' if finding.is_note else ''}'{'' if finding.is_note else ' open'}>"
            f"<summary><strong>{escape(finding.title)}</strong><span>{escape(finding.advice)}</span>"
            f"<b>{len(finding.problems):,}</b></summary><ul class='cases'>{''.join(cases)}</ul></details>"
        )
    return f"<section><h2>{title}</h2>{''.join(parts)}</section>"


def _case(finding: Finding, place: int, report: Report) -> str:
    problem = finding.problems[place]
    shown: list[str] = []
    if place < _PICTURED_CASES:
        images = report.index.images
        others = problem.others if isinstance(problem, Comparison) else ()
        names = [name for name in (problem.name, *others) if name in images]
        if finding.kind in _COMPARED:
            shown = [stack(images[name], report.index, overlays=False) for name in names[:3]]
        elif finding.kind == "keypoints-outside-frame":
            shown = [keypoints_outside(images[name]) for name in names[:1]]
        elif finding.kind in _PICTURED:
            shown = [stack(images[name], report.index) for name in names[:1]]
    evidence = f"<div class='evidence'>{''.join(shown)}</div>" if shown else ""
    return (
        f"<li><span class='told'><span class='name'>{escape(problem.name)}</span>"
        f"<span class='detail'>{escape(problem.detail[:1].upper() + problem.detail[1:])}</span></span>{evidence}</li>"
    )


def _contents(report: Report) -> str:
    charts = [_keypoint_chart(report), _places_chart(report), _parsing_chart(report), _people_chart(report)]
    return f"<section><h2>What is in it</h2><div class='charts'>{''.join(charts)}</div></section>"


def _chart(title: str, body: str) -> str:
    return f"<div class='chart'><h3>{title}</h3>{body}</div>"


def _keypoint_chart(report: Report) -> str:
    poses = [image.keypoints for image in report.index.images.values() if image.keypoints is not None]
    if not poses:
        return ""
    shares = np.mean([pose.visible for pose in poses], axis=0).tolist()
    chart = [
        Bar(name.replace("_", " "), share, f"{100 * share:.0f} %", keypoint_color(index))
        for index, (name, share) in enumerate(zip(OPENPOSE_18.keypoints, shares, strict=True))
    ]
    return _chart("Pictures that show the keypoint", bars(chart))


def _places_chart(report: Report) -> str:
    poses = [image.keypoints for image in report.index.images.values() if image.keypoints is not None]
    step = max(1, len(poses) // _MAX_POSES)
    return _chart("Where the keypoints are", places_svg(poses[::step])) if poses else ""


def _parsing_chart(report: Report) -> str:
    labels = report.index.parsing_labels
    maps = [facts.labels for facts in report.facts.values() if facts.labels]
    if labels is None or not maps:
        return ""
    colors = palette(labels)
    chart: list[Bar] = []
    for label, name in enumerate(labels.classes):
        share = sum(label in counts for counts in maps) / len(maps)
        chart.append(Bar(name, share, f"{100 * share:.0f} %", hex_color([channel / 255 for channel in colors[label]])))
    return _chart(f"Parsing maps that have the class ({escape(labels.name)})", bars(chart))


def _people_chart(report: Report) -> str:
    per_person = Counter(image.person for image in report.index.images.values())
    if not per_person:
        return ""
    often = Counter(min(count, 10) for count in per_person.values())
    most = max(often.values())
    chart = [
        Bar(
            "10 or more" if count == 10 else f"{count} picture{'s' if count > 1 else ''}",
            often[count] / most,
            f"{often[count]:,}",
            "var(--accent)",
        )
        for count in range(min(often), max(often) + 1)
    ]
    return _chart(f"{report.people_are.capitalize()} by number of pictures", bars(chart))


def _samples(report: Report) -> str:
    images = report.index.images.values()
    layers = [("picture", "Picture")]
    sides = ""
    if any(image.keypoints is not None for image in images):
        layers.append(("skeleton", "Skeleton"))
        sides = " The person's right side is drawn in warm colours."
    if any(image.parsing is not None for image in images):
        layers.append(("parsing", "Parsing"))
    boxes = "".join(f"<label><input type='checkbox' id='show-{slug}' checked>{name}</label>" for slug, name in layers)
    switches = f"<fieldset class='switches'><legend>Show</legend>{boxes}</fieldset>" if len(layers) > 1 else ""
    return (
        f"<section><h2>Samples</h2><p class='quiet'>One picture each of up to {_SAMPLES} {report.people_are}, spread "
        f"over the corpus.{sides}</p>"
        f"{switches}{sample_cards(report.index, report.facts, _SAMPLES)}</section>"
    )


def _pairs(report: Report) -> str:
    cards = pair_cards(report.index, report.facts, _PAIRS_OF_A_SPLIT)
    return f"<section><h2>Pairs</h2><p class='quiet'>Source and target.</p><br>{cards}</section>" if cards else ""
