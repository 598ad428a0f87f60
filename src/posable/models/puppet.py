"""puppet: the photograph's own pixels, carried by a fitted body. Our own family; geometry, no weights of its own.

No paper. The parametric body is fitted to the keypoints of the source and of the target; the source's pixels hang on
its bones as sheets of textured triangles (posable.surface), which are moved and drawn. What a network would have to
guess, where each pixel goes, geometry knows; what the photograph hides is mirrored, borrowed or continued from around.

    source pose --> fit_body --.                          target pose --> fit_body, like the source's
    source, matte, parsing ----+--> build_surface --> draw --> over the background that was behind the person

Where the source's body is not understood (`Surface.upright` decides), or nobody can be found in the picture, `weave`
draws instead: its weights are this family's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from posable.body.fit import fit_body
from posable.body.fitted import Body
from posable.body.kinematics import rotation_of, vector_of
from posable.errors import PosableError
from posable.imaging.frame import Frame
from posable.imaging.guided_filter import GuidedFilter
from posable.imaging.size import Size
from posable.models.cues import SourceCues
from posable.models.family import Family
from posable.models.generator import Generator, PerPerson, Rendering
from posable.models.weave import WeaveConfig, WeaveGenerator, WeaveSource
from posable.pose.pose import Pose, PoseBatch
from posable.surface.background import filled_background, over
from posable.surface.build import build_surface
from posable.surface.drawing import Drawing, draw
from posable.surface.gaps import without_gaps
from posable.surface.grids import Floats
from posable.surface.limbs import LAYERS
from posable.surface.surface import Kind, Report, Surface
from posable.surface.views import joined_drawings

LAYER_COLORS = ((0.5, 0.5, 0.5), (1.0, 0.35, 0.35), (0.35, 0.35, 1.0), (1.0, 0.8, 0.25), (0.25, 0.85, 0.85))
"""RGB in [0, 1] of LAYERS in explanations."""
LARGEST_SIDE_PX = 1024
"""Of a frame: larger pictures are drawn in this size and enlarged."""
_KEPT_UNTIL_DEGREES = 30.0
"""Joints that turn further than this against the source know no more than keypoints say."""
_COPIED = np.array([kind in (Kind.FRONT, Kind.MIRRORED, Kind.BORROWED) for kind in Kind])


@dataclass(frozen=True, kw_only=True)
class PuppetConfig(WeaveConfig):
    """The weave that draws where the body is not understood."""


@dataclass(frozen=True)
class PuppetSource:
    """Encoded sources: for each a surface, or what weave makes of them all where some have none."""

    image: Float[Tensor, "n 3 h w"]
    poses: PoseBatch
    surfaces: PerPerson[Surface | None]
    backgrounds: PerPerson[Floats | None]
    """(h, w, 3) without the person, for each surface."""
    refits: PerPerson[Body | None]
    """The bodies that the keypoints of the source give once its shape is known, for each surface; in the frame."""
    reports: PerPerson[Report | None]
    """What is known of each source; None where no body fits."""
    weave: WeaveSource | None
    """None when every source has a surface."""


class PuppetGenerator(Generator[PuppetSource]):
    """Draws at the source's own resolution."""

    family = "puppet"
    needs_parsing = True
    needs_cues = True
    sees_outside = True
    largest_factor = 4

    def __init__(self, config: PuppetConfig) -> None:
        super().__init__()
        self.config = config
        self.size = Size(config.height, config.width)
        self.weave = WeaveGenerator(config)

    def frame_for(self, picture: Size, *people: Pose, size: Size | None = None) -> Frame:
        """The picture, or the window around its person, pixel by pixel: geometry is drawn at any size. What is larger
        than `LARGEST_SIDE_PX` is brought down to it; what is smaller than the size of the training up to that. A
        `size` is a limit: the frame ends where the window ends."""
        window = super().frame_for(picture, *people).window
        height, width = window.height, window.width
        scale = min(1.0, LARGEST_SIDE_PX / max(height, width))
        scale = max(scale, min(self.size.height / height, self.size.width / width))
        if size is not None:
            scale = min(size.height / height, size.width / width)
        content = Size(max(1, round(height * scale)), max(1, round(width * scale)))
        return Frame.centred(picture, content, content, window)

    def encode(
        self,
        source_image: Float[Tensor, "n 3 h w"],
        source_pose: PoseBatch,
        source_parsing: UInt8[Tensor, "n h w"] | None = None,
        *,
        source_matte: Float[Tensor, "n 1 h w"] | None = None,
        source_bodies: tuple[Body | None, ...] | None = None,
    ) -> PuppetSource:
        """Without mattes (in [0, 1]) the parsing maps say where the people are; without bodies (in the images' frame)
        they are fitted to the poses."""
        assert source_parsing is not None, "puppet needs a parsing map"
        surfaces: list[Surface | None] = []
        backgrounds: list[Floats | None] = []
        refits: list[Body | None] = []
        reports: list[Report | None] = []
        for index in range(len(source_image)):
            image = _pixels(source_image[index])
            labels: npt.NDArray[np.uint8] = source_parsing[index].cpu().numpy()
            matte = _matte_of(labels, image) if source_matte is None else _pixels(source_matte[index])[..., 0]
            matte = without_gaps(matte, labels, image)
            body = None if source_bodies is None else source_bodies[index]
            surface = None if self.training else _surface(image, matte, labels, source_pose[index], body)
            reports.append(None if surface is None else surface.report)
            surface = surface if surface is not None and surface.upright else None
            surfaces.append(surface)
            backgrounds.append(None if surface is None else filled_background(image, matte))
            refits.append(None if surface is None else _fit_like(surface, source_pose[index]))
        weave = None
        if any(surface is None for surface in surfaces):
            weave = self._encoded_by_weave(source_image, source_pose)
        return PuppetSource(
            image=source_image,
            poses=source_pose,
            surfaces=PerPerson(surfaces),
            backgrounds=PerPerson(backgrounds),
            refits=PerPerson(refits),
            reports=PerPerson(reports),
            weave=weave,
        )

    def encode_with_cues(
        self,
        source_image: Float[Tensor, "n 3 h w"],
        source_pose: PoseBatch,
        source_parsing: UInt8[Tensor, "n h w"] | None,
        cues: SourceCues,
    ) -> PuppetSource:
        known = zip(cues.depth, cues.depth_weight, strict=True)
        bodies = tuple(_fitted(source_pose[index], *depth) for index, depth in enumerate(known))
        return self.encode(source_image, source_pose, source_parsing, source_matte=cues.matte, source_bodies=bodies)

    def render(self, encoded: PuppetSource, target_pose: PoseBatch) -> Rendering:
        drawings = [self.drawing(encoded, index, target_pose[index]) for index in range(len(encoded.surfaces))]
        painted: Rendering | None = None
        if any(drawing is None for drawing in drawings):
            source = encoded.weave or self._encoded_by_weave(encoded.image, encoded.poses)
            painted = self._painted_by_weave(source, target_pose, _size_of(encoded.image))
        rows: list[tuple[Tensor, ...]] = []
        for index, drawing in enumerate(drawings):
            background = encoded.backgrounds[index]
            if drawing is not None and background is not None:
                rows.append(_layers(drawing, background, encoded.image))
            elif painted is not None:
                parts = (painted.image, painted.mask, painted.visibility, painted.flow)
                rows.append(tuple(part[index] for part in parts if part is not None))
        image, mask, visibility, flow = (torch.stack(part) for part in zip(*rows, strict=True))
        return Rendering(image=image, mask=mask, visibility=visibility, flow=flow)

    def render_together(self, views: Sequence[PuppetSource], target_pose: PoseBatch) -> Rendering:
        """Flow and visibility are those of the first photograph where its pixels are drawn, and 0 elsewhere."""
        base, pose = views[0], target_pose[0]
        first, surface, background = self.drawing(base, 0, pose), base.surfaces[0], base.backgrounds[0]
        if first is None or surface is None or background is None:
            return self.render(base, target_pose)
        # Each photograph hangs on the body that was fitted to it, brought into the same pose and place.
        others = (other for view in views[1:] if (other := view.surfaces[0]) is not None)
        own, refit = surface.body, base.refits[0] or surface.body
        fits = ((other, fit_body(pose, like=own.with_shape_of(other.body))) for other in others)
        drawn = (draw(other, _known_from_source(target, own, refit)) for other, target in fits)
        joined, number = joined_drawings([first, *drawn])
        image, mask, visibility, flow = _layers(joined, background, base.image)
        of_first = _tensor((number == 0)[..., None].astype(np.float32), visibility)
        return Rendering(image[None], mask[None], (visibility * of_first)[None], flow[None])

    def _encoded_by_weave(self, image: Float[Tensor, "n 3 h w"], poses: PoseBatch) -> WeaveSource:
        inner = self.weave.frame_for(_size_of(image))
        return self.weave.encode(inner.image(image), inner.poses(poses))

    def _painted_by_weave(self, source: WeaveSource, poses: PoseBatch, size: Size) -> Rendering:
        inner = self.weave.frame_for(size)
        drawn = self.weave.render(source, inner.poses(poses))
        assert drawn.mask is not None
        assert drawn.visibility is not None
        assert drawn.flow is not None
        return Rendering(
            image=inner.image_back(drawn.image),
            mask=inner.mask_back(drawn.mask),
            visibility=inner.mask_back(drawn.visibility),
            flow=inner.flow_back(drawn.flow, inner),
        )

    def drawing(self, encoded: PuppetSource, index: int, pose: Pose) -> Drawing | None:
        """One person's drawing in a pose of the frame; None where weave draws."""
        surface = encoded.surfaces[index]
        if surface is None:
            return None
        target, refit = _fit_like(surface, pose), encoded.refits[index]
        if target is None or refit is None:
            return None
        return draw(surface, _known_from_source(target, surface.body, refit))

    def notes(self, encoded: PuppetSource) -> tuple[str, ...]:
        report = encoded.reports[0]
        if report is None:
            return ("no body fits the person of the photo, so the picture is painted by weave; try another photo.",)
        return report.sentences

    def facts(self, encoded: PuppetSource) -> dict[str, float]:
        """`copied`, `mirrored` and `painted` are shares of the person's surface; `fit_cost`, `outline_agreement` and
        `outside_frame` as in `posable.surface.surface.Report`."""
        report = encoded.reports[0]
        if report is None:
            return {}
        names = ("copied", "mirrored", "painted", "fit_cost", "outline_agreement", "outside_frame")
        return {name: round(float(getattr(report, name)), 3) for name in names}

    def source_mask(self, encoded: PuppetSource) -> Float[Tensor, "n 1 h w"]:
        certain = None
        if encoded.weave is not None:
            inner = self.weave.frame_for(_size_of(encoded.image))
            certain = inner.mask_back(self.weave.source_mask(encoded.weave))
        masks: list[Tensor] = []
        for index, surface in enumerate(encoded.surfaces):
            if surface is None:
                assert certain is not None
                masks.append(certain[index])
            else:
                masks.append(_tensor(surface.matte[..., None], encoded.image))
        return torch.stack(masks)

    def explain(self, encoded: PuppetSource, target_pose: PoseBatch) -> dict[str, Float[Tensor, "n 3 h w"]]:
        """`layers`: the source's limbs in colours; `drawn_layers`: where they went; `copied`: white where the picture
        is copied, black where it is made up; `mask`: white where the person is; `background`: what is behind the
        source's person. Of people that weave draws, layers are the picture."""
        drawn = self.render(encoded, target_pose)
        assert drawn.mask is not None
        assert drawn.visibility is not None
        sources, targets, backgrounds = encoded.image.clone(), drawn.image.clone(), encoded.image.clone()
        for index, surface in enumerate(encoded.surfaces):
            drawing = self.drawing(encoded, index, target_pose[index])
            background = encoded.backgrounds[index]
            if surface is None or drawing is None or background is None:
                continue
            sources[index] = _tensor(_tinted(_pixels(encoded.image[index]), _owner(surface)), sources)
            targets[index] = _tensor(_tinted(_pixels(drawn.image[index]), drawing.layer), targets)
            backgrounds[index] = _tensor(background, backgrounds).clamp(-1, 1)
        return {
            "layers": sources,
            "drawn_layers": targets,
            "copied": (drawn.visibility * 2 - 1).expand_as(drawn.image),
            "mask": (drawn.mask * 2 - 1).expand_as(drawn.image),
            "background": backgrounds,
        }


