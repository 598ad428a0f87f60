"""The body model reduced to what keypoints can tell: 24 joints, and a rest shape that is linear in 23 coefficients.

Frame of the rest pose: x to the person's left, -y where it faces, z up, metres.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from posable.body.model import COCO_KEYPOINTS, BodyModel, body_model
from posable.pose.skeleton import OPENPOSE_18

FloatArray = npt.NDArray[np.floating]

_TRUNK = ("root", "spine05", "spine04", "spine03", "spine02", "spine01")
_NECK = ("neck01", "neck02", "neck03", "head")
_ARM = ("clavicle", "upperarm01", "lowerarm01", "wrist")
_LEG = ("upperleg01", "lowerleg01", "foot")


def _joints() -> tuple[tuple[str, ...], tuple[int, ...]]:
    names, parents = [*_TRUNK, *_NECK], list(range(-1, 9))
    chest, root = names.index("spine01"), 0
    for limb, anchor in ((_ARM, chest), (_LEG, root)):
        for side in "LR":
            first = len(names)
            names += [f"{bone}.{side}" for bone in limb]
            parents += [anchor, *range(first, first + len(limb) - 1)]
    return tuple(names), tuple(parents)


JOINTS, PARENTS = _joints()
"""The joints by name, parents before children, and the parent of each; -1 for the root."""
NUM_JOINTS = len(JOINTS)
NUM_COMPONENTS = 10
"""Principal components of the body model's shapes that are kept, each about N(0, 1)."""
STRETCHES = (
    *(f"{limb}.{side}" for side in "LR" for limb in ("upper_arm", "forearm", "thigh", "shin")),
    *("trunk", "neck", "shoulder_width", "hip_width", "head_size"),
)
"""What else keypoints tell: lengths, as a fraction of the mean body's."""
NUM_SHAPE = NUM_COMPONENTS + len(STRETCHES)
GIRTHS = ("hips", "waist", "chest", "upper_arms", "forearms", "thighs", "shins")
"""What outlines tell: how thick the body is, as a fraction of the mean body's."""

_STRETCH_SPREAD = {"trunk": 0.06, "neck": 0.15, "shoulder_width": 0.08, "hip_width": 0.10, "head_size": 0.06}
_LIMB_SPREAD = 0.06


@dataclass(frozen=True, kw_only=True, eq=False)
class ReducedBody:
    """v vertices (the skin, then the eyes), j = 24 joints, s = 23 shape coefficients, e parts of 18 keypoints."""

    parents: npt.NDArray[np.int64]
    """(j,), -1 for the root; parents come before children."""
    descends: npt.NDArray[np.bool_]
    """(j, j): whether the second joint hangs on the first, or is it."""
    vertices: npt.NDArray[np.float32]
    """(v, 3), the mean body."""
    vertex_basis: npt.NDArray[np.float32]
    """(s, v, 3), what one unit of a coefficient adds to it."""
    heads: npt.NDArray[np.float64]
    """(j, 3), where the mean body's joints are."""
    head_basis: npt.NDArray[np.float64]
    """(s, j, 3)."""
    girth_basis: npt.NDArray[np.float32]
    """(7, v, 3), what one unit of each of GIRTHS adds to the mean body."""
    spread: npt.NDArray[np.float64]
    """(s,), standard deviation of the coefficients among people."""
    skin_weights: npt.NDArray[np.float32]
    """(v, j), rows sum to 1."""
    faces: npt.NDArray[np.int32]
    """(f, 3)."""
    segment: npt.NDArray[np.int8]
    """(v,) 0 trunk, 1 head, 2/3 upper arm left/right, 4/5 forearm and hand, 6/7 thigh, 8/9 shin, 10/11 foot."""
    label: npt.NDArray[np.uint8]
    """(v,), LIP-20 class of bare skin."""
    part_keypoint: npt.NDArray[np.int64]
    """(e,), the OpenPose keypoint that a part belongs to: a keypoint is the sum of weighted points on joints."""
    part_joint: npt.NDArray[np.int64]
    """(e,)."""
    part_weight: npt.NDArray[np.float64]
    """(e,), sums to 1 over the parts of a keypoint."""
    part_points: npt.NDArray[np.float64]
    """(e, 3), rest points of the mean body."""
    part_basis: npt.NDArray[np.float64]
    """(s, e, 3)."""

    def rest_vertices(self, shape: FloatArray, girth: FloatArray) -> npt.NDArray[np.float32]:
        """(v, 3) of the body with shape coefficients (s,) and girths (7,)."""
        move = np.tensordot(shape.astype(np.float32), self.vertex_basis, 1)
        return self.vertices + move + np.tensordot(girth.astype(np.float32), self.girth_basis, 1)

    def rest_heads(self, shape: FloatArray) -> npt.NDArray[np.float64]:
        """Joints (..., j, 3) of bodies with shape coefficients (..., s)."""
        moves = shape @ self.head_basis.reshape(len(self.head_basis), -1)
        return self.heads + moves.reshape(*shape.shape[:-1], -1, 3)


