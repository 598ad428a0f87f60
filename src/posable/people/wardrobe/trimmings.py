"""Belts and scarves: worn over the other garments, and fitted to their surface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.spatial import KDTree

from posable.body.geometry import arctan2, cos, normalize, product, sin, smoothstep
from posable.body.mesh_editing import vertex_normals
from posable.parsing.lip_labels import Lip
from posable.people.wardrobe.colors import cloth_color
from posable.people.wardrobe.layers import TILE_METRES, Dummy, Layer
from posable.people.wardrobe.materials import Cloth, Color, Flat, Material
from posable.people.wardrobe.outfits import make_cloth
from posable.people.wardrobe.patterns import make_pattern

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]

_AXIS_Y = -0.02
"""Of the axis around which angles are taken, as in Regions.torso_angle."""
_BELT_COLUMNS = 48
_LOOP_COLUMNS, _LOOP_SIDES = 32, 9
_SCARF_PATTERNS = ("solid", "plaid", "stripes_across", "mottled", "check", "fine_stripes")


@dataclass(frozen=True, eq=False)
class _Surface:
    """What a trimming lies on: vertices of the garments and of the skin between them."""

    points: FloatArray
    template: FloatArray
    normals: FloatArray
    skin_weights: csr_matrix

    @classmethod
    def of(cls, layers: Sequence[Layer]) -> _Surface:
        used = [np.unique(layer.faces) for layer in layers]
        pairs = list(zip(layers, used, strict=True))
        weights = np.concatenate([layer.skin_weights[rows].toarray() for layer, rows in pairs])
        return cls(
            points=np.concatenate([layer.rest[rows] for layer, rows in pairs]),
            template=np.concatenate([layer.template[rows] for layer, rows in pairs]),
            normals=np.concatenate([vertex_normals(layer.rest, layer.faces)[rows] for layer, rows in pairs]),
            skin_weights=csr_matrix(weights.astype(np.float32)),
        )

    def weights_near(self, points: FloatArray, count: int) -> csr_matrix:
        """Skin weights (m, b): means over the `count` nearest vertices."""
        near = np.asarray(KDTree(self.points).query(points, k=count)[1])
        rows = np.repeat(np.arange(len(points)), count)
        share = np.full(near.size, 1 / count, np.float32)
        return csr_matrix((share, (rows, near.ravel())), (len(points), len(self.points))) @ self.skin_weights


def make_belt(worn_on: Layer, height: float, rng: np.random.Generator) -> list[Layer]:
    """A belt and its buckle around a garment at a template height; they carry the garment's label."""
    surface = _Surface.of([worn_on])
    half = float(rng.uniform(0.013, 0.026))
    angles = np.arange(_BELT_COLUMNS, dtype=np.float32) * np.float32(2 * np.pi / _BELT_COLUMNS)
    profile = ((-half, 0.002), (-half * 0.92, 0.006), (half * 0.92, 0.006), (half, 0.002))
    # Sleeves hang at the belt's height, farther out.
    near = (np.abs(surface.template[:, 2] - height) < 0.06) & (np.abs(surface.template[:, 0]) < 0.215)
    points, level = surface.points[near], surface.template[near, 2]
    turn = arctan2(surface.template[near, 0], -(surface.template[near, 1] - _AXIS_Y))
    # The garment is stretched and bent: heights of the person at the template's height, by angle.
    rings = []
    for drop, outwards in profile:
        apart = np.abs((angles[:, None] - turn + np.pi) % (2 * np.pi) - np.pi) / 0.16
        closeness = np.maximum(1 - apart, 0) * np.maximum(1 - np.abs(level - height - drop) / 0.04, 0) + 1e-6
        closeness /= closeness.sum(1, keepdims=True)
        ring = product(closeness, points)
        slope = (product(closeness, level[:, None]) - (height + drop))[:, 0]
        ring[:, 2] -= slope
        rings.append(_outside(_rounded(ring), points, outwards))
    rest = np.concatenate(rings).astype(np.float32)
    template = np.concatenate(
        [
            np.stack([sin(angles) * 0.15, _AXIS_Y - cos(angles) * 0.12, np.full_like(angles, height + drop)], 1)
            for drop, _ in profile
        ]
    ).astype(np.float32)
    faces = _tube_faces(len(profile), _BELT_COLUMNS)[:, ::-1]
    leather = _leather(rng)
    u = angles * np.float32(2 * TILE_METRES / (2 * np.pi))
    chart = np.stack([np.tile(u, len(profile)), template[:, 2]], 1)
    label = int(worn_on.face_label[0])
    weights = surface.weights_near(rest, 4)
    belt = _layer(rest, template, weights, faces, _unrolled(chart, faces), label, 0, leather, "belt")
    return [belt, _buckle(belt, half, rng)]


