"""TFJR-Net with TKIN (Texture-Kernel Injection Normalisation): Chen, Fan, Ye, Li, Liao and Chen, IEEE Transactions on
Multimedia 2022, doi 10.1109/TMM.2022.3221351.

Bones say where the target's regions are; each region is then woven from a small kernel of texture, which the same
region of the source gives, or a picture of a material.

    source parsing, both bone maps --> parsing generator --> target parsing --+-----------> refined target parsing
                                                                              v                   ^      |
    target parsing, target bones --> structure encoder --> TKIN block at /4 --+-------------------'      v
                                                                 ^            '---> TKIN blocks at /2 and /1 --> image
    source picture --> texture encoder --> a kernel a region ----+---------------------------^
    a material     --> texture encoder --> texture fusion: into the kernel of a region

The paper's abstract and its repository's README are all that is public. STATED there: bone maps instead of keypoint
maps guide the generation of the target parsing; TKIN injects a region's texture kernel into the same region of the
parsing map, so that texture and shape are decoupled; external textures (DTD) are fused with the person's in a shared
texture space by texture-fusion TKIN; structure and texture are refined jointly; it builds on GFLA's and PISE's code.
INFERRED, our own choice: everything else, so all layers, sizes, kernels, losses and their weights. The parsing
generator follows PISE with GFLA's jumps, the encoders PISE. The rest is made such that what is stated holds exactly:
the structure encoder never sees the source picture, and within a TKIN a place depends on its own region's kernel only
(tests/families/test_tfjr.py).
"""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional

from posable.batch import PersonPair, PoseCondition
from posable.errors import ConfigError, SizeError
from posable.imaging.frame import Frame
from posable.models.editing import Region, check_strength
from posable.models.family import Family
from posable.models.framed import InlaidConfig, ParsingGuidedGenerator
from posable.models.generator import Rendering
from posable.models.objective import Objective, ParameterGroup
from posable.nn.losses import least_squares_judgement, least_squares_loss, picture_losses, style_loss
from posable.nn.parsing_generator import GatedConvolution, ParsingGenerator
from posable.nn.patch_discriminator import PatchDiscriminator
from posable.nn.perceptual_features import FeatureMaps, PerceptualFeatures
from posable.nn.residual_blocks import SLOPE, ImageOutput, ResidualDecoder, init_orthogonal, to_fourfold, to_sixteenth
from posable.nn.soft_parsing import (
    chosen_regions,
    class_shares,
    gathered,
    grid_weights,
    laid_out,
    most_likely,
    region_colors,
)
from posable.parsing.schemes import labels_named
from posable.pose.maps import bone_maps
from posable.pose.pose import OPENPOSE_18, PoseBatch

SMALLEST_TEXTURE = 32
"""Sides of a picture of a material, in px."""


@dataclass(frozen=True, kw_only=True)
class TfjrConfig(InlaidConfig):
    """Every number here is our choice."""

    parsing_labels: str = "PISE-8"
    """The scheme of the parsing maps (posable.parsing.schemes)."""
    parsing_channels: int = 32
    """Channels of the parsing generator's last maps; 16 times as many at the coarsest."""
    channels: int = 256
    """Channels of texture and of maps at a quarter of the size; halved at each finer level."""
    kernel_size: int = 3
    """Cells a side of a region's texture kernel; odd."""
    bone_sigma_px: float = 3.0
    """How thick bones are drawn, in px of the network's frame."""

    def __post_init__(self) -> None:
        self.check_sizes("tfjr")
        if self.channels % 8:
            raise ConfigError(f"tfjr's channels are {self.channels}; give a multiple of 8.")
        if self.kernel_size % 2 == 0:
            raise ConfigError(f"tfjr's kernel_size is {self.kernel_size}; give an odd number.")

    @property
    def multiple(self) -> int:
        return 16


# ---- blocks


@dataclass(frozen=True, eq=False)
class Injection:
    """Where which texture goes at one resolution."""

    regions: Float[Tensor, "n classes h w"]
    """One-hot."""
    grid: Float[Tensor, "n weights places"]
    """How each region's kernel is laid over it: (n, classes * cells, h * w)."""
    kernels: Float[Tensor, "n classes cells c"]


