"""What every metric is given, what it gives back, and the shape that all of them share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, cast

import torch
from torch import Tensor

from posable.errors import SizeError
from posable.pose.pose import PoseBatch

_Made = TypeVar("_Made")


@dataclass(frozen=True, kw_only=True, eq=False)
class JudgedPictures:
    """A batch of generated pictures beside the true ones, as 8-bit files hold them, and what is known about both.

    Raises SizeError when a part's shape does not fit `truth`, or a picture is not 8-bit RGB.
    """

    generated: Tensor
    """Uint8 (n, 3, h, w), RGB."""
    truth: Tensor
    """Uint8 (n, 3, h, w), RGB: the same people, photographed or rendered in the target pose."""
    target_pose: PoseBatch
    """In the frame of `truth`."""
    mask: Tensor | None = None
    """Float (n, 1, h, w) in [0, 1]: how much of each pixel of `truth` the person covers."""
    parsing: Tensor | None = None
    """Uint8 (n, h, w), LIP-20 labels of `truth`."""
    predicted_parsing: Tensor | None = None
    """Uint8 (n, h, w), LIP-20 labels that the model gave beside its picture."""
    predicted_mask: Tensor | None = None
    """Float (n, 1, h, w) in [0, 1]: the person's share of each pixel that the model gave beside its picture."""
    _shared: dict[Any, Any] = field(default_factory=dict[Any, Any], init=False, repr=False)

    def __post_init__(self) -> None:
        n, _, height, width = self.truth.shape
        pictures, masks, maps = (n, 3, height, width), (n, 1, height, width), (n, height, width)
        wanted = {"generated": pictures, "truth": pictures, "mask": masks, "predicted_mask": masks}
        wanted |= {"parsing": maps, "predicted_parsing": maps}
        for name, shape in wanted.items():
            part: Tensor | None = getattr(self, name)
            if part is not None and tuple(part.shape) != shape:
                raise SizeError(f"{name} is {tuple(part.shape)}; it has to be {shape}, to fit the true pictures.")
            if part is not None and "mask" not in name and part.dtype != torch.uint8:
                raise SizeError(f"{name} is {part.dtype}; metrics judge uint8, as picture files hold it.")
        if len(self.target_pose) != n or tuple(self.target_pose.size) != (height, width):
            raise SizeError(
                f"{len(self.target_pose)} target poses in frames of {self.target_pose.size} are given for {n} pictures "
                f"of {height}x{width}; give one each, in the pictures' frame."
            )

    def __len__(self) -> int:
        return self.truth.shape[0]

    def too_small_for(self, metric: str, side_px: int) -> str | None:
        """A sentence when a side is shorter than the `side_px` that a metric needs: the reason why it is absent."""
        height, width = self.truth.shape[-2:]
        if min(height, width) >= side_px:
            return None
        return f"the pictures are {height}x{width}; {metric} needs {side_px} px a side."

    def to(self, device: torch.device | str) -> JudgedPictures:
        return JudgedPictures(
            generated=self.generated.to(device),
            truth=self.truth.to(device),
            target_pose=self.target_pose.to(device),
            mask=None if self.mask is None else self.mask.to(device),
            parsing=None if self.parsing is None else self.parsing.to(device),
            predicted_parsing=None if self.predicted_parsing is None else self.predicted_parsing.to(device),
            predicted_mask=None if self.predicted_mask is None else self.predicted_mask.to(device),
        )

    def shared(self, key: object, make: Callable[[], _Made]) -> _Made:
        """What `make` gives, made once for all metrics that ask this batch for the same `key`."""
        if key not in self._shared:
            self._shared[key] = make()
        return cast("_Made", self._shared[key])


@dataclass(frozen=True)
class MetricResult:
    """One number for all pairs, or the reason why there is none."""

    value: float | None
    """None when the metric is absent, nan when no pair has a value."""
    per_pair: tuple[float, ...] | None
    """In the order of the pairs, nan for a pair without a value; None for distances between whole sets."""
    absent: str | None
    """Why nothing was measured and what to do about it, as one sentence; else None."""
    settings: Mapping[str, Any]
    """The definition's parameters as plain values, so that a number can be made again."""
    weights: tuple[float, ...] | None = None
    """How much each pair counts in `value` where pairs differ, as with the number of keypoints that a picture shows."""
    parts: Mapping[str, float] = field(default_factory=dict[str, float])
    """The number's parts by name, as the classes of a parsing map; nan for a part that never occurred."""

    @classmethod
    def of_pairs(
        cls, per_pair: tuple[float, ...], settings: Mapping[str, Any], weights: tuple[float, ...] | None = None
    ) -> MetricResult:
        """The mean of the pairs that have a value, by weight where `weights` are given."""
        counted = [
            (value, weight)
            for value, weight in zip(per_pair, weights or (1.0,) * len(per_pair), strict=True)
            if not math.isnan(value) and weight > 0
        ]
        total = math.fsum(weight for _, weight in counted)
        mean = math.fsum(value * weight for value, weight in counted) / total if counted else math.nan
        return cls(mean, per_pair, None, settings, weights)

    @classmethod
    def missing(cls, reason: str, settings: Mapping[str, Any]) -> MetricResult:
        """A metric that could not be taken, with the reason."""
        return cls(None, None, reason, settings)

    @property
    def pairs_without_value(self) -> int:
        """How many pairs have no value and so do not count; a report must say so when it is not 0."""
        return sum(math.isnan(value) for value in self.per_pair or ())


class Metric(Protocol):
    """Takes pairs batch by batch; `result` may be asked at any time and speaks of all pairs so far."""

    @property
    def name(self) -> str: ...

    @property
    def higher_is_better(self) -> bool: ...

    def update(self, pictures: JudgedPictures) -> None: ...

    def result(self) -> MetricResult: ...


class PerPairMetric:
    """A metric that has one number for each pair and reports their mean.

    `measure` gives (n,) of a batch, nan for a pair without a value, or a sentence: why this batch has none at all.
    The metric is absent when all batches were refused; pairs of single refused batches are nan.
    """

    def __init__(
        self,
        name: str,
        measure: Callable[[JudgedPictures], Tensor | str],
        settings: Mapping[str, Any],
        *,
        higher_is_better: bool,
    ) -> None:
        self.name = name
        self.higher_is_better = higher_is_better
        self._measure = measure
        self._settings = dict(settings)
        self._values: list[float] = []
        self._why_missing: str | None = None
        self._measured = False

    @torch.inference_mode()
    def update(self, pictures: JudgedPictures) -> None:
        found = self._measure(pictures)
        if isinstance(found, str):
            self._why_missing = found
            self._values += [math.nan] * len(pictures)
            return
        self._measured = True
        self._values += found.tolist()

    def result(self) -> MetricResult:
        if not self._measured:
            return MetricResult.missing(self._why_missing or "no pictures were given.", self._settings)
        return MetricResult.of_pairs(tuple(self._values), self._settings)


class AbsentMetric:
    """A metric that cannot be taken here, because of what `reason` says; pictures are not looked at."""

    def __init__(self, name: str, reason: str, settings: Mapping[str, Any], *, higher_is_better: bool) -> None:
        self.name = name
        self.higher_is_better = higher_is_better
        self._result = MetricResult.missing(reason, dict(settings))

    def update(self, pictures: JudgedPictures) -> None:
        del pictures

    def result(self) -> MetricResult:
        return self._result
