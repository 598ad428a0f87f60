"""weave: pose transfer taught by exact geometry. Our own family and the default.

No paper. A source picture is matched to the target pose, and what is seen in it is *copied*, not painted: the network
says for every target pixel which source pixel shows the same surface point (flow), whether the source shows it at all
(visibility) and whether the person is there (mask). It paints only what the source hides. Its teacher is the synthetic
people's renderer, which knows all three exactly (posable.people); no photograph comes with such labels.

    source --- half size -> SourceEncoder --- features at /4, /8, /16 ---.
      |                                                                  v
      |            target pose -> PoseEncoder -> CoarseMatch: soft attention at /16, then flow at /8, /4
      |                                                                  v
      '--- full size -------------------------------------------> FineLevel: flow at /2
      |                                                                  v
      '--- source's own resolution ----------------------------> compose: copy, fill, lay over the background

The /k are fractions of the working size (256x176). `CoarseWeave` alone is a complete model at half the working size:
training begins there. The last step copies from the source as it was given, so a 512x352 source gives a 512x352
picture with the same weights.
"""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor, nn
from torch.nn import functional

from posable.errors import ConfigError
from posable.imaging.frame import resized
from posable.imaging.size import Size
from posable.models.family import Family
from posable.models.generator import Generator, Rendering
from posable.nn.attention_pictures import position_colors, position_key
from posable.pose.maps import body_mask_logits, bone_maps, heatmaps
from posable.pose.pose import OPENPOSE_18, PoseBatch


@dataclass(frozen=True, kw_only=True)
class WeaveConfig:
    height: int = 256
    """Height of the working frame in px; the width follows. Both must be multiples of 16."""
    width: int = 176
    channels: int = 32
    """Channels at a quarter of the working size; doubled at each coarser level."""
    fine_channels: int = 24
    """Channels at half of the working size."""
    match_channels: int = 64
    """Channels of the keys and queries of the soft match."""
    num_heads: int = 4
    num_blocks: int = 2
    """Cross-attention blocks before the soft match."""
    heatmap_sigma_px: float = 6.0
    """Standard deviation of a keypoint's Gaussian, in px of the working frame."""
    bone_sigma_px: float = 5.0
    mask_sharpness: float = 3.0
    """Factor on the mask's logits when drawing, not in training: the outline stays, its blur goes. Better than 1 on
    30 pairs of validation people; other values were not searched."""

    def __post_init__(self) -> None:
        if self.height % 16 or self.width % 16:
            raise ConfigError(f"weave's working size is {self.height}x{self.width}; give multiples of 16.")
        if self.channels % 8 or self.fine_channels % 8:
            raise ConfigError(
                f"weave's channels ({self.channels}, {self.fine_channels}) must be multiples of 8, its norm's groups."
            )
        if (self.channels * 4) % self.num_heads:
            raise ConfigError(f"weave's num_heads ({self.num_heads}) must divide {self.channels * 4} channels.")


# ---- blocks


class ConvBlock(nn.Sequential):
    """Convolution, group norm, SiLU. Instance norm would lose the picture's global colour."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 4 if stride == 2 else 3, stride, 1), nn.GroupNorm(8, outputs), nn.SiLU()
        )


class Fusion(nn.Sequential):
    """Mixes what is laid side by side pixel by pixel; the residual blocks after it look around."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(nn.Conv2d(inputs, outputs, 1), nn.GroupNorm(8, outputs), nn.SiLU())