class TextureKernelInjection(nn.Module):
    """TKIN: an instance norm whose scale and offset a region's texture kernel gives, in that region alone.

    The kernel W of a region works in two ways. Each of its channels filters what lies in the region, as a depthwise
    convolution of the normed features with a kernel of unit length that sees nothing beyond the region; and it is laid
    over the region as a coarse layout. Of their sum two 1x1 convolutions make scale and offset: x' (1 + gamma) + beta.
    """

    def __init__(self, channels: int, texture_channels: int) -> None:
        super().__init__()
        hidden = channels // 2
        self.norm = nn.InstanceNorm2d(channels)
        self.squeeze = nn.Conv2d(channels, hidden, 1)
        self.to_filter = nn.Linear(texture_channels, hidden)
        self.to_layout = nn.Linear(texture_channels, hidden)
        self.to_scale_and_offset = nn.Sequential(
            nn.LeakyReLU(SLOPE), nn.Conv2d(hidden, hidden, 1), nn.LeakyReLU(SLOPE), nn.Conv2d(hidden, 2 * channels, 1)
        )

    def forward(self, x: Float[Tensor, "n c h w"], injection: Injection) -> Float[Tensor, "n c h w"]:
        x = self.norm(x)
        filters = functional.normalize(self.to_filter(injection.kernels), dim=2)
        layout = functional.leaky_relu(self.to_layout(injection.kernels), SLOPE)
        woven = region_filtered(self.squeeze(x), filters, injection.regions.detach())
        woven = woven + laid_out(layout, injection.grid, (x.shape[2], x.shape[3]))
        scale, offset = self.to_scale_and_offset(woven).chunk(2, 1)
        return x * (1 + scale) + offset


