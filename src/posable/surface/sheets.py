"""From layers of pixels to sheets of triangles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from posable.body.fitted import Body
from posable.body.mesh_editing import vertex_normals
from posable.surface.field_types import BACK, FRONT, MESH, Fields, Grid, LayerField
from posable.surface.grids import Floats, Mask, grown, nearest_of, sampled, shrunk, smoothed, smoothed_within
from posable.surface.limbs import ARMS, LEGS, TRUNK, Ints, anatomy, joint, unprojected
from posable.surface.looks import Look
from posable.surface.surface import FootPart, Kind

_TORN_METRES = 0.08
"""Neighbouring pixels that lie further apart on the body than this touch in the picture only,"""
_TORN_CELLS = 4.0
"""and this many cells more."""
_DEEP_METRES = 0.10
_DEEP_CLOTH_METRES = 0.15
_LONGEST_CELLS, _LONGEST_CLOTH_CELLS = 14.0, 40.0
_BORDER_CELLS = 2.0
"""How far sheets go on under their neighbours, so that no gap opens between them."""
_PATCH_CELLS = 3.5
_LEAST_AREA = 0.3
_NO_TEXTURE = 1e-6
"""Area of triangles that take the smooth colours alone: they count as stretched without end."""
_BACK_METRES, _HIDDEN_METRES = 0.004, 0.05
_MESH_METRES = 0.1
"""The body's mesh gives way to the picture's own sheets by this much."""
_SHRUNK_METRES, _SHOE_METRES = 0.006, 0.009
_DRAWN_IN_METRES = 0.12
_BONES_PER_VERTEX = 4


@dataclass(frozen=True, kw_only=True, eq=False)
class Sheet:
    """Vertices and triangles as `Surface` has them, numbered from 0; positions in cells."""

    rest: Floats
    bones: npt.NDArray[np.uint8]
    shares: Floats
    body_points: Floats
    places: Floats
    copied_from: Floats
    second_from: Floats
    copied_share: Floats
    colors: Floats
    opacity: Floats
    beyond: Mask
    """(n,), vertices outside of the sheet's outline."""
    kinds: npt.NDArray[np.uint8]
    triangles: Ints
    layers: npt.NDArray[np.uint8]
    sides: npt.NDArray[np.uint8]
    penalties: Floats
    longest: Floats
    areas: Floats
    feet: npt.NDArray[np.uint8]


def layer_sheets(grid: Grid, fields: Fields, looks: list[tuple[Look, Look] | None], body: Body) -> list[Sheet]:
    """Front and back of each layer."""
    sheets: list[Sheet] = []
    for layer, (field, pair) in enumerate(zip(fields.layers, looks, strict=True)):
        if field is None or pair is None:
            continue
        for side, look in zip((FRONT, BACK), pair, strict=True):
            sheet = _layer_sheet(grid, fields, field, look, body, layer, side)
            if sheet is not None:
                sheets.append(sheet)
    return sheets


