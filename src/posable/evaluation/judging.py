"""From pictures to numbers: each measure with its interval, its count and the reason for what is missing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from posable.batch import collate
from posable.evaluation.drawing import PictureFolder
from posable.evaluation.intervals import mean_over_people
from posable.evaluation.measures import MetricMaker
from posable.evaluation.pairs import EvaluationPairs
from posable.evaluation.protocol import EvaluationProtocol, Measure
from posable.imaging.size import Size
from posable.metrics.bootstrap import Interval
from posable.metrics.judged import JudgedPictures, Metric, MetricResult
from posable.parsing.schemes import ParsingLabels
from posable.pose.pose import PoseBatch
from posable.progress import StageProgressCallback

_WHITE = 255
_HALF = 127.5


@dataclass(frozen=True)
class Measured:
    """One measure of one model."""

    measure: Measure
    higher_is_better: bool
    value: float | None
    """None when it is absent."""
    low: float | None
    high: float | None
    """The ends of the 95 % bootstrap interval over people; None for distances between sets."""
    judged: int
    """Pairs that the value is of."""
    left_out: dict[str, int]
    """How many of the drawn pairs it is not of, by reason."""
    absent: str | None
    """Why there is no value, as one sentence."""
    settings: dict[str, Any]
    per_pair: tuple[float, ...] | None
    """One value for each drawn pair, in order; nan where there is none."""
    parts: dict[str, float]


@dataclass(frozen=True, eq=False)
class DrawnSet:
    """The pictures of one model, and the pairs that they are of."""

    pairs: EvaluationPairs
    folder: PictureFolder
    drawn: Sequence[int]
    """Indices of the pairs that have a picture."""
    scheme: ParsingLabels
    """Of predicted parsing maps: where it has fewer classes than LIP-20, the truth's are merged likewise."""


def judge(
    protocol: EvaluationProtocol,
    shown: DrawnSet,
    maker: MetricMaker,
    device: torch.device,
    batch_size: int,
    progress: StageProgressCallback,
) -> list[Measured]:
    """Every measure of the protocol, over the pairs that were drawn."""
    drawn = shown.drawn
    metrics = {measure.column: maker.make(measure) for measure in protocol.measures}
    fed = {measure.column: _fed(measure, len(drawn)) for measure in protocol.measures}
    for start in range(0, len(drawn), batch_size):
        chosen = drawn[start : start + batch_size]
        plain = _judged(shown, chosen).to(device)
        by_canvas = {False: plain}
        if protocol.white_canvas is not None:
            by_canvas[True] = on_canvas(plain, protocol.white_canvas)
        for measure in protocol.measures:
            count = min(len(chosen), fed[measure.column] - start)
            if count > 0:
                batch = by_canvas[measure.on_canvas]
                metrics[measure.column].update(batch if count == len(chosen) else _first(batch, count))
        progress("measure", start + len(chosen), len(drawn))
    people = [shown.pairs.people[index] for index in drawn]
    return [_measured(measure, metrics[measure.column], fed[measure.column], people) for measure in protocol.measures]


def _fed(measure: Measure, count: int) -> int:
    """How many pairs a measure is given: published scripts of sets of pictures leave out a last batch not full."""
    batch = measure.drop_partial_batch_of
    return count if batch is None else count // batch * batch


def _judged(shown: DrawnSet, chosen: Sequence[int]) -> JudgedPictures:
    truth = collate([shown.pairs[index] for index in chosen])
    drawn = [shown.folder.read(shown.pairs.names[index]) for index in chosen]
    return JudgedPictures(
        generated=torch.stack([one.image for one in drawn]),
        truth=_levels(truth.target_image),
        target_pose=truth.condition.target_pose,
        mask=truth.target_alpha,
        parsing=None if truth.target_parsing is None else _merged(truth.target_parsing, shown.scheme),
        predicted_mask=_stacked([one.mask for one in drawn]),
        predicted_parsing=_stacked([one.parsing for one in drawn]),
    )


