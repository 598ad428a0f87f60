"""RSA-GAN: Ji Liu, Zhenyu Weng and Yuesheng Zhu, CAAI Transactions on Intelligence Technology 2023,
doi 10.1049/cit2.12255.

The source's parsing is read region by region in the light of the keypoints; a correspondence of the two poses carries
it and the source's style to where the target pose has them; there attention decides what of it goes into the picture.

    source parsing, source pose --> (A) regional semantic fusion ---.
    source picture --> style encoder -------------------------------+--> carried over --> coarse style, semantics
    source pose, target pose --> pose encoder --> correspondence ---'                       |          |  '--> parsing
                                     |                                                      v          v
                                     '--- target pose's features ----------> (B) style injection --> (C) gated cross
                                                                                 attention --> decoder --> image

The paper's abstract and its repository's README (which promises code) are all that is public. STATED there: (A)
regional pose-guided semantic fusion mends the imprecise match between the source's parsing map and its keypoints; (B)
pose-correspondence-guided style injection learns the correspondence of the two poses and aligns the source's style by
it; (C) gated depth-wise convolutional cross-attention style integration distributes the aligned coarse style together
with the matched pose-guided semantics to the target pose. INFERRED, our own choice: everything else, so all layers,
sizes, regions, losses and their weights (docs/models/rsagan.md).
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from posable.batch import PersonPair
from posable.errors import ConfigError
from posable.imaging.frame import Frame
from posable.imaging.size import Size
from posable.models.editing import Region, check_strength
from posable.models.family import Family
from posable.models.framed import ParsingGuidedGenerator, StretchedConfig
from posable.models.generator import Rendering
from posable.models.objective import Objective
from posable.nn.attention_pictures import (
    attended_patches,
    enlarged,
    expected_positions,
    position_colors,
    position_grid,
    position_key,
)
from posable.nn.losses import least_squares_loss, picture_losses
from posable.nn.patch_discriminator import PatchDiscriminator
from posable.nn.perceptual_features import PerceptualFeatures
from posable.nn.residual_blocks import (
    SLOPE,
    EncoderBlock,
    ImageOutput,
    ResidualBlock,
    ResidualDecoder,
)
from posable.nn.soft_parsing import class_shares, region_colors
from posable.parsing.schemes import PISE_8
from posable.pose.maps import heatmaps
from posable.pose.pose import OPENPOSE_18, PoseBatch

REGIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "head": (("nose", "right_eye", "left_eye", "right_ear", "left_ear"), ("hair", "face")),
    "torso": (
        ("neck", "right_shoulder", "left_shoulder", "right_hip", "left_hip"),
        ("upper-clothes", "lower-clothes"),
    ),
    "right_arm": (("right_shoulder", "right_elbow", "right_wrist"), ("upper-clothes", "arms")),
    "left_arm": (("left_shoulder", "left_elbow", "left_wrist"), ("upper-clothes", "arms")),
    "right_leg": (("right_hip", "right_knee", "right_ankle"), ("lower-clothes", "shoes", "legs")),
    "left_leg": (("left_hip", "left_knee", "left_ankle"), ("lower-clothes", "shoes", "legs")),
}
"""The keypoints of each region of the body, and the classes of PISE-8 that it may show."""


@dataclass(frozen=True, kw_only=True)
class RsaganConfig(StretchedConfig):
    """Every number here is our choice."""

    network_width: int = 176
    channels: int = 256
    """Channels at a quarter of the size; halved at each finer level."""
    region_channels: int = 64
    """Channels of each of the six regions."""
    num_injections: int = 2
    """Blocks that inject the aligned style."""
    num_attentions: int = 3
    """Blocks of gated cross attention."""
    num_heads: int = 4
    expansion: int = 2
    """Of the channels in the attention blocks' feed-forward part."""
    sharpness: float = 100.0
    """Of the correspondence: a cosine is multiplied by it before the softmax."""
    heatmap_sigma_px: float = 6.0

    def __post_init__(self) -> None:
        self.check_sizes("rsagan", 2 * self.multiple)
        if self.channels % (4 * self.num_heads):
            raise ConfigError(
                f"rsagan's channels are {self.channels}; with {self.num_heads} heads give a multiple of "
                f"{4 * self.num_heads}."
            )
        if min(self.num_injections, self.num_attentions) < 1:
            raise ConfigError("rsagan needs at least one injection and one attention; give num_injections=1 or more.")

    @property
    def multiple(self) -> int:
        return 4


