"""Means over pairs with intervals over people: pairs of one person are alike, so people are what is resampled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from posable.metrics.bootstrap import Interval, mean_interval


def mean_over_people(
    values: Sequence[float], people: Sequence[str], weights: Sequence[float] | None = None
) -> Interval:
    """The mean of the pairs' values with its 95 % bootstrap interval, all pairs of a person drawn together.

    Pairs without a finite value do not count; when none is left, all three are nan.
    """
    numbers = np.array(values, np.float64)
    counted = np.ones(len(numbers)) if weights is None else np.array(weights, np.float64)
    counted = np.where(np.isfinite(numbers), counted, 0.0)
    _, groups = np.unique(np.array(people), return_inverse=True)
    mass = np.bincount(groups, counted).astype(np.float64)
    sums = np.bincount(groups, np.where(counted > 0, numbers, 0.0) * counted)
    with np.errstate(invalid="ignore", divide="ignore"):
        return mean_interval(sums / mass, mass)