class ResBlock(nn.Module):
    """Two convolutions beside an identity; starts as the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvBlock(channels, channels)
        self.second = _zeroed(nn.Conv2d(channels, channels, 3, 1, 1))

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        return x + self.second(self.first(x))


class CrossBlock(nn.Module):
    """Cross-attention from target tokens to source tokens, then a feed-forward layer, both pre-norm."""

    def __init__(self, channels: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.norm_target = nn.GroupNorm(8, channels)
        self.norm_source = nn.GroupNorm(8, channels)
        self.query = nn.Conv2d(channels, channels, 1)
        self.key_value = nn.Conv2d(channels, channels * 2, 1)
        self.out = _zeroed(nn.Conv2d(channels, channels, 1))
        self.feed_forward = nn.Sequential(
            nn.GroupNorm(8, channels),
            nn.Conv2d(channels, channels * 2, 1),
            nn.SiLU(),
            _zeroed(nn.Conv2d(channels * 2, channels, 1)),
        )

    def forward(self, target: Float[Tensor, "n c h w"], source: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        n, c, h, w = target.shape
        heads = lambda x: x.view(n, self.num_heads, -1, h * w).transpose(2, 3)  # noqa: E731
        key, value = self.key_value(self.norm_source(source)).chunk(2, 1)
        attended = functional.scaled_dot_product_attention(
            heads(self.query(self.norm_target(target))), heads(key), heads(value)
        )
        target = target + self.out(attended.transpose(2, 3).reshape(n, c, h, w))
        return target + self.feed_forward(target)


class Pyramid(nn.Module):
    """Features at the input's resolution, at its half and at its quarter, the last one aware of where it is."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        c = channels
        self.level1 = ConvBlock(inputs, c)
        self.level2 = nn.Sequential(ConvBlock(c, 2 * c, stride=2), ResBlock(2 * c))
        self.level3 = ConvBlock(2 * c, 4 * c, stride=2)
        self.place = nn.Conv2d(2, 4 * c, 1)
        self.deep = nn.Sequential(ResBlock(4 * c), ResBlock(4 * c))

    def forward(
        self, x: Float[Tensor, "n inputs h w"]
    ) -> tuple[Float[Tensor, "n c h w"], Float[Tensor, "n 2*c h/2 w/2"], Float[Tensor, "n 4*c h/4 w/4"]]:
        level1 = self.level1(x)
        level2 = self.level2(level1)
        level3 = self.level3(level2)
        return level1, level2, self.deep(level3 + self.place(_grid(level3)))


def _zeroed(conv: nn.Conv2d) -> nn.Conv2d:
    nn.init.zeros_(conv.weight)
    assert conv.bias is not None
    nn.init.zeros_(conv.bias)
    return conv


def _grid(like: Tensor) -> Float[Tensor, "1 2 h w"]:
    """The (x, y) of each cell's centre in [-1, 1], as grid_sample counts them (align_corners=False)."""
    h, w = like.shape[-2:]
    ys = (torch.arange(h, device=like.device, dtype=like.dtype) + 0.5) / h * 2 - 1
    xs = (torch.arange(w, device=like.device, dtype=like.dtype) + 0.5) / w * 2 - 1
    return torch.stack([xs[None].expand(h, w), ys[:, None].expand(h, w)])[None]


def _up(x: Tensor, factor: int = 2) -> Tensor:
    return functional.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


def _warp(x: Tensor, flow: Float[Tensor, "n 2 h w"]) -> Tensor:
    """Samples `x` where `flow` (in [-1, 1]) points."""
    return functional.grid_sample(x, flow.permute(0, 2, 3, 1), align_corners=False, padding_mode="border")


# ---- the coarse network


