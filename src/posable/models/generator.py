"""What every family of pose transfer has in common: encode a source once, render it in many poses."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from jaxtyping import Float, UInt8
from torch import Tensor, nn

from posable.batch import PoseCondition
from posable.imaging.image import png_bytes, to_pil
from posable.imaging.size import Size
from posable.pose.drawing import side_by_side
from posable.pose.pose import PoseBatch


@dataclass(frozen=True)
class Rendering:
    """What a generator draws for one target pose, in the frame of the target image. What a family does not predict is
    None."""

    image: Float[Tensor, "n 3 h w"]
    """The generated image, RGB in [-1, 1]."""
    mask: Float[Tensor, "n 1 h w"] | None = None
    """Where the person is, in [0, 1]."""
    visibility: Float[Tensor, "n 1 h w"] | None = None
    """How far each pixel is copied from the source (1) rather than invented (0)."""
    flow: Float[Tensor, "n 2 h w"] | None = None
    """For each target pixel the (x, y) of the source pixel that shows the same surface point, in px."""
    parsing: Float[Tensor, "n classes h w"] | None = None
    """The predicted target parsing map: a share for each class of the family's `parsing_labels`, summing to 1."""

    def _repr_png_(self) -> bytes:
        """The images from left to right, as Jupyter shows them."""
        return png_bytes(side_by_side([to_pil(image) for image in self.image]))


EncodedT = TypeVar("EncodedT")


class Generator(nn.Module, ABC, Generic[EncodedT]):
    """A family's network. `encode` sees the source alone; `render` adds one target pose per source."""

    family: ClassVar[str]
    needs_parsing: ClassVar[bool] = False
    """Whether `encode` must be given the source's parsing map."""
    draws_larger: ClassVar[bool] = False
    """Whether pictures larger than `size` are drawn better at its double: true where pixels are copied."""
    size: Size
    """The frame that the network was trained in; sources of other sizes must be multiples of it or letterboxed."""

    @abstractmethod
    def encode(
        self,
        source_image: Float[Tensor, "n 3 h w"],
        source_pose: PoseBatch,
        source_parsing: UInt8[Tensor, "n h w"] | None = None,
    ) -> EncodedT:
        """Everything about the source that does not depend on the target pose. The parsing map has LIP-20 classes;
        families that do not need it ignore it."""

    @abstractmethod
    def render(self, encoded: EncodedT, target_pose: PoseBatch) -> Rendering:
        """Draws the encoded people in `target_pose` (one pose per encoded person)."""

    def source_mask(self, encoded: EncodedT) -> Float[Tensor, "n 1 h w"] | None:
        """Where the source person is sure to be, in [0, 1]; the mask drawn for the source's own pose adds the rest.
        None from a family that finds no mask."""
        return None

    def forward(self, condition: PoseCondition) -> Rendering:
        encoded = self.encode(condition.source_image, condition.source_pose, condition.source_parsing)
        return self.render(encoded, condition.target_pose)