def _levels(images: Tensor) -> Tensor:
    """True pictures were 8-bit levels before they became [-1, 1], so rounding gives these back."""
    return images.add(1).mul(_HALF).round().to(torch.uint8)


def _merged(parsing: Tensor, scheme: ParsingLabels) -> Tensor:
    """LIP-20 labels through a scheme and back: classes that it does not tell apart become one."""
    table = torch.tensor([scheme.to_lip[value] for value in scheme.from_lip], dtype=torch.uint8)
    return table[parsing.long()]


def _stacked(parts: Sequence[Tensor | None]) -> Tensor | None:
    present = [part for part in parts if part is not None]
    return torch.stack(present) if present and len(present) == len(parts) else None


def on_canvas(pictures: JudgedPictures, canvas: Size) -> JudgedPictures:
    """Both pictures in the middle of a white canvas, and all that belongs to them in its frame."""
    height, width = pictures.truth.shape[-2:]
    left, top = (canvas.width - width) // 2, (canvas.height - height) // 2
    margins = (left, canvas.width - width - left, top, canvas.height - height - top)

    def padded(part: Tensor | None, value: int) -> Tensor | None:
        return None if part is None else functional.pad(part, margins, value=value)

    poses = pictures.target_pose
    moved = PoseBatch(poses.keypoints + poses.keypoints.new_tensor([left, top]), poses.visible, canvas)
    return JudgedPictures(
        generated=functional.pad(pictures.generated, margins, value=_WHITE),
        truth=functional.pad(pictures.truth, margins, value=_WHITE),
        target_pose=moved,
        mask=padded(pictures.mask, 0),
        parsing=padded(pictures.parsing, 0),
        predicted_parsing=padded(pictures.predicted_parsing, 0),
        predicted_mask=padded(pictures.predicted_mask, 0),
    )


def _first(pictures: JudgedPictures, count: int) -> JudgedPictures:
    def cut(part: Tensor | None) -> Tensor | None:
        return None if part is None else part[:count]

    poses = pictures.target_pose
    return JudgedPictures(
        generated=pictures.generated[:count],
        truth=pictures.truth[:count],
        target_pose=PoseBatch(poses.keypoints[:count], poses.visible[:count], poses.size),
        mask=cut(pictures.mask),
        parsing=cut(pictures.parsing),
        predicted_parsing=cut(pictures.predicted_parsing),
        predicted_mask=cut(pictures.predicted_mask),
    )


def _measured(measure: Measure, metric: Metric, fed: int, people: Sequence[str]) -> Measured:
    result = metric.result()
    left_out: dict[str, int] = {}
    if fed < len(people):
        batch = measure.drop_partial_batch_of
        left_out[f"last batch of {batch} not full, left out as in the published script"] = len(people) - fed
    judged = fed - result.pairs_without_value
    if result.absent is not None:
        judged = 0
    elif result.pairs_without_value:
        left_out["no value for the pair"] = result.pairs_without_value
    interval = _interval(result, people[:fed])
    missing = (math.nan,) * (len(people) - fed)
    return Measured(
        measure=measure,
        higher_is_better=metric.higher_is_better,
        value=result.value,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        judged=judged,
        left_out=left_out,
        absent=result.absent,
        settings=dict(result.settings),
        per_pair=None if result.per_pair is None else (*result.per_pair, *missing),
        parts=dict(result.parts),
    )


def _interval(result: MetricResult, people: Sequence[str]) -> Interval | None:
    """None where the value is no mean of pairs, or no finite one."""
    if result.per_pair is None or result.value is None or not math.isfinite(result.value):
        return None
    interval = mean_over_people(result.per_pair, people, result.weights)
    return interval if math.isclose(interval.mean, result.value, rel_tol=1e-6, abs_tol=1e-9) else None
