"""Random body poses: named arm presets, five kinds of standing and walking legs, and noise, as bone rotations.

Limbs are authored as directions of upper and lower limb in the body frame (x to the person's left, -y to the front,
z up); the bend axis of elbow and knee is carried along, so that sleeves and trousers twist the way cloth does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from posable.people.geometry import FloatArray, Vector, direction_frame, normalize, product, rotation

ARM_PRESETS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "down": ((0.20, 0.03, -1.0), (0.10, -0.16, -1.0)),
    "relax": ((0.26, 0.10, -1.0), (0.14, -0.38, -1.0)),
    "swing_front": ((0.16, -0.42, -1.0), (0.05, -0.80, -0.75)),
    "swing_back": ((0.20, 0.45, -1.0), (0.16, 0.12, -1.0)),
    "hip": ((0.78, 0.30, -0.75), (-0.80, -0.42, -0.32)),
    "pocket": ((0.42, 0.28, -1.0), (-0.22, -0.42, -1.0)),
    "raise": ((0.55, -0.05, 0.85), (0.12, -0.12, 1.0)),
    "head": ((0.85, -0.05, 0.55), (-0.75, 0.10, 0.55)),
    "sideways": ((1.0, 0.0, 0.05), (1.0, -0.15, 0.05)),
    "front": ((0.25, -0.80, -0.55), (-0.20, -1.0, 0.15)),
    "cross": ((0.34, -0.35, -0.95), (-0.95, -0.42, 0.12)),
    "phone": ((0.30, -0.45, -0.95), (-0.25, -0.75, 0.65)),
    "chin": ((0.20, -0.45, -0.90), (-0.30, -0.42, 0.95)),
    "wave": ((0.85, -0.10, -0.05), (0.45, -0.20, 1.0)),
    "back": ((0.30, 0.45, -1.0), (-0.60, 0.28, -0.75)),
    "bag": ((0.22, -0.05, -1.0), (0.10, -0.75, -0.50)),
}
"""Directions of the left upper arm and forearm; the right arm is the mirror image."""

ARM_PAIRS: tuple[tuple[str, str, float], ...] = (
    ("down", "down", 3.0),
    ("relax", "relax", 4.0),
    ("hip", "hip", 1.5),
    ("hip", "relax", 2.0),
    ("pocket", "pocket", 1.2),
    ("pocket", "relax", 1.5),
    ("raise", "raise", 0.4),
    ("raise", "relax", 0.5),
    ("head", "relax", 0.8),
    ("head", "hip", 0.5),
    ("sideways", "sideways", 0.2),
    ("cross", "cross", 0.4),
    ("phone", "relax", 0.8),
    ("chin", "hip", 0.5),
    ("wave", "relax", 0.7),
    ("back", "back", 0.6),
    ("bag", "relax", 0.6),
    ("front", "down", 0.4),
)
"""Presets of both arms (either way round) and how often, relatively, they occur."""

LEG_KINDS: dict[str, float] = {"stand": 0.3, "contrapposto": 0.25, "walk": 0.28, "wide": 0.07, "step": 0.1}


@dataclass(frozen=True)
class SampledPose:
    """A body pose: rotations of bones (3, 3) in rest world axes by bone name, and what it was drawn as."""

    rotations: dict[str, FloatArray]
    legs: str
    arms: tuple[str, str]
    """Preset of the left and of the right arm."""


def sample_pose(bone_heads: FloatArray, bone_index: Mapping[str, int], rng: np.random.Generator) -> SampledPose:
    """Draws a pose for a body whose bones start at `bone_heads` (bones, 3) in metres."""
    heads = {name: bone_heads[index] for name, index in bone_index.items()}
    legs = str(rng.choice(list(LEG_KINDS), p=list(LEG_KINDS.values())))
    arms = _sample_arm_pair(legs, rng)
    rotations = _sample_spine(rng) | _sample_head(rng)
    for side, preset in (("L", arms[0]), ("R", arms[1])):
        rotations |= _arm(heads, side, preset, rng)
    rotations |= _LEG_SAMPLERS[legs](heads, arms, rng)
    return SampledPose(rotations, legs, arms)


def _sample_arm_pair(legs: str, rng: np.random.Generator) -> tuple[str, str]:
    if legs == "walk" and rng.random() < 0.7:
        return ("swing_front", "swing_back") if rng.random() < 0.5 else ("swing_back", "swing_front")
    weights = np.array([weight for _, _, weight in ARM_PAIRS])
    left, right, _ = ARM_PAIRS[rng.choice(len(ARM_PAIRS), p=weights / weights.sum())]
    return (left, right) if rng.random() < 0.5 else (right, left)


def _sample_spine(rng: np.random.Generator) -> dict[str, FloatArray]:
    """Twist, lean and side bend in degrees, spread evenly over the five spine bones."""
    twist, lean, side = rng.normal(0, 6), rng.normal(0, 3) - 1, rng.normal(0, 3)
    bend = product(rotation((0, 0, 1), twist / 5), rotation((1, 0, 0), lean / 5), rotation((0, 1, 0), side / 5))
    return {f"spine0{number}": bend for number in range(1, 6)}


def _sample_head(rng: np.random.Generator) -> dict[str, FloatArray]:
    turn = float(np.clip(rng.normal(0, 16), -40, 40))
    nod = float(np.clip(rng.normal(2, 6), -15, 18))
    tilt = float(rng.normal(0, 4))
    shares = {"neck01": 0.2, "neck02": 0.2, "neck03": 0.2, "head": 0.4}
    return {
        bone: product(rotation((0, 0, 1), turn * k), rotation((1, 0, 0), nod * k), rotation((0, 1, 0), tilt * k))
        for bone, k in shares.items()
    }


def _two_bone_limb(
    rest: tuple[FloatArray, FloatArray, FloatArray],
    upper: Vector,
    lower: Vector,
    rest_hinge: Vector,
    hinge: Vector,
    parent: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Local rotations of the upper and the lower bone that point a limb along `upper` and `lower`.

    `rest` are the rest positions of root, middle joint and end; `parent` is the world rotation above the limb.
    The third result is the world rotation of the lower bone.
    """
    root, middle, end = rest
    upper_world = product(direction_frame(upper, hinge), direction_frame(middle - root, rest_hinge).T)
    lower_world = product(direction_frame(lower, hinge), direction_frame(end - middle, rest_hinge).T)
    return product(parent.T, upper_world), product(upper_world.T, lower_world), lower_world


