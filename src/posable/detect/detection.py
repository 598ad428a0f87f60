"""What a detector gives back, whichever it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from posable.imaging.image import png_bytes
from posable.pose.drawing import shown_pose
from posable.pose.pose import Pose

Progress = Callable[[str], None]
"""Is told, one sentence at a time, about the steps that take long, such as the one download of the models."""


@dataclass(frozen=True, eq=False)
class Detection:
    """The largest person in a picture: the pose in the picture's frame, and the box (left, top, right, bottom) in px.

    `score` in [0, 1] is the detector's own trust in it; `people_found` counts all people in the picture.
    """

    pose: Pose
    box: tuple[float, float, float, float]
    score: float
    people_found: int

    def _repr_png_(self) -> bytes:
        """The skeleton in the person's box, as Jupyter shows it."""
        return png_bytes(shown_pose(self.pose, self.box))


def area(box: tuple[float, float, float, float]) -> float:
    """Of a box (left, top, right, bottom)."""
    left, top, right, bottom = box
    return max(right - left, 0.0) * max(bottom - top, 0.0)
