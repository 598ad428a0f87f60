"""What every family of pose transfer has in common: encode a source once, render it in many poses."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from jaxtyping import Float
from torch import Tensor, nn

from posable.batch import PoseCondition
from posable.pose import PoseBatch
from posable.size import Size


@dataclass(frozen=True)
class Rendering:
    """What a generator draws for one target pose, in the frame of the target image."""

    image: Float[Tensor, "n 3 h w"]
    """The generated image, RGB in [-1, 1]."""
    mask: Float[Tensor, "n 1 h w"]
    """Where the person is, in [0, 1]."""
    visibility: Float[Tensor, "n 1 h w"]
    """How far each pixel is copied from the source (1) rather than invented (0)."""
    flow: Float[Tensor, "n 2 h w"]
    """For each target pixel the (x, y) of the source pixel that shows the same surface point, in px."""


EncodedT = TypeVar("EncodedT")


class Generator(nn.Module, ABC, Generic[EncodedT]):
    """A family's network. `encode` sees the source alone; `render` adds one target pose per source."""

    family: ClassVar[str]
    size: Size
    """The frame that the network was trained in; sources of other sizes must be multiples of it or letterboxed."""

    @abstractmethod
    def encode(self, source_image: Float[Tensor, "n 3 h w"], source_pose: PoseBatch) -> EncodedT:
        """Everything about the source that does not depend on the target pose."""

    @abstractmethod
    def render(self, encoded: EncodedT, target_pose: PoseBatch) -> Rendering:
        """Draws the encoded people in `target_pose` (one pose per encoded person)."""

    @abstractmethod
    def source_mask(self, encoded: EncodedT) -> Float[Tensor, "n 1 h w"]:
        """Where the source person is sure to be, in [0, 1]; the mask drawn for the source's own pose adds the rest."""

    def forward(self, condition: PoseCondition) -> Rendering:
        return self.render(self.encode(condition.source_image, condition.source_pose), condition.target_pose)
