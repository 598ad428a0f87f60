"""What every family of pose transfer has in common: encode a source once, render it in many poses."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from jaxtyping import Float, UInt8
from torch import Tensor, nn

from posable.batch import PoseCondition
from posable.errors import InputError
from posable.imaging.frame import Frame
from posable.imaging.image import png_bytes, to_pil
from posable.imaging.size import Size
from posable.models.cues import SourceCues
from posable.models.person_window import window_around
from posable.parsing.schemes import ParsingLabels
from posable.pose.drawing import side_by_side
from posable.pose.pose import Pose, PoseBatch


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
ValueT = TypeVar("ValueT")


class PerPerson(tuple[ValueT, ...]):
    """A part of an encoding that is no tensor: one value for each person of the batch, in order."""

    __slots__ = ()


_FACTOR_TOLERANCE = 0.05
_CROPPED_FROM = 1.15
"""How much larger a window must show the person than the whole picture does."""


class Generator(nn.Module, ABC, Generic[EncodedT]):
    """A family's network. `encode` sees the source alone; `render` adds one target pose per source."""

    family: ClassVar[str]
    needs_parsing: ClassVar[bool] = False
    """Whether `encode` must be given the source's parsing map."""
    needs_cues: ClassVar[bool] = False
    """Whether `encode_with_cues` is to be called with what can be found in the photograph besides."""
    sees_outside: ClassVar[bool] = False
    """Whether keypoints outside the frame help: a limb that leaves the picture is a limb, not a hidden one."""
    largest_factor: ClassVar[int] = 1
    """How many times `size`, a side, a picture that has the pixels is drawn at. More than 1 where pixels are copied:
    they stay as sharp as they were."""
    parsing_labels: ParsingLabels | None = None
    """The scheme of the parsing maps that it predicts; None from a family that predicts none."""
    config: Any
    """The frozen config that it was built from."""
    size: Size
    """Of the frame that the network was trained in."""

    def frame_for(self, picture: Size, *people: Pose, size: Size | None = None) -> Frame:
        """The frame in which the network draws a picture's person, who has all of `people`, the source pose and the
        target pose where it is known, in the picture's frame. Pipeline, evaluation, editing and the studio all ask
        here, so one photo gives one picture.

        Without poses it is the whole picture; with poses a window around them, where that makes the person larger than
        the whole picture would in the size of the network's training. `size` is the frame's where it is given.
        """
        frame = Frame.letterbox(picture, self.size)
        if people and min(frame.scale) < 1:
            near = Frame.letterbox(picture, self.size, window_around(people, picture, self.size))
            if near.scale[1] > _CROPPED_FROM * frame.scale[1]:
                frame = near
        if size is not None:
            return frame.with_size(size)
        factor = min(self.largest_factor, max(1, math.ceil(1 / float(min(frame.scale)) - _FACTOR_TOLERANCE)))
        return frame if factor == 1 else frame.with_size(Size(self.size.height * factor, self.size.width * factor))

    @abstractmethod
    def encode(
        self,
        source_image: Float[Tensor, "n 3 h w"],
        source_pose: PoseBatch,
        source_parsing: UInt8[Tensor, "n h w"] | None = None,
    ) -> EncodedT:
        """Everything about the source that does not depend on the target pose. The parsing map has LIP-20 classes;
        families that do not need it ignore it."""

    def encode_with_cues(
        self,
        source_image: Float[Tensor, "n 3 h w"],
        source_pose: PoseBatch,
        source_parsing: UInt8[Tensor, "n h w"] | None,
        cues: SourceCues,
    ) -> EncodedT:
        """`encode`, for families that draw better when they know the person's matte and depth."""
        return self.encode(source_image, source_pose, source_parsing)

    @abstractmethod
    def render(self, encoded: EncodedT, target_pose: PoseBatch) -> Rendering:
        """Draws the encoded people in `target_pose` (one pose per encoded person)."""

    def render_together(self, views: Sequence[EncodedT], target_pose: PoseBatch) -> Rendering:
        """One person, encoded from several photographs, in a pose of the first one's frame: what one photograph hides,
        another may show. Raises InputError for a family that draws from one photograph alone."""
        raise InputError(
            f"the family {self.family} draws from one photograph; give one, or take the model puppet, which joins more."
        )

    def notes(self, encoded: EncodedT) -> tuple[str, ...]:
        """What somebody should know of the first source before trusting pictures of it, as sentences; often nothing."""
        return ()

    def facts(self, encoded: EncodedT) -> dict[str, float]:
        """What is known of the first source in numbers, for programs; empty from a family that measures nothing."""
        return {}

    def source_mask(self, encoded: EncodedT) -> Float[Tensor, "n 1 h w"] | None:
        """Where the source person certainly is, in [0, 1]; the mask drawn for the source's own pose adds the rest.
        None from a family that finds no mask."""
        return None

    def forward(self, condition: PoseCondition) -> Rendering:
        encoded = self.encode(condition.source_image, condition.source_pose, condition.source_parsing)
        return self.render(encoded, condition.target_pose)
