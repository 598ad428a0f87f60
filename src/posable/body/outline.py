"""`fit_girth`: how thick a fitted body is, from the outline of the person in the picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from posable.body.fitted import Body
from posable.body.mesh_editing import vertex_normals
from posable.body.rasterize import rasterize
from posable.body.reduced import GIRTHS, NUM_JOINTS, reduced_body
from posable.errors import SizeError
from posable.imaging.size import Size

FloatArray = npt.NDArray[np.floating]

_ROUNDS = 4
_LARGEST_SIDE = 384
"""Px of the picture in which outlines are compared; larger ones are reduced."""
_REACH_METRES = 0.09
"""How far from the body's outline the person's is looked for."""
_STEPS = 25
_GRAZING = 0.35
"""Normals of outline vertices are so nearly across the line of sight."""
_SPREAD, _LEAST, _MOST = 0.2, -0.25, 0.6
"""Of girths: standard deviation among people, and limits."""
_MISS_METRES, _CLOTH_METRES = 0.012, 0.03
"""Standard deviations of an outline that lies inside the body, and of one outside, which may be cloth."""
_INDEPENDENT = 40.0
"""Vertices of an outline that count as one observation each, whatever the mesh has there."""


def fit_girth(body: Body, mask: FloatArray) -> Body:
    """The body, as thick as the outline of the person says where it is near the body's own.

    `mask` (h, w) in [0, 1] is high on the person, in the body's frame. Where the person's outline is farther away than
    cloth usually is, at hands, feet, head and hair, and at the frame's edge it says nothing. An empty mask, or one
    that is everything, leaves the body as it is. Raises SizeError for a mask of another size.
    """
    if mask.shape != tuple(body.size):
        raise SizeError(f"the mask is {mask.shape[0]}x{mask.shape[1]}, but the body is in a frame of {body.size}.")
    factor = min(1.0, _LARGEST_SIDE / max(body.size))
    step = max(1, round(1 / factor))
    inside = np.ascontiguousarray(mask[step // 2 :: step, step // 2 :: step]) > 0.5
    size = Size(*inside.shape)
    girth = body.girth.copy()
    for _ in range(_ROUNDS):
        # Sample (i, j) is the pixel (i * step + step // 2, ...), whose centre is half a pixel further.
        shift = 0.5 - (step // 2 + 0.5) / step
        small = replace(body, girth=girth).moved(1 / step, (shift, shift), size)
        misses, rows = _misses(small, inside)
        if len(misses) < 10:
            return body
        spread = np.where(misses < 0, _MISS_METRES, _CLOTH_METRES)
        # Cauchy's weights: outlines of bags, skirts and other people pull little.
        weight = _INDEPENDENT / max(len(misses), _INDEPENDENT) / spread**2 / (1 + (misses / spread) ** 2)
        precision = (rows * weight[:, None]).T @ rows + np.eye(len(GIRTHS)) / _SPREAD**2
        girth = np.clip(np.linalg.solve(precision, (rows * weight[:, None]).T @ (misses + rows @ girth)), _LEAST, _MOST)
    return replace(body, girth=girth)


def _misses(body: Body, inside: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """How far (n,) the person's outline is outside n vertices of the body's, metres, and how they move that way by each
    girth (n, 7)."""
    model = reduced_body()
    screen, normals = body.screen_vertices, vertex_normals(body.vertices, model.faces)
    covered = rasterize(screen, model.faces, body.size).face_ids >= 0
    across = normals[:, [0, 2]] * [1, -1]
    length = np.linalg.norm(across, axis=1)
    across = across / np.maximum(length, 1e-6)[:, None]
    px_per_metre = body.scale * body.distance / screen[:, 2]
    thick = np.any(np.abs(model.girth_basis).max(2) > 0.02, axis=0)
    chosen = np.flatnonzero(thick & (np.abs(normals[:, 1]) < _GRAZING) & (length > 0.5))
    points, across, px_per_metre = screen[chosen, :2], across[chosen], px_per_metre[chosen]
    # On the outline is what has nothing of the body just outside of it.
    on_rim = ~_sampled(covered, points + across * np.maximum(1.5, 0.008 * px_per_metre)[:, None], True)
    chosen, points, across, px_per_metre = chosen[on_rim], points[on_rim], across[on_rim], px_per_metre[on_rim]
    if not len(chosen):
        return np.zeros(0), np.zeros((0, len(GIRTHS)))

    distances = np.linspace(-_REACH_METRES, _REACH_METRES, 2 * _STEPS + 1)
    ways = points[:, None] + (px_per_metre[:, None] * distances)[..., None] * across[:, None]
    limit = np.array([body.size.width, body.size.height])
    in_frame = ((ways > 0) & (ways < limit)).all((1, 2))
    person = _sampled(inside, ways, False)
    # From a vertex inside the person outwards to the first gap; from one outside inwards to the person.
    gap = np.where(~person[:, _STEPS:], np.arange(_STEPS + 1), 2 * _STEPS).min(1)
    back = np.where(person[:, _STEPS::-1], np.arange(_STEPS + 1), 2 * _STEPS).min(1)
    starts_inside = person[:, _STEPS]
    steps = np.where(starts_inside, gap - 0.5, 0.5 - back)
    found = in_frame & (np.where(starts_inside, gap, back) <= _STEPS)
    rows = _girth_rows(body, chosen[found], across[found])
    return steps[found] * (_REACH_METRES / _STEPS), rows


def _girth_rows(body: Body, vertices: npt.NDArray[np.int64], across: FloatArray) -> npt.NDArray[np.float64]:
    model = reduced_body()
    turns = model.skin_weights[vertices] @ body.joint_transforms[:, :, :3].reshape(NUM_JOINTS, 9)
    moves = np.einsum("nab,gnb->nga", turns.reshape(-1, 3, 3), model.girth_basis[:, vertices])
    return np.einsum("nga,na->ng", moves[..., [0, 2]] * [1, -1], across)


def _sampled(picture: npt.NDArray[np.bool_], points: FloatArray, outside: bool) -> npt.NDArray[np.bool_]:
    """The pixels under points (..., 2); `outside` beyond the frame."""
    columns, rows = (np.floor(points[..., axis]).astype(np.int64) for axis in (0, 1))
    height, width = picture.shape
    within = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    return np.where(within, picture[np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)], outside)
