"""A person's measured volume: how thick torso, head and limbs are, and how deep posed limbs cut into each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from posable.body.geometry import FloatArray
from posable.body.model import body_model
from posable.body.skinning import forward_kinematics
from posable.people.mesh import PersonMesh

_SECTIONS = 24
_TORSO_BONES = ("root", "spine04", "spine03", "spine02", "spine01")
_LOOSE = ("hair", "hat", "bag", "scarf", "glasses", "lashes", "belt")
"""Pieces that don't count as volume."""
_HAND_RADIUS = 0.022
_ARM_SPOTS = (
    ("upperarm01", "lowerarm01", 0.62),
    ("upperarm01", "lowerarm01", 0.8),
    ("lowerarm01", "wrist", 0.1),
    *(("lowerarm01", "wrist", share) for share in (0.35, 0.6, 0.85)),
)
_HAND_SPOTS = (("wrist", "finger3-1", 0.2), ("wrist", "finger3-1", 0.9), ("finger3-2", "finger3-3", 0.9))
_LEG_SPOTS = (
    *(("upperleg01", "lowerleg01", share) for share in (0.45, 0.6, 0.75, 0.9)),
    *(("lowerleg01", "foot", share) for share in (0.1, 0.3, 0.5, 0.7, 0.9)),
    *(("foot", "toe3-1", share) for share in (0.35, 1.0)),
)


@dataclass(frozen=True, eq=False)
class Figure:
    """The volume of a dressed person in the rest pose; lengths in metres."""

    heads: dict[str, FloatArray]
    """Rest joints (3,) by bone name."""
    bone_heads: FloatArray
    """(b, 3)."""
    section_heights: FloatArray
    """(s,) rest heights of slices through the torso, from the pelvis to the neck."""
    sections: FloatArray
    """(s, 3): half width, middle y and half depth of each slice."""
    head: FloatArray
    """(2, 3): centre and half axes of the head."""
    radii: dict[str, float]
    """Of upperarm, lowerarm, upperleg, lowerleg and foot."""

    @classmethod
    def of(cls, mesh: PersonMesh) -> Figure:
        """Measures a person."""
        names = body_model().bone_names
        heads = {name: mesh.bone_heads[index] for index, name in enumerate(names)}
        tight = ~np.isin(np.array(mesh.garments)[mesh.face_material], _LOOSE)
        segments = np.full(len(mesh.rest), -1, np.int8)
        segments[mesh.faces[tight].ravel()] = np.repeat(mesh.face_segment[tight], 3)
        heights = np.linspace(heads["root"][2] - 0.02, heads["neck01"][2] - 0.03, _SECTIONS, dtype=np.float32)
        sections = _slice_torso(mesh.rest[(segments == 0) | (segments == 6) | (segments == 7)], heights)
        face = mesh.rest[segments == 1]
        low, high = np.percentile(face, 2, axis=0), np.percentile(face, 98, axis=0)
        radii: dict[str, float] = {}
        for name, segment, end in (
            *(("upperarm", 2, "lowerarm01"), ("lowerarm", 4, "wrist"), ("upperleg", 6, "lowerleg01")),
            *(("lowerleg", 8, "foot"), ("foot", 10, "toe3-1")),
        ):
            start = f"{name}01.L" if name != "foot" else "foot.L"
            radii[name] = _thickness(mesh.rest[segments == segment], heads[start], heads[f"{end}.L"])
        radii["upperleg"] = min(radii["upperleg"], 0.1)
        return cls(heads, mesh.bone_heads, heights, sections, np.stack([(low + high) / 2, (high - low) / 2]), radii)

    def posed(self, rotations: dict[str, FloatArray]) -> PosedFigure:
        """The figure with its bones rotated."""
        body = body_model()
        transforms = forward_kinematics(body.bone_names, body.parents, self.bone_heads, rotations).astype(np.float64)
        joints = np.einsum("bij,bj->bi", transforms[:, :, :3], self.bone_heads) + transforms[:, :, 3]
        index = {name: number for number, name in enumerate(body.bone_names)}
        return PosedFigure(self, transforms, joints, index)

    def torso_point(self, share: float, degrees: float) -> tuple[FloatArray, FloatArray]:
        """A point of the torso's surface and its outward direction, at a `share` of the way from pelvis to neck; 0
        degrees is in front, 90 the left side."""
        height = self.heads["root"][2] + share * (self.heads["neck01"][2] - self.heads["root"][2])
        width, middle, depth = (np.interp(height, self.section_heights, column) for column in self.sections.T)
        x, y = np.sin(np.deg2rad(degrees)), -np.cos(np.deg2rad(degrees))
        normal = np.array([x / width, y / depth, 0.0])
        return np.array([x * width, middle + y * depth, height]), normal / np.sqrt((normal**2).sum())


