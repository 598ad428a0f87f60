"""Uncertainty of a mean: bootstrap confidence intervals over pairs."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_RESAMPLES = 2000
_SEED = 0


class Interval(NamedTuple):
    """A mean and the ends of its 95 % confidence interval."""

    mean: float
    low: float
    high: float


def mean_interval(values: NDArray[np.float64], weights: NDArray[np.float64] | None = None) -> Interval:
    """The mean of `values` (n,), weighted if `weights` are given, with its percentile bootstrap interval.

    Pairs are drawn with replacement 2000 times from a fixed seed, so equal values give equal intervals. Pairs of weight
    0 and values of nan do not count; nothing left gives nan.
    """
    weights = np.ones(len(values)) if weights is None else weights
    counts = np.isfinite(values) & (weights > 0)
    values, weights = values[counts], weights[counts]
    if not len(values):
        return Interval(float("nan"), float("nan"), float("nan"))
    rng = np.random.default_rng(_SEED)
    drawn = rng.integers(0, len(values), (_RESAMPLES, len(values)))
    means = (values * weights)[drawn].sum(axis=1) / weights[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Interval(float((values * weights).sum() / weights.sum()), float(low), float(high))
