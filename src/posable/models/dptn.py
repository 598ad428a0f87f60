"""DPTN, the Dual-task Pose Transformer Network: Zhang, Yang, Lai and Xie, "Exploring Dual-task Correlation for Pose
Guided Person Image Generation", CVPR 2022.

Two tasks share one network: to draw the source again (source pose to source pose, easy) and to draw the target pose
(hard). Where the first task's features agree with the second's tells which part of the source belongs where.

    source picture, source pose, source pose --. shared      F_ss -- context blocks --> memory (keys)
                                               > encoder,      |                          |
    source picture, source pose, target pose --' residual    F_st -- texture blocks: self and cross attention --.
                                                 blocks                                   |                     |
    source picture -- own encoder ---------------------------- F_s (values) --------------'                     v
                              self-reconstruction (training only) <-- shared decoder <-- F_ss, or the fetched texture

Read from the authors' published code and reproduced to the last bit that matters (docs/models/dptn.md): the values of
the cross attention are the source encoder's features as they are, tokens carry no position, norms are instance norms
over tokens. Ours: `encode` keeps the keys and values, so a further pose pays for neither the context blocks nor the
source; other sizes than the trained one; the mean over attention heads as pictures (`explain`).

The published fashion weights draw at 256x256: pictures of 256x176 are stretched to that square and shrunk back.
"""

import re
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from posable.batch import PersonPair
from posable.errors import ConfigError
from posable.imaging.frame import Frame
from posable.imaging.size import Size
from posable.models.family import NON_COMMERCIAL, Family, PublishedWeights
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
from posable.nn.losses import least_squares_judgement, least_squares_loss, picture_losses
from posable.nn.patch_discriminator import PatchDiscriminator
from posable.nn.perceptual_features import PerceptualFeatures
from posable.nn.residual_blocks import (
    SLOPE,
    EncoderBlock,
    ImageOutput,
    ResidualBlock,
    ResidualDecoder,
    init_orthogonal,
)
from posable.pose.maps import heatmaps_on_pixels
from posable.pose.pose import OPENPOSE_18, PoseBatch


@dataclass(frozen=True, kw_only=True)
class DptnConfig(StretchedConfig):
    channels: int = 64
    """Channels at half of the network's size; doubled at each coarser level, up to `max_channels`."""
    max_channels: int = 256
    levels: int = 3
    """How often the encoders halve the size; attention works at the last level."""
    num_residual_blocks: int = 3
    num_attention_blocks: int = 2
    """Context blocks, and as many texture blocks."""
    num_heads: int = 2
    feed_forward_channels: int = 256
    heatmap_sigma_px: float = 6.0
    """Standard deviation of a keypoint's Gaussian, in px of the network's frame."""

    def __post_init__(self) -> None:
        self.check_sizes("dptn", self.multiple, "give larger ones or fewer levels")
        if self.levels < 1:
            raise ConfigError(f"dptn's levels are {self.levels}; give at least 1.")
        if self.deepest_channels % self.num_heads:
            raise ConfigError(f"dptn's num_heads ({self.num_heads}) must divide its {self.deepest_channels} channels.")

    @property
    def multiple(self) -> int:
        return 2**self.levels

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the levels, fine to coarse."""
        return tuple(min(self.channels * 2**level, self.max_channels) for level in range(self.levels))

    @property
    def deepest_channels(self) -> int:
        return self.widths[-1]

    @classmethod
    def market(cls) -> "DptnConfig":
        """The paper's for Market-1501: 128x64, not stretched."""
        return cls(height=128, width=64, network_height=128, network_width=64)


# ---- blocks


