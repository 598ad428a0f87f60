"""The guided filter against its formulas, one square after the other."""

import numpy as np
import pytest
from scipy import ndimage

from posable.imaging.guided_filter import GuidedFilter


def picture(height: int = 40, width: int = 30) -> np.ndarray:
    noise = np.random.default_rng(0).random((height, width, 3))
    return ndimage.gaussian_filter(noise, (2, 2, 0)).astype(np.float32) * 8


def by_formula(values: np.ndarray, guide: np.ndarray, radius: int, epsilon: float) -> np.ndarray:
    """Eqs. 19 to 21 of the paper in float64: a regression in every square, its coefficients' mean at every pixel."""
    around = [(radius, radius), (radius, radius)]
    padded, wide = np.pad(values, around, mode="edge"), np.pad(guide, [*around, (0, 0)], mode="edge")
    side, found = 2 * radius + 1, np.zeros((*values.shape, 4))
    for row, column in np.ndindex(values.shape):
        square = np.s_[row : row + side, column : column + side]
        colors, part = wide[square].reshape(-1, 3).astype(np.float64), padded[square].ravel().astype(np.float64)
        covariance = np.cov(colors.T, bias=True) + epsilon * np.eye(3)
        slope = np.linalg.solve(covariance, (colors * part[:, None]).mean(0) - colors.mean(0) * part.mean())
        found[row, column] = (*slope, part.mean() - slope @ colors.mean(0))
    mean = np.stack([ndimage.uniform_filter(plane, side, mode="nearest") for plane in found.transpose(2, 0, 1)], 2)
    return (mean[..., :3] * guide).sum(2) + mean[..., 3]


@pytest.mark.parametrize("radius", [1, 3])
def test_it_is_the_papers_regression_in_every_square(radius: int) -> None:
    guide, values = picture(), np.random.default_rng(1).random((40, 30)).astype(np.float32)
    expected = by_formula(values, guide, radius, 1e-2)
    np.testing.assert_allclose(GuidedFilter(guide, radius, 1e-2)(values), expected, atol=2e-3)


def test_it_keeps_what_is_a_linear_function_of_its_guide() -> None:
    guide = picture()
    values = guide @ np.array([0.5, -1.0, 2.0], np.float32) + 3
    np.testing.assert_allclose(GuidedFilter(guide, 4, 1e-7)(values), values, atol=2e-2)


def test_a_window_has_the_coefficients_of_the_whole_away_from_its_border() -> None:
    values, smooth = np.random.default_rng(1).random((40, 30)).astype(np.float32), GuidedFilter(picture(), 2, 1e-3)
    part = smooth.coefficients(values, np.s_[5:35, 4:26])
    inner = np.s_[:, 4:-4, 4:-4]
    np.testing.assert_allclose(part[inner], smooth.coefficients(values)[:, 5:35, 4:26][inner], rtol=1e-3, atol=1e-3)
