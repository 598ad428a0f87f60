"""Which joints turn as one: 17 groups, whose turns are all that the lift predicts and fits.

The spine's five joints share a turn evenly, neck and head in fixed parts; every other joint is a group of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from posable.body.kinematics import Array, rotation_of, vector_of
from posable.body.reduced import JOINTS, NUM_JOINTS

_HEAD_SHARES = (0.2, 0.2, 0.2, 0.4)


@dataclass(frozen=True)
class Group:
    """Joints in a row that turn together, each by its share of the turn."""

    name: str
    joints: tuple[int, ...]
    shares: tuple[float, ...]


def _groups() -> tuple[Group, ...]:
    spine = tuple(joint for joint, name in enumerate(JOINTS) if name.startswith("spine"))
    head = tuple(joint for joint, name in enumerate(JOINTS) if name.startswith(("neck", "head")))
    chains = [Group("spine", spine, (1 / len(spine),) * len(spine)), Group("head", head, _HEAD_SHARES)]
    alone = [Group(JOINTS[joint], (joint,), (1.0,)) for joint in range(NUM_JOINTS) if joint not in (*spine, *head)]
    return (alone[0], *chains, *alone[1:])


GROUPS = _groups()
"""In the order of their joints."""
NUM_GROUPS = len(GROUPS)


def _shares() -> tuple[npt.NDArray[np.int64], Array]:
    group, share = np.zeros(NUM_JOINTS, np.int64), np.zeros(NUM_JOINTS)
    for number, item in enumerate(GROUPS):
        group[list(item.joints)], share[list(item.joints)] = number, item.shares
    return group, share


GROUP_OF_JOINT, SHARE_OF_JOINT = _shares()
"""(24,) each: a joint's group, and its share of the group's turn."""


def group_number(name: str) -> int:
    return next(number for number, group in enumerate(GROUPS) if group.name == name)


def spread_over_joints(turns: Array) -> Array:
    """Local rotations (n, 24, 3, 3) of joints whose groups turn by `turns` (n, 17, 3, 3)."""
    rotations = turns[:, GROUP_OF_JOINT].copy()
    shared = np.flatnonzero(SHARE_OF_JOINT < 1)
    vectors = vector_of(turns[:, 1:3])[:, GROUP_OF_JOINT[shared] - 1]
    rotations[:, shared] = rotation_of(vectors * SHARE_OF_JOINT[shared, None])
    return rotations


def gathered_by_group(rotations: Array) -> Array:
    """Turns (n, 17, 3, 3) of groups from local rotations (n, 24, 3, 3); undoes `spread_over_joints`."""
    turns = np.empty((len(rotations), NUM_GROUPS, 3, 3))
    for number, group in enumerate(GROUPS):
        turn = rotations[:, group.joints[0]]
        for joint in group.joints[1:]:
            turn = turn @ rotations[:, joint]
        turns[:, number] = turn
    return turns