class FirstEncoderBlock(nn.Sequential):
    """An EncoderBlock without its first norm and activation: it takes pictures and pose maps as they are."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 4, 2, 1),
            nn.InstanceNorm2d(outputs, affine=True),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(outputs, outputs, 3, 1, 1),
        )


class Encoder(nn.Sequential):
    def __init__(self, inputs: int, widths: tuple[int, ...]) -> None:
        deeper = [EncoderBlock(i, o) for i, o in pairwise(widths)]
        super().__init__(FirstEncoderBlock(inputs, widths[0]), *deeper)


class TokenNorm(nn.InstanceNorm1d):
    """Instance norm of tokens (n, t, c): each channel over all tokens of one picture."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, affine=True)

    def forward(self, input: Float[Tensor, "n t c"]) -> Float[Tensor, "n t c"]:
        return super().forward(input.transpose(1, 2)).transpose(1, 2)


class Attention(nn.Module):
    """Multi-head dot-product attention over tokens (n, t, c), its three projections in one matrix."""

    def __init__(self, channels: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.in_proj = nn.Linear(channels, 3 * channels)
        self.out_proj = nn.Linear(channels, channels)

    def itself(self, x: Float[Tensor, "n t c"]) -> Float[Tensor, "n t c"]:
        """Each token looks at all tokens."""
        query, key, value = (self._heads(part) for part in self.in_proj(x).chunk(3, -1))
        return self._join(functional.scaled_dot_product_attention(query, key, value))

    def key_value(self, memory: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """What `other` looks at, (n, heads, t, c / heads) each: keys from the memory, values from elsewhere."""
        _, key, value = self.in_proj.weight.chunk(3)
        _, key_bias, value_bias = self.in_proj.bias.chunk(3)
        return (
            self._heads(functional.linear(memory, key, key_bias)),
            self._heads(functional.linear(values, value, value_bias)),
        )

    def query(self, x: Float[Tensor, "n t c"]) -> Float[Tensor, "n heads t d"]:
        weight, bias = self.in_proj.weight.chunk(3)[0], self.in_proj.bias.chunk(3)[0]
        return self._heads(functional.linear(x, weight, bias))

    def other(
        self, x: Float[Tensor, "n t c"], key_value: tuple[Float[Tensor, "n heads s d"], Float[Tensor, "n heads s d"]]
    ) -> Float[Tensor, "n t c"]:
        """Each token looks at the tokens that gave `key_value`."""
        return self._join(functional.scaled_dot_product_attention(self.query(x), *key_value))

    def weights(self, x: Float[Tensor, "n t c"], key: Float[Tensor, "n heads s d"]) -> Float[Tensor, "n t s"]:
        """How much each token looks at each of the others, the mean over the heads; rows sum to 1."""
        query = self.query(x)
        return torch.softmax(query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5, -1).mean(1)

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)

    def _join(self, x: Tensor) -> Tensor:
        return self.out_proj(x.transpose(1, 2).flatten(2))


class FeedForward(nn.Sequential):
    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__(nn.Linear(channels, hidden), nn.LeakyReLU(SLOPE), nn.Linear(hidden, channels))


class ContextBlock(nn.Module):
    """The self-reconstruction's features look at themselves (the paper's context augment block)."""

    def __init__(self, config: DptnConfig) -> None:
        super().__init__()
        c = config.deepest_channels
        self.self_attention = Attention(c, config.num_heads)
        self.feed_forward = FeedForward(c, config.feed_forward_channels)
        self.norm1, self.norm2 = TokenNorm(c), TokenNorm(c)

    def forward(self, x: Float[Tensor, "n t c"]) -> Float[Tensor, "n t c"]:
        x = self.norm1(x + self.self_attention.itself(x))
        return self.norm2(x + self.feed_forward(x))


class TextureBlock(nn.Module):
    """The target's features look at themselves, then fetch texture from the source (texture transfer block)."""

    def __init__(self, config: DptnConfig) -> None:
        super().__init__()
        c = config.deepest_channels
        self.self_attention = Attention(c, config.num_heads)
        self.cross_attention = Attention(c, config.num_heads)
        self.feed_forward = FeedForward(c, config.feed_forward_channels)
        self.norm1, self.norm2, self.norm3 = TokenNorm(c), TokenNorm(c), TokenNorm(c)

    def looking(self, y: Float[Tensor, "n t c"]) -> Float[Tensor, "n t c"]:
        """What the cross attention is asked by."""
        return self.norm1(y + self.self_attention.itself(y))

    def forward(
        self, y: Float[Tensor, "n t c"], key_value: tuple[Float[Tensor, "n heads s d"], Float[Tensor, "n heads s d"]]
    ) -> Float[Tensor, "n t c"]:
        y = self.looking(y)
        y = self.norm2(y + self.cross_attention.other(y, key_value))
        return self.norm3(y + self.feed_forward(y))


# ---- generator


@dataclass(frozen=True, eq=False)
class DptnSource:
    """A source, encoded: all that its pictures in other poses share. H x W is the network's frame."""

    frame: Frame
    condition: Float[Tensor, "n 21 H W"]
    """The source picture and its heatmaps."""
    self_features: Float[Tensor, "n c H/8 W/8"]
    """Features of the self-reconstruction (F_ss)."""
    key_values: tuple[tuple[Float[Tensor, "n heads s d"], Float[Tensor, "n heads s d"]], ...]
    """Of each texture block's cross attention."""


class DptnGenerator(PoseGuidedGenerator[DptnConfig, DptnSource]):
    family = "dptn"

    def __init__(self, config: DptnConfig) -> None:
        super().__init__(config)
        keypoints, c, widths = len(OPENPOSE_18.keypoints), config.deepest_channels, config.widths
        self.pose_encoder = Encoder(3 + 2 * keypoints, widths)
        self.residual_blocks = nn.Sequential(
            *[ResidualBlock(c, c, learned_shortcut=True) for _ in range(config.num_residual_blocks)]
        )
        self.source_encoder = Encoder(3, widths)
        self.context_blocks = nn.Sequential(*[ContextBlock(config) for _ in range(config.num_attention_blocks)])
        self.texture_blocks = nn.ModuleList(TextureBlock(config) for _ in range(config.num_attention_blocks))
        self.norm = TokenNorm(c)
        outputs = (*widths[-2::-1], widths[0])
        self.decoder = nn.Sequential(
            *[ResidualDecoder(i, o) for i, o in zip(widths[::-1], outputs, strict=True)], ImageOutput(widths[0])
        )
        init_orthogonal(self)
        for attention in (module for module in self.modules() if isinstance(module, Attention)):
            nn.init.xavier_uniform_(attention.in_proj.weight)

    def render(self, encoded: DptnSource, target_pose: PoseBatch) -> Rendering:
        return Rendering(encoded.frame.image_back(self.draw_maps(encoded, self.pose_maps(encoded.frame, target_pose))))

    def pose_maps(self, frame: Frame, pose: PoseBatch) -> Float[Tensor, "n 18 H W"]:
        return heatmaps_on_pixels(frame.poses(pose), sigma_px=self.config.heatmap_sigma_px)

    def encode_maps(
        self, image: Float[Tensor, "n 3 H W"], pose_maps: Float[Tensor, "n 18 H W"], frame: Frame
    ) -> DptnSource:
        condition = torch.cat([image, pose_maps], 1)
        self_features = self._features(condition, pose_maps)
        memory = self.context_blocks(_tokens(self_features))
        values = _tokens(self.source_encoder(image))
        key_values = tuple(block.cross_attention.key_value(memory, values) for block in self._texture_blocks())
        return DptnSource(frame, condition, self_features, key_values)

    def draw_maps(self, encoded: DptnSource, target_maps: Float[Tensor, "n 18 H W"]) -> Float[Tensor, "n 3 H W"]:
        """The picture in the network's frame."""
        features = self._features(encoded.condition, target_maps)
        tokens = _tokens(features)
        for block, key_value in zip(self.texture_blocks, encoded.key_values, strict=True):
            tokens = block(tokens, key_value)
        return self.decoder(_map(self.norm(tokens), features))

    def reconstruct(self, encoded: DptnSource) -> Float[Tensor, "n 3 H W"]:
        """The source drawn again from its own features, in the network's frame; for training."""
        return self.decoder(encoded.self_features)

    def explain(self, encoded: DptnSource, target_pose: PoseBatch) -> dict[str, Float[Tensor, "n 3 h w"]]:
        """Pictures of what the last texture block looks at in the source: `attended_source`, the source's patches in
        the mixture that each target place fetches; `source_positions`, where they come from (colours of the place in
        the source, white where the attention is spread out); `position_key`, those colours laid out over the source.
        """
        features = self._features(encoded.condition, self.pose_maps(encoded.frame, target_pose))
        tokens = _tokens(features)
        blocks = self._texture_blocks()
        for block, key_value in zip(blocks[:-1], encoded.key_values[:-1], strict=True):
            tokens = block(tokens, key_value)
        weights = blocks[-1].cross_attention.weights(blocks[-1].looking(tokens), encoded.key_values[-1][0])
        source = encoded.condition[:, :3]
        cells = Size(features.shape[-2], features.shape[-1])
        positions, spread = expected_positions(weights, cells)
        pictures = {
            "attended_source": attended_patches(weights, source, cells),
            "source_positions": enlarged(position_colors(positions, 1 - spread), encoded.frame.size),
            "position_key": position_key(source),
        }
        return {name: encoded.frame.image_back(picture) for name, picture in pictures.items()}

    def _features(self, condition: Tensor, maps: Tensor) -> Tensor:
        return self.residual_blocks(self.pose_encoder(torch.cat([condition, maps], 1)))

    def _texture_blocks(self) -> list[TextureBlock]:
        return [block for block in self.texture_blocks if isinstance(block, TextureBlock)]


def _tokens(features: Float[Tensor, "n c h w"]) -> Float[Tensor, "n t c"]:
    return features.flatten(2).transpose(1, 2)


def _map(tokens: Float[Tensor, "n t c"], like: Tensor) -> Float[Tensor, "n c h w"]:
    return tokens.transpose(1, 2).unflatten(2, like.shape[-2:])


# ---- training


@dataclass(frozen=True, kw_only=True)
class DptnWeights:
    """Weights of the losses; the defaults are the paper's for fashion."""

    l1: float = 5.0
    content: float = 0.5
    style: float = 500.0
    adversarial: float = 2.0
    transfer_share: float = 0.5
    """t: the picture losses are t times the transfer's plus 1 - t times the self-reconstruction's. The adversarial
    loss is not multiplied by it."""

    def __post_init__(self) -> None:
        if not 0 <= self.transfer_share <= 1:
            raise ConfigError(f"dptn's transfer_share is {self.transfer_share}; give a number from 0 to 1.")


MARKET_WEIGHTS = DptnWeights(l1=2.0, adversarial=5.0, transfer_share=0.8)
"""The paper's for Market-1501, whose discriminator has 3 blocks."""


@dataclass(frozen=True, kw_only=True)
class DptnDrawing(Rendering):
    """What is drawn in training. The losses look at the network's frame, where the papers stretch pictures to."""

    frame: Frame
    transferred: Float[Tensor, "n 3 H W"]
    reconstructed: Float[Tensor, "n 3 H W"]
    """The source drawn again."""


class DptnObjective(Objective[DptnGenerator, DptnDrawing]):
    """L1, content and style losses of both tasks, and a discriminator (least squares) that sees the transfer only."""

    def __init__(self, weights: DptnWeights, features: PerceptualFeatures, discriminator_blocks: int = 4) -> None:
        super().__init__()
        self.weights = weights
        self.features = features
        self.discriminator = PatchDiscriminator(discriminator_blocks, activate_image=False)

    def draw(self, generator: DptnGenerator, batch: PersonPair) -> DptnDrawing:
        condition = batch.condition
        encoded = generator.encode(condition.source_image, condition.source_pose)
        transferred = generator.draw_maps(encoded, generator.pose_maps(encoded.frame, condition.target_pose))
        return DptnDrawing(
            image=encoded.frame.image_back(transferred),
            frame=encoded.frame,
            transferred=transferred,
            reconstructed=generator.reconstruct(encoded),
        )

    def generator_losses(
        self, generator: DptnGenerator, drawn: DptnDrawing, batch: PersonPair
    ) -> dict[str, Float[Tensor, ""]]:
        t, weights = self.weights.transfer_share, self.weights
        tasks = (
            ("transfer", t, drawn.transferred, batch.target_image),
            ("reconstruction", 1 - t, drawn.reconstructed, batch.condition.source_image),
        )
        losses: dict[str, Tensor] = {}
        for task, share, picture, truth in tasks:
            picture, truth = drawn.frame.content_of(picture), drawn.frame.content_of(drawn.frame.image(truth))
            compared = picture_losses(
                self.features,
                picture,
                truth,
                l1=share * weights.l1,
                content=share * weights.content,
                style=share * weights.style,
            )
            losses |= {f"{name}_{task}": loss for name, loss in compared.items()}
        score = self.discriminator(drawn.transferred)
        return losses | {"adversarial": weights.adversarial * least_squares_loss(score, real=True)}

    def discriminator_losses(self, drawn: DptnDrawing, batch: PersonPair, step: int) -> dict[str, Float[Tensor, ""]]:
        return least_squares_judgement(self.discriminator, drawn.frame.image(batch.target_image), drawn.transferred)


# ---- published weights

_REPEATED = re.compile(r"(mblock\d+\.(conv1|conv2|bypass)|outconv\.conv1)\.")
_RENAMED = (
    (r"^(source_encoder\.)?block0\.model\.", r"\1encoder.0."),
    (r"^(source_encoder\.)?encoder(\d)\.model\.", lambda found: f"{found[1] or ''}encoder.{int(found[2]) + 1}."),
    (r"^encoder\.", "pose_encoder."),
    (r"^source_encoder\.encoder\.", "source_encoder."),
    (r"^mblock(\d)\.", r"residual_blocks.\1."),
    (r"^PTM\.encoder\.layers\.", "context_blocks."),
    (r"^PTM\.decoder\.layers\.", "texture_blocks."),
    (r"^PTM\.decoder\.norm\.", "norm."),
    (r"\.self_attn\.", ".self_attention."),
    (r"\.multihead_attn\.", ".cross_attention."),
    (r"\.in_proj_", ".in_proj."),
    (r"\.linear1\.", ".feed_forward.0."),
    (r"\.linear2\.", ".feed_forward.2."),
    (r"^decoder(\d)\.", r"decoder.\1."),
    (r"^outconv\.model\.", "decoder.3."),
    (r"\.model\.", ".main."),
)


def published_key(key: str) -> str | None:
    """Our name of an entry of the published generator; None for entries that repeat another one under a second name."""
    if _REPEATED.match(key):
        return None
    for pattern, name in _RENAMED:
        key = re.sub(pattern, name, key)
    return key


FAMILY = Family(
    name="dptn",
    title="Dual-task Pose Transformer Network (DPTN)",
    venue="CVPR 2022",
    paper="Exploring Dual-task Correlation for Pose Guided Person Image Generation",
    year=2022,
    described_in="public",
    weights="public, non-commercial",
    config=DptnConfig,
    generator=DptnGenerator,
    tiny=DptnConfig(
        height=64,
        width=48,
        network_height=64,
        network_width=64,
        channels=8,
        max_channels=16,
        num_residual_blocks=1,
        feed_forward_channels=16,
    ),
    published=PublishedWeights(
        repository="https://github.com/PangzeCheung/Dual-task-Pose-Transformer-Network",
        licence=NON_COMMERCIAL,
        prefix="PTM.",
        settings={"fashion": DptnConfig(), "market": DptnConfig.market()},
        key_of=published_key,
    ),
    recipes="posable.recipes.dptn",
)
