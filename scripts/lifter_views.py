"""Views of posed bodies as keypoints that a detector might give; what the lifter is trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from posable.body.joint_groups import GROUPS, NUM_GROUPS, group_number, spread_over_joints
from posable.body.kinematics import Array, Kinematics, forward_kinematics, keypoints_of, rotation_of
from posable.body.reduced import NUM_COMPONENTS, NUM_SHAPE, reduced_body
from posable.pose.pose import OPENPOSE_18

POINT = {name: index for index, name in enumerate(OPENPOSE_18.keypoints)}
FACE = [POINT[name] for name in ("nose", "right_eye", "left_eye", "right_ear", "left_ear")]
HEAD_JOINT = 9
RIGHT_HIP, LEFT_HIP = POINT["right_hip"], POINT["left_hip"]
ARMS = {
    side: [group_number(f"{bone}.{side}") for bone in ("clavicle", "upperarm01", "lowerarm01", "wrist")]
    for side in "LR"
}
MIRROR = np.array(
    [
        group_number(group.name[:-1] + {"L": "R", "R": "L"}[group.name[-1]]) if "." in group.name else number
        for number, group in enumerate(GROUPS)
    ]
)
JITTER_DEGREES = {
    "root": 3, "spine": 4, "head": 6, "clavicle": 2, "upperarm01": 6, "lowerarm01": 4, "wrist": 5,
    "upperleg01": 4, "lowerleg01": 2, "foot": 4,
}  # fmt: skip

DEPTH_NOISE = np.array(
    [
        next(metres for part, metres in (
            ("hip", 0.022), ("shoulder", 0.07), ("neck", 0.065), ("elbow", 0.1), ("wrist", 0.13), ("knee", 0.09),
            ("ankle", 0.11), ("", 0.09),
        ) if name.endswith(part))
        for name in OPENPOSE_18.keypoints
    ]
)  # fmt: skip
"""Metres, as measured of BlazePose on rendered people; it also says about 0.8 of the true depth."""
LOOSE = np.where([name.endswith(("hip", "knee")) for name in OPENPOSE_18.keypoints], 1.5, 1.0)
"""Hips and knees lie under cloth and are found less exactly."""


@dataclass(frozen=True)
class PosedPeople:
    """Poses to start from: turns (n, 17, 3, 3) of the groups, and who of them stands or walks (n,)."""

    turns: npt.NDArray[np.float32]
    upright: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class DetectorBias:
    """How a detector's keypoints lie beside ours."""

    beside: Array
    """(18, 3) metres in the axes of the joint that each keypoint is on."""
    lean: Array
    """(18,) metres that its depth puts them too far to the person's front."""


@dataclass(frozen=True)
class Views:
    """n views: what a detector says, and the truth."""

    points: Array
    """(n, 18, 2), metres at the root's distance, y downwards."""
    seen: npt.NDArray[np.bool_]
    depth: Array
    """(n, 18) metres behind the middle of the hips."""
    depth_known: npt.NDArray[np.bool_]
    turns: Array
    """(n, 17, 3, 3); the root's takes the person to camera axes."""
    shape: Array
    """(n, s)."""
    keypoints: Array
    """(n, 18, 3) metres from the root, camera axes."""


def sample_views(people: PosedPeople, bias: DetectorBias, count: int, rng: np.random.Generator) -> Views:
    """Random views of random mixtures of poses, as a detector of this bias might see them."""
    cut_low = rng.random(count) < 0.33
    turns = _mixed(people, cut_low & (rng.random(count) < 0.92), rng)
    turns[:, 0] = _camera(count, rng) @ turns[:, 0]
    shape = np.concatenate([rng.normal(size=(count, NUM_COMPONENTS)), rng.normal(size=(count, NUM_SHAPE - 10))], 1)
    shape = np.clip(shape, -2.5, 2.5) * reduced_body().spread * 0.8
    rotations = spread_over_joints(turns)
    posed = forward_kinematics(rotations, reduced_body().rest_heads(shape))
    truth = keypoints_of(posed, shape)

    said = truth + _beside(posed, bias.beside, rng)
    distance = np.exp(rng.uniform(np.log(2.5), np.log(8), (count, 1)))
    nearness = 1 / np.maximum(1 + said[..., 1] / distance, 0.3)
    points = np.stack([said[..., 0] * nearness, -said[..., 2] * nearness], -1)
    seen = _visible(points, posed, cut_low, rng)
    points = points + _noise(count, rng)
    depth, known = _depth(said, posed.turns[:, 0], bias.lean, seen, rng)
    return Views(points, seen, depth, known, turns, shape, truth)


