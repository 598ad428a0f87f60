"""Families whose network works in a frame of its own: the settings of that frame, and generators that place pictures,
poses and parsing maps in it."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Generic, TypeVar

from jaxtyping import Float, UInt8
from torch import Tensor

from posable.batch import PersonPair
from posable.errors import ConfigError, InputError
from posable.imaging.frame import Frame
from posable.imaging.size import Size
from posable.models.generator import EncodedT, Generator
from posable.models.network_frame import at_least, shrinking, stretching
from posable.nn.soft_parsing import one_hot_regions
from posable.parsing.schemes import ParsingLabels
from posable.pose.pose import PoseBatch

# ---- settings


@dataclass(frozen=True, kw_only=True)
class FramedConfig(ABC):
    height: int = 256
    """Height of the pictures in px."""
    width: int = 176
    network_height: int = 256
    """Height of the frame that the network works in."""
    network_width: int = 256

    @property
    @abstractmethod
    def multiple(self) -> int:
        """What the sides of the network's frame are padded to multiples of."""

    @abstractmethod
    def frame(self, picture: Size) -> Frame:
        """Where a picture of any size lies in the network's frame."""

    @property
    def size(self) -> Size:
        return Size(self.height, self.width)

    @property
    def network_size(self) -> Size:
        return Size(self.network_height, self.network_width)


@dataclass(frozen=True, kw_only=True)
class StretchedConfig(FramedConfig):
    """Pictures are stretched to the network's frame, and what is drawn shrunk back."""

    def frame(self, picture: Size) -> Frame:
        return stretching(picture, self.size, self.network_size, self.multiple)

    def check_sizes(self, family: str, least: int, remedy: str = "give larger ones") -> None:
        """Raises ConfigError for a side of less than `least` px."""
        if min(*self.size, *self.network_size) < least:
            raise ConfigError(
                f"{family}'s sizes ({self.size}, {self.network_size} inside) must be at least {least} px a side; "
                f"{remedy}."
            )


@dataclass(frozen=True, kw_only=True)
class InlaidConfig(FramedConfig):
    """Pictures are laid in the middle of the network's frame; those of k times the size and more are shrunk k times."""

    def frame(self, picture: Size) -> Frame:
        return at_least(shrinking(picture, self.size, self.multiple), self.network_size)

    def check_sizes(self, family: str) -> None:
        """Raises ConfigError for a frame that is off the network's grid or smaller than the pictures."""
        if self.network_height % self.multiple or self.network_width % self.multiple:
            raise ConfigError(f"{family}'s network frame is {self.network_size}; give multiples of {self.multiple}.")
        if min(self.size) < 1 or self.network_height < self.height or self.network_width < self.width:
            raise ConfigError(
                f"{family} lays pictures of {self.size} into a frame of {self.network_size}, which is too small; give "
                "at least the pictures' size."
            )


# ---- generators

ConfigT = TypeVar("ConfigT", bound=FramedConfig)


class FramedGenerator(Generator[EncodedT], Generic[ConfigT, EncodedT]):
    def __init__(self, config: ConfigT) -> None:
        super().__init__()
        self.config = config
        self.size = config.size

    def frame(self, picture: Size) -> Frame:
        return self.config.frame(picture)

    @abstractmethod
    def pose_maps(self, frame: Frame, pose: PoseBatch) -> Float[Tensor, "n k H W"]:
        """Poses as the network sees them, drawn in its frame."""


class PoseGuidedGenerator(FramedGenerator[ConfigT, EncodedT]):
    """Sees the source's picture and pose."""

    @abstractmethod
    def encode_maps(
        self, image: Float[Tensor, "n 3 H W"], pose_maps: Float[Tensor, "n k H W"], frame: Frame
    ) -> EncodedT:
        """`encode`, of a picture and maps that are in the network's frame."""

    def encode(
        self,
        source_image: Float[Tensor, "n 3 h w"],
        source_pose: PoseBatch,
        source_parsing: UInt8[Tensor, "n h w"] | None = None,
    ) -> EncodedT:
        frame = self.frame(Size(source_image.shape[-2], source_image.shape[-1]))
        return self.encode_maps(frame.image(source_image), self.pose_maps(frame, source_pose), frame)


class ParsingGuidedGenerator(FramedGenerator[ConfigT, EncodedT]):
    """Sees the source's picture, pose and parsing map."""

    needs_parsing = True
    parsing_labels: ParsingLabels  # pyright: ignore[reportIncompatibleVariableOverride]  (always one)
    """The scheme that the network knows; maps come in LIP-20 labels."""

    @abstractmethod
    def encode_maps(
        self,
        image: Float[Tensor, "n 3 H W"],
        regions: Float[Tensor, "n classes H W"],
        pose_maps: Float[Tensor, "n k H W"],
        frame: Frame,
    ) -> EncodedT:
        """`encode`, of a picture, one-hot regions and maps that are in the network's frame."""

    def encode(
        self,
        source_image: Float[Tensor, "n 3 h w"],
        source_pose: PoseBatch,
        source_parsing: UInt8[Tensor, "n h w"] | None = None,
    ) -> EncodedT:
        """Raises InputError without a parsing map."""
        if source_parsing is None:
            raise InputError(
                f"{self.family} needs the source's parsing map; give one in LIP-20 labels, or take another family."
            )
        frame = self.frame(Size(source_image.shape[-2], source_image.shape[-1]))
        regions = self.regions_of(frame, source_parsing)
        return self.encode_maps(frame.image(source_image), regions, self.pose_maps(frame, source_pose), frame)

    def regions_of(self, frame: Frame, parsing: UInt8[Tensor, "n h w"]) -> Float[Tensor, "n classes H W"]:
        """A map in LIP-20 labels as one-hot regions of the network's classes, in its frame."""
        return one_hot_regions(frame, parsing, self.parsing_labels)

    def shares(self, frame: Frame, regions: Float[Tensor, "n classes H W"]) -> Float[Tensor, "n classes h w"]:
        """What the network finds for each class in its frame, not below 0, as shares of each place of the picture."""
        undone = frame.image_back(regions).clamp_min(1e-6)
        return undone / undone.sum(1, keepdim=True)

    def true_regions(self, frame: Frame, batch: PersonPair) -> Float[Tensor, "n classes H W"]:
        """What the network should predict for the targets; raises InputError for pairs without a target parsing map."""
        if batch.target_parsing is None:
            raise InputError(f"{self.family} learns from the target's parsing map; give pairs that have one.")
        return self.regions_of(frame, batch.target_parsing)