def _layer_sheet(
    grid: Grid, fields: Fields, field: LayerField, look: Look, body: Body, layer: int, side: int
) -> Sheet | None:
    there = field.support
    inside = there | ~grid.mask
    opacity = smoothed(inside.astype(np.float32), 0.8)
    spread = grown(there, _BORDER_CELLS)
    rows, columns = np.nonzero(spread)
    if len(rows) < 3:
        return None
    numbers = np.full(spread.shape, -1, np.int32)
    numbers[rows, columns] = np.arange(len(rows))
    step = field.to_outline[rows, columns]
    x, y = columns + np.float32(0.5) + step[:, 0], rows + np.float32(0.5) + step[:, 1]
    hem = (fields.cloth > 0.3)[rows, columns] & (step[:, 1] > np.abs(step[:, 0])) if layer == TRUNK else False
    depth = np.where(
        (step != 0).any(1) & ~np.asarray(hem),
        (field.front + field.back)[rows, columns] / 2,
        (field.front if side == FRONT else field.back)[rows, columns],
    )
    posed = unprojected(body, grid.to_source(x, y), depth)
    bones, shares = strongest_bones(field.weights[rows, columns])
    points = (field.front_point if side == FRONT else field.back_point)[rows, columns]
    triangles = _triangles(numbers)
    cloth = (fields.cloth > 0.5)[rows, columns]
    head = (grid.labels.head > 0.5)[rows, columns] & (layer == TRUNK)
    triangles = triangles[~_torn(triangles, posed, points, cloth, head, fields.px_per_metre)]
    count = len(triangles)
    copied_from = look.copied_from[rows, columns] + step
    centre_rows, centre_columns = np.indices(spread.shape, np.float32) + np.float32(0.5)
    centres = np.stack([centre_columns, centre_rows], -1)
    own = np.abs(look.copied_from - centres).max(2) < 0.5
    second = _second_places(grid, field, look.copied_from, own)
    kinds = _kinds(field, look, side)[rows, columns]
    # What goes on behind an arm begins behind its rim, which is as deep as the arm's middle.
    unseen = ~(field.visible | ~grid.mask)[rows, columns][triangles]
    hidden = unseen.all(1) if layer in ARMS else unseen.any(1)
    return Sheet(
        rest=rest_points(posed, bones, shares, body),
        bones=bones,
        shares=shares,
        body_points=points,
        places=np.stack([x, y], 1),
        copied_from=copied_from,
        second_from=second[rows, columns] + step,
        copied_share=look.share[rows, columns],
        colors=look.color[rows, columns] * 2 - 1,
        opacity=opacity[rows, columns],
        beyond=(field.presence[rows, columns] < 0.5) & ~(step != 0).any(1),
        kinds=kinds,
        triangles=triangles,
        layers=np.full(count, layer, np.uint8),
        sides=np.full(count, side, np.uint8),
        penalties=np.where(hidden, _HIDDEN_METRES, _BACK_METRES if side == BACK else 0).astype(np.float32),
        longest=np.where(cloth[triangles].all(1), _LONGEST_CLOTH_CELLS, _LONGEST_CELLS).astype(np.float32),
        areas=np.where(_patched(triangles, copied_from), _NO_TEXTURE, _areas(np.stack([x, y], 1), triangles)),
        feet=_feet(field.weights[rows, columns], triangles),
    )


def _second_places(grid: Grid, field: LayerField, copied_from: Floats, own: Mask) -> Floats:
    """(h, w, 2), what rims that turn to the camera are copied from: further inside, where the skin is seen well.

    `copied_from` (h, w, 2) and `own` (h, w), whether that is the place itself, are of one side. A face has no second
    cheek to lend: there the rim itself is stretched.
    """
    face = np.clip(smoothed(grid.labels.head - grid.labels.hair, 1.0) * 2, 0, 1)
    return copied_from + np.where(own[..., None], field.inward * (1 - face[..., None]), 0)


def _kinds(field: LayerField, look: Look, side: int) -> npt.NDArray[np.uint8]:
    kinds = np.where(field.visible, Kind.FRONT if side == FRONT else Kind.BACK, Kind.BORROWED)
    kinds = np.where(look.mirrored, Kind.MIRRORED, kinds)
    return np.where(look.share < 0.3, Kind.PAINTED, kinds).astype(np.uint8)


def _triangles(numbers: Ints) -> Ints:
    """Two triangles for each four neighbouring vertices, one for three; clockwise in the picture, y down."""
    quads = np.stack([numbers[:-1, :-1], numbers[:-1, 1:], numbers[1:, 1:], numbers[1:, :-1]], -1).reshape(-1, 4)
    present = quads >= 0
    full = quads[present.all(1)]
    parts = [full[:, [0, 1, 2]], full[:, [0, 2, 3]]]
    for missing in range(4):
        chosen = quads[(present.sum(1) == 3) & ~present[:, missing]]
        parts.append(chosen[:, [corner for corner in range(4) if corner != missing]])
    return np.ascontiguousarray(np.concatenate(parts), np.int32)


