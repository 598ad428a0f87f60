"""A source that is encoded, and all that can be done with the person in it: other poses, garments, textures, a look
into the network."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from posable.body.fit import turned_pose
from posable.errors import PoseError
from posable.imaging.frame import Frame
from posable.parsing.result import ParsingResult
from posable.pose.pose import Pose
from posable.pose.pose import retarget as with_proportions_of
from posable.transfer.background import Background, checked_background
from posable.transfer.drawable import DrawablePerson
from posable.transfer.drawn_people import target_parsing
from posable.transfer.edits import dressed, explained, painted, textured
from posable.transfer.messages import Tell, to_log
from posable.transfer.patterns import PatternLike, find_pattern
from posable.transfer.pose_lookup import PoseLike, Turn, resolve_pose

if TYPE_CHECKING:
    from posable.transfer.patterns import Pattern

RegionLike = str | Image.Image | npt.NDArray[np.uint8]
"""A region's name of `posable.transfer.regions.REGIONS`, or a mask of a picture, white on black."""


@dataclass(eq=False)
class EncodedSource(DrawablePerson):
    """A source picture with its pose, encoded; made by `PoseTransfer.encode`.

    In every method, `pose` is a Pose, a shipped pose's name, a pose file, a photo of somebody in that pose, or a `Turn`
    of the camera around the person.
    `retarget` gives it the person's proportions and place; without it the pose is taken as it lies in its own frame,
    which is fitted into the picture's. Pictures come in the source picture's size. `background` is one of
    `posable.transfer.background.BACKGROUNDS` or a picture; by default the photograph's own where the family draws a
    mask. All raise PoseError, ImageError, ConfigError, and what `detect_pose` raises.
    """

    tell: Tell = field(default=to_log, repr=False)
    """Gets a sentence when something should be known that is no error."""

    def render(self, pose: PoseLike, *, retarget: bool = True, background: Background | None = None) -> Image.Image:
        """The person in `pose`, as a picture of the source's size; RGBA on a transparent background."""
        behind = checked_background(background)
        target = self.place(pose, retarget=retarget)
        there = self.for_pose(target)
        return there.finished(there.draw(target), target, behind)

    def sequence(
        self,
        poses: Iterable[PoseLike],
        *,
        retarget: bool = True,
        background: Background | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Iterator[Image.Image]:
        """`render` for each pose in turn; `progress` is told how many are done."""
        for done, pose in enumerate(poses, start=1):
            yield self.render(pose, retarget=retarget, background=background)
            if progress is not None:
                progress(done)

    @property
    def facts(self) -> dict[str, float]:
        """What the model's family measured on the source: how much of the person is copied, mirrored and made up, how
        well the body agrees with the picture; empty from families that measure nothing."""
        return self.generator.facts(self.encoded)

    def as_photographed(self, *, background: Background | None = None) -> Image.Image:
        """The person in their own pose: the picture itself, unless an edit inside the network must be drawn to be
        seen."""
        if self.edited is None:
            return self.picture.copy()
        return self.finished(self.draw(self.pose), self.pose, checked_background(background))

    def dressed_from(
        self,
        reference: EncodedSource,
        region: RegionLike = "upper",
        pose: PoseLike | None = None,
        *,
        strength: float = 1.0,
        retarget: bool = True,
        background: Background | None = None,
    ) -> Image.Image:
        """The person with a region of the reference's: "upper", "lower", "dress", "hair", ... of
        `posable.transfer.regions.REGIONS`, or what a mask of the reference's picture says (white on black).

        Drawn in `pose`; without one the person stays as photographed and, with families that have no way of their own
        (weave), pixels away from the region stay the source's own. `strength` 0 changes nothing, 1 is all of it.
        Raises InputError when a picture does not show the region.
        """
        behind = checked_background(background)
        target = None if pose is None else self.place(pose, retarget=retarget)
        return dressed(self, reference, region, target, strength, behind)

    def textured(
        self,
        pattern: PatternLike | Pattern,
        region: RegionLike = "upper",
        *,
        scale: float = 1.0,
        strength: float = 1.0,
        seed: int = 0,
        dtd: str | os.PathLike[str] | None = None,
    ) -> EncodedSource:
        """The person with a region made of a pattern, to be drawn in any pose or shown `as_photographed`: any picture,
        one of posable's own by name ("plaid", "floral", ... of `posable.transfer.patterns.PATTERNS`, in colours that
        `seed` chooses), or with the folder `dtd` a class of the Describable Textures.

        At `scale` 1 a picture is as wide as 0.8 trunks. `strength` 0 changes nothing, 1 is all of it. Raises
        InputError for a region or pattern that is not there. The last result is kept.
        """
        return textured(self, find_pattern(pattern, dtd, seed), region, scale, strength)

    def painted(
        self,
        target_parsing: ParsingResult | Image.Image | npt.NDArray[np.uint8],
        pose: PoseLike | None = None,
        *,
        retarget: bool = True,
        background: Background | None = None,
    ) -> Image.Image:
        """The person painted into regions that are given instead of predicted: LIP-20 labels in the picture's frame
        and size, for instance what `parsed` gives, edited. Drawn in `pose`, or the person's own.

        Raises InputError for a family that paints into no given regions, and for a map of another size.
        """
        behind = checked_background(background)
        target = self.pose if pose is None else self.place(pose, retarget=retarget)
        return painted(self, target_parsing, target, behind)

    def parsed(self, pose: PoseLike | None = None, *, retarget: bool = True) -> ParsingResult:
        """Which garment or body part each pixel shows, as photographed (as `parsing`) or in `pose`; LIP-20 labels in
        the source picture's size."""
        return self.parsing if pose is None else target_parsing(self, self.place(pose, retarget=retarget))

    def explain(self, pose: PoseLike, *, retarget: bool = True) -> dict[str, Image.Image]:
        """Where each part of the drawing for `pose` comes from, as pictures of the source's size: "source", "result",
        and the family's own by its names; `posable.transfer.sheet.explain_sheet` puts them on one sheet."""
        return explained(self, self.place(pose, retarget=retarget))

    def place(self, pose: PoseLike, *, retarget: bool = True) -> Pose:
        """The pose as `render` draws it: in the frame of the source picture."""
        if isinstance(pose, Turn):
            return turned_pose(self.body, pose.degrees)
        # Retargeting finds the person's place itself, so a pose of a far larger picture will do.
        target = resolve_pose(pose, None if retarget else self.size, self.tell)
        if retarget:
            placed = with_proportions_of(target, self.pose, clip=not self.generator.sees_outside)
        else:
            placed = Frame.letterbox(target.size, self.size).pose(target)
        if not placed.within_frame().visible.any():
            named = f"'{pose}'" if isinstance(pose, (str, os.PathLike)) else "the pose"
            raise PoseError(f"{named} has no keypoint inside {self.name}; give a pose that overlaps it.")
        return placed
