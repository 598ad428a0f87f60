"""The learned first guess: a small network from keypoints to a few bodies that could show them, likeliest first.

It is a perceptron trained on poses of the synthetic people (scripts/train_lifter.py) and runs in NumPy: for one pose
that takes a fraction of a millisecond, and nothing else has to be loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import as_file, files
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from posable.body.joint_groups import NUM_GROUPS, spread_over_joints
from posable.body.kinematics import Array, rotation_of
from posable.body.reduced import NUM_SHAPE

NUM_FEATURES = 18 * 5
NUM_HYPOTHESES = 3
SHARED = (1, 2)
"""Rows of the groups that several joints share; the network gives their turns as rotation vectors."""
SINGLE = tuple(number for number in range(NUM_GROUPS) if number not in SHARED)
"""Rows of the others, which it gives as the first two columns of their rotation matrices."""
NUM_OUTPUTS = 3 * len(SHARED) + 6 * len(SINGLE) + NUM_SHAPE + 1
"""Of one hypothesis; its score comes last."""
DEPTH_UNIT = 0.4
"""Metres."""

Weights = dict[str, npt.NDArray[np.float32]]


class Hypotheses(NamedTuple):
    """k bodies that could show the keypoints, the likeliest first."""

    rotations: Array
    """(k, 24, 3, 3) local rotations."""
    shape: Array
    """(k, s)."""
    log_probability: Array
    """(k,), that this one is the nearest of them."""


def features(
    points: npt.NDArray[np.floating],
    seen: npt.NDArray[np.bool_],
    depth: npt.NDArray[np.floating],
    depth_known: npt.NDArray[np.bool_],
) -> npt.NDArray[np.float32]:
    """What the network is given (n, 90) of poses with points (n, 18, 2) in any unit, y downwards, and depths (n, 18).

    The points seen are brought to mean 0 and spread 1, so that place and size in the picture do not matter.
    """
    weight = seen[..., None].astype(np.float64)
    count = np.maximum(weight.sum(1, keepdims=True), 1)
    centred = (points - (points * weight).sum(1, keepdims=True) / count) * weight
    spread = np.sqrt((centred**2).sum((1, 2), keepdims=True) / count)
    flat = centred / np.maximum(spread, 1e-6)
    known = depth_known.astype(np.float64)
    columns = (flat[..., 0], flat[..., 1], weight[..., 0], np.where(depth_known, depth, 0) / DEPTH_UNIT, known)
    return np.concatenate(columns, 1).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Lifter:
    """The network: a layer, blocks that add to what they are given, a layer."""

    weights: Weights

    def __call__(self, given: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The raw output (n, 3, outputs) for features (n, 90)."""
        weights = self.weights
        hidden = given @ weights["input.weight"].T + weights["input.bias"]
        block = 0
        while f"blocks.{block}.weight" in weights:
            hidden = hidden + _silu(hidden) @ weights[f"blocks.{block}.weight"].T + weights[f"blocks.{block}.bias"]
            block += 1
        output = _silu(hidden) @ weights["output.weight"].T + weights["output.bias"]
        return output.reshape(len(given), NUM_HYPOTHESES, NUM_OUTPUTS)

    def hypotheses(self, given: npt.NDArray[np.float32]) -> Hypotheses:
        """The bodies for one pose's features (90,)."""
        output = self(given[None])[0].astype(np.float64)
        score = output[:, -1] - output[:, -1].max()
        log_probability = score - np.log(np.exp(score).sum())
        order = np.argsort(-log_probability, kind="stable")
        output = output[order]
        turns = np.empty((len(output), NUM_GROUPS, 3, 3))
        split = 3 * len(SHARED)
        turns[:, SHARED] = rotation_of(output[:, :split].reshape(len(output), -1, 3))
        turns[:, SINGLE] = _from_two_columns(output[:, split : split + 6 * len(SINGLE)].reshape(len(output), -1, 2, 3))
        shape = output[:, split + 6 * len(SINGLE) : -1]
        return Hypotheses(spread_over_joints(turns), shape, log_probability[order])


@lru_cache(maxsize=1)
def lifter() -> Lifter:
    """The network that ships."""
    from safetensors.numpy import load_file

    with as_file(files("posable.body").joinpath("assets/lifter.safetensors")) as path:
        return Lifter({name: array.astype(np.float32) for name, array in load_file(path).items()})


def _silu(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return (values / (1 + np.exp(-np.clip(values, -60, 60)))).astype(np.float32, copy=False)


def _from_two_columns(columns: Array) -> Array:
    """Rotation matrices (..., 3, 3) whose first two columns are near `columns` (..., 2, 3)."""
    first = columns[..., 0, :] / np.maximum(np.linalg.norm(columns[..., 0, :], axis=-1, keepdims=True), 1e-6)
    second = columns[..., 1, :] - (columns[..., 1, :] * first).sum(-1, keepdims=True) * first
    second = second / np.maximum(np.linalg.norm(second, axis=-1, keepdims=True), 1e-6)
    return np.stack([first, second, np.cross(first, second)], -1)
