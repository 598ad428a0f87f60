"""Whether a detector finds the target pose in the generated pictures: keypoints_found and PCK."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from posable.errors import NoPersonError
from posable.metrics.judged import JudgedPictures, MetricResult
from posable.metrics.keypoint_accuracy import NEAR, KeypointScore, keypoint_score, near
from posable.metrics.mask_iou import person_boxes
from posable.metrics.region import PERSON
from posable.pose.pose import Pose

Detector = Callable[[Image.Image], Pose]
"""Finds the largest person's pose in a picture; raises NoPersonError when there is none."""


class SharedDetector:
    """A detector that looks at each picture once: two metrics ask, and every model is judged by the same truth."""

    def __init__(self, detector: Detector, name: str) -> None:
        """`name` is written into the metrics' settings: numbers of two detectors do not compare."""
        self.name = name
        self._detector = detector
        self._known: dict[bytes, Pose | None] = {}

    def find(self, levels: Tensor) -> Pose | None:
        """The pose in one picture, uint8 (3, h, w), or None when nobody is found."""
        pixels = np.ascontiguousarray(levels.permute(1, 2, 0).cpu().numpy())
        key = hashlib.sha256(pixels.tobytes()).digest()
        if key not in self._known:
            try:
                self._known[key] = self._detector(Image.fromarray(pixels))
            except NoPersonError:
                self._known[key] = None
        return self._known[key]


class KeypointMetric:
    """The share of keypoints that the detector finds near the target's; a pair weighs as many as it counts."""

    higher_is_better = True

    def __init__(
        self,
        name: str,
        detector: SharedDetector,
        score: Callable[[JudgedPictures, int, SharedDetector, NDArray[np.float32]], KeypointScore],
        settings: dict[str, Any],
    ) -> None:
        self.name = name
        self._detector = detector
        self._score = score
        self._settings = {"detector": detector.name, **settings}
        self._scores: list[KeypointScore] = []

    def update(self, pictures: JudgedPictures) -> None:
        sides = person_sides(pictures)
        self._scores += [self._score(pictures, i, self._detector, sides[i]) for i in range(len(pictures))]

    def result(self) -> MetricResult:
        if not self._scores:
            return MetricResult.missing("no pictures were given.", self._settings)
        accuracy = tuple(score.accuracy for score in self._scores)
        return MetricResult.of_pairs(accuracy, self._settings, tuple(float(score.counted) for score in self._scores))


def keypoints_found_metric(detector: SharedDetector) -> KeypointMetric:
    """Of the target's keypoints that the detector finds in the true picture, the share that it finds in the generated.

    Near is within 0.1 of the person's height. What the detector cannot see in the truth is not held against the model.
    """
    return KeypointMetric("keypoints_found", detector, _found_in_both, {"near": NEAR, "of": "the person's height"})


def pck_metric(detector: SharedDetector, alpha: float = NEAR) -> KeypointMetric:
    """PCK (Yang and Ramanan, 2013): of the target's keypoints, the share found within alpha x the person's longer side.

    All keypoints in the frame count, those that the body hides too, so that the truth itself gets less than 1.
    """

    def score(
        pictures: JudgedPictures, index: int, finder: SharedDetector, sides: NDArray[np.float32]
    ) -> KeypointScore:
        target = pictures.target_pose[index]
        found = _near(finder.find(pictures.generated[index]), target, float(sides.max()), alpha)
        return KeypointScore(int((found & target.visible).sum()), int(target.visible.sum()))

    return KeypointMetric("pck", detector, score, {"alpha": alpha, "of": "the longer side of the person's box"})


def person_sides(pictures: JudgedPictures) -> NDArray[np.float32]:
    """Height and width of each person's box in px, (n, 2): of the mask; where there is none, of the pose.

    nan where neither a mask nor a keypoint shows anyone.
    """
    sides = np.full((len(pictures), 2), math.nan, np.float32)
    for index in range(len(pictures)):
        pose = pictures.target_pose[index]
        if pictures.mask is not None and bool((person := pictures.mask[index : index + 1] > PERSON).any()):
            left, top, right, bottom = person_boxes(person)[0].tolist()
            sides[index] = bottom - top, right - left
        elif pose.visible.any():
            points = pose.keypoints[pose.visible]
            sides[index] = (points.max(axis=0) - points.min(axis=0))[::-1]
    return sides


def _found_in_both(
    pictures: JudgedPictures, index: int, finder: SharedDetector, sides: NDArray[np.float32]
) -> KeypointScore:
    target, height = pictures.target_pose[index], float(sides[0])
    in_generated = _near(finder.find(pictures.generated[index]), target, height)
    return keypoint_score(in_generated, _near(finder.find(pictures.truth[index]), target, height), target.visible)


def _near(found: Pose | None, target: Pose, side_px: float, share: float = NEAR) -> NDArray[np.bool_]:
    """Which keypoints were found near the target's; none where nobody was found."""
    if found is None:
        return np.zeros(len(target.visible), np.bool_)
    return near(found.keypoints, found.visible, target.keypoints, side_px, share)
