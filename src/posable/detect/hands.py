"""Where the joints of both hands are, in three dimensions: MediaPipe's hand landmarks, led to the hands by a pose.

Zhang et al., "MediaPipe Hands: on-device real-time hand tracking", 2020. The file and the order of the landmarks are
MediaPipe's; BlazePose's points on the hands take the place of its palm detector.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from posable.detect import blazepose
from posable.detect.landmarks import Landmarks, region_of_pose
from posable.detect.litert import LiteRtNetwork
from posable.detect.model_files import HAND_FILE, model_path
from posable.detect.region import Region
from posable.pose.pose import Pose

NUM_LANDMARKS = 21
INPUT_PIXELS = 224
LEAST_SCORE = 0.7
"""Of the last look; below it, cloth passes for hands."""
_LEAST_FIRST_SCORE = 0.5

_KNUCKLES = {"right": (18, 20), "left": (17, 19)}
"""BlazePose's landmarks at the first knuckles of the little finger and of the index."""
_WRIST, _INDEX, _MIDDLE, _RING = 0, 5, 9, 13
_PALM = [0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18]
"""Landmarks that a closing hand moves little: the next square stands on them."""
_PALM_ENLARGEMENT, _SHIFT = 2.0, 0.1
"""The network's square, in sides of the palm's box; and how far it reaches towards the fingers, in its own sides."""
_SIDE_PER_FOREARM, _CENTER_PER_FOREARM, _SIDE_PER_PALM = 1.4, 0.35, 4.5
_MOST_DRIFT = 0.35
"""Between the pose's wrist and the hand's, in sides of the square: beyond it, it is another hand."""
_LEAST_SIDE_PX = 12.0


class HandLandmarks(NamedTuple):
    """points (21, 3): x and y in px of the picture; z in px too, from the wrist, + away from the camera. score in
    [0, 1]: that there is a hand."""

    points: npt.NDArray[np.float32]
    score: float


class Hands(NamedTuple):
    """The person's left and right hand; None for one that cannot be seen."""

    left: HandLandmarks | None
    right: HandLandmarks | None


def hand_landmarks(image: Image.Image, pose: Pose, person: Landmarks | None = None) -> Hands:
    """The hands of the person who has `pose` in an RGB picture.

    The pose is in the picture's frame; a hand without a visible wrist is not looked for. `person` saves a look when the
    detector has seen the person before. Raises MissingExtraError as `detect_pose`.
    """
    seen = pose.named()
    if not {"left_wrist", "right_wrist"} & set(seen):
        return Hands(None, None)
    person = person or blazepose.load().landmarks_in(image, region_of_pose(pose))
    return Hands(_hand(image, seen, person, "left"), _hand(image, seen, person, "right"))


def _hand(
    image: Image.Image, seen: dict[str, tuple[float, float]], person: Landmarks, side: str
) -> HandLandmarks | None:
    if f"{side}_wrist" not in seen:
        return None
    wrist = np.array(seen[f"{side}_wrist"])
    elbow = np.array(seen[f"{side}_elbow"]) if f"{side}_elbow" in seen else None
    best: HandLandmarks | None = None
    for region in _first_regions(wrist, elbow, person.points[list(_KNUCKLES[side])]):
        looked = _look(image, region)
        if looked.score < _LEAST_FIRST_SCORE:
            continue
        again = _region_around(looked.points, region)
        found = _look(image, again)
        if found.score < LEAST_SCORE or np.linalg.norm(found.points[_WRIST, :2] - wrist) > _MOST_DRIFT * again.side:
            continue
        if best is None or found.score > best.score:
            best = found
    return best


def _look(image: Image.Image, region: Region) -> HandLandmarks:
    raw, score, _, _ = _network()(region.crop(image, INPUT_PIXELS, outside="edge"))
    unit = raw.reshape(NUM_LANDMARKS, 3).astype(np.float64) / INPUT_PIXELS
    points = np.concatenate([region.to_image(unit[:, :2]), unit[:, 2:] * region.side], axis=1)
    return HandLandmarks(points.astype(np.float32), float(score[0]))


def _first_regions(
    wrist: npt.NDArray[np.float64], elbow: npt.NDArray[np.float64] | None, knuckles: npt.NDArray[np.float64]
) -> Iterator[Region]:
    """Where the hand may be: beyond the wrist as its knuckles say, and as the forearm says."""
    palm = knuckles.mean(axis=0) - wrist
    length = float(np.linalg.norm(palm))
    if elbow is not None:
        forearm = wrist - elbow
        reach = float(np.linalg.norm(forearm))
        if _SIDE_PER_FOREARM * reach >= _LEAST_SIDE_PX:
            yield _upright(wrist + _CENTER_PER_FOREARM * forearm, _SIDE_PER_FOREARM * reach, forearm)
            if length > 0:
                yield _upright(wrist + palm, _SIDE_PER_FOREARM * reach, palm)
    if _SIDE_PER_PALM * length >= _LEAST_SIDE_PX:
        yield _upright(wrist + palm, _SIDE_PER_PALM * length, palm)


def _region_around(points: npt.NDArray[np.float32], before: Region) -> Region:
    """Where to look at a hand with these landmarks again: its fingers up, whole."""
    fingers = (points[_INDEX] + 2 * points[_MIDDLE] + points[_RING])[:2] / 4 - points[_WRIST, :2]
    turned = _upright(np.array(before.center), before.side, fingers.astype(np.float64))
    unit = turned.to_unit(points[_PALM, :2])
    low, high = unit.min(0), unit.max(0)
    extent = float((high - low).max())
    x, y = turned.to_image((low + high) / 2 - [0, _SHIFT * extent]).tolist()
    return Region((x, y), max(_PALM_ENLARGEMENT * extent * turned.side, 1.0), turned.angle)


def _upright(center: npt.NDArray[np.float64], side: float, up: npt.NDArray[np.float64]) -> Region:
    return Region((float(center[0]), float(center[1])), side, math.atan2(float(up[0]), -float(up[1])))


@cache
def _network() -> LiteRtNetwork:
    return LiteRtNetwork(model_path(HAND_FILE))