def make_scarf(dummy: Dummy, layers: Sequence[Layer], rng: np.random.Generator) -> Layer:
    """A scarf around the neck, with none, one or two ends down the chest."""
    pattern = make_pattern(str(rng.choice(_SCARF_PATTERNS)), rng)
    cloth = make_cloth(pattern, (0.08, 0.16), rng)
    surface = _Surface.of([*layers, _neck(dummy)])
    high = (surface.template[:, 2] > 0.15) & (np.abs(surface.template[:, 0]) < 0.2)
    surface = _Surface(
        surface.points[high], surface.template[high], surface.normals[high], surface.skin_weights[np.flatnonzero(high)]
    )
    tree = KDTree(surface.points)
    thickness = float(rng.uniform(0.022, 0.034))
    loop, loop_template = _loop(dummy, surface, tree, thickness, rng)
    pieces = [(loop, loop_template, _tube_faces(_LOOP_COLUMNS, _LOOP_SIDES))]
    ends = int(rng.choice([0, 1, 2], p=[0.35, 0.25, 0.4]))
    front = loop[:_LOOP_SIDES].mean(0)
    pieces += [
        _end(surface, front, side, float(rng.uniform(0.16, 0.4)), float(rng.uniform(0.04, 0.06)))
        for side in (1, -1)[:ends]
    ]
    rest = np.concatenate([piece[0] for piece in pieces]).astype(np.float32)
    template = np.concatenate([piece[1] for piece in pieces]).astype(np.float32)
    starts = np.cumsum([0] + [len(piece[0]) for piece in pieces[:-1]])
    faces = np.concatenate([piece[2] + start for piece, start in zip(pieces, starts, strict=True)]).astype(np.int32)
    chart = np.stack([template[:, 0] * 1.5, template[:, 2] + template[:, 1]], 1)
    return _layer(rest, template, surface.weights_near(rest, 12), faces, chart[faces], Lip.SCARF, 0, cloth, "scarf")