def _areas(places: Floats, triangles: Ints) -> Floats:
    """(t,) twice the triangles' areas, as the kernels count them; none is quite 0."""
    corners = places[triangles]
    across, down = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    doubled = np.abs(across[:, 0] * down[:, 1] - across[:, 1] * down[:, 0])
    return np.maximum(doubled, _LEAST_AREA).astype(np.float32)


def _patched(triangles: Ints, copied_from: Floats) -> npt.NDArray[np.bool_]:
    """Triangles whose corners are copied from different places: nothing can be copied between them."""
    corners = copied_from[triangles]
    return np.ptp(corners, axis=1).max(1) > _PATCH_CELLS


def _torn(
    triangles: Ints, posed: Floats, points: Floats, cloth: Mask, head: Mask, px_per_metre: float
) -> npt.NDArray[np.bool_]:
    """Triangles between parts that touch in the picture only; none within a head or within one piece of cloth."""
    corners = points[triangles]
    edges = np.linalg.norm(corners - np.roll(corners, 1, 1), axis=2).max(1)
    deep = np.ptp(posed[triangles][:, :, 1], axis=1)
    torn = (edges > _TORN_METRES + _TORN_CELLS / px_per_metre) | (deep > _DEEP_METRES)
    torn &= ~(head[triangles].any(1) & (deep < _DEEP_CLOTH_METRES))
    return torn & ~(cloth[triangles].all(1) & (deep < _DEEP_CLOTH_METRES))


def strongest_bones(weights: Floats) -> tuple[npt.NDArray[np.uint8], Floats]:
    """The four joints (n, 4) that move each vertex most, and their shares, which sum to 1."""
    bones = np.argpartition(-weights, _BONES_PER_VERTEX - 1, 1)[:, :_BONES_PER_VERTEX]
    shares = np.maximum(np.take_along_axis(weights, bones, 1), 0)
    shares = shares / np.maximum(shares.sum(1, keepdims=True), 1e-6)
    return bones.astype(np.uint8), shares.astype(np.float32)


def rest_points(posed: Floats, bones: npt.NDArray[np.uint8], shares: Floats, body: Body) -> Floats:
    """Where posed points (n, 3) are in the rest pose: skinning undone."""
    blended = np.einsum("nk,nkij->nij", shares.astype(np.float64), body.joint_transforms[bones])
    shift = (posed - blended[:, :, 3])[..., None]
    linear = blended[:, :, :3]
    # Opposite turns can cancel; a little of the identity keeps such points where they are.
    weak = np.abs(np.linalg.det(linear)) < 0.05
    linear[weak] += 0.3 * np.eye(3)
    return np.linalg.solve(linear, shift)[..., 0].astype(np.float32)


