"""Bags: worn across the body, on the back, or carried by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, KDTree

from posable.body.geometry import smoothstep
from posable.people.head.hair_locks import resampled, tubes
from posable.people.head.scalp import Array, grid_faces, unit
from posable.people.wardrobe.layers import Dummy, Layer
from posable.people.wardrobe.materials import Material
from posable.people.wardrobe.pendants import Pendant
from posable.people.wardrobe.wearing import leather_color, plain, rigid_weights, worn_layer

_FEMALE_SHARES = {"crossbody": 0.1, "handbag": 0.13, "backpack": 0.06}
_MALE_SHARES = {"crossbody": 0.09, "handbag": 0.02, "backpack": 0.1}
_STRAP_GAP = 0.003
"""Metres between strap and cloth."""


@dataclass(frozen=True, eq=False)
class Bag:
    """A bag's layers, and how it hangs if it does."""

    kind: str
    layers: list[Layer]
    pendant: Pendant | None = None


@dataclass(frozen=True, eq=False)
class _Torso:
    """What bags and straps lie on: the trunk with its clothes, in the rest pose."""

    dummy: Dummy
    points: Array
    skin: NDArray[np.int32]
    """Asset vertices of the trunk's skin, to take skin weights from."""
    tree: KDTree

    @classmethod
    def of(cls, dummy: Dummy, clothes: Sequence[Layer]) -> _Torso:
        body = dummy.body
        vertices = np.unique(body.skin_faces)
        z = body.template[vertices, 2]
        trunk = vertices[(body.regions.arm[vertices] < 0.35) & (z < 0.6) & (z > -0.2)]
        points = [dummy.shape.rest[trunk]]
        names = [name.startswith(("upperarm", "lowerarm", "wrist")) for name in body.bone_names]
        arms = np.flatnonzero(names)
        for layer in clothes:
            on_arm = np.asarray(layer.skin_weights[:, arms].sum(1)).ravel()
            points.append(layer.rest[(on_arm < 0.35) & (layer.template[:, 2] > -0.2)])
        return cls(dummy, np.concatenate(points).astype(np.float64), trunk, KDTree(dummy.shape.rest[trunk]))

    def at(self, x: float, y: float, z: float) -> Array:
        """The person's point for a template point of the trunk."""
        body, rest = self.dummy.body, self.dummy.shape.rest
        distance, near = KDTree(body.template[self.skin]).query([x, y, z], k=6)
        weight = 1 / (np.asarray(distance) + 0.01)
        shift = (rest[self.skin[near]] - body.template[self.skin[near]]).astype(np.float64)
        return np.array([x, y, z]) + (weight[:, None] * shift).sum(0) / weight.sum()

    def slice(self, origin: Array, normal: Array, half: float) -> Array:
        """The taut closed curve (n, 3) around what lies within `half` metres of a plane."""
        normal = unit(normal)
        across = unit(np.cross(normal, [0.0, 1.0, 0.0]) if abs(normal[1]) < 0.9 else np.cross(normal, [1.0, 0, 0]))
        third = np.cross(normal, across)
        offset = self.points - origin
        near = offset[np.abs(offset @ normal) < half]
        flat = np.stack([near @ across, near @ third], 1)
        hull = flat[ConvexHull(flat).vertices]
        loop = np.concatenate([hull, hull[:1]])
        loop = np.concatenate([loop, np.zeros((len(loop), 1))], 1)
        loop = resampled(loop, 97)[:-1]
        return origin + loop[:, :1] * across + loop[:, 1:2] * third

    def weights_near(self, points: Array) -> NDArray[np.int32]:
        """Asset vertices of the trunk nearest to points (n, 3)."""
        return self.skin[np.asarray(self.tree.query(points)[1])]


def carry_bag(dummy: Dummy, clothes: Sequence[Layer], female: bool, rng: np.random.Generator) -> Bag:
    """A random bag or none, worn over `clothes`."""
    shares = _FEMALE_SHARES if female else _MALE_SHARES
    kind = str(rng.choice([*shares, "none"], p=[*shares.values(), 1 - sum(shares.values())]))
    if kind == "none":
        return Bag(kind, [])
    shell = plain(leather_color(rng), 0.14, 0.03, int(rng.integers(1000)))
    trim = shell if rng.random() < 0.6 else plain(leather_color(rng), 0.14)
    if kind == "handbag":
        return _handbag(dummy, shell, trim, rng)
    torso = _Torso.of(dummy, clothes)
    return (_crossbody if kind == "crossbody" else _backpack)(torso, shell, trim, rng)


