"""Locks of hair: paths that grow from the scalp, and ribbons, tubes and braids along them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posable.people.head.scalp import Array, grid_faces, template_scalp, unit

IntArray = NDArray[np.int32]
Comb = Callable[[Array], Array]
"""Directions (n, 3) in which hair at template points (n, 3) is combed."""
_GRAVITY = np.array([0.0, 0.0, -1.0])


@dataclass(frozen=True, eq=False)
class Strands:
    """Surfaces along n paths of m points, c points across each."""

    points: Array
    """(n, m, c, 3)."""
    uv: Array
    """(n, m, c, 2) chart coordinates in metres; v along the hair."""

    def faces(self) -> IntArray:
        """Triangles over the flattened points."""
        count, steps, columns = self.points.shape[:3]
        starts = np.arange(count, dtype=np.int32) * (steps * columns)
        return (grid_faces(steps, columns)[None] + starts[:, None, None]).reshape(-1, 3)


def grow(
    roots: Array,
    lengths: Array,
    comb: Comb,
    heights: Array,
    hangs: float,
    cling: float,
) -> Array:
    """Paths (n, steps, 3) on the template from `roots` (n, 3), each of its length in metres.

    `heights` (n, steps) are what it keeps from the skin at least. Hair follows `comb` on the head and falls
    straight down below it, the sooner the larger `hangs` is; `cling` in [0, 1] holds it down on the head.
    """
    _, scalp = template_scalp()
    steps = heights.shape[1]
    shares = np.linspace(0, 1, steps)
    _, normals = scalp.height(roots)
    paths = np.empty((len(roots), steps, 3))
    paths[:, 0] = roots + normals * heights[:, :1]
    for k in range(1, steps):
        here = paths[:, k - 1]
        _, normals = scalp.height(here)
        combed = comb(here)
        combed = unit(combed - normals * (combed * normals).sum(1, keepdims=True))
        falls = np.clip(hangs * shares[k] + (0.76 - here[:, 2]) * 10 * hangs, 0, 1)[:, None]
        there = here + unit(combed * (1 - falls) + _GRAVITY * falls) * (lengths / (steps - 1))[:, None]
        height, normals = scalp.height(there)
        missing = heights[:, k] - height
        held = np.where(missing > 0, 1.0, cling * (1 - falls[:, 0]))
        paths[:, k] = there + normals * (missing * held)[:, None]
    return paths


def curl(paths: Array, radius: float, turns_per_metre: float, rng: np.random.Generator) -> Array:
    """The paths wound into spirals that widen from the root on."""
    _, side, normal = _frames(paths)
    step = np.sqrt((np.diff(paths, axis=1) ** 2).sum(-1))
    along = np.concatenate([np.zeros((len(paths), 1)), np.cumsum(step, 1)], 1)
    phase = 2 * np.pi * (turns_per_metre * along + rng.random((len(paths), 1)))
    grown = np.minimum(along / 0.05, 1) * radius
    return paths + (np.cos(phase) * grown)[..., None] * side + (np.sin(phase) * grown * 0.7)[..., None] * normal


def ribbons(paths: Array, width: Array, taper: float, bulge: float = 0.3) -> Strands:
    """Rounded bands, `width` (n,) metres wide, that taper to the share `taper` at the end."""
    _, side, normal = _frames(paths)
    share = np.linspace(0, 1, paths.shape[1])
    profile = np.minimum(0.6 + share * 3, 1) * (1 - (1 - taper) * share**2.2)
    half = 0.5 * width[:, None] * profile
    across = np.array([1.0, 0.0, -1.0])
    rise = np.array([-bulge, bulge * 0.6, -bulge])
    points = (
        paths[:, :, None]
        + (half[..., None] * across)[..., None] * side[:, :, None]
        + (half[..., None] * rise)[..., None] * normal[:, :, None]
    )
    return _strands(points, half)


def tubes(paths: Array, radius: Array, sides: int = 6) -> Strands:
    """Round cords; `radius` (n, m) metres along each path."""
    angle = np.linspace(0, 2 * np.pi, sides + 1)
    return _tube(paths, radius[..., None] * np.ones(sides + 1), angle)


def braid(path: Array, radius: float) -> Strands:
    """A three-strand braid along one path (m, 3), thin at the end."""
    fine = resampled(path, 34)[None]
    share = np.linspace(0, 1, 34)[None, :, None]
    angle = np.linspace(0, 2 * np.pi, 11)
    turns = 0.5 * np.sqrt((np.diff(path, axis=0) ** 2).sum(1)).sum() / radius
    swell = np.abs(np.sin(np.pi * (turns * share * 0.5 + 0.5 * (np.cos(angle) > 0))))
    tassel = np.where(share > 0.9, 1.15, 1) * np.where(np.abs(share - 0.89) < 0.02, 0.6, 1)
    return _tube(fine, radius * (0.72 + 0.34 * swell) * (1 - 0.45 * share) * tassel, angle)


def _tube(paths: Array, radius: Array, angle: Array) -> Strands:
    _, side, normal = _frames(paths)
    around = np.cos(angle)[:, None] * side[:, :, None] + np.sin(angle)[:, None] * normal[:, :, None]
    return _strands(paths[:, :, None] + radius[..., None] * around, radius.max(-1))


def _strands(points: Array, half: Array) -> Strands:
    count, _, columns = points.shape[:3]
    u = (np.arange(count) * 0.0373)[:, None, None] + half[..., None] * np.linspace(-1, 1, columns)
    step = np.sqrt((np.diff(points[:, :, columns // 2], axis=1) ** 2).sum(-1))
    along = np.concatenate([np.zeros((count, 1)), np.cumsum(step, 1)], 1)
    v = np.broadcast_to(-along[..., None], u.shape)
    return Strands(points, np.stack([u, v], -1))


def _frames(paths: Array) -> tuple[Array, Array, Array]:
    """Tangents, sides and normals (n, m, 3) of paths; normals point away from head and body."""
    _, scalp = template_scalp()
    tangent = unit(np.gradient(paths, axis=1))
    _, outward = scalp.height(paths.reshape(-1, 3))
    side = unit(np.cross(tangent, outward.reshape(paths.shape)))
    return tangent, side, np.cross(side, tangent)


def resampled(path: Array, count: int) -> Array:
    step = np.sqrt((np.diff(path, axis=0) ** 2).sum(1))
    along = np.concatenate([[0], np.cumsum(step)])
    wanted = np.linspace(0, along[-1], count)
    return np.stack([np.interp(wanted, along, path[:, axis]) for axis in range(3)], 1)