def mesh_sheet(grid: Grid, fields: Fields, looks: list[tuple[Look, Look] | None], body: Body) -> Sheet:
    """The body's own mesh, a little thinner, in the person's colours: it shows where the sheets leave a gap."""
    parts, screen = anatomy(), fields.screen
    x, y = screen[:, 0], screen[:, 1]
    count = len(x)
    copied_from, share = screen[:, :2].copy(), np.zeros(count, np.float32)
    colors = np.zeros((count, 3), np.float32)
    facing_away = vertex_normals(body.vertices, parts.faces)[:, 1] > 0
    for layer, pair in enumerate(looks):
        mine = parts.layer == layer
        if pair is None or not mine.any():
            continue
        for look, chosen in zip(pair, (mine & ~facing_away, mine & facing_away), strict=True):
            colors[chosen] = sampled(look.color, x[chosen], y[chosen])
    known = np.array([pair is not None for pair in looks])[parts.layer]
    seen = fields.seen_vertices
    share[seen] = 1
    other = ~seen & seen[parts.mirror]
    copied_from[other], share[other] = screen[parts.mirror[other], :2], 1
    # The same colours on both sides of the body where one is out of the picture or of the window.
    h, w = grid.size
    outside = (x < 0) | (y < 0) | (x > w) | (y > h) | ~known
    colors[outside] = _borrowed_colors(colors, outside, parts.mirror, body)
    kinds = np.full(count, Kind.MESH, np.uint8)
    faces = parts.faces
    cell = (np.clip(y.astype(int), 0, h - 1), np.clip(x.astype(int), 0, w - 1))
    under_skirt = (fields.cloth[cell] > 0.5) & np.isin(parts.layer, LEGS) & ~outside
    posed, beyond = _drawn_in(grid, fields, body, outside)
    ends = (np.maximum(parts.hand, parts.foot) > 0.5) & ~outside
    drawn = ~(under_skirt | beyond | ends)[faces].any(1)
    faces = faces[drawn & ~_overlong(posed, body.vertices, faces)]
    areas = _areas(copied_from, faces)
    bones, shares = strongest_bones(parts.weights)
    return Sheet(
        rest=rest_points(posed - _SHRUNK_METRES * vertex_normals(body.vertices, parts.faces), bones, shares, body),
        bones=bones,
        shares=shares,
        body_points=body.rest_vertices,
        places=screen[:, :2],
        copied_from=copied_from,
        second_from=copied_from,
        copied_share=share,
        colors=colors * 2 - 1,
        opacity=np.ones(count, np.float32),
        beyond=np.zeros(count, np.bool_),
        kinds=kinds,
        triangles=np.ascontiguousarray(faces, np.int32),
        layers=parts.layer[faces[:, 0]].astype(np.uint8),
        sides=np.full(len(faces), MESH, np.uint8),
        penalties=np.full(len(faces), _MESH_METRES, np.float32),
        longest=np.full(len(faces), 1e6, np.float32),
        areas=areas,
        feet=np.zeros(len(faces), np.uint8),
    )


def foot_sheets(grid: Grid, fields: Fields, looks: list[tuple[Look, Look] | None], body: Body) -> list[Sheet]:
    """The body's own feet, as thick as shoes, in the smooth colours of the picture's: for feet that turn.

    A foot that points at the camera shows so little of its length that nothing good can be made of its pixels.
    """
    parts, normals = anatomy(), vertex_normals(body.rest_vertices, anatomy().faces)
    sheets: list[Sheet] = []
    for layer, side, code in zip(LEGS, "LR", (FootPart.LEFT_MESH, FootPart.RIGHT_MESH), strict=True):
        field, pair = fields.layers[layer], looks[layer]
        faces = parts.faces[(parts.weights[parts.faces][:, :, joint(f"foot.{side}")] > 0.3).all(1)]
        if field is None or pair is None:
            continue
        cells = field.visible & (field.weights[..., joint(f"foot.{side}")] > 0.6)
        if cells.sum() < 8:
            continue
        vertices, triangles = np.unique(faces, return_inverse=True)
        triangles = triangles.reshape(-1, 3).astype(np.int32)
        rows, columns = nearest_of(cells)
        h, w = grid.size
        x, y = fields.screen[vertices, 0], fields.screen[vertices, 1]
        cell = (np.clip(y.astype(int), 0, h - 1), np.clip(x.astype(int), 0, w - 1))
        soft = smoothed_within(pair[0].color, cells, 2.0)[rows[cell], columns[cell]]
        light = 0.92 + 0.1 * normals[vertices, 2:3]
        shod = (grid.labels.shoes * cells).sum() > 0.3 * cells.sum()
        bones, shares = strongest_bones(parts.weights[vertices])
        count, number = len(vertices), len(triangles)
        places = np.stack([columns[cell] + 0.5, rows[cell] + 0.5], 1).astype(np.float32)
        sheets.append(
            Sheet(
                rest=(body.rest_vertices + (_SHOE_METRES if shod else 0) * normals)[vertices].astype(np.float32),
                bones=bones,
                shares=shares,
                body_points=body.rest_vertices[vertices],
                places=places,
                copied_from=places,
                second_from=places,
                copied_share=np.zeros(count, np.float32),
                colors=(np.clip(soft * light, 0, 1) * 2 - 1).astype(np.float32),
                opacity=np.ones(count, np.float32),
                beyond=np.zeros(count, np.bool_),
                kinds=np.full(count, Kind.MESH, np.uint8),
                triangles=triangles,
                layers=np.full(number, layer, np.uint8),
                sides=np.full(number, MESH, np.uint8),
                penalties=np.zeros(number, np.float32),
                longest=np.full(number, 1e6, np.float32),
                areas=np.ones(number, np.float32),
                feet=np.full(number, code, np.uint8),
            )
        )
    return sheets


