"""The skeleton that every pose in posable has: names of keypoints, limbs between them, mirror images."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Skeleton:
    """Names of keypoints, the limbs between them, and which keypoint is whose mirror image."""

    name: str
    keypoints: tuple[str, ...]
    limbs: tuple[tuple[int, int], ...]

    def index(self, name: str) -> int:
        return self.keypoints.index(name)

    @cached_property
    def mirror(self) -> tuple[int, ...]:
        """For each keypoint the index of its mirror image: left and right swapped."""
        swap = {"left": "right", "right": "left"}
        parts = [name.split("_") for name in self.keypoints]
        return tuple(self.index("_".join([swap.get(part[0], part[0]), *part[1:]])) for part in parts)

    @cached_property
    def mirrored_limbs(self) -> tuple[int, ...]:
        """For each limb the index of its mirror image."""
        ends = [frozenset(limb) for limb in self.limbs]
        return tuple(ends.index(frozenset(self.mirror[k] for k in limb)) for limb in self.limbs)


# fmt: off
OPENPOSE_18 = Skeleton(
    name="openpose-18",
    keypoints=(
        "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
        "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
        "right_eye", "left_eye", "right_ear", "left_ear",
    ),
    limbs=(
        (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13),
        (1, 0), (0, 14), (14, 16), (0, 15), (15, 17), (2, 16), (5, 17),
    ),
)
# fmt: on
"""The field's skeleton; limbs in the order of OpenPose's drawing, which the pose maps of published models follow."""
PALETTE = tuple(colorsys.hsv_to_rgb(step / 18, 1.0, 1.0) for step in range(18))
"""RGB in [0, 1] of each keypoint, and of the limb of the same index, as OpenPose draws them."""
