"""The fixed pairs: the same for everybody, of test people only, each person once."""

from pathlib import Path

import numpy as np
import pytest
import torch

from posable import people
from posable.baselines import copy_source, mean_picture, warp_source
from posable.data.fixed_pairs import fixed_test_pairs
from posable.errors import ConfigError, SizeError
from posable.size import Size

SIZE = Size(64, 44)


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("POSABLE_CACHE", str(tmp_path))
    return tmp_path


def test_pairs_are_views_zero_and_one_of_spread_test_people() -> None:
    pairs = fixed_test_pairs(SIZE, 3)
    assert pairs.seeds == (0, 333, 666)
    assert all(seed in people.TEST_SEEDS for seed in pairs.seeds)
    source, target = people.render_views(people.make_person(333), 2, SIZE)
    np.testing.assert_array_equal(pairs.source_image[1], source.image)
    np.testing.assert_array_equal(pairs.target_image[1], target.image)
    np.testing.assert_array_equal(pairs.target_keypoints[1], target.keypoints)
    np.testing.assert_allclose(pairs.target_alpha[1] / 255, target.alpha, atol=0.003)


def test_the_second_call_reads_what_the_first_rendered(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int]] = []
    first = fixed_test_pairs(SIZE, 2, progress=lambda *step: told.append(step))
    monkeypatch.setattr(people, "render_views", None)
    second = fixed_test_pairs(SIZE, 2)
    assert told == [(1, 2), (2, 2)]
    assert np.array_equal(first.source_image, second.source_image)
    assert len(list((empty_cache / "pairs").iterdir())) == 1


def test_five_hundred_pairs_show_five_hundred_people() -> None:
    available = people.TEST_SEEDS
    seeds = {available[i * len(available) // 500] for i in range(500)}
    assert len(seeds) == 500


@pytest.mark.parametrize("count", [0, 1001])
def test_more_pairs_than_test_people_are_refused(count: int) -> None:
    with pytest.raises(ConfigError, match="1000 test people"):
        fixed_test_pairs(SIZE, count)


def test_the_mean_picture_is_of_training_people_and_ignores_the_source() -> None:
    answer = mean_picture(SIZE, people_count=2)
    pairs = fixed_test_pairs(SIZE, 2)
    drawn = answer(pairs.batch([0, 1]).condition)
    assert drawn.image.shape == (2, 3, *SIZE)
    assert torch.equal(drawn.image[0], drawn.image[1])
    first = people.FIRST_TRAINING_SEED
    views = [people.render_views(people.make_person(seed), 1, SIZE)[0].image for seed in (first, first + 1)]
    expected = np.mean(views, axis=0).transpose(2, 0, 1) / 127.5 - 1
    np.testing.assert_allclose(drawn.image[0].numpy(), expected, atol=1e-5)


def test_a_mean_picture_of_another_size_is_refused() -> None:
    answer = mean_picture(SIZE, people_count=1)
    with pytest.raises(SizeError, match="make one for it"):
        answer(fixed_test_pairs(Size(48, 32), 1)[0].condition)


def test_warping_beats_copying_where_the_person_stands() -> None:
    pairs = fixed_test_pairs(Size(128, 88), 6)
    batch = pairs.batch(range(6))
    assert batch.target_alpha is not None
    errors = [
        float(((answer(batch.condition).image - batch.target_image).abs() * batch.target_alpha).sum())
        for answer in (copy_source, warp_source)
    ]
    assert errors[1] < errors[0]
