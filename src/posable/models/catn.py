"""CATN, the two-stream context-aware appearance transfer network: Shen, Wang and Tang, "Exploiting appearance transfer
and multi-scale context for efficient person image generation", Pattern Recognition 2022; and its predecessor 2s-ATN,
"Two-stream appearance transfer network for person image generation", arXiv 2011.04181.

Two streams run side by side through a few stages. In each, every place of the target stream asks all places of the
source stream who looks like it (a dense correspondence) and takes their appearance; convolutions of several dilations
look around it, to fill in what the source does not show; then the streams exchange what they know.

    source picture,
    source pose ---- encoder --> F_s --> convolutions --> S, its keys and values ----.--------> S and T' --> next stage
                                                                |                    |              ^
    target pose ---- encoder --> F_t --> convolutions --> T -- asks; takes A         v              |
                                  |             T + sigma A --> + context --> fused with S --> + --> T' ---> next stage
                                  '------------------------------------------------------------'      (last: decoder)

No code is public, and of the 2022 paper only the abstract and the highlights were read. What they and the arXiv paper
state: two streams and their inputs; three stages (nine in 2s-ATN); the appearance transfer's equations and its
channels; atrous convolutions of several rates; concatenation as the better fusion; the losses and their weights.
**Inferred** by us, and marked so where it stands: encoders, decoder and the norms of the stages (PATN's, on which
2s-ATN is built), the width of the source stream (it makes 2s-ATN's 43.28 million parameters come out), everything
about the context module but that it is of atrous convolutions, the least-squares adversary. docs/models/catn.md lists
it all. `encode` keeps what no target pose changes: F_s and the first stage's S, keys and values.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from posable.batch import PersonPair
from posable.errors import ConfigError
from posable.imaging.frame import Frame
from posable.imaging.size import Size
from posable.models.family import Family
from posable.models.framed import PoseGuidedGenerator, StretchedConfig
from posable.models.generator import Rendering
from posable.models.objective import Objective
from posable.nn.attention_pictures import (
    attended_patches,
    enlarged,
    expected_positions,
    position_colors,
    position_key,
)
from posable.nn.losses import least_squares_loss, logistic_discriminator_loss, nonsaturating_generator_loss
from posable.nn.perceptual_features import PerceptualFeatures, Vgg19Features
from posable.nn.pretrained.vgg19 import imagenet_normalised
from posable.pose.maps import heatmaps
from posable.pose.pose import OPENPOSE_18, PoseBatch


@dataclass(frozen=True, kw_only=True)
class CatnConfig(StretchedConfig):
    network_width: int = 176
    channels: int = 64
    """Channels at the network's full size; doubled at each coarser level (inferred)."""
    levels: int = 2
    """How often the encoders halve the size; the stages work at the last level."""
    num_stages: int = 3
    dilations: tuple[int, ...] = (1, 2, 4, 8)
    """Rates of the context module's parallel convolutions (inferred); without any there is no context module."""
    context_channels: int = 64
    """Of each of the context module's convolutions (inferred)."""
    context_pooling: bool = False
    """Whether the mean of the whole map joins the context (inferred, off)."""
    source_fusion: Literal["concatenate", "project", "add"] = "concatenate"
    """How the source stream takes in the target stream's: side by side, so that the next stage's first convolution is
    twice as wide (inferred from the size of 2s-ATN); side by side, then a 1x1 convolution (lighter); or their sum."""
    target_fusion: Literal["project", "add"] = "project"
    """How the target stream takes in the source stream's: side by side, then a 1x1 convolution; or their sum."""
    query_reduction: int = 8
    """The transfer's queries and keys have this many times fewer channels than the stages (2s-ATN: 8)."""
    value_reduction: int = 2
    """And its values this many times fewer (2s-ATN: 2)."""
    dropout: float = 0.5
    """Between a stage's two convolutions, in training (2s-ATN: 0.5)."""
    heatmap_sigma_px: float = 6.0
    """Standard deviation of a keypoint's Gaussian, in px of the network's frame (PATN's)."""

    def __post_init__(self) -> None:
        self.check_sizes("catn", 2 * self.multiple, "give larger ones or fewer levels")
        if self.num_stages < 1:
            raise ConfigError(f"catn's num_stages is {self.num_stages}; give at least 1.")
        if self.stage_channels % self.query_reduction or self.stage_channels % self.value_reduction:
            raise ConfigError(
                f"catn's query_reduction ({self.query_reduction}) and value_reduction ({self.value_reduction}) must "
                f"divide its {self.stage_channels} channels."
            )
        if any(dilation < 1 for dilation in self.dilations):
            raise ConfigError(f"catn's dilations are {self.dilations}; give whole numbers from 1 on.")
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"catn's dropout is {self.dropout}; give a number from 0 to below 1.")
        for name, fusions in (("source_fusion", _FUSIONS), ("target_fusion", _FUSIONS[1:])):
            if getattr(self, name) not in fusions:
                raise ConfigError(f"catn's {name} is '{getattr(self, name)}'; give one of {', '.join(fusions)}.")

    @property
    def multiple(self) -> int:
        return 2**self.levels

    @property
    def stage_channels(self) -> int:
        return self.channels * 2**self.levels


