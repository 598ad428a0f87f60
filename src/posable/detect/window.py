"""Where in a picture the parser looks: a frame around the person that the pose says, whatever the picture's size."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from posable.imaging.frame import Window
from posable.imaging.size import Size
from posable.pose.pose import OPENPOSE_18

_MARGIN = 0.16
"""Of the box around the keypoints, added on each side: hair, feet and hands lie beyond the joints."""
_LEAST_SIDE_PX = 16.0


def person_window(
    keypoints: npt.NDArray[np.floating], visible: npt.NDArray[np.bool_], picture: Size, frame: Size
) -> Window:
    """The window, of the frame's proportions, that holds the person of the keypoints (18, 2) with some room around.

    Where only some joints are known, as in a half-length photo, it is as large as the trunk says the person is, but
    need not hold what lies beyond the picture's border.
    """
    points = np.asarray(keypoints, np.float64)[visible]
    if not len(points):
        low, high = np.zeros(2), np.array([picture.width, picture.height], np.float64)
    else:
        low, high = points.min(0), points.max(0)
        side = max(float((high - low).max()), _trunk(keypoints, visible) * 1.6, _LEAST_SIDE_PX)
        room = _MARGIN * side
        # Above the eyes comes hair, below the ankles come feet.
        low, high = low - np.array([room, room * 0.9]), high + np.array([room, room * 0.8])
        low = np.maximum(low, 0)
        high = np.minimum(high, [picture.width, picture.height])
    centre, (width, height) = (low + high) / 2, np.maximum(high - low, _LEAST_SIDE_PX)
    height = max(height, width * frame.height / frame.width)
    width = height * frame.width / frame.height
    return Window(float(centre[0] - width / 2), float(centre[1] - height / 2), float(width), float(height))


def _trunk(keypoints: npt.NDArray[np.floating], visible: npt.NDArray[np.bool_]) -> float:
    """Length of the trunk, px, from what is seen; shoulders count when there are no hips."""
    index = OPENPOSE_18.index
    neck = index("neck")
    hips = [hip for hip in (index("right_hip"), index("left_hip")) if visible[hip] and visible[neck]]
    lengths = [0.0, *(float(np.linalg.norm(keypoints[hip] - keypoints[neck])) for hip in hips)]
    left, right = index("left_shoulder"), index("right_shoulder")
    if visible[left] and visible[right]:
        lengths.append(1.3 * float(np.linalg.norm(keypoints[left] - keypoints[right])))
    return max(lengths)
