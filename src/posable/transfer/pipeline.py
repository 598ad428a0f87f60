"""PoseTransfer: picture and pose in, picture out. The source is encoded once and drawn in as many poses as wanted.

The picture is letterboxed into the frame that the model works in; the drawing comes back in the picture's own frame
and size.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from posable.detect.parser import ParsingResult, parse
from posable.errors import ImageError, InputError, PoseError, SizeError
from posable.imaging.image import Letterbox, read_image, size_of, to_rgb, to_tensor
from posable.imaging.size import Size
from posable.models.generator import Generator
from posable.parsing.given import as_parsing, labels_in_frame
from posable.pose.pose import Pose, PoseBatch
from posable.pose.pose import retarget as with_proportions_of
from posable.transfer.encoded_source import EncodedSource, device_of
from posable.transfer.pose_lookup import PoseLike, find_pose, resolve_pose
from posable.zoo.checkpoint import load_checkpoint

if TYPE_CHECKING:
    from posable.transfer.patterns import Pattern, PatternLike

Picture = Image.Image | npt.NDArray[np.uint8] | str | os.PathLike[str]
"""PIL image, array uint8 (h, w, 3) RGB, or the path of a picture file."""
_SMALLEST_SIDE = 16


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
        name: str | None = None,
    ) -> EncodedSource:
        """Everything about the source that does not depend on the target pose.

        `source_pose` is detected when it is not given, and so is `source_parsing` (LIP-20 labels; an indexed picture or
        an array of the source's size) by families that need it, and by edits. `size` is the frame to draw in, of the
        proportions of the model's own frame; by default that frame, or its double for pictures that have more pixels
        where the family gains by it (weave copies them). `name` is what errors call the picture; by default its file's.
        Raises ImageError, PoseError, SizeError, InputError, and what `detect_pose` raises.
        """
        picture, name = _as_picture(source), name or _named(source)
        if min(picture.size) < _SMALLEST_SIDE:
            raise ImageError(f"{name} is {size_of(picture)}; give at least {_SMALLEST_SIDE} px a side.")
        letterbox = Letterbox(size_of(picture), self._frame(size_of(picture), size))
        if source_pose is None:
            detection = find_pose(picture, name, tell=self.tell)
            found, people_found = detection.pose, detection.people_found
        else:
            given = resolve_pose(source_pose, letterbox.source, self.tell)
            found, people_found = _in_frame(given, letterbox.source), 1
        image = to_tensor(letterbox.apply(picture))[None].to(device_of(self.generator))
        batch = PoseBatch.from_poses([found.letterboxed(letterbox)]).to(image.device)
        parsing = None if source_parsing is None else as_parsing(source_parsing, size_of(picture))
        if self.generator.needs_parsing:
            parsing = parsing or parse(picture, found)
            labels = labels_in_frame(parsing.labels, letterbox).to(image.device)
        else:
            labels = None
        with torch.inference_mode():
            encoded = self.generator.encode(image, batch, labels)
        return EncodedSource(picture, found, people_found, letterbox, encoded, self.generator, parsing, name)

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
        keep_background: bool = False,
        size: Size | None = None,
    ) -> Image.Image:
        """The source's person with a region of the reference's: "upper", "lower", "dress", "hair", ... of
        `posable.transfer.regions.REGIONS`, or what a mask of the reference's picture says (white on black).

        Drawn in `pose`; without one the person stays as photographed and, with families that have no way of their own
        (weave), pixels away from the region stay the source's own. `strength` 0 changes nothing, 1 is all of it; pose
        and background as for `render`. What depends on one of the two people alone is kept with them when they come
        encoded. Raises InputError when a picture does not show the region, and what `encode` and `render` raise.
        """
        from posable.transfer.edits import dressed

        person = self._encoded(source, source_pose, size)
        other = self._encoded(reference, reference_pose, size, "the other picture")
        target = None if pose is None else self.place(person, pose, retarget=retarget)
        return dressed(person, other, region, target, strength, keep_background)

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
        keep_background: bool = False,
        size: Size | None = None,
    ) -> Image.Image:
        """The source's person with a region made of a pattern: any picture, one of posable's own by name ("plaid",
        "floral", ... of `posable.transfer.patterns.PATTERNS`, in colours that `seed` chooses), or with the folder `dtd`
        a class of the Describable Textures. The mask, if one is given for a region, lies in the source's picture.

        At `scale` 1 a picture is as wide as 0.8 trunks. Pose, strength and background as for `garment`. Raises
        InputError for a region or pattern that is not there, and what `encode` and `render` raise.
        """
        from posable.transfer.edits import textured
        from posable.transfer.patterns import find_pattern

        found = find_pattern(pattern, dtd, seed)
        person = self._encoded(source, source_pose, size)
        target = None if pose is None else self.place(person, pose, retarget=retarget)
        edited = textured(person, found, region, scale, strength)
        if isinstance(edited, Image.Image):
            if target is None:
                return edited
            picture = edited
            edited = person.kept("textured and encoded", picture, lambda: self._encoded_like(person, picture))
        return self.render(edited, target or person.pose, retarget=False, keep_background=keep_background)

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
        from posable.transfer.drawn_people import target_parsing

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
        and the family's own by its names; `posable.transfer.sheet.explain_sheet` puts them on one sheet."""
        from posable.transfer.edits import explained

        person = self._encoded(source, source_pose, size)
        return explained(person, self.place(person, pose, retarget=retarget))

    def _encoded(
        self,
        source: Picture | EncodedSource,
        source_pose: PoseLike | None,
        size: Size | None,
        name: str = "the picture",
    ) -> EncodedSource:
        if isinstance(source, EncodedSource):
            return source
        return self.encode(source, source_pose=source_pose, size=size, name=_named(source, name))

    def _encoded_like(self, person: EncodedSource, picture: Image.Image) -> EncodedSource:
        """Another picture of a person who stands where they stood."""
        size = person.letterbox.target
        return self.encode(picture, source_pose=person.pose, source_parsing=person.parsing, size=size, name=person.name)

    def place(self, encoded: EncodedSource, pose: PoseLike, *, retarget: bool = True) -> Pose:
        """The pose as `render` draws it: in the frame of the source picture."""
        frame = encoded.letterbox.source
        # Retargeting finds the person's place itself, so a pose of a far larger picture will do.
        target = resolve_pose(pose, None if retarget else frame, self.tell)
        placed = with_proportions_of(target, encoded.pose) if retarget else _in_frame(target, frame)
        if not placed.visible.any():
            named = f"'{pose}'" if isinstance(pose, (str, os.PathLike)) else "the pose"
            raise PoseError(f"{named} has no keypoint inside {encoded.name}; give a pose that overlaps it.")
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


def _as_picture(source: Picture) -> Image.Image:
    if isinstance(source, Image.Image):
        return to_rgb(source)
    if isinstance(source, (str, os.PathLike)):
        return read_image(source)
    if source.dtype != np.uint8 or source.ndim != 3 or source.shape[2] != 3 or not source.size:
        raise ImageError(f"the array is {source.dtype} of shape {source.shape}; give uint8 of shape (h, w, 3), RGB.")
    return Image.fromarray(source)


def _named(given: object, otherwise: str = "the picture") -> str:
    return f"'{given}'" if isinstance(given, (str, os.PathLike)) else otherwise


def _in_frame(pose: Pose, frame: Size) -> Pose:
    """The pose's frame fitted into another, as a picture would be."""
    return pose if pose.size == frame else pose.letterboxed(Letterbox(pose.size, frame))