def _crossbody(torso: _Torso, shell: Material, trim: Material, rng: np.random.Generator) -> Bag:
    """A strap from one shoulder to the other hip, and a pouch there."""
    side = float(rng.choice([-1, 1]))
    shoulder, hip = torso.at(side * 0.095, -0.02, 0.56), torso.at(-side * 0.15, -0.03, rng.uniform(0.09, 0.17))
    normal = np.cross(shoulder - hip, [0.0, 1.0, 0.0])
    half = rng.uniform(0.008, 0.019)
    loop = torso.slice((shoulder + hip) / 2, normal, half + 0.006)
    layers = [_strap(torso, np.concatenate([loop, loop[:1]]), np.broadcast_to(unit(normal), (97, 3)), half, trim)]
    turn = np.deg2rad(rng.choice([rng.uniform(20, 50), rng.uniform(130, 155)]))
    out = np.array([-side * np.sin(turn), -np.cos(turn), 0.0])
    size = np.array([rng.uniform(0.1, 0.14), rng.uniform(0.03, 0.045), rng.uniform(0.075, 0.1)])
    layers.append(_pouch(torso, _trunk_centre(torso, hip[2]), out, size, shell))
    return Bag("crossbody", layers)


def _trunk_centre(torso: _Torso, height: float) -> Array:
    """The point (3,) of the trunk's axis at a rest height."""
    ring = torso.points[np.abs(torso.points[:, 2] - height) < 0.05]
    return np.array([0.0, (ring[:, 1].min() + ring[:, 1].max()) / 2, height])


def _backpack(torso: _Torso, shell: Material, trim: Material, rng: np.random.Generator) -> Bag:
    size = np.array([rng.uniform(0.125, 0.15), rng.uniform(0.05, 0.075), rng.uniform(0.17, 0.22)])
    top = torso.at(0, 0.04, 0.5)
    at = np.array([0.0, _trunk_centre(torso, top[2] - size[2])[1], top[2] - size[2] + 0.02])
    layers = [_pouch(torso, at, np.array([0.0, 1.0, 0.0]), size, shell, bends=True)]
    pocket = size * [0.72, 0.45, 0.42]
    front = layers[0].rest[:, 1].max()
    seat = np.array([0.0, front - pocket[1] * 0.7, at[2] - size[2] * 0.45])
    layers.append(_pouch(torso, seat, np.array([0.0, 1.0, 0.0]), pocket, trim, placed=True, bends=True))
    half = rng.uniform(0.016, 0.024)
    for side in (-1.0, 1.0):
        shoulder, chest = torso.at(side * 0.108, -0.02, 0.56), torso.at(side * 0.115, -0.1, 0.36)
        over = _arc(torso.slice(shoulder, np.array([1.0, 0.0, 0.0]), half + 0.004), chest, top - [0, 0, 0.05], True)
        low = np.array([side * size[0] * 0.8, top[1], at[2] - size[2] * 0.7])
        around = torso.slice(chest, np.cross(low - chest, [side, 0.0, 0.0]), half + 0.004)
        around = around[around[:, 0] * side > 0.06]
        under = _arc(around, chest, low, False)
        for path in (over, under):
            step = unit(np.gradient(path, axis=0))
            outward = unit(path - [path[:, 0].mean() * 0.3, path[:, 1].mean(), path[:, 2].mean()])
            layers.append(_strap(torso, path, unit(np.cross(step, outward)), half, trim))
    return Bag("backpack", layers)


def _arc(loop: Array, start: Array, end: Array, over: bool) -> Array:
    """The part (n, 3) of a closed curve between two points: over the shoulder, or along the side."""
    begin, finish = (int(((loop - point) ** 2).sum(1).argmin()) for point in (start, end))
    count = len(loop)
    forward = loop[(begin + np.arange((finish - begin) % count + 1)) % count]
    backward = loop[(begin - np.arange((begin - finish) % count + 1)) % count]
    measure = 2 if over else 0
    best = max(forward, backward, key=lambda path: float(np.abs(path[:, measure]).max()))
    return resampled(best, 28)


def _strap(torso: _Torso, path: Array, width: Array, half: float, material: Material) -> Layer:
    """A band along `path` (n, 3) that lies on the trunk; `width` (n, 3) are directions across it."""
    step = unit(np.gradient(path, axis=0))
    width = unit(width)
    outward = np.cross(step, width)
    outward *= np.sign((outward * (path - path.mean(0))).sum(1).mean())
    across, rise = np.array([-1.0, -0.96, 0.0, 0.96, 1.0]), np.array([-0.002, 1.0, 1.3, 1.0, -0.002])
    points = path[:, None] + across[:, None] * half * width[:, None] + (rise * _STRAP_GAP)[:, None] * outward[:, None]
    if (np.cross(step, width) * outward).sum() < 0:
        points = points[:, ::-1]
    rows = len(path)
    flat = points.reshape(-1, 3)
    near = np.repeat(torso.weights_near(path), 5)
    along = np.concatenate([[0], np.cumsum(np.sqrt((np.diff(path, axis=0) ** 2).sum(1)))])
    uv = np.stack([np.tile(across * half, rows), np.repeat(along, 5)], 1)
    faces = grid_faces(rows, 5)
    body = torso.dummy.body
    weights = body.skin_weights[near]
    return worn_layer(flat, body.template[near], faces, uv[faces], weights, material, 0, "bag")


