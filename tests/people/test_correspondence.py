"""Correspondence of views: identity, a case with a known answer, and real pictures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from posable.body.rasterize import rasterize
from posable.errors import SizeError
from posable.imaging.size import Size
from posable.people import View, correspondence, make_person, pairwise_correspondence, render_views
from posable.people.correspondence import BACKGROUND, HIDDEN, SEEN

SIZE = Size(128, 88)


@pytest.fixture(scope="module")
def views() -> list[View]:
    return render_views(make_person(0), 6, SIZE)


def cell_grid(size: Size, stride: int) -> np.ndarray:
    rows, columns = np.mgrid[0 : size.height // stride, 0 : size.width // stride]
    return (np.stack([columns, rows], -1) + 0.5) * stride


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_a_view_corresponds_to_itself(views, stride):
    for view in views:
        flow, state = correspondence(view, view, stride)
        assert flow.shape == (SIZE.height // stride, SIZE.width // stride, 2)
        on_person = state != BACKGROUND
        assert on_person.any()
        assert (state[on_person] == SEEN).mean() > 0.99
        assert np.abs(flow - cell_grid(SIZE, stride))[on_person].max() < 0.1


def flat_view(like: View, vertices: list[list[float]], faces: list[list[int]]) -> View:
    """A view of triangles given in pixels and depth."""
    screen, triangles = np.array(vertices, np.float32), np.array(faces, np.int32)
    drawn = rasterize(screen, triangles, SIZE)
    return replace(
        like,
        faces=triangles,
        screen_vertices=screen,
        face_ids=drawn.face_ids,
        barycentrics=drawn.barycentrics,
        depth=drawn.depth,
    )


SQUARE = [[10, 10, 4], [50, 10, 4], [50, 50, 4], [10, 50, 4]]
SQUARE_FACES = [[0, 1, 2], [0, 2, 3]]


def test_a_moved_and_scaled_square_gives_the_affine_flow(views):
    target = flat_view(views[0], SQUARE, SQUARE_FACES)
    source = flat_view(views[0], [[2 * x - 15, 1.5 * y + 20, z] for x, y, z in SQUARE], SQUARE_FACES)
    flow, state = correspondence(target, source, 2)
    inside = np.zeros(state.shape, bool)
    inside[5:25, 5:25] = True
    expected = cell_grid(SIZE, 2) * (2, 1.5) + (-15, 20)
    assert np.allclose(flow[inside], expected[inside], atol=1e-3)
    assert (state[~inside] == BACKGROUND).all()
    in_frame = (expected[..., 0] >= 0) & (expected[..., 0] < SIZE.width)
    assert np.array_equal(state == SEEN, inside & in_frame)


def test_what_something_nearer_covers_is_hidden(views):
    lid = [[0, 0, 3], [30, 0, 3], [30, 60, 3], [0, 60, 3]]
    aside = [[x, y + 62, z] for x, y, z in lid]
    faces = [*SQUARE_FACES, [4, 5, 6], [4, 6, 7]]
    target, source = flat_view(views[0], SQUARE + aside, faces), flat_view(views[0], SQUARE + lid, faces)
    _, state = correspondence(target, source, 2)
    square = state[5:25, 5:25]
    assert (square[:, :9] == HIDDEN).all()
    assert (square[:, 11:] == SEEN).all()


def test_a_surface_that_shows_its_other_side_is_hidden(views):
    target = flat_view(views[0], SQUARE, SQUARE_FACES)
    turned = flat_view(views[0], [[60 - x, y, z] for x, y, z in SQUARE], SQUARE_FACES)
    _, state = correspondence(target, turned, 2)
    assert (state[5:25, 5:25] == HIDDEN).all()


def test_warping_the_source_by_the_flow_gives_the_target(views):
    warped_errors, unwarped_errors = [], []
    for target in views:
        for source in views:
            flow, state = correspondence(target, source, 1)
            seen = state == SEEN
            if target is source or seen.sum() < 50:
                continue
            at = [flow[seen][:, 1] - 0.5, flow[seen][:, 0] - 0.5]
            warped = np.stack([map_coordinates(source.image[..., c].astype(float), at, order=1) for c in range(3)], -1)
            truth = target.image[seen].astype(float)
            # Light differs from pose to pose: compare colours relative to their brightness.
            warped_errors.append(np.abs(chroma(warped) - chroma(truth)).mean())
            unwarped_errors.append(np.abs(chroma(source.image[seen].astype(float)) - chroma(truth)).mean())
    assert len(warped_errors) > 5
    assert np.mean(warped_errors) < 0.5 * np.mean(unwarped_errors)


def chroma(color: np.ndarray) -> np.ndarray:
    return color / (color.sum(-1, keepdims=True) + 30)


def test_all_pairs_at_once_are_the_pairs_one_by_one(views):
    flow, state = pairwise_correspondence(views[:3], 2)
    assert flow.shape == (3, 3, SIZE.height // 2, SIZE.width // 2, 2)
    for target in range(3):
        for source in range(3):
            one_flow, one_state = correspondence(views[target], views[source], 2)
            assert np.array_equal(flow[target, source], one_flow)
            assert np.array_equal(state[target, source], one_state)


def test_a_stride_that_does_not_divide_the_size_is_refused(views):
    with pytest.raises(SizeError, match="stride 3 does not divide"):
        correspondence(views[0], views[1], 3)
