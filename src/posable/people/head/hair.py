"""Hair on a person: a layer over the scalp, locks that lie on it or hang from it, and bands around tails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from posable.body.geometry import arctan2, cos, sin, smoothstep
from posable.body.mesh_editing import clip_faces, neighbour_mean, smooth, vertex_normals
from posable.parsing.lip_labels import Lip
from posable.people.head.hair_locks import Strands
from posable.people.head.hair_styles import FEMALE_STYLES, MALE_STYLES, UNDER_HATS, Style, style_hair
from posable.people.head.hairline import Hairline, HatLine
from posable.people.head.scalp import Array, HeadFit, Surface, scalp_grid, surface, template_scalp
from posable.people.wardrobe.layers import HEAD_RADIUS, Dummy, Layer
from posable.people.wardrobe.materials import Color, Flat, Hair, Material

FloatArray = NDArray[np.float32]

_HANG_DISTANCE = 0.009
"""Metres that hanging hair keeps from body and clothes."""
_HIDDEN_MARGIN = 0.022
_SHELL_EDGE = 0.006
"""Metres inside the painted hairline where the layer of hair begins."""
_HAT_ROOM = 0.005
"""Metres that hair may stand off the scalp under a hat."""
_TIE_COLORS = ((0.05, 0.05, 0.06), (0.5, 0.08, 0.12), (0.85, 0.82, 0.8), (0.12, 0.2, 0.45), (0.8, 0.45, 0.6))


@dataclass(frozen=True, eq=False)
class Hairdo:
    """Layers of hair, the scalp they hide, and where hair grows."""

    style: str
    layers: list[Layer]
    hidden: NDArray[np.bool_]
    """(n,) asset vertices."""
    hairline: Hairline


def grow_hair(
    dummy: Dummy,
    clothes: Sequence[Layer],
    color: Color,
    female: bool,
    rng: np.random.Generator,
    hat_line: HatLine | None = None,
) -> Hairdo:
    """Random hair or none; hanging hair lies over `clothes`, and hair is cut away inside `hat_line`, for a hat."""
    style = style_hair(_choose(dummy, female, hat_line is not None, rng), female, rng)
    hidden = np.zeros(len(dummy.body.template), bool)
    if not style.thickness:
        return Hairdo(style.name, [], hidden, style.hairline)
    fit = HeadFit.of(dummy)
    vertices, scalp = template_scalp()
    hidden[vertices] = style.hairline.above(scalp.points.astype(np.float32)) > _HIDDEN_MARGIN
    hidden &= (dummy.body.regions.head > 0.5) & ~_near_ears(dummy.body.template)
    frizzy = style.frizz > 0.003
    lighter = np.clip(color * np.float32(rng.uniform(1.06, 1.22)) + np.float32(0.01), 0, 1)
    materials = [Hair(tone, int(rng.integers(1 << 30))) for tone in (color, color * np.float32(0.86), lighter)]
    layers = [_shell(dummy, fit, style, materials[1], hat_line, rng)]
    obstacles = _obstacles(dummy, clothes) if style.falls else None
    for strands in style.strands:
        pale = (
            np.arange(len(strands.points)) % 4 == 3 if len(strands.points) > 8 else np.zeros(len(strands.points), bool)
        )
        for chosen, material in ((~pale, materials[0]), (pale, materials[2])):
            if chosen.any():
                part = Strands(strands.points[chosen], strands.uv[chosen] * (1, 6 if frizzy else 1))
                layers.append(_locks(dummy, fit, part, obstacles, material, hat_line))
    tie = Flat(np.array(_TIE_COLORS[int(rng.integers(len(_TIE_COLORS)))], np.float32))
    layers += [_locks(dummy, fit, band, obstacles, tie, None) for band in style.ties]
    return Hairdo(style.name, layers, hidden, style.hairline)


def _near_ears(template: FloatArray) -> NDArray[np.bool_]:
    x, y, z = template.T
    return (np.abs(x) > 0.025) & (z < 0.77) & (y > -0.09) & (y < 0.02)


def _choose(dummy: Dummy, female: bool, hat: bool, rng: np.random.Generator) -> str:
    shares = dict(FEMALE_STYLES if female else MALE_STYLES)
    african = dummy.shape.phenotype["african"]
    factors = {"afro": 0.2 + 4 * african, "braids": 0.7 + 1.5 * african, "curls": 0.6 + 1.5 * african}
    factors["buzz"] = 0.7 + 1.2 * african
    factors["receding"] = 0.2 + 6 * max(dummy.shape.phenotype["age"] - 0.72, 0)
    weights = np.array(
        [share * factors.get(name, 1.0) * (not hat or name in UNDER_HATS) for name, share in shares.items()]
    )
    return list(shares)[int(rng.choice(len(shares), p=weights / weights.sum()))]


def _shell(
    dummy: Dummy, fit: HeadFit, style: Style, material: Material, hat_line: HatLine | None, rng: np.random.Generator
) -> Layer:
    """The layer over the scalp: it closes the gaps between locks."""
    points, normals, faces = scalp_grid()
    field = style.hairline.above(points.astype(np.float32)) - np.float32(_SHELL_EDGE)
    reach = 0.045 if style.thickness > 0.02 else 0.028
    lumps = smooth(rng.normal(size=(len(points), 1)).astype(np.float32), neighbour_mean(faces, len(points)), 2)
    thickness = (
        0.0006 + style.thickness * smoothstep(0, reach, field) + style.frizz * 2.5 * lumps[:, 0] * (field > 0.01)
    )
    pushed = _under_hat(points + normals * np.maximum(thickness, 0.0006)[:, None], hat_line)
    keep = field if hat_line is None else np.minimum(field, 0.012 - hat_line.above(points.astype(np.float32)))
    angle = arctan2(points[:, 0].astype(np.float32), (points[:, 1] + 0.06).astype(np.float32))
    columns = [fit(pushed), points, cos(angle)[:, None], sin(angle)[:, None]]
    cut = clip_faces(faces, keep)
    kept = cut.interpolate(np.concatenate(columns, 1).astype(np.float32))
    corners = kept[cut.faces]
    turn = arctan2(corners[..., 7], corners[..., 6])
    turn = np.where(turn.max(1, keepdims=True) - turn > np.pi, turn + 2 * np.pi, turn)
    along = corners[..., 5] * (6 if style.frizz > 0.003 else 1)
    return _layer(dummy, kept[:, :3], kept[:, 3:6], cut.faces, np.stack([turn * HEAD_RADIUS, along], -1), material)


def _locks(
    dummy: Dummy,
    fit: HeadFit,
    strands: Strands,
    obstacles: Surface | None,
    material: Material,
    hat_line: HatLine | None,
) -> Layer:
    count, steps, columns = strands.points.shape[:3]
    template = _under_hat(strands.points.reshape(-1, 3), hat_line)
    points = fit(template)
    if obstacles is not None:
        grid = points.reshape(count, steps, columns, 3)
        grid += _push_out(grid.mean(2), strands.points[..., columns // 2, 2], obstacles)[:, :, None]
        points = grid.reshape(-1, 3)
    faces = strands.faces()
    uv = strands.uv.reshape(-1, 2)
    if hat_line is not None:
        bare = hat_line.above(template.astype(np.float32))[faces].min(1) < 0.012
        faces = faces[bare]
    return _layer(dummy, points, template, faces, uv[faces], material)


def _layer(
    dummy: Dummy,
    points: NDArray[np.floating],
    template: NDArray[np.floating],
    faces: NDArray[np.int32],
    uv: NDArray[np.floating],
    material: Material,
) -> Layer:
    body, count = dummy.body, len(points)
    on_head = 1 - 0.75 * smoothstep(0.63, 0.48, template[:, 2])
    rows = np.tile(np.arange(count), 3)
    bones = np.repeat([body.bone_names.index(name) for name in ("head", "spine01", "neck01")], count)
    shares = np.concatenate([on_head, (1 - on_head) * 0.7, (1 - on_head) * 0.3]).astype(np.float32)
    weights = csr_matrix((shares, (rows, bones)), (count, len(body.bone_names)))
    return Layer(
        rest=points.astype(np.float32),
        template=template.astype(np.float32),
        skin_weights=weights,
        faces=faces,
        face_uv=uv.astype(np.float32),
        face_label=np.full(len(faces), Lip.HAIR, np.uint8),
        face_segment=np.ones(len(faces), np.int8),
        material=material,
        garment="hair",
    )


def _under_hat(points: Array, hat_line: HatLine | None) -> Array:
    """Template points (n, 3) brought down to the scalp where a hat presses on them."""
    if hat_line is None:
        return points
    _, scalp = template_scalp()
    height, normals = scalp.height(points)
    inside = hat_line.above(points.astype(np.float32))
    room = _HAT_ROOM + 0.03 * smoothstep(0.0, -0.05, inside) + (inside < -0.06) * 1.0
    return points - normals * np.maximum(height - room, 0)[:, None]


def _obstacles(dummy: Dummy, clothes: Sequence[Layer]) -> Surface:
    """Skin and upper clothes that hair can rest on."""
    body = dummy.body
    skin = np.unique(body.skin_faces)
    skin = skin[(body.template[skin, 2] > 0.2) & (body.template[skin, 2] < 0.7) & (body.regions.arm[skin] < 0.9)]
    points, normals = [dummy.shape.rest[skin]], [dummy.normals[skin]]
    for layer in clothes:
        above = layer.template[:, 2] > 0.2
        if above.any():
            points.append(layer.rest[above])
            normals.append(vertex_normals(layer.rest, layer.faces)[above])
    return surface(np.concatenate(points), np.concatenate(normals))


def _push_out(paths: Array, template_height: Array, obstacles: Surface) -> Array:
    """Offsets (n, m, 3) that bring paths (n, m, 3) out of the obstacles below the head, smooth along each path."""
    falling = smoothstep(0.675, 0.645, template_height).ravel()
    moved = paths.copy()
    for _ in range(4):
        flat = moved.reshape(-1, 3)
        distance, near = obstacles.tree.query(flat, k=6, distance_upper_bound=0.15)
        close = np.flatnonzero(np.isfinite(np.asarray(distance)[:, -1]))
        near = np.asarray(near)[close]
        heights = ((flat[close, None] - obstacles.points[near]) * obstacles.normals[near]).sum(-1)
        deepest = heights.argmin(1)
        rows = np.arange(len(close))
        lift = np.maximum(_HANG_DISTANCE - heights[rows, deepest], 0) * falling[close]
        flat[close] += obstacles.normals[near[rows, deepest]] * lift[:, None]
        moved = flat.reshape(paths.shape)
        offset = moved - paths
        offset[:, 1:-1] = 0.5 * offset[:, 1:-1] + 0.25 * (offset[:, :-2] + offset[:, 2:])
        moved = paths + offset
    return moved - paths