def _mixed(people: PosedPeople, upright: npt.NDArray[np.bool_], rng: np.random.Generator) -> Array:
    """Turns (n, 17, 3, 3) of poses, some mirrored, with others' arms, bent further and jittered."""
    count = len(upright)
    standing = np.flatnonzero(people.upright)
    chosen = np.where(
        upright, standing[rng.integers(len(standing), size=count)], rng.integers(len(people.turns), size=count)
    )
    turns = _mirrored(people.turns[chosen].astype(np.float64), rng.random(count) < 0.5)
    for side in "LR":
        other = _mirrored(people.turns[rng.integers(len(people.turns), size=count)], rng.random(count) < 0.5)
        swapped = np.flatnonzero(rng.random(count) < 0.3)
        turns[np.ix_(swapped, ARMS[side])] = other[np.ix_(swapped, ARMS[side])]
    jitter = np.deg2rad([JITTER_DEGREES[group.name.split(".")[0]] for group in GROUPS])
    amount = np.where(rng.random((count, NUM_GROUPS)) < 0.15, 3.0, 1.0) * jitter
    turns = rotation_of(rng.normal(size=(count, NUM_GROUPS, 3)) * amount[..., None]) @ turns

    bent = (rng.random(count) < 0.1) & ~upright
    forward = np.zeros((count, 2, 3))
    forward[:, 0, 0] = np.where(bent, rng.uniform(-0.2, 1.2, count), 0)
    forward[:, 1, 0] = np.where(bent, rng.normal(0.3, 0.4, count), 0)
    turns[:, :2] = rotation_of(forward) @ turns[:, :2]
    tipped = (rng.random(count) < 0.06) & ~upright
    turns[:, 0] = rotation_of(rng.normal(size=(count, 3)) * 0.6 * tipped[:, None]) @ turns[:, 0]
    return turns


def _mirrored(turns: npt.NDArray[np.floating], which: npt.NDArray[np.bool_]) -> Array:
    sign = np.array([-1.0, 1, 1])
    return np.where(which[:, None, None, None], turns[:, MIRROR] * sign[:, None] * sign, turns)


def _camera(count: int, rng: np.random.Generator) -> Array:
    yaw = np.where(rng.random(count) < 0.35, rng.normal(0, 0.5, count), rng.uniform(-np.pi, np.pi, count))
    tilt = np.where(rng.random(count) < 0.1, rng.normal(0.05, 0.25, count), rng.normal(0.05, 0.09, count))
    roll = np.where(rng.random(count) < 0.1, rng.normal(0, 0.2, count), rng.normal(0, 0.05, count))
    nothing = np.zeros(count)
    angles = ((tilt, nothing, nothing), (nothing, roll, nothing), (nothing, nothing, yaw))
    first, second, third = (rotation_of(np.stack(columns, 1)) for columns in angles)
    return first @ second @ third


def _beside(posed: Kinematics, bias: Array, rng: np.random.Generator) -> Array:
    """How far beside ours a detector puts keypoints (n, 18, 3): as measured, more or less, and a little at random."""
    count = len(posed.turns)
    own = rng.normal(size=(count, 18, 3)) * np.where(np.isin(np.arange(18), FACE), 0.006, 0.012)[:, None]
    offset = rng.uniform(-0.2, 1.2, (count, 1, 1)) * bias + own
    return (posed.turns[:, main_joints()] @ offset[..., None])[..., 0]