@dataclass(frozen=True, eq=False)
class PosedFigure:
    """A figure in a pose."""

    figure: Figure
    transforms: FloatArray
    """(b, 3, 4)."""
    joints: FloatArray
    """(b, 3) where the bones start."""
    index: dict[str, int]

    def carry(self, point: FloatArray, bone: str) -> FloatArray:
        """Where a rest point (3,) on a bone comes to lie."""
        transform = self.transforms[self.index[bone]]
        return (transform[:, :3] * point).sum(1) + transform[:, 3]

    def carry_torso(self, point: FloatArray) -> FloatArray:
        """Where a rest point (3,) of the torso comes to lie."""
        below = [bone for bone in _TORSO_BONES if self.figure.heads[bone][2] <= point[2]]
        return self.carry(point, below[-1] if below else "root")

    def to_rest(self, points: FloatArray, bone: str) -> FloatArray:
        """Points (n, 3) in the rest frame of a bone."""
        transform = self.transforms[self.index[bone]]
        return np.einsum("ni,ij->nj", points - transform[:, 3], transform[:, :3])

    def arm_depth(self, sides: tuple[str, ...] = ("L", "R")) -> float:
        """Metres by which arms cut into the body or into each other at worst; negative when there is room."""
        worst = -1.0
        for side in sides:
            points, radii, slack = self._arm_spots(side)
            depth = [self._in_torso(points, radii), self._in_head(points, radii)]
            for leg in ("L", "R"):
                depth.append(self._in_bone(points, radii, f"upperleg01.{leg}", f"lowerleg01.{leg}", "upperleg"))
                depth.append(self._in_bone(points, radii, f"lowerleg01.{leg}", f"foot.{leg}", "lowerleg"))
            worst = max(worst, float((np.stack(depth) - slack).max()))
        if len(sides) == 2:
            points, radii, slack = self._arm_spots("L")
            depth = [
                self._in_bone(points, radii, "upperarm01.R", "lowerarm01.R", "upperarm"),
                self._in_bone(points, radii, "lowerarm01.R", "wrist.R", "lowerarm"),
                self._in_bone(points, radii, "wrist.R", "finger3-3.R", None),
            ]
            worst = max(worst, float((np.stack(depth) - 0.03).max()))
            hand, radii, _ = self._arm_spots("R")
            worst = max(
                worst, float((self._in_bone(hand, radii, "upperarm01.L", "lowerarm01.L", "upperarm")).max()) - 0.012
            )
        return worst

    def leg_depth(self) -> float:
        """Metres by which the legs cut into each other at worst; negative when there is room."""
        points, radii = self._spots(_LEG_SPOTS, "L")
        depth = np.stack(
            [
                self._in_bone(points, radii, "upperleg02.R", "lowerleg01.R", "upperleg"),
                self._in_bone(points, radii, "lowerleg01.R", "foot.R", "lowerleg"),
                self._in_bone(points, radii, "foot.R", "toe3-1.R", "foot"),
            ]
        )
        thigh = np.array([name.startswith("upperleg") for name, _, _ in _LEG_SPOTS])
        return float((depth - np.where(thigh, 0.05, 0.015)).max())

    def _arm_spots(self, side: str) -> tuple[FloatArray, FloatArray, FloatArray]:
        points, radii = self._spots((*_ARM_SPOTS, *_HAND_SPOTS), side)
        slack = np.array([0.06, 0.04, 0.025] + [0.014] * 3 + [0.012] * 3)
        return points, radii, slack

    def _spots(self, spots: tuple[tuple[str, str, float], ...], side: str) -> tuple[FloatArray, FloatArray]:
        starts = self.joints[[self.index[f"{start}.{side}"] for start, _, _ in spots]]
        ends = self.joints[[self.index[f"{end}.{side}"] for _, end, _ in spots]]
        shares = np.array([share for _, _, share in spots])[:, None]
        radii = [self.figure.radii.get(start.removesuffix("01"), _HAND_RADIUS) for start, _, _ in spots]
        return starts + shares * (ends - starts), np.array(radii)

    def _in_torso(self, points: FloatArray, radii: FloatArray) -> FloatArray:
        heights, sections = self.figure.section_heights, self.figure.sections
        floors = [float(self.figure.heads[bone][2]) for bone in _TORSO_BONES]
        floors[0] = float(heights[0])
        worst = np.full(len(points), -1.0)
        for bone, low, high in zip(_TORSO_BONES, floors, [*floors[1:], float(heights[-1])], strict=True):
            x, y, z = self.to_rest(points, bone).T
            width, middle, depth = (np.interp(z, heights, column) for column in sections.T)
            outside = np.sqrt((x / width) ** 2 + ((y - middle) / depth) ** 2) - 1
            inside = np.where((z > low - 0.01) & (z < high + 0.01), radii - outside * np.minimum(width, depth), -1.0)
            worst = np.maximum(worst, inside)
        return worst

    def _in_head(self, points: FloatArray, radii: FloatArray) -> FloatArray:
        centre, axes = self.figure.head
        outside = np.sqrt((((self.to_rest(points, "head") - centre) / axes) ** 2).sum(1)) - 1
        return radii - outside * axes.min()

    def _in_bone(self, points: FloatArray, radii: FloatArray, start: str, end: str, part: str | None) -> FloatArray:
        first, last = self.joints[self.index[start]], self.joints[self.index[end]]
        along = last - first
        # The top of the thigh lies in the torso's slices.
        nearest = 0.22 if part == "upperleg" else 0.0
        share = np.clip(((points - first) * along).sum(1) / max((along**2).sum(), 1e-9), nearest, 1)
        apart = points - (first + share[:, None] * along)
        thickness = _HAND_RADIUS if part is None else self.figure.radii[part]
        return thickness + radii - np.sqrt((apart**2).sum(1))


def _slice_torso(points: FloatArray, heights: FloatArray) -> FloatArray:
    sections = np.zeros((len(heights), 3))
    step = float(heights[1] - heights[0])
    for row, height in enumerate(heights.tolist()):
        near = points[np.abs(points[:, 2] - height) < step]
        if len(near) < 8:
            sections[row] = sections[row - 1] if row else (0.15, 0.0, 0.1)
            continue
        front, back = np.percentile(near[:, 1], 2), np.percentile(near[:, 1], 98)
        sections[row] = np.percentile(np.abs(near[:, 0]), 98), (front + back) / 2, (back - front) / 2
    return sections


def _thickness(points: FloatArray, start: FloatArray, end: FloatArray) -> float:
    """A limb's radius: three quarters of its surface lie nearer to the bone."""
    along = (end - start).astype(np.float64)
    share = np.clip(((points - start) * along).sum(1) / (along**2).sum(), 0, 1)
    used = (share > 0.3) & (share < 0.95)
    if not used.any():
        return 0.05
    apart = points[used] - (start + share[used, None] * along)
    return float(np.clip(np.percentile(np.sqrt((apart**2).sum(1)), 75), 0.025, 0.12))
