"""The body's layers of limbs, and what they look like on a grid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from posable.body.fitted import Body
from posable.body.rasterize import Fragments, rasterize
from posable.body.reduced import JOINTS, reduced_body
from posable.imaging.size import Size
from posable.surface.grids import Floats, Mask

Ints = npt.NDArray[np.int32]

LAYERS = ("trunk", "left arm", "right arm", "left leg", "right leg")
"""The trunk has the head. Left and right are the person's."""
TRUNK, LEFT_ARM, RIGHT_ARM, LEFT_LEG, RIGHT_LEG = range(len(LAYERS))
ARMS, LEGS = (LEFT_ARM, RIGHT_ARM), (LEFT_LEG, RIGHT_LEG)
_LIMB_BONES = {"upperarm01": 1, "lowerarm01": 1, "wrist": 1, "upperleg01": 3, "lowerleg01": 3, "foot": 3}
_FAR_METRES = 40.0
"""More than any depth: the far side is drawn by turning depth round."""


def joint(name: str) -> int:
    return JOINTS.index(name)


def _layer_of_joint() -> Ints:
    layers = np.zeros(len(JOINTS), np.int32)
    for index, name in enumerate(JOINTS):
        bone, _, side = name.partition(".")
        if bone in _LIMB_BONES:
            layers[index] = _LIMB_BONES[bone] + (side == "R")
    return layers


LAYER_OF_JOINT = _layer_of_joint()
"""(24,)"""


def unprojected(body: Body, points: npt.NDArray[np.floating], depth: npt.NDArray[np.floating]) -> Floats:
    """The points (n, 3), metres in camera axes, that are seen at (x, y) px (n, 2) in depths (n,)."""
    nearness = body.scale * body.distance / depth
    x, z = (points[:, 0] - body.offset[0]) / nearness, (body.offset[1] - points[:, 1]) / nearness
    return np.stack([x, depth - body.distance, z], 1).astype(np.float32)


def trunk_yaw(body: Body) -> float:
    """Degrees by which the chest is turned about the vertical: 0 looks at the camera, 90 to the picture's right."""
    front = -body.joint_transforms[joint("spine01"), :, 1]
    return float(np.degrees(np.arctan2(front[0], -front[1])))


def head_yaw(body: Body) -> float:
    """`trunk_yaw` of the head."""
    front = -body.joint_transforms[joint("head"), :, 1]
    return float(np.degrees(np.arctan2(front[0], -front[1])))


def hip_bend(body: Body) -> float:
    """Degrees between the trunk and the more bent of the thighs that are observed; 0 stands straight or is unseen."""

    def way(start: str, end: str) -> npt.NDArray[np.float64]:
        along = body.joints[joint(end)] - body.joints[joint(start)]
        return along / max(float(np.linalg.norm(along)), 1e-6)

    down = way("neck01", "root")
    bends = [
        float(np.degrees(np.arccos(np.clip(way(f"upperleg01.{side}", f"lowerleg01.{side}") @ down, -1, 1))))
        for side in "LR"
        if body.observed[joint(f"upperleg01.{side}")]
    ]
    return max(bends, default=0.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Anatomy:
    """What is the same for all bodies."""

    faces: Ints
    """(f, 3)"""
    weights: Floats
    """(v, 24), rows sum to 1."""
    layer: Ints
    """(v,), the layer of LAYERS that moves a vertex most."""
    layer_faces: tuple[Ints, ...]
    """Faces that a layer has a part in, for each."""
    core_faces: Ints
    """Faces of trunk, head and legs."""
    mirror: Ints
    """(v,), the vertex on the other side of the body."""
    opposite: Ints
    """(v,), the vertex before or behind."""
    head: Floats
    """(v,), skin weight of head and upper neck."""
    hand: Floats
    foot: Floats


@lru_cache(maxsize=1)
def anatomy() -> Anatomy:
    body = reduced_body()
    weights = body.skin_weights
    share = np.stack([weights[:, layer == LAYER_OF_JOINT].sum(1) for layer in range(len(LAYERS))], 1)
    faces = body.faces.astype(np.int32)
    parts = tuple(np.flatnonzero((share[faces][:, :, n] > 0.03).any(1)).astype(np.int32) for n in range(len(LAYERS)))
    tree = KDTree(body.vertices)
    middle = -0.03
    behind = body.vertices * np.array([1, -1, 1], np.float32) + np.array([0, 2 * middle, 0], np.float32)
    return Anatomy(
        faces=faces,
        weights=weights,
        layer=share.argmax(1).astype(np.int32),
        layer_faces=parts,
        core_faces=np.unique(np.concatenate([parts[TRUNK], parts[LEFT_LEG], parts[RIGHT_LEG]])),
        mirror=np.asarray(tree.query(body.vertices * np.array([-1, 1, 1], np.float32))[1], np.int32),
        opposite=np.asarray(tree.query(behind)[1], np.int32),
        head=weights[:, joint("head")] + weights[:, joint("neck03")],
        hand=weights[:, joint("wrist.L")] + weights[:, joint("wrist.R")],
        foot=weights[:, joint("foot.L")] + weights[:, joint("foot.R")],
    )


@dataclass(frozen=True, eq=False)
class Seen:
    """One side of some faces on a grid."""

    covered: Mask
    """(h, w)"""
    depth: Floats
    """(h, w), metres; 0 where nothing is."""
    values: Floats
    """(h, w, c), the vertices' values."""
    vertex: Ints
    """(h, w), a vertex that is near; 0 where nothing is."""


def seen(screen: Floats, faces: Ints, values: Floats, size: Size, *, far: bool = False) -> Seen:
    """What faces (f, 3) with corners `screen` (v, 3) and values (v, c) look like: the nearest side, or the far one."""
    corners = screen.copy()
    if far:
        corners[:, 2] = _FAR_METRES - corners[:, 2]
    fragments: Fragments = rasterize(corners, faces, size)
    covered = fragments.face_ids >= 0
    depth = np.zeros(size, np.float32)
    depth[covered] = _FAR_METRES - fragments.depth[covered] if far else fragments.depth[covered]
    interpolated = np.zeros((*size, values.shape[1]), np.float32)
    vertex = np.zeros(size, np.int32)
    chosen = faces[fragments.face_ids[covered]]
    shares = fragments.barycentrics[covered].astype(np.float32)
    interpolated[covered] = np.einsum("nk,nkc->nc", shares, values[chosen])
    vertex[covered] = np.take_along_axis(chosen, shares.argmax(1)[:, None], 1)[:, 0]
    return Seen(covered, depth, interpolated, vertex)