@dataclass(frozen=True)
class SourceFeatures:
    """The source at a quarter, an eighth and a sixteenth of the working size, and its person-free background.
    h x w is a quarter of the working size."""

    level1: Float[Tensor, "n c h w"]
    level2: Float[Tensor, "n 2*c h/2 w/2"]
    level3: Float[Tensor, "n 4*c h/4 w/4"]
    mask_logits: Float[Tensor, "n 1 h w"]
    facing: Float[Tensor, "n 3"]
    background: Float[Tensor, "n 3 h w"]
    """The whole background with the person filled in from around; used only where the source's person hides it."""

    def __getitem__(self, index: Tensor) -> "SourceFeatures":
        return SourceFeatures(*(getattr(self, name)[index] for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class TargetFeatures:
    """The target pose at a quarter, an eighth and a sixteenth of the working size.
    h x w is the quarter."""

    level1: Float[Tensor, "n c h w"]
    level2: Float[Tensor, "n 2*c h/2 w/2"]
    level3: Float[Tensor, "n 4*c h/4 w/4"]
    facing: Float[Tensor, "n 3"]

    def __getitem__(self, index: Tensor) -> "TargetFeatures":
        return TargetFeatures(*(getattr(self, name)[index] for name in self.__dataclass_fields__))


def facing(pose: PoseBatch) -> Float[Tensor, "n 3"]:
    """Which way a body is turned, each in [-1, 1]: shoulders and hips (1 left side on the right: seen from the front,
    -1 from behind, 0 from the side or unknown), and face (1 any of nose and eyes known, else -1)."""
    index = OPENPOSE_18.index
    height = pose.size.height

    def turned(part: str) -> Tensor:
        left, right = index(f"left_{part}"), index(f"right_{part}")
        known = pose.visible[:, left] & pose.visible[:, right]
        width = pose.keypoints[:, left, 0] - pose.keypoints[:, right, 0]
        return torch.where(known, torch.tanh(width / (0.05 * height)), 0.0)

    face = pose.visible[:, [index("nose"), index("left_eye"), index("right_eye")]].any(1)
    return torch.stack([turned("shoulder"), turned("hip"), face.float() * 2 - 1], 1)


@dataclass(frozen=True)
class Layers:
    """What is laid together into a picture. Spatial size h x w unless said; flow in [-1, 1] of the source frame."""

    features: Float[Tensor, "n c h w"]
    flow: Float[Tensor, "n 2 h w"]
    visibility_logits: Float[Tensor, "n 1 2*h 2*w"]
    mask_logits: Float[Tensor, "n 1 2*h 2*w"]
    fill: Float[Tensor, "n 3 2*h 2*w"]
    """What to paint where the source shows nothing, before tanh."""
    shade: Float[Tensor, "n 3 h w"]
    """Added to what is copied: light that changed with the pose."""
    cast: Float[Tensor, "n 3 h w"]
    """Added to the background: shadows that moved."""
    flows: tuple[Float[Tensor, "n 2 _ _"], ...]
    """The flow at each coarser level, coarse to fine, for the loss."""
    seen: tuple[Float[Tensor, "n 1 _ _"], ...]
    """The visibility logits at the two coarsest levels, for the loss."""


class CoarseWeave(nn.Module):
    """Matches, and renders at half the working size. All frames below are the half-size picture's."""

    def __init__(self, config: WeaveConfig) -> None:
        super().__init__()
        c = config.channels
        pose_channels = len(OPENPOSE_18.keypoints) + len(OPENPOSE_18.limbs)
        self.config = config
        self.source_encoder = Pyramid(12 + pose_channels, c)
        self.pose_encoder = Pyramid(pose_channels, c)
        self.source_mask = nn.Conv2d(c * 3, 1, 3, 1, 1)
        self.background = nn.Sequential(ConvBlock(c * 4, c * 2), _zeroed(nn.Conv2d(c * 2, 3, 3, 1, 1)))
        self.blocks = nn.ModuleList([CrossBlock(4 * c, config.num_heads) for _ in range(config.num_blocks)])
        self.query = nn.Conv2d(4 * c, config.match_channels, 1)
        self.key = nn.Conv2d(4 * c, config.match_channels, 1)
        self.fuse3 = nn.Sequential(Fusion(8 * c + 2 + 9, 4 * c), ResBlock(4 * c), ResBlock(4 * c))
        self.fuse2 = nn.Sequential(Fusion(8 * c, 2 * c), ResBlock(2 * c), ResBlock(2 * c))
        self.fuse1 = nn.Sequential(Fusion(4 * c, c), ResBlock(c))
        self.head3 = _zeroed(nn.Conv2d(4 * c, 2 + 1, 3, 1, 1))
        self.head2 = _zeroed(nn.Conv2d(2 * c, 2 + 1, 3, 1, 1))
        self.head = nn.Conv2d(c, 2 + 4 + 4 + 12 + 3 + 3, 3, 1, 1)

    def pose_maps(self, pose: PoseBatch) -> Float[Tensor, "n 37 h w"]:
        """Heatmaps and bone maps; h x w is half of the half-size frame."""
        scale = 4
        small = pose.resize(Size(self.config.height // scale, self.config.width // scale))
        heat = heatmaps(small, sigma_px=self.config.heatmap_sigma_px / scale)
        return torch.cat([heat, bone_maps(small, sigma_px=self.config.bone_sigma_px / scale)], 1)

    def encode(self, source: Float[Tensor, "n 3 h w"], pose: PoseBatch) -> SourceFeatures:
        x = torch.cat([functional.pixel_unshuffle(source, 2), self.pose_maps(pose)], 1)
        level1, level2, level3 = self.source_encoder(x)
        mask_logits = self.source_mask(torch.cat([level1, _up(level2)], 1))
        background = _behind(source, mask_logits) + _up(self.background(level3), 4)
        return SourceFeatures(level1, level2, level3, mask_logits, facing(pose), background)

    def cover(
        self, features: SourceFeatures, source: Float[Tensor, "n 3 h w"], limbs: Float[Tensor, "n 1 h/2 w/2"]
    ) -> SourceFeatures:
        """The features with the source's mask grown to its arms and legs: the mask alone loses hands in front of a
        wall, and they would stay behind as ghosts. For drawing only."""
        logits = torch.maximum(features.mask_logits, limbs)
        correction = features.background - _behind(source, features.mask_logits)
        return replace(features, mask_logits=logits, background=_behind(source, logits) + correction)

    def encode_target(self, pose: PoseBatch) -> TargetFeatures:
        level1, level2, level3 = self.pose_encoder(self.pose_maps(pose))
        return TargetFeatures(level1, level2, level3, facing(pose))

    def match(self, source: SourceFeatures, target: TargetFeatures) -> Layers:
        """Aligns the source with the target pose."""
        target3 = target.level3
        for block in self.blocks:
            target3 = block(target3, source.level3)
        flow, matched = self._soft_match(target3, source.level3)
        soft = flow
        # Whether the two bodies face the same way decides what is visible; a network finds that product late by itself.
        turned = torch.cat([source.facing, target.facing, source.facing * target.facing], 1)
        planes = turned[..., None, None].expand(-1, -1, *flow.shape[-2:])
        x = self.fuse3(torch.cat([target3, matched, flow, planes], 1))
        delta, seen3 = self.head3(x).split((2, 1), 1)
        flow3 = flow + delta
        flow = _up(flow3)
        x = self.fuse2(torch.cat([_up(x), _warp(source.level2, flow), target.level2], 1))
        delta, seen = self.head2(x).split((2, 1), 1)
        flow2, seen2 = flow + delta, _up(seen3) + seen
        flow = _up(flow2)
        x = self.fuse1(torch.cat([_up(x), _warp(source.level1, flow), target.level1], 1))
        delta, visibility, mask, fill, shade, cast = self.head(x).split((2, 4, 4, 12, 3, 3), 1)
        return Layers(
            features=x,
            flow=flow + 0.2 * delta,
            visibility_logits=_up(seen2, 4) + functional.pixel_shuffle(visibility, 2),
            mask_logits=functional.pixel_shuffle(mask, 2),
            fill=functional.pixel_shuffle(fill, 2),
            shade=shade,
            cast=cast,
            flows=(soft, flow3, flow2),
            seen=(seen3, seen2),
        )

    def _soft_match(self, target: Tensor, source: Tensor) -> tuple[Tensor, Tensor]:
        """Expected source position and feature of each target cell under a softmax over all source cells."""
        n, c, h, w = target.shape
        query, key = self.query(target).flatten(2), self.key(source).flatten(2)
        weights = torch.softmax(query.transpose(1, 2) @ key / math.sqrt(query.shape[1]), -1)
        values = torch.cat([source, _grid(source).expand(n, -1, -1, -1)], 1).flatten(2)
        matched = (values @ weights.transpose(1, 2)).view(n, c + 2, h, w)
        return matched[:, c:], matched[:, :c]


def fill_in(picture: Float[Tensor, "n 3 h w"], known: Float[Tensor, "n 1 h w"]) -> Float[Tensor, "n 3 h w"]:
    """`picture` where `known` is 1; elsewhere a smooth continuation from around it (push-pull over a pyramid of
    weighted means)."""
    known = known.clamp(1e-4, 1.0)  # two floats: the ONNX exporter stumbles over a float and an int
    if min(picture.shape[-2:]) <= 1:
        return picture
    weight = functional.avg_pool2d(known, 2, ceil_mode=True, count_include_pad=False)
    mean = functional.avg_pool2d(picture * known, 2, ceil_mode=True, count_include_pad=False) / weight
    around = resized(fill_in(mean, (weight * 2).clamp(max=1)), Size(*picture.shape[-2:]))
    return known * picture + (1 - known) * around


def _behind(source: Tensor, mask_logits: Tensor) -> Tensor:
    """The source without its person, filled in from around, at half of its size."""
    free = 1 - torch.sigmoid(4 * _spread(mask_logits.detach()))
    return fill_in(functional.avg_pool2d(source, 2), free)


@dataclass(frozen=True)
class WeaveRendering(Rendering):
    """All that weave draws, always."""

    image: Float[Tensor, "n 3 h w"]
    mask: Float[Tensor, "n 1 h w"]  # pyright: ignore[reportGeneralTypeIssues]
    visibility: Float[Tensor, "n 1 h w"]  # pyright: ignore[reportGeneralTypeIssues]
    flow: Float[Tensor, "n 2 h w"]  # pyright: ignore[reportGeneralTypeIssues]


def compose(source: Float[Tensor, "n 3 h w"], features: SourceFeatures, layers: Layers) -> WeaveRendering:
    """Lays copied, painted and background pixels together at the source's own resolution."""
    size = Size(*source.shape[-2:])
    full = lambda x: resized(x, size)  # noqa: E731
    flow = full(layers.flow)
    visibility, mask = torch.sigmoid(full(layers.visibility_logits)), torch.sigmoid(full(layers.mask_logits))
    copied = _warp(source, flow) + full(layers.shade)
    person = visibility * copied + (1 - visibility) * torch.tanh(full(layers.fill))
    hidden = torch.sigmoid(full(_spread(features.mask_logits)))
    background = hidden * full(features.background) + (1 - hidden) * source + full(layers.cast)
    image = mask * person + (1 - mask) * background
    scale = torch.tensor([size.width, size.height], device=flow.device).view(1, 2, 1, 1)
    return WeaveRendering(image=image, mask=mask, visibility=visibility, flow=(flow + 1) / 2 * scale)


def _spread(logits: Tensor) -> Tensor:
    """Grows the mask by a cell, so that no rim of the person stays in the background."""
    return functional.max_pool2d(logits, 3, 1, 1)


# ---- the fine level and the whole generator


class FineLevel(nn.Module):
    """Refines the coarse layers by one octave with the full-size source; starts by changing nothing."""

    def __init__(self, config: WeaveConfig) -> None:
        super().__init__()
        c, f = config.channels, config.fine_channels
        self.source = nn.Sequential(ConvBlock(12, f), ResBlock(f))
        self.before = nn.Sequential(ResBlock(c), ResBlock(c))
        self.fuse = nn.Sequential(Fusion(c + f + 12, c), ResBlock(c))
        self.head = _zeroed(nn.Conv2d(c, 2 + 4 + 4 + 12, 3, 1, 1))
        self.polish_in = ConvBlock(c + 12, c)
        self.polish_out = _zeroed(nn.Conv2d(c, 12, 3, 1, 1))

    def encode(self, source: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n f h/2 w/2"]:
        small = functional.pixel_unshuffle(source, 2)
        return torch.cat([self.source(small), small], 1)

    def refine(self, source: Float[Tensor, "n f h w"], coarse: Layers) -> Layers:
        flow = _up(coarse.flow)
        features = self.before(coarse.features)
        x = self.fuse(torch.cat([_up(features), _warp(source, flow)], 1))
        delta, visibility, mask, fill = self.head(x).split((2, 4, 4, 12), 1)
        shuffle = lambda x: functional.pixel_shuffle(x, 2)  # noqa: E731
        return Layers(
            features=x,
            flow=flow + 0.1 * delta,
            visibility_logits=_up(coarse.visibility_logits) + shuffle(visibility),
            mask_logits=_up(coarse.mask_logits) + shuffle(mask),
            fill=_up(coarse.fill) + shuffle(fill),
            shade=_up(coarse.shade),
            cast=_up(coarse.cast),
            flows=(*coarse.flows, coarse.flow),
            seen=coarse.seen,
        )

    def polish(self, image: Float[Tensor, "n 3 h w"], layers: Layers) -> Float[Tensor, "n 3 h w"]:
        """What to add to the laid-together person: seams, shading, the detail of face and hands."""
        x = torch.cat([layers.features, functional.pixel_unshuffle(image, 2)], 1)
        return functional.pixel_shuffle(self.polish_out(self.polish_in(x)), 2)


SOURCE_MASK_SLACK = 1.0
"""Added to the logits of the source's mask before it forbids copying: the mask is soft at its rim."""
BACKGROUND_DIFFERENCE = 0.01
"""Mean squared difference to the background at which a source pixel no longer counts as background."""
BACKGROUND_PENALTY = 4.0
"""Subtracted from the mask's logits at background-like pixels: gaps between arm and body are not copied."""


@dataclass(frozen=True)
class WeaveSource:
    """An encoded source: its picture as given and at the working size, and its features. h x w is the
    picture's size, H x W the working size."""

    image: Float[Tensor, "n 3 h w"]
    working: Float[Tensor, "n 3 H W"]
    coarse: SourceFeatures
    fine: Float[Tensor, "n f H/2 W/2"]
    limbs: Float[Tensor, "n 1 H/4 W/4"]
    """Logits of arms and legs as the source pose places them."""

    def __getitem__(self, index: Tensor) -> "WeaveSource":
        return WeaveSource(*(getattr(self, name)[index] for name in self.__dataclass_fields__))


class WeaveGenerator(Generator[WeaveSource]):
    """Draws at the source's own resolution; matches at the working size. Any source whose frame has the working
    frame's proportions will do (256x176, 512x352, ...)."""

    family = "weave"
    largest_factor = 4

    def __init__(self, config: WeaveConfig) -> None:
        super().__init__()
        self.config = config
        self.size = Size(config.height, config.width)
        self.coarse = CoarseWeave(config)
        self.fine = FineLevel(config)

    def encode(
        self,
        source_image: Float[Tensor, "n 3 h w"],
        source_pose: PoseBatch,
        source_parsing: UInt8[Tensor, "n h w"] | None = None,
    ) -> WeaveSource:
        encoded = self.features(source_image, source_pose)
        half = functional.avg_pool2d(encoded.working, 2)
        return replace(encoded, coarse=self.coarse.cover(encoded.coarse, half, encoded.limbs))

    def features(self, source_image: Float[Tensor, "n 3 h w"], source_pose: PoseBatch) -> WeaveSource:
        """`encode` without what is for drawing only: training begins here."""
        working = resized(source_image, self.size)
        half = functional.avg_pool2d(working, 2)
        limbs = body_mask_logits(source_pose, Size(self.size.height // 4, self.size.width // 4))
        coarse = self.coarse.encode(half, source_pose)
        return WeaveSource(source_image, working, coarse, self.fine.encode(working), limbs)

    def render(self, encoded: WeaveSource, target_pose: PoseBatch) -> WeaveRendering:
        layers = self.refine(encoded, self.coarse.encode_target(target_pose))
        drawn = self.draw(encoded, self.for_drawing(encoded, layers))
        return replace(drawn, image=drawn.image.clamp(-1, 1))

    def refine(self, encoded: WeaveSource, target: TargetFeatures) -> Layers:
        """The layers at half the working size."""
        return self.fine.refine(encoded.fine, self.coarse.match(encoded.coarse, target))

    def source_mask(self, encoded: WeaveSource) -> Float[Tensor, "n 1 h w"]:
        # The learned mask takes flags and furniture of photographs for people; the limbs are where the pose says.
        return resized(torch.sigmoid(4 * _spread(encoded.limbs)), Size(*encoded.image.shape[-2:])).clamp(0, 1)

    def explain(self, encoded: WeaveSource, target_pose: PoseBatch) -> dict[str, Float[Tensor, "n 3 h w"]]:
        """`source_positions`: where in the source each place of the target is copied from, in the colours that
        `position_key` lays over the source, white where it is painted instead; `warped_source`: the source moved by
        the flow; `copied`: white where it is copied, black where painted; `mask`: white where the person is;
        `background`: what is behind the source's person."""
        drawn, size = self.render(encoded, target_pose), Size(*encoded.image.shape[-2:])
        positions = drawn.flow / drawn.flow.new_tensor([size.width, size.height]).view(1, 2, 1, 1)
        return {
            "source_positions": position_colors(positions, drawn.visibility * drawn.mask),
            "position_key": position_key(encoded.image),
            "warped_source": _warp(encoded.image, positions * 2 - 1),
            "copied": (drawn.visibility * 2 - 1).expand_as(drawn.image),
            "mask": (drawn.mask * 2 - 1).expand_as(drawn.image),
            "background": resized(encoded.coarse.background, size).clamp(-1, 1),
        }

    def for_drawing(self, encoded: WeaveSource, layers: Layers) -> Layers:
        """A sharper mask; and nothing is copied from where the source shows no person."""
        difference = (encoded.working - resized(encoded.coarse.background, self.size)).square().mean(1, keepdim=True)
        background_like = torch.exp(-difference / BACKGROUND_DIFFERENCE)
        person = resized(encoded.coarse.mask_logits.clamp(max=2), self.size) - BACKGROUND_PENALTY * background_like
        there = functional.logsigmoid(3 * (_warp(person, _up(layers.flow)) + SOURCE_MASK_SLACK))
        return replace(
            layers,
            mask_logits=layers.mask_logits * self.config.mask_sharpness,
            visibility_logits=layers.visibility_logits + there,
        )

    def draw(self, encoded: WeaveSource, layers: Layers) -> WeaveRendering:
        """The picture at the source's resolution, not yet limited to [-1, 1]: training needs its gradients."""
        working = compose(encoded.working, encoded.coarse, layers)
        detail = self.fine.polish(working.image, layers)
        picture = working
        if encoded.image.shape != encoded.working.shape:
            picture = compose(encoded.image, encoded.coarse, layers)
        image = picture.image + picture.mask * resized(detail, Size(*picture.image.shape[-2:]))
        return WeaveRendering(image, picture.mask, picture.visibility, picture.flow)


# ---- losses


@dataclass(frozen=True)
class Truth:
    """What the renderer knows about target images, for the losses. h x w is the picture's size."""

    image: Float[Tensor, "n 3 h w"]
    alpha: Float[Tensor, "n 1 h w"]
    """Coverage by the person, in [0, 1]."""
    weight: Float[Tensor, "n 1 h w"]
    """How much a pixel counts in the picture losses (faces and hands count more)."""
    flow: Float[Tensor, "n 2 h/2 w/2"]
    """True source position in [-1, 1]; outside that range the point is outside the source's frame."""
    visible: Bool[Tensor, "n 1 h/2 w/2"]
    foreground: Bool[Tensor, "n 1 h/2 w/2"]
    source_alpha: Float[Tensor, "n 1 h w"]


def weave_losses(
    rendering: WeaveRendering, layers: Layers, source: SourceFeatures, truth: Truth
) -> dict[str, Float[Tensor, ""]]:
    """Named scalar losses, already weighted; training minimises their sum."""
    visible = functional.interpolate(truth.visible.float(), scale_factor=2, mode="nearest")
    foreground = functional.interpolate(truth.foreground.float(), scale_factor=2, mode="nearest")
    seen = _seen_loss(layers.visibility_logits, visible, foreground)
    for logits in layers.seen:
        area = _cells(foreground, logits)
        seen = seen + _seen_loss(logits, _cells(visible, logits) / area.clamp_min(1e-4), area)
    mask = functional.binary_cross_entropy_with_logits(layers.mask_logits, truth.alpha)
    source_alpha = _cells(truth.source_alpha, source.mask_logits)
    source_mask = functional.binary_cross_entropy_with_logits(source.mask_logits, source_alpha)
    return {
        "flow": 2 * flow_loss(layers.flow, truth),
        "flow_coarse": sum((flow_loss(flow, truth) for flow in layers.flows), torch.zeros(())),
        "visibility": 0.4 * seen,
        "mask": 0.7 * mask + 0.2 * source_mask,
        "l1": (truth.weight * (rendering.image - truth.image).abs()).mean(),
        "gradient": _gradient_difference(rendering.image, truth.image, truth.weight),
    }


def _seen_loss(logits: Tensor, visible: Tensor, foreground: Tensor) -> Tensor:
    """Cross entropy of the visibility, averaged over the person alone."""
    weight = foreground / foreground.mean().clamp_min(0.01)
    return functional.binary_cross_entropy_with_logits(logits, visible.clamp(0, 1), weight=weight)


def flow_loss(flow: Float[Tensor, "n 2 k l"], truth: Truth) -> Float[Tensor, ""]:
    """Mean L1 distance to the true correspondence over the person; hidden surface counts 0.3, visible 1.3.

    A coarser flow is compared with the weighted mean of the true flow over each of its cells."""
    inside = (truth.flow.abs() < 1).all(1, keepdim=True) & truth.foreground
    weight = inside.float() * (0.3 + truth.visible.float())
    cell_weight = _cells(weight, flow)
    mean = _cells(truth.flow * weight, flow) / cell_weight.clamp_min(1e-4)
    return ((flow - mean).abs() * cell_weight).sum() / (cell_weight.sum() + 1)


def _cells(x: Tensor, like: Tensor) -> Tensor:
    """Means of `x` over the cells of the coarser map `like`."""
    return functional.adaptive_avg_pool2d(x, (like.shape[-2], like.shape[-1]))


def _gradient_difference(image: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean L1 distance of horizontal and vertical finite differences: keeps edges and prints sharp."""
    d = image - truth
    rows = (d[..., 1:, :] - d[..., :-1, :]).abs() * weight[..., 1:, :]
    columns = (d[..., 1:] - d[..., :-1]).abs() * weight[..., 1:]
    return rows.mean() + columns.mean()


FAMILY = Family(
    name="weave",
    title="exact geometry from rendered people (weave)",
    venue="posable",
    paper="no paper; see docs/models/weave.md",
    year=2026,
    described_in="ours",
    weights="shipped",
    config=WeaveConfig,
    generator=WeaveGenerator,
    tiny=WeaveConfig(height=64, width=48, channels=8, fine_channels=8, match_channels=8, num_heads=2),
    recipes="posable.recipes.weave",
)
