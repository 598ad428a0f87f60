"""Places and light: varied, deterministic, dominated by the studio; seats and shadows belong to the background."""

from __future__ import annotations

import numpy as np
import pytest

from posable.errors import ConfigError
from posable.imaging.size import Size
from posable.people import View, make_person, render_views
from posable.people.posing.legs import LEG_KINDS, UPRIGHT
from posable.people.scene.backdrop import paint_backdrop
from posable.people.scene.scene import SCENE_KINDS, STYLES, sample_scene
from posable.people.scene.shadow import shadow_map

SMALL = Size(128, 88)
PLACES = ("wall", "room", "street", "foliage", "cluttered")


@pytest.fixture(scope="module")
def street() -> list[View]:
    return render_views(make_person(1), 5, Size(128, 64), "market")


@pytest.fixture(scope="module")
def seated() -> list[View]:
    patch = pytest.MonkeyPatch()
    patch.setitem(LEG_KINDS, "fashion", {"sit": 1.0})
    views = [view for seed in (3, 60) for view in render_views(make_person(seed), 3, SMALL)]
    patch.undo()
    return views


def test_studios_dominate_fashion_and_never_occur_in_the_street():
    for style in STYLES:
        assert sum(SCENE_KINDS[style].values()) == pytest.approx(1)
    assert 0.5 <= SCENE_KINDS["fashion"]["studio"] <= 0.65
    assert set(PLACES) < set(SCENE_KINDS["fashion"])
    assert "studio" not in SCENE_KINDS["market"]
    assert max(SCENE_KINDS["market"], key=lambda kind: SCENE_KINDS["market"][kind]) == "cluttered"


@pytest.mark.parametrize("kind", PLACES)
def test_places_are_painted_the_same_from_the_same_seed_and_differ_otherwise(kind):
    one, again, other = (paint_backdrop(kind, np.random.default_rng(seed)) for seed in (4, 4, 5))
    assert one.wall.tobytes() == again.wall.tobytes()
    assert one.floor.tobytes() == again.floor.tobytes()
    assert np.abs(one.wall - other.wall).mean() > 0.02
    for picture in (one.wall, one.floor):
        assert picture.dtype == np.float32
        assert 0 <= picture.min() < picture.max() <= 1
    assert one.wall.std() > 0.01


def test_light_varies_in_direction_colour_strength_and_softness():
    lights = [sample_scene(np.random.default_rng(seed), "fashion").light for seed in range(60)]
    directions = np.stack([light.direction for light in lights])
    assert np.allclose(np.linalg.norm(directions, axis=1), 1, atol=1e-5)
    assert (directions[:, 2] > 0.2).all()
    assert directions[:, 0].min() < -0.5
    assert directions[:, 0].max() > 0.5
    assert np.std([light.key_color[0] - light.key_color[2] for light in lights]) > 0.04
    assert {light.rim > 0 for light in lights} == {True, False}
    assert min(light.softness for light in lights) < 0.5 < 2.5 < max(light.softness for light in lights)


def test_streets_are_often_dark():
    exposures = [sample_scene(np.random.default_rng(seed), "market").light.exposure for seed in range(40)]
    assert 0.35 < np.mean(np.array(exposures) < 0.72) < 0.85


def test_softer_light_gives_softer_shadows():
    card = np.array([[-0.3, 0, 0.5], [0.3, 0, 0.5], [0.3, 0, 1.1], [-0.3, 0, 1.1]], np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    up = np.array([0, -0.6, 0.8], np.float32)
    line = np.stack([np.linspace(-0.6, 0.6, 400), np.full(400, 0.6), np.zeros(400)], 1).astype(np.float32)
    hard, soft = (shadow_map(card, faces, up, softness).occlusion(line, 0.01) for softness in (0.3, 4.0))
    assert hard.max() == pytest.approx(1, abs=0.01)
    between = [np.mean((shade > 0.05) & (shade < 0.95)) for shade in (hard, soft)]
    assert between[1] > 1.8 * between[0] > 0
    assert np.abs(np.diff(soft)).max() < 0.3


def test_street_views_are_whole_upright_people_in_places_that_change(street):
    for view in street:
        assert view.camera.crop == "full"
        assert view.pose.upright or view.pose.legs == "run"
        assert (view.keypoints[:, 2] > 0).all()
    borders = np.stack([view.background.reshape(-1, 3).mean(0) for view in street])
    assert borders.std(0).max() > 8


def test_a_place_shows_detail_behind_the_person(street):
    detail = [np.abs(np.diff(view.background.astype(float), axis=1)).mean() for view in street]
    assert np.mean(detail) > 2


def test_unknown_styles_are_refused():
    with pytest.raises(ConfigError, match="style is 'disco'; give one of fashion, market"):
        render_views(make_person(1), 1, SMALL, "disco")


def test_who_does_not_stand_is_shown_whole(seated):
    assert all(view.camera.crop == "full" for view in seated)
    assert all(view.pose.legs not in UPRIGHT for view in seated)


def test_seats_belong_to_the_background(seated):
    for view in seated:
        assert np.array_equal(view.image[view.alpha == 0], view.background[view.alpha == 0])
        assert ((view.parsing == 0) == (view.face_ids < 0)).all()
        assert (np.isinf(view.depth) == (view.face_ids < 0)).all()


def test_people_sit_on_their_seats(monkeypatch, seated):
    """With the seat left out, some of the person comes to light, and hips are never higher than a hand over it."""
    monkeypatch.setitem(LEG_KINDS, "fashion", {"sit": 1.0})
    monkeypatch.setattr("posable.people.render.hide_behind", lambda person, seat: person)
    free = [view for seed in (3, 60) for view in render_views(make_person(seed), 3, SMALL)]
    hidden = [(bare.alpha - view.alpha).sum() for bare, view in zip(free, seated, strict=True)]
    assert max(hidden) > 3
    for bare, view in zip(free, seated, strict=True):
        assert view.alpha.sum() > 0.6 * bare.alpha.sum()
