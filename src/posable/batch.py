"""What a generator may see, as a type, and the pair that training and evaluation add the truth to.

`PoseCondition` never holds the target image: a generator that takes one cannot see the ground truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from posable.errors import SizeError
from posable.imaging.image import png_bytes, to_pil
from posable.pose.drawing import shown_pose, side_by_side
from posable.pose.pose import PoseBatch


@dataclass(frozen=True, kw_only=True, eq=False)
class Correspondence:
    """For each cell of a grid over the target image, where the same point of the person's surface is in the source."""

    flow: Tensor
    """Float (n, 2, h, w): x and y in pixels of the full-resolution source image; meaningless where not visible."""
    visible: Tensor
    """Bool (n, 1, h, w): the surface point is seen in the source."""
    foreground: Tensor
    """Bool (n, 1, h, w): the cell shows the person, seen in the source or not."""

    def to(self, device: torch.device | str) -> Correspondence:
        return Correspondence(
            flow=self.flow.to(device), visible=self.visible.to(device), foreground=self.foreground.to(device)
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class PoseCondition:
    """All that a generator is given: one source person each, and the pose to show them in."""

    source_image: Tensor
    """Float (n, 3, h, w) in [-1, 1]."""
    source_pose: PoseBatch
    target_pose: PoseBatch
    source_parsing: Tensor | None = None
    """Uint8 (n, h, w), labels of the LIP-20 scheme."""
    texture: Tensor | None = None
    """Float (n, 3, h, w) in [-1, 1]: a texture for the clothes."""

    def to(self, device: torch.device | str) -> PoseCondition:
        return PoseCondition(
            source_image=self.source_image.to(device),
            source_pose=self.source_pose.to(device),
            target_pose=self.target_pose.to(device),
            source_parsing=_moved(self.source_parsing, device),
            texture=_moved(self.texture, device),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class PersonPair:
    """A condition and the truth: the same person, photographed or rendered in the target pose."""

    condition: PoseCondition
    target_image: Tensor
    """Float (n, 3, h, w) in [-1, 1]."""
    target_parsing: Tensor | None = None
    """Uint8 (n, h, w), labels of the LIP-20 scheme."""
    target_alpha: Tensor | None = None
    """Float (n, 1, h, w) in [0, 1]: how much of each pixel the person covers."""
    correspondence: Correspondence | None = None

    def to(self, device: torch.device | str) -> PersonPair:
        return PersonPair(
            condition=self.condition.to(device),
            target_image=self.target_image.to(device),
            target_parsing=_moved(self.target_parsing, device),
            target_alpha=_moved(self.target_alpha, device),
            correspondence=None if self.correspondence is None else self.correspondence.to(device),
        )

    def _repr_png_(self) -> bytes:
        """Source, target pose and truth of the first pair, as Jupyter shows them."""
        pose = shown_pose(self.condition.target_pose[0])
        return png_bytes(side_by_side([to_pil(self.condition.source_image[0]), pose, to_pil(self.target_image[0])]))

    def __len__(self) -> int:
        return self.target_image.shape[0]


def collate(pairs: Sequence[PersonPair]) -> PersonPair:
    """The pairs one after the other as one batch; an optional part must be there in all of them or in none.

    Raises SizeError when their pictures have different sizes.
    """
    sizes = {tuple(pair.target_image.shape[-2:]) for pair in pairs}
    if len(sizes) != 1:
        found = " and ".join(f"{height}x{width}" for height, width in sorted(sizes)[:2]) or "nothing"
        raise SizeError(f"pictures of one batch need one size, but these have {found}; resize them first.")
    conditions = [pair.condition for pair in pairs]
    return PersonPair(
        condition=PoseCondition(
            source_image=torch.cat([condition.source_image for condition in conditions]),
            source_pose=PoseBatch.concatenated([condition.source_pose for condition in conditions]),
            target_pose=PoseBatch.concatenated([condition.target_pose for condition in conditions]),
            source_parsing=_joined([condition.source_parsing for condition in conditions]),
            texture=_joined([condition.texture for condition in conditions]),
        ),
        target_image=torch.cat([pair.target_image for pair in pairs]),
        target_parsing=_joined([pair.target_parsing for pair in pairs]),
        target_alpha=_joined([pair.target_alpha for pair in pairs]),
        correspondence=_joined_correspondences([pair.correspondence for pair in pairs]),
    )


def _joined_correspondences(parts: Sequence[Correspondence | None]) -> Correspondence | None:
    present = [part for part in parts if part is not None]
    if not present:
        return None
    assert len(present) == len(parts), "some pairs of the batch have a correspondence and some have none"
    return Correspondence(
        flow=torch.cat([part.flow for part in present]),
        visible=torch.cat([part.visible for part in present]),
        foreground=torch.cat([part.foreground for part in present]),
    )


def _joined(parts: Sequence[Tensor | None]) -> Tensor | None:
    present = [part for part in parts if part is not None]
    assert len(present) in (0, len(parts)), "some pairs of the batch have an optional part and some have none"
    return torch.cat(present) if present else None


def _moved(part: Tensor | None, device: torch.device | str) -> Tensor | None:
    return None if part is None else part.to(device)