# ---- (A) regional pose-guided semantic fusion


class RegionalSemantics(nn.Module):
    """What each region of the body shows, told by the parsing's classes that belong to it and its keypoints; let
    through as far as the region's keypoints alone allow. All (n, 6 channels, h/4, w/4), region after region."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        points = [len(keypoints) for keypoints, _ in REGIONS.values()]
        classes = [len(labels) for _, labels in REGIONS.values()]
        self.readers = nn.ModuleList(
            _quartering(p + k, channels // 2, channels) for p, k in zip(points, classes, strict=True)
        )
        self.gates = nn.ModuleList(_quartering(p, channels // 2, channels) for p in points)

    def forward(
        self, pose_maps: Float[Tensor, "n 18 h w"], parsing: Float[Tensor, "n 8 h w"]
    ) -> Float[Tensor, "n c h/4 w/4"]:
        """Semantics before the gate."""
        read = [
            reader(torch.cat([pose_maps[:, points], parsing[:, classes]], 1))
            for reader, points, classes in zip(self.readers, _KEYPOINTS, _CLASSES, strict=True)
        ]
        return torch.cat(read, 1)

    def gate(self, pose_maps: Float[Tensor, "n 18 h w"]) -> Float[Tensor, "n c h/4 w/4"]:
        opened = [gate(pose_maps[:, points]) for gate, points in zip(self.gates, _KEYPOINTS, strict=True)]
        return torch.sigmoid(torch.cat(opened, 1))


_KEYPOINTS = [[OPENPOSE_18.index(name) for name in keypoints] for keypoints, _ in REGIONS.values()]
_CLASSES = [[PISE_8.index(name) for name in labels] for _, labels in REGIONS.values()]


def _quartering(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """A quarter of the size."""
    return nn.Sequential(EncoderBlock(inputs, hidden), EncoderBlock(hidden, outputs))


# ---- (B) pose-correspondence-guided style injection


class PoseEncoder(nn.Module):
    """What each place of a pose is, (n, c, h/4, w/4): from heatmaps and the place itself."""

    def __init__(self, keypoints: int, channels: int) -> None:
        super().__init__()
        self.down = _quartering(keypoints + 2, channels // 2, channels)
        self.deeper = nn.Sequential(EncoderBlock(channels, channels), ResidualDecoder(channels, channels))
        self.mixing = nn.Sequential(ResidualBlock(channels, channels), ResidualBlock(channels, channels))

    def forward(self, maps: Float[Tensor, "n k h w"]) -> Float[Tensor, "n c h/4 w/4"]:
        size = Size(maps.shape[-2], maps.shape[-1])
        x = self.down(torch.cat([maps, position_grid(size, maps).expand(maps.shape[0], -1, -1, -1)], 1))
        # Half a cell more than needed where a side is odd.
        wider = self.deeper(functional.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2), mode="replicate"))
        return self.mixing(x + wider[..., : x.shape[2], : x.shape[3]])


def correspondence(
    target: Float[Tensor, "n d t"], source: Float[Tensor, "n d s"], sharpness: float
) -> Float[Tensor, "n t s"]:
    """How much each place of the target takes from each of the source: a softmax of sharpened cosines, summing to 1."""
    # Half precision would blur the cosines, which are sharpened a hundred times.
    with torch.autocast(target.device.type, enabled=False):
        target, source = (x.float() - x.float().mean(1, keepdim=True) for x in (target, source))
        target, source = functional.normalize(target, dim=1), functional.normalize(source, dim=1)
        return (sharpness * (target.transpose(1, 2) @ source)).softmax(2)


def carried(
    weights: Float[Tensor, "n t s"], features: Float[Tensor, "n c h w"], cells: tuple[int, int]
) -> Float[Tensor, "n c ht wt"]:
    """The source's features at the target's places, `cells` rows and columns of them."""
    return (features.flatten(2) @ weights.to(features.dtype).transpose(1, 2)).unflatten(2, cells)


class StyleInjection(nn.Module):
    """A residual block whose norms take scale and offset from the aligned style: x' (1 + gamma) + beta."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.InstanceNorm2d(channels)
        self.modulations = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, channels // 2, 3, 1, 1),
                nn.LeakyReLU(SLOPE),
                nn.Conv2d(channels // 2, 2 * channels, 3, 1, 1),
            )
            for _ in range(2)
        )
        self.convolutions = nn.ModuleList(nn.Conv2d(channels, channels, 3, 1, 1) for _ in range(2))

    def forward(self, x: Float[Tensor, "n c h w"], style: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        y = x
        for modulation, convolution in zip(self.modulations, self.convolutions, strict=True):
            scale, offset = modulation(style).chunk(2, 1)
            y = convolution(functional.leaky_relu(self.norm(y) * (1 + scale) + offset, SLOPE))
        return x + y


# ---- (C) gated depth-wise convolutional cross-attention style integration


class ChannelNorm(nn.Module):
    """A layer norm over the channels of each place."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        return self.norm(x.movedim(1, -1)).movedim(-1, 1)


def _depthwise(inputs: int, outputs: int) -> nn.Sequential:
    """A 1x1 convolution, then a 3x3 convolution of each channel by itself."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1), nn.Conv2d(outputs, outputs, 3, 1, 1, groups=outputs))


class GatedCrossAttention(nn.Module):
    """The target's channels attend to those of the aligned style, by keys of style and semantics; a gate that sees both
    sides says how much of what is found each place takes. Then a gated depth-wise feed-forward part.

    Attention is over channels (as in Restormer, Zamir et al., 2022): places are aligned already, and its cost grows
    with the picture's area, not with the area's square.
    """

    def __init__(self, config: RsaganConfig) -> None:
        super().__init__()
        c, hidden = config.channels, config.channels * config.expansion
        self.num_heads = config.num_heads
        self.norm_x, self.norm_style, self.norm_semantics = ChannelNorm(c), ChannelNorm(c), ChannelNorm(c)
        self.to_query, self.to_key, self.to_value = _depthwise(c, c), _depthwise(2 * c, c), _depthwise(c, c)
        self.temperature = nn.Parameter(torch.ones(config.num_heads, 1, 1))
        self.to_found = nn.Conv2d(c, c, 1)
        self.to_gate = _depthwise(2 * c, c)
        self.norm_forward = ChannelNorm(c)
        self.widen, self.narrow = _depthwise(c, 2 * hidden), nn.Conv2d(hidden, c, 1)

    def forward(
        self, x: Float[Tensor, "n c h w"], style: Float[Tensor, "n c h w"], semantics: Float[Tensor, "n c h w"]
    ) -> Float[Tensor, "n c h w"]:
        normed, style = self.norm_x(x), self.norm_style(style)
        found = self.attend(normed, style, self.norm_semantics(semantics))
        x = x + torch.sigmoid(self.to_gate(torch.cat([normed, found], 1))) * self.to_found(found)
        gate, value = self.widen(self.norm_forward(x)).chunk(2, 1)
        return x + self.narrow(functional.gelu(gate) * value)

    def attend(
        self, x: Float[Tensor, "n c h w"], style: Float[Tensor, "n c h w"], semantics: Float[Tensor, "n c h w"]
    ) -> Float[Tensor, "n c h w"]:
        query, key, value = (
            part.flatten(2).unflatten(1, (self.num_heads, -1))
            for part in (self.to_query(x), self.to_key(torch.cat([style, semantics], 1)), self.to_value(style))
        )
        cosines = functional.normalize(query, dim=3) @ functional.normalize(key, dim=3).transpose(2, 3)
        weights = (cosines * self.temperature).softmax(3).to(value.dtype)
        return (weights @ value).flatten(1, 2).unflatten(2, x.shape[-2:])


# ---- generator


@dataclass(frozen=True, eq=False)
class RsaganSource:
    """Everything about the source. H x W is the network's frame, s = H/4 * W/4 are its places."""

    frame: Frame
    image: Float[Tensor, "n 3 H W"]
    parsing: Float[Tensor, "n 8 H W"]
    """One-hot."""
    semantics: Float[Tensor, "n r H/4 W/4"]
    """Of all regions, through the gates of the source pose."""
    style: Float[Tensor, "n c H/4 W/4"]
    keys: Float[Tensor, "n c s"]
    """What each place of the source pose is."""


@dataclass(frozen=True, eq=False)
class Integrated:
    """What the network draws in its own frame, and how it came to it."""

    image: Float[Tensor, "n 3 H W"]
    scores: Float[Tensor, "n 8 H W"]
    """Of the target's parsing; a softmax makes them shares."""
    weights: Float[Tensor, "n s s"]
    """For each place of the target how much it takes from each of the source."""


class RsaganGenerator(ParsingGuidedGenerator[RsaganConfig, RsaganSource]):
    family = "rsagan"
    parsing_labels = PISE_8

    def __init__(self, config: RsaganConfig) -> None:
        super().__init__(config)
        c, regions = config.channels, len(REGIONS) * config.region_channels
        self.regional_semantics = RegionalSemantics(config.region_channels)
        self.semantic_fusion = nn.Conv2d(regions, c, 1)
        self.style_encoder = nn.Sequential(_quartering(3, c // 2, c), ResidualBlock(c, c))
        self.pose_encoder = PoseEncoder(len(OPENPOSE_18.keypoints), c)
        self.to_key = nn.Conv2d(c, c, 1)
        self.injections = nn.ModuleList(StyleInjection(c) for _ in range(config.num_injections))
        self.attentions = nn.ModuleList(GatedCrossAttention(config) for _ in range(config.num_attentions))
        self.parsing_decoder = nn.Sequential(
            ResidualDecoder(c + len(PISE_8), c // 4),
            ResidualDecoder(c // 4, c // 8),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(c // 8, len(PISE_8), 3, 1, 1),
        )
        self.decoder = nn.Sequential(ResidualDecoder(c, c // 2), ResidualDecoder(c // 2, c // 4), ImageOutput(c // 4))

    def encode_maps(
        self,
        image: Float[Tensor, "n 3 H W"],
        regions: Float[Tensor, "n 8 H W"],
        pose_maps: Float[Tensor, "n 18 H W"],
        frame: Frame,
    ) -> RsaganSource:
        semantics = self.regional_semantics(pose_maps, regions) * self.regional_semantics.gate(pose_maps)
        keys = self.to_key(self.pose_encoder(pose_maps)).flatten(2)
        return RsaganSource(frame, image, regions, semantics, self.style_encoder(image), keys)

    def render(self, encoded: RsaganSource, target_pose: PoseBatch) -> Rendering:
        drawn = self.integrate(encoded, self.pose_maps(encoded.frame, target_pose))
        return Rendering(
            encoded.frame.image_back(drawn.image), parsing=self.shares(encoded.frame, drawn.scores.softmax(1))
        )

    def with_garment(
        self, person: RsaganSource, garment: RsaganSource, region: Region, strength: float = 1.0
    ) -> RsaganSource:
        """What the region is in the other picture, carried to the person's source pose by the correspondence of both
        source poses; there it takes the places of the region in either picture. As good as that correspondence is: the
        person's own garment comes back nearly, not exactly. INFERRED, like all but the correspondence itself."""
        check_strength(strength)
        classes = class_shares(region, garment.parsing, garment.frame, self.parsing_labels)
        weights = correspondence(person.keys, garment.keys, self.config.sharpness)
        cells = (person.style.shape[2], person.style.shape[3])
        shown, worn = (functional.avg_pool2d(source.parsing, 4) for source in (garment, person))
        labels = carried(weights, shown, cells)
        there = torch.maximum(*(torch.einsum("nk,nkhw->nhw", classes, part)[:, None] for part in (labels, worn)))
        share = strength * there.clamp(max=1)
        return replace(
            person,
            style=person.style.lerp(carried(weights, garment.style, cells), share),
            semantics=person.semantics.lerp(carried(weights, garment.semantics, cells), share),
            parsing=person.parsing.lerp(enlarged(labels, person.frame.size), enlarged(share, person.frame.size)),
        )

    def pose_maps(self, frame: Frame, pose: PoseBatch) -> Float[Tensor, "n 18 H W"]:
        return heatmaps(frame.poses(pose), sigma_px=self.config.heatmap_sigma_px)

    def integrate(self, encoded: RsaganSource, target_maps: Float[Tensor, "n 18 H W"]) -> Integrated:
        """The picture in the network's frame."""
        pose = self.pose_encoder(target_maps)
        # One projection for both: a pose corresponds to itself place by place.
        weights = correspondence(self.to_key(pose).flatten(2), encoded.keys, self.config.sharpness)
        cells = (pose.shape[2], pose.shape[3])
        style = carried(weights, encoded.style, cells)
        matched = carried(weights, encoded.semantics, cells) * self.regional_semantics.gate(target_maps)
        semantics = self.semantic_fusion(matched)
        labels = carried(weights, functional.avg_pool2d(encoded.parsing, 4), cells)
        scores = self.parsing_decoder(torch.cat([semantics, labels], 1)).float()
        x = pose
        for injection in self.injections:
            x = injection(x, style)
        for attention in self.attentions:
            x = attention(x, style, semantics)
        return Integrated(self.decoder(x), scores, weights)

    def explain(self, encoded: RsaganSource, target_pose: PoseBatch) -> dict[str, Float[Tensor, "n 3 h w"]]:
        """`aligned_source`: the source's 4x4 patches where the correspondence puts them; `source_positions`: where they
        come from, in the colours that `position_key` lays over the source, white where a place takes from many;
        `source_parsing` and `target_parsing` (predicted) in the field's colours."""
        drawn = self.integrate(encoded, self.pose_maps(encoded.frame, target_pose))
        size = encoded.frame.size
        cells = Size(size.height // 4, size.width // 4)
        positions, spread = expected_positions(drawn.weights, cells)
        pictures = {
            "aligned_source": attended_patches(drawn.weights, encoded.image, cells),
            "source_positions": enlarged(position_colors(positions, 1 - spread), size),
            "position_key": position_key(encoded.image),
            "source_parsing": region_colors(encoded.parsing, self.parsing_labels),
            "target_parsing": region_colors(drawn.scores, self.parsing_labels),
        }
        return {name: encoded.frame.image_back(picture).clamp(-1, 1) for name, picture in pictures.items()}


# ---- training


@dataclass(frozen=True, kw_only=True)
class RsaganWeights:
    """Weights of the losses, all our choice: those that the field's public relatives take."""

    l1: float = 5.0
    content: float = 0.5
    style: float = 500.0
    adversarial: float = 2.0
    """Of the mean over the three discriminators."""
    parsing: float = 1.0
    """Of the cross entropy of the predicted parsing."""
    parsing_l1: float = 100.0
    alignment: float = 5.0
    """Of the L1 distance between the source as the correspondence places it and the target, at a quarter of the size.
    """


@dataclass(frozen=True, kw_only=True)
class RsaganDrawing(Rendering):
    """What is drawn in training, with what the discriminators are given besides; all in the network's frame."""

    frame: Frame
    drawn: Float[Tensor, "n 3 H W"]
    scores: Float[Tensor, "n 8 H W"]
    aligned: Float[Tensor, "n 3 H/4 W/4"]
    source_image: Float[Tensor, "n 3 H W"]
    target_maps: Float[Tensor, "n 18 H W"]


class RsaganObjective(Objective[RsaganGenerator, RsaganDrawing]):
    """L1, content, style, parsing and alignment losses, and three discriminators (least squares): of the picture alone,
    of its appearance, given the source, and of its shape, given the target's heatmaps."""

    def __init__(self, weights: RsaganWeights, features: PerceptualFeatures, discriminator_blocks: int = 4) -> None:
        super().__init__()
        self.weights = weights
        self.features = features
        self.discriminators = nn.ModuleDict(
            {
                name: PatchDiscriminator(discriminator_blocks, activate_image=False, inputs=3 + others)
                for name, others in (("picture", 0), ("appearance", 3), ("shape", len(OPENPOSE_18.keypoints)))
            }
        )

    def draw(self, generator: RsaganGenerator, batch: PersonPair) -> RsaganDrawing:
        condition = batch.condition
        encoded = generator.encode(condition.source_image, condition.source_pose, condition.source_parsing)
        maps = generator.pose_maps(encoded.frame, condition.target_pose)
        drawn = generator.integrate(encoded, maps)
        small = functional.avg_pool2d(encoded.image, 4)
        return RsaganDrawing(
            image=encoded.frame.image_back(drawn.image),
            parsing=generator.shares(encoded.frame, drawn.scores.softmax(1)),
            frame=encoded.frame,
            drawn=drawn.image,
            scores=drawn.scores,
            aligned=carried(drawn.weights, small, (small.shape[2], small.shape[3])),
            source_image=encoded.image,
            target_maps=maps,
        )

    def generator_losses(
        self, generator: RsaganGenerator, drawn: RsaganDrawing, batch: PersonPair
    ) -> dict[str, Float[Tensor, ""]]:
        weights, truth = self.weights, drawn.frame.image(batch.target_image)
        parsing = generator.true_regions(drawn.frame, batch)
        scores = self._scores(drawn.drawn, drawn)
        return {
            **picture_losses(
                self.features, drawn.drawn, truth, l1=weights.l1, content=weights.content, style=weights.style
            ),
            "parsing": weights.parsing * functional.cross_entropy(drawn.scores, parsing.argmax(1)),
            "parsing_l1": weights.parsing_l1 * functional.l1_loss(drawn.scores.softmax(1), parsing),
            "alignment": weights.alignment * functional.l1_loss(drawn.aligned, functional.avg_pool2d(truth, 4)),
        } | {
            f"adversarial_{name}": weights.adversarial / len(scores) * least_squares_loss(score, real=True)
            for name, score in scores.items()
        }

    def discriminator_losses(self, drawn: RsaganDrawing, batch: PersonPair, step: int) -> dict[str, Float[Tensor, ""]]:
        losses: dict[str, Tensor] = {}
        for kind, picture in (("real", drawn.frame.image(batch.target_image)), ("generated", drawn.drawn.detach())):
            for name, score in self._scores(picture, drawn).items():
                losses[f"{kind}_{name}"] = 0.5 * least_squares_loss(score, real=kind == "real")
        return losses

    def _scores(self, picture: Tensor, drawn: RsaganDrawing) -> dict[str, Tensor]:
        given = {
            "picture": picture,
            "appearance": torch.cat([picture, drawn.source_image], 1),
            "shape": torch.cat([picture, drawn.target_maps], 1),
        }
        return {name: discriminator(given[name]) for name, discriminator in self.discriminators.items()}


FAMILY = Family(
    name="rsagan",
    title="RSA-GAN, region semantics",
    venue="CAAI Trans. 2023",
    paper="RSA-GAN, CAAI Transactions on Intelligence Technology 2023, doi 10.1049/cit2.12255",
    year=2023,
    described_in="abstract",
    weights="none",
    config=RsaganConfig,
    generator=RsaganGenerator,
    tiny=RsaganConfig(
        height=64,
        width=48,
        network_height=64,
        network_width=48,
        channels=16,
        region_channels=4,
        num_injections=1,
        num_attentions=1,
        num_heads=2,
        heatmap_sigma_px=2.0,
    ),
    recipes="posable.recipes.rsagan",
)
