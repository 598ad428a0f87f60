"""What arms do: hang, swing, lift, or lay a hand on hip, chest, knee, chin; drawn from continuous ranges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from posable.body.geometry import FloatArray, cross, length, normalize, product
from posable.people.posing.figure import PosedFigure
from posable.people.posing.limbs import ArmTarget, clavicle_rotation, reach
from posable.people.scene.scene import Style

_Triple = tuple[float, float, float]


@dataclass(frozen=True)
class _Free:
    """Directions of a left arm: upper arm, forearm, palm, and the likely shapes of the hand."""

    upper: _Triple
    lower: _Triple
    palm: _Triple
    hands: tuple[str, ...] = ("relaxed",)


_FREE: dict[str, _Free] = {
    "down": _Free(
        (0.17, 0.03, -1.0), (0.08, -0.16, -1.0), (-1, 0.1, 0), ("relaxed", "relaxed", "relaxed", "fist", "flat")
    ),
    "relax": _Free((0.22, 0.10, -1.0), (0.12, -0.38, -1.0), (-1, 0.15, 0)),
    "swing_front": _Free((0.14, -0.42, -1.0), (0.02, -0.80, -0.75), (-1, 0, 0), ("relaxed", "relaxed", "fist")),
    "swing_back": _Free((0.18, 0.45, -1.0), (0.16, 0.12, -1.0), (-1, 0, 0), ("relaxed", "relaxed", "fist")),
    "raise": _Free((0.55, -0.05, 0.85), (0.12, -0.12, 1.0), (0, -1, 0), ("spread", "flat", "relaxed", "fist")),
    "behind_head": _Free((0.85, 0.05, 0.62), (-0.80, 0.22, 0.52), (0, -0.5, -0.6), ("relaxed", "flat")),
    "sideways": _Free((1.0, 0.0, 0.05), (1.0, -0.15, 0.05), (0, 0, -1), ("flat", "spread", "relaxed")),
    "front": _Free((0.15, -1.0, -0.25), (0.0, -1.0, 0.05), (0, 0, -1), ("relaxed", "flat", "spread")),
    "point": _Free((0.35, -1.0, -0.05), (0.30, -1.0, 0.15), (-0.5, 0, -1), ("point",)),
    "reach_up": _Free((0.20, -0.45, 0.95), (0.05, -0.35, 1.0), (0, -1, 0.2), ("hold", "spread")),
    "wave": _Free((0.85, -0.10, -0.05), (0.45, -0.20, 1.0), (0, -1, 0), ("spread", "flat")),
    "bag": _Free((0.22, -0.05, -1.0), (0.10, -0.75, -0.50), (-1, 0, 0.2), ("fist", "hold")),
    "tray": _Free((0.25, -0.20, -1.0), (0.10, -1.0, -0.05), (0, 0, 1), ("flat", "hold", "spread")),
    "shrug": _Free((0.40, -0.15, -1.0), (0.80, -0.65, 0.05), (0.1, -0.1, 1), ("spread", "flat")),
    "run_front": _Free((0.18, -0.55, -1.0), (-0.15, -0.85, 0.55), (-1, 0, 0), ("fist", "relaxed", "flat")),
    "run_back": _Free((0.28, 0.85, -0.75), (0.05, -0.55, -0.75), (-1, 0, 0), ("fist", "relaxed", "flat")),
    "wing": _Free((0.95, 0.10, -0.35), (0.95, -0.25, -0.25), (0, -0.4, -1), ("flat", "spread", "relaxed")),
    "arc": _Free((0.70, -0.30, 0.70), (-0.30, -0.20, 1.0), (-0.5, 0, -0.7), ("relaxed", "flat")),
    "low_front": _Free((0.20, -0.45, -0.95), (-0.15, -0.75, -0.65), (-0.6, 0.3, -0.5), ("relaxed", "hold")),
    "phone": _Free((0.25, -0.35, -0.95), (-0.20, -0.85, 0.45), (-0.3, 0.9, 0.3), ("hold",)),
}


ARM_PAIRS: tuple[tuple[str, str, float], ...] = (
    ("down", "down", 3.0), ("relax", "relax", 3.5), ("down", "relax", 1.5), ("hip", "hip", 1.3), ("hip", "relax", 1.8),
    ("hip", "down", 0.8), ("pocket", "pocket", 1.2), ("pocket", "relax", 1.4), ("pocket", "bag", 0.4),
    ("raise", "raise", 0.35), ("raise", "relax", 0.35), ("behind_head", "behind_head", 0.3), ("head", "relax", 0.6),
    ("head", "hip", 0.5), ("sideways", "sideways", 0.25), ("cross_under", "cross_over", 1.2), ("phone", "relax", 0.7),
    ("call", "pocket", 0.3), ("call", "relax", 0.4), ("chin", "hip", 0.3), ("chin", "elbow", 0.5),
    ("wave", "relax", 0.6), ("back", "back", 0.6), ("back", "relax", 0.3), ("bag", "relax", 0.7),
    ("front", "down", 0.3), ("front", "front", 0.2),
    ("point", "relax", 0.3), ("reach_up", "relax", 0.4), ("reach_up", "reach_up", 0.15), ("tray", "tray", 0.25),
    ("tray", "relax", 0.3), ("shrug", "shrug", 0.3), ("clasp", "clasp", 0.9), ("chest", "relax", 0.4),
    ("elbow", "relax", 0.5), ("wing", "wing", 0.3), ("low_front", "low_front", 0.6), ("low_front", "relax", 0.5),
)  # fmt: skip
"""What both arms do (either way round) and how often, relatively."""
_LIVELY: tuple[tuple[str, str, float], ...] = (
    ("raise", "raise", 1.0), ("arc", "arc", 1.0), ("arc", "wing", 1.2), ("wing", "wing", 1.0), ("raise", "hip", 0.8),
    ("sideways", "arc", 0.8), ("sideways", "sideways", 0.6), ("wave", "hip", 0.5), ("raise", "wing", 0.9),
    ("behind_head", "wing", 0.4), ("run_front", "run_back", 0.7), ("front", "raise", 0.4), ("shrug", "raise", 0.4),
)  # fmt: skip
_LOW: tuple[tuple[str, str, float], ...] = (
    ("knee", "knee", 4.0), ("knee", "relax", 1.2), ("knee", "chin", 1.0), ("clasp", "clasp", 0.8),
    ("cross_under", "cross_over", 0.6), ("low_front", "low_front", 0.8), ("knee", "call", 0.4), ("knee", "head", 0.4),
    ("tray", "knee", 0.4), ("knee", "wave", 0.3), ("phone", "knee", 0.6),
)  # fmt: skip
_PAIRS_BY_LEGS: dict[str, tuple[tuple[str, str, float], ...]] = {
    "jump": _LIVELY,
    "dance": (*_LIVELY, ("hip", "relax", 1.0), ("clasp", "clasp", 0.3)),
    "sit": _LOW,
    "squat": (*_LOW, ("front", "front", 1.5)),
    "kneel": (*_LOW, ("relax", "relax", 2.0), ("down", "down", 1.0), ("hip", "relax", 0.8)),
}
_EVERYDAY: tuple[tuple[str, str, float], ...] = (
    ("down", "down", 3.0), ("relax", "relax", 3.0), ("bag", "relax", 1.2), ("phone", "relax", 0.8),
    ("call", "relax", 0.5), ("pocket", "pocket", 0.8), ("pocket", "relax", 0.6), ("low_front", "low_front", 0.5),
    ("clasp", "clasp", 0.3), ("tray", "relax", 0.3), ("hip", "relax", 0.3), ("cross_under", "cross_over", 0.2),
    ("back", "back", 0.2), ("wave", "relax", 0.2), ("chin", "relax", 0.2), ("elbow", "relax", 0.2),
    ("point", "relax", 0.15),
)  # fmt: skip
"""What passers-by do."""
_MIX = 0.4
"""How far, at most, an arm goes from its own towards another pose."""


def sample_arm_pair(legs: str, left_leg_ahead: bool, style: Style, rng: np.random.Generator) -> tuple[str, str]:
    """What the left and the right arm do on legs of this kind; a walker's arms swing against the legs."""
    swings = rng.random()
    if legs == "run" or (legs == "walk" and swings < 0.62):
        kind = "run" if legs == "run" else "swing"
        return (f"{kind}_back", f"{kind}_front") if left_leg_ahead else (f"{kind}_front", f"{kind}_back")
    pairs = _PAIRS_BY_LEGS.get(legs, ARM_PAIRS) if style == "fashion" else _EVERYDAY
    weights = np.array([weight for _, _, weight in pairs])
    left, right, _ = pairs[int(rng.choice(len(pairs), p=weights / weights.sum()))]
    return (left, right) if rng.random() < 0.5 else (right, left)


