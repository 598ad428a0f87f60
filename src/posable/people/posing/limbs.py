"""Limbs as bone rotations: arms by directions or by where the hand goes, legs by where the foot stands, hands by shape.

Rotations are (3, 3) in rest world axes, as `forward_kinematics` takes them. Directions are those of the limb's parent:
the chest for arms, the pelvis's scene for legs. A limb is described for the left side; the right one is its mirror
image.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from posable.body.geometry import (
    FloatArray,
    Vector,
    cross,
    direction_frame,
    length,
    normalize,
    product,
    rotation,
    smoothstep,
)

ELBOW_LIMIT, WRIST_LIMIT, FOREARM_TWIST_LIMIT = 142.0, 55.0, 80.0
"""Degrees that an elbow bends, a wrist bends and a forearm turns either way."""
_STRAIGHT = 0.1745
"""Sine of the bend below which the plane of bending says little about how the limb is turned."""
_TWIST_AT_ROOT = 0.35
"""The share of a limb's turn about itself that its first half takes; the second half takes the rest."""

HAND_SHAPES: dict[str, tuple[tuple[float, float, float, float], float, float]] = {
    "relaxed": ((14, 20, 26, 32), 0, 8),
    "flat": ((3, 3, 4, 6), 1, 0),
    "spread": ((2, 4, 6, 8), 9, -6),
    "fist": ((84, 86, 86, 84), -2, 34),
    "hold": ((46, 50, 54, 56), 0, 22),
    "point": ((2, 78, 82, 82), 0, 26),
}
"""Degrees that each joint of the index to the little finger bends, that fingers spread, and that the thumb closes."""


@dataclass(frozen=True)
class ArmTarget:
    """Directions of a left arm in the chest's axes."""

    upper: FloatArray
    lower: FloatArray
    palm: FloatArray | None = None
    """Where the palm faces."""
    fingers: FloatArray | None = None
    """Where the hand points; None follows the forearm."""
    hand: str = "relaxed"


@dataclass(frozen=True)
class FootTarget:
    """Where a foot goes, in metres from the point of the floor below the pelvis, and how, in degrees."""

    outward: float
    forward: float
    """Of the ankle, when the sole is flat."""
    toe_out: float = 8.0
    heel: float = 0.0
    """Lift of the heel about the ball in degrees; negative lifts the toes about the heel."""
    lift: float = 0.0
    """Of the whole foot."""
    knee_out: float | None = None
    """Where the knee bends to, outwards from the front; None follows the toes."""


def swing(start: Vector, end: Vector) -> FloatArray:
    """The smallest rotation (3, 3) that takes direction `start` to direction `end`."""
    a, b = normalize(start).astype(np.float64), normalize(end).astype(np.float64)
    axis = cross(a, b)
    cosine = float((a * b).sum())
    if cosine < -0.9999:
        axis = cross(a, [1.0, 0, 0]) if abs(a[0]) < 0.9 else cross(a, [0, 1.0, 0])
    return rotation(axis, float(np.rad2deg(math.atan2(length(axis), cosine)))) if length(axis) > 1e-7 else _IDENTITY


_IDENTITY = np.eye(3, dtype=np.float32)


def twist_angle(turn: FloatArray, axis: Vector) -> float:
    """Degrees that rotation `turn` twists about rest direction `axis`, after which it swings."""
    along = normalize(axis)
    side = normalize(cross(along, [0.0, 0, 1] if abs(along[2]) < 0.9 else [1.0, 0, 0]))
    turned = product(product(swing(along, product(turn, along)).T, turn), side)
    return float(np.rad2deg(math.atan2((cross(side, turned) * along).sum(), (side * turned).sum())))


def within_elbow_limit(upper: Vector, lower: Vector) -> FloatArray:
    """`lower`, turned back so far that the elbow bends no more than it can."""
    bend = angle_between(upper, lower)
    if bend <= ELBOW_LIMIT:
        return normalize(lower)
    return product(rotation(cross(normalize(upper), normalize(lower)), ELBOW_LIMIT - bend), normalize(lower))


def angle_between(first: Vector, second: Vector) -> float:
    """Degrees between two directions."""
    a, b = normalize(first), normalize(second)
    return float(np.rad2deg(math.atan2(length(cross(a, b)), float((a * b).sum()))))


def reach(
    root: Vector, target: Vector, upper_length: float, lower_length: float, pole: Vector
) -> tuple[FloatArray, FloatArray]:
    """Directions of both bones of a limb from `root` that ends in `target`, or points there, bent towards `pole`."""
    straight = np.asarray(target, np.float64) - np.asarray(root, np.float64)
    farthest, nearest = 0.999 * (upper_length + lower_length), abs(upper_length - lower_length) + 0.02
    distance = float(np.clip(length(straight), nearest, farthest))
    along = normalize(straight).astype(np.float64)
    across = np.asarray(pole, np.float64)
    across = normalize(across - along * (across * along).sum()).astype(np.float64)
    middle = (distance**2 + upper_length**2 - lower_length**2) / (2 * distance)
    height = np.sqrt(max(upper_length**2 - middle**2, 0.0))
    joint = along * middle + across * height
    return normalize(joint), normalize(along * distance - joint)


