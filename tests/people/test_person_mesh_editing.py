"""Clipping and smoothing of triangle meshes, against areas and averages known without us."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posable.body.mesh_editing import clip_faces, compact, neighbour_mean, smooth, vertex_normals


def flat_grid(side: int) -> tuple[np.ndarray, np.ndarray]:
    """The unit square as (side + 1)^2 points (n, 3) and its triangles."""
    y, x = np.mgrid[0 : side + 1, 0 : side + 1].astype(np.float32) / side
    points = np.stack([x, y, np.zeros_like(x)], -1).reshape(-1, 3)
    index = np.arange(len(points), dtype=np.int32).reshape(side + 1, side + 1)
    a, b, c, d = (part.ravel() for part in (index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]))
    return points, np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])


def signed_areas(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    first, second = points[faces[:, 1]] - points[faces[:, 0]], points[faces[:, 2]] - points[faces[:, 0]]
    return np.cross(first, second)[:, 2] / 2


@settings(deadline=None, max_examples=60, derandomize=True)
@given(angle=st.floats(0, 6.28), offset=st.floats(-0.6, 0.6), side=st.integers(1, 9))
def test_clipping_keeps_exactly_the_half_plane(angle, offset, side):
    points, faces = flat_grid(side)
    normal = np.array([np.cos(angle), np.sin(angle), 0])
    field = ((points - [0.5, 0.5, 0]) @ normal + offset).astype(np.float32)
    cut, rest = clip_faces(faces, field), clip_faces(faces, -field)
    assert (cut.interpolate(field) >= -1e-6).all()
    kept, dropped = (signed_areas(piece.interpolate(points), piece.faces) for piece in (cut, rest))
    assert (kept >= -1e-6).all(), "a triangle was turned over"
    assert kept.sum() + dropped.sum() == pytest.approx(1, abs=1e-4)


def test_clipping_finds_the_known_area():
    points, faces = flat_grid(7)
    cut = clip_faces(faces, 0.3 - points[:, 0])
    assert signed_areas(cut.interpolate(points), cut.faces).sum() == pytest.approx(0.3, abs=1e-5)


def test_clipping_leaves_a_mesh_alone_that_lies_inside_and_empties_one_outside():
    points, faces = flat_grid(3)
    whole = clip_faces(faces, np.ones(len(points), np.float32))
    np.testing.assert_array_equal(whole.faces, faces)
    np.testing.assert_array_equal(whole.interpolate(points), points)
    assert len(clip_faces(faces, -np.ones(len(points), np.float32)).faces) == 0


def test_neighbours_share_the_vertices_of_a_cut():
    points, faces = flat_grid(4)
    cut = clip_faces(faces, 0.6 - points[:, 0] - 0.3 * points[:, 1])
    kept = cut.interpolate(points)
    assert len(np.unique(kept.round(6), axis=0)) == len(kept)


def test_the_matrix_of_a_cut_interpolates_as_the_cut_does():
    points, faces = flat_grid(5)
    cut = clip_faces(faces, 0.55 - points[:, 1])
    np.testing.assert_allclose(cut.matrix(len(points)) @ points, cut.interpolate(points), atol=1e-6)


def test_smoothing_keeps_a_constant_and_calms_noise():
    points, faces = flat_grid(8)
    means = neighbour_mean(faces, len(points))
    constant = np.full((len(points), 2), 3, np.float32)
    np.testing.assert_allclose(smooth(constant, means, 5), constant, rtol=1e-5)
    noise = np.random.default_rng(0).normal(size=(len(points), 1)).astype(np.float32)
    calmer = [float(smooth(noise, means, steps).std()) for steps in (0, 1, 4, 16)]
    assert calmer == sorted(calmer, reverse=True)
    assert calmer[-1] < 0.3 * calmer[0]


def test_smoothing_with_no_steps_changes_nothing():
    points, faces = flat_grid(2)
    np.testing.assert_array_equal(smooth(points, neighbour_mean(faces, len(points)), 0), points)


def test_neighbours_are_averaged_once_each():
    means = neighbour_mean(np.array([[0, 1, 2], [0, 2, 3]], np.int32), 5).toarray()
    np.testing.assert_allclose(means[0], [0, 1 / 3, 1 / 3, 1 / 3, 0], atol=1e-7)
    np.testing.assert_allclose(means[1], [0.5, 0, 0.5, 0, 0], atol=1e-7)
    np.testing.assert_allclose(means[4], 0)


def test_normals_of_a_counterclockwise_plane_point_up():
    points, faces = flat_grid(3)
    np.testing.assert_allclose(vertex_normals(points, faces), np.tile([0, 0, 1], (len(points), 1)), atol=1e-6)


def test_compact_numbers_the_used_vertices_in_order():
    used, faces = compact(np.array([[9, 4, 6], [4, 6, 2]], np.int32))
    np.testing.assert_array_equal(used, [2, 4, 6, 9])
    np.testing.assert_array_equal(used[faces], [[9, 4, 6], [4, 6, 2]])
