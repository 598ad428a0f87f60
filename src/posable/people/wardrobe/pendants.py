"""What hangs from a hand: it stays upright in every pose, swings clear of the body, or slides to the elbow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posable.body.geometry import FloatArray, arctan2
from posable.people.wardrobe.layers import Dummy

_DIRECTIONS = 12
_STEEPEST = np.tan(np.deg2rad(50))
_CLEARANCE = 0.012


@dataclass(frozen=True, kw_only=True, eq=False)
class Pendant:
    """A stiff thing on one hand."""

    grip: NDArray[np.float32]
    """(3,) rest point that it hangs from; its own points are relative to it in the rest pose."""
    crook: NDArray[np.float32]
    """(3,) rest point on the forearm near the elbow, where it hangs when the hand is higher than the elbow."""
    wrist: int
    forearm: int
    """Bones."""
    half_thickness: float
    half_width: float
    depth: float
    """Metres; from the grip down to its bottom."""
    top: float
    """Metres from the grip down to its upper edge."""

    @staticmethod
    def grip_of(dummy: Dummy, side: str) -> NDArray[np.float32]:
        """The middle of the fingers in the rest pose."""
        names, heads = dummy.body.bone_names, dummy.shape.heads
        second = heads[names.index(f"finger3-2.{side}")]
        return (0.8 * second + 0.2 * heads[names.index(f"finger3-1.{side}")]).astype(np.float32)

    @classmethod
    def of(cls, dummy: Dummy, side: str, *, half_thickness: float, half_width: float, depth: float) -> Pendant:
        """The pendant on the left ("L") or right ("R") hand."""
        names, heads = dummy.body.bone_names, dummy.shape.heads
        elbow, wrist = heads[names.index(f"lowerarm01.{side}")], heads[names.index(f"wrist.{side}")]
        return cls(
            grip=cls.grip_of(dummy, side),
            crook=(0.75 * elbow + 0.25 * wrist).astype(np.float32),
            wrist=names.index(f"wrist.{side}"),
            forearm=names.index(f"lowerarm01.{side}"),
            half_thickness=half_thickness,
            half_width=half_width,
            depth=depth,
            top=0.06,
        )


def hang(
    pendant: Pendant,
    carried: NDArray[np.bool_],
    body: NDArray[np.bool_],
    rest: FloatArray,
    vertices: FloatArray,
    bones: FloatArray,
) -> FloatArray:
    """The posed vertices (v, 3) with the `carried` (v,) ones let down from hand or elbow, clear of the `body` ones.

    `rest` (v, 3) is the rest pose; `bones` (b, 3, 4) the pose's affine maps.
    """
    grip = _moved(pendant.grip, bones[pendant.wrist])
    crook = _moved(pendant.crook, bones[pendant.forearm])
    at_elbow = grip[2] > crook[2] + 0.02
    pivot = crook - np.array([0, 0, 0.03]) if at_elbow else grip
    heading = _moved(np.array([0, -1.0, 0]), bones[0]) - _moved(np.zeros(3), bones[0])
    yaw = float(arctan2(np.array([heading[0]]), np.array([-heading[1]]))[0])
    cosine, sine = np.cos(yaw), np.sin(yaw)
    turn = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1.0]])

    obstacles = (vertices[body].astype(np.float64) - pivot) @ turn
    below = obstacles[(obstacles[:, 2] < -pendant.top) & (obstacles[:, 2] > -pendant.depth)]
    swing = _swing(pendant, below) if len(below) else np.zeros(2)
    local = rest[carried].astype(np.float64) - pendant.grip
    steep = np.sqrt((swing**2).sum())
    if steep > 1e-6:
        along, upwards = np.array([*(swing / steep), 0.0]), np.array([0.0, 0.0, 1.0])
        secant = np.sqrt(1 + steep**2)
        out, up = (along + steep * upwards) / secant, (upwards - steep * along) / secant
        local = local + (local @ along)[:, None] * (out - along) + local[:, 2:] * (up - upwards)
    lowered = pivot + local @ turn.T
    # It stands on the floor rather than in it.
    floor = float(vertices[~carried, 2].min())
    lowered[:, 2] += max(0.0, floor - lowered[:, 2].min())
    posed = vertices.copy()
    posed[carried] = lowered.astype(np.float32)
    return posed


def _swing(pendant: Pendant, obstacles: FloatArray) -> NDArray[np.float64]:
    """The least slope (2,) away from the vertical, in some direction, that clears obstacles (n, 3) about the pivot."""
    best = np.zeros(2)
    least = np.inf
    box = (np.abs(obstacles[:, 0]) < pendant.half_thickness) & (np.abs(obstacles[:, 1]) < pendant.half_width)
    if not box.any():
        return best
    for angle in np.arange(_DIRECTIONS) * (2 * np.pi / _DIRECTIONS):
        direction = np.array([np.cos(angle), np.sin(angle)])
        along = obstacles[:, :2] @ direction
        across = np.abs(obstacles[:, :2] @ np.array([-direction[1], direction[0]]))
        extent = pendant.half_thickness * abs(direction[0]) + pendant.half_width * abs(direction[1])
        half = pendant.half_thickness * abs(direction[1]) + pendant.half_width * abs(direction[0])
        hit = across < half
        slope = float(((along[hit] + extent + _CLEARANCE) / -obstacles[hit, 2]).max())
        if slope < least:
            least, best = slope, direction * slope
    return best if least < _STEEPEST else best / least * _STEEPEST


def _moved(point: FloatArray, bone: FloatArray) -> NDArray[np.float64]:
    wide = bone.astype(np.float64)
    return wide[:, :3] @ point + wide[:, 3]
