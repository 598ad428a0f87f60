"""The baselines: what they draw, and that the better of them beats the worse where the person stands."""

from pathlib import Path

import numpy as np
import pytest
import torch

from posable import people
from posable.baselines.simple import copy_source, mean_picture, warp_source
from posable.batch import PersonPair, collate
from posable.errors import SizeError
from posable.evaluation.rendered_views import RenderedViews
from posable.imaging.size import Size
from posable.progress import silent

SIZE = Size(64, 44)


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("POSABLE_CACHE", str(tmp_path))
    return tmp_path


def pairs(size: Size, count: int, cache: Path) -> PersonPair:
    """Views 0 and 1 of the first test people as one batch."""
    views = RenderedViews(size, cache)
    views.render([(seed, view) for seed in range(count) for view in (0, 1)], 1, silent)
    return collate([views.pair((seed, 0), (seed, 1)) for seed in range(count)])


def test_the_mean_picture_is_of_training_people_and_ignores_the_source(empty_cache: Path) -> None:
    told: list[tuple[int, int]] = []
    answer = mean_picture(SIZE, people_count=2, progress=lambda *step: told.append(step))
    drawn = answer(pairs(SIZE, 2, empty_cache).condition)
    assert drawn.image.shape == (2, 3, *SIZE)
    assert torch.equal(drawn.image[0], drawn.image[1])
    first = people.FIRST_TRAINING_SEED
    views = [people.render_views(people.make_person(seed), 1, SIZE)[0].image for seed in (first, first + 1)]
    expected = np.mean(views, axis=0).transpose(2, 0, 1) / 127.5 - 1
    np.testing.assert_allclose(drawn.image[0].numpy(), expected, atol=1e-5)
    assert told == [(1, 2), (2, 2)]


def test_the_mean_picture_is_rendered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    mean_picture(SIZE, people_count=1)
    monkeypatch.setattr(people, "render_views", None)
    mean_picture(SIZE, people_count=1)


def test_a_mean_picture_of_another_size_is_refused(empty_cache: Path) -> None:
    answer = mean_picture(SIZE, people_count=1)
    with pytest.raises(SizeError, match="make one for it"):
        answer(pairs(Size(48, 32), 1, empty_cache).condition)


def test_warping_beats_copying_where_the_person_stands(empty_cache: Path) -> None:
    batch = pairs(Size(128, 88), 6, empty_cache)
    assert batch.target_alpha is not None
    errors = [
        float(((answer(batch.condition).image - batch.target_image).abs() * batch.target_alpha).sum())
        for answer in (copy_source, warp_source)
    ]
    assert errors[1] < errors[0]
