"""Garments that hang from the waist: a regular grid sampled from the skirt helper, alone or sewn to an upper part."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack

from posable.body.geometry import arctan2, product, sin, smoothstep
from posable.body.model import BodyModel, body_model
from posable.people.wardrobe.draping import Drape, LegHull, leg_joints, with_middles
from posable.people.wardrobe.layers import TILE_METRES, Dummy, Layer
from posable.people.wardrobe.materials import Material

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]

COLUMNS = 60
TOP, BOTTOM = 0.14, -0.68
"""Template heights between which panels can be cut."""
_STEP = 0.01
_ROW = 0.042
"""Metres between rows of a panel."""
_ANCHOR_HEIGHT = 0.03
"""Template height of the lowest row that goes along with the hips."""
_UP = np.array([0, 0, 1], np.float32)
_KNEECAP = 0.02
"""Metres that a bent knee stands out before its joint, more than a straight one."""
_SEGMENT_HEIGHTS = (0.0, -0.375)


@dataclass(frozen=True, kw_only=True)
class Panel:
    """The cut of a hanging part; metres."""

    top: float
    """Template height, at most TOP."""
    hem: float
    """Template height, at least BOTTOM."""
    offset: FloatArray
    """Off the skin at the top and from the hips down, (2,)."""
    flare: float
    """How much wider, relatively, half a metre below the waist."""
    folds: int
    depth: float
    """Metres that folds stand out at the hem."""
    gap: int = 0
    """Columns (6 degrees each) left open on either side of the front's middle."""
    tiles: int = 2
    """Cloth patterns around."""
    clearance: float = 0.018
    """Kept from the legs' skin; more over trousers."""


def front_gap_angle(gap: int) -> float:
    """Radians from the front's middle to the edge of a panel with `gap`."""
    return 2 * np.pi / COLUMNS * gap


def cut_panel(dummy: Dummy, panel: Panel, material: Material, label: int, garment: str) -> Layer:
    """The panel as a layer that drapes in every pose."""
    body = dummy.body
    row_count = max(2, round((panel.top - panel.hem) / _ROW) + 1)
    heights = np.round(np.linspace(panel.top, panel.hem, row_count) / _STEP).astype(int) * _STEP
    columns = np.arange(panel.gap, COLUMNS - panel.gap + (panel.gap > 0)) % COLUMNS
    table_rows = np.round((TOP - heights) / _STEP).astype(int)
    chosen = (table_rows[:, None] * COLUMNS + columns).ravel()
    sampling = _sampling()[chosen]
    template = sampling @ body.template
    points = sampling @ dummy.shape.rest
    angles = (columns * (2 * np.pi / COLUMNS)).astype(np.float32)
    points = _shaped(points, sampling @ dummy.normals, template, np.tile(angles, row_count), panel)
    grid = np.arange(len(points), dtype=np.int32).reshape(row_count, len(columns))
    hanging = points.reshape(row_count, len(columns), 3)
    cloth = Drape(
        vertices=grid,
        links=_plumb(hanging[1:] - hanging[:-1], hanging[1:]),
        anchored=max(1, int((heights > _ANCHOR_HEIGHT).sum())),
        closed=panel.gap == 0,
        leg_radii=_leg_radii(dummy, points, panel.clearance),
        joints=leg_joints(body.bone_names),
    )
    faces = _grid_faces(grid, cloth.closed)
    return Layer(
        rest=points,
        template=template.astype(np.float32),
        skin_weights=sampling @ body.skin_weights,
        faces=faces,
        face_uv=_chart(template, faces, panel.tiles),
        face_label=np.full(len(faces), label, np.uint8),
        face_segment=_segments(template, faces),
        material=material,
        garment=garment,
        drape=cloth,
    )


