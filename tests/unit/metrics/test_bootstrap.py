"""Bootstrap intervals: what counts in them, and that they are as wide as statistics says."""

import numpy as np
import pytest

from posable.metrics.bootstrap import mean_interval


def test_a_mean_is_weighted_and_its_interval_is_the_same_every_time() -> None:
    values, weights = np.array([0.2, 0.8, np.nan, 0.5]), np.array([1.0, 3.0, 5.0, 0.0])
    interval = mean_interval(values, weights)
    assert interval.mean == pytest.approx((0.2 + 3 * 0.8) / 4)
    assert interval.low <= interval.mean <= interval.high
    assert interval == mean_interval(values, weights)


def test_a_bootstrap_interval_has_the_width_that_statistics_expects() -> None:
    values = np.random.default_rng(0).normal(0, 1, 400)
    interval = mean_interval(values)
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(400), rel=0.1)
