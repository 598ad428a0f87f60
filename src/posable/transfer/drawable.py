"""A person that can be drawn: a picture, the pose of the person in it, and what the generator made of both, once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

import torch
from PIL import Image, ImageChops
from torch import Tensor

from posable.body.fit import fit_body
from posable.body.fitted import Body
from posable.detect.cues import source_cues
from posable.detect.detection import Detection
from posable.detect.parser import parse
from posable.errors import ConfigError
from posable.imaging.frame import Frame, Window
from posable.imaging.image import png_bytes, size_of, to_pil, to_tensor
from posable.imaging.size import Size
from posable.memo import Last
from posable.models.generator import Generator, Rendering
from posable.parsing.result import ParsingResult
from posable.pose.drawing import shown_beside
from posable.pose.pose import Pose, PoseBatch
from posable.transfer.background import BackgroundKind, behind, feathered_window, over_photograph

PersonT = TypeVar("PersonT", bound="DrawablePerson")


@dataclass(eq=False)
class DrawablePerson:
    """What every edit and drawing starts from. `EncodedSource` adds what can be done with it."""

    picture: Image.Image
    """The source as given: RGB, upright."""
    pose: Pose
    """Of the person in it, in the picture's frame."""
    generator: Generator[Any] = field(repr=False)
    frame: Frame = field(repr=False)
    """From the picture to the frame that the generator works in."""
    people_found: int = 1
    """How many people the detector saw; 1 when the pose was given."""
    found: Detection | None = field(default=None, repr=False)
    """What the pose detector said, if it was asked."""
    given_parsing: ParsingResult | None = field(default=None, repr=False)
    name: str = "the picture"
    """What errors call it."""
    others: tuple[DrawablePerson, ...] = field(default=(), repr=False)
    """The same person in other photographs, which may show what this one hides."""
    edited: Any = field(default=None, repr=False)
    """The generator's own encoding where an edit changed it: then the picture does not show the edit. None else."""
    _wider: dict[Window, Any] = field(default_factory=dict[Window, Any], init=False, repr=False)
    last_region: Last[Any] = field(default_factory=Last[Any], init=False, repr=False)
    last_textured: Last[Any] = field(default_factory=Last[Any], init=False, repr=False)
    last_drawn: Last[Any] = field(default_factory=Last[Any], init=False, repr=False)
    last_framed: Last[Any] = field(default_factory=Last[Any], init=False, repr=False)
    """Edits keep the last of what depends on this person alone."""

    @cached_property
    def encoded(self) -> Any:
        """The generator's encoding of the source; made when it is first asked for."""
        if self.edited is not None:
            return self.edited
        image = to_tensor(self.frame.picture(self.picture))[None].to(self.device)
        batch = PoseBatch.from_poses([self.frame.pose(self.pose)]).to(self.device)
        if not self.generator.needs_cues:
            labels = self._framed_labels()
            with torch.inference_mode():
                return self.generator.encode(image, batch, labels)
        # Both look at the picture for about as long, and know nothing of each other.
        with ThreadPoolExecutor(1) as pool:
            looking = pool.submit(source_cues, self.picture, self.pose, self.frame, self.found)
            labels = self._framed_labels()
            cues = looking.result()
        with torch.inference_mode():
            return self.generator.encode_with_cues(image, batch, labels, cues)

    def _framed_labels(self) -> Tensor | None:
        """The parsing map as the generator takes it, (1, h, w); None where it needs none."""
        if not self.generator.needs_parsing:
            return None
        return torch.from_numpy(self.frame.labels(self.parsing.labels))[None].to(self.device)

    @cached_property
    def parsing(self) -> ParsingResult:
        """Which garment or body part each pixel of the picture shows: as given, else as the shipped parser finds it."""
        return self.given_parsing or parse(self.picture, self.pose)

    @cached_property
    def body(self) -> Body:
        """The body fitted to the person's pose, with the detector's depth where the pose was detected."""
        depth, weight = (None, None) if self.found is None else (self.found.depth, self.found.depth_weight)
        return fit_body(self.pose, depth=depth, depth_weight=weight)

    @property
    def device(self) -> torch.device:
        return device_of(self.generator)

    @property
    def size(self) -> Size:
        """Of the picture."""
        return size_of(self.picture)

    def for_pose(self: PersonT, pose: Pose) -> PersonT:
        """The same person encoded in a window of the picture that holds the pose too: itself, if its window does."""
        if self.edited is not None or self.frame.shows_whole_picture:
            return self
        frame = self.generator.frame_for(self.size, self.pose, pose, size=self.frame.size)
        if frame.window == self.frame.window or _holds(self.frame.window, frame.window):
            return self
        if frame.window not in self._wider:
            self._wider[frame.window] = replace(self, frame=frame, given_parsing=self.parsing_if_known())
        return self._wider[frame.window]

    def parsing_if_known(self) -> ParsingResult | None:
        """The parsing map, if it was given or found already."""
        return self.__dict__.get("parsing", self.given_parsing)

    def draw(self, pose: Pose) -> Rendering:
        """The generator's drawing for a pose in the picture's frame; all in the working frame."""
        batch = PoseBatch.from_poses([self.frame.pose(pose)]).to(self.device)
        with torch.inference_mode():
            if not self.others:
                return self.generator.render(self.encoded, batch)
            return self.generator.render_together([self.encoded, *(one.encoded for one in self.others)], batch)

    def finished(
        self, rendering: Rendering, pose: Pose, background: BackgroundKind | Image.Image | None = None
    ) -> Image.Image:
        """What `draw` gave for a pose, as a picture of the source's size, on a background.

        By default the photograph's own, where the family draws a mask. Raises ConfigError for families without one
        that are asked for another background than their own.
        """
        return self.on_background(self.drawn_picture(rendering), rendering, pose, background)

    def on_background(
        self,
        drawn: Image.Image,
        rendering: Rendering,
        pose: Pose,
        background: BackgroundKind | Image.Image | None = None,
    ) -> Image.Image:
        """A picture of the source's size that shows the person as `rendering` does, on a background; as `finished`."""
        background = background or self.default_background(rendering)
        if background == "drawn":
            return drawn
        person = self.person_mask(rendering)
        if background == "keep":
            return over_photograph(drawn, self.picture, (self.source_mask, self.pose), (person, pose))
        return behind(drawn, person, background)

    def default_background(self, rendering: Rendering) -> BackgroundKind:
        return "drawn" if rendering.mask is None else "keep"

    def drawn_picture(self, rendering: Rendering) -> Image.Image:
        """A drawing as the network made it, in the source picture's size; a window of it goes into the photograph."""
        drawn = self.frame.picture_back(to_pil(rendering.image[0]), onto=self.picture)
        if self.frame.shows_whole_picture:
            return drawn
        left, top, width, height = map(int, self.frame.window)
        soft = feathered_window(Size(height, width), self.size, (left, top))
        return Image.composite(drawn, self.picture, _on_canvas(soft, self.size, (left, top)))

    def person_mask(self, rendering: Rendering) -> Image.Image:
        """Where the drawn person is, as a grey picture in the source picture's size; raises ConfigError when the
        generator's family draws no mask."""
        if rendering.mask is None:
            raise ConfigError(
                f"the family {self.generator.family} draws no person mask; give the background 'drawn', or take weave."
            )
        return self._grey(rendering.mask)

    @cached_property
    def source_mask(self) -> Image.Image:
        """Where the source person is: where the generator is certain, and what it draws for the source's own pose."""
        drawn = self.person_mask(self.draw(self.pose))
        with torch.inference_mode():
            certain = self.generator.source_mask(self.encoded)
        return drawn if certain is None else ImageChops.lighter(self._grey(certain), drawn)

    def _repr_png_(self) -> bytes:
        """The picture with its skeleton beside it, as Jupyter shows it."""
        return png_bytes(shown_beside(self.picture, self.pose))

    def _grey(self, mask: Tensor) -> Image.Image:
        canvas = Image.new("RGB", self.picture.size)
        return self.frame.picture_back(to_pil(mask[0].expand(3, -1, -1) * 2 - 1), onto=canvas).getchannel(0)


def device_of(generator: Generator[Any]) -> torch.device:
    for tensor in (*generator.parameters(), *generator.buffers()):
        return tensor.device
    return torch.device("cpu")


def _holds(window: Window, other: Window) -> bool:
    corners = [(other.left, other.top), (other.left + other.width, other.top + other.height)]
    return bool(window.holds(corners).all())


def _on_canvas(mask: Image.Image, size: Size, corner: tuple[int, int]) -> Image.Image:
    canvas = Image.new("L", (size.width, size.height))
    canvas.paste(mask, corner)
    return canvas
