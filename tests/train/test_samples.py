"""Sheets of samples show each pair unchanged, beside the name of what it is."""

import numpy as np
from toy_runs import NoisePairs

from posable.imaging.image import to_pil
from posable.models.generator import Rendering
from posable.train.samples import sample_sheet


def test_a_sheet_shows_source_truth_and_what_was_drawn_in_rows_of_pairs() -> None:
    pair = NoisePairs(3).batch(0)
    sheet = np.asarray(sample_sheet(pair, Rendering(image=-pair.target_image)))
    margin = sheet.shape[1] - 3 * 96
    assert sheet.shape[0] == 4 * 96
    shown = sheet[1::3, margin + 1 :: 3]
    for row, pictures in ((0, pair.condition.source_image), (2, pair.target_image), (3, -pair.target_image)):
        for column, picture in enumerate(pictures):
            expected = np.asarray(to_pil(picture))
            assert np.array_equal(shown[row * 32 : row * 32 + 32, column * 32 : column * 32 + 32], expected)
    assert (sheet[:, :margin] < 100).any()
