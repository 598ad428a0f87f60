"""Which pairs a report shows as pictures: the best, some of the middle and the worst, by one measure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from posable.evaluation.drawing import PictureFolder
from posable.evaluation.judging import Measured
from posable.evaluation.pairs import EvaluationPairs, PairName
from posable.evaluation.report import EvaluationReport
from posable.imaging.image import png_bytes, to_pil
from posable.pose.drawing import draw_skeleton
from posable.pose.pose import Pose
from posable.transfer.sheet import titled_sheet

Place = Literal["best", "middling", "worst"]
PLACES: tuple[Place, ...] = ("worst", "middling", "best")
_PREFERRED = ("pd_in_mask", "lpips", "ssim_in_mask", "pd", "ssim")
"""Columns to rank by, the first that has values."""


@dataclass(frozen=True)
class Case:
    """One pair as it is shown."""

    place: Place
    name: PairName
    source: Image.Image
    target_pose: Pose
    truth: Image.Image
    generated: Image.Image
    values: dict[str, float]
    """By column."""

    def _repr_png_(self) -> bytes:
        """Source, target pose, truth and what was drawn, as Jupyter shows them."""
        pictures = {
            "source": self.source,
            "target pose": draw_skeleton(self.target_pose),
            "truth": self.truth,
            "drawn": self.generated,
        }
        return png_bytes(titled_sheet(pictures, len(pictures)))


def ranking(measured: Sequence[Measured]) -> Measured | None:
    """The measure that cases are ranked by; None when no measure has a value for each pair."""
    ranked = [one for one in measured if one.per_pair is not None and one.absent is None]
    by_column = {one.measure.column: one for one in ranked}
    preferred = [by_column[column] for column in _PREFERRED if column in by_column]
    return next(iter([*preferred, *ranked]), None)


def chosen(measured: Measured, each: int) -> dict[Place, list[int]]:
    """Positions of up to `each` pairs per place, none twice; worst and best come with the extreme one first."""
    assert measured.per_pair is not None, "only measures of pairs rank them"
    values = np.array(measured.per_pair)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    best_first = order[::-1] if measured.higher_is_better else order
    each = min(each, math.ceil(len(best_first) / 3))
    best, rest = best_first[:each], best_first[each:]
    worst, rest = rest[::-1][:each], rest[: max(len(rest) - each, 0)]
    start = max((len(rest) - each) // 2, 0)
    return {"worst": worst.tolist(), "middling": rest[start : start + each].tolist(), "best": best.tolist()}


def pick_cases(report: EvaluationReport, pairs: EvaluationPairs, folder: PictureFolder, each: int) -> list[Case]:
    """Up to `each` pairs of each kind, with their pictures."""
    by = ranking(report.measured)
    if by is None:
        return []
    return [
        Case(
            place,
            *shown_pair(pairs, report.drawn[position]),
            generated_picture(pairs, folder, report.drawn[position]),
            {one.measure.column: one.per_pair[position] for one in report.measured if one.per_pair},
        )
        for place, positions in chosen(by, each).items()
        for position in positions
    ]


def shown_pair(pairs: EvaluationPairs, index: int) -> tuple[PairName, Image.Image, Pose, Image.Image]:
    """Name, source, target pose and truth."""
    pair = pairs[index]
    source, truth = to_pil(pair.condition.source_image[0]), to_pil(pair.target_image[0])
    return pairs.names[index], source, pair.condition.target_pose[0], truth


def generated_picture(pairs: EvaluationPairs, folder: PictureFolder, index: int) -> Image.Image:
    levels = folder.read(pairs.names[index]).image.permute(1, 2, 0).contiguous()
    return Image.fromarray(levels.numpy())
