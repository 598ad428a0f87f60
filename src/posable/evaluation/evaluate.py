"""`evaluate_model`: draws the pairs of a protocol with a model, measures the pictures, and reports."""

from __future__ import annotations

import hashlib
import shutil
import time
from pathlib import Path

import torch

from posable.errors import InputError
from posable.evaluation.cases import Case, pick_cases
from posable.evaluation.circumstances import circumstances
from posable.evaluation.contestants import Contestant, contestant
from posable.evaluation.drawing import PictureFolder, draw_pairs
from posable.evaluation.judging import judge
from posable.evaluation.network_size import draws_directly
from posable.evaluation.pairs import EvaluationPairs, open_pairs
from posable.evaluation.progress import Progress, silent
from posable.evaluation.protocol import EvaluationProtocol
from posable.evaluation.report import Counts, EvaluationReport, ModelAbout
from posable.files import cache_folder

_CASES_OF_A_KIND = 4


def evaluate_model(
    model: str,
    protocol: EvaluationProtocol,
    data: str | None = None,
    *,
    pictures: Path | None = None,
    device: torch.device | None = None,
    batch_size: int = 8,
    workers: int = 1,
    progress: Progress = silent,
) -> tuple[EvaluationReport, list[Case]]:
    """The report of a shipped model, a model or run folder, or a naive answer, and the pairs to show with it.

    `pictures` is the folder for what is drawn; one that holds pictures of the same model and protocol already is gone
    on with. Without it they lie in the cache folder until the report is made. Raises CheckpointError, InputError and
    ConfigError before anything is drawn.
    """
    device = device or torch.device("cpu")
    pairs = open_pairs(protocol, data, cache_folder())
    one = contestant(model, protocol.size, device)
    return evaluate_contestant(
        one, pairs, protocol, pictures, device=device, batch_size=batch_size, workers=workers, progress=progress
    )


def evaluate_contestant(
    one: Contestant,
    pairs: EvaluationPairs,
    protocol: EvaluationProtocol,
    pictures: Path | None,
    *,
    device: torch.device,
    batch_size: int = 8,
    workers: int = 1,
    progress: Progress = silent,
) -> tuple[EvaluationReport, list[Case]]:
    """`evaluate_model` for what is open already."""
    check_parsing(one, pairs)
    kept = pictures is not None
    place = pictures or _unfinished(one, protocol, pairs)
    folder = PictureFolder(place, protocol, identity_of(one))
    seconds = {"preparing": time.perf_counter()}
    pairs.prepare(workers, progress)
    seconds["drawing"] = time.perf_counter()
    failures = draw_pairs(one, pairs, folder, device, batch_size, progress)
    seconds["measuring"] = time.perf_counter()
    drawn = [index for index in range(len(pairs.names)) if index not in failures]
    measured = judge(
        protocol, pairs, folder, drawn, one.parsing_labels, device=device, batch_size=batch_size, progress=progress
    )
    seconds = _spent(seconds, time.perf_counter())
    about = pairs.about
    asked, left_out = len(pairs.names), sum(about.left_out.values())
    failed = [(pairs.names[index], reason) for index, reason in sorted(failures.items())]
    told = tuple((name.source, name.target, reason) for name, reason in failed)
    report = EvaluationReport(
        protocol=protocol,
        model=_about(one, protocol),
        pairs=about,
        reference=None,
        counts=Counts(about.listed, about.left_out, about.listed - left_out - asked, asked, len(drawn), told),
        measured=tuple(measured),
        run=circumstances(device, seconds),
        names=tuple(pairs.names[index] for index in drawn),
    )
    cases = pick_cases(measured, pairs, folder, drawn, _CASES_OF_A_KIND)
    if not kept:
        shutil.rmtree(place)
    return report, cases


def identity_of(one: Contestant) -> dict[str, str | None]:
    """What tells its pictures from those of another model."""
    return {"model": one.name if one.generator is None else one.family, "weights": one.weights_sha256}


def check_parsing(one: Contestant, pairs: EvaluationPairs) -> None:
    """Raises InputError when the model needs parsing maps and the pairs have none."""
    if one.needs_parsing and not pairs.has_parsing:
        raise InputError(
            f"{one.name} ({one.family}) needs the parsing map of each source, and this {pairs.about.corpus} has "
            "not one for every picture; add the maps (docs/data.md says where), or evaluate on people-1."
        )


def _unfinished(one: Contestant, protocol: EvaluationProtocol, pairs: EvaluationPairs) -> Path:
    """A folder of its own for each model, protocol and list, so that a stopped evaluation goes on."""
    text = "/".join(map(str, (one.name, *identity_of(one).values(), protocol.hash, pairs.about.list_sha256)))
    return cache_folder() / "evaluations" / hashlib.sha256(text.encode()).hexdigest()[:16]


def _about(one: Contestant, protocol: EvaluationProtocol) -> ModelAbout:
    directly = one.generator is None or draws_directly(one.generator, protocol.size)
    return ModelAbout(
        name=one.name,
        family=one.family,
        parameters=one.parameters,
        frame=None if one.frame is None else str(one.frame),
        drawn_through="as they are" if directly else f"letterbox, {protocol.model_resize_kernel}",
        weights_sha256=one.weights_sha256,
        config_sha256=one.config_sha256,
        trained=one.trained,
    )


def _spent(starts: dict[str, float], end: float) -> dict[str, float]:
    ends = [*list(starts.values())[1:], end]
    return {what: round(stop - start, 2) for (what, start), stop in zip(starts.items(), ends, strict=True)}
