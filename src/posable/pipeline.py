"""PoseTransfer: picture and pose in, picture out. The source is encoded once and drawn in as many poses as wanted.

The picture is letterboxed into the frame that the model works in; the drawing comes back in the picture's own frame
and size.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageChops, ImageFilter

from posable.checkpoint import load_checkpoint
from posable.errors import ConfigError, ImageError, InputError, PoseError, SizeError
from posable.image import Letterbox, png_bytes, read_image, size_of, to_pil, to_rgb, to_tensor
from posable.models.generator import Generator, Rendering
from posable.parse import ParsingResult, parse
from posable.parse.labels import as_parsing, labels_in_frame
from posable.pose import Pose, PoseBatch
from posable.pose import retarget as with_proportions_of
from posable.pose_drawing import shown_beside
from posable.pose_lookup import PoseLike, find_pose, resolve_pose
from posable.size import Size

if TYPE_CHECKING:
    from posable.editing.patterns import Pattern, PatternLike

Picture = Image.Image | npt.NDArray[np.uint8] | str | os.PathLike[str]
"""PIL image, array uint8 (h, w, 3) RGB, or the path of a picture file."""
# The person's mask is grown by this share of the picture's longer side before the original background is laid over.
_RIM_SHARE = 1 / 100
_SMALLEST_SIDE = 16


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

    @cached_property
    def parsing(self) -> ParsingResult:
        """Which garment or body part each pixel of the picture shows: as given, else as the shipped parser finds it."""
        return self.given_parsing or parse(self.picture, self.pose)

    def draw(self, pose: Pose) -> Rendering:
        """The generator's drawing for a pose in the picture's frame; all in the letterbox's target frame."""
        batch = PoseBatch.from_poses([pose.letterboxed(self.letterbox)])
        with torch.inference_mode():
            return self.generator.render(self.encoded, batch.to(_device_of(self.generator)))

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


