"""Random body poses, as bone rotations: legs, spine and arms drawn from continuous ranges, kept clear of each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from posable.body.geometry import FloatArray, product, rotation
from posable.people.posing.arms import sample_arm, sample_arm_pair
from posable.people.posing.figure import Figure
from posable.people.posing.legs import LEG_KINDS, UPRIGHT, Stance, sample_stance
from posable.people.posing.limbs import bend_arm
from posable.people.scene.scene import Style

_LEG_TRIES, _ARM_TRIES = 6, 12
_ROOM_PER_TRY = 0.012
"""Metres by which every further try keeps limbs further off."""


@dataclass(frozen=True)
class SampledPose:
    """A body pose: rotations of bones (3, 3) in rest world axes by bone name, and what it was drawn as."""

    rotations: dict[str, FloatArray]
    legs: str
    arms: tuple[str, str]
    """Kind of the left and of the right arm."""
    airborne: float = 0.0
    """Metres between the lowest point and the floor."""
    seat: float | None = None
    """Height above the floor, in metres, of what the person sits on."""

    @property
    def upright(self) -> bool:
        """Whether the person stands or walks."""
        return self.legs in UPRIGHT


def sample_pose(figure: Figure, rng: np.random.Generator, style: Style = "fashion") -> SampledPose:
    """Draws a pose for a person; limbs that would cut into the body are drawn again, further off."""
    kinds = LEG_KINDS[style]
    legs = str(rng.choice(list(kinds), p=list(kinds.values())))
    stance = _sample_legs(figure, legs, rng)
    rotations = stance.rotations | _spine(stance, rng) | _head(stance, rng)
    arms = sample_arm_pair(legs, stance.left_ahead, style, rng)
    rotations |= _sample_arms(figure, arms, rotations, rng)
    return SampledPose(rotations, legs, arms, stance.airborne, stance.seat)


def _sample_legs(figure: Figure, kind: str, rng: np.random.Generator) -> Stance:
    best, least = None, np.inf
    for attempt in range(_LEG_TRIES):
        stance = sample_stance(figure, kind, attempt * _ROOM_PER_TRY, rng)
        depth = figure.posed(stance.rotations).leg_depth()
        if depth < least:
            best, least = stance, depth
        if depth <= 0:
            break
    assert best is not None
    return best


def _sample_arms(
    figure: Figure, kinds: tuple[str, str], body: dict[str, FloatArray], rng: np.random.Generator
) -> dict[str, FloatArray]:
    posed = figure.posed(body)
    best, least = dict[str, FloatArray](), np.inf
    for attempt in range(_ARM_TRIES):
        rotations: dict[str, FloatArray] = {}
        for side, kind in zip(("L", "R"), kinds, strict=True):
            target = sample_arm(kind, side, posed, attempt * _ROOM_PER_TRY, rng)
            rotations |= bend_arm(figure.heads, side, target, float(rng.normal(0, 9)))
        depth = figure.posed(body | rotations).arm_depth()
        # Rather touch a little than hold the arms far off.
        cost = depth + 0.15 * attempt * _ROOM_PER_TRY
        if cost < least:
            best, least = rotations, cost
        if depth <= 0:
            break
    return best


def _spine(stance: Stance, rng: np.random.Generator) -> dict[str, FloatArray]:
    """Twist, lean and side bend, spread evenly over the five spine bones."""
    twist = rng.normal(0, 6) + stance.twist
    lean = rng.normal(0, 3) + stance.lean
    side = rng.normal(0, 2.5) + stance.side_bend
    bend = product(rotation((0, 0, 1), twist / 5), rotation((1, 0, 0), lean / 5), rotation((0, 1, 0), side / 5))
    return {f"spine0{number}": bend for number in range(1, 6)}


def _head(stance: Stance, rng: np.random.Generator) -> dict[str, FloatArray]:
    """Mostly looks ahead of the pelvis, whatever the torso does."""
    turn = float(np.clip(rng.normal(0, 17) - 0.5 * stance.twist, -45, 45))
    nod = float(np.clip(rng.normal(2, 7) - 0.6 * stance.lean, -22, 20))
    tilt = float(rng.normal(0, 4.5) - 0.5 * stance.side_bend)
    shares = {"neck01": 0.2, "neck02": 0.2, "neck03": 0.2, "head": 0.4}
    return {
        bone: product(rotation((0, 0, 1), turn * k), rotation((1, 0, 0), nod * k), rotation((0, 1, 0), tilt * k))
        for bone, k in shares.items()
    }