def bend_arm(
    heads: Mapping[str, FloatArray], side: str, target: ArmTarget, wrist_noise: float = 0.0
) -> dict[str, FloatArray]:
    """Rotations of one arm with its hand; `wrist_noise` in degrees bends a wrist that follows the forearm."""
    mirror = np.array([1 if side == "L" else -1, 1, 1], np.float32)
    upper = normalize(target.upper) * mirror
    lower = within_elbow_limit(target.upper, target.lower) * mirror
    clavicle = clavicle_rotation(upper, side)
    root, middle, wrist = (heads[f"{name}.{side}"] for name in ("upperarm01", "lowerarm01", "wrist"))
    first, second = normalize(middle - root), normalize(wrist - middle)
    hinge = _arm_hinge(first, cross(first, second), upper, lower)
    rest_hinge = cross(first, second)
    upper_world = product(direction_frame(upper, hinge), direction_frame(first, rest_hinge).T)
    lower_world = product(direction_frame(lower, hinge), direction_frame(second, rest_hinge).T)

    rotations = {f"clavicle.{side}": clavicle}
    rotations |= _twisted_bone(f"upperarm0{{}}.{side}", product(clavicle.T, upper_world), first)
    knuckles = heads[f"finger2-1.{side}"] - heads[f"finger5-1.{side}"]
    rest_fingers = normalize(heads[f"finger3-1.{side}"] - wrist)
    rest_palm = normalize(cross(rest_fingers, knuckles)) * mirror[0]
    turn = 0.0
    if target.palm is not None:
        turn = _turn_about(lower, product(lower_world, rest_palm), normalize(target.palm) * mirror)
        turn = float(np.clip(turn, -FOREARM_TWIST_LIMIT, FOREARM_TWIST_LIMIT))
    half = rotation(second, turn / 2)
    rotations[f"lowerarm01.{side}"] = product(upper_world.T, lower_world)
    rotations[f"lowerarm02.{side}"] = half
    forearm_world = product(lower_world, half, half)
    hand_now = product(forearm_world, rest_fingers)
    if target.fingers is None:
        bend = rotation(product(forearm_world, knuckles), wrist_noise)
    else:
        bend = swing(hand_now, normalize(target.fingers) * mirror)
        excess = angle_between(hand_now, normalize(target.fingers) * mirror) - WRIST_LIMIT
        if excess > 0:
            bend = swing(hand_now, _towards(hand_now, normalize(target.fingers) * mirror, WRIST_LIMIT))
    rotations[f"wrist.{side}"] = product(product(lower_world, half).T, bend, forearm_world)
    return rotations | _bend_fingers(heads, side, target.hand, knuckles, rest_fingers)


def clavicle_rotation(upper: Vector, side: str) -> FloatArray:
    """How the shoulder rises with the upper arm and follows it to the front."""
    sign = 1 if side == "L" else -1
    direction = normalize(upper)
    rise = 26 * float(smoothstep(-0.35, 1.1, direction[2:3])[0])
    forwards = 12 * max(0.0, -float(direction[1])) * (1 - abs(float(direction[2])))
    return product(rotation((0, 0, 1), -sign * forwards), rotation((0, -1, 0), sign * rise))


def place_leg(
    heads: Mapping[str, FloatArray], side: str, foot: FootTarget, root: FloatArray, pelvis_height: float
) -> dict[str, FloatArray]:
    """Rotations of one leg that stands where `foot` says, the pelvis `pelvis_height` above the floor."""
    sign = 1.0 if side == "L" else -1.0
    centre = heads["root"].astype(np.float64)
    hip, knee, ankle = (heads[f"{name}.{side}"] for name in ("upperleg01", "lowerleg01", "foot"))
    upper_length, lower_length = length(knee - hip), length(ankle - knee)
    target = ankle_position(heads, side, foot) + np.array([centre[0], centre[1], centre[2] - pelvis_height])
    start = centre + product(root, hip - centre)
    bend = np.deg2rad(foot.toe_out if foot.knee_out is None else foot.knee_out)
    pole = np.array([sign * np.sin(bend), -np.cos(bend), 0.35])
    upper, lower = reach(start, target, upper_length, lower_length, pole)
    return leg_rotations(heads, side, upper, lower, pole, root, _foot_world(sign, foot), foot.heel)