class PoseTransfer:
    """Puts the person of a picture into other poses. Made by `from_pretrained`, or from a generator directly.

    `tell` gets a sentence when something should be known that is no error: several people in a photo, a download.
    By default these go to the log of the name "posable".
    """

    def __init__(self, generator: Generator[Any], tell: Callable[[str], None] | None = None) -> None:
        self.generator = generator.eval()
        self.tell = tell or logging.getLogger("posable").warning

    @classmethod
    def from_pretrained(
        cls,
        name_or_folder: str | os.PathLike[str] = "weave",
        device: str | torch.device | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> PoseTransfer:
        """A shipped model by its name, or the model in a folder, on `device`: by default CUDA, MPS or the CPU.

        Raises CheckpointError for a model that cannot be loaded, InputError for a device that is not there.
        """
        generator = load_checkpoint(name_or_folder)
        return cls(generator.to(choose_device(device)), tell)

    def __call__(
        self,
        source: Picture,
        pose: PoseLike,
        *,
        source_pose: PoseLike | None = None,
        retarget: bool = True,
        keep_background: bool = False,
        size: Size | None = None,
    ) -> Image.Image:
        """The source's person in `pose`, as a picture of the source's size; see `encode` and `render`."""
        encoded = self.encode(source, source_pose=source_pose, size=size)
        return self.render(encoded, pose, retarget=retarget, keep_background=keep_background)

    def encode(
        self,
        source: Picture,
        *,
        source_pose: PoseLike | None = None,
        source_parsing: ParsingResult | Image.Image | npt.NDArray[np.uint8] | None = None,
        size: Size | None = None,
    ) -> EncodedSource:
        """Everything about the source that does not depend on the target pose.

        `source_pose` is detected when it is not given, and so is `source_parsing` (LIP-20 labels; an indexed picture or
        an array of the source's size) by families that need it, and by edits. `size` is the frame to draw in, of the
        proportions of the model's own frame; by default that frame, or its double for pictures that have more pixels
        where the family gains by it (weave copies them).
        Raises ImageError, PoseError, SizeError, InputError, and what `detect_pose` raises.
        """
        picture = _as_picture(source)
        if min(picture.size) < _SMALLEST_SIDE:
            raise ImageError(f"the source picture is {size_of(picture)}; give at least {_SMALLEST_SIDE} px a side.")
        letterbox = Letterbox(size_of(picture), self._frame(size_of(picture), size))
        if source_pose is None:
            detection = find_pose(picture, _named(source), tell=self.tell)
            found, people_found = detection.pose, detection.people_found
        else:
            given = resolve_pose(source_pose, letterbox.source, self.tell)
            found, people_found = _in_frame(given, letterbox.source), 1
        image = to_tensor(letterbox.apply(picture))[None].to(_device_of(self.generator))
        batch = PoseBatch.from_poses([found.letterboxed(letterbox)]).to(image.device)
        parsing = None if source_parsing is None else as_parsing(source_parsing, size_of(picture))
        if self.generator.needs_parsing:
            parsing = parsing or parse(picture, found)
            labels = labels_in_frame(parsing.labels, letterbox).to(image.device)
        else:
            labels = None
        with torch.inference_mode():
            encoded = self.generator.encode(image, batch, labels)
        return EncodedSource(picture, found, people_found, letterbox, encoded, self.generator, parsing)

    def render(
        self, encoded: EncodedSource, pose: PoseLike, *, retarget: bool = True, keep_background: bool = False
    ) -> Image.Image:
        """The encoded person in `pose`, as a picture of the source's size.

        `retarget` gives the pose the source person's proportions and place; without it the pose is taken as it lies
        in its own frame, which is fitted into the picture's. With `keep_background`, pixels where neither the source
        person nor the drawn one is are the source's own. Raises PoseError, ImageError, and what `detect_pose` raises.
        """
        target = self.place(encoded, pose, retarget=retarget)
        return encoded.finished(encoded.draw(target), keep_background=keep_background)

    def sequence(
        self,
        encoded: EncodedSource,
        poses: Iterable[PoseLike],
        *,
        retarget: bool = True,
        keep_background: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> Iterator[Image.Image]:
        """`render` for each pose in turn; `progress` is told how many are done."""
        for done, pose in enumerate(poses, start=1):
            yield self.render(encoded, pose, retarget=retarget, keep_background=keep_background)
            if progress is not None:
                progress(done)

    def garment(
        self,
        source: Picture | EncodedSource,
        reference: Picture | EncodedSource,
        region: str | Image.Image | npt.NDArray[np.uint8] = "upper",
        pose: PoseLike | None = None,
        *,
        strength: float = 1.0,
        source_pose: PoseLike | None = None,
        reference_pose: PoseLike | None = None,
        retarget: bool = True,
        size: Size | None = None,
    ) -> Image.Image:
        """The source's person with a region of the reference's: "upper", "lower", "dress", "hair", ... of
        `posable.editing.regions.REGIONS`, or what a mask of the reference's picture says (white on black).

        Drawn in `pose`; without one the person stays as photographed and, with families that have no way of their own
        (weave), pixels away from the region stay the source's own. `strength` 0 changes nothing, 1 is all of it. Raises
        InputError when a picture does not show the region, and what `encode` and `render` raise.
        """
        from posable.editing.edits import dressed

        person = self._encoded(source, source_pose, size)
        other = self._encoded(reference, reference_pose, size)
        target = None if pose is None else self.place(person, pose, retarget=retarget)
        return dressed(person, other, region, target, strength)

    def texture(
        self,
        source: Picture | EncodedSource,
        pattern: PatternLike | Pattern,
        region: str | Image.Image | npt.NDArray[np.uint8] = "upper",
        pose: PoseLike | None = None,
        *,
        scale: float = 1.0,
        strength: float = 1.0,
        seed: int = 0,
        dtd: str | os.PathLike[str] | None = None,
        source_pose: PoseLike | None = None,
        retarget: bool = True,
        size: Size | None = None,
    ) -> Image.Image:
        """The source's person with a region made of a pattern: any picture, one of posable's own by name ("plaid",
        "floral", ... of `posable.editing.patterns.PATTERNS`, in colours that `seed` chooses), or with the folder `dtd`
        a class of the Describable Textures. The mask, if one is given for a region, lies in the source's picture.

        At `scale` 1 a picture is as wide as 0.8 trunks. Pose and strength as for `garment`. Raises InputError for a
        region or pattern that is not there, and what `encode` and `render` raise.
        """
        from posable.editing.edits import textured
        from posable.editing.patterns import find_pattern

        found = find_pattern(pattern, dtd, seed)
        person = self._encoded(source, source_pose, size)
        target = None if pose is None else self.place(person, pose, retarget=retarget)
        edited = textured(person, found, region, scale, strength)
        if isinstance(edited, EncodedSource):
            return self.render(edited, target or person.pose, retarget=False)
        if target is None:
            return edited
        again = self.encode(
            edited, source_pose=person.pose, source_parsing=person.parsing, size=person.letterbox.target
        )
        return self.render(again, target, retarget=False)

    def parse(
        self,
        source: Picture | EncodedSource,
        pose: PoseLike | None = None,
        *,
        source_pose: PoseLike | None = None,
        retarget: bool = True,
        size: Size | None = None,
    ) -> ParsingResult:
        """Which garment or body part each pixel shows, of the source's person as photographed or in `pose`; LIP-20
        labels in the source picture's size. Raises what `encode` and `render` raise."""
        from posable.editing.edits import target_parsing

        person = self._encoded(source, source_pose, size)
        return person.parsing if pose is None else target_parsing(person, self.place(person, pose, retarget=retarget))

    def explain(
        self,
        source: Picture | EncodedSource,
        pose: PoseLike,
        *,
        source_pose: PoseLike | None = None,
        retarget: bool = True,
        size: Size | None = None,
    ) -> dict[str, Image.Image]:
        """Where each part of the drawing for `pose` comes from, as pictures of the source's size: "source", "result",
        and the family's own by its names; `posable.editing.sheet.explain_sheet` puts them on one sheet."""
        from posable.editing.edits import explained

        person = self._encoded(source, source_pose, size)
        return explained(person, self.place(person, pose, retarget=retarget))

    def _encoded(
        self, source: Picture | EncodedSource, source_pose: PoseLike | None, size: Size | None
    ) -> EncodedSource:
        if isinstance(source, EncodedSource):
            return source
        return self.encode(source, source_pose=source_pose, size=size)

    def place(self, encoded: EncodedSource, pose: PoseLike, *, retarget: bool = True) -> Pose:
        """The pose as `render` draws it: in the frame of the source picture."""
        frame = encoded.letterbox.source
        # Retargeting finds the person's place itself, so a pose of a far larger picture will do.
        target = resolve_pose(pose, None if retarget else frame, self.tell)
        placed = with_proportions_of(target, encoded.pose) if retarget else _in_frame(target, frame)
        if not placed.visible.any():
            raise PoseError(f"{_named(pose)} has no keypoint inside the source picture; give a pose that overlaps it.")
        return placed

    def _frame(self, source: Size, wanted: Size | None) -> Size:
        own = self.generator.size
        if wanted is None:
            content = Letterbox(source, own).content
            factor = 2 if source.height > content.height or source.width > content.width else 1
            return Size(own.height * factor, own.width * factor)
        if wanted.height * own.width != wanted.width * own.height or wanted.height < own.height:
            double = Size(own.height * 2, own.width * 2)
            raise SizeError(
                f"{wanted} is no size for this model; give {own} or a multiple of the same shape, such as {double}."
            )
        return wanted


def choose_device(device: str | torch.device | None = None) -> torch.device:
    """The device asked for, or CUDA, MPS or the CPU, whichever is there first; raises InputError."""
    if device is None:
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError):
        raise InputError(f"the device '{device}' is not there on this machine; give cpu, or leave it out.") from None
    return chosen


def _device_of(generator: Generator[Any]) -> torch.device:
    return next(generator.parameters()).device


def _as_picture(source: Picture) -> Image.Image:
    if isinstance(source, Image.Image):
        return to_rgb(source)
    if isinstance(source, (str, os.PathLike)):
        return read_image(source)
    if source.dtype != np.uint8 or source.ndim != 3 or source.shape[2] != 3 or not source.size:
        raise ImageError(f"the array is {source.dtype} of shape {source.shape}; give uint8 of shape (h, w, 3), RGB.")
    return Image.fromarray(source)


def _named(given: object) -> str:
    return f"'{given}'" if isinstance(given, (str, os.PathLike)) else "the one given"


def _in_frame(pose: Pose, frame: Size) -> Pose:
    """The pose's frame fitted into another, as a picture would be."""
    return pose if pose.size == frame else pose.letterboxed(Letterbox(pose.size, frame))


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
