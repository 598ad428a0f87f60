"""Rendered people: the seed decides, and the labels agree with the picture."""

from __future__ import annotations

import numpy as np
import pytest

from posable.errors import ConfigError, SizeError
from posable.imaging.size import Size
from posable.people import View, make_person, render_views
from posable.people.labels import OUT_OF_FRAME, VISIBLE
from posable.people.render import SENSOR_NOISE

SMALL = Size(128, 88)


@pytest.fixture(scope="module")
def people() -> list[list[View]]:
    return [render_views(make_person(seed), 6, SMALL) for seed in (0, 3, 7)]


@pytest.fixture(scope="module")
def all_views(people: list[list[View]]) -> list[View]:
    return [view for views in people for view in views]


def test_the_seed_decides_every_pixel(people):
    again = render_views(make_person(0), 6, SMALL)
    for before, after in zip(people[0], again, strict=True):
        assert np.array_equal(before.image, after.image)
        assert np.array_equal(before.keypoints, after.keypoints)


def test_a_view_does_not_depend_on_how_many_are_asked_for(people):
    alone = render_views(make_person(3), 2, SMALL)
    assert np.array_equal(alone[1].image, people[1][1].image)


def test_views_and_people_differ(people):
    assert not np.array_equal(people[0][0].image, people[0][1].image)
    assert not np.array_equal(people[0][0].image, people[1][0].image)


@pytest.mark.parametrize("size", [Size(64, 44), Size(256, 176), Size(512, 352)])
def test_a_view_is_the_same_scene_at_every_size(people, size):
    scale = np.float32(size.height / SMALL.height)
    for small, large in zip(people[0][:2], render_views(make_person(0), 2, size), strict=True):
        assert large.image.shape == (*size, 3)
        assert np.allclose(large.keypoints[:, :2], small.keypoints[:, :2] * scale, atol=0.01)
        assert large.alpha.mean() == pytest.approx(small.alpha.mean(), abs=0.01)
        assert large.image.mean((0, 1)) == pytest.approx(small.image.mean((0, 1)), abs=3)


def test_a_narrower_picture_still_holds_the_whole_person():
    view = render_views(make_person(0), 1, Size(128, 64))[0]
    assert view.image.shape == (128, 64, 3)
    assert not (view.face_ids[:, [0, -1]] >= 0).any()


def test_labels_off_the_person_are_empty(all_views):
    for view in all_views:
        off = view.face_ids < 0
        assert (view.parsing[off] == 0).all()
        assert np.isinf(view.depth[off]).all()
        assert (view.parsing[~off] > 0).all()
        assert np.isfinite(view.depth[~off]).all()
        assert np.allclose(view.barycentrics[~off].sum(1), 1, atol=1e-5)


def test_parsing_agrees_with_coverage(all_views):
    for view in all_views:
        assert (view.parsing > 0)[view.alpha == 1].mean() > 0.995
        assert (view.parsing == 0)[view.alpha == 0].mean() > 0.995


def test_where_nobody_is_the_picture_is_the_background(all_views):
    for view in all_views:
        assert np.array_equal(view.image[view.alpha == 0], view.background[view.alpha == 0])


def test_the_person_can_be_lifted_off_the_background_exactly(all_views):
    """What is left of the picture is light of the covered share alone, up to rounding and five sigmas of noise."""
    for view in all_views:
        covered = view.alpha[..., None]
        person = view.image - (1 - covered) * view.background
        noise = 255 * 5 * SENSOR_NOISE * covered
        assert (person >= -1.5 - noise).all()
        assert (person <= 255 * covered + 1.5 + noise).all()


def test_edges_mix_person_and_background(all_views):
    """At half-covered pixels the lifted person's colour is that of the covered pixels beside them: no halo."""
    for view in all_views:
        edge = (view.alpha > 0.4) & (view.alpha < 0.8)
        lifted = (view.image - (1 - view.alpha[..., None]) * view.background)[edge] / view.alpha[edge][:, None]
        solid = view.image[view.alpha == 1]
        assert edge.any()
        assert abs(lifted.mean() - solid.mean()) < 45


def test_visible_keypoints_lie_on_the_person(all_views):
    on_person = []
    for view in all_views:
        for x, y, mark in view.keypoints:
            if mark == VISIBLE:
                row, column = int(y), int(x)
                window = view.alpha[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
                on_person.append(window.max() > 0)
    assert len(on_person) > 100
    assert np.mean(on_person) >= 0.99


def test_keypoints_are_marked_out_of_frame_exactly_when_they_are(all_views):
    for view in all_views:
        x, y, mark = view.keypoints.T
        inside = (x >= 0) & (x < view.size.width) & (y >= 0) & (y < view.size.height)
        assert np.array_equal(mark != OUT_OF_FRAME, inside)


def test_some_crops_cut_the_legs_and_some_keypoints_hide(all_views):
    marks = np.concatenate([view.keypoints[:, 2] for view in all_views])
    assert {0, 1, 2} == set(marks.astype(int))


def test_left_and_right_swap_on_people_seen_from_behind(all_views):
    """Frontal views show the right shoulder at the picture's left; back views the other way round."""
    for view in all_views:
        turn = (view.camera.yaw + 180) % 360 - 180
        right_shoulder, left_shoulder = view.keypoints[2, 0], view.keypoints[5, 0]
        if abs(turn) < 50:
            assert right_shoulder < left_shoulder
        if abs(turn) > 130:
            assert right_shoulder > left_shoulder


def test_pictures_without_numba_are_the_same(people, monkeypatch):
    monkeypatch.setattr("posable.body.rasterize.find_spec", lambda name: None)
    for plain, compiled in zip(render_views(make_person(7), 2, SMALL), people[2], strict=False):
        assert (plain.face_ids == compiled.face_ids).mean() >= 0.999
        assert (plain.image == compiled.image).mean() > 0.995


@pytest.mark.parametrize("size", [Size(8, 88), Size(128, 4096), Size(0, 0)])
def test_impossible_sizes_are_refused(size):
    with pytest.raises(SizeError, match="from 16 to 2048 pixels"):
        render_views(make_person(0), 1, size)


def test_negative_counts_are_refused():
    with pytest.raises(ConfigError, match="count is -1"):
        render_views(make_person(0), -1, SMALL)