def region_filtered(
    x: Float[Tensor, "n c h w"], filters: Float[Tensor, "n classes taps c"], regions: Float[Tensor, "n classes h w"]
) -> Float[Tensor, "n c h w"]:
    """A depthwise convolution with another square filter in each one-hot region, which sees zeros beyond it."""
    side = int(filters.shape[2] ** 0.5)
    height, width = x.shape[-2:]
    x_padded, regions_padded = (functional.pad(part, [side // 2] * 4) for part in (x, regions))
    total = torch.zeros_like(x)
    for tap in range(side * side):
        row, column = divmod(tap, side)
        there = (..., slice(row, row + height), slice(column, column + width))
        both_inside = regions * regions_padded[there]
        total = total + torch.einsum("nkhw,nkc->nchw", both_inside, filters[:, :, tap]) * x_padded[there]
    return total


class TkinBlock(nn.Module):
    """The same size: twice (TKIN, LReLU, 3x3 convolution), beside the input."""

    def __init__(self, channels: int, texture_channels: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(TextureKernelInjection(channels, texture_channels) for _ in range(2))
        self.convolutions = nn.ModuleList(nn.Conv2d(channels, channels, 3, 1, 1) for _ in range(2))

    def forward(self, x: Float[Tensor, "n c h w"], injection: Injection) -> Float[Tensor, "n c h w"]:
        shortcut = x
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            x = convolution(functional.leaky_relu(norm(x, injection), SLOPE))
        return x + shortcut


class TextureFusion(nn.Module):
    """A material's kernel for a garment: the material's texture, on it so much of the garment's own light and shade
    (how its cells differ from their mean) as a gate lets through, channel by channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gate = nn.Linear(2 * channels, channels)

    def forward(
        self, own: Float[Tensor, "... cells c"], material: Float[Tensor, "... cells c"]
    ) -> Float[Tensor, "... cells c"]:
        mean = own.mean(-2, keepdim=True)
        gate = torch.sigmoid(self.gate(torch.cat([mean, material.mean(-2, keepdim=True)], -1)))
        return material + gate * (own - mean)


# ---- generator


@dataclass(frozen=True, eq=False)
class TfjrSource:
    """Everything about the source. H x W is the network's frame."""

    frame: Frame
    image: Float[Tensor, "n 3 H W"]
    """For pictures of what is carried over only; the network draws from the kernels."""
    parsing: Float[Tensor, "n classes H W"]
    """One-hot."""
    bones: Float[Tensor, "n 19 H W"]
    kernels: Float[Tensor, "n classes cells c"]
    """The texture of each region, in cells of a grid over it, row by row; of the whole picture where the source does
    not show the region."""


@dataclass(frozen=True, eq=False)
class Woven:
    """What the network draws in its own frame."""

    image: Float[Tensor, "n 3 H W"]
    scores: Float[Tensor, "n classes H W"]
    """Of the parsing, refined; a softmax makes them shares."""


class TfjrGenerator(ParsingGuidedGenerator[TfjrConfig, TfjrSource]):
    family = "tfjr"

    def __init__(self, config: TfjrConfig) -> None:
        super().__init__(config)
        self.parsing_labels = labels_named(config.parsing_labels)
        bones, classes, c = len(OPENPOSE_18.limbs), len(self.parsing_labels), config.channels
        self.parsing_generator = ParsingGenerator(classes + 2 * bones, classes, config.parsing_channels)
        self.texture_encoder = nn.Sequential(*to_sixteenth(3, c), *to_fourfold(c), nn.Conv2d(c, c, 1), nn.Tanh())
        self.texture_fusion = TextureFusion(c)
        self.structure_encoder = nn.Sequential(
            *to_sixteenth(classes + bones, c), GatedConvolution(c), GatedConvolution(c), *to_fourfold(c)
        )
        self.blocks = nn.ModuleList(TkinBlock(c // 2**level, c) for level in range(3))
        self.refinement = nn.Sequential(
            nn.InstanceNorm2d(c), nn.LeakyReLU(SLOPE), nn.Conv2d(c, c // 4, 3, 1, 1), nn.LeakyReLU(SLOPE)
        )
        self.to_scores = nn.Conv2d(c // 4 + classes, classes, 3, 1, 1)
        self.doublings = nn.ModuleList(ResidualDecoder(c // 2**level, c // 2 ** (level + 1)) for level in range(2))
        self.to_image = ImageOutput(c // 4, normed=True)
        init_orthogonal(self)

    def forward(self, condition: PoseCondition) -> Rendering:
        """`condition.texture`, if given, is what the upper clothes are made of."""
        encoded = self.encode(condition.source_image, condition.source_pose, condition.source_parsing)
        if condition.texture is not None:
            encoded = self.with_texture(encoded, condition.texture)
        return self.render(encoded, condition.target_pose)

    def encode_maps(
        self,
        image: Float[Tensor, "n 3 H W"],
        regions: Float[Tensor, "n classes H W"],
        pose_maps: Float[Tensor, "n 19 H W"],
        frame: Frame,
    ) -> TfjrSource:
        return TfjrSource(frame, image, regions, pose_maps, self.texture_kernels(image, regions))

    def render(self, encoded: TfjrSource, target_pose: PoseBatch) -> Rendering:
        bones = self.pose_maps(encoded.frame, target_pose)
        drawn = self.weave(encoded, bones, self.predict_parsing(encoded, bones))
        return Rendering(
            encoded.frame.image_back(drawn.image), parsing=self.shares(encoded.frame, drawn.scores.softmax(1))
        )

    def render_regions(
        self, encoded: TfjrSource, target_pose: PoseBatch, target_parsing: UInt8[Tensor, "n h w"]
    ) -> Rendering:
        """Woven into the regions of a parsing map that is given, in LIP-20 labels and the source picture's frame; the
        texture does not refine them."""
        regions = self.regions_of(encoded.frame, target_parsing)
        drawn = self.weave(encoded, self.pose_maps(encoded.frame, target_pose), certain_scores(regions), refine=False)
        return Rendering(
            encoded.frame.image_back(drawn.image), parsing=self.shares(encoded.frame, drawn.scores.softmax(1))
        )

    def with_garment(
        self, person: TfjrSource, garment: TfjrSource, region: Region, strength: float = 1.0
    ) -> TfjrSource:
        """The kernels of the region mixed with the other picture's: own + share (other - own)."""
        check_strength(strength)
        share = strength * class_shares(region, garment.parsing, garment.frame, self.parsing_labels)
        return replace(person, kernels=_mixed(person.kernels, garment.kernels, share))

    def with_texture(
        self,
        encoded: TfjrSource,
        texture: Float[Tensor, "#n 3 H W"],
        region: Region = "upper-clothes",
        strength: float | Float[Tensor, " n"] = 1.0,
    ) -> TfjrSource:
        """The person with a region made of the material in the picture `texture`: one for each person, or one for all;
        the strength is one for all or one for each. Raises SizeError for a texture of less than 32 px a side."""
        height, width = texture.shape[-2:]
        if min(height, width) < SMALLEST_TEXTURE:
            raise SizeError(
                f"the texture is {height}x{width}; give at least {SMALLEST_TEXTURE}x{SMALLEST_TEXTURE}, "
                "in the scale that it should have on the person."
            )
        check_strength(strength)
        own = encoded.kernels
        share = class_shares(region, encoded.parsing, encoded.frame, self.parsing_labels)
        share = share * torch.as_tensor(strength, dtype=own.dtype, device=own.device).view(-1, 1)
        material = self.texture_kernels(texture, torch.ones_like(texture[:, :1])).expand_as(own)
        return replace(encoded, kernels=_mixed(own, self.texture_fusion(own, material), share))

    def pose_maps(self, frame: Frame, pose: PoseBatch) -> Float[Tensor, "n 19 H W"]:
        return bone_maps(frame.poses(pose), sigma_px=self.config.bone_sigma_px)

    def texture_kernels(
        self, image: Float[Tensor, "n 3 H W"], regions: Float[Tensor, "n classes H W"]
    ) -> Float[Tensor, "n classes cells c"]:
        """What the picture looks like in each cell of a grid over each region."""
        features = self.texture_encoder(image)
        cells = functional.interpolate(regions, features.shape[-2:], mode="nearest")
        return gathered(features, cells, self.config.kernel_size)

    def predict_parsing(self, encoded: TfjrSource, target_bones: Float[Tensor, "n 19 H W"]) -> Tensor:
        """Scores of the target's parsing before it is refined, (n, classes, H, W)."""
        return self.parsing_generator(torch.cat([encoded.parsing, encoded.bones, target_bones], 1)).float()

    def weave(
        self,
        encoded: TfjrSource,
        target_bones: Float[Tensor, "n 19 H W"],
        scores: Float[Tensor, "n classes H W"],
        *,
        refine: bool = True,
    ) -> Woven:
        """The picture in the network's frame, drawn into the regions that the scores tell. `refine` lets the texture at
        a quarter of the size correct them for the finer levels."""
        shares = scores.softmax(1)
        x = self.structure_encoder(torch.cat([chosen_regions(shares), target_bones], 1))
        x = self.blocks[0](x, self._injection(encoded, shares, 4))
        if refine:
            context = torch.cat([self.refinement(x), functional.avg_pool2d(scores, 4)], 1)
            correction = functional.interpolate(
                self.to_scores(context).float(), scale_factor=4.0, mode="bilinear", align_corners=False
            )
            scores = scores + correction
            shares = scores.softmax(1)
        for doubling, block, factor in zip(self.doublings, self.blocks[1:], (2, 1), strict=True):
            x = block(doubling(x), self._injection(encoded, shares, factor))
        return Woven(self.to_image(x), scores)

    def explain(self, encoded: TfjrSource, target_pose: PoseBatch) -> dict[str, Float[Tensor, "n 3 h w"]]:
        """`source_parsing`, `predicted_parsing` and `refined_parsing` in the field's colours; `carried_layout`: the
        source's mean colours in the cells of each region's kernel, laid over the target as the kernel is."""
        bones = self.pose_maps(encoded.frame, target_pose)
        scores = self.predict_parsing(encoded, bones)
        refined, cells = self.weave(encoded, bones, scores).scores, self.config.kernel_size
        colors = gathered(encoded.image, encoded.parsing, cells)
        carried = laid_out(colors, grid_weights(most_likely(refined), cells), encoded.frame.size)
        pictures = {
            "source_parsing": region_colors(encoded.parsing, self.parsing_labels),
            "predicted_parsing": region_colors(scores, self.parsing_labels),
            "refined_parsing": region_colors(refined, self.parsing_labels),
            "carried_layout": carried,
        }
        return {name: encoded.frame.image_back(picture).clamp(-1, 1) for name, picture in pictures.items()}

    def _injection(self, encoded: TfjrSource, shares: Float[Tensor, "n classes H W"], factor: int) -> Injection:
        regions = chosen_regions(shares, factor)
        return Injection(regions, grid_weights(regions, self.config.kernel_size), encoded.kernels)


def certain_scores(regions: Float[Tensor, "n classes h w"]) -> Float[Tensor, "n classes h w"]:
    """Scores of one-hot regions, so large that a softmax gives the regions back."""
    return 50 * regions


def _mixed(
    own: Float[Tensor, "n classes cells c"],
    other: Float[Tensor, "n classes cells c"],
    share: Float[Tensor, "n classes"],
) -> Float[Tensor, "n classes cells c"]:
    return own + (other - own) * share[..., None, None]


# ---- training


@dataclass(frozen=True, kw_only=True)
class TfjrWeights:
    """Weights of the losses: those of PISE and GFLA, as the paper's are not public."""

    l1: float = 5.0
    content: float = 0.5
    style: float = 200.0
    adversarial: float = 2.0
    parsing: float = 1.0
    """Of the cross entropy of the predicted and of the refined parsing."""
    parsing_l1: float = 100.0
    material: float = 200.0
    """Of the style loss between a region and the material that it is to be made of."""


@dataclass(frozen=True, kw_only=True)
class TfjrDrawing(Rendering):
    """What is drawn in training. The losses look at the network's frame."""

    frame: Frame
    drawn: Float[Tensor, "n 3 H W"] | None
    """None in the parsing stage."""
    predictions: tuple[Float[Tensor, "n classes H W"], ...]
    """Scores of the parsing: as predicted, then as refined; none in the texture stage."""
    material_region: Float[Tensor, "n 1 H W"] | None
    """1 where the target shows what was drawn in another material."""


class TfjrObjective(Objective[TfjrGenerator, TfjrDrawing]):
    """One of the three stages: the parsing generator alone; the texture, woven into the target's true regions; all
    jointly, into the predicted and refined regions.

    Every second person of a batch with textures is drawn in another material: there its upper clothes are compared with
    the material by style, and everything else with the truth.
    """

    region = "upper-clothes"

    def __init__(
        self, weights: TfjrWeights, features: PerceptualFeatures, stage: Literal["parsing", "texture", "joint"]
    ) -> None:
        super().__init__()
        self.weights = weights
        self.stage = stage
        self.features = features
        self.discriminator = None if stage == "parsing" else PatchDiscriminator(activate_image=True)

    def draw(self, generator: TfjrGenerator, batch: PersonPair) -> TfjrDrawing:
        condition = batch.condition
        encoded = generator.encode(condition.source_image, condition.source_pose, condition.source_parsing)
        truth = generator.true_regions(encoded.frame, batch)
        frame, bones = encoded.frame, generator.pose_maps(encoded.frame, condition.target_pose)
        if self.stage == "parsing":
            scores = generator.predict_parsing(encoded, bones)
            parsing = generator.shares(frame, scores.softmax(1))
            layout = region_colors(scores.detach(), generator.parsing_labels)
            return TfjrDrawing(
                image=frame.image_back(layout),
                parsing=parsing,
                frame=frame,
                drawn=None,
                predictions=(scores,),
                material_region=None,
            )
        region = None
        if condition.texture is not None:
            chosen = torch.arange(len(batch), device=truth.device) % 2
            encoded = generator.with_texture(encoded, condition.texture, self.region, chosen.float())
            index = generator.parsing_labels.index(self.region)
            region = truth[:, index : index + 1] * chosen.view(-1, 1, 1, 1)
        if self.stage == "texture":
            woven, predictions = generator.weave(encoded, bones, certain_scores(truth), refine=False), ()
        else:
            predicted = generator.predict_parsing(encoded, bones)
            woven = generator.weave(encoded, bones, predicted)
            predictions = (predicted, woven.scores)
        return TfjrDrawing(
            image=frame.image_back(woven.image),
            parsing=generator.shares(frame, woven.scores.softmax(1)),
            frame=frame,
            drawn=woven.image,
            predictions=predictions,
            material_region=region,
        )

    def generator_losses(
        self, generator: TfjrGenerator, drawn: TfjrDrawing, batch: PersonPair
    ) -> dict[str, Float[Tensor, ""]]:
        weights, regions = self.weights, generator.true_regions(drawn.frame, batch)
        losses: dict[str, Tensor] = {}
        for name, scores in zip(("parsing", "refined_parsing"), drawn.predictions, strict=False):
            losses[name] = weights.parsing * functional.cross_entropy(scores, regions.argmax(1))
            losses[f"{name}_l1"] = weights.parsing_l1 * functional.l1_loss(scores.softmax(1), regions)
        if drawn.drawn is None or self.discriminator is None:
            return losses
        truth = drawn.frame.image(batch.target_image)
        # What is made of another material has no truth to be like.
        compared = drawn.drawn if drawn.material_region is None else drawn.drawn.lerp(truth, drawn.material_region)
        losses |= picture_losses(
            self.features, compared, truth, l1=weights.l1, content=weights.content, style=weights.style
        )
        losses["adversarial"] = weights.adversarial * least_squares_loss(self.discriminator(drawn.drawn), real=True)
        if drawn.material_region is not None and batch.condition.texture is not None:
            with torch.no_grad():
                material = self.features(batch.condition.texture)
            losses["material"] = weights.material * region_style_loss(
                self.features(drawn.drawn), material, drawn.material_region
            )
        return losses

    def discriminator_losses(self, drawn: TfjrDrawing, batch: PersonPair, step: int) -> dict[str, Float[Tensor, ""]]:
        if drawn.drawn is None or self.discriminator is None:
            return {}
        return least_squares_judgement(self.discriminator, drawn.frame.image(batch.target_image), drawn.drawn)

    def parameter_groups(self, generator: TfjrGenerator) -> list[ParameterGroup]:
        structure = ("parsing_generator.", "refinement.", "to_scores.")
        parts = {
            "parsing": lambda name: name.startswith(structure[0]),
            "texture": lambda name: not name.startswith(structure),
            "joint": lambda name: True,
        }
        named = generator.named_parameters()
        return [ParameterGroup([p for name, p in named if parts[self.stage](name)])]


def region_style_loss(got: FeatureMaps, material: FeatureMaps, region: Float[Tensor, "n 1 H W"]) -> Float[Tensor, ""]:
    """How far the textures within the region (a share of each place) are from the material's: the style loss with means
    over the region alone. People without such a region count as zero."""
    inside: list[Tensor] = []
    wanted: list[Tensor] = []
    for layer, other in zip(got.style, material.style, strict=True):
        share = functional.adaptive_avg_pool2d(region, (layer.shape[-2], layer.shape[-1]))
        area = share.mean((1, 2, 3), keepdim=True)
        # Gram matrices are means of products over the whole map; with these factors they are means over the region.
        inside.append(layer * (share / area.clamp_min(1e-4)).sqrt() * (area > 1e-4))
        wanted.append(other * (area > 1e-4))
    return style_loss(inside, wanted)


FAMILY = Family(
    name="tfjr",
    title="TFJR-Net with texture kernels (TKIN)",
    venue="IEEE TMM 2022",
    paper="TFJR-Net, IEEE Transactions on Multimedia 2022, doi 10.1109/TMM.2022.3221351",
    year=2022,
    described_in="abstract",
    weights="none",
    config=TfjrConfig,
    generator=TfjrGenerator,
    tiny=TfjrConfig(height=64, width=48, network_height=64, network_width=48, parsing_channels=4, channels=16),
    recipes="posable.recipes.tfjr",
)