def sew(upper: Layer, panel: Layer, seam: float) -> Layer:
    """One layer of an upper part, cut off at template height `seam`, and the panel that continues it below."""
    edge = _edge(upper, seam)
    assert panel.drape is not None
    top_row = panel.drape.vertices[0]
    below = top_row + len(upper.rest)
    template = np.concatenate([upper.template, panel.template])
    strip = _zip(edge, _angle(upper.template[edge]), below, _angle(panel.template[top_row]), panel.drape.closed)
    return Layer(
        rest=np.concatenate([upper.rest, panel.rest]),
        template=template,
        skin_weights=csr_matrix(vstack([upper.skin_weights, panel.skin_weights])),
        faces=np.concatenate([upper.faces, strip, panel.faces + len(upper.rest)]).astype(np.int32),
        face_uv=np.concatenate([upper.face_uv, _chart(template, strip), panel.face_uv]),
        face_label=np.concatenate(
            [upper.face_label, np.full(len(strip), panel.face_label[0], np.uint8), panel.face_label]
        ),
        face_segment=np.concatenate([upper.face_segment, np.zeros(len(strip), np.int8), panel.face_segment]),
        material=upper.material,
        garment=upper.garment,
        drape=panel.drape.shifted(len(upper.rest)),
    )


def _shaped(
    points: FloatArray, normals: FloatArray, template: FloatArray, angles: FloatArray, panel: Panel
) -> FloatArray:
    """The sampled skirt, off the skin, flared and folded; only sideways, so that hems stay level."""
    z = template[:, 2]
    offset = panel.offset[0] + (panel.offset[1] - panel.offset[0]) * smoothstep(panel.top, panel.top - 0.1, z)
    flat = normals * np.array([1, 1, 0], np.float32)
    points = points + flat * offset[:, None]
    center = np.array([points[:, 0].mean(), points[:, 1].mean()], np.float32)
    outward = points[:, :2] - center
    radius = np.maximum(np.sqrt((outward * outward).sum(1)), 0.05)
    down = np.clip((0.08 - z) / 0.5, 0, None)
    folded = panel.depth * np.minimum(down * 1.4, 1) * sin(angles * panel.folds + 0.7)
    scale = 1 + panel.flare * down + folded / radius
    return np.concatenate([center + outward * scale[:, None], points[:, 2:]], 1).astype(np.float32)


def _plumb(links: FloatArray, ends: FloatArray) -> FloatArray:
    """Links without the spread of the rest pose, whose legs stand apart."""
    spread = np.clip(ends[..., 0] / 0.2, -1, 1) * 0.11 * -links[..., 2]
    links = links.copy()
    links[..., 0] -= spread
    return links.astype(np.float32)


@lru_cache(maxsize=1)
def _sampling() -> csr_matrix:
    """Every height and column of possible panels from the asset vertices: (heights * COLUMNS, n)."""
    body = body_model()
    faces = body.helper_faces["skirt"]
    edges = np.unique(np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1), axis=0)
    wanted = np.arange(COLUMNS) * (2 * np.pi / COLUMNS)
    heights = np.round((TOP - BOTTOM) / _STEP) + 1
    rings = [_ring(body, edges, TOP - _STEP * row, wanted) for row in range(int(heights))]
    return csr_matrix(vstack(rings))


def _ring(body: BodyModel, edges: IntArray, height: float, wanted: NDArray[np.floating]) -> csr_matrix:
    """Points at the wanted angles on the polygon in which the skirt helper cuts a height: (wanted, n)."""
    # Off every vertex's own height, so that no edge only touches the plane.
    height += 1.3e-4
    z = body.template[:, 2].astype(np.float64)
    crossing = edges[(z[edges[:, 0]] - height) * (z[edges[:, 1]] - height) < 0]
    first, second = crossing.T
    share = (height - z[first]) / (z[second] - z[first])
    cut = body.template[first] * (1 - share[:, None]) + body.template[second] * share[:, None]
    angle = arctan2(cut[:, 0], -(cut[:, 1] + 0.02)) % (2 * np.pi)
    order = np.argsort(angle, kind="stable")
    angle, first, second, share = angle[order], first[order], second[order], share[order]
    right = np.searchsorted(angle, wanted) % len(angle)
    left = right - 1
    span = (angle[right] - angle[left]) % (2 * np.pi)
    t = ((wanted - angle[left]) % (2 * np.pi)) / np.maximum(span, 1e-9)
    rows = np.tile(np.arange(len(wanted)), 4)
    entries = [(1 - t) * (1 - share[left]), (1 - t) * share[left], t * (1 - share[right]), t * share[right]]
    vertices = [first[left], second[left], first[right], second[right]]
    shape = (len(wanted), len(body.template))
    return csr_matrix((np.concatenate(entries).astype(np.float32), (rows, np.concatenate(vertices))), shape)