@lru_cache(maxsize=1)
def reduced_body() -> ReducedBody:
    """The reduced body, made from the body asset once."""
    model = body_model()
    count = int(model.eye_faces.max()) + 1
    all_weights = model.skin_weights.toarray() @ _reduction(model)
    weights = all_weights[:count]
    mean, basis = model.shape_mean.reshape(-1, 3), model.shape_basis.reshape(len(model.shape_basis), -1, 3)
    kept = [len(model.template) + model.bone_names.index(name) for name in JOINTS]
    parents = np.array(PARENTS)
    descends = _descendants(parents)
    vertices, heads = mean[:count], mean[kept].astype(np.float64)
    moves = _stretches(vertices.astype(np.float64), heads, weights.astype(np.float64), descends)
    vertex_basis = np.concatenate([basis[:NUM_COMPONENTS, :count], [move for move, _ in moves]]).astype(np.float32)
    head_basis = np.concatenate([basis[:NUM_COMPONENTS, kept].astype(np.float64), [move for _, move in moves]])
    spread = [_STRETCH_SPREAD.get(name, _LIMB_SPREAD) for name in STRETCHES]
    keypoint, joint, weight, picks = _keypoint_parts(model, all_weights, count)
    return ReducedBody(
        parents=parents,
        descends=descends,
        vertices=vertices.astype(np.float32),
        vertex_basis=vertex_basis,
        heads=heads,
        head_basis=head_basis,
        girth_basis=_girths(vertices.astype(np.float64), heads, weights.astype(np.float64)),
        spread=np.concatenate([np.ones(NUM_COMPONENTS), spread]),
        skin_weights=weights.astype(np.float32),
        faces=np.concatenate([model.skin_faces, model.eye_faces]).astype(np.int32),
        segment=model.regions.segment[:count],
        label=model.regions.skin_label[:count],
        part_keypoint=keypoint,
        part_joint=joint,
        part_weight=weight,
        part_points=picks @ vertices.astype(np.float64),
        part_basis=np.stack([picks @ move for move in vertex_basis.astype(np.float64)]),
    )


def merged_rotations(rotations: dict[str, FloatArray]) -> npt.NDArray[np.float64]:
    """Local rotations (24, 3, 3) of the reduced joints from those of the full body's bones by name.

    Bones that a limb has in a row turn as one; fingers and toes are left out.
    """
    merged = np.tile(np.eye(3), (NUM_JOINTS, 1, 1))
    for joint, name in enumerate(JOINTS):
        for bone in (name, name.replace("01", "02")) if "." in name and "01" in name else (name,):
            if bone in rotations:
                merged[joint] = merged[joint] @ rotations[bone]
    return merged


def _reduction(model: BodyModel) -> npt.NDArray[np.float32]:
    """(bones, 24), 1 where a bone moves with a joint: its own, or the nearest one on the way to the root."""
    table = np.zeros((len(model.bone_names), NUM_JOINTS), np.float32)
    joint_of: list[int] = []
    for name, parent in zip(model.bone_names, model.parents.tolist(), strict=True):
        joint_of.append(JOINTS.index(name) if name in JOINTS else joint_of[parent])
        table[len(joint_of) - 1, joint_of[-1]] = 1
    return table


