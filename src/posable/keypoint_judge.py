"""Whether a detector finds the target pose in generated pictures, judged against what it finds in the true ones."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from posable.data.fixed_pairs import FixedPairs, Progress
from posable.errors import NoPersonError
from posable.image import to_pil
from posable.metrics.keypoint_accuracy import KeypointScore, keypoint_score, near
from posable.pose import Pose

Detector = Callable[[Image.Image], Pose]
"""Finds the largest person's pose in a picture; raises NoPersonError when there is none."""


def blazepose(picture: Image.Image) -> Pose:
    """The pose that `posable.detect` finds with its default detector."""
    from posable.detect import detect_pose

    return detect_pose(picture).pose


class KeypointJudge:
    """Counts keypoints in generated pictures of `pairs`; looks at the true pictures once and remembers what it found.

    A keypoint counts when the label says that it can be seen in the target image and the detector finds it there, at
    most 0.1 of the person's height from the label. It is found when the detector finds it in the generated picture, at
    most that far from the label. The person's height is that of the box around the true person.
    """

    def __init__(self, pairs: FixedPairs, detector: Detector = blazepose) -> None:
        self._pairs = pairs
        self._detector = detector
        self._seen: NDArray[np.bool_] | None = None

    def score(self, index: int, picture: Image.Image) -> KeypointScore:
        """The score of the picture generated for pair `index`."""
        found = self._near_target(index, picture)
        return keypoint_score(found, self._in_true_pictures()[index], self._pairs.target_visible[index])

    def look_at_true_pictures(self, progress: Progress | None = None) -> float:
        """Detects in all true pictures; gives the share of the visible keypoints that the detector finds there."""
        visible = self._pairs.target_visible
        return float((self._in_true_pictures(progress) & visible).sum() / max(visible.sum(), 1))

    def _in_true_pictures(self, progress: Progress | None = None) -> NDArray[np.bool_]:
        if self._seen is not None:
            return self._seen
        rows: list[NDArray[np.bool_]] = []
        for index in range(len(self._pairs)):
            rows.append(self._near_target(index, to_pil(self._pairs[index].target_image[0])))
            if progress is not None:
                progress(index + 1, len(self._pairs))
        self._seen = np.stack(rows)
        return self._seen

    def _near_target(self, index: int, picture: Image.Image) -> NDArray[np.bool_]:
        target = self._pairs.target_keypoints[index, :, :2]
        try:
            pose = self._detector(picture)
        except NoPersonError:
            return np.zeros(len(target), np.bool_)
        rows = np.flatnonzero((self._pairs.target_alpha[index] > 127).any(axis=1))
        height = float(rows[-1] - rows[0] + 1) if len(rows) else float(self._pairs.size.height)
        return near(pose.keypoints, pose.visible, target, height)
