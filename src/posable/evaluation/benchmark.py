"""Several models and the baselines under one protocol: quality, cost, and which is better beyond chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from PIL import Image

from posable.batch import collate
from posable.errors import InputError
from posable.evaluation.cases import Case, Place, chosen, generated_picture, pick_cases, ranking, shown_pair
from posable.evaluation.cost import Cost, cost_of
from posable.evaluation.drawing import PictureFolder
from posable.evaluation.evaluate import Settings, check_parsing, evaluate_loaded, metric_maker, picture_folder
from posable.evaluation.evaluated_model import BASELINES, load_model
from posable.evaluation.intervals import mean_over_people
from posable.evaluation.judging import Measured
from posable.evaluation.notebook import benchmark_html
from posable.evaluation.pairs import EvaluationPairs, PairName, open_pairs
from posable.evaluation.protocol import EvaluationProtocol
from posable.evaluation.report import EvaluationReport, plain
from posable.files import cache_folder
from posable.metrics.bootstrap import Interval
from posable.pose.pose import Pose

FORMAT, VERSION = "posable-benchmark", 1
_SHARED_CASES = 4
_OWN_CASES = 2


@dataclass(frozen=True)
class Row:
    """One model or baseline, with what was measured of it."""

    report: EvaluationReport
    cost: Cost
    cases: tuple[Case, ...]
    """Its own best, middling and worst pairs."""

    @property
    def name(self) -> str:
        return self.report.model.name

    @property
    def is_baseline(self) -> bool:
        return self.report.model.family == "baseline"


@dataclass(frozen=True)
class SharedCase:
    """One pair as every model drew it."""

    place: Place
    name: PairName
    source: Image.Image
    target_pose: Pose
    truth: Image.Image
    generated: tuple[Image.Image, ...]
    """In the order of the rows."""
    values: tuple[float, ...]
    """Of the measure that pairs are ranked by, in the order of the rows; nan where there is none."""


@dataclass(frozen=True)
class BenchmarkReport:
    """All rows under one protocol, learned models first."""

    protocol: EvaluationProtocol
    rows: tuple[Row, ...]
    shared: tuple[SharedCase, ...]

    def _repr_html_(self) -> str:
        """A column of measures for each model, as Jupyter shows it."""
        return benchmark_html(self)

    def to_json(self) -> dict[str, Any]:
        """Plain values: each row's evaluation and cost, and by how much each model is better than each other row."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "protocol": {"title": self.protocol.title, "hash": self.protocol.hash},
            "rows": [{"evaluation": row.report.to_json(), "cost": asdict(row.cost)} for row in self.rows],
            "gains": [
                {"of": a.name, "over": b.name, "measures": {c: [plain(v) for v in i] for c, i in gains(a, b).items()}}
                for a in self.rows
                for b in self.rows
                if a is not b and not a.is_baseline
            ],
        }

    @property
    def measured_by_row(self) -> dict[str, tuple[Measured, ...]]:
        return {row.name: row.report.measured for row in self.rows}

    @property
    def ranked_by(self) -> Measured | None:
        """The measure by which pairs are called best and worst."""
        return ranking(self.rows[0].report.measured)


def run_benchmark(
    models: Sequence[str],
    protocol: EvaluationProtocol,
    data: str | None = None,
    settings: Settings | None = None,
) -> BenchmarkReport:
    """Evaluates the models and then the baselines, all on the same pairs, and times them one after the other.

    Raises what `evaluate_model` raises, and InputError when a model is named twice.
    """
    settings = settings or Settings(torch.device("cpu"))
    names = [*models, *(baseline for baseline in BASELINES if baseline not in models)]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"'{name}' is given twice; give each model once.")
    pairs = open_pairs(protocol, data, cache_folder())
    loaded = [load_model(name, protocol.size, settings.device, settings.workers, settings.progress) for name in names]
    for model in loaded:
        check_parsing(model, pairs)
    folders = [picture_folder(model, pairs, protocol) for model in loaded]
    maker = metric_maker(pairs, protocol, settings)
    reports = [
        evaluate_loaded(model, pairs, protocol, folder, maker, settings)
        for model, folder in zip(loaded, folders, strict=True)
    ]
    cases = [
        tuple(pick_cases(report, pairs, folder, _OWN_CASES)) for report, folder in zip(reports, folders, strict=True)
    ]
    shared = _shared_cases(reports, pairs, folders)
    drawn = sorted(set().union(*(report.drawn for report in reports)))
    if not drawn:
        _, _, reason = reports[0].counts.failed[0]
        raise InputError(f"none of the {len(pairs.names)} pairs could be drawn; the first one: {reason}")
    condition = collate([pairs[drawn[0]]]).condition.to(settings.device)
    costs: list[Cost] = []
    for model in loaded:
        costs.append(cost_of(model, condition))
        settings.progress("time", len(costs), len(loaded))
    for folder in folders:
        folder.remove()
    rows = [Row(report, cost, own) for report, cost, own in zip(reports, costs, cases, strict=True)]
    return BenchmarkReport(protocol, tuple(rows), tuple(shared))


def gains(one: Row, other: Row) -> dict[str, Interval]:
    """By how much `one` is better than `other` on the pairs that both drew, by column; positive is better."""
    found: dict[str, Interval] = {}
    for measured in one.report.measured:
        others = other.report.measured_of(measured.measure.column)
        if measured.per_pair is None or others is None or others.per_pair is None or measured.absent or others.absent:
            continue
        sign = 1.0 if measured.higher_is_better else -1.0
        of_other = dict(zip(other.report.names, others.per_pair, strict=True))
        differences = [
            sign * (value - of_other.get(name, math.nan))
            for name, value in zip(one.report.names, measured.per_pair, strict=True)
        ]
        found[measured.measure.column] = mean_over_people(differences, one.report.people)
    return found


def _shared_cases(
    reports: Sequence[EvaluationReport], pairs: EvaluationPairs, folders: Sequence[PictureFolder]
) -> list[SharedCase]:
    """The best, middling and worst pairs by the mean over the learned models, of the pairs that all drew."""
    by = ranking(reports[0].measured)
    if by is None:
        return []
    column = by.measure.column
    values = np.full((len(reports), len(pairs.names)), np.nan)
    for row, report in enumerate(reports):
        measured = report.measured_of(column)
        if measured is not None and measured.per_pair is not None:
            values[row, list(report.drawn)] = measured.per_pair
    learned = [row for row, report in enumerate(reports) if report.model.family != "baseline"] or list(
        range(len(reports))
    )
    by_all = set.intersection(*(set(report.drawn) for report in reports))
    mean = values[learned].mean(axis=0)
    mean[[index for index in range(len(mean)) if index not in by_all]] = np.nan
    places = chosen(replace(by, per_pair=tuple(mean.tolist())), _SHARED_CASES)
    return [
        SharedCase(
            place,
            *shown_pair(pairs, index),
            tuple(generated_picture(pairs, folder, index) for folder in folders),
            tuple(values[:, index].tolist()),
        )
        for place, indices in places.items()
        for index in indices
    ]
