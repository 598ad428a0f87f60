"""PoseTransfer: picture and pose in, picture out. The source is encoded once and drawn in as many poses as wanted.

The generator says which frame it works in; the drawing comes back in the picture's own frame and size.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from posable.defaults import DEFAULT_MODEL
from posable.detect import Detection
from posable.errors import ImageError, InputError, SizeError
from posable.imaging.frame import Frame
from posable.imaging.image import read_image, size_of, to_rgb
from posable.imaging.size import Size
from posable.models.generator import Generator
from posable.parsing.given import as_parsing, read_labels
from posable.parsing.result import ParsingResult
from posable.transfer.background import Background
from posable.transfer.encoded_source import EncodedSource, RegionLike
from posable.transfer.messages import Tell, to_log
from posable.transfer.patterns import Pattern, PatternLike
from posable.transfer.pose_lookup import PoseLike, find_pose, resolve_pose
from posable.zoo.checkpoint import load_checkpoint

Picture = Image.Image | npt.NDArray[np.uint8] | str | os.PathLike[str]
"""PIL image, array uint8 (h, w, 3) RGB, or the path of a picture file."""
_SMALLEST_SIDE = 16


class PoseTransfer:
    """Puts the person of a picture into other poses. Made by `from_pretrained`, or from a generator directly.

    `tell` gets a sentence when something should be known that is no error: several people in a photo, a download.
    By default these go to the log of the name "posable".
    """

    def __init__(self, generator: Generator[Any], tell: Tell | None = None) -> None:
        self.generator = generator.eval()
        self.tell = tell or to_log

    @classmethod
    def from_pretrained(
        cls,
        name_or_folder: str | os.PathLike[str] = DEFAULT_MODEL,
        device: str | torch.device | None = None,
        tell: Tell | None = None,
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
        background: Background | None = None,
        size: Size | None = None,
    ) -> Image.Image:
        """The source's person in `pose`, as a picture of the source's size: `encode`, then `EncodedSource.render`."""
        return self.encode(source, source_pose=source_pose, size=size).render(
            pose, retarget=retarget, background=background
        )

    def encode(
        self,
        source: Picture | list[Picture],
        *,
        source_pose: PoseLike | Detection | None = None,
        source_parsing: ParsingResult | Image.Image | npt.NDArray[np.uint8] | None = None,
        size: Size | None = None,
        name: str | None = None,
    ) -> EncodedSource:
        """Everything about the source that does not depend on the target pose, and what can be done with it.

        `source_pose` is detected when it is not given; a `Detection` of this picture may be given, too. So is
        `source_parsing` (LIP-20 labels; an indexed picture or an array of the source's size) by families that need it,
        and by edits. `size` is the frame to draw in, of the proportions of the model's own frame; by default what the
        family asks for, which shows a window around people who are small in the picture. `name` is what errors call
        the picture; by default its file's.
        A list of pictures is one person in several photographs: the first is the one that is drawn, poses, parsing and
        size are its own, and the others fill what it hides (puppet alone).
        Raises ImageError, PoseError, SizeError, InputError, and what `detect_pose` raises.
        """
        if isinstance(source, list):
            return self._encoded_together(source, source_pose, source_parsing, size, name)
        picture, name = _as_picture(source), name or _named(source)
        if min(picture.size) < _SMALLEST_SIDE:
            raise ImageError(f"{name} is {size_of(picture)}; give at least {_SMALLEST_SIDE} px a side.")
        asked = None if size is None else self._checked(size)
        if source_pose is None:
            source_pose = find_pose(picture, name, tell=self.tell)
        if isinstance(source_pose, Detection):
            found, people_found = source_pose.pose, source_pose.people_found
            detected: Detection | None = source_pose
        else:
            given = resolve_pose(source_pose, size_of(picture), self.tell)
            found, people_found = Frame.letterbox(given.size, size_of(picture)).pose(given), 1
            detected = None
        encoded = EncodedSource(
            picture=picture,
            pose=found,
            generator=self.generator,
            frame=self.generator.frame_for(size_of(picture), found, size=asked),
            people_found=people_found,
            found=detected,
            given_parsing=None if source_parsing is None else as_parsing(source_parsing, size_of(picture)),
            name=name,
            tell=self.tell,
        )
        for sentence in self.generator.notes(encoded.encoded):
            self.tell(f"{name}: {sentence}")
        return encoded

    def _encoded_together(
        self,
        pictures: list[Picture],
        source_pose: PoseLike | Detection | None,
        source_parsing: ParsingResult | Image.Image | npt.NDArray[np.uint8] | None,
        size: Size | None,
        name: str | None,
    ) -> EncodedSource:
        if not pictures:
            raise InputError("there is no picture in the list; give at least one.")
        first = self.encode(pictures[0], source_pose=source_pose, source_parsing=source_parsing, size=size, name=name)
        return replace(first, others=tuple(self.encode(other) for other in pictures[1:]))

    def render(
        self, encoded: EncodedSource, pose: PoseLike, *, retarget: bool = True, background: Background | None = None
    ) -> Image.Image:
        """`EncodedSource.render`."""
        return encoded.render(pose, retarget=retarget, background=background)

    def garment(
        self,
        source: Picture | EncodedSource,
        reference: Picture | EncodedSource,
        region: RegionLike = "upper",
        pose: PoseLike | None = None,
        *,
        strength: float = 1.0,
        source_pose: PoseLike | None = None,
        reference_pose: PoseLike | None = None,
        retarget: bool = True,
        background: Background | None = None,
        size: Size | None = None,
    ) -> Image.Image:
        """`EncodedSource.dressed_from` of two pictures in one call."""
        person = self._encoded(source, source_pose, size)
        wearer = self._encoded(reference, reference_pose, size, "the other picture")
        return person.dressed_from(wearer, region, pose, strength=strength, retarget=retarget, background=background)

    def texture(
        self,
        source: Picture | EncodedSource,
        pattern: PatternLike | Pattern,
        region: RegionLike = "upper",
        pose: PoseLike | None = None,
        *,
        scale: float = 1.0,
        strength: float = 1.0,
        seed: int = 0,
        dtd: str | os.PathLike[str] | None = None,
        source_pose: PoseLike | None = None,
        retarget: bool = True,
        background: Background | None = None,
        size: Size | None = None,
    ) -> Image.Image:
        """`EncodedSource.textured` of a picture, drawn in `pose` or shown as photographed, in one call."""
        person = self._encoded(source, source_pose, size)
        edited = person.textured(pattern, region, scale=scale, strength=strength, seed=seed, dtd=dtd)
        if pose is None:
            return edited.as_photographed(background=background)
        return edited.render(pose, retarget=retarget, background=background)

    def paint(
        self,
        source: Picture | EncodedSource,
        parsing: ParsingResult | Image.Image | npt.NDArray[np.uint8] | str | os.PathLike[str],
        pose: PoseLike | None = None,
        *,
        source_pose: PoseLike | None = None,
        retarget: bool = True,
        background: Background | None = None,
        size: Size | None = None,
    ) -> Image.Image:
        """`EncodedSource.painted` of a picture into a parsing map (also the file of one), in one call."""
        regions = read_labels(parsing) if isinstance(parsing, (str, os.PathLike)) else parsing
        person = self._encoded(source, source_pose, size)
        return person.painted(regions, pose, retarget=retarget, background=background)

    def parse(
        self,
        source: Picture | EncodedSource,
        pose: PoseLike | None = None,
        *,
        source_pose: PoseLike | None = None,
        retarget: bool = True,
        size: Size | None = None,
    ) -> ParsingResult:
        """`EncodedSource.parsed` of a picture in one call."""
        return self._encoded(source, source_pose, size).parsed(pose, retarget=retarget)

    def explain(
        self,
        source: Picture | EncodedSource,
        pose: PoseLike,
        *,
        source_pose: PoseLike | None = None,
        retarget: bool = True,
        size: Size | None = None,
    ) -> dict[str, Image.Image]:
        """`EncodedSource.explain` of a picture in one call."""
        return self._encoded(source, source_pose, size).explain(pose, retarget=retarget)

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

    def _checked(self, wanted: Size) -> Size:
        own = self.generator.size
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
