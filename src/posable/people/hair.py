"""Hair and hats: an inflated scalp, and for long styles a curtain, a tail or a bun that hangs from the head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.sparse import csr_matrix
from scipy.spatial import KDTree

from posable.people.geometry import arctan2, cos, product, sin, smoothstep
from posable.people.layers import HEAD_RADIUS, Dummy, Layer
from posable.people.lip_labels import Lip
from posable.people.materials import Cloth, Color, Hair, Material
from posable.people.mesh_editing import clip_faces, compact, neighbour_mean, smooth, vertex_normals
from posable.people.patterns import make_pattern

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]

_STYLES = ("short", "crop", "long", "bob", "tail", "bun", "bald", "beanie")
_FEMALE_SHARES = (0.05, 0.05, 0.4, 0.2, 0.14, 0.1, 0.0, 0.06)
_MALE_SHARES = (0.52, 0.25, 0.05, 0.04, 0.02, 0.01, 0.05, 0.06)
_HAIRLINE_Y = (-0.17, -0.145, -0.115, -0.095, -0.083, -0.066, -0.03, -0.012, 0.01, 0.05)
_HAIRLINE_Z = (0.812, 0.806, 0.785, 0.752, 0.705, 0.757, 0.757, 0.67, 0.632, 0.62)
"""Template height of the hairline from the forehead over the sideburns and ears to the nape."""
_HANG_DISTANCE = 0.012
"""Metres that hanging hair keeps from body and clothes."""
_HIDDEN_MARGIN = 0.014


@dataclass(frozen=True, eq=False)
class Hairdo:
    """Layers of hair, and the scalp they hide."""

    style: str
    layers: list[Layer]
    hidden: NDArray[np.bool_]
    """(n,) asset vertices."""


@dataclass(frozen=True, eq=False)
class _Strand:
    """A grid of hair in template space, before it hangs on a head."""

    points: FloatArray
    """(rows * columns, 3)."""
    faces: IntArray
    around: FloatArray
    """(rows * columns,) chart coordinate, metres."""
    falls: bool
    """Whether it rests on the shoulders; else it is part of the head."""


def grow_hair(dummy: Dummy, clothes: Sequence[Layer], color: Color, female: bool, rng: np.random.Generator) -> Hairdo:
    """Random hair, a beanie or nothing; hanging hair lies over `clothes`."""
    style = str(rng.choice(_STYLES, p=_FEMALE_SHARES if female else _MALE_SHARES))
    hidden = np.zeros(len(dummy.body.template), bool)
    if style == "bald":
        return Hairdo(style, [], hidden)
    material: Material = Hair(color, int(rng.integers(1 << 30)))
    if style == "beanie":
        pattern = make_pattern(str(rng.choice(["solid", "stripes_across", "mottled"])), rng)
        material = Cloth(
            tile=pattern.tile, metres_per_tile=pattern.metres_per_tile, fold=0.03, specular=0.02, print=None, seed=1
        )
    field = _scalp_field(dummy, style, rng)
    hidden = (field > _HIDDEN_MARGIN) & ~_ears(dummy.body.template)
    layers = [_scalp(dummy, style, field, material, rng)]
    if style in ("long", "bob"):
        layers.append(_hang(dummy, clothes, _curtain(style == "long", rng), material))
    elif style == "tail":
        layers.append(_hang(dummy, clothes, _tail(rng), material))
    elif style == "bun":
        layers.append(_hang(dummy, clothes, _bun(rng), material))
    return Hairdo(style, layers, hidden)


def _ears(template: FloatArray) -> NDArray[np.bool_]:
    x, y, z = template.T
    return (np.abs(x) > 0.074) & (z < 0.757) & (y > -0.09) & (y < 0.0)


def _scalp_field(dummy: Dummy, style: str, rng: np.random.Generator) -> FloatArray:
    """Metres above the hairline, (n,); -1 off the head."""
    forehead = rng.uniform(-0.022, 0.012)
    heights = np.array(_HAIRLINE_Z)
    heights[:2] += forehead
    if style == "crop":
        heights[4] = 0.74
    y, z = dummy.body.template[:, 1], dummy.body.template[:, 2]
    line = np.interp(y, _HAIRLINE_Y, heights)
    if style == "beanie":
        line = np.interp(y, [-0.17, -0.1, 0.05], [0.79, 0.77, 0.72])
    return np.where(dummy.body.regions.head > 0.5, z - line, -1).astype(np.float32)


def _scalp(dummy: Dummy, style: str, field: FloatArray, material: Material, rng: np.random.Generator) -> Layer:
    body = dummy.body
    thickness = {
        "short": rng.uniform(0.014, 0.03),
        "crop": 0.006,
        "long": rng.uniform(0.014, 0.022),
        "bob": 0.018,
        "tail": 0.01,
        "bun": 0.01,
        "beanie": 0.013,
    }[style]
    near = (field[body.skin_faces] > -0.03).any(1) & (body.regions.head[body.skin_faces] > 0.5).all(1)
    vertices, faces = compact(body.skin_faces[near])
    template, normals, start = body.template[vertices], dummy.normals[vertices], dummy.shape.rest[vertices]
    waves = rng.normal(size=3) * 30
    volume = 1 + 0.25 * sin(product(template, waves) * 1.5) + 0.2 * sin(product(template, np.roll(waves, 1)) * 3)
    crown = smoothstep(0.78, 0.85, template[:, 2]) * rng.uniform(0, 0.9 if style == "short" else 0.3)
    if style == "beanie":
        volume = np.ones(len(template))
    offset = 0.002 + thickness * smoothstep(0, 0.035, field[vertices]) * volume * (1 + crown)
    pushed = (start + normals * offset[:, None]).astype(np.float32)
    smoothed = smooth(pushed, neighbour_mean(faces, len(vertices)), 4)
    lift = np.maximum(0.0025 - ((smoothed - start) * normals).sum(1), 0)
    points = smoothed + normals * np.where(_ears(template), 0, lift)[:, None]

    angle = arctan2(template[:, 0], template[:, 1] + 0.06)
    values = np.concatenate([points, template, cos(angle)[:, None], sin(angle)[:, None]], 1).astype(np.float32)
    cut = clip_faces(faces, field[vertices])
    kept = cut.interpolate(values)
    corners = kept[cut.faces]
    turn = arctan2(corners[..., 7], corners[..., 6])
    turn = np.where(turn.max(1, keepdims=True) - turn > np.pi, turn + 2 * np.pi, turn)
    return Layer(
        rest=kept[:, :3],
        template=kept[:, 3:6],
        skin_weights=cut.matrix(len(vertices)) @ body.skin_weights[vertices],
        faces=cut.faces,
        face_uv=np.stack([turn * HEAD_RADIUS, corners[..., 5]], -1).astype(np.float32),
        face_label=np.full(len(cut.faces), Lip.HAT if style == "beanie" else Lip.HAIR, np.uint8),
        face_segment=np.full(len(cut.faces), 1, np.int8),
        material=material,
        garment="hat" if style == "beanie" else "hair",
    )


def _grid_faces(rows: int, columns: int) -> IntArray:
    index = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1].ravel(), index[1:, :-1].ravel(), index[1:, 1:].ravel(), index[:-1, 1:].ravel()
    return np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])


def _curtain(is_long: bool, rng: np.random.Generator) -> _Strand:
    """Hair down the sides and the back, around the axis of the head."""
    columns, rows = 41, 18
    half_turn = np.deg2rad(rng.uniform(98, 118))
    end = rng.uniform(0.3, 0.5) if is_long else rng.uniform(0.57, 0.63)
    turn, down = np.meshgrid(np.linspace(-half_turn, half_turn, columns), np.linspace(0, 1, rows))
    jagged = gaussian_filter1d(rng.normal(size=columns), 1.2) * 0.018
    # Hair in front of the ears stops at the shoulders, which would cut a longer strand in two.
    in_front = smoothstep(np.deg2rad(60), np.deg2rad(92), np.abs(turn))
    ends = end + (max(0.585, end) - end) * in_front + jagged
    z = 0.80 + (ends - 0.80) * down
    flare, top = rng.uniform(0, 0.022), smoothstep(0.12, 0, down)
    wave = 0.006 * np.sin(turn * rng.integers(7, 13) + down * rng.uniform(0, 9)) * down
    wide = (0.083 + 0.014 * smoothstep(0, 0.25, down) + flare * down) * (1 - 0.12 * top) + wave
    deep = (0.088 + 0.014 * smoothstep(0, 0.25, down) + 0.2 * flare * down) * (1 - 0.1 * top) + wave
    points = np.stack([np.sin(turn) * wide, -0.045 + np.cos(turn) * deep, z], -1).reshape(-1, 3)
    around = (turn * HEAD_RADIUS).ravel().astype(np.float32)
    return _Strand(points.astype(np.float32), _grid_faces(rows, columns), around, True)


def _tail(rng: np.random.Generator) -> _Strand:
    """A ponytail."""
    length, start = rng.uniform(0.2, 0.36), rng.uniform(0.76, 0.82)
    along, around = np.meshgrid(np.linspace(0, 1, 16), np.linspace(0, 2 * np.pi, 14), indexing="ij")
    radius = 0.026 * np.sin(np.pi * np.clip(along * 0.86 + 0.1, 0, 1)) ** 0.7
    back = 0.045 + 0.045 * np.sin(np.pi * np.minimum(along * 1.4, 1)) ** 0.8
    height = start - length * along + 0.03 * np.sin(np.pi * along * 0.6)
    points = np.stack([radius * np.cos(around), back + radius * np.sin(around), height], -1).reshape(-1, 3)
    return _Strand(points.astype(np.float32), _grid_faces(16, 14), (around * 0.03).ravel().astype(np.float32), True)


def _bun(rng: np.random.Generator) -> _Strand:
    """A ball of hair behind or on top of the head."""
    radius = rng.uniform(0.028, 0.042)
    center = np.array([0, 0.055, 0.80]) if rng.random() < 0.6 else np.array([0, -0.02, 0.875])
    along, around = np.meshgrid(np.linspace(0, np.pi, 12), np.linspace(0, 2 * np.pi, 14), indexing="ij")
    ball = np.stack([np.sin(along) * np.cos(around), np.sin(along) * np.sin(around), np.cos(along)], -1)
    points = (radius * ball.reshape(-1, 3) + center).astype(np.float32)
    return _Strand(points, _grid_faces(12, 14), (around * 0.03).ravel().astype(np.float32), False)


def _hang(dummy: Dummy, clothes: Sequence[Layer], strand: _Strand, material: Material) -> Layer:
    """Fits a strand to the head's shape, keeps it out of body and clothes, and ties its lower part to the back."""
    body = dummy.body
    on_head = np.flatnonzero(body.regions.head[: body.skin_faces.max() + 1] > 0.5)
    homogeneous = np.concatenate([body.template[on_head], np.ones((len(on_head), 1), np.float32)], 1)
    fit = np.linalg.lstsq(homogeneous.astype(np.float64), dummy.shape.rest[on_head].astype(np.float64), rcond=None)[0]
    points = product(np.concatenate([strand.points, np.ones((len(strand.points), 1), np.float32)], 1), fit)
    z = strand.points[:, 2]
    if strand.falls:
        points = _push_out(points, strand.faces, *_obstacles(dummy, clothes, float(z.min()) - 0.05))
    head_share = 1 - 0.75 * smoothstep(0.63, 0.48, z) if strand.falls else np.ones(len(z), np.float32)
    rows = np.tile(np.arange(len(points)), 3)
    bones = np.repeat([body.bone_names.index(name) for name in ("head", "spine01", "neck01")], len(points))
    shares = np.concatenate([head_share, (1 - head_share) * 0.7, (1 - head_share) * 0.3]).astype(np.float32)
    weights = csr_matrix((shares, (rows, bones)), (len(points), len(body.bone_names)))
    uv = np.stack([strand.around, z], 1)
    return Layer(
        rest=points.astype(np.float32),
        template=strand.points,
        skin_weights=weights,
        faces=strand.faces,
        face_uv=uv[strand.faces].astype(np.float32),
        face_label=np.full(len(strand.faces), Lip.HAIR, np.uint8),
        face_segment=np.full(len(strand.faces), 1, np.int8),
        material=material,
        garment="hair",
    )


