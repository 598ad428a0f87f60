"""`fit_girth` against silhouettes of bodies whose girth is known."""

from dataclasses import replace

import numpy as np
import pytest

from posable.body.fit import fit_body
from posable.body.fitted import Body
from posable.body.outline import fit_girth
from posable.body.rasterize import rasterize
from posable.body.reduced import GIRTHS, reduced_body
from posable.errors import SizeError
from posable.imaging.size import Size
from posable.pose.library import shipped_pose

SIZE = Size(512, 352)


@pytest.fixture(scope="module")
def body() -> Body:
    return fit_body(shipped_pose("stand-front")).resized(SIZE)


def silhouette(body: Body) -> np.ndarray:
    return rasterize(body.screen_vertices, reduced_body().faces, body.size).face_ids >= 0


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return (one & other).sum() / (one | other).sum()


@pytest.mark.parametrize("amount", [-0.1, 0.1, 0.25])
def test_a_known_girth_is_found_for_the_most_part(body, amount):
    outline = silhouette(replace(body, girth=np.full(len(GIRTHS), amount)))
    found = fit_girth(body, outline.astype(np.float32))
    before, after = overlap(silhouette(body), outline), overlap(silhouette(found), outline)
    assert 1 - after < 0.5 * (1 - before)
    np.testing.assert_array_equal(found.keypoints, body.keypoints)


def test_the_own_outline_changes_little(body):
    found = fit_girth(body, silhouette(body).astype(np.float32))
    assert np.abs(found.girth).max() < 0.06


def test_a_wide_skirt_is_no_body(body):
    mask = silhouette(body)
    rows = np.arange(SIZE.height)
    top, bottom = 260, 420
    for row in rows[top:bottom]:
        half = 30 + (row - top) * 0.6
        middle = body.offset[0]
        mask[row, round(middle - half) : round(middle + half)] = True
    found = fit_girth(body, mask.astype(np.float32))
    assert np.abs(found.girth).max() < 0.3


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_an_empty_mask_and_one_that_is_everything_say_nothing(body, value):
    found = fit_girth(body, np.full(SIZE, value, np.float32))
    np.testing.assert_array_equal(found.vertices, body.vertices)


def test_it_finds_the_same_in_a_larger_picture(body):
    target = replace(body, girth=np.full(len(GIRTHS), 0.15))
    large = Size(1536, 1056)
    small = fit_girth(body, silhouette(target).astype(np.float32))
    huge = fit_girth(body.resized(large), silhouette(target.resized(large)).astype(np.float32))
    np.testing.assert_allclose(huge.girth, small.girth, atol=0.06)


def test_a_mask_of_another_picture_is_refused(body):
    with pytest.raises(SizeError, match="256x176"):
        fit_girth(body, np.zeros((256, 176), np.float32))
