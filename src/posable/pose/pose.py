"""Poses: named keypoints of one person in the frame of a picture; needs NumPy only (PoseBatch needs torch).

Points are (x, y) in pixels; the centre of the top-left pixel is (0.5, 0.5), so a frame spans [0, width] x [0, height]
and a flip is x -> width - x. Hidden keypoints have a mask; their stored coordinates are 0 and mean nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from posable.errors import PoseError, SizeError
from posable.imaging.size import Size
from posable.pose.proportions import placed_like, stature, with_proportions_of
from posable.pose.skeleton import OPENPOSE_18, Skeleton
from posable.pose.svg import shown_skeleton

if TYPE_CHECKING:
    import torch
    from jaxtyping import Bool, Float
    from torch import Tensor

__all__ = ["OPENPOSE_18", "Pose", "PoseBatch", "Skeleton", "retarget"]

FAR_OUTSIDE_FRAMES = 2.0
"""A keypoint further outside than this many frame sizes is a mistake in the file rather than a cropped person."""

_EDGE_TOLERANCE_PX = 0.01


@dataclass(frozen=True, eq=False)
class Pose:
    """One person's keypoints in the frame of a picture: float32 (18, 2) x and y in px, bool (18,), and the frame.

    Raises PoseError for wrong shapes and for visible keypoints that are not finite. `Pose.checked` is the
    constructor for data from outside, where more can be wrong.
    """

    keypoints: npt.NDArray[np.float32]
    visible: npt.NDArray[np.bool_]
    size: Size

    def __post_init__(self) -> None:
        count = len(OPENPOSE_18.keypoints)
        visible = np.array(self.visible, dtype=np.bool_)
        keypoints = np.array(self.keypoints, dtype=np.float32)
        if keypoints.shape != (count, 2) or visible.shape != (count,):
            raise PoseError(
                f"a pose has keypoints ({count}, 2) and a mask ({count},), not {keypoints.shape} and {visible.shape}; "
                "convert other skeletons with the readers in posable.pose.files."
            )
        keypoints[~visible] = 0
        if not np.isfinite(keypoints).all():
            raise PoseError("a visible keypoint has a coordinate that is not a finite number; mark it hidden instead.")
        keypoints.setflags(write=False)
        visible.setflags(write=False)
        object.__setattr__(self, "keypoints", keypoints)
        object.__setattr__(self, "visible", visible)
        object.__setattr__(self, "size", Size(*self.size))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Pose):
            return NotImplemented
        same_mask = np.array_equal(self.visible, other.visible)
        return self.size == other.size and same_mask and np.array_equal(self.keypoints, other.keypoints)

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def checked(
        cls, keypoints: npt.ArrayLike, visible: npt.ArrayLike, size: Size, *, origin: str, may_be_empty: bool = False
    ) -> Pose:
        """The pose, after the checks that data from outside needs; keypoints outside the frame become hidden.

        Raises PoseError, naming `origin`, when a visible keypoint is not finite or lies more than two frame sizes
        outside, and, unless `may_be_empty`, when no keypoint is left in the frame.
        """
        points = np.array(keypoints, dtype=np.float64)
        known = np.array(visible, dtype=np.bool_)
        if min(size) < 1:
            raise PoseError(f"{origin} has a frame of {size}; it needs at least one pixel a side.")
        for name, (x, y), is_known in zip(OPENPOSE_18.keypoints, points, known, strict=True):
            if not is_known:
                continue
            if not (np.isfinite(x) and np.isfinite(y)):
                raise PoseError(f"{origin} has a {name} that is not a number ({x}, {y}); mark it missing instead.")
            excess = max(-x / size.width, x / size.width - 1, -y / size.height, y / size.height - 1)
            if excess > FAR_OUTSIDE_FRAMES:
                raise PoseError(
                    f"{origin} has its {name} at ({x:.0f}, {y:.0f}), far outside its frame of {size}; "
                    "check the points and the frame size."
                )
        pose = cls(points.astype(np.float32), known, size).within_frame()
        if not (may_be_empty or pose.visible.any()):
            what = "all its points outside the frame" if known.any() else "all its keypoints hidden"
            raise PoseError(f"{origin} has {what}; give a pose with at least one visible keypoint.")
        return pose

    def resize(self, size: Size) -> Pose:
        """The pose in the same picture scaled to another size."""
        scale = np.array([size.width / self.size.width, size.height / self.size.height], np.float32)
        return Pose(self.keypoints * scale, self.visible, size)

    def crop(self, left: float, top: float, size: Size) -> Pose:
        """The pose in a window of the picture; keypoints outside the window become hidden."""
        return Pose(self.keypoints - np.array([left, top], np.float32), self.visible, size).within_frame()

    def flip(self) -> Pose:
        """The pose in the mirrored picture: x -> width - x, left and right names swapped."""
        mirror = list(OPENPOSE_18.mirror)
        keypoints = self.keypoints[mirror]
        keypoints[:, 0] = self.size.width - keypoints[:, 0]
        return Pose(keypoints, self.visible[mirror], self.size)

    def named(self) -> dict[str, tuple[float, float]]:
        """The visible keypoints by name."""
        points = zip(OPENPOSE_18.keypoints, self.keypoints, self.visible, strict=True)
        return {name: (float(xy[0]), float(xy[1])) for name, xy, seen in points if seen}

    @classmethod
    def from_named(cls, points: Mapping[str, Sequence[float]], size: Size) -> Pose:
        """The pose with these keypoints and no others; the inverse of `named`."""
        unknown = sorted(set(points) - set(OPENPOSE_18.keypoints))
        if unknown:
            raise PoseError(f"'{unknown[0]}' is no keypoint; the names are {', '.join(OPENPOSE_18.keypoints)}.")
        keypoints = [tuple(points.get(name, (0.0, 0.0))) for name in OPENPOSE_18.keypoints]
        return cls(np.array(keypoints, np.float32), np.array([name in points for name in OPENPOSE_18.keypoints]), size)

    def within_frame(self) -> Pose:
        """Hides keypoints outside the frame; rounding noise at its edge is forgiven and clamped."""
        limit = np.array([self.size.width, self.size.height], np.float32)
        inside = ((self.keypoints >= -_EDGE_TOLERANCE_PX) & (self.keypoints <= limit + _EDGE_TOLERANCE_PX)).all(-1)
        return Pose(np.clip(self.keypoints, 0, limit), self.visible & inside, self.size)

    def _repr_svg_(self) -> str:
        """The skeleton, as Jupyter shows it."""
        return shown_skeleton(self.keypoints, self.visible, self.size)


def retarget(target: Pose, source: Pose, *, clip: bool = True) -> Pose:
    """The target pose as the source person would take it: the source's limb proportions, size and place.

    Limbs keep the target's directions and its foreshortening. When both show the feet, the lowest ankle stays at the
    source's height and the hips stay in place; else the neck stays. Points that fall outside the source's frame are
    shifted in sideways where that is possible, and hidden otherwise, unless `clip` is off; the person is drawn smaller
    only when the trunk, the head or the legs that the source shows would not fit, as when a crouching person gets up.
    Raises PoseError when one of the poses shows no limb to take a size from.
    """
    for pose, role in ((target, "target"), (source, "source")):
        if stature(pose.keypoints, pose.visible) is None:
            raise PoseError(
                f"the {role} pose shows no limb with both its ends, so it tells no body size; "
                "give a pose with more keypoints, or turn retargeting off."
            )
    points = with_proportions_of(target.keypoints, target.visible, source.keypoints, source.visible)
    placed = placed_like(points, target.visible, source.keypoints, source.visible, source.size)
    whole = Pose(placed.astype(np.float32), target.visible, source.size)
    return whole.within_frame() if clip else whole


@dataclass(frozen=True, eq=False)
class PoseBatch:
    """Poses in frames of one size, as tensors: float (n, 18, 2) x and y in px and bool (n, 18) on the same device."""

    keypoints: Float[Tensor, "n 18 2"]
    visible: Bool[Tensor, "n 18"]
    size: Size

    @classmethod
    def from_poses(cls, poses: Sequence[Pose]) -> PoseBatch:
        """The poses as one batch, on the CPU; raises SizeError when their frames differ."""
        import torch  # Here alone, so that the renderer of synthetic people runs without torch.

        sizes = sorted({pose.size for pose in poses})
        if len(sizes) != 1:
            found = " and ".join(str(size) for size in sizes[:2]) or "nothing"
            raise SizeError(f"poses of one batch need frames of one size, but these have {found}; resize them first.")
        keypoints = torch.from_numpy(np.stack([pose.keypoints for pose in poses]))
        return cls(keypoints, torch.from_numpy(np.stack([pose.visible for pose in poses])), sizes[0])

    @classmethod
    def concatenated(cls, batches: Sequence[PoseBatch]) -> PoseBatch:
        """The batches one after the other; raises SizeError when their frames differ."""
        import torch

        sizes = {batch.size for batch in batches}
        if len(sizes) != 1:
            raise SizeError("pose batches can be joined only when their frames have one size; resize them first.")
        keypoints = torch.cat([batch.keypoints for batch in batches])
        return cls(keypoints, torch.cat([batch.visible for batch in batches]), batches[0].size)

    def __len__(self) -> int:
        return self.keypoints.shape[0]

    def __getitem__(self, index: int) -> Pose:
        keypoints: Any = self.keypoints[index].detach().cpu().numpy()
        visible: Any = self.visible[index].cpu().numpy()
        return Pose(keypoints, visible, self.size)

    def resize(self, size: Size) -> PoseBatch:
        """The poses in the same pictures scaled to another size."""
        scale = self.keypoints.new_tensor([size.width / self.size.width, size.height / self.size.height])
        return PoseBatch(self.keypoints * scale, self.visible, size)

    def flip(self) -> PoseBatch:
        """The poses in the mirrored pictures, as `Pose.flip`."""
        mirror = list(OPENPOSE_18.mirror)
        visible = self.visible[:, mirror]
        keypoints = self.keypoints[:, mirror] * self.keypoints.new_tensor([-1, 1])
        keypoints = (keypoints + self.keypoints.new_tensor([self.size.width, 0])) * visible[..., None]
        return PoseBatch(keypoints, visible, self.size)

    def to(self, device: torch.device | str) -> PoseBatch:
        return PoseBatch(self.keypoints.to(device), self.visible.to(device), self.size)