def _loop(
    dummy: Dummy, surface: _Surface, tree: KDTree, thickness: float, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Points (columns * sides, 3) of the ring around the neck, and the same on the template."""
    angles = np.arange(_LOOP_COLUMNS, dtype=np.float32) * np.float32(2 * np.pi / _LOOP_COLUMNS)
    ahead = cos(angles)
    template = np.stack([sin(angles) * 0.084, -0.022 - ahead * 0.084, 0.612 - 0.028 * ahead], 1).astype(np.float32)
    center = product(np.concatenate([template, np.ones((len(template), 1), np.float32)], 1), _neck_fit(dummy))
    for _ in range(6):
        near = np.asarray(tree.query(center, k=8)[1])
        height = ((center[:, None] - surface.points[near]) * surface.normals[near]).sum(2)
        lowest = height.argmin(1)
        rows = np.arange(len(center))
        lift = np.maximum(thickness * 0.75 - height[rows, lowest], 0)
        center = center + surface.normals[near[rows, lowest]] * lift[:, None] * np.float32(0.7)
        center = _rounded(center)
    along = normalize(np.roll(center, -1, 0) - np.roll(center, 1, 0))
    outward = normalize(center - center.mean(0))
    outward = normalize(outward - along * (outward * along).sum(1, keepdims=True))
    upward = np.cross(outward, along)
    around = np.arange(_LOOP_SIDES, dtype=np.float32) * np.float32(2 * np.pi / _LOOP_SIDES)
    waves = 1 + 0.14 * sin(angles * int(rng.integers(3, 6)) + float(rng.uniform(0, 6)))
    size = (thickness * waves * (1 + 0.25 * ahead))[:, None, None].astype(np.float32)
    ring = outward[:, None] * cos(around)[None, :, None] + upward[:, None] * (1.25 * sin(around))[None, :, None]
    points = center[:, None] + ring * size
    shape = template[:, None] + np.stack([0 * around, 0 * around, sin(around) * thickness], 1)
    return points.reshape(-1, 3).astype(np.float32), shape.reshape(-1, 3).astype(np.float32)


def _end(
    surface: _Surface, start: FloatArray, side: int, length: float, half: float
) -> tuple[FloatArray, FloatArray, IntArray]:
    """A strip that hangs down the chest, standing off whatever is under it."""
    rows, columns = 12, 5
    down = np.linspace(0, 1, rows, dtype=np.float32)
    across = np.linspace(-1, 1, columns, dtype=np.float32)
    width = half * (0.6 + 0.4 * smoothstep(0, 0.3, down))
    x = start[0] + side * (0.018 + 0.045 * smoothstep(0, 0.6, down))[:, None] + width[:, None] * across
    z = (start[2] - 0.01 - length * down)[:, None] + 0 * across
    apart_x = np.abs(x[..., None] - surface.points[:, 0])
    apart_z = np.abs(z[..., None] - surface.points[:, 2])
    under = (apart_x < 0.035) & (apart_z < 0.03)
    front = np.where(under, surface.points[:, 1], np.float32(1)).min(2)
    front[0] = np.minimum(front[0], start[1])
    for row in range(1, rows):
        front[row] = np.minimum(np.where(front[row] > 0.5, front[row - 1], front[row]), front[row - 1] + 0.004)
    front = front.mean(1, keepdims=True) * 0.5 + front * 0.5
    y = front - 0.012 - 0.009 * (1 - across**2)
    points = np.stack([x, y, z], -1).reshape(-1, 3).astype(np.float32)
    near = np.asarray(KDTree(surface.points).query(points)[1])
    index = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1].ravel(), index[1:, :-1].ravel(), index[1:, 1:].ravel(), index[:-1, 1:].ravel()
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    return points, surface.template[near], faces


def _neck(dummy: Dummy) -> Layer:
    """The skin of neck and shoulders as something to lie on."""
    body = dummy.body
    z, arm = body.template[:, 2], body.regions.arm
    near = (z > 0.45) & (z < 0.68) & (arm < 0.4)
    faces = body.skin_faces[near[body.skin_faces].all(1)]
    count = len(faces)
    return Layer(
        rest=dummy.shape.rest,
        template=body.template,
        skin_weights=body.skin_weights,
        faces=faces,
        face_uv=np.zeros((count, 3, 2), np.float32),
        face_label=np.zeros(count, np.uint8),
        face_segment=np.zeros(count, np.int8),
        material=Flat(np.zeros(3, np.float32)),
        garment="skin",
    )


def _neck_fit(dummy: Dummy) -> FloatArray:
    """The affine map (4, 3) that takes the template's neck to this person's."""
    body = dummy.body
    z = body.template[:, 2]
    near = np.flatnonzero((z > 0.52) & (z < 0.68) & (body.regions.arm < 0.3))
    homogeneous = np.concatenate([body.template[near], np.ones((len(near), 1), np.float32)], 1).astype(np.float64)
    return np.linalg.lstsq(homogeneous, dummy.shape.rest[near].astype(np.float64), rcond=None)[0].astype(np.float32)


def _rounded(ring: FloatArray) -> FloatArray:
    """A closed line (k, 3), smoothed."""
    for _ in range(2):
        beside = (np.roll(ring, 1, 0) + np.roll(ring, -1, 0)).astype(np.float32)
        ring = ring * np.float32(0.5) + beside * np.float32(0.25)
    return ring


def _outside(ring: FloatArray, points: FloatArray, distance: float) -> FloatArray:
    """The ring moved away from its middle until it is `distance` outside of the nearby points."""
    middle = ring[:, :2].mean(0)
    outward, reach = ring[:, :2] - middle, points[:, :2] - middle
    radius, far = np.sqrt((outward**2).sum(1)), np.sqrt((reach**2).sum(1))
    turn, at = arctan2(outward[:, 1], outward[:, 0]), arctan2(reach[:, 1], reach[:, 0])
    apart = np.abs((turn[:, None] - at + np.pi) % (2 * np.pi) - np.pi)
    near = (apart < 0.12) & (np.abs(points[:, 2] - ring[:, 2:]) < 0.012)
    wanted = np.maximum(np.where(near, far, 0).max(1), radius) + distance
    wanted = np.maximum(wanted, (np.roll(wanted, 1) + np.roll(wanted, -1)) / 2)
    flat = middle + outward * (wanted / radius)[:, None]
    return np.concatenate([flat, ring[:, 2:]], 1).astype(np.float32)


def _tube_faces(rows: int, columns: int) -> IntArray:
    """Triangles of rows of points that close on themselves; for a ring of rows, the last row meets the first."""
    closed = rows > columns
    index = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    index = np.concatenate([index, index[:, :1]], 1)
    if closed:
        index = np.concatenate([index, index[:1]])
    a, b, c, d = index[:-1, :-1].ravel(), index[1:, :-1].ravel(), index[1:, 1:].ravel(), index[:-1, 1:].ravel()
    return np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])


def _buckle(belt: Layer, half: float, rng: np.random.Generator) -> Layer:
    """A plate in front of the belt's middle."""
    ring = belt.rest.reshape(-1, _BELT_COLUMNS, 3)
    front = ring[1:3, 0].mean(0)
    width, height = half * float(rng.uniform(0.9, 1.5)), half * float(rng.uniform(1.05, 1.3))
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    outer = [front + np.array([x * width, -0.006, z * height]) for x, z in corners]
    inner = [front + np.array([x * width, 0.012, z * height]) for x, z in corners]
    rest = np.array(outer + inner, np.float32)
    sides = [(i, j, i + 4) for i, j in ((1, 0), (2, 1), (3, 2), (0, 3))]
    sides += [(j, j + 4, i + 4) for i, j in ((1, 0), (2, 1), (3, 2), (0, 3))]
    faces = np.array([(0, 1, 2), (0, 2, 3), *sides], np.int32)
    metal = np.array([(0.78, 0.66, 0.36), (0.7, 0.7, 0.72), (0.12, 0.12, 0.12)][int(rng.integers(3))], np.float32)
    template = np.repeat(belt.template[:1], 8, 0)
    weights = csr_matrix(np.repeat(belt.skin_weights[0].toarray(), 8, 0))
    uv = np.zeros((len(faces), 3, 2), np.float32)
    return _layer(rest, template, weights, faces, uv, int(belt.face_label[0]), 0, Flat(metal), "belt")


def _leather(rng: np.random.Generator) -> Cloth:
    leathers = ((0.05, 0.04, 0.04), (0.25, 0.13, 0.07), (0.45, 0.26, 0.13), (0.62, 0.47, 0.3), (0.85, 0.83, 0.78))
    color: Color = np.array(leathers[int(rng.integers(len(leathers)))], np.float32)
    if rng.random() < 0.25:
        color = cloth_color(rng)
    tile = np.tile(color, (256, 256, 1)).astype(np.float32)
    return Cloth(tile=tile, metres_per_tile=TILE_METRES, fold=0.01, specular=0.16, print=None, seed=3)


def _unrolled(chart: FloatArray, faces: IntArray) -> FloatArray:
    corners = chart[faces].copy()
    u, length = corners[..., 0], np.float32(2 * TILE_METRES)
    corners[..., 0] = np.where(u.max(1, keepdims=True) - u > length / 2, u + length, u)
    return corners


def _layer(
    rest: FloatArray,
    template: FloatArray,
    weights: csr_matrix,
    faces: IntArray,
    uv: FloatArray,
    label: int,
    segment: int,
    material: Material,
    garment: str,
) -> Layer:
    count = len(faces)
    return Layer(
        rest=rest,
        template=template,
        skin_weights=weights,
        faces=faces.astype(np.int32),
        face_uv=uv.astype(np.float32),
        face_label=np.full(count, label, np.uint8),
        face_segment=np.full(count, segment, np.int8),
        material=material,
        garment=garment,
    )
