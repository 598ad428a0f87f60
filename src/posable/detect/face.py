"""Where a face's features are, in three dimensions: MediaPipe's face mesh, led to the face by a pose.

Kartynnik et al., "Real-time facial surface geometry from monocular video on mobile GPUs", 2019. The file and the order
of the landmarks are MediaPipe's; what differs is that the pose's eyes, nose and neck take the place of its face
detector, and that the network always looks twice.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from posable.detect.landmarks import sigmoid
from posable.detect.litert import LiteRtNetwork
from posable.detect.model_files import FACE_FILE, model_path
from posable.detect.region import Region
from posable.pose.pose import Pose

NUM_LANDMARKS = 468
INPUT_PIXELS = 192
LEAST_SCORE = 0.5

RIGHT_EYE_CORNER, LEFT_EYE_CORNER = 33, 263
"""Landmarks at the outer corners of the person's eyes; the line between them says how the head is tilted."""

_ENLARGEMENT = 1.5
"""The network's square, in sides of the box around the landmarks."""
_SIDE_PER_EYES, _SIDE_PER_EARS, _SIDE_PER_NECK = 4.3, 2.3, 1.9
"""The square's side in distances between the eyes, between the ears, and from nose to neck, of an adult facing us."""
_LEAST_SIDE_PX = 12.0


class FaceLandmarks(NamedTuple):
    """points (468, 3): x and y in px of the picture; z in px too, from the head's middle, + away from the camera.
    score in [0, 1]: that there is a face."""

    points: npt.NDArray[np.float32]
    score: float


def face_landmarks(image: Image.Image, pose: Pose) -> FaceLandmarks | None:
    """The face of the person who has `pose` in an RGB picture; None when it cannot be seen (hidden, turned away).

    The pose is in the picture's frame. Raises MissingExtraError as `detect_pose`.
    """
    best: FaceLandmarks | None = None
    for region in _first_regions(pose):
        first = _look(image, region)
        if first is None:
            continue
        second = _look(image, _region_around(first.points, region))
        if second is not None and (best is None or second.score > best.score):
            best = second
    return best


def _look(image: Image.Image, region: Region) -> FaceLandmarks | None:
    raw, logit = _network()(region.crop(image, INPUT_PIXELS, outside="edge"))
    score = float(sigmoid(logit.reshape(1))[0])
    if score < LEAST_SCORE:
        return None
    unit = raw.reshape(NUM_LANDMARKS, 3).astype(np.float64) / INPUT_PIXELS
    points = np.concatenate([region.to_image(unit[:, :2]), unit[:, 2:] * region.side], axis=1)
    return FaceLandmarks(points.astype(np.float32), score)


def _first_regions(pose: Pose) -> Iterator[Region]:
    """Where the pose says that the face is, in two sizes: one measured across the face, one along the neck."""
    seen = pose.named()
    eyes = [np.array(seen[name]) for name in ("right_eye", "left_eye") if name in seen]
    ears = [np.array(seen[name]) for name in ("right_ear", "left_ear") if name in seen]
    nose = np.array(seen["nose"]) if "nose" in seen else None
    if nose is None and not eyes:
        return
    features = [*eyes, *([] if nose is None else [nose])]
    center = np.mean(features, axis=0)
    across = eyes[1] - eyes[0] if len(eyes) == 2 else None
    neck = float(np.linalg.norm(center - np.array(seen["neck"]))) if "neck" in seen else 0.0
    sides = [
        _SIDE_PER_EYES * float(np.linalg.norm(across)) if across is not None else 0.0,
        _SIDE_PER_EARS * float(np.linalg.norm(ears[1] - ears[0])) if len(ears) == 2 else 0.0,
    ]
    # From the side the eyes fall together, and the line between them says nothing of the head's tilt.
    frontal = across is not None and float(np.linalg.norm(across)) > 0.15 * neck
    angle = math.atan2(across[1], across[0]) if frontal and across is not None else 0.0
    angle = math.remainder(angle, 2 * math.pi)
    for side in {max(sides), _SIDE_PER_NECK * neck}:
        if side >= _LEAST_SIDE_PX:
            yield Region((float(center[0]), float(center[1])), side, angle)


def _region_around(points: npt.NDArray[np.float32], before: Region) -> Region:
    """Where to look at a face with these landmarks again: upright between the eyes, whole, in the middle."""
    across = points[LEFT_EYE_CORNER, :2] - points[RIGHT_EYE_CORNER, :2]
    turned = Region(before.center, before.side, math.atan2(float(across[1]), float(across[0])))
    unit = turned.to_unit(points[:, :2])
    low, high = unit.min(0), unit.max(0)
    x, y = turned.to_image((low + high) / 2).tolist()
    return Region((x, y), max(_ENLARGEMENT * float((high - low).max()) * turned.side, 1.0), turned.angle)


@cache
def _network() -> LiteRtNetwork:
    return LiteRtNetwork(model_path(FACE_FILE))