def sample_arm(kind: str, side: str, posed: PosedFigure, room: float, rng: np.random.Generator) -> ArmTarget:
    """A random arm of a kind; `room` in metres keeps it off the body, more when tighter tries failed.

    `posed` shows how torso, head and legs are.
    """
    if kind in _FREE:
        return _free_arm(_FREE[kind], kind, room, rng)
    return _touching_arm(kind, side, posed, 0.5 * room, rng)


def _free_arm(pose: _Free, kind: str, room: float, rng: np.random.Generator) -> ArmTarget:
    upper, lower, palm = (normalize(direction) for direction in (pose.upper, pose.lower, pose.palm))
    others = [_FREE[name] for name in _NEIGHBOURS[kind]]
    share = float(rng.uniform(0, _MIX)) * float(rng.random() < 0.6)
    neighbour = others[int(rng.integers(len(others)))]
    spread = 0.09 if kind in ("down", "relax", "swing_front", "swing_back") else 0.16
    upper = normalize(upper + share * normalize(neighbour.upper) + rng.normal(0, spread, 3) + [1.6 * room, 0, 0])
    lower = normalize(lower + share * normalize(neighbour.lower) + rng.normal(0, 1.2 * spread, 3) + [2.2 * room, 0, 0])
    palm = normalize(palm + share * normalize(neighbour.palm) + rng.normal(0, 0.25, 3))
    upper[0] = max(float(upper[0]), 0.04)
    return ArmTarget(normalize(upper), lower, palm, None, str(rng.choice(pose.hands)))


