"""What legs do: stand, walk, step, run, jump, dance, squat, kneel, sit; feet that carry stand on one floor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from posable.body.geometry import FloatArray, length, normalize, product, rotation
from posable.people.posing.figure import Figure
from posable.people.posing.limbs import FootTarget, ankle_position, leg_rotations, place_leg
from posable.people.scene.scene import Style

_FASHION_LEGS = {
    "stand": 0.21,
    "contrapposto": 0.21,
    "walk": 0.2,
    "crossed": 0.03,
    "wide": 0.04,
    "step": 0.03,
    "run": 0.03,
    "jump": 0.03,
    "dance": 0.08,
    "squat": 0.03,
    "kneel": 0.03,
    "sit": 0.08,
}
LEG_KINDS: dict[Style, dict[str, float]] = {
    "fashion": _FASHION_LEGS,
    "market": {"stand": 0.22, "contrapposto": 0.18, "walk": 0.54, "step": 0.02, "run": 0.04},
}
"""What legs do and how often."""
UPRIGHT = ("stand", "contrapposto", "walk", "crossed", "wide", "step")
"""Kinds as in most fashion photographs."""


@dataclass(frozen=True)
class Stance:
    """Legs and pelvis of a pose."""

    rotations: dict[str, FloatArray]
    airborne: float = 0.0
    """Metres between the lowest point and the floor."""
    seat: float | None = None
    """Height of the seat above the floor in metres."""
    lean: float = 0.0
    """Degrees that the torso bends forwards above the pelvis."""
    left_ahead: bool = False
    side_bend: float = 0.0
    """Degrees that the torso bends to its right, to stay in balance."""
    twist: float = 0.0
    """Degrees that the torso turns to its left."""


@dataclass
class _Legs:
    """A stance in the making."""

    figure: Figure
    rng: np.random.Generator
    room: float
    """Metres that the feet are set further apart, after tries in which the legs cut into each other."""
    root: FloatArray = field(default_factory=lambda: np.eye(3, dtype=np.float32))

    @property
    def size(self) -> float:
        """Length of a straight leg, hip to ankle, in metres."""
        return sum(self.bones)

    @property
    def bones(self) -> tuple[float, float]:
        heads = self.figure.heads
        return (
            length(heads["lowerleg01.L"] - heads["upperleg01.L"]),
            length(heads["foot.L"] - heads["lowerleg01.L"]),
        )

    def hip_offset(self, side: str) -> FloatArray:
        heads = self.figure.heads
        return product(self.root, heads[f"upperleg01.{side}"] - heads["root"]).astype(np.float64)

    def height_for(self, left: FootTarget, right: FootTarget, straightness: float) -> float:
        """Pelvis height at which the leg that has farther to go is as straight as asked, 1 being fully."""
        heights: list[float] = []
        for side, foot in (("L", left), ("R", right)):
            hip, ankle = self.hip_offset(side), ankle_position(self.figure.heads, side, foot)
            away = ((hip - ankle)[:2] ** 2).sum()
            heights.append(float(ankle[2] - hip[2] + np.sqrt(max((straightness * self.size) ** 2 - away, 0.01))))
        return min(heights)

    def plant(self, left: FootTarget, right: FootTarget, height: float) -> dict[str, FloatArray]:
        heads = self.figure.heads
        legs = place_leg(heads, "L", left, self.root, height) | place_leg(heads, "R", right, self.root, height)
        return legs | {"root": self.root}

    def between(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def aside(self, low: float, high: float) -> float:
        """Outward place of a foot, from below the hip on, with the room that is needed."""
        return 0.75 * float(self.figure.heads["upperleg01.L"][0]) + self.between(low, high) + self.room

    def coin(self, odds: float = 0.5) -> bool:
        return bool(self.rng.random() < odds)

    def sided(self, first: FootTarget, second: FootTarget, first_left: bool) -> tuple[FootTarget, FootTarget]:
        return (first, second) if first_left else (second, first)


def sample_stance(figure: Figure, kind: str, room: float, rng: np.random.Generator) -> Stance:
    """A random stance of a kind."""
    return _SAMPLERS[kind](_Legs(figure, rng, room))


def _stand(legs: _Legs) -> Stance:
    back = legs.between(-0.06, 0.06)
    turned = legs.between(3, 20)
    feet = [FootTarget(legs.aside(-0.02, 0.07), forward, turned + legs.between(-4, 4)) for forward in (back, -back)]
    height = legs.height_for(feet[0], feet[1], legs.between(0.984, 0.997))
    return Stance(legs.plant(feet[0], feet[1], height), lean=legs.between(-3, 2))


def _contrapposto(legs: _Legs) -> Stance:
    """The weight on one leg, the other bent and aside, the pelvis lower there, the torso bent back over the foot."""
    left_carries = legs.coin()
    sign = 1.0 if left_carries else -1.0
    tilt = legs.between(2, 7)
    legs.root = product(rotation((0, 0, 1), legs.between(-8, 8)), rotation((0, 1, 0), -sign * tilt * -1))
    carrying = FootTarget(legs.between(0.02, 0.06) + legs.room / 2, legs.between(-0.03, 0.03), legs.between(3, 16))
    heel = legs.between(8, 32) if legs.coin(0.35) else 0.0
    free = FootTarget(
        legs.aside(0.02, 0.14),
        legs.between(0.0, 0.2) if legs.coin(0.75) else legs.between(-0.2, 0),
        legs.between(8, 34),
        heel,
        knee_out=legs.between(-12, 30),
    )
    height = legs.height_for(carrying, carrying, 0.998)
    reachable = legs.height_for(free, free, 0.999)
    left, right = legs.sided(carrying, free, left_carries)
    rotations = legs.plant(left, right, min(height, reachable))
    return Stance(rotations, lean=legs.between(-3, 2), left_ahead=not left_carries, side_bend=-sign * tilt * 1.2)


def _crossed(legs: _Legs) -> Stance:
    """Standing with one shin before the other."""
    left_front = legs.coin()
    front = FootTarget(
        -legs.between(0.02, 0.07), 0.13 + legs.room + legs.between(0, 0.06), legs.between(0, 14), legs.between(0, 25)
    )
    back = FootTarget(legs.between(0.03, 0.07), legs.between(-0.04, 0.0), legs.between(2, 14))
    left, right = legs.sided(front, back, left_front)
    height = min(legs.height_for(back, back, 0.997), legs.height_for(front, front, 0.998))
    return Stance(legs.plant(left, right, height), lean=legs.between(-3, 2), left_ahead=left_front)


def _wide(legs: _Legs) -> Stance:
    feet = [FootTarget(legs.aside(0.08, 0.24), legs.between(-0.08, 0.08), legs.between(6, 26)) for _ in range(2)]
    height = legs.height_for(feet[0], feet[1], legs.between(0.97, 0.997))
    return Stance(legs.plant(feet[0], feet[1], height), lean=legs.between(-4, 5))


def _walk(legs: _Legs) -> Stance:
    """A moment of a stride: both feet down, or one passing the other."""
    left_ahead, stride, turn = legs.coin(), legs.size * legs.between(0.42, 0.8), legs.between(2, 7)
    legs.root = rotation((0, 0, 1), -turn if left_ahead else turn)
    along = 0.25 * float(legs.figure.heads["upperleg01.L"][0]) + legs.room
    if legs.coin(0.75):
        ahead = FootTarget(along, 0.52 * stride, legs.between(2, 9), -legs.between(0, 18))
        behind = FootTarget(along, -0.48 * stride, legs.between(2, 9), legs.between(20, 46))
        height = legs.height_for(ahead, behind, legs.between(0.985, 0.997))
    else:
        ahead = FootTarget(along, legs.between(-0.02, 0.1), legs.between(2, 9))
        behind = FootTarget(
            along + 0.03, -stride * legs.between(0.15, 0.55), 5, legs.between(30, 55), legs.between(0.03, 0.13)
        )
        height = legs.height_for(ahead, ahead, 0.995)
    left, right = legs.sided(ahead, behind, left_ahead)
    twist = 2 * (turn if left_ahead else -turn)
    return Stance(legs.plant(left, right, height), lean=legs.between(-2, 5), left_ahead=left_ahead, twist=twist)


def _step(legs: _Legs) -> Stance:
    """One foot up on something, or lifted."""
    left_up = legs.coin()
    lifted = FootTarget(
        legs.aside(-0.03, 0.04), legs.size * legs.between(0.1, 0.4), legs.between(3, 15), legs.between(0, 20),
        legs.between(0.1, 0.3),
    )  # fmt: skip
    standing = FootTarget(legs.between(0.03, 0.06), legs.between(-0.05, 0.02), legs.between(4, 16))
    left, right = legs.sided(lifted, standing, left_up)
    height = min(legs.height_for(standing, standing, 0.996), legs.height_for(lifted, lifted, 0.999))
    return Stance(legs.plant(left, right, height), lean=legs.between(-2, 6), left_ahead=left_up)


def _aerial(legs: _Legs, angles: tuple[tuple[float, float, float], ...], toes: float) -> dict[str, FloatArray]:
    """Legs in the air by thigh forwards, thigh outwards and knee bend in degrees, left and right."""
    rotations: dict[str, FloatArray] = {"root": legs.root}
    for side, (forward, outward, knee) in zip(("L", "R"), angles, strict=True):
        sign = 1.0 if side == "L" else -1.0
        thigh = product(rotation((0, 1, 0), -sign * outward), rotation((1, 0, 0), -forward), [0, 0, -1])
        shin = product(rotation((0, 1, 0), -0.8 * sign * outward), rotation((1, 0, 0), knee - forward), [0, 0, -1])
        front = np.array([sign * 0.3 * np.sin(np.deg2rad(outward)), -1.0, 0.4 if forward > 30 else 0.0])
        thigh, shin = product(legs.root, thigh), product(legs.root, shin)
        rotations |= leg_rotations(
            legs.figure.heads, side, thigh, shin, product(legs.root, front), legs.root, None, toes + legs.between(-8, 8)
        )
    return rotations


def _run(legs: _Legs) -> Stance:
    left_ahead = legs.coin()
    legs.root = rotation((1, 0, 0), legs.between(4, 12))
    out = 2 + 60 * legs.room
    ahead = (legs.between(38, 68), out, legs.between(50, 95))
    behind = (-legs.between(12, 28), out, legs.between(20, 85))
    angles = (ahead, behind) if left_ahead else (behind, ahead)
    rotations = _aerial(legs, angles, legs.between(8, 26))
    return Stance(rotations, legs.between(0.0, 0.09), lean=legs.between(0, 8), left_ahead=left_ahead)


def _jump(legs: _Legs) -> Stance:
    out = 60 * legs.room
    match int(legs.rng.integers(4)):
        case 0:
            spread = legs.between(14, 34)
            angles = (
                (legs.between(-6, 12), spread + out, legs.between(3, 30)),
                (legs.between(-6, 12), spread + out, legs.between(3, 30)),
            )
        case 1:
            knee, forward = legs.between(70, 115), legs.between(35, 85)
            angles = ((forward, 6 + out, knee), (forward + legs.between(-12, 12), 6 + out, knee))
        case 2:
            angles = (
                (legs.between(-8, 5), 3 + out, legs.between(50, 95)),
                (legs.between(-8, 5), 3 + out, legs.between(50, 95)),
            )
        case _:
            angles = (
                (legs.between(40, 75), 4 + out, legs.between(5, 35)),
                (-legs.between(15, 35), 4 + out, legs.between(10, 75)),
            )
    if legs.coin():
        angles = (angles[1], angles[0])
    legs.root = rotation((1, 0, 0), legs.between(-5, 8))
    return Stance(_aerial(legs, angles, legs.between(18, 40)), legs.between(0.08, 0.4), lean=legs.between(-4, 8))


def _dance(legs: _Legs) -> Stance:
    """A lunge to the side or the front, a lifted leg, or hips out of line."""
    sign = 1.0 if legs.coin() else -1.0
    legs.root = product(
        rotation((0, 0, 1), legs.between(-18, 18)),
        rotation((0, 1, 0), legs.between(-9, 9)),
        rotation((1, 0, 0), legs.between(-4, 8)),
    )
    match int(legs.rng.integers(4)):
        case 0:
            first = FootTarget(
                legs.aside(0.02, 0.1), legs.between(-0.1, 0.1), legs.between(10, 40), knee_out=legs.between(15, 50)
            )
            second = FootTarget(
                legs.aside(0.25, 0.5), legs.between(-0.1, 0.1), legs.between(5, 30), legs.between(0, 20)
            )
            height = legs.height_for(first, second, 0.995) * legs.between(0.93, 1.0)
        case 1:
            first = FootTarget(legs.between(0.03, 0.06), 0.0, legs.between(5, 25), legs.between(0, 30))
            second = FootTarget(
                legs.aside(0.02, 0.2), legs.size * legs.between(-0.35, 0.4), legs.between(5, 40), legs.between(15, 45),
                legs.size * legs.between(0.15, 0.5), knee_out=legs.between(0, 60),
            )  # fmt: skip
            height = legs.height_for(first, first, legs.between(0.97, 0.997))
        case 2:
            first = FootTarget(legs.aside(-0.03, 0.05), legs.size * legs.between(0.25, 0.5), legs.between(0, 15))
            second = FootTarget(
                legs.aside(-0.03, 0.05), -legs.size * legs.between(0.25, 0.5), legs.between(0, 20), legs.between(25, 50)
            )
            height = legs.height_for(first, second, 0.99) * legs.between(0.86, 1.0)
        case _:
            first, second = (
                FootTarget(
                    legs.aside(0, 0.12),
                    legs.between(-0.12, 0.12),
                    legs.between(0, 30),
                    legs.between(0, 35),
                    knee_out=legs.between(-10, 40),
                )
                for _ in range(2)
            )
            height = legs.height_for(first, second, 0.99) * legs.between(0.88, 1.0)
    left, right = legs.sided(first, second, sign > 0)
    return Stance(
        legs.plant(left, right, height),
        lean=legs.between(-8, 12),
        side_bend=legs.between(-12, 12),
        twist=legs.between(-25, 25),
    )


def _squat(legs: _Legs) -> Stance:
    depth = legs.between(0.36, 0.72)
    heel = max(0.0, (0.62 - depth) * 110) * legs.between(0.4, 1.2)
    out = legs.between(8, 32)
    feet = [
        FootTarget(
            legs.aside(0.0, 0.12),
            legs.between(0.02, 0.12),
            out + legs.between(-5, 5),
            heel,
            knee_out=out + legs.between(0, 12),
        )
        for _ in range(2)
    ]
    legs.root = rotation((1, 0, 0), legs.between(5, 20))
    height = depth * legs.size + float(feet[0].heel) * 0.001 + 0.08
    return Stance(legs.plant(feet[0], feet[1], height), lean=legs.between(4, 26))


def _kneel(legs: _Legs) -> Stance:
    """On one knee, or on both."""
    figure, (upper, lower) = legs.figure, legs.bones
    heads, left_down = figure.heads, legs.coin()
    both = legs.coin(0.4)
    legs.root = rotation((1, 0, 0), legs.between(-4, 6))
    down = ("L", "R") if both else (("L",) if left_down else ("R",))
    slope = legs.between(-6, 26) if both else legs.between(-14, 8)
    knee_height = 0.85 * figure.radii["lowerleg"]
    rotations: dict[str, FloatArray] = {"root": legs.root}
    height = knee_height + upper * np.cos(np.deg2rad(slope)) - float(legs.hip_offset(down[0])[2])
    tuck = legs.between(68, 84)
    for side in ("L", "R"):
        sign = 1.0 if side == "L" else -1.0
        if side in down:
            out = sign * (legs.between(0.0, 0.1) + legs.room)
            thigh = normalize([out, -np.sin(np.deg2rad(slope)), -np.cos(np.deg2rad(slope))])
            ankle = float(-product(rotation((1, 0, 0), tuck), heads["toe2-1.L"] - heads["foot.L"])[2]) + 0.012
            drop = (ankle - knee_height) / lower
            shin = np.array([0.0, np.sqrt(1 - min(drop**2, 0.9)), drop])
            foot_world = rotation((1, 0, 0), tuck)
            rotations |= leg_rotations(heads, side, thigh, shin, (0, -1, 0.15), legs.root, foot_world, tuck)
        else:
            foot = FootTarget(legs.aside(-0.02, 0.06), upper * legs.between(0.75, 1.05), legs.between(0, 12))
            rotations |= place_leg(heads, side, foot, legs.root, height)
    return Stance(rotations, lean=legs.between(-4, 12), left_ahead=not left_down)


def _sit(legs: _Legs) -> Stance:
    """On a box: thighs about level, feet on the floor."""
    upper, lower = legs.bones
    shin = lower + float(ankle_position(legs.figure.heads, "L", FootTarget(0, 0))[2])
    seat = shin * legs.between(0.84, 1.06) - legs.figure.radii["upperleg"] - 0.03
    legs.root = rotation((1, 0, 0), legs.between(-14, 10))
    height = seat + legs.figure.radii["upperleg"] + 0.035 - float(legs.hip_offset("L")[2])
    crossed = legs.coin(0.2)
    feet: list[FootTarget] = []
    for side in range(2):
        forward = upper + legs.between(-0.16, 0.14)
        outward = legs.aside(-0.06, 0.1)
        if crossed:
            forward, outward = upper + 0.08 + 0.14 * side, -legs.between(0.0, 0.03)
        feet.append(
            FootTarget(
                outward, forward, legs.between(0, 18), max(0.0, legs.between(-25, 18)), knee_out=legs.between(0, 16)
            )
        )
    left, right = legs.sided(feet[0], feet[1], legs.coin())
    return Stance(legs.plant(left, right, height), seat=seat, lean=legs.between(-6, 18))


_SAMPLERS: dict[str, Callable[[_Legs], Stance]] = {
    "stand": _stand,
    "contrapposto": _contrapposto,
    "crossed": _crossed,
    "walk": _walk,
    "wide": _wide,
    "step": _step,
    "run": _run,
    "jump": _jump,
    "dance": _dance,
    "squat": _squat,
    "kneel": _kneel,
    "sit": _sit,
}