def leg_rotations(
    heads: Mapping[str, FloatArray],
    side: str,
    upper: Vector,
    lower: Vector,
    front: Vector,
    root: FloatArray,
    foot_world: FloatArray | None,
    toe_bend: float = 0.0,
) -> dict[str, FloatArray]:
    """Rotations of one leg by scene directions, the knee towards `front`; a foot of None follows the shin."""
    hip, knee, ankle = (heads[f"{name}.{side}"] for name in ("upperleg01", "lowerleg01", "foot"))
    hinge = cross(normalize(front), normalize(upper))
    sideways = (1.0, 0.0, 0.0)
    upper_world = product(direction_frame(upper, hinge), direction_frame(knee - hip, sideways).T)
    lower_world = product(direction_frame(lower, hinge), direction_frame(ankle - knee, sideways).T)
    rotations = _twisted_bone(f"upperleg0{{}}.{side}", product(root.T, upper_world), normalize(knee - hip))
    rotations[f"lowerleg01.{side}"] = product(upper_world.T, lower_world)
    rotations[f"foot.{side}"] = (
        rotation((1, 0, 0), toe_bend) if foot_world is None else product(lower_world.T, foot_world)
    )
    if toe_bend > 0 and foot_world is not None:
        rotations |= {f"toe{toe}-1.{side}": rotation((1, 0, 0), -0.75 * min(toe_bend, 50)) for toe in range(1, 6)}
    return rotations


def ankle_position(heads: Mapping[str, FloatArray], side: str, foot: FootTarget) -> FloatArray:
    """(3,) of the ankle from the point of the floor below the pelvis."""
    sign = 1.0 if side == "L" else -1.0
    ankle, ball = heads[f"foot.{side}"].astype(np.float64), heads[f"toe2-1.{side}"].astype(np.float64)
    sole = float(ball[2]) - 0.012
    pivot = np.array([ball[0], ball[1], sole] if foot.heel >= 0 else [ankle[0], ankle[1] + 0.05, sole])
    flat = product(rotation((0, 0, 1), sign * foot.toe_out), ankle - pivot)
    lifted = product(_foot_world(sign, foot), ankle - pivot)
    return np.array([sign * foot.outward, -foot.forward, ankle[2] - sole + foot.lift]) + lifted - flat


def _foot_world(sign: float, foot: FootTarget) -> FloatArray:
    return product(rotation((0, 0, 1), sign * (foot.toe_out - 3)), rotation((1, 0, 0), foot.heel))


def _arm_hinge(rest_upper: FloatArray, rest_hinge: FloatArray, upper: FloatArray, lower: FloatArray) -> FloatArray:
    """The axis that the elbow bends about: across both bones, or when they are in line as an arm hangs at ease."""
    across = cross(upper, lower)
    bent = float(smoothstep(0.2 * _STRAIGHT, 2.5 * _STRAIGHT, np.array([length(across)]))[0])
    at_ease = product(swing(rest_upper, upper), normalize(rest_hinge))
    return normalize(bent * normalize(across) + (1 - bent) * at_ease)


def _twisted_bone(name: str, local: FloatArray, along: FloatArray) -> dict[str, FloatArray]:
    """A bone made of two in a row (`name` has a place for their number), which share its turn about itself."""
    later = rotation(along, (1 - _TWIST_AT_ROOT) * twist_angle(local, along))
    return {name.format(1): product(local, later.T), name.format(2): later}


def _turn_about(axis: FloatArray, start: FloatArray, end: FloatArray) -> float:
    """Degrees about `axis` that bring `start` nearest to `end`."""
    a, b = start - axis * (start * axis).sum(), end - axis * (end * axis).sum()
    return float(np.rad2deg(math.atan2((cross(a, b) * axis).sum(), (a * b).sum())))


def _towards(start: FloatArray, end: FloatArray, degrees: float) -> FloatArray:
    return product(rotation(cross(start, end), degrees), start)


def _bend_fingers(
    heads: Mapping[str, FloatArray], side: str, shape: str, knuckles: FloatArray, along: FloatArray
) -> dict[str, FloatArray]:
    sign = 1 if side == "L" else -1
    bends, spread, thumb = HAND_SHAPES[shape]
    across, back = -knuckles, normalize(cross(knuckles, along))
    rotations: dict[str, FloatArray] = {}
    for finger, bend in zip(range(2, 6), bends, strict=True):
        fan = rotation(back, sign * spread * (3.4 - finger))
        rotations[f"finger{finger}-1.{side}"] = product(fan, rotation(across, sign * bend * 0.8))
        for phalanx in (2, 3):
            rotations[f"finger{finger}-{phalanx}.{side}"] = rotation(across, sign * bend)
    for phalanx, share in ((1, 0.7), (2, 0.6), (3, 0.8)):
        rotations[f"finger1-{phalanx}.{side}"] = rotation(along, -sign * thumb * share)
    return rotations
