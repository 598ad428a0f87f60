"""What an evaluation tells: a value that becomes report.json; docs/evaluation.md describes the file."""

from __future__ import annotations

import json
import math
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from posable.errors import InputError
from posable.evaluation.environment import Environment
from posable.evaluation.judging import Measured
from posable.evaluation.notebook import report_html
from posable.evaluation.pairs import PairName, PairsAbout
from posable.evaluation.protocol import EvaluationProtocol
from posable.files import write_atomically

FORMAT, VERSION = "posable-evaluation", 1
_DIGITS = 6


@dataclass(frozen=True)
class ModelAbout:
    """Whose pictures were judged."""

    name: str
    family: str
    parameters: int
    frame: str | None
    """The size that the network draws in; None for baselines."""
    drawn_through: str
    """How pictures come to that frame and back: "as they are", or the kernel."""
    weights_sha256: str | None
    config_sha256: str | None
    trained: dict[str, Any]


@dataclass(frozen=True)
class Counts:
    """Nothing is dropped in silence: listed = left_out + not_asked + asked; asked = drawn + failed."""

    listed: int
    left_out: dict[str, int]
    not_asked: int
    asked: int
    drawn: int
    failed: tuple[tuple[str, str, str], ...]
    """Source, target and the reason, of each asked pair without a picture."""


@dataclass(frozen=True)
class EvaluationReport:
    """One model under one protocol."""

    protocol: EvaluationProtocol
    model: ModelAbout
    pairs: PairsAbout
    reference: dict[str, Any] | None
    """The set of true pictures that sets of pictures are compared with: name, pictures, hash of the list."""
    counts: Counts
    measured: tuple[Measured, ...]
    run: Environment
    drawn: tuple[int, ...]
    """Which of the asked pairs were drawn; `names`, `people` and `Measured.per_pair` are about these."""
    names: tuple[PairName, ...]
    people: tuple[str, ...]

    def measured_of(self, column: str) -> Measured | None:
        return next((one for one in self.measured if one.measure.column == column), None)

    @property
    def is_complete(self) -> bool:
        """Whether every asked pair was drawn."""
        return self.counts.drawn == self.counts.asked

    def _repr_html_(self) -> str:
        """The table of measures, as Jupyter shows it."""
        return report_html(self)

    def to_json(self) -> dict[str, Any]:
        """Plain values. NaN becomes null, an infinite one the text "inf"."""
        protocol = {**asdict(self.protocol), "title": self.protocol.title, "hash": self.protocol.hash}
        per_pair = {
            one.measure.column: [plain(value) for value in one.per_pair]
            for one in self.measured
            if one.per_pair is not None and one.absent is None
        }
        return {
            "format": FORMAT,
            "version": VERSION,
            "protocol": protocol,
            "model": asdict(self.model),
            "pairs": asdict(self.pairs),
            "reference": self.reference,
            "counts": asdict(self.counts),
            "measures": {one.measure.column: _measure_json(one) for one in self.measured},
            "run": asdict(self.run),
            "per_pair": {
                "names": [list(name) for name in self.names],
                "people": list(self.people),
                "values": per_pair,
            },
        }


def _measure_json(one: Measured) -> dict[str, Any]:
    return {
        "metric": one.measure.metric,
        "region": one.measure.region,
        "higher_is_better": one.higher_is_better,
        "value": None if one.value is None else plain(one.value),
        "low": None if one.low is None else plain(one.low),
        "high": None if one.high is None else plain(one.high),
        "judged": one.judged,
        "left_out": one.left_out,
        "absent": one.absent,
        "settings": one.settings,
        "parts": {name: plain(value) for name, value in one.parts.items()},
    }


def plain(value: float) -> float | str | None:
    """As JSON can hold it."""
    if math.isnan(value):
        return None
    return round(value, _DIGITS) if math.isfinite(value) else "inf" if value > 0 else "-inf"


def write_report(report: EvaluationReport, path: str | os.PathLike[str]) -> Path:
    """Writes report.json, whole or not at all. Raises InputError when `path` cannot be written."""
    return write_json(report.to_json(), path)


def write_json(what: dict[str, Any], path: str | os.PathLike[str]) -> Path:
    """Indented, lists of plain values on one line. Raises InputError when `path` cannot be written."""
    return write_text(on_one_line(json.dumps(what, indent=1, allow_nan=False)) + "\n", path)


def write_text(text: str, path: str | os.PathLike[str]) -> Path:
    """Writes the file, whole or not at all. Raises InputError when `path` cannot be written."""
    target = Path(path)
    with write_atomically(target) as temporary:
        try:
            temporary.write_text(text, encoding="utf-8")
        except OSError as error:
            raise InputError(f"cannot write '{target}' ({error.strerror}); make room, or choose another.") from None
    return target


def on_one_line(text: str) -> str:
    """Indented JSON with the innermost lists on one line each: it stays readable."""
    return re.sub(r"\[[^\[\]{}]*\]", lambda values: re.sub(r"\s+", " ", values[0]), text)