def _arm(heads: Mapping[str, FloatArray], side: str, preset: str, rng: np.random.Generator) -> dict[str, FloatArray]:
    """An arm near its preset; the clavicle rises with the upper arm, the fingers curl."""
    sign = 1 if side == "L" else -1
    mirror = np.array([sign, 1, 1], np.float32)
    upper = (normalize(ARM_PRESETS[preset][0]) + rng.normal(0, 0.05, 3).astype(np.float32)) * mirror
    lower = (normalize(ARM_PRESETS[preset][1]) + rng.normal(0, 0.07, 3).astype(np.float32)) * mirror
    clavicle = rotation((0, -1, 0), sign * 24 * max(0.0, float(normalize(upper)[2]) + 0.2))
    rest = (heads[f"upperarm01.{side}"], heads[f"lowerarm01.{side}"], heads[f"wrist.{side}"])
    rest_hinge = np.cross(normalize(rest[1] - rest[0]), normalize(rest[2] - rest[1]))
    upper_rotation, lower_rotation, _ = _two_bone_limb(
        rest, upper, lower, rest_hinge, np.cross(normalize(upper), normalize(lower)), clavicle
    )
    rotations = {
        f"clavicle.{side}": clavicle,
        f"upperarm01.{side}": upper_rotation,
        f"lowerarm01.{side}": lower_rotation,
    }
    curl = sign * rng.uniform(5, 30)
    knuckle_axis = heads[f"finger2-1.{side}"] - heads[f"finger5-1.{side}"]
    for finger in range(2, 6):
        for phalanx, share in ((1, 0.6), (2, 0.8), (3, 0.8)):
            rotations[f"finger{finger}-{phalanx}.{side}"] = rotation(knuckle_axis, curl * share)
    return rotations


