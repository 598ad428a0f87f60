"""Measures how good a way of drawing people is, on the fixed pairs; gives a report with confidence intervals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from posable.batch import PersonPair, PoseCondition
from posable.data.fixed_pairs import FixedPairs, Progress
from posable.image import to_pil, to_tensor
from posable.keypoint_judge import KeypointJudge
from posable.metrics.bootstrap import Interval, mean_interval
from posable.metrics.mask_iou import mask_iou, person_boxes
from posable.metrics.perceptual import StageFeatures, perceptual_distance
from posable.metrics.ssim import ssim, ssim_in_box

KEYPOINTS = "keypoints"
COLUMNS = {
    "ssim_in_box": "SSIM in the person's box ↑",
    "ssim": "SSIM, whole ↑",
    "perceptual": "perceptual distance ↓",
    "mask_iou": "mask IoU ↑",
    KEYPOINTS: "keypoints found ↑",
}
"""What is measured, and the heading of its column."""
LOWER_IS_BETTER = frozenset({"perceptual"})


class Drawn(Protocol):
    """What a way of drawing gives back: a `Rendering` of a generator, or a naive answer."""

    @property
    def image(self) -> Tensor: ...

    @property
    def mask(self) -> Tensor | None: ...


Draw = Callable[[PoseCondition], Drawn]


@dataclass(frozen=True)
class Report:
    """What was measured of one way of drawing: values per pair, nan where there is none."""

    name: str
    values: dict[str, tuple[float, ...]]
    weights: dict[str, tuple[float, ...]]
    """How much a pair's value counts where pairs differ: the number of keypoints that count."""

    def interval(self, column: str) -> Interval:
        """The mean of a column with its bootstrap 95 % confidence interval; nan when nothing was measured."""
        return mean_interval(self._values(column), self._weights(column))

    def gain_over(self, other: "Report", column: str) -> Interval:
        """By how much this report is better than `other` on the same pairs, with the interval of that difference.

        Positive is better in every column; above 0 throughout the interval means better beyond chance.
        """
        sign = -1.0 if column in LOWER_IS_BETTER else 1.0
        return mean_interval(sign * (self._values(column) - other._values(column)), self._weights(column))

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON file; nan becomes None."""
        means = {column: _plain(self.interval(column)) for column in COLUMNS}
        values = {column: _plain(values) for column, values in self.values.items()}
        return {"name": self.name, "mean_low_high": means, "values": values, "weights": self.weights}

    def _values(self, column: str) -> NDArray[np.float64]:
        return np.array(self.values[column], np.float64)

    def _weights(self, column: str) -> NDArray[np.float64] | None:
        return np.array(self.weights[column], np.float64) if column in self.weights else None


def evaluate(
    draw: Draw,
    pairs: FixedPairs,
    name: str,
    *,
    features: StageFeatures,
    judge: KeypointJudge | None = None,
    batch_size: int = 10,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Report:
    """Draws every pair's source in its target pose and compares with the truth.

    Pictures are rounded to 8 bits first, as a file would hold them. SSIM is taken over the whole picture and inside the
    tightest box around the true person; the mask is the one that `draw` gives itself, cut at 0.5, against the true
    person's coverage cut at 0.5. Without a `judge` no keypoints are looked for. `progress` is told (pairs done, all).
    """
    features = features.to(device)
    columns: dict[str, list[float]] = {column: [] for column in COLUMNS}
    counted: list[float] = []
    for start in range(0, len(pairs), batch_size):
        indices = range(start, min(start + batch_size, len(pairs)))
        truth = pairs.batch(indices).to(device)
        with torch.inference_mode():
            drawn = draw(truth.condition)
            generated = _rounded(drawn.image)
            for column, values in _compared(generated, drawn.mask, truth, features).items():
                columns[column] += values.tolist()
        for index, image in zip(indices, generated, strict=True):
            score = judge.score(index, to_pil(image)) if judge is not None else None
            columns[KEYPOINTS].append(score.accuracy if score else float("nan"))
            counted.append(float(score.counted) if score else 0.0)
        if progress is not None:
            progress(indices.stop, len(pairs))
    values = {column: tuple(column_values) for column, column_values in columns.items()}
    return Report(name, values, {KEYPOINTS: tuple(counted)})


def markdown_table(reports: Sequence[Report]) -> str:
    """The means with the half width of their intervals, one row per report, as a Markdown table."""
    lines = ["| | " + " | ".join(COLUMNS.values()) + " |", "|---|" + "---|" * len(COLUMNS)]
    lines += [
        f"| {report.name} | " + " | ".join(_cell(report.interval(column)) for column in COLUMNS) + " |"
        for report in reports
    ]
    return "\n".join(lines)


def _compared(generated: Tensor, mask: Tensor | None, truth: PersonPair, features: StageFeatures) -> dict[str, Tensor]:
    assert truth.target_alpha is not None, "fixed pairs know where the person is"
    person = truth.target_alpha > 0.5
    target = truth.target_image
    nothing = torch.full((len(truth),), float("nan"))
    return {
        "ssim_in_box": ssim_in_box(generated, target, person_boxes(person)),
        "ssim": ssim(generated, target),
        "perceptual": perceptual_distance(features, generated, target),
        "mask_iou": nothing if mask is None else mask_iou(mask > 0.5, person),
    }


def _rounded(images: Tensor) -> Tensor:
    """The pictures as 8 bits hold them."""
    return torch.stack([to_tensor(to_pil(image)) for image in images]).to(images.device)


def _cell(interval: Interval) -> str:
    if np.isnan(interval.mean):
        return "-"
    return f"{interval.mean:.3f} ± {(interval.high - interval.low) / 2:.3f}"


def _plain(values: Sequence[float]) -> list[float | None]:
    return [None if np.isnan(value) else round(float(value), 6) for value in values]
