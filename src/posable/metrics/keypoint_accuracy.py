"""Share of keypoints that a detector finds near enough to where they should be, in units of the person's height.

Which keypoints count is decided on the true picture, so that a detector's weakness is not held against the generator:
a keypoint counts when its label says that it is visible and the detector finds it, within the same distance, in the
true picture. The share is taken over all keypoints of all pictures, not averaged per picture.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NEAR = 0.1
"""The largest distance that counts as found, as a share of the person's height in the picture."""


class KeypointScore(NamedTuple):
    """How many keypoints count, and how many of them were found in the generated picture."""

    found: int
    counted: int

    @property
    def accuracy(self) -> float:
        """found / counted; nan when no keypoint counts."""
        return self.found / self.counted if self.counted else float("nan")


def near(
    keypoints: NDArray[np.float32],
    visible: NDArray[np.bool_],
    target: NDArray[np.float32],
    height: float,
    share: float = NEAR,
) -> NDArray[np.bool_]:
    """Which of the found `keypoints` (k, 2), where `visible`, lie within `share` x `height` of `target` (k, 2), px."""
    distance = np.linalg.norm(keypoints - target, axis=-1)
    return visible & (distance <= share * height)


def keypoint_score(
    in_generated: NDArray[np.bool_], in_true: NDArray[np.bool_], visible: NDArray[np.bool_]
) -> KeypointScore:
    """The score of one picture: what `near` says of the generated and the true picture, and the label."""
    counted = visible & in_true
    return KeypointScore(int((in_generated & counted).sum()), int(counted.sum()))