_NEIGHBOURS: Mapping[str, tuple[str, ...]] = {
    "down": ("relax", "swing_front", "swing_back", "bag"),
    "relax": ("down", "swing_front", "swing_back", "low_front", "wing"),
    "swing_front": ("relax", "bag", "low_front"),
    "swing_back": ("relax", "down", "wing"),
    "raise": ("reach_up", "arc", "wave", "sideways"),
    "behind_head": ("arc", "wave"),
    "sideways": ("wing", "raise", "front", "wave"),
    "front": ("point", "tray", "reach_up", "low_front"),
    "point": ("front", "sideways", "wave"),
    "reach_up": ("raise", "front", "point"),
    "wave": ("raise", "shrug", "sideways"),
    "bag": ("tray", "low_front", "relax"),
    "tray": ("bag", "shrug", "low_front"),
    "shrug": ("tray", "wing", "wave"),
    "run_front": ("swing_front", "phone"),
    "run_back": ("swing_back",),
    "wing": ("sideways", "relax", "shrug"),
    "arc": ("raise", "behind_head", "wave"),
    "low_front": ("tray", "bag", "phone"),
    "phone": ("tray", "low_front"),
}


def _touching_arm(kind: str, side: str, posed: PosedFigure, room: float, rng: np.random.Generator) -> ArmTarget:
    """An arm whose hand lies on the body: solved from where the palm goes, in the chest's axes of a left arm."""
    figure = posed.figure
    sign = 1.0 if side == "L" else -1.0
    mirror = np.array([sign, 1.0, 1.0])
    forearm = figure.radii["lowerarm"]

    def torso(share: float, degrees: float) -> tuple[FloatArray, FloatArray]:
        point, normal = figure.torso_point(share, sign * degrees)
        tip = posed.carry_torso(point + 0.1 * normal)
        point = posed.carry_torso(point)
        return _in_chest(point, posed) * mirror, normalize(
            _in_chest(tip, posed) * mirror - _in_chest(point, posed) * mirror
        )

    def head(offset: tuple[float, float, float]) -> FloatArray:
        return _in_chest(posed.carry(figure.head[0] + figure.head[1] * offset * mirror, "head"), posed) * mirror

    hand, gap = "relaxed", 0.024 + room
    match kind:
        case "hip":
            palm_at, out = torso(rng.uniform(0.08, 0.2), rng.uniform(72, 100))
            fingers = cross(out, [0, 0, 1.0]) + [0, 0, rng.uniform(-0.5, 0.1)] + 0.15 * out
            pole, palm, hand = np.array([1.0, rng.uniform(0.1, 0.7), rng.uniform(-0.1, 0.2)]), -out, "flat"
            hand = str(rng.choice(["flat", "relaxed", "fist"], p=[0.5, 0.35, 0.15]))
        case "pocket":
            palm_at, out = torso(rng.uniform(-0.03, 0.06), rng.uniform(62, 84))
            fingers = np.array([-0.15, rng.uniform(-0.35, 0), -1.0])
            pole, palm = np.array([0.7, 1.0, 0.0]), -out
        case "back":
            palm_at, out = torso(rng.uniform(0.05, 0.2), rng.uniform(150, 172))
            fingers, pole, palm = np.array([-1.0, 0.25, -0.3]), np.array([1.0, 0.45, 0.0]), out
        case "clasp":
            palm_at, out = torso(rng.uniform(0.02, 0.22), rng.uniform(8, 16))
            gap = 0.045 + 2 * room
            fingers, pole, palm = np.array([-0.6, -0.3, -0.75]), np.array([1.0, 0.5, -0.2]), np.array([-0.4, 1.0, 0])
        case "cross_under" | "cross_over":
            over = kind == "cross_over"
            palm_at, out = torso(
                rng.uniform(0.62, 0.7) if over else rng.uniform(0.44, 0.52),
                -(rng.uniform(13, 24) if over else rng.uniform(24, 36)),
            )
            gap = min(forearm, 0.044) * (2.75 if over else 0.8) + room * (1.2 if over else 0.3)
            fingers = np.array([-1.0, 0.6 if over else 0.75, 0.45 if over else 0.0])
            pole, palm, hand = np.array([0.8, 0.1, -1.0]), -out, "flat" if over else "relaxed"
        case "elbow":
            palm_at, out = torso(rng.uniform(0.22, 0.34), -rng.uniform(22, 40))
            gap = 0.05 + 1.5 * room
            fingers, pole, palm = np.array([-1.0, 0.3, 0.1]), np.array([1.0, 0.3, -1.0]), -out
        case "chest":
            palm_at, out = torso(rng.uniform(0.55, 0.75), -rng.uniform(0, 30))
            fingers, pole, palm, hand = np.array([-1.0, 0.2, 0.4]), np.array([1.0, 0.1, -0.8]), -out, "flat"
        case "chin":
            palm_at, out = head((0.12, -1.0, -1.12)), np.array([0.0, -1.0, -0.3])
            fingers, pole, palm = np.array([-0.2, 0.0, 1.0]), np.array([0.6, -0.3, -1.0]), np.array([-0.3, 1.0, 0.2])
            hand, gap = str(rng.choice(["hold", "fist", "relaxed"])), 0.035 + room
        case "call":
            palm_at, out = head((1.12, -0.15, -0.15)), np.array([1.0, -0.1, 0.0])
            fingers, pole, palm, hand = np.array([0.0, 0.2, 1.0]), np.array([0.8, -0.5, -1.0]), -out, "hold"
            gap = 0.03 + room
        case "head":
            turn = rng.uniform(0.1, 0.9)
            offset = (float(0.6 * turn + 0.25), float(rng.uniform(-0.25, 0.45)), float(1.05 - 0.45 * turn))
            palm_at, out = head(offset), normalize(np.array(offset))
            fingers = np.array([-1.0, 0.3, 0.3 - 0.2 * turn])
            pole, palm, gap = np.array([1.0, 0.15, 0.3]), -out, 0.028 + room
        case "knee":
            share = rng.uniform(0.45, 0.9)
            thigh, shin = (posed.joints[posed.index[f"{name}.{side}"]] for name in ("upperleg01", "lowerleg01"))
            along = normalize(shin - thigh)
            up = np.array([0, -0.25, 1.0]) - along * (np.array([0, -0.25, 1.0]) * along).sum()
            surface = thigh + share * (shin - thigh) + normalize(up) * figure.radii["upperleg"]
            palm_at = _in_chest(surface, posed) * mirror
            out = normalize(_turn_to_chest(normalize(up), posed) * mirror)
            fingers = _turn_to_chest(along, posed) * mirror + [-0.3, 0, 0]
            pole, palm, hand = np.array([1.0, 0.8, 0.2]), -out, str(rng.choice(["relaxed", "flat"]))
        case _:
            raise AssertionError(kind)
    fingers = normalize(normalize(fingers) - 0.12 * out)
    wrist = palm_at + out * (gap + 0.4 * forearm) - fingers * 0.075 + rng.normal(0, 0.006, 3)
    shoulder, upper_length, lower_length = _shoulder(figure.heads, wrist)
    upper, lower = reach(shoulder, wrist, upper_length, lower_length, normalize(pole) + rng.normal(0, 0.12, 3))
    return ArmTarget(upper, lower, palm, fingers, hand)


def _shoulder(heads: Mapping[str, FloatArray], wrist: FloatArray) -> tuple[FloatArray, float, float]:
    """The left shoulder joint in the chest's axes when the arm goes to `wrist`, and the lengths of the arm's bones."""
    clavicle, root, elbow = heads["clavicle.L"], heads["upperarm01.L"], heads["lowerarm01.L"]
    turn = clavicle_rotation(wrist - root, "L")
    upper, lower = length(elbow - root), length(heads["wrist.L"] - elbow)
    return clavicle + product(turn, root - clavicle), upper, lower


def _in_chest(point: FloatArray, posed: PosedFigure) -> FloatArray:
    """A posed point (3,) in the rest frame of the chest."""
    return posed.to_rest(point[None], "spine01")[0]


def _turn_to_chest(direction: FloatArray, posed: PosedFigure) -> FloatArray:
    return product(posed.transforms[posed.index["spine01"], :, :3].T, direction)
