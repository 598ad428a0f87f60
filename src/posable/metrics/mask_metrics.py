"""How well the model knows where the person, and each garment, is: mask IoU and parsing IoU."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from posable.metrics.judged import JudgedPictures, MetricResult, PerPairMetric
from posable.metrics.mask_iou import mask_iou
from posable.metrics.region import NO_MASK, PERSON
from posable.parsing.schemes import LIP_20, ParsingLabels

_NO_PREDICTED_MASK = "the model gives no mask beside its picture."
_NO_PREDICTED_PARSING = "the model gives no parsing map beside its picture."
_NO_PARSING = "the true pictures have no parsing maps; use data that has them, as people-1 has."


def mask_iou_metric() -> PerPairMetric:
    """Shared over joint area of the mask that the model gives and the true one, both cut at half; 1 is best.

    Two empty masks agree: 1.
    """

    def measure(pictures: JudgedPictures) -> Tensor | str:
        if pictures.predicted_mask is None:
            return _NO_PREDICTED_MASK
        if pictures.mask is None:
            return NO_MASK
        return mask_iou(pictures.predicted_mask > PERSON, pictures.mask > PERSON)

    return PerPairMetric("mask_iou", measure, {"threshold": PERSON}, higher_is_better=True)


class ParsingIou:
    """Mean intersection over union of the predicted parsing map's classes with the true one's; 1 is best.

    The value is of the whole set: areas are added up over all pairs, then the mean is taken over the classes that
    occur in truth or prediction, background included; its parts are those classes. A pair's own number is the mean
    over the classes of that pair.
    """

    name = "parsing_iou"
    higher_is_better = True

    def __init__(self, scheme: ParsingLabels = LIP_20) -> None:
        self._scheme = scheme
        self._shared = torch.zeros(len(scheme), dtype=torch.int64)
        self._joint = torch.zeros(len(scheme), dtype=torch.int64)
        self._per_pair: list[float] = []
        self._why_missing: str | None = None
        self._measured = False

    def update(self, pictures: JudgedPictures) -> None:
        truth, predicted = pictures.parsing, pictures.predicted_parsing
        if truth is None or predicted is None:
            self._why_missing = _NO_PREDICTED_PARSING if predicted is None else _NO_PARSING
            self._per_pair += [math.nan] * len(pictures)
            return
        self._measured = True
        shared, joint = class_areas(predicted, truth, len(self._scheme))
        self._shared += shared.sum(dim=0).cpu()
        self._joint += joint.sum(dim=0).cpu()
        iou = torch.where(joint > 0, shared / joint, torch.nan)
        self._per_pair += iou.nanmean(dim=1).tolist()

    def result(self) -> MetricResult:
        settings = {"labels": self._scheme.name, "mean_over": "classes that occur, background included"}
        if not self._measured:
            return MetricResult.missing(self._why_missing or "no pictures were given.", settings)
        iou = self._shared.double() / self._joint.double()
        parts = dict(zip(self._scheme.classes, iou.tolist(), strict=True))
        return MetricResult(float(iou.nanmean()), tuple(self._per_pair), None, settings, parts=parts)


def class_areas(labels: Tensor, others: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Pixels that both, and that at least one, of two batches of label maps (n, h, w) give to a class: (n, classes).

    Labels lie below `classes`, which is 181 at most.
    """
    # How often each pair of classes meets in one picture; 16 bits hold a pair, and are several times as fast as 64.
    met = torch.stack(
        [
            torch.bincount((a.to(torch.int16) * classes + b).flatten(), minlength=classes**2)
            for a, b in zip(labels, others, strict=True)
        ]
    ).view(-1, classes, classes)
    shared = met.diagonal(dim1=1, dim2=2)
    return shared, met.sum(dim=1) + met.sum(dim=2) - shared