def main_joints() -> npt.NDArray[np.int64]:
    """(18,), the joint that moves most of each keypoint."""
    body = reduced_body()
    return np.array(
        [
            body.part_joint[np.argmax(np.where(body.part_keypoint == keypoint, body.part_weight, 0))]
            for keypoint in range(18)
        ]
    )


def _noise(count: int, rng: np.random.Generator) -> Array:
    sigma = np.where(rng.random(count) < 0.2, 0.0, np.exp(rng.uniform(np.log(0.002), np.log(0.025), count)))
    noise = rng.normal(size=(count, 18, 2)) * sigma[:, None, None] * LOOSE[:, None]
    stray = (rng.random((count, 18)) < 0.04) & (rng.random(count) < 0.25)[:, None]
    return noise + rng.normal(size=(count, 18, 2)) * 0.1 * stray[..., None]


def _visible(
    points: Array, posed: Kinematics, cut_low: npt.NDArray[np.bool_], rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """(n, 18): cut off by a frame, turned away, behind the body, or missed for no reason."""
    count = len(points)
    x, y = points[..., 0], points[..., 1]
    seen = np.ones((count, 18), np.bool_)
    high, low = y[:, POINT["neck"]], np.maximum(y.max(1), y[:, POINT["neck"]] + 0.3)
    seen &= ~(cut_low[:, None] & (y > (high + rng.uniform(0.15, 1, count) * (low - high))[:, None]))
    cut_high = rng.random(count) < 0.05
    top = y.min(1)
    seen &= ~(cut_high[:, None] & (y < (top + rng.uniform(0, 0.35, count))[:, None]))
    cut_side = rng.random(count) < 0.06
    flip = np.where(rng.random(count) < 0.5, 1.0, -1.0)
    seen &= ~(cut_side[:, None] & (x * flip[:, None] > rng.uniform(-0.05, 0.4, count)[:, None]))

    head = posed.turns[:, HEAD_JOINT]
    away = -head[:, 1, 1] > 0.15
    honest = rng.random(count) < 0.6
    for name in ("nose", "right_eye", "left_eye"):
        seen[:, POINT[name]] &= ~(honest & away)
    for name, sign in (("left_ear", 1), ("right_ear", -1)):
        seen[:, POINT[name]] &= ~(honest & (sign * head[:, 1, 0] > 0.4))
    for name, sign in (("left_eye", 1), ("right_eye", -1)):
        seen[:, POINT[name]] &= ~(honest & (sign * head[:, 1, 0] > 0.85))

    far = posed.turns[:, 0, 1, 0]
    for limb in (("elbow", "wrist"), ("wrist",), ("knee", "ankle")):
        hidden = rng.random(count) < 0.12
        for side, sign in (("left", 1), ("right", -1)):
            for name in limb:
                seen[:, POINT[f"{side}_{name}"]] &= ~(hidden & (sign * far > 0.3))
    careless = rng.random(count) < 0.3
    seen &= ~(careless[:, None] & (rng.random((count, 18)) < 0.13))
    shoulders = seen[:, POINT["left_shoulder"]] & seen[:, POINT["right_shoulder"]]
    seen[:, POINT["neck"]] &= shoulders | (rng.random(count) < 0.3)
    seen[seen.sum(1) < 4] = True
    return seen


def _depth(
    said: Array, root: Array, lean: Array, seen: npt.NDArray[np.bool_], rng: np.random.Generator
) -> tuple[Array, npt.NDArray[np.bool_]]:
    """A detector's depths (n, 18) and which of them it gives."""
    count = len(said)
    hips = (said[:, LEFT_HIP, 1] + said[:, RIGHT_HIP, 1]) / 2
    true = said[..., 1] - hips[:, None]
    scale = np.clip(rng.normal(0.8, 0.2, (count, 1)), 0.3, 1.3)
    noise = rng.normal(size=(count, 18)) * DEPTH_NOISE * rng.uniform(0.3, 1.3, (count, 1))
    asked = rng.random(count) < 0.5
    known = asked[:, None] & (seen | (rng.random(count) < 0.4)[:, None])
    leaning = -root[:, 1, 1, None] * lean * rng.uniform(0, 2.5, (count, 1))
    return true * scale + leaning + noise, known
