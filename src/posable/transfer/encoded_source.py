"""A source that is encoded: picture, pose and what the generator made of it, to be drawn in any number of poses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import torch
from PIL import Image, ImageChops, ImageFilter

from posable.detect.parser import ParsingResult, parse
from posable.errors import ConfigError
from posable.imaging.image import Letterbox, png_bytes, to_pil
from posable.models.generator import Generator, Rendering
from posable.pose.drawing import shown_beside
from posable.pose.pose import Pose, PoseBatch

# The person's mask is grown by this share of the picture's longer side before the original background is laid over.
_RIM_SHARE = 1 / 100

Made = TypeVar("Made")


@dataclass(frozen=True, eq=False)
class EncodedSource:
    """A source picture with its pose, encoded; what `PoseTransfer.render` draws from."""

    picture: Image.Image
    """The source as given: RGB, upright."""
    pose: Pose
    """Of the person in it, in the picture's frame."""
    people_found: int
    """How many people the detector saw; 1 when the pose was given."""
    letterbox: Letterbox
    """From the picture's frame to the one that the generator was given."""
    encoded: Any = field(repr=False)
    """The generator's own."""
    generator: Generator[Any] = field(repr=False)
    given_parsing: ParsingResult | None = None
    name: str = "the picture"
    """What errors call it."""
    _kept: dict[str, tuple[object, Any]] = field(default_factory=dict[str, tuple[object, Any]], init=False, repr=False)

    @cached_property
    def parsing(self) -> ParsingResult:
        """Which garment or body part each pixel of the picture shows: as given, else as the shipped parser finds it."""
        return self.given_parsing or parse(self.picture, self.pose)

    def kept(self, what: str, key: object, make: Callable[[], Made]) -> Made:
        """What `make` gives, and the same again until `what` is asked for with another key: of all that edits make of
        a source, the last of each kind stays in memory."""
        found = self._kept.get(what)
        if found is None or (found[0] is not key and found[0] != key):
            found = self._kept[what] = (key, make())
        return found[1]

    def draw(self, pose: Pose) -> Rendering:
        """The generator's drawing for a pose in the picture's frame; all in the letterbox's target frame."""
        batch = PoseBatch.from_poses([pose.letterboxed(self.letterbox)])
        with torch.inference_mode():
            return self.generator.render(self.encoded, batch.to(device_of(self.generator)))

    def finished(self, rendering: Rendering, *, keep_background: bool = False) -> Image.Image:
        """What `draw` gave for one pose, as a picture of the source's size; with `keep_background`, pixels where
        neither the source person nor the drawn one is are the source's own. Raises ConfigError as `person_mask`."""
        drawn = self.letterbox.undo(to_pil(rendering.image[0]))
        return self.on_own_background(drawn, rendering) if keep_background else drawn

    def on_own_background(self, drawn: Image.Image, rendering: Rendering) -> Image.Image:
        """A picture of the source's size where the source person is, or the one of `rendering`; the source's own pixels
        elsewhere. Raises ConfigError as `person_mask`."""
        return _over_original(drawn, self.picture, [self.source_mask, self.person_mask(rendering)])

    def person_mask(self, rendering: Rendering) -> Image.Image:
        """Where the drawn person is, as a grey picture in the source picture's size; raises ConfigError when the
        generator's family draws no mask."""
        if rendering.mask is None:
            raise ConfigError(
                f"the family {self.generator.family} draws no person mask; do without the original background."
            )
        return self._grey(rendering.mask)

    @cached_property
    def source_mask(self) -> Image.Image:
        """Where the source person is: what the generator is sure of, and what it draws for the source's own pose."""
        drawn = self.person_mask(self.draw(self.pose))
        with torch.inference_mode():
            sure = self.generator.source_mask(self.encoded)
        return drawn if sure is None else ImageChops.lighter(self._grey(sure), drawn)

    def _repr_png_(self) -> bytes:
        """The picture with its skeleton beside it, as Jupyter shows it."""
        return png_bytes(shown_beside(self.picture, self.pose))

    def _grey(self, mask: torch.Tensor) -> Image.Image:
        return self.letterbox.undo(to_pil(mask[0].expand(3, -1, -1) * 2 - 1)).getchannel(0)


def device_of(generator: Generator[Any]) -> torch.device:
    return next(generator.parameters()).device


def _over_original(drawn: Image.Image, original: Image.Image, masks: list[Image.Image]) -> Image.Image:
    """The drawn picture where a person is or was, with a soft rim; the original's very pixels elsewhere."""
    reach = max(2, round(max(original.size) * _RIM_SHARE))
    people = masks[0]
    for mask in masks[1:]:
        people = ImageChops.lighter(people, mask)
    # A box as wide as the rim, stretched to reach full strength on the mask's edge: grows and softens in one go.
    spread = people.point([0] * 26 + [255] * 230).filter(ImageFilter.BoxBlur(reach))
    strength = spread.point([min(255, level * 2) for level in range(256)])
    return Image.composite(drawn, original, ImageChops.lighter(strength, people.point([0] * 26 + [255] * 230)))
