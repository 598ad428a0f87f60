"""The z-buffer against a formula, and its two engines against each other."""

from __future__ import annotations

import numpy as np
import pytest

from posable.body.rasterize import Fragments, rasterize_numba, rasterize_numpy
from posable.imaging.size import Size

SIZE = Size(24, 32)
ENGINES = [pytest.param(rasterize_numba, id="numba"), pytest.param(rasterize_numpy, id="numpy")]
TRIANGLE = np.array([[2, 3, 2.0], [29, 5, 4.0], [9, 21, 8.0]], np.float32)


@pytest.fixture(autouse=True)
def _numba_is_needed():
    pytest.importorskip("numba")


@pytest.mark.parametrize("engine", ENGINES)
def test_one_triangle_covers_the_samples_inside_it(engine):
    drawn: Fragments = engine(TRIANGLE, np.array([[0, 1, 2]], np.int32), SIZE)
    for row in range(SIZE.height):
        for column in range(SIZE.width):
            point = np.array([column + 0.5, row + 0.5])
            sides = [
                np.linalg.det(np.stack([TRIANGLE[(k + 1) % 3, :2] - TRIANGLE[k, :2], point - TRIANGLE[k, :2]]))
                for k in range(3)
            ]
            assert (drawn.face_ids[row, column] == 0) == (min(sides) >= 0)


@pytest.mark.parametrize("engine", ENGINES)
def test_barycentrics_are_perspective_correct(engine):
    """Points rebuilt from the barycentrics in 3D project back onto the sample they were seen at."""
    drawn: Fragments = engine(TRIANGLE, np.array([[0, 1, 2]], np.int32), SIZE)
    in_space = np.concatenate([TRIANGLE[:, :2] * TRIANGLE[:, 2:], TRIANGLE[:, 2:]], 1)
    rows, columns = np.nonzero(drawn.face_ids == 0)
    points = drawn.barycentrics[rows, columns] @ in_space
    assert len(rows) > 100
    assert np.allclose(points[:, 0] / points[:, 2], columns + 0.5, atol=1e-4)
    assert np.allclose(points[:, 1] / points[:, 2], rows + 0.5, atol=1e-4)
    assert np.allclose(points[:, 2], drawn.depth[rows, columns], rtol=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_nearer_triangle_wins_whatever_the_order(engine, order):
    vertices = np.concatenate([TRIANGLE, TRIANGLE * np.array([1, 1, 0.5], np.float32)])
    faces = np.array([[0, 1, 2], [3, 4, 5]], np.int32)[list(order)]
    drawn: Fragments = engine(vertices, faces, SIZE)
    assert set(drawn.face_ids[drawn.face_ids >= 0]) == {order.index(1)}


@pytest.mark.parametrize("engine", ENGINES)
def test_triangles_behind_the_camera_or_without_area_or_out_of_frame_are_not_drawn(engine):
    behind = TRIANGLE * np.array([1, 1, -1], np.float32)
    thin = TRIANGLE[[0, 0, 1]]
    outside = TRIANGLE + np.array([500, 0, 0], np.float32)
    vertices = np.concatenate([behind, thin, outside])
    drawn: Fragments = engine(vertices, np.arange(9, dtype=np.int32).reshape(3, 3), SIZE)
    assert (drawn.face_ids == -1).all()
    assert np.isinf(drawn.depth).all()


def test_both_engines_see_the_same():
    rng = np.random.default_rng(4)
    centres = rng.uniform((-5, -5, 2), (205, 155, 9), (3000, 1, 3))
    vertices = (centres + rng.normal(0, 6, (3000, 3, 3)) * (1, 1, 0.05)).reshape(-1, 3).astype(np.float32)
    faces = np.arange(9000, dtype=np.int32).reshape(-1, 3)
    compiled = rasterize_numba(vertices, faces, Size(150, 200))
    plain = rasterize_numpy(vertices, faces, Size(150, 200))
    same = compiled.face_ids == plain.face_ids
    assert (compiled.face_ids >= 0).mean() > 0.9
    assert same.mean() >= 0.999
    assert np.allclose(compiled.barycentrics[same], plain.barycentrics[same], atol=1e-5)
    assert np.allclose(compiled.depth[same], plain.depth[same], rtol=1e-5)