def _descendants(parents: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    table = np.eye(len(parents), dtype=np.bool_)
    for joint, parent in enumerate(parents.tolist()):
        if parent >= 0:
            table[:, joint] |= table[:, parent]
    return table


_Move = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
"""Displacements (v, 3) of vertices and (24, 3) of joints."""


def _stretches(
    vertices: npt.NDArray[np.float64],
    heads: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64],
    descends: npt.NDArray[np.bool_],
) -> list[_Move]:
    """The displacements of each of STRETCHES, in their order."""

    def at(name: str) -> npt.NDArray[np.float64]:
        return heads[JOINTS.index(name)]

    def below(name: str) -> npt.NDArray[np.bool_]:
        return descends[JOINTS.index(name)]

    def lengthened(bone: str, end: str) -> _Move:
        along = at(end) - at(bone)
        share = np.clip((vertices - at(bone)) @ along / (along @ along), 0, 1)
        beyond = weights[:, below(end)].sum(1)
        own = weights[:, below(bone)].sum(1) - beyond
        return (own * share + beyond)[:, None] * along, below(end)[:, None] * along

    limbs = [
        lengthened(f"{bone}.{side}", f"{end}.{side}")
        for side in "LR"
        for bone, end in (
            ("upperarm01", "lowerarm01"),
            ("lowerarm01", "wrist"),
            ("upperleg01", "lowerleg01"),
            ("lowerleg01", "foot"),
        )
    ]
    sides = [(below("upperarm01.L"), below("upperleg01.L"), 1), (below("upperarm01.R"), below("upperleg01.R"), -1)]
    arms, legs = sides[0][0] | sides[1][0], sides[0][1] | sides[1][1]
    neck_joints = below("neck01")
    on_arms, on_legs, on_neck = (weights[:, chosen].sum(1) for chosen in (arms, legs, neck_joints))
    pelvis, shoulder, neck, head = (at(name)[2] for name in ("root", "upperarm01.L", "neck01", "head"))

    def raised(bottom: float, top: float) -> _Move:
        """Everything above `bottom` moves up, in full above `top`; arms move with the shoulders, legs do not."""

        def rise(heights: npt.NDArray[np.float64] | float) -> npt.NDArray[np.float64]:
            return np.clip(np.asarray(heights) - bottom, 0, top - bottom)

        move, joints = np.zeros_like(vertices), np.zeros_like(heads)
        move[:, 2] = (1 - on_arms - on_legs) * rise(vertices[:, 2]) + on_arms * rise(shoulder)
        joints[:, 2] = np.where(arms, rise(shoulder), np.where(legs, 0, rise(heads[:, 2])))
        return move, joints

    def widened(limb: int, share: npt.NDArray[np.float64], on_limbs: npt.NDArray[np.float64], half: float) -> _Move:
        """`share` (v,) of the trunk's width grows and takes the limbs along; `half` is where they begin."""
        move, joints = np.zeros_like(vertices), np.zeros_like(heads)
        trunk = np.clip(vertices[:, 0], -half, half) * share * (1 - on_limbs)
        limbs = sum(weights[:, side[limb]].sum(1) * side[2] * half for side in sides)
        move[:, 0] = trunk + limbs
        joints[:, 0] = sum(side[limb] * side[2] * half for side in sides)
        return move, joints

    height = vertices[:, 2]
    upper = np.clip((height - pelvis) / (0.8 * (shoulder - pelvis)), 0, 1) * (1 - on_neck) * (1 - on_legs)
    lower = np.clip((neck - height) / (0.6 * (neck - pelvis)), 0, 1) * (1 - on_arms)
    skull = weights[:, [JOINTS.index("head")]]
    return [
        *limbs,
        raised(pelvis, neck),
        raised(neck, head),
        widened(0, upper, on_arms, at("upperarm01.L")[0]),
        widened(1, lower, on_legs, at("upperleg01.L")[0]),
        ((vertices - at("head")) * skull, np.zeros_like(heads)),
    ]


