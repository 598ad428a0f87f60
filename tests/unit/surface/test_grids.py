"""Filters on grids, against formulas and slow witnesses."""

import numpy as np
import pytest
from scipy import ndimage

from posable.surface.grids import contour, depth_inside, push_pull, sampled

CLOSED = (False, False, False, False)


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape).astype(np.float32)


def test_push_pull_keeps_what_is_known_and_stays_within_its_range() -> None:
    values, known = random(37, 22, 3), random(37, 22, seed=1) > 0.8
    filled = push_pull(values, known)
    np.testing.assert_array_equal(filled[known], values[known])
    assert filled.min() >= values[known].min() - 1e-5
    assert filled.max() <= values[known].max() + 1e-5


def test_push_pull_continues_a_constant_and_knows_nothing_from_nothing() -> None:
    known = np.zeros((19, 30), np.bool_)
    assert not push_pull(random(19, 30, 2), known).any()
    known[3, 4] = True
    np.testing.assert_allclose(push_pull(np.full((19, 30, 2), 0.7, np.float32), known), 0.7, rtol=1e-5)


@pytest.mark.parametrize("radius", [5.0, 9.3, 12.6])
def test_the_contour_of_a_disc_is_found_to_a_fraction_of_a_pixel(radius: float) -> None:
    y, x = np.indices((40, 40)) + 0.5
    true = radius - np.hypot(x - 20.3, y - 19.6)
    distance, step = contour(np.clip(true + 0.5, 0, 1).astype(np.float32), CLOSED)
    near = np.abs(true) < 1
    assert np.abs(distance - true)[near].max() < 0.5
    assert np.abs(distance - true)[near].mean() < 0.15
    moved = (step != 0).any(2)
    landed = radius - np.hypot(x + step[..., 0] - 20.3, y + step[..., 1] - 19.6)
    assert np.abs(landed[moved]).max() < 0.3
    # Every path across the contour meets a pixel that was moved onto it.
    inside, outside = (true > 0) & ~moved, (true <= 0) & ~moved
    assert not (ndimage.binary_dilation(inside) & outside).any()


def test_an_open_edge_is_no_outline() -> None:
    where = np.ones((10, 8), np.bool_)
    closed, opened = depth_inside(where, CLOSED), depth_inside(where, (False, True, False, False))
    assert closed[9, 4] == pytest.approx(0.5)
    assert opened[9, 4] > 3


def test_samples_at_pixel_centres_are_the_pixels() -> None:
    picture = random(6, 5, 3)
    y, x = np.indices((6, 5)) + 0.5
    np.testing.assert_allclose(sampled(picture, x.ravel(), y.ravel()).reshape(6, 5, 3), picture, atol=1e-6)
