"""Where on the body each template vertex lies: limbs, distances along them, angles around them, labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from posable.body.geometry import arctan2, length, normalize, product
from posable.parsing.lip_labels import Lip

FloatArray = NDArray[np.float32]

_ARM_BONES = ("upperarm", "lowerarm", "wrist", "finger", "metacarpal")
_CROTCH, _KNEE, _ANKLE = 0.0, -0.375, -0.72
"""Template heights in metres."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Regions:
    """Per-vertex fields (n,)."""

    arm: FloatArray
    """Skin weight of both arms, in [0, 1]."""
    head: FloatArray
    """Skin weight of head and eyes."""
    arm_distance: FloatArray
    """Metres from the shoulder along the arm; -1 off the arms."""
    arm_angle: FloatArray
    """Radians around the arm."""
    leg_angle: FloatArray
    """Radians around the leg, 0 in front."""
    torso_angle: FloatArray
    """Radians around the body's axis, 0 in front, positive to the left."""
    skin_label: NDArray[np.uint8]
    """LIP-20 class of bare skin."""
    segment: NDArray[np.int8]
    """Body segment, numbered as in PersonMesh.face_segment."""


def find_regions(
    template: FloatArray, heads: FloatArray, bone_names: tuple[str, ...], skin_weights: csr_matrix
) -> Regions:
    """The regions of the template (n, 3) with joints `heads` (b, 3) and skin weights (n, b)."""
    bone = {name: index for index, name in enumerate(bone_names)}
    x, y, z = template.T

    def weight(*prefixes: str, side: str = "") -> FloatArray:
        chosen = [i for i, name in enumerate(bone_names) if name.startswith(prefixes) and name.endswith(side)]
        return np.asarray(skin_weights[:, chosen].sum(1), np.float32).ravel()

    head = weight("head", "eye")
    left, right = weight(*_ARM_BONES, side=".L"), weight(*_ARM_BONES, side=".R")
    arm_distance, arm_angle = np.full(len(template), -1, np.float32), np.zeros(len(template), np.float32)
    leg_angle = np.zeros(len(template), np.float32)
    segment = np.where(head > 0.4, 1, 0).astype(np.int8)
    for offset, (side, arm, sign) in enumerate(((".L", left, 1), (".R", right, -1))):
        shoulder, elbow, wrist = (heads[bone[name + side]] for name in ("upperarm01", "lowerarm01", "wrist"))
        distance, angle = _along_arm(template, shoulder, elbow, wrist)
        near = arm > 0.02
        arm_distance[near], arm_angle[near] = distance[near], angle[near]
        upper_length = length(elbow - shoulder)
        segment[(arm > 0.5) & (arm_distance <= upper_length)] = 2 + offset
        segment[(arm > 0.5) & (arm_distance > upper_length)] = 4 + offset

        hip, ankle = heads[bone["upperleg01" + side]], heads[bone["foot" + side]]
        on_side = x * sign > 0
        down = np.clip((z - hip[2]) / (ankle[2] - hip[2]), 0, 1)
        axis_x, axis_y = hip[0] + (ankle[0] - hip[0]) * down, hip[1] + (ankle[1] - hip[1]) * down
        leg_angle[on_side] = arctan2((x - axis_x) * sign, axis_y - y)[on_side]
        for first, height in ((6, _CROTCH), (8, _KNEE), (10, _ANKLE)):
            segment[on_side & (arm < 0.5) & (z < height)] = first + offset

    label = np.full(len(template), Lip.TORSO_SKIN, np.uint8)
    label[left > 0.5], label[right > 0.5] = Lip.LEFT_ARM, Lip.RIGHT_ARM
    legs = (z < _CROTCH) & (left + right < 0.5)
    label[legs & (x > 0)], label[legs & (x <= 0)] = Lip.LEFT_LEG, Lip.RIGHT_LEG
    label[head + weight("neck") > 0.55] = Lip.FACE
    return Regions(
        arm=left + right,
        head=head,
        arm_distance=arm_distance,
        arm_angle=arm_angle,
        leg_angle=leg_angle,
        torso_angle=arctan2(x, -(y + 0.02)),
        skin_label=label,
        segment=segment,
    )


def _along_arm(
    points: FloatArray, shoulder: FloatArray, elbow: FloatArray, wrist: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Metres along the polyline shoulder-elbow-wrist and radians around it."""
    upper_length = length(elbow - shoulder)
    upper, lower = normalize(elbow - shoulder), normalize(wrist - elbow)
    along_upper, along_lower = product(points - shoulder, upper), product(points - elbow, lower)
    is_lower = along_upper > upper_length
    distance = np.where(is_lower, upper_length + np.maximum(along_lower, 0), along_upper)
    axis = np.where(is_lower[:, None], lower, upper)
    foot = np.where(is_lower[:, None], elbow + along_lower[:, None] * lower, shoulder + along_upper[:, None] * upper)
    first = normalize(np.cross(axis, np.array([0, 1, 0], np.float32)))
    second = np.cross(axis, first)
    around = points - foot
    angle = arctan2((around * first).sum(1), (around * second).sum(1))
    return distance.astype(np.float32), angle.astype(np.float32)
