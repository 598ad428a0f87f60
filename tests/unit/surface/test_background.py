"""The plate behind the person, and the shadow under the feet."""

import numpy as np
import pytest
from rendered import photograph

from posable.surface.background import contact_shadow, filled_background, over, shadowed


def test_the_plate_is_the_picture_away_from_the_person_and_continues_a_gradient_behind() -> None:
    y, x = np.indices((120, 90), np.float32)
    picture = np.stack([x / 90, y / 120, 0 * x], 2) * 1.6 - 0.8
    matte = ((np.abs(x - 45) < 12) & (np.abs(y - 60) < 40)).astype(np.float32)
    hidden = np.where(matte[..., None] > 0, 1.0, picture).astype(np.float32)
    plate = filled_background(hidden, matte)
    away = np.abs(x - 45) > 25
    np.testing.assert_allclose(plate[away], picture[away], atol=0.02)
    assert np.abs(plate - picture).max() < 0.25


def test_a_person_everywhere_leaves_the_mean_colour() -> None:
    picture = np.random.default_rng(0).random((40, 30, 3)).astype(np.float32)
    np.testing.assert_allclose(filled_background(picture, np.ones((40, 30), np.float32))[0, 0], picture.mean((0, 1)))


def test_a_grained_wall_keeps_its_grain_behind_the_person() -> None:
    rng = np.random.default_rng(1)
    wall = (rng.random((100, 80, 1)).astype(np.float32) - 0.5) * np.ones(3, np.float32)
    matte = np.zeros((100, 80), np.float32)
    matte[20:80, 30:50] = 1
    plate = filled_background(np.where(matte[..., None] > 0, 0.9, wall).astype(np.float32), matte)
    assert plate[30:70, 35:45].std() == pytest.approx(wall.std(), rel=0.35)


def test_feet_that_moved_cast_a_shadow_and_feet_that_stayed_cast_none() -> None:
    body = photograph().body
    moved = body.moved(1, (0.2 * body.scale, 0), body.size)
    assert contact_shadow(body, body.size, body).max() == 0
    shadow = contact_shadow(moved, body.size, body)
    row, column = np.unravel_index(shadow.argmax(), shadow.shape)
    feet = moved.keypoints[[10, 13]]
    assert np.abs(feet - [column, row]).min(0).max() < 0.25 * body.scale
    darker = shadowed(np.zeros((*body.size, 3), np.float32), shadow)
    assert darker.min() < -0.2
    assert darker.max() == 0


def test_over_mixes_by_alpha() -> None:
    color, alpha = np.ones((2, 2, 3), np.float32), np.array([[0, 1], [0.25, 0.5]], np.float32)
    np.testing.assert_allclose(over(color, alpha, np.zeros(3, np.float32))[..., 0], alpha)
