"""Hats: caps with a peak, hats with a brim, beanies with a cuff."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from posable.body.geometry import arctan2, cos, sin, smoothstep
from posable.body.mesh_editing import clip_faces
from posable.parsing.lip_labels import Lip
from posable.people.head.hairline import HatLine
from posable.people.head.scalp import SECTORS, Array, HeadFit, grid_faces, scalp_grid, unit
from posable.people.wardrobe.colors import cloth_color, contrasting_color
from posable.people.wardrobe.layers import HEAD_RADIUS, Dummy, Layer
from posable.people.wardrobe.materials import Cloth, Material
from posable.people.wardrobe.patterns import make_pattern
from posable.people.wardrobe.wearing import plain, rigid_weights, worn_layer

_SHARES = {"cap": 0.06, "beanie": 0.04, "brimmed": 0.045}
_STAND_OFF = 0.011
"""Metres between scalp and hat; hair below is pressed flatter."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Hat:
    """A hat on the template's head."""

    kind: str
    line: HatLine
    material: Material
    trim: Material
    brim: float
    """Metres."""
    height: float
    """Metres that the crown is raised."""
    droop: float


def choose_hat(rng: np.random.Generator) -> Hat | None:
    """A hat, for one person in seven."""
    kind = str(rng.choice([*_SHARES, "none"], p=[*_SHARES.values(), 1 - sum(_SHARES.values())]))
    if kind == "none":
        return None
    pattern = make_pattern(
        str(rng.choice(["solid", "mottled", "stripes_across", "denim"], p=[0.6, 0.15, 0.15, 0.1])), rng
    )
    cloth = Cloth(
        tile=pattern.tile, metres_per_tile=pattern.metres_per_tile, fold=0.02, specular=0.03, print=None, seed=1
    )
    trim = plain(contrasting_color(pattern.base, rng), 0.05)
    if kind == "cap":
        line = HatLine(rng.uniform(0.785, 0.797), 0.772, rng.uniform(0.735, 0.755))
        material, trim, brim = cloth, cloth if rng.random() < 0.6 else trim, 0.072
        height, droop = rng.uniform(0.0, 0.012), rng.uniform(0.006, 0.02)
    elif kind == "beanie":
        line = HatLine(rng.uniform(0.772, 0.792), rng.uniform(0.752, 0.765), rng.uniform(0.69, 0.725))
        material, trim, brim = cloth, cloth if rng.random() < 0.5 else trim, 0.0
        height, droop = rng.uniform(0.0, 0.035), 0.0
    else:
        line = HatLine(rng.uniform(0.785, 0.795), 0.775, rng.uniform(0.745, 0.76))
        straw = plain((np.array([0.78, 0.66, 0.45]) * rng.uniform(0.8, 1.1)).astype(np.float32), 0.04, 0.015)
        material = straw if rng.random() < 0.45 else plain(cloth_color(rng), 0.03, 0.01)
        brim, height, droop = rng.uniform(0.045, 0.095), rng.uniform(0.03, 0.05), rng.uniform(-0.01, 0.03)
    return Hat(kind=kind, line=line, material=material, trim=trim, brim=brim, height=height, droop=droop)


def wear_hat(dummy: Dummy, hat: Hat) -> list[Layer]:
    """Crown and brim, band or cuff."""
    fit = HeadFit.of(dummy)
    points, normals, faces = scalp_grid()
    field = hat.line.above(points.astype(np.float32)).astype(np.float64)
    shape = _crown(hat, points, normals, field)
    layers = [_band(dummy, fit, shape, points, faces, field, hat.material)]
    if hat.kind == "beanie":
        cuff = shape + normals * 0.0045
        layers.append(_band(dummy, fit, cuff, points, faces, np.minimum(field + 0.002, 0.034 - field), hat.trim))
    elif hat.kind == "brimmed":
        band = shape + normals * 0.0025
        layers.append(_band(dummy, fit, band, points, faces, np.minimum(field, 0.024 - field), hat.trim))
        layers.append(_brim(dummy, fit, hat, shape, field, np.pi))
    else:
        layers.append(_brim(dummy, fit, hat, shape, field, np.deg2rad(72)))
    return layers


