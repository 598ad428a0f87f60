"""GFLA, Global-Flow Local-Attention (called DIST in later tables): Ren, Yu, Chen, T. Li and G. Li, "Deep Image Spatial
Transformation for Person Image Generation", CVPR 2020.

A flow says for each place of the target where it is in the source; around that point the target picks what it needs
from a small window by attention, and an occlusion mask says where there is nothing to pick and the network must invent.

    source picture, both poses -- flow network (to /32 and back) --> flow and mask at /8 and at /4
                                                                        |              |
    source picture -- source encoder --> features at /8 and /4 --> local attention  local attention
                                                                        |              |
    target pose -- pose encoder --> features at /8 ---------------------o-- x2 --------o-- x2 -- x2 --> picture

Read from the authors' published code; what it draws is reproduced within rounding (docs/models/gfla.md). Two habits of
theirs are kept because the published weights expect them: pose maps and pictures are normed per channel before the
first convolution, and the window's weights sum to 1 / n^2 rather than to 1.

Ours: the local attention never lays its windows out in memory (see LocalAttention); what it asks of the source is
computed once by `encode`; frames that are no multiples of 32, on which the original fails, are padded inside.

The published fashion weights draw at 256x256: pictures of 256x176 are stretched to that square and shrunk back. With
`network_width=176` the network works on 256x176 itself, padded to 256x192.
"""

import math
import re
from collections.abc import Callable
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
from posable.models.objective import Objective, ParameterGroup
from posable.nn.attention_pictures import enlarged, flow_colors
from posable.nn.losses import least_squares_judgement, least_squares_loss, picture_losses
from posable.nn.patch_discriminator import PatchDiscriminator
from posable.nn.perceptual_features import PerceptualFeatures
from posable.nn.residual_blocks import (
    SLOPE,
    EncoderBlock,
    ImageOutput,
    Jump,
    ResidualBlock,
    ResidualDecoder,
    init_orthogonal,
)
from posable.pose.maps import heatmaps_on_pixels
from posable.pose.pose import OPENPOSE_18, PoseBatch

LEVELS = 3
"""The source and pose encoders go down to /8."""


@dataclass(frozen=True, kw_only=True)
class GflaConfig(StretchedConfig):
    channels: int = 64
    """Channels at half of the network's size; doubled at each coarser level, up to `max_channels`."""
    max_channels: int = 256
    flow_channels: int = 32
    """The same for the flow network."""
    flow_levels: int = 5
    eighth_kernel: int = 3
    """Side of the attention's window at /8 of the network's size; 0 for no attention there."""
    quarter_kernel: int = 5
    heatmap_sigma_px: float = 6.0
    """Standard deviation of a keypoint's Gaussian, in px of the network's frame."""

    def __post_init__(self) -> None:
        self.check_sizes("gfla", self.multiple, "give larger ones or fewer flow_levels")
        if self.flow_levels <= LEVELS or not self.kernels:
            raise ConfigError("gfla needs flow_levels above 3 and a window at /8 or at /4; both kernels cannot be 0.")
        if any(kernel < 3 or kernel % 2 == 0 for kernel in self.kernels.values()):
            raise ConfigError(
                f"gfla's windows are {self.eighth_kernel} and {self.quarter_kernel} wide; give 0 or odd numbers from 3."
            )

    @property
    def multiple(self) -> int:
        return 2**self.flow_levels

    @property
    def kernels(self) -> dict[int, int]:
        """The window's side at each level with attention, coarse to fine; level k is /2^k."""
        return {level: kernel for level, kernel in ((3, self.eighth_kernel), (2, self.quarter_kernel)) if kernel}

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the levels 1, 2 and 3."""
        return tuple(min(self.channels * 2**level, self.max_channels) for level in range(LEVELS))

    @property
    def flow_widths(self) -> tuple[int, ...]:
        return tuple(min(self.flow_channels * 2**level, self.max_channels) for level in range(self.flow_levels))

    @classmethod
    def market(cls) -> "GflaConfig":
        """The paper's for Market-1501: 128x64, attention at /4 alone."""
        return cls(height=128, width=64, network_height=128, network_width=64, eighth_kernel=0, quarter_kernel=3)


