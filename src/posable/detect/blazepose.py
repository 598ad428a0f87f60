"""BlazePose: a person detector and a landmark network, run by LiteRT on the CPU.

Bazarevsky et al., "BlazePose: on-device real-time body pose tracking", 2020; the files and the constants are
MediaPipe's. What differs from MediaPipe: the landmark network sees the picture's edge go on instead of black, and looks
twice (docs/detection.md has what that gains); when the detector finds nobody in the frame, it tries other windows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from posable.detect import landmarks, person_detector
from posable.detect.detection import Detection, MessageCallback, area
from posable.detect.landmarks import Landmarks
from posable.detect.litert import LiteRtNetwork
from posable.detect.model_files import DETECTOR_FILE, LANDMARK_FILE, model_path
from posable.detect.region import Region
from posable.errors import NoPersonError
from posable.imaging.size import Size
from posable.pose.pose import OPENPOSE_18

LEAST_SCORE = 0.5
"""Of a candidate of the detector, and then of the landmark network that looks closer."""

_SURE_SCORE = 0.9
_FEWEST_KEYPOINTS = 3
_ANKLES = [OPENPOSE_18.index("right_ankle"), OPENPOSE_18.index("left_ankle")]


class _Search(NamedTuple):
    """Squares of a picture to look for people in, and what it takes to believe in one that is found there.

    A person must score `least_score` in both looks; between the two the landmarks may move by `most_drift`, a fraction
    of the region's side; and the region's side is at most `largest_side` px.
    """

    windows: list[Region]
    least_score: float
    most_drift: float
    largest_side: float


class BlazePose:
    """Both networks, loaded once; may be used from several threads, one picture at a time."""

    def __init__(self, num_threads: int = 1) -> None:
        self._detector = LiteRtNetwork(model_path(DETECTOR_FILE), num_threads)
        self._landmark_network = LiteRtNetwork(model_path(LANDMARK_FILE), num_threads)

    def people(self, image: Image.Image) -> list[Landmarks]:
        """All people found in an RGB picture, the one with the largest box first; empty when there is nobody.

        The detector looks at the whole frame; if that shows nobody, at a wider window (which helps with people who
        overfill the frame) and then at overlapping quarters (small people). The first look that finds somebody counts.
        """
        size = Size(image.height, image.width)
        for search in _searches(size):
            regions = [region for window in search.windows for region in self.candidate_regions(image, window)]
            looks = (self._look_twice(image, region, search) for region in regions)
            people = [look for look in looks if look is not None and _shows_enough(look, size)]
            people.sort(key=lambda person: area(person.box(size)), reverse=True)
            if people:
                return _distinct(people)
        return []

    def candidate_regions(self, image: Image.Image, window: Region) -> list[Region]:
        """Where in a square of an RGB picture there may be a person, the likeliest first."""
        raw, logits = self._detector(window.crop(image, person_detector.INPUT_PIXELS) * 2 - 1)
        found = person_detector.suppress(person_detector.decode(raw, logits, LEAST_SCORE))
        return [landmarks.region_around(*window.to_image(points[:2])) for points in found.points]

    def landmarks_in(self, image: Image.Image, region: Region) -> Landmarks:
        """One look at a region of an RGB picture; with `region_of_pose` it skips the detector for a known person."""
        raw, score, mask, heatmaps, world = self._landmark_network(
            region.crop(image, landmarks.INPUT_PIXELS, outside="edge")
        )
        return landmarks.decode(raw, heatmaps, float(score[0]), mask[..., 0], world, region)

    def _look_twice(self, image: Image.Image, region: Region, search: _Search) -> Landmarks | None:
        """The landmarks of the person in a region, or None when there is none to believe in."""
        if region.side > search.largest_side:
            return None
        first = self.landmarks_in(image, region)
        if first.score < search.least_score:
            return None
        better = first.better_region()
        if search.most_drift == math.inf and better.is_near(region) and _is_sure_of_whole_body(first, image):
            return first
        second = self.landmarks_in(image, better)
        believed = second.score >= search.least_score and _gap(first, second) <= search.most_drift
        return second if believed else None


def detect(image: Image.Image, progress: MessageCallback | None = None) -> Detection:
    """The largest person in an RGB picture; raises NoPersonError, MissingExtraError. There is nothing to tell."""
    del progress
    size = Size(image.height, image.width)
    people = load().people(image)
    if not people:
        raise NoPersonError(
            f"found no person in the picture ({size}); give one that shows a person upright, head included and at "
            "least a quarter of the picture's height, crop it around the person, or give the pose as a file."
        )
    largest = people[0]
    return Detection(largest.pose(size), largest.box(size), largest.score, len(people), largest)


def mask(image: Image.Image) -> npt.NDArray[np.float32]:
    """Float32 (h, w) in [0, 1]: the probability that a pixel belongs to the largest person; 0 when there is nobody."""
    people = load().people(image)
    if not people:
        return np.zeros((image.height, image.width), np.float32)
    return people[0].whole_mask(Size(image.height, image.width))


@cache
def load() -> BlazePose:
    """The networks, from memory if they were used before. Raises MissingExtraError, and CheckpointError when a file
    of the package is missing."""
    return BlazePose()


def _searches(size: Size) -> Iterator[_Search]:
    """The frame; the frame with half of it around it; overlapping quarters, for people that fit into one.

    The later ones believe less easily, because people in them are rarer than in the frame, and errors are not.
    """
    frame = Region.around_frame(size)
    yield _Search([frame], LEAST_SCORE, math.inf, math.inf)
    yield _Search([Region(frame.center, 1.5 * frame.side)], 0.8, 0.06, math.inf)
    side = frame.side / 2
    rows, columns = _centers(size.height, side), _centers(size.width, side)
    yield _Search([Region((x, y), side) for y in rows for x in columns], 0.8, 0.06, side)


def _centers(length: int, side: float) -> list[float]:
    """Where windows of this side have their centres, so that they cover `length` and overlap by half or more."""
    if side >= length:
        return [length / 2]
    count = math.ceil((length - side) / (side / 2)) + 1
    return np.linspace(side / 2, length - side / 2, count).tolist()


def _shows_enough(person: Landmarks, size: Size) -> bool:
    return int(person.pose(size).visible.sum()) >= _FEWEST_KEYPOINTS


def _is_sure_of_whole_body(person: Landmarks, image: Image.Image) -> bool:
    """Whether a second look would add nothing: it does for people whom the frame cuts off."""
    visible = person.pose(Size(image.height, image.width)).visible
    return person.score >= _SURE_SCORE and bool(visible[_ANKLES].all())


def _distinct(people: list[Landmarks]) -> list[Landmarks]:
    """The people without those whose landmarks fall together with an earlier one's."""
    kept: list[Landmarks] = []
    for person in people:
        if all(_gap(person, other) > 0.1 for other in kept):
            kept.append(person)
    return kept


def _gap(one: Landmarks, other: Landmarks) -> float:
    """The mean distance of their landmarks, as a fraction of the larger region's side."""
    distance = np.linalg.norm(one.points - other.points, axis=1)[: landmarks.BODY_LANDMARKS].mean()
    return float(distance) / max(one.region.side, other.region.side)