def _obstacles(dummy: Dummy, clothes: Sequence[Layer], lowest: float) -> tuple[FloatArray, FloatArray]:
    """Points (k, 3) of skin and upper clothes above a template height, with their normals."""
    body = dummy.body
    skin = np.arange(body.skin_faces.max() + 1)
    skin = skin[(body.template[skin, 2] > lowest) & (body.regions.arm[skin] < 0.9)]
    points, normals = [dummy.shape.rest[skin]], [dummy.normals[skin]]
    for layer in clothes:
        above = layer.template[:, 2] > lowest
        if above.any():
            points.append(layer.rest[above])
            normals.append(vertex_normals(layer.rest, layer.faces)[above])
    return np.concatenate(points), np.concatenate(normals)


def _push_out(points: FloatArray, faces: IntArray, obstacles: FloatArray, normals: FloatArray) -> FloatArray:
    tree, means = KDTree(obstacles), neighbour_mean(faces, len(points))
    rows = np.arange(len(points))
    for _ in range(4):
        near = np.asarray(tree.query(points, k=6)[1])
        heights = ((points[:, None] - obstacles[near]) * normals[near]).sum(-1)
        deepest = heights.argmin(1)
        lift = np.maximum(_HANG_DISTANCE - heights[rows, deepest], 0)
        points = points + normals[near[rows, deepest]] * lift[:, None]
        points = smooth(points.astype(np.float32), means, 1, 0.3)
    return points