# ---- local attention


class LocalAttention(nn.Module):
    """Each target place picks from the n x n source window around the point that the flow gives.

    The published form lays out every window of both feature maps as a picture of (n h) x (n w), convolves that with
    stride n, and averages the source's windows with the weights that come out. The same numbers come cheaper: a
    convolution over the target's windows is an ordinary one; one over the source's windows at fractional points is an
    ordinary one, interpolated afterwards, as both are linear; and a weighted sum over n x n interpolated points is one
    over (n + 1) x (n + 1) pixels. Beyond the border the border's pixels go on.
    """

    def __init__(self, channels: int, kernel: int, hidden: int = 128) -> None:
        super().__init__()
        self.kernel, self.channels = kernel, channels
        self.match = nn.Conv2d(2 * channels, hidden, kernel)
        self.weigh = nn.Sequential(nn.LeakyReLU(SLOPE), nn.Conv2d(hidden, kernel * kernel, 1))

    def key(self, source: Float[Tensor, "n c h w"]) -> Float[Tensor, "n hidden H W"]:
        """What the windows of the source answer, for centres up to half a window beyond its border."""
        reach = 2 * (self.kernel // 2)
        padded = functional.pad(source, (reach,) * 4, mode="replicate")
        return functional.conv2d(padded, self.match.weight[:, self.channels :])

    def forward(
        self,
        target: Float[Tensor, "n c h w"],
        source: Float[Tensor, "n c h w"],
        key: Float[Tensor, "n hidden H W"],
        flow: Float[Tensor, "n 2 h w"],
        mask: Float[Tensor, "n 1 h w"],
    ) -> Float[Tensor, "n c h w"]:
        """`target` where `mask` is 0 and what it picks from `source` where it is 1; `flow` is in cells, x first."""
        reach = self.kernel // 2
        padded = functional.pad(target, (reach,) * 4, mode="replicate")
        wanted = functional.conv2d(padded, self.match.weight[:, : self.channels], self.match.bias)
        weights = torch.softmax(self.weigh(wanted + _interpolated(key, flow, reach)), 1)
        picked = window_sum(source, flow, weights) / self.kernel**2
        return target * (1 - mask) + picked * mask


def window_sum(
    source: Float[Tensor, "n c h w"], flow: Float[Tensor, "n 2 h w"], weights: Float[Tensor, "n taps h w"]
) -> Float[Tensor, "n c h w"]:
    """The weighted sum of the k x k bilinear samples of the source around the points that the flow gives."""
    n, c, h, w = source.shape
    k = round(weights.shape[1] ** 0.5)
    columns, right = _first_taps(_places(flow, 0), w, k)
    rows, down = _first_taps(_places(flow, 1), h, k)
    # A sample lies between two pixels each way, so its weight is shared among four.
    shares = _shared(_shared(weights.unflatten(1, (k, k)), right, 2), down, 1)
    flat, total = source.flatten(2), torch.zeros_like(source)
    for i in range(k + 1):
        for j in range(k + 1):
            index = ((rows + i).clamp(0, h - 1) * w + (columns + j).clamp(0, w - 1)).view(n, 1, h * w)
            pixels = flat.gather(2, index.expand(n, c, h * w)).view(n, c, h, w)
            total = total + shares[:, i, j, None] * pixels
    return total


def _shared(weights: Tensor, behind: Tensor, dim: int) -> Tensor:
    """Weights of k samples as weights of the k + 1 pixels before and behind them."""
    edge = torch.zeros_like(weights.narrow(dim, 0, 1))
    return torch.cat([weights, edge], dim) * (1 - behind) + torch.cat([edge, weights], dim) * behind


def _places(flow: Tensor, axis: int) -> Float[Tensor, "n h w"]:
    """The x (axis 0) or y (axis 1) in cells of the points that the flow gives."""
    cells = torch.arange(flow.shape[3 - axis], device=flow.device, dtype=torch.float32)
    return flow[:, axis].float() + (cells if axis == 0 else cells[:, None])


def _first_taps(places: Tensor, length: int, kernel: int) -> tuple[Tensor, Tensor]:
    """The first pixel of each window, and how far (n, 1, 1, h, w) the points lie behind their pixels."""
    # Further out the border's pixel is all there is.
    places = places.clamp(-kernel, length - 1 + kernel)
    first = places.detach().floor()
    return first.long() - kernel // 2, (places - first)[:, None, None]


def _interpolated(maps: Float[Tensor, "n c H W"], flow: Tensor, margin: int) -> Float[Tensor, "n c h w"]:
    """Maps with `margin` more cells on each side than the flow has, at the points that the flow gives."""
    height, width = maps.shape[-2] - 1, maps.shape[-1] - 1
    x = ((_places(flow, 0) + margin) * (2 / width) - 1).clamp(-1, 1)
    y = ((_places(flow, 1) + margin) * (2 / height) - 1).clamp(-1, 1)
    return functional.grid_sample(maps.float(), torch.stack([x, y], -1), align_corners=True)


# ---- networks


class Encoder(nn.ModuleList):
    """Features at every level, fine to coarse."""

    def __init__(self, inputs: int, widths: tuple[int, ...]) -> None:
        super().__init__(EncoderBlock(i, o) for i, o in pairwise((inputs, *widths)))

    def forward(self, x: Float[Tensor, "n c h w"]) -> list[Float[Tensor, "n _ _ _"]]:
        features: list[Tensor] = []
        for block in self:
            x = block(x)
            features.append(x)
        return features


class FlowNetwork(nn.Module):
    """Where each target place is in the source, and whether it is seen there; coarse to fine, a pair for each level."""

    def __init__(self, config: GflaConfig) -> None:
        super().__init__()
        widths = config.flow_widths
        self.encoder = Encoder(3 + 2 * len(OPENPOSE_18.keypoints), widths)
        self.levels = range(config.flow_levels - 1, min(config.kernels) - 1, -1)
        self.decoders = nn.ModuleList(ResidualDecoder(widths[level], widths[level - 1]) for level in self.levels)
        self.jumps = nn.ModuleList(Jump(widths[level - 1], widths[level - 1]) for level in self.levels)
        self.flows = nn.ModuleDict({str(k): nn.Conv2d(widths[k - 1], 2, 3, 1, 1) for k in config.kernels})
        self.masks = nn.ModuleDict({str(k): nn.Conv2d(widths[k - 1], 1, 3, 1, 1) for k in config.kernels})

    def forward(self, condition: Float[Tensor, "n 39 H W"]) -> tuple[list[Tensor], list[Tensor]]:
        """Flows (n, 2, h, w) in cells of their own level and masks (n, 1, h, w) in [0, 1]."""
        features = self.encoder(condition)
        flows: list[Tensor] = []
        masks: list[Tensor] = []
        x = features[-1]
        for level, decoder, jump in zip(self.levels, self.decoders, self.jumps, strict=True):
            x = decoder(x) + jump(features[level - 1])
            if str(level) in self.flows:
                flows.append(self.flows[str(level)](x))
                masks.append(torch.sigmoid(self.masks[str(level)](x)))
        return flows, masks


# ---- generator


@dataclass(frozen=True, eq=False)
class GflaSource:
    """A source, encoded: all that its pictures in other poses share. H x W is the network's frame."""

    frame: Frame
    condition: Float[Tensor, "n 21 H W"]
    """The source picture and its heatmaps."""
    features: tuple[Float[Tensor, "n _ _ _"], ...]
    """At the levels with attention, coarse to fine."""
    keys: tuple[Float[Tensor, "n _ _ _"], ...]
    """What the source's windows answer to the attention, for the same levels."""


@dataclass(frozen=True)
class GflaLayers:
    """What is drawn, in the network's frame, and by which flows and masks (coarse to fine)."""

    image: Float[Tensor, "n 3 H W"]
    flows: tuple[Float[Tensor, "n 2 _ _"], ...]
    masks: tuple[Float[Tensor, "n 1 _ _"], ...]


class GflaGenerator(PoseGuidedGenerator[GflaConfig, GflaSource]):
    family = "gfla"

    def __init__(self, config: GflaConfig) -> None:
        super().__init__(config)
        widths, kernels = config.widths, config.kernels
        self.source_encoder = Encoder(3, widths)
        self.pose_encoder = Encoder(len(OPENPOSE_18.keypoints), widths)
        self.flow_network = FlowNetwork(config)
        self.attentions = nn.ModuleDict({str(k): LocalAttention(widths[k - 1], n) for k, n in kernels.items()})
        outputs = (*widths[-2::-1], widths[0])
        self.residual_blocks = nn.ModuleList(ResidualBlock(c, c) for c in widths[::-1])
        self.decoders = nn.ModuleList(ResidualDecoder(i, o, i) for i, o in zip(widths[::-1], outputs, strict=True))
        self.output = ImageOutput(widths[0])
        init_orthogonal(self)

    def render(self, encoded: GflaSource, target_pose: PoseBatch) -> Rendering:
        return self.rendering(encoded, self.draw_maps(encoded, self.pose_maps(encoded.frame, target_pose)))

    def pose_maps(self, frame: Frame, pose: PoseBatch) -> Float[Tensor, "n 18 H W"]:
        return heatmaps_on_pixels(frame.poses(pose), sigma_px=self.config.heatmap_sigma_px)

    def encode_maps(
        self, image: Float[Tensor, "n 3 H W"], pose_maps: Float[Tensor, "n 18 H W"], frame: Frame
    ) -> GflaSource:
        features = self.source_encoder(image)
        used = tuple(features[level - 1] for level in self.config.kernels)
        keys = tuple(attention.key(f) for attention, f in zip(self._attentions(), used, strict=True))
        return GflaSource(frame, torch.cat([image, pose_maps], 1), used, keys)

    def draw_maps(self, encoded: GflaSource, target_maps: Float[Tensor, "n 18 H W"]) -> GflaLayers:
        flows, masks = self.flow_network(torch.cat([encoded.condition, target_maps], 1))
        x = self.pose_encoder(target_maps)[-1]
        given = zip(encoded.features, encoded.keys, flows, masks, strict=True)
        for level, block, decoder in zip(range(LEVELS, 0, -1), self.residual_blocks, self.decoders, strict=True):
            if str(level) in self.attentions:
                x = self.attentions[str(level)](x, *next(given))
            x = decoder(block(x))
        return GflaLayers(self.output(x), tuple(flows), tuple(masks))

    def rendering(self, encoded: GflaSource, layers: GflaLayers) -> Rendering:
        frame = encoded.frame
        displacement = self._displacement(frame, layers)
        ys = torch.arange(frame.picture_size.height, device=displacement.device) + 0.5
        xs = torch.arange(frame.picture_size.width, device=displacement.device) + 0.5
        places = torch.stack([xs.expand(frame.picture_size), ys[:, None].expand(frame.picture_size)])
        copied = functional.interpolate(layers.masks[-1].float(), frame.size, mode="bilinear", align_corners=False)
        return Rendering(
            frame.image_back(layers.image), visibility=frame.image_back(copied).clamp(0, 1), flow=places + displacement
        )

    def explain(self, encoded: GflaSource, target_pose: PoseBatch) -> dict[str, Float[Tensor, "n 3 h w"]]:
        """What is fetched from where: `warped_source`, the source moved by the finest flow alone; `flow_K`, the flow at
        1/K (hue: direction, full colour: a quarter of the height or more; grey where it is not used); `copied_K`,
        white where that level takes from the source and black where it invents."""
        layers = self.draw_maps(encoded, self.pose_maps(encoded.frame, target_pose))
        source, padded = encoded.condition[:, :3], encoded.frame.size
        pictures: dict[str, Tensor] = {"warped_source": self.warped(source, layers)}
        for level, flow, mask in zip(self.config.kernels, layers.flows, layers.masks, strict=True):
            colors = flow_colors(flow.float(), largest=flow.shape[-2] / 4, confidence=mask.float())
            pictures[f"flow_{2**level}"] = enlarged(colors, padded)
            pictures[f"copied_{2**level}"] = enlarged(mask * 2 - 1, padded).expand_as(source)
        return {name: encoded.frame.image_back(picture) for name, picture in pictures.items()}

    def warped(self, source: Float[Tensor, "n c h w"], layers: GflaLayers) -> Float[Tensor, "n c h w"]:
        cells = 2 ** min(self.config.kernels)
        flow = functional.interpolate(layers.flows[-1].float() * cells, source.shape[-2:], mode="bilinear")
        return _interpolated(source, flow, 0)

    def _displacement(self, frame: Frame, layers: GflaLayers) -> Float[Tensor, "n 2 h w"]:
        """The finest flow in px of the picture."""
        cells = 2 ** min(self.config.kernels)
        flow = functional.interpolate(layers.flows[-1].float(), frame.size, mode="bilinear", align_corners=False)
        scale = flow.new_tensor(
            [frame.picture_size.width / frame.content.width, frame.picture_size.height / frame.content.height]
        )
        return frame.image_back(flow) * (cells * scale).view(1, 2, 1, 1)

    def _attentions(self) -> list[LocalAttention]:
        return [module for module in self.attentions.values() if isinstance(module, LocalAttention)]


# ---- training


@dataclass(frozen=True, kw_only=True)
class GflaWeights:
    """Weights of the losses; the defaults are the paper's for the whole network."""

    l1: float = 5.0
    content: float = 0.5
    style: float = 500.0
    adversarial: float = 2.0
    correctness: float = 5.0
    regularisation: float = 0.0025


@dataclass(frozen=True, kw_only=True)
class GflaFlowWeights:
    """Weights of the first stage, which trains the flow network alone."""

    correctness: float = 20.0
    regularisation: float = 0.01


@dataclass(frozen=True, kw_only=True)
class GflaDrawing(Rendering):
    """What is drawn in training. The losses look at the network's frame."""

    frame: Frame
    layers: GflaLayers


class GflaFlowObjective(Objective[GflaGenerator, GflaDrawing]):
    """The first stage: where the flow points, the source's features should fit the target's; smooth where it can be."""

    def __init__(self, weights: GflaFlowWeights, features: PerceptualFeatures) -> None:
        super().__init__()
        self.weights = weights
        self.features = features

    def draw(self, generator: GflaGenerator, batch: PersonPair) -> GflaDrawing:
        """The source warped by the finest flow stands for the picture."""
        condition = batch.condition
        frame = generator.frame(Size(*condition.source_image.shape[-2:]))
        source, maps = frame.image(condition.source_image), generator.pose_maps(frame, condition.source_pose)
        maps = torch.cat([maps, generator.pose_maps(frame, condition.target_pose)], 1)
        flows, masks = generator.flow_network(torch.cat([source, maps], 1))
        layers = GflaLayers(source, tuple(flows), tuple(masks))
        warped = generator.warped(source, layers)
        return GflaDrawing(image=frame.image_back(warped), frame=frame, layers=layers)

    def generator_losses(
        self, generator: GflaGenerator, drawn: GflaDrawing, batch: PersonPair
    ) -> dict[str, Float[Tensor, ""]]:
        terms = flow_losses(generator.config, drawn, batch, self.features)
        return {
            "correctness": self.weights.correctness * terms["correctness"],
            "regularisation": self.weights.regularisation * terms["regularisation"],
        }

    def parameter_groups(self, generator: GflaGenerator) -> list[ParameterGroup]:
        return [ParameterGroup(list(generator.flow_network.parameters()))]


class GflaObjective(Objective[GflaGenerator, GflaDrawing]):
    """The second stage, of the whole network: the flow's losses, L1, content, style and least-squares adversarial."""

    def __init__(self, weights: GflaWeights, features: PerceptualFeatures, discriminator_blocks: int = 4) -> None:
        super().__init__()
        self.weights = weights
        self.features = features
        self.discriminator = PatchDiscriminator(discriminator_blocks, activate_image=True)

    def draw(self, generator: GflaGenerator, batch: PersonPair) -> GflaDrawing:
        condition = batch.condition
        encoded = generator.encode(condition.source_image, condition.source_pose)
        layers = generator.draw_maps(encoded, generator.pose_maps(encoded.frame, condition.target_pose))
        drawn = generator.rendering(encoded, layers)
        return GflaDrawing(
            image=drawn.image, visibility=drawn.visibility, flow=drawn.flow, frame=encoded.frame, layers=layers
        )

    def generator_losses(
        self, generator: GflaGenerator, drawn: GflaDrawing, batch: PersonPair
    ) -> dict[str, Float[Tensor, ""]]:
        weights, frame = self.weights, drawn.frame
        picture, truth = frame.content_of(drawn.layers.image), frame.content_of(frame.image(batch.target_image))
        flow = flow_losses(generator.config, drawn, batch, self.features)
        score = self.discriminator(drawn.layers.image)
        return {
            **picture_losses(
                self.features, picture, truth, l1=weights.l1, content=weights.content, style=weights.style
            ),
            "correctness": weights.correctness * flow["correctness"],
            "regularisation": weights.regularisation * flow["regularisation"],
            "adversarial": weights.adversarial * least_squares_loss(score, real=True),
        }

    def discriminator_losses(self, drawn: GflaDrawing, batch: PersonPair, step: int) -> dict[str, Float[Tensor, ""]]:
        return least_squares_judgement(self.discriminator, drawn.frame.image(batch.target_image), drawn.layers.image)


def flow_losses(
    config: GflaConfig, drawn: GflaDrawing, batch: PersonPair, features: PerceptualFeatures
) -> dict[str, Float[Tensor, ""]]:
    """The sampling correctness and the affine residual of the flows, each summed over the levels, unweighted."""
    with torch.no_grad():
        source = features(drawn.frame.image(batch.condition.source_image))
        target = features(drawn.frame.image(batch.target_image))
    maps = {3: (source.eighth, target.eighth), 2: (source.quarter, target.quarter)}
    correctness = regularisation = drawn.layers.flows[0].new_zeros(())
    for (level, kernel), flow in zip(config.kernels.items(), drawn.layers.flows, strict=True):
        correctness = correctness + sampling_correctness_loss(*maps[level], flow)
        regularisation = regularisation + affine_residual(flow, kernel)
    return {"correctness": correctness, "regularisation": regularisation}


# ---- losses of flows (n, 2, h, w): what target pixel (x, y) shows is at (x + flow 0, y + flow 1) of the source

_EPSILON = 1e-8


def gaussian_resampled(
    features: Float[Tensor, "n c h w"], flow: Float[Tensor, "n 2 h w"], sigma: float = 2.0
) -> Float[Tensor, "n c h w"]:
    """`features` where the flow points: the mean of the 4x4 pixels around, weighed by exp(-d^2 / 2 sigma^2) of their
    distance d; beyond the border the border's pixels go on. Its gradient reaches further than a bilinear one's.
    Both in float32: half precision cannot tell neighbouring places apart."""
    n, c, h, w = features.shape
    offsets = torch.arange(-1, 3, device=flow.device)

    def taps(position: Tensor, length: int) -> tuple[Tensor, Tensor]:
        first = position.detach().floor()
        pixels = first[:, None] + offsets.view(1, 4, 1, 1)
        weights = torch.exp(-(position[:, None] - pixels).square() / (2 * sigma**2))
        return pixels.long().clamp(0, length - 1), weights / weights.sum(1, keepdim=True)

    xs = torch.arange(w, device=flow.device, dtype=flow.dtype)
    ys = torch.arange(h, device=flow.device, dtype=flow.dtype)
    columns, across = taps(flow[:, 0] + xs, w)
    rows, down = taps(flow[:, 1] + ys[:, None], h)
    flat, resampled = features.flatten(2), features.new_zeros(n, c, h, w)
    for i in range(4):
        for j in range(4):
            index = (rows[:, i] * w + columns[:, j]).view(n, 1, h * w).expand(n, c, h * w)
            resampled = resampled + (down[:, i] * across[:, j])[:, None] * flat.gather(2, index).view(n, c, h, w)
    return resampled


def sampling_correctness_loss(
    source: Float[Tensor, "n c h w"], target: Float[Tensor, "n c h w"], flow: Float[Tensor, "n 2 h w"]
) -> Float[Tensor, ""]:
    """How much worse the flow's place fits than the source's best place (GFLA): the mean over target pixels of
    exp(-s / max s) - exp(-1), with s the cosine of the source's features there and the target's. 0 is the best."""
    with torch.autocast(flow.device.type, enabled=False):
        source, target = source.float(), target.float()
        reached = functional.cosine_similarity(gaussian_resampled(source, flow.float()), target, dim=1, eps=_EPSILON)
        with torch.no_grad():
            best = _unit(target).flatten(2).transpose(1, 2) @ _unit(source).flatten(2)
            best = best.amax(2).view_as(reached)
        return torch.exp(-reached / (best + _EPSILON)).mean() - math.exp(-1)


def affine_residual(flow: Float[Tensor, "n 2 h w"], size: int) -> Float[Tensor, ""]:
    """How far the flow is from an affine map within each `size` x `size` patch (GFLA's regularisation): the
    mean over patches of the squared residuals of the least-squares fit, summed over the patch and both axes."""
    # On a grid around 0 the fit's three terms (constant, x, y) are orthogonal. An affine map of a place is affine in
    # the place, so displacements leave the same residuals as positions.
    steps = torch.arange(size, device=flow.device, dtype=torch.float32) - (size - 1) / 2
    terms = torch.stack([torch.ones_like(steps).repeat(size), steps.repeat(size), steps.repeat_interleave(size)])
    terms = functional.normalize(terms, dim=1)
    with torch.autocast(flow.device.type, enabled=False):
        residual = torch.eye(size * size, device=flow.device) - terms.T @ terms
        patches = functional.unfold(flow.float(), size).unflatten(1, (2, size * size))
        return torch.einsum("ab,ncbl->ncal", residual, patches).square().sum((1, 2)).mean()


def _unit(features: Tensor) -> Tensor:
    return functional.normalize(features, dim=1, eps=_EPSILON)


# ---- published weights

_REPEATED = re.compile(r"(flow_net\.jump\d|target\.outconv)\.conv1\.")
_RENAMED: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"^source\.", "source_encoder."),
    (r"^target\.(?=block|encoder)", "pose_encoder."),
    (r"^flow_net\.(?=block|encoder)", "flow_network.encoder."),
    (r"\.block0\.model\.", ".0."),
    (r"\.encoder(\d)\.model\.", lambda found: f".{int(found[1]) + 1}."),
    (r"^flow_net\.output(\d)\.", lambda found: f"flow_network.flows.{4 - int(found[1])}."),
    (r"^flow_net\.mask(\d)\.0\.", lambda found: f"flow_network.masks.{4 - int(found[1])}."),
    (r"^flow_net\.decoder(\d)\.", r"flow_network.decoders.\1."),
    (r"^flow_net\.jump(\d)\.model\.", r"flow_network.jumps.\1."),
    (r"^target\.decoder(\d)\.0\.model\.0\.", r"residual_blocks.\1."),
    (r"^target\.decoder(\d)\.1\.", r"decoders.\1."),
    (r"^target\.attn(\d)\.fully_connect_layer\.0\.", lambda found: f"attentions.{LEVELS - int(found[1])}.match."),
    (r"^target\.attn(\d)\.fully_connect_layer\.2\.", lambda found: f"attentions.{LEVELS - int(found[1])}.weigh.1."),
    (r"^target\.outconv\.model\.", "output."),
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
    name="gfla",
    title="Global-Flow Local-Attention (GFLA)",
    venue="CVPR 2020",
    paper="Deep Image Spatial Transformation for Person Image Generation",
    year=2020,
    described_in="public",
    weights="public, non-commercial",
    config=GflaConfig,
    generator=GflaGenerator,
    tiny=GflaConfig(
        height=64, width=48, network_height=64, network_width=48, channels=8, max_channels=16, flow_channels=8
    ),
    published=PublishedWeights(
        repository="https://github.com/RenYurui/Global-Flow-Local-Attention",
        licence=NON_COMMERCIAL,
        prefix="flow_net.",
        settings={"fashion": GflaConfig(), "market": GflaConfig.market()},
        key_of=published_key,
    ),
    recipes="posable.recipes.gfla",
)
