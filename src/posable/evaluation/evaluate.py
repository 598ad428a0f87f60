"""`evaluate_model`: draws the pairs of a protocol with a model, measures the pictures, and reports."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from posable.errors import InputError
from posable.evaluation.cases import Case, pick_cases
from posable.evaluation.drawing import PictureFolder, draw_pairs
from posable.evaluation.environment import environment_of
from posable.evaluation.evaluated_model import EvaluatedModel, load_model
from posable.evaluation.judging import DrawnSet, judge
from posable.evaluation.measures import MetricMaker
from posable.evaluation.network_size import draws_directly
from posable.evaluation.pairs import EvaluationPairs, open_pairs
from posable.evaluation.protocol import EvaluationProtocol
from posable.evaluation.reference import TrainingReference
from posable.evaluation.report import Counts, EvaluationReport, ModelAbout
from posable.files import cache_folder
from posable.progress import StageProgressCallback, silent

_CASES_OF_A_KIND = 4


@dataclass(frozen=True, eq=False)
class Settings:
    """How an evaluation is run; nothing here moves a number, beyond what a device rounds differently."""

    device: torch.device
    batch_size: int = 8
    workers: int = 1
    """Processes that draw people."""
    progress: StageProgressCallback = silent


def evaluate_model(
    model: str,
    protocol: EvaluationProtocol,
    data: str | None = None,
    *,
    pictures: Path | None = None,
    settings: Settings | None = None,
) -> tuple[EvaluationReport, list[Case]]:
    """The report of a shipped model, a model or run folder, or a baseline, and the pairs to show with it.

    `pictures` is the folder for what is drawn; one that holds pictures of the same model and protocol already is gone
    on with. Without it they lie in the cache folder until the report is made. Raises CheckpointError, InputError and
    ConfigError before anything is drawn.
    """
    settings = settings or Settings(torch.device("cpu"))
    pairs = open_pairs(protocol, data, cache_folder())
    loaded = load_model(model, protocol.size, settings.device, settings.workers, settings.progress)
    check_parsing(loaded, pairs)
    folder = picture_folder(loaded, pairs, protocol, pictures)
    maker = metric_maker(pairs, protocol, settings)
    report = evaluate_loaded(loaded, pairs, protocol, folder, maker, settings)
    cases = pick_cases(report, pairs, folder, _CASES_OF_A_KIND)
    if pictures is None:
        folder.remove()
    return report, cases


def evaluate_loaded(
    model: EvaluatedModel,
    pairs: EvaluationPairs,
    protocol: EvaluationProtocol,
    folder: PictureFolder,
    maker: MetricMaker,
    settings: Settings,
) -> EvaluationReport:
    """`evaluate_model` for what is open already; the pictures stay in the folder.

    One `maker` may serve several models: they share its networks, and what a detector has found.
    """
    device, progress = settings.device, settings.progress
    started = time.perf_counter()
    pairs.prepare(settings.workers, progress)
    prepared = time.perf_counter()
    failures = draw_pairs(model, pairs, folder, device, settings.batch_size, progress)
    drawn_at = time.perf_counter()
    drawn = [index for index in range(len(pairs.names)) if index not in failures]
    shown = DrawnSet(pairs, folder, drawn, model.parsing_labels)
    measured = judge(protocol, shown, maker, device, settings.batch_size, progress)
    seconds = {
        "preparing": round(prepared - started, 2),
        "drawing": round(drawn_at - prepared, 2),
        "measuring": round(time.perf_counter() - drawn_at, 2),
    }
    about = pairs.about
    asked, left_out = len(pairs.names), sum(about.left_out.values())
    failed = [(pairs.names[index], reason) for index, reason in sorted(failures.items())]
    told = tuple((name.source, name.target, reason) for name, reason in failed)
    return EvaluationReport(
        protocol=protocol,
        model=_about(model, protocol),
        pairs=about,
        reference=_reference(protocol, maker.reference, pairs),
        counts=Counts(about.listed, about.left_out, about.listed - left_out - asked, asked, len(drawn), told),
        measured=tuple(measured),
        run=environment_of(device, seconds),
        drawn=tuple(drawn),
        names=tuple(pairs.names[index] for index in drawn),
        people=tuple(pairs.people[index] for index in drawn),
    )


def metric_maker(pairs: EvaluationPairs, protocol: EvaluationProtocol, settings: Settings) -> MetricMaker:
    """What makes the metrics of the protocol on these pairs."""
    return MetricMaker(
        TrainingReference(pairs, protocol.size, cache_folder(), settings.device, settings.batch_size, settings.progress)
    )


def picture_folder(
    model: EvaluatedModel, pairs: EvaluationPairs, protocol: EvaluationProtocol, chosen: Path | None = None
) -> PictureFolder:
    """The folder that was chosen, or one in the cache for this model, protocol and list alone: an evaluation that was
    stopped finds what it has drawn."""
    if chosen is None:
        text = "/".join(map(str, (model.name, *identity_of(model).values(), protocol.hash, pairs.about.list_sha256)))
        chosen = cache_folder() / "evaluations" / hashlib.sha256(text.encode()).hexdigest()[:16]
    return PictureFolder(chosen, protocol, identity_of(model))


def identity_of(model: EvaluatedModel) -> dict[str, str | None]:
    """What tells its pictures from those of another model."""
    return {"model": model.name if model.generator is None else model.family, "weights": model.weights_sha256}


def _reference(
    protocol: EvaluationProtocol, training: TrainingReference, pairs: EvaluationPairs
) -> dict[str, Any] | None:
    """The true pictures that sets of generated ones are compared with; None when the protocol compares no sets."""
    of_sets = [measure for measure in protocol.measures if measure.reference is not None]
    if not of_sets:
        return None
    if of_sets[0].reference == "train":
        return training.about(of_sets[0].drop_partial_batch_of)
    return {"set": "true pictures of the judged pairs", "list_sha256": pairs.about.list_sha256}


def check_parsing(model: EvaluatedModel, pairs: EvaluationPairs) -> None:
    """Raises InputError when the model needs parsing maps and the pairs have none."""
    if model.needs_parsing and not pairs.has_parsing:
        raise InputError(
            f"{model.name} ({model.family}) needs the parsing map of each source, and this {pairs.about.corpus} has "
            "not one for every picture; add the maps (docs/data.md says where), or evaluate on people-1."
        )


def _about(model: EvaluatedModel, protocol: EvaluationProtocol) -> ModelAbout:
    directly = model.generator is None or draws_directly(model.generator, protocol.size)
    return ModelAbout(
        name=model.name,
        family=model.family,
        parameters=model.parameters,
        frame=None if model.frame is None else str(model.frame),
        drawn_through="as they are" if directly else f"letterbox, {protocol.model_resize_kernel}",
        weights_sha256=model.weights_sha256,
        config_sha256=model.config_sha256,
        trained=model.trained,
    )
