"""What pages of results are made of: the frame, small charts, pictures; no network, no scripts; light and dark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources

import numpy as np
from PIL import Image

from posable.data.doctor.html_charts import skeleton_svg
from posable.data.doctor.html_pictures import embedded
from posable.pose.pose import Pose
from posable.version import __version__

_WIDTH, _HEIGHT = 144, 30
_BINS = 24


def whole_page(title: str, parts: Iterable[str]) -> str:
    """The page as text, in the style of the data doctor's."""
    style = "".join(
        resources.files(package).joinpath(name).read_text(encoding="utf-8")
        for package, name in (("posable.data.doctor", "page.css"), ("posable.evaluation", "page.css"))
    )
    footer = f"<footer>Made by posable {escape(__version__)}. docs/evaluation.md says how to read it.</footer>"
    return (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; img-src data:; "
        "style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{style}</style></head>"
        f"<body><main>{''.join(parts)}{footer}</main></body></html>\n"
    )


def section(title: str, intro: str, *parts: str) -> str:
    """A heading, a sentence and what belongs to it; nothing when there are no parts."""
    body = "".join(parts)
    return f"<section><h2>{escape(title)}</h2><p>{escape(intro)}</p>{body}</section>" if body else ""


def histogram(values: Sequence[float], label: str) -> str:
    """How the values of the pairs spread, from the least to the greatest; empty without at least two values."""
    known = np.array([value for value in values if np.isfinite(value)])
    if len(known) < 2 or np.ptp(known) == 0:
        return ""
    counts, _ = np.histogram(known, bins=_BINS)
    width = _WIDTH / _BINS
    bars = "".join(
        f"<rect x='{i * width:.1f}' y='{_HEIGHT * (1 - count / counts.max()):.1f}' width='{width - 1:.1f}' "
        f"height='{_HEIGHT * count / counts.max():.1f}'/>"
        for i, count in enumerate(counts.tolist())
        if count
    )
    return (
        f"<svg class='histogram' viewBox='0 0 {_WIDTH} {_HEIGHT}' role='img' aria-label='{escape(label, quote=True)}' "
        f"preserveAspectRatio='none'>{bars}</svg>"
    )


def dot_with_interval(value: float, low: float | None, high: float | None, scale: tuple[float, float]) -> str:
    """A point on a line from the least to the greatest of `scale`, with its interval."""
    least, greatest = scale
    span = (greatest - least) or 1.0

    def place(number: float) -> float:
        return 6 + (_WIDTH - 12) * (number - least) / span

    middle = _HEIGHT / 2
    bar = ""
    if low is not None and high is not None:
        bar = f"<line x1='{place(low):.1f}' x2='{place(high):.1f}' y1='{middle}' y2='{middle}'/>"
    return (
        f"<svg class='dot' viewBox='0 0 {_WIDTH} {_HEIGHT}' aria-hidden='true'>"
        f"<line class='scale' x1='6' x2='{_WIDTH - 6}' y1='{middle}' y2='{middle}'/>"
        f"{bar}<circle cx='{place(value):.1f}' cy='{middle}' r='5.5'/></svg>"
    )


def picture(image: Image.Image, alternative: str, css: str = "") -> str:
    """One picture in a frame."""
    source = embedded(image, "JPEG")
    return f"<div class='stack {css}'><img src='{source}' alt='{escape(alternative, quote=True)}'></div>"


def skeleton(pose: Pose) -> str:
    """A pose on a dark ground, in its own frame."""
    height, width = pose.size
    return f"<div class='stack onblack' style='aspect-ratio:{width}/{height}'>{skeleton_svg(pose)}</div>"


def definition(rows: Iterable[tuple[str, str]]) -> str:
    """Names and what they are, as a list; rows without text are left out."""
    parts = [f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in rows if text]
    return f"<dl class='definition'>{''.join(parts)}</dl>"