def _feet(weights: Floats, triangles: Ints) -> npt.NDArray[np.uint8]:
    """(t,), the FootPart of a layer's triangles."""
    result = np.zeros(len(triangles), np.uint8)
    for side, code in (("L", FootPart.LEFT_PIXELS), ("R", FootPart.RIGHT_PIXELS)):
        result[(weights[:, joint(f"foot.{side}")] > 0.5)[triangles].any(1)] = code
    return result


def _drawn_in(grid: Grid, fields: Fields, body: Body, outside: Mask) -> tuple[Floats, Mask]:
    """The body's posed vertices (v, 3) drawn into the outlines of the picture's limbs, and those too far off (v,).

    The fitted body lies beside the picture's arm by some cm; without this it would look out behind it.
    """
    parts, posed, screen = anatomy(), body.vertices.copy(), fields.screen
    h, w = grid.size
    column, row = np.clip(screen[:, 0].astype(int), 0, w - 1), np.clip(screen[:, 1].astype(int), 0, h - 1)
    far = np.zeros(len(posed), np.bool_)
    for layer, field in enumerate(fields.layers):
        mine = (parts.layer == layer) & ~outside
        if field is None or not field.support.any():
            far |= mine
            continue
        room = field.support
        for other in () if layer in ARMS else LEGS if layer == TRUNK else (TRUNK,):
            beside = fields.layers[other]
            room = room if beside is None else room | beside.support
        rows, columns = nearest_of(shrunk(room, 1) if shrunk(room, 1).any() else room)
        moved = mine & ~room[row, column]
        there = np.stack([columns[row, column], rows[row, column]], 1)[moved] + 0.5
        distance = np.linalg.norm(there - screen[moved, :2], axis=1) / fields.px_per_metre
        far[np.flatnonzero(moved)[distance > _DRAWN_IN_METRES]] = True
        places = grid.to_source(there[:, 0], there[:, 1])
        posed[moved] = unprojected(body, places, screen[moved, 2])
    return posed, far


def _overlong(posed: Floats, original: Floats, faces: Ints) -> Mask:
    """(f,), faces whose corners were drawn to different sides of a dent in the outline."""

    def longest(vertices: Floats) -> Floats:
        corners = vertices[faces]
        return np.linalg.norm(corners - np.roll(corners, 1, 1), axis=2).max(1)

    now = longest(posed)
    return (now > 0.03) & (now > 2 * longest(original))


def _borrowed_colors(colors: Floats, outside: Mask, mirror: Ints, body: Body) -> Floats:
    """Colours (k, 3) for the vertices `outside`: of the mirrored vertex, else of the nearest one inside."""
    result = colors[mirror[outside]]
    lost = outside[mirror[outside]]
    if lost.any() and not outside.all():
        inside = np.flatnonzero(~outside)
        tree = KDTree(body.rest_vertices[inside])
        _, nearest = tree.query(body.rest_vertices[np.flatnonzero(outside)[lost]])
        result[lost] = colors[inside[nearest]]
    return result
