"""The pictures that shipped weights were trained on: a seed must go on to give the same people.

When a change of the generator is meant to move these, raise `GENERATOR_VERSION` and say so in the model card.
"""

from __future__ import annotations

import numpy as np
import pytest

from posable.people import make_person, render_views
from posable.size import Size

# fmt: off
GOLDEN = [
    # seed, view, mean RGB of the picture, mean RGB of the person, mean coverage
    (0, 0, (75.9, 75.5, 81.4), (75.0, 73.5, 79.1), 0.2172),
    (0, 1, (73.2, 73.1, 79.6), (66.3, 66.4, 73.7), 0.3406),
    (1, 0, (179.9, 186.5, 178.1), (48.5, 90.4, 69.3), 0.1926),
    (1, 1, (190.0, 194.0, 186.6), (56.7, 95.7, 74.7), 0.1379),
    (1000, 0, (165.9, 150.4, 139.2), (108.5, 105.3, 102.6), 0.2761),
    (1000, 1, (159.5, 146.9, 136.5), (128.2, 124.3, 118.4), 0.4671),
    (2000, 0, (165.2, 170.4, 167.6), (58.8, 76.8, 71.0), 0.2291),
    (2000, 1, (167.4, 172.2, 170.0), (53.5, 71.0, 67.8), 0.2098),
    (2001, 0, (157.3, 145.9, 174.0), (108.9, 98.6, 104.3), 0.2053),
    (2001, 1, (155.8, 144.8, 173.6), (93.4, 85.6, 92.6), 0.191),
    (2002, 0, (154.6, 136.1, 131.8), (130.3, 122.8, 111.1), 0.291),
    (2002, 1, (157.9, 137.7, 134.4), (138.7, 128.7, 116.0), 0.1903),
]
# fmt: on


@pytest.mark.parametrize("seed", sorted({row[0] for row in GOLDEN}))
def test_seeds_go_on_to_give_the_same_pictures(seed):
    views = render_views(make_person(seed), 2, Size(128, 88))
    for view, (_, _, picture, person, coverage) in zip(views, [row for row in GOLDEN if row[0] == seed], strict=True):
        assert view.image.mean((0, 1)) == pytest.approx(np.array(picture), abs=0.3)
        assert view.image[view.alpha == 1].mean(0) == pytest.approx(np.array(person), abs=0.5)
        assert view.alpha.mean() == pytest.approx(coverage, abs=0.0005)
