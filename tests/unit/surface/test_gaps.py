"""Background between an arm and the trunk is taken out of a matte; what only the parsing map doubts stays."""

import numpy as np

from posable.surface.gaps import without_gaps

BACKGROUND, PERSON = (0.3, 0.3, 0.2), (-0.6, -0.4, 0.5)


def scene(gap_color: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Matte, labels and image (120, 90) of a person with a gap, and where the gap is; the matte has closed it."""
    image = np.tile(np.float32(BACKGROUND), (120, 90, 1))
    matte, gap = np.zeros((120, 90), np.float32), np.zeros((120, 90), bool)
    matte[15:110, 25:65] = 1
    gap[40:80, 48:56] = True
    image[matte > 0] = PERSON
    image[gap] = gap_color
    labels = np.where((matte > 0) & ~gap, 5, 0).astype(np.uint8)
    return matte, labels, image, gap


def test_a_gap_that_shows_the_background_is_taken_out() -> None:
    matte, labels, image, gap = scene(BACKGROUND)
    found = without_gaps(matte, labels, image)
    assert found[gap].mean() < 0.15
    away = (matte > 0) & ~gap
    away[36:84, 44:60] = False
    assert found[away].min() > 0.95


def test_what_is_unlike_the_background_stays_whatever_the_map_says() -> None:
    matte, labels, image, _ = scene((0.9, -0.8, -0.8))
    np.testing.assert_array_equal(without_gaps(matte, labels, image), matte)


def test_without_a_person_or_a_gap_nothing_changes() -> None:
    matte, _, image, _ = scene(BACKGROUND)
    for labels in (np.zeros((120, 90), np.uint8), np.full((120, 90), 5, np.uint8)):
        np.testing.assert_array_equal(without_gaps(matte, labels, image), matte)
    empty = np.zeros_like(matte)
    np.testing.assert_array_equal(without_gaps(empty, np.zeros((120, 90), np.uint8), image), empty)