def _size_of(image: Float[Tensor, "n 3 h w"]) -> Size:
    return Size(image.shape[-2], image.shape[-1])


def _fitted(pose: Pose, depth: Tensor, weight: Tensor) -> Body | None:
    """The body of a pose whose keypoints' depths are known in part; None where no body fits."""
    try:
        return fit_body(pose, depth=depth.cpu().numpy(), depth_weight=weight.cpu().numpy())
    except PosableError:
        return None


def _fit_like(surface: Surface, pose: Pose) -> Body | None:
    """The surface's person in a pose of the frame; None where no body fits."""
    try:
        return fit_body(pose, like=surface.body)
    except PosableError:
        return None


def _known_from_source(target: Body, source: Body, refit: Body) -> Body:
    """The target with what the source's body knows beyond its keypoints, which are all that `refit` knows.

    A detector's depth turns a body by some degrees against the fit to the same keypoints alone. Joints keep that as far
    as the target turns them as the source does: the own pose gives the source's body, and near poses lead there.
    """
    back = refit.rotations.transpose(0, 2, 1)
    turned = np.degrees(np.linalg.norm(vector_of(target.rotations @ back), axis=-1))
    share = np.clip(1 - turned / _KEPT_UNTIL_DEGREES, 0, 1)
    rotations = rotation_of(share[:, None] * vector_of(source.rotations @ back)) @ target.rotations
    root = float(share[0])
    shift = root * (np.array(source.offset) - np.array(refit.offset))
    return replace(
        target,
        rotations=rotations,
        shape=target.shape + root * (source.shape - refit.shape),
        scale=target.scale * (source.scale / refit.scale) ** root,
        offset=(target.offset[0] + shift[0], target.offset[1] + shift[1]),
    )


