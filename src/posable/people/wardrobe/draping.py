"""Cloth that hangs: skirts, coat skirts and long shirts fall from the hips, slide over the legs and bridge them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from posable.body.geometry import normalize, product

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]

_LEG_JOINTS = ("upperleg01", "lowerleg01", "foot")
_BRIDGE = np.linspace(0, 1, 5, dtype=np.float32)
"""From the left leg to the right one: cloth never dips between two legs, so it meets their hull."""
_FLOOR_GAP = 0.006
_LET_GO_ROWS = 5
"""Over as many rows the cloth passes from following the hips to hanging."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Drape:
    """A grid of vertices that hangs from its upper rows."""

    vertices: IntArray
    """(rows, columns), top row first."""
    links: FloatArray
    """(rows - 1, columns, 3): metres from each vertex to the one below while the person stands at rest."""
    anchored: int
    """Rows, at least one, that stay where skinning puts them."""
    closed: bool
    """Whether the last column neighbours the first."""
    leg_radii: FloatArray
    """(5,) at hip, middle of the thigh, knee, middle of the shin and ankle, clothes and clearance included; metres."""
    joints: tuple[int, ...]
    """Bones that start at hip, knee and ankle, left then right (6)."""

    def shifted(self, start: int) -> Drape:
        """The same for vertices numbered from `start`."""
        return replace(self, vertices=(self.vertices + start).astype(np.int32))


def leg_joints(bone_names: Sequence[str]) -> tuple[int, ...]:
    """The bones of `Drape.joints`."""
    return tuple(bone_names.index(f"{joint}.{side}") for side in "LR" for joint in _LEG_JOINTS)


def with_middles(joints: FloatArray) -> FloatArray:
    """Hip, middle of the thigh, knee, middle of the shin and ankle (5, 3) of the three joints (3, 3)."""
    hip, knee, ankle = joints
    return np.stack([hip, (hip + knee) / 2, knee, (knee + ankle) / 2, ankle])


def drape(drapes: Sequence[Drape], vertices: FloatArray, bone_heads: FloatArray, bones: FloatArray) -> FloatArray:
    """The skinned vertices (v, 3) with hanging cloth let down; z is up and the lowest vertex stands on the floor.

    `bone_heads` (b, 3) are rest joints, `bones` (b, 3, 4) the pose's affine maps.
    """
    if not drapes:
        return vertices
    vertices = vertices.copy()
    floor = float(vertices[:, 2].min()) + _FLOOR_GAP
    for cloth in drapes:
        rest = bone_heads[list(cloth.joints)]
        maps = bones[list(cloth.joints)]
        posed = (maps[:, :, :3] * rest[:, None]).sum(2) + maps[:, :, 3]
        hull = LegHull.of(with_middles(posed[:3]), with_middles(posed[3:]), cloth.leg_radii)
        vertices[cloth.vertices] = _let_down(cloth, vertices[cloth.vertices], _heading(bones[0, :, :3]), hull, floor)
    return vertices


@dataclass(frozen=True, eq=False)
class LegHull:
    """Tapered capsules between the two legs."""

    start: FloatArray
    """(k, 3)."""
    along: FloatArray
    """(k, 3), to the end."""
    radius: FloatArray
    """(k,), at the start."""
    taper: FloatArray
    """(k,), what the end's radius is larger."""

    @classmethod
    def of(cls, left: FloatArray, right: FloatArray, radii: FloatArray) -> LegHull:
        chains = cls.bridged(left, right)
        start, end = chains[:, :-1].reshape(-1, 3), chains[:, 1:].reshape(-1, 3)
        count = len(_BRIDGE)
        return cls(start, end - start, np.tile(radii[:-1], count), np.tile(radii[1:] - radii[:-1], count))

    @staticmethod
    def bridged(left: FloatArray, right: FloatArray) -> FloatArray:
        """The axes of the capsules: polylines (chains, 5, 3)."""
        return (left + (right - left) * _BRIDGE[:, None, None]).astype(np.float32)

    def outward(self, points: FloatArray) -> FloatArray:
        """The shortest ways (n, 3) out of the hull for points (n, 3); zero for those outside."""
        from_start = points[:, None] - self.start
        lengths = np.maximum((self.along * self.along).sum(1), np.float32(1e-8))
        t = np.clip((from_start * self.along).sum(2) / lengths, 0, 1)
        away = from_start - t[..., None] * self.along
        distance = np.sqrt((away * away).sum(2))
        depth = self.radius + t * self.taper - distance
        rows = np.arange(len(points))
        deepest = depth.argmax(1)
        scale = np.maximum(depth[rows, deepest], 0) / np.maximum(distance[rows, deepest], np.float32(1e-4))
        return (away[rows, deepest] * scale[:, None]).astype(np.float32)


def _heading(rotation: FloatArray) -> FloatArray:
    """The part of a rotation that turns about the vertical."""
    x, y = float(rotation[0, 0] + rotation[1, 1]), float(rotation[1, 0] - rotation[0, 1])
    length = max(float(np.sqrt(x * x + y * y)), 1e-6)
    cosine, sine = x / length, y / length
    return np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]], np.float32)


def _let_down(cloth: Drape, skinned: FloatArray, heading: FloatArray, hull: LegHull, floor: float) -> FloatArray:
    hung = skinned.copy()
    links = product(cloth.links, heading.T)
    lengths = np.sqrt((links * links).sum(2, keepdims=True))
    guides = normalize(skinned[1:] - skinned[:-1])
    directions = _between(guides, links / lengths, cloth.anchored)
    for row in range(cloth.anchored, len(hung)):
        above, length = hung[row - 1], lengths[row - 1]
        free = above + directions[row - 1] * length
        pushed = free + _blurred(hull.outward(free), cloth.closed)
        pushed = above + normalize(pushed - above) * length
        pushed += hull.outward(pushed)
        pushed[:, 2] = np.maximum(pushed[:, 2], floor)
        hung[row] = pushed
    return hung


def _between(guides: FloatArray, plumb: FloatArray, anchored: int) -> FloatArray:
    """Unit vectors between the skinned cloth's links, followed where a lifted leg carries them, and gravity's."""
    rows = np.arange(len(plumb), dtype=np.float32)[:, None, None]
    carried = np.clip(0.65 - 0.65 * (guides * plumb).sum(2, keepdims=True), 0, 0.65)
    follow = np.maximum(np.clip(1 - (rows - anchored + 1) / _LET_GO_ROWS, 0.15, 1), carried).astype(np.float32)
    return normalize(guides * follow + plumb * (1 - follow))


def _blurred(values: FloatArray, closed: bool) -> FloatArray:
    """Averages over neighbouring columns, which keeps the cloth from creasing where it leaves a leg."""
    for _ in range(2):
        padded = np.pad(values, ((1, 1), (0, 0)), mode="wrap" if closed else "edge")
        values = (padded[:-2] + padded[2:]) * np.float32(0.25) + values * np.float32(0.5)
    return values