def _girths(
    vertices: npt.NDArray[np.float64], heads: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]
) -> npt.NDArray[np.float32]:
    """How vertices move away from the bones, in the order of GIRTHS."""

    def outwards(bone: str, end: str) -> npt.NDArray[np.float64]:
        """The part (v, 3) of the way from a bone that is across it."""
        start, along = heads[JOINTS.index(bone)], heads[JOINTS.index(end)] - heads[JOINTS.index(bone)]
        away = vertices - start
        return away - np.outer(away @ along / (along @ along), along)

    def limb(bone: str, end: str, reach: float) -> npt.NDArray[np.float64]:
        """Both sides' limbs; `reach` is how far along it, as a fraction, the limb begins to be one."""
        total = np.zeros_like(vertices)
        for side in "LR":
            start, tip = heads[JOINTS.index(f"{bone}.{side}")], heads[JOINTS.index(f"{end}.{side}")]
            share = (vertices - start) @ (tip - start) / ((tip - start) @ (tip - start))
            fade = np.clip((share - reach) / 0.2, 0, 1) * np.clip((1.05 - share) / 0.2, 0, 1)
            own = weights[:, JOINTS.index(f"{bone}.{side}")]
            total += (own * fade)[:, None] * outwards(f"{bone}.{side}", f"{end}.{side}")
        return total

    # The trunk's cross-sections grow about its own middle, from the crotch to the shoulders.
    pelvis, neck, knee = (heads[JOINTS.index(name), 2] for name in ("root", "neck01", "lowerleg01.L"))
    arms = weights[
        :, [JOINTS.index(name) for name in JOINTS if name.startswith(("upperarm", "lowerarm", "wrist"))]
    ].sum(1)
    above = weights[:, [JOINTS.index(name) for name in _NECK]].sum(1)
    across = vertices * [1, 1, 0] - [0, float(heads[JOINTS.index("spine03"), 1]), 0]
    share = (vertices[:, 2] - pelvis) / (neck - pelvis)
    across = across * ((1 - arms - above) * (vertices[:, 2] > knee))[:, None]

    def band(middle: float, half: float) -> npt.NDArray[np.float64]:
        return np.clip(1 - np.abs(share - middle) / half, 0, 1)[:, None] * across

    trunk = [band(-0.15, 0.45), band(0.3, 0.45), band(0.75, 0.45)]
    limbs = [
        limb("upperarm01", "lowerarm01", 0.1),
        limb("lowerarm01", "wrist", -0.1),
        limb("upperleg01", "lowerleg01", 0.25),
        limb("lowerleg01", "foot", -0.1),
    ]
    return np.stack([*trunk, *limbs]).astype(np.float32)


def _keypoint_parts(
    model: BodyModel, weights: npt.NDArray[np.float32], count: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Keypoints as sums of points on joints: keypoint, joint and weight (e,), and how vertices make the points (e, v).

    Skinning is linear, so one point on each joint moves as all vertices of a regressor do.
    """
    rows: list[tuple[int, int, float]] = []
    picks: list[npt.NDArray[np.float64]] = []
    for keypoint, name in enumerate(OPENPOSE_18.keypoints):
        sources = ("left_shoulder", "right_shoulder") if name == "neck" else (name,)
        total = np.zeros(len(weights))
        for source in sources:
            vertices, shares = model.keypoints[COCO_KEYPOINTS.index(source)]
            np.add.at(total, vertices, shares / len(sources))
        assert not total[count:].any(), f"{name} lies on garments"
        per_joint = total[:count, None] * weights[:count]
        for joint in np.flatnonzero(np.abs(per_joint.sum(0)) > 1e-3).tolist():
            rows.append((keypoint, joint, float(per_joint[:, joint].sum())))
            picks.append(per_joint[:, joint] / per_joint[:, joint].sum())
    keypoints, joints, part_weights = (np.array(column) for column in zip(*rows, strict=True))
    sums = np.bincount(keypoints, part_weights)
    return keypoints, joints, part_weights / sums[keypoints], np.array(picks)