def _crown(hat: Hat, points: Array, normals: Array, field: Array) -> Array:
    up = smoothstep(0.0, 0.075, field)
    shape = points + normals * _STAND_OFF
    shape[:, 2] += hat.height * up
    if hat.kind == "brimmed":
        top = shape[:, 2].max()
        shape[:, 2] = np.minimum(shape[:, 2], top - 0.006)
        shape[:, :2] = [0, -0.05] + (shape[:, :2] - [0, -0.05]) * (1 + 0.12 * up[:, None])
        shape[:, 2] -= 0.016 * np.exp(-((points[:, 0] / 0.02) ** 2)) * smoothstep(0.045, 0.075, field)
    elif hat.kind == "beanie":
        shape[:, 1] += 0.5 * hat.height * up
    return shape


def _band(
    dummy: Dummy, fit: HeadFit, shape: Array, template: Array, faces: np.ndarray, field: Array, material: Material
) -> Layer:
    angle = arctan2(template[:, 0].astype(np.float32), (template[:, 1] + 0.06).astype(np.float32))
    values = np.concatenate([fit(shape), template, cos(angle)[:, None], sin(angle)[:, None]], 1)
    cut = clip_faces(faces, field.astype(np.float32))
    kept = cut.interpolate(values.astype(np.float32))
    corners = kept[cut.faces]
    turn = arctan2(corners[..., 7], corners[..., 6])
    turn = np.where(turn.max(1, keepdims=True) - turn > np.pi, turn + 2 * np.pi, turn)
    uv = np.stack([turn * HEAD_RADIUS, corners[..., 5]], -1)
    weights = rigid_weights(dummy, {"head": 1.0}, len(kept))
    return worn_layer(kept[:, :3], kept[:, 3:6], cut.faces, uv, weights, material, Lip.HAT, "hat", 1)


def _brim(dummy: Dummy, fit: HeadFit, hat: Hat, shape: Array, field: Array, half_turn: float) -> Layer:
    """A sheet around the crown's edge, or, for a cap, in front only."""
    rows, columns = 6, 61
    edge = _edge(shape, field)
    turn = np.linspace(-half_turn, half_turn, columns)
    own = arctan2(edge[:, 0].astype(np.float32), -(edge[:, 1] + 0.055).astype(np.float32))
    order = np.argsort(own)
    start = np.stack([np.interp(turn, own[order], edge[order, k], period=2 * np.pi) for k in range(3)], 1)
    share = np.linspace(0, 1, rows)[:, None, None]
    out = np.stack([np.sin(turn), -np.cos(turn), np.zeros(columns)], 1)
    if hat.kind == "cap":
        out = unit(out * [0.35, 1.0, 1.0])
        reach = hat.brim * np.cos(turn / half_turn * np.pi / 2) ** 0.55
        fall = hat.droop + 0.028 * np.sin(turn) ** 2
    else:
        reach = np.full(columns, hat.brim)
        fall = hat.droop * (1 + 0.5 * np.cos(2 * turn))
    sheet = start + out * (reach[:, None] * share) - np.array([0, 0, 1.0]) * fall[:, None] * share**1.5
    points = sheet.reshape(-1, 3)
    faces = grid_faces(rows, columns)
    across = np.broadcast_to(turn * HEAD_RADIUS, (rows, columns))
    uv = np.stack([across, np.repeat(share[:, :, 0] * hat.brim, columns, 1)], -1)
    weights = rigid_weights(dummy, {"head": 1.0}, len(points))
    material = hat.trim if hat.kind == "cap" else hat.material
    corner_uv = uv.reshape(-1, 2)[faces]
    return worn_layer(fit(points), points, faces, corner_uv, weights, material, Lip.HAT, "hat", 1)


def _edge(shape: Array, field: Array) -> Array:
    """Where the crown crosses the hat line, one point (s, 3) per sector."""
    grid, inside = shape.reshape(-1, SECTORS, 3), field.reshape(-1, SECTORS)
    found = []
    for column in range(SECTORS):
        row = int((inside[:, column] >= 0).sum())
        above, below = inside[row - 1, column], inside[row, column]
        share = above / (above - below)
        found.append(grid[row - 1, column] * (1 - share) + grid[row, column] * share)
    return np.stack(found)