def _surface(
    image: Floats, matte: Floats, labels: npt.NDArray[np.uint8], pose: Pose, body: Body | None
) -> Surface | None:
    """None where no body fits."""
    try:
        return build_surface(image, matte, labels, fit_body(pose) if body is None else body)
    except PosableError:
        return None


def _layers(drawing: Drawing, background: Floats, like: Tensor) -> tuple[Tensor, ...]:
    """Image, mask, visibility and flow of one drawing over its background."""
    rows, columns = np.indices(drawing.alpha.shape, np.float32)
    own = np.stack([columns + 0.5, rows + 0.5], 2)
    flow = np.where(np.isfinite(drawing.source), drawing.source, own)
    copied = (drawing.confidence * _COPIED[drawing.kind])[..., None]
    return (
        _tensor(over(drawing.color, drawing.alpha, background), like).clamp(-1, 1),
        _tensor(drawing.alpha[..., None], like).clamp(0, 1),
        _tensor(copied, like).clamp(0, 1),
        _tensor(flow, like),
    )


def _matte_of(labels: npt.NDArray[np.uint8], image: Floats) -> Floats:
    """(h, w): where the parsing map has a person, with the edges of the picture (h, w, 3)."""
    person = (labels > 0).astype(np.float32)
    radius = max(2, round(max(labels.shape) / 128))
    return np.clip(GuidedFilter(image, radius, 1e-3)(person) * 1.2 - 0.1, 0, 1)


