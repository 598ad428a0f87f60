"""What a detector gives back, whichever it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from posable.detect.landmarks import Landmarks
from posable.imaging.image import png_bytes
from posable.imaging.size import Size
from posable.pose.drawing import shown_pose
from posable.pose.pose import Pose

MessageCallback = Callable[[str], None]
"""Is told, one sentence at a time, about the steps that take long, such as a download of models."""


@dataclass(frozen=True, eq=False)
class Detection:
    """The largest person in a picture: the pose in the picture's frame, and the box (left, top, right, bottom) in px.

    `score` in [0, 1] is the detector's own trust in it; `people_found` counts all people in the picture. `landmarks` is
    all that BlazePose says of the person; None from another detector.
    """

    pose: Pose
    box: tuple[float, float, float, float]
    score: float
    people_found: int
    landmarks: Landmarks | None = field(default=None, repr=False)

    def resized(self, size: Size) -> Detection:
        """What would be found in the same picture brought to another size of its proportions."""
        factor = size.height / self.pose.size.height
        return replace(
            self,
            pose=self.pose.resize(size),
            box=tuple(side * factor for side in self.box),
            landmarks=None if self.landmarks is None else self.landmarks.scaled(factor),
        )

    @property
    def depth(self) -> npt.NDArray[np.float32] | None:
        """How far (18,) each keypoint is behind the middle of the hips, in metres: positive is away from the camera.

        It is what the landmark network imagines from the picture alone, for hidden keypoints too. None where the
        detector knows no depth.
        """
        return None if self.landmarks is None else self.landmarks.world_keypoints()[0][:, 2].astype(np.float32)

    @property
    def depth_weight(self) -> npt.NDArray[np.float32] | None:
        """How far (18,) to trust each depth, in [0, 1]: the probability that the keypoint can be seen."""
        return None if self.landmarks is None else self.landmarks.world_keypoints()[1].astype(np.float32)

    def mask(self) -> npt.NDArray[np.float32] | None:
        """Float32 (h, w) in [0, 1] in the picture's frame: the person, as coarsely as the detector draws it (256 px
        over the region); None where the detector draws none. `posable.detect.matte` has the exact outline."""
        return None if self.landmarks is None else self.landmarks.whole_mask(self.pose.size)

    def _repr_png_(self) -> bytes:
        """The skeleton in the person's box, as Jupyter shows it."""
        return png_bytes(shown_pose(self.pose, self.box))


def area(box: tuple[float, float, float, float]) -> float:
    """Of a box (left, top, right, bottom)."""
    left, top, right, bottom = box
    return max(right - left, 0.0) * max(bottom - top, 0.0)