_FUSIONS = ("concatenate", "project", "add")

TWO_STREAM_ATN = CatnConfig(num_stages=9, dilations=())
"""2s-ATN, the predecessor: nine stages without context, 43.28 million parameters."""

LIGHT_CATN = CatnConfig(source_fusion="project")
"""Ours: the streams stay equally wide, with 11.19 million parameters instead of 15.65."""


# ---- blocks; all of them take maps (n, c, h, w)


class Encoder(nn.Sequential):
    """PATN's: a 7x7 convolution, then each 3x3 convolution of stride 2 halves the size and doubles the channels."""

    def __init__(self, inputs: int, config: CatnConfig) -> None:
        layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(inputs, config.channels, 7)]
        layers += [nn.InstanceNorm2d(config.channels), nn.ReLU()]
        for level in range(config.levels):
            c = config.channels * 2**level
            layers += [nn.Conv2d(c, 2 * c, 3, 2, 1), nn.InstanceNorm2d(2 * c), nn.ReLU()]
        super().__init__(*layers)


class Decoder(nn.Sequential):
    """PATN's: transposed 3x3 convolutions of stride 2, a 7x7 convolution and tanh."""

    def __init__(self, config: CatnConfig) -> None:
        layers: list[nn.Module] = []
        for level in range(config.levels, 0, -1):
            c = config.channels * 2**level
            layers += [nn.ConvTranspose2d(c, c // 2, 3, 2, 1, output_padding=1), nn.InstanceNorm2d(c // 2), nn.ReLU()]
        super().__init__(*layers, nn.ReflectionPad2d(3), nn.Conv2d(config.channels, 3, 7), nn.Tanh())


class StageConvolutions(nn.Sequential):
    """A stage's two 3x3 convolutions. That the second has a norm but no activation is inferred (PATN's blocks)."""

    def __init__(self, inputs: int, outputs: int, dropout: float) -> None:
        super().__init__(
            nn.ReflectionPad2d(1),
            nn.Conv2d(inputs, inputs, 3),
            nn.InstanceNorm2d(inputs),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.ReflectionPad2d(1),
            nn.Conv2d(inputs, outputs, 3),
            nn.InstanceNorm2d(outputs),
        )


class Fusion(nn.Module):
    """Two streams of `channels` each as one of `outputs`."""

    def __init__(self, how: Literal["concatenate", "project", "add"], channels: int) -> None:
        super().__init__()
        self.adds = how == "add"
        self.outputs = 2 * channels if how == "concatenate" else channels
        self.projection = nn.Conv2d(2 * channels, channels, 1) if how == "project" else nn.Identity()

    def forward(self, own: Float[Tensor, "n c h w"], other: Float[Tensor, "n c h w"]) -> Float[Tensor, "n outputs h w"]:
        return own + other if self.adds else self.projection(torch.cat([own, other], 1))


class MultiScaleContext(nn.Module):
    """What surrounds each place, near and far: parallel 3x3 convolutions of several dilations, side by side, then a
    1x1 convolution. After ASPP (Chen et al., 2017); the paper tells no more than that it uses atrous convolutions."""

    def __init__(self, config: CatnConfig) -> None:
        super().__init__()
        c, width = config.stage_channels, config.context_channels
        self.scales = nn.ModuleList(
            nn.Sequential(nn.Conv2d(c, width, 3, 1, rate, rate), nn.InstanceNorm2d(width), nn.ReLU())
            for rate in config.dilations
        )
        # A norm over the single place that is left would be nothing.
        self.whole = (
            nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(c, width, 1), nn.ReLU())
            if config.context_pooling
            else None
        )
        self.projection = nn.Conv2d(width * (len(config.dilations) + config.context_pooling), c, 1)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        found = [scale(x) for scale in self.scales]
        if self.whole is not None:
            found.append(self.whole(x).expand(-1, -1, *x.shape[-2:]))
        return self.projection(torch.cat(found, 1))


class SourceFeatures(NamedTuple):
    """What a stage's source stream offers, (n, c, h, w) each."""

    features: Float[Tensor, "n c h w"]
    """S."""
    key: Float[Tensor, "n key h w"]
    value: Float[Tensor, "n value h w"]


class SourceStage(nn.Module):
    """A stage's source stream: takes in the target stream's last result (not in the first stage), and offers its
    features with keys and values."""

    def __init__(self, config: CatnConfig, *, first: bool) -> None:
        super().__init__()
        c = config.stage_channels
        self.fusion = None if first else Fusion(config.source_fusion, c)
        inputs = c if self.fusion is None else self.fusion.outputs
        self.convolutions = StageConvolutions(inputs, c, config.dropout)
        self.to_key = nn.Conv2d(c, c // config.query_reduction, 1)
        self.to_value = nn.Conv2d(c, c // config.value_reduction, 1)

    def forward(
        self, source: Float[Tensor, "n c h w"], target: Float[Tensor, "n c h w"] | None = None
    ) -> SourceFeatures:
        assert (self.fusion is None) == (target is None)
        features = self.convolutions(source if self.fusion is None else self.fusion(source, target))
        return SourceFeatures(features, self.to_key(features), self.to_value(features))


class TargetStage(nn.Module):
    """A stage's target stream: appearance transfer, context, and the fusion with the source stream."""

    def __init__(self, config: CatnConfig) -> None:
        super().__init__()
        c = config.stage_channels
        self.convolutions = StageConvolutions(c, c, config.dropout)
        self.to_query = nn.Conv2d(c, c // config.query_reduction, 1)
        self.to_appearance = nn.Conv2d(c // config.value_reduction, c, 1)
        self.strength = nn.Parameter(torch.zeros(1))
        """sigma, learned (2s-ATN): how much appearance is taken. That it starts at 0 is inferred."""
        self.context = MultiScaleContext(config) if config.dilations or config.context_pooling else None
        self.fusion = Fusion(config.target_fusion, c)

    def forward(self, target: Float[Tensor, "n c h w"], source: SourceFeatures) -> Float[Tensor, "n c h w"]:
        asking = self.convolutions(target)
        appearance = self.to_appearance(transferred(self.to_query(asking), source.key, source.value))
        x = asking + self.strength * appearance
        if self.context is not None:
            x = x + self.context(x)
        return target + self.fusion(source.features, x)

    def correspondence(self, target: Float[Tensor, "n c h w"], source: SourceFeatures) -> Float[Tensor, "n t s"]:
        """How much each place of the target stream takes from each of the source stream's; rows sum to 1."""
        query, key = self.to_query(self.convolutions(target)).flatten(2), source.key.flatten(2)
        return torch.softmax(query.transpose(1, 2) @ key, -1)


def transferred(
    query: Float[Tensor, "n q h w"], key: Float[Tensor, "n q h w"], value: Float[Tensor, "n v h w"]
) -> Float[Tensor, "n v h w"]:
    """V D^T with D = softmax of each row of Q^T K, not scaled (2s-ATN, appearance transfer module)."""
    # Fused kernels, which do not keep D, want queries, keys and values of one width and each place's channels next to
    # each other; zeros change no product.
    width = max(query.shape[1], value.shape[1])

    def tokens(x: Tensor) -> Tensor:
        return functional.pad(x.flatten(2).transpose(1, 2), (0, width - x.shape[1])).contiguous()[:, None]

    found = functional.scaled_dot_product_attention(tokens(query), tokens(key), tokens(value), scale=1.0)
    return found[:, 0, :, : value.shape[1]].transpose(1, 2).unflatten(2, query.shape[-2:])


# ---- generator


@dataclass(frozen=True, eq=False)
class CatnSource:
    """A source, encoded. H x W is the network's frame."""

    frame: Frame
    image: Float[Tensor, "n 3 H W"]
    offered: SourceFeatures
    """By the first stage's source stream."""


class CatnGenerator(PoseGuidedGenerator[CatnConfig, CatnSource]):
    family = "catn"

    def __init__(self, config: CatnConfig) -> None:
        super().__init__(config)
        keypoints = len(OPENPOSE_18.keypoints)
        self.source_encoder = Encoder(3 + keypoints, config)
        self.target_encoder = Encoder(keypoints, config)
        self.source_stages = nn.ModuleList(SourceStage(config, first=k == 0) for k in range(config.num_stages))
        self.target_stages = nn.ModuleList(TargetStage(config) for _ in range(config.num_stages))
        self.decoder = Decoder(config)
        init_normal(self)

    def encode_maps(
        self, image: Float[Tensor, "n 3 H W"], pose_maps: Float[Tensor, "n 18 H W"], frame: Frame
    ) -> CatnSource:
        features = self.source_encoder(torch.cat([image, pose_maps], 1))
        return CatnSource(frame, image, self.source_stages[0](features))

    def render(self, encoded: CatnSource, target_pose: PoseBatch) -> Rendering:
        return Rendering(encoded.frame.image_back(self.draw_maps(encoded, self.pose_maps(encoded.frame, target_pose))))

    def pose_maps(self, frame: Frame, pose: PoseBatch) -> Float[Tensor, "n 18 H W"]:
        return heatmaps(frame.poses(pose), sigma_px=self.config.heatmap_sigma_px)

    def draw_maps(self, encoded: CatnSource, target_maps: Float[Tensor, "n 18 H W"]) -> Float[Tensor, "n 3 H W"]:
        """The picture in the network's frame."""
        target = self.target_encoder(target_maps)
        source = encoded.offered
        for k, target_stage in enumerate(self.target_stages):
            if k:
                source = self.source_stages[k](source.features, target)
            target = target_stage(target, source)
        return self.decoder(target)

    def explain(self, encoded: CatnSource, target_pose: PoseBatch) -> dict[str, Float[Tensor, "n 3 h w"]]:
        """Pictures of each stage's dense correspondence, k from 1: `attended_source_k`, the source's patches in the
        mixture that each target place takes; `source_positions_k`, where they come from (colours of the place in the
        source, white where the correspondence is spread out). And `position_key`, those colours laid over the source.

        The first stage's source stream has seen nothing but the source. From the second on, the target stream is mixed
        into it place by place, so what is taken there need not be the source's appearance.
        """
        target = self.target_encoder(self.pose_maps(encoded.frame, target_pose))
        cells, source = Size(*target.shape[-2:]), encoded.offered
        pictures = {"position_key": position_key(encoded.image)}
        for k, stage in enumerate(self._target_stages()):
            if k:
                source = self.source_stages[k](source.features, target)
            weights = stage.correspondence(target, source)
            positions, spread = expected_positions(weights, cells)
            pictures[f"attended_source_{k + 1}"] = attended_patches(weights, encoded.image, cells)
            colors = position_colors(positions, 1 - spread)
            pictures[f"source_positions_{k + 1}"] = enlarged(colors, encoded.frame.size)
            target = stage(target, source)
        return {name: encoded.frame.image_back(picture) for name, picture in pictures.items()}

    def _target_stages(self) -> list[TargetStage]:
        return [stage for stage in self.target_stages if isinstance(stage, TargetStage)]


def init_normal(module: nn.Module) -> None:
    """Weights of the convolutions with a standard deviation of 0.02 and biases of zero, as PATN begins (inferred)."""
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(layer.weight, std=0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


# ---- training


class ResidualBlock(nn.Module):
    """PATN's, of its discriminators."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for activation in (nn.LeakyReLU(0.2), nn.Identity()):
            layers += [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels), activation]
        self.main = nn.Sequential(*layers[:-1])

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        return x + self.main(x)


class PairDiscriminator(nn.Sequential):
    """PATN's: whether a picture belongs to what it is given with, `inputs` channels of both side by side in a frame
    (n, inputs, H, W); to (n, 4 channels, H / 4, W / 4) scores.

    Its 256 channels are all scores: there is no layer that makes one of them. 2s-ATN states LReLU of slope 0.2, and
    dropout in the generator only."""

    def __init__(self, inputs: int, channels: int = 64, num_blocks: int = 3) -> None:
        layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(inputs, channels, 7)]
        layers += [nn.InstanceNorm2d(channels), nn.LeakyReLU(0.2)]
        for c in (channels, 2 * channels):
            layers += [nn.Conv2d(c, 2 * c, 3, 2, 1), nn.InstanceNorm2d(2 * c), nn.LeakyReLU(0.2)]
        super().__init__(*layers, *[ResidualBlock(4 * channels) for _ in range(num_blocks)])
        init_normal(self)


@dataclass(frozen=True, kw_only=True)
class CatnWeights:
    """Weights of the losses; the defaults are 2s-ATN's, the same for both of its data sets."""

    adversarial: float = 20.0
    """Of the mean of both discriminators' losses."""
    l1: float = 17.0
    perceptual: float = 17.0
    adversary: Literal["least_squares", "cross_entropy"] = "least_squares"
    """Inferred: what PATN's code takes for DeepFashion; it takes cross entropy for Market-1501."""


@dataclass(frozen=True, kw_only=True)
class CatnDrawing(Rendering):
    """What is drawn in training, with what the discriminators are given besides; all in the network's frame."""

    frame: Frame
    drawn: Float[Tensor, "n 3 H W"]
    source_image: Float[Tensor, "n 3 H W"]
    target_maps: Float[Tensor, "n 18 H W"]


class CatnObjective(Objective[CatnGenerator, CatnDrawing]):
    """L1, the perceptual loss at an early layer, and PATN's two discriminators: of appearance, given the source
    picture, and of shape, given the target pose."""

    def __init__(self, weights: CatnWeights, features: PerceptualFeatures, discriminator_channels: int = 64) -> None:
        super().__init__()
        self.weights = weights
        self.features = features
        self.appearance_discriminator = PairDiscriminator(6, discriminator_channels)
        self.shape_discriminator = PairDiscriminator(3 + len(OPENPOSE_18.keypoints), discriminator_channels)

    def draw(self, generator: CatnGenerator, batch: PersonPair) -> CatnDrawing:
        condition = batch.condition
        encoded = generator.encode(condition.source_image, condition.source_pose)
        target_maps = generator.pose_maps(encoded.frame, condition.target_pose)
        drawn = generator.draw_maps(encoded, target_maps)
        return CatnDrawing(
            image=encoded.frame.image_back(drawn),
            frame=encoded.frame,
            drawn=drawn,
            source_image=encoded.image,
            target_maps=target_maps,
        )

    def generator_losses(
        self, generator: CatnGenerator, drawn: CatnDrawing, batch: PersonPair
    ) -> dict[str, Float[Tensor, ""]]:
        weights, frame = self.weights, drawn.frame
        picture, truth = frame.content_of(drawn.drawn), frame.content_of(frame.image(batch.target_image))
        with torch.no_grad():
            wanted = early_features(self.features, truth)
        losses = {
            "l1": weights.l1 * functional.l1_loss(picture, truth),
            "perceptual": weights.perceptual * functional.l1_loss(early_features(self.features, picture), wanted),
        }
        for name, score in self._scores(drawn.drawn, drawn).items():
            losses[f"adversarial_{name}"] = weights.adversarial / 2 * self._wishing(score)
        return losses

    def discriminator_losses(self, drawn: CatnDrawing, batch: PersonPair, step: int) -> dict[str, Float[Tensor, ""]]:
        real = self._scores(drawn.frame.image(batch.target_image), drawn)
        generated = self._scores(drawn.drawn.detach(), drawn)
        return {name: self.weights.adversarial / 2 * self._judging(real[name], generated[name]) for name in real}

    def _scores(self, picture: Tensor, drawn: CatnDrawing) -> dict[str, Tensor]:
        return {
            "appearance": self.appearance_discriminator(torch.cat([picture, drawn.source_image], 1)),
            "shape": self.shape_discriminator(torch.cat([picture, drawn.target_maps], 1)),
        }

    def _wishing(self, score: Tensor) -> Tensor:
        if self.weights.adversary == "cross_entropy":
            return nonsaturating_generator_loss(score)
        return least_squares_loss(score, real=True)

    def _judging(self, real: Tensor, generated: Tensor) -> Tensor:
        if self.weights.adversary == "cross_entropy":
            return logistic_discriminator_loss(real, generated)
        return least_squares_loss(real, real=True) + least_squares_loss(generated, real=False)


def early_features(features: PerceptualFeatures, image: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c _ _"]:
    """What the perceptual loss compares: VGG19's relu1_2 of the picture as ImageNet knows it, as 2s-ATN has it; of
    stand-ins for VGG19 their first map."""
    if isinstance(features, Vgg19Features):
        return features.network(imagenet_normalised(image), ("relu1_2",))["relu1_2"]
    return features(image).content[0]


FAMILY = Family(
    name="catn",
    title="two-stream context-aware appearance transfer (CATN)",
    venue="Pattern Recognition 2022",
    paper="Exploiting appearance transfer and multi-scale context for efficient person image generation",
    year=2022,
    described_in="paper",
    weights="none",
    config=CatnConfig,
    generator=CatnGenerator,
    tiny=CatnConfig(height=64, width=48, network_height=64, network_width=48, channels=8, context_channels=8),
    recipes="posable.recipes.catn",
)