def _owner(surface: Surface) -> npt.NDArray[np.uint8]:
    """(h, w), the layer of each pixel of the frame; 255 off the person."""
    whole = np.full(tuple(surface.size), 255, np.uint8)
    left, top, right, bottom = surface.window
    rows = (np.arange(bottom - top) * surface.owner.shape[0]) // (bottom - top)
    columns = (np.arange(right - left) * surface.owner.shape[1]) // (right - left)
    whole[top:bottom, left:right] = surface.owner[rows[:, None], columns[None]]
    return whole


def _tinted(image: Floats, layer: npt.NDArray[np.uint8]) -> Floats:
    colors = np.zeros((256, 3), np.float32)
    colors[: len(LAYERS)] = LAYER_COLORS
    on = (layer < len(LAYERS))[..., None]
    return np.where(on, 0.5 * image + 0.5 * (colors[layer] * 2 - 1), image).astype(np.float32)


def _pixels(image: Float[Tensor, "c h w"]) -> Floats:
    """(h, w, c)"""
    pixels: Floats = image.detach().float().cpu().permute(1, 2, 0).contiguous().numpy()
    return pixels


def _tensor(pixels: npt.NDArray[np.floating], like: Tensor) -> Float[Tensor, "c h w"]:
    tensor = torch.from_numpy(np.ascontiguousarray(pixels, np.float32)).permute(2, 0, 1)
    return tensor.to(like.device, like.dtype)


FAMILY = Family(
    name="puppet",
    title="the photograph carried by a fitted body (puppet)",
    venue="posable",
    paper="no paper; see docs/models/puppet.md",
    year=2026,
    described_in="ours",
    weights="none needed; weave's where the body is not understood",
    config=PuppetConfig,
    generator=PuppetGenerator,
    tiny=PuppetConfig(height=64, width=48, channels=8, fine_channels=8, match_channels=8, num_heads=2),
)