def _leg(
    heads: Mapping[str, FloatArray],
    side: str,
    *,
    forward: float,
    outward: float,
    knee: float,
    toe_out: float,
    heel: float = 0.0,
) -> dict[str, FloatArray]:
    """A leg by angles in degrees: thigh forward and outward, knee bend, toes turned out, heel lifted."""
    sign = 1 if side == "L" else -1
    thigh_angle, shin_angle, out = np.deg2rad(forward), np.deg2rad(forward - knee), np.deg2rad(outward)
    thigh = (sign * np.sin(out), -np.sin(thigh_angle), -np.cos(thigh_angle) * np.cos(out))
    shin = (sign * np.sin(0.7 * out), -np.sin(shin_angle), -np.cos(shin_angle))
    hinge = product(rotation((0, 0, 1), sign * toe_out), [1, 0, 0])
    rest = (heads[f"upperleg01.{side}"], heads[f"lowerleg01.{side}"], heads[f"foot.{side}"])
    upper, lower, shin_world = _two_bone_limb(rest, thigh, shin, (1, 0, 0), hinge, np.eye(3, dtype=np.float32))
    foot = product(shin_world.T, rotation((0, 0, 1), sign * (toe_out - 3)), rotation((1, 0, 0), heel))
    return {f"upperleg01.{side}": upper, f"lowerleg01.{side}": lower, f"foot.{side}": foot}


def _stand(heads: Mapping[str, FloatArray], arms: tuple[str, str], rng: np.random.Generator) -> dict[str, FloatArray]:
    rotations: dict[str, FloatArray] = {}
    for side in ("L", "R"):
        rotations |= _leg(
            heads,
            side,
            forward=rng.normal(0, 2),
            outward=rng.uniform(1, 5),
            knee=rng.uniform(0, 5),
            toe_out=rng.uniform(4, 18),
        )
    return rotations


def _contrapposto(
    heads: Mapping[str, FloatArray], arms: tuple[str, str], rng: np.random.Generator
) -> dict[str, FloatArray]:
    """Weight on one leg, the other bent and turned out, the pelvis tilted."""
    left_carries = rng.random() < 0.5
    carrying, free = ("L", "R") if left_carries else ("R", "L")
    rotations = _leg(heads, carrying, forward=0, outward=0, knee=1, toe_out=rng.uniform(4, 18))
    rotations |= _leg(
        heads,
        free,
        forward=rng.uniform(6, 16),
        outward=rng.uniform(3, 9),
        knee=rng.uniform(14, 30),
        toe_out=rng.uniform(10, 30),
        heel=rng.uniform(0, 8),
    )
    rotations["root"] = rotation((0, 1, 0), 3 if left_carries else -3)
    return rotations


def _walk(heads: Mapping[str, FloatArray], arms: tuple[str, str], rng: np.random.Generator) -> dict[str, FloatArray]:
    """A stride; the leg opposite to the arm that swings forward goes ahead."""
    stride = rng.uniform(14, 27)
    left_ahead = arms[0] == "swing_back" if "swing_back" in arms else rng.random() < 0.5
    ahead, behind = ("L", "R") if left_ahead else ("R", "L")
    rotations = _leg(heads, ahead, forward=stride, outward=0, knee=rng.uniform(2, 10), toe_out=5, heel=-8)
    return rotations | _leg(
        heads,
        behind,
        forward=-0.75 * stride,
        outward=0,
        knee=rng.uniform(12, 32),
        toe_out=5,
        heel=rng.uniform(18, 34),
    )


def _step(heads: Mapping[str, FloatArray], arms: tuple[str, str], rng: np.random.Generator) -> dict[str, FloatArray]:
    """One foot lifted, as on a stair."""
    lifted, standing = ("L", "R") if rng.random() < 0.5 else ("R", "L")
    rotations = _leg(
        heads,
        lifted,
        forward=rng.uniform(20, 45),
        outward=3,
        knee=rng.uniform(40, 70),
        toe_out=rng.uniform(4, 18),
        heel=5,
    )
    return rotations | _leg(heads, standing, forward=0, outward=1, knee=2, toe_out=rng.uniform(4, 18))


def _wide(heads: Mapping[str, FloatArray], arms: tuple[str, str], rng: np.random.Generator) -> dict[str, FloatArray]:
    rotations: dict[str, FloatArray] = {}
    for side in ("L", "R"):
        rotations |= _leg(heads, side, forward=0, outward=rng.uniform(10, 18), knee=3, toe_out=rng.uniform(4, 18))
    return rotations


_LEG_SAMPLERS = {"stand": _stand, "contrapposto": _contrapposto, "walk": _walk, "wide": _wide, "step": _step}