def _leg_radii(dummy: Dummy, cloth: FloatArray, clearance: float) -> FloatArray:
    """`Drape.leg_radii`; at the hip that of the upper thigh, as hips are anchored.

    Thighs never so thick that they would push the `cloth` (n, 3) while the person stands at rest.
    """
    body = dummy.body
    left, right = dummy.shape.heads[list(leg_joints(body.bone_names))].reshape(2, 3, 3)
    points = dummy.shape.rest[_left_leg_skin()]
    places = with_middles(left)
    radii = []
    for index, share in ((0, 0.45), (0, 0.95), (2, 0.05), (2, 0.5), (3, 0.9)):
        start, along = places[index], places[index + 1] - places[index]
        length = float((along * along).sum())
        t = product(points - start, along) / length
        near = np.abs(t - share) < 0.22
        away = points[near] - start - t[near, None] * along
        radii.append(np.quantile(np.sqrt((away * away).sum(1)), 0.9))
    thickness = np.array(radii, np.float32) + np.float32(clearance)
    thickness[2] += np.float32(_KNEECAP)
    axes = LegHull.bridged(places, with_middles(right))
    for index in range(2):
        level = cloth[np.abs(cloth[:, 2] - places[index, 2]) < 0.1]
        if len(level):
            apart = level[:, None] - axes[:, index] * np.array([1, 1, 0], np.float32) - level[:, None] * _UP
            thickness[index] = min(thickness[index], np.quantile(np.sqrt((apart * apart).sum(2)).min(1), 0.1))
    return thickness


@lru_cache(maxsize=1)
def _left_leg_skin() -> IntArray:
    body = body_model()
    skin = np.unique(body.skin_faces)
    segment = body.regions.segment[skin]
    return skin[(segment == 6) | (segment == 8)].astype(np.int32)


def _grid_faces(grid: IntArray, closed: bool) -> IntArray:
    if closed:
        grid = np.concatenate([grid, grid[:, :1]], 1)
    a, b, c, d = grid[:-1, :-1].ravel(), grid[1:, :-1].ravel(), grid[1:, 1:].ravel(), grid[:-1, 1:].ravel()
    return np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])


def _angle(template: FloatArray) -> FloatArray:
    return (arctan2(template[:, 0], -(template[:, 1] + 0.02)) % (2 * np.pi)).astype(np.float32)


def _chart(template: FloatArray, faces: IntArray, tiles: int = 2) -> FloatArray:
    angle = _angle(template)[faces]
    angle = np.where(angle.max(1, keepdims=True) - angle > np.pi, angle + 2 * np.pi, angle)
    return np.stack([angle * np.float32(tiles * TILE_METRES / (2 * np.pi)), template[faces][..., 2]], -1).astype(
        np.float32
    )


def _segments(template: FloatArray, faces: IntArray) -> NDArray[np.int8]:
    center = template[faces].mean(1)
    right = center[:, 0] < 0
    hip, knee = _SEGMENT_HEIGHTS
    return np.where(center[:, 2] > hip, 0, np.where(center[:, 2] > knee, 6 + right, 8 + right)).astype(np.int8)


def _edge(layer: Layer, seam: float) -> IntArray:
    """Vertices along the cut at height `seam`, by angle."""
    on_seam = np.flatnonzero(np.abs(layer.template[:, 2] - seam) < 2e-5)
    return on_seam[np.argsort(_angle(layer.template[on_seam]), kind="stable")].astype(np.int32)


def _zip(upper: IntArray, upper_angle: FloatArray, lower: IntArray, lower_angle: FloatArray, closed: bool) -> IntArray:
    """Triangles between two lines of vertices that go around the body, each step on the one that lags behind."""
    if closed:
        upper, lower = np.append(upper, upper[0]), np.append(lower, lower[0])
        upper_angle = np.append(upper_angle, upper_angle[0] + 2 * np.pi)
        lower_angle = np.append(lower_angle, lower_angle[0] + 2 * np.pi)
    triangles: list[tuple[int, int, int]] = []
    i = j = 0
    while i < len(upper) - 1 or j < len(lower) - 1:
        step_above = j == len(lower) - 1 or (i < len(upper) - 1 and upper_angle[i + 1] < lower_angle[j + 1])
        if step_above:
            triangles.append((upper[i], lower[j], upper[i + 1]))
            i += 1
        else:
            triangles.append((upper[i], lower[j], lower[j + 1]))
            j += 1
    return np.array(triangles, np.int32).reshape(-1, 3)