def _pouch(
    torso: _Torso,
    at: Array,
    out: Array,
    size: Array,
    material: Material,
    *,
    bends: bool = False,
    placed: bool = False,
) -> Layer:
    """A rounded box of half sizes `size` (width, depth, height) that stands off the trunk in direction `out`."""
    side = np.cross([0.0, 0.0, 1.0], out)
    points, faces, uv = rounded_box(size)
    frame = np.stack([side, out, np.array([0.0, 0.0, 1.0])])
    centre = at
    if not placed:
        offset = torso.points - at
        behind = (np.abs(offset @ side) < size[0]) & (np.abs(offset[:, 2]) < size[2])
        centre = at + out * (np.quantile((offset @ out)[behind], 0.8 if bends else 0.995) + size[1] + 0.002)
    world = centre + points @ frame
    inner = centre - out * size[1]
    levels = np.stack([np.full(len(world), inner[0]), np.full(len(world), inner[1]), world[:, 2]], 1)
    near = torso.weights_near(levels if bends else np.broadcast_to(inner, levels.shape))
    body = torso.dummy.body
    weights = body.skin_weights[near]
    if bends:
        weights = _spine_blend(torso, world[:, 2])
    return worn_layer(world, body.template[near], faces, uv[faces], weights, material, 0, "bag")


def _spine_blend(torso: _Torso, heights: Array):
    """Skin weights that go smoothly from the middle to the top of the spine, as a backpack bends."""
    names, heads = torso.dummy.body.bone_names, torso.dummy.shape.heads
    low, high = (float(heads[names.index(name), 2]) for name in ("spine02", "spine01"))
    share = 0.25 + 0.5 * smoothstep(low, high, heights)
    lower = rigid_weights(torso.dummy, {"spine02": 1.0}, len(heights)).multiply((1 - share)[:, None])
    return (lower + rigid_weights(torso.dummy, {"spine01": 1.0}, len(heights)).multiply(share[:, None])).tocsr()


def rounded_box(size: Array) -> tuple[Array, NDArray[np.int32], Array]:
    """Points (n, 3) around 0 of a box with half sizes `size` and round edges, outward faces, uv in metres."""
    rows, columns = 13, 25
    polar, turn = np.meshgrid(np.linspace(0, np.pi, rows), np.linspace(0, 2 * np.pi, columns), indexing="ij")

    def power(values: Array, exponent: float) -> Array:
        return np.sign(values) * np.abs(values) ** exponent

    ring = power(np.sin(polar), 0.3)
    points = np.stack(
        [ring * power(np.cos(turn), 0.35), ring * power(np.sin(turn), 0.35), power(np.cos(polar), 0.3)], -1
    )
    points = points * size
    uv = np.stack([turn * float(size[:2].mean()), points[..., 2]], -1)
    return points.reshape(-1, 3), grid_faces(rows, columns), uv.reshape(-1, 2)


def _handbag(dummy: Dummy, shell: Material, trim: Material, rng: np.random.Generator) -> Bag:
    """Hangs from the hand, or from the crook of the arm when the hand is up."""
    side = str(rng.choice(["L", "R"]))
    size = np.array([rng.uniform(0.035, 0.055), rng.uniform(0.11, 0.16), rng.uniform(0.07, 0.115)])
    drop = rng.uniform(0.08, 0.13)
    points, faces, uv = rounded_box(size)
    points[:, 1] *= 1 - 0.18 * smoothstep(-size[2], size[2], points[:, 2])
    points[:, 2] -= drop + size[2]
    turn = np.linspace(-np.pi * 0.08, np.pi * 1.08, 21)
    template = dummy.body.template[_wrist_vertex(dummy, side)]
    layers = [_hung(dummy, points, faces, uv, shell, template, side)]
    for offset in (-0.45, 0.45):
        handle = np.stack(
            [np.full(21, offset * size[0]), np.cos(turn) * size[1] * 0.5, np.sin(turn) * (drop + 0.012) - drop], 1
        )
        handle[:, 0] *= 1 - 0.8 * np.clip(np.sin(turn), 0, 1)
        cord = tubes(handle[None], np.full((1, 21), 0.0045), 6)
        layers.append(
            _hung(dummy, cord.points.reshape(-1, 3), cord.faces(), cord.uv.reshape(-1, 2), trim, template, side)
        )
    return Bag("handbag", layers, Pendant.of(dummy, side, half_thickness=float(size[0]), half_width=float(size[1]),
                                             depth=float(drop + 2 * size[2])))  # fmt: skip


def _wrist_vertex(dummy: Dummy, side: str) -> int:
    wrist = dummy.body.template_heads[dummy.body.bone_names.index(f"wrist.{side}")]
    return int(((dummy.body.template - wrist) ** 2).sum(1).argmin())


def _hung(
    dummy: Dummy,
    points: Array,
    faces: NDArray[np.int32],
    uv: Array,
    material: Material,
    template: NDArray[np.float32],
    side: str,
) -> Layer:
    grip = Pendant.grip_of(dummy, side)
    weights = rigid_weights(dummy, {f"wrist.{side}": 1.0}, len(points))
    return worn_layer(
        grip + points, np.broadcast_to(template, points.shape), faces, uv[faces], weights, material, 0, "bag"
    )
