"""The window of a picture that a network is shown, where the person is small in it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from posable.imaging.frame import Window
from posable.imaging.size import Size
from posable.pose.pose import Pose
from posable.pose.proportions import stature

_AROUND, _ABOVE, _BELOW = 0.12, 0.12, 0.08
"""Of the stature: sleeves and hands beside the joints, hair above the eyes, feet below the ankles."""
_LEAST_HEIGHT = 1.2
"""Of the stature: the window holds the standing person, whatever of them is seen."""
_LEAST_SIDE_PX = 32.0


def window_around(people: Sequence[Pose], picture: Size, proportions: Size) -> Window:
    """A window of whole pixels inside the picture that holds the poses (in the picture's frame) with hair, hands and
    feet; of the proportions of `proportions` where the picture has room, and the whole picture without keypoints."""
    points = np.concatenate([pose.keypoints[pose.visible] for pose in people])
    if not len(points):
        return Window.whole(picture)
    known = [tall for pose in people if (tall := stature(pose.keypoints, pose.visible)) is not None]
    tall = max(known, default=_LEAST_SIDE_PX)
    low = points.min(0) - np.array([_AROUND, _ABOVE]) * tall
    high = points.max(0) + np.array([_AROUND, _BELOW]) * tall
    centre, (width, height) = (low + high) / 2, high - low
    height = max(height, _LEAST_HEIGHT * tall, _LEAST_SIDE_PX, width * proportions.height / proportions.width)
    width = height * proportions.width / proportions.height
    left, right = _inside(centre[0] - width / 2, width, picture.width)
    top, bottom = _inside(centre[1] - height / 2, height, picture.height)
    return Window(left, top, right - left, bottom - top)


def _inside(start: float, length: float, limit: int) -> tuple[int, int]:
    """The stretch moved into [0, limit], or all of that."""
    length = min(length, limit)
    start = min(max(start, 0.0), limit - length)
    return max(0, round(start)), min(limit, round(start + length))
