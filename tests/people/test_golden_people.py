"""The pictures that shipped weights were trained on: a seed must go on to give the same people.

When a change of the generator is meant to move these, raise `GENERATOR_VERSION` and say so in the model card.
"""

from __future__ import annotations

import numpy as np
import pytest

from posable.imaging.size import Size
from posable.people import make_person, render_views

# fmt: off
GOLDEN = [
    # seed, view, mean RGB of the picture, mean RGB of the person, mean coverage
    (0, 0, (100.7, 101.3, 100.2), (56.9, 66.5, 84.6), 0.1612),
    (0, 1, (99.7, 102.5, 100.3), (56.0, 68.1, 87.3), 0.2161),
    (1, 0, (167.5, 160.7, 166.3), (52.1, 39.0, 45.2), 0.2807),
    (1, 1, (161.7, 157.8, 160.1), (58.9, 54.7, 53.0), 0.2758),
    (1000, 0, (121.0, 100.5, 110.8), (69.0, 53.3, 50.4), 0.3540),
    (1000, 1, (127.3, 106.4, 115.7), (96.2, 71.4, 68.0), 0.2596),
    (2000, 0, (210.6, 209.4, 206.5), (119.9, 113.0, 121.2), 0.1300),
    (2000, 1, (205.1, 204.4, 201.8), (101.6, 99.1, 107.6), 0.1519),
    (2001, 0, (128.9, 120.2, 120.7), (17.6, 23.8, 30.4), 0.2500),
    (2001, 1, (114.5, 107.0, 107.6), (13.6, 21.8, 29.4), 0.2564),
    (2002, 0, (80.2, 92.0, 66.0), (76.8, 86.2, 38.8), 0.3384),
    (2002, 1, (94.3, 101.5, 79.1), (70.7, 78.3, 39.1), 0.1828),
]
# fmt: on


@pytest.mark.parametrize("seed", sorted({row[0] for row in GOLDEN}))
def test_seeds_go_on_to_give_the_same_pictures(seed):
    views = render_views(make_person(seed), 2, Size(128, 88))
    for view, (_, _, picture, person, coverage) in zip(views, [row for row in GOLDEN if row[0] == seed], strict=True):
        assert view.image.mean((0, 1)) == pytest.approx(np.array(picture), abs=0.3)
        assert view.image[view.alpha == 1].mean(0) == pytest.approx(np.array(person), abs=0.5)
        assert view.alpha.mean() == pytest.approx(coverage, abs=0.0005)
