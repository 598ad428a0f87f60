"""nted: neural texture extraction and distribution (Ren, Fan, Li, Liu & Li, CVPR 2022, arXiv 2204.06160).

The reference picture is taken apart into a few textures per resolution, vectors that each stand for one kind of thing
(a sleeve, hair, the wall): attention gathers each from the places where the reference shows it. The target skeleton is
rendered by a StyleGAN2-like network that, after every convolution, says which kind of thing each pixel shows, and adds
that kind's texture. The two attentions never meet, so their cost grows with the number of pixels, not with its square.

    reference --> Encoder --> features at 1/2, 1/4, 1/8, 1/16 --> Extraction x2 each --> textures (channels x labels)
                                                                                             |
    skeleton  --> Encoder --> features at 1/16 --> RenderLevel (conv0, conv1, to_rgb), up ---+--> ... --> image

Faithful to the authors' network and training in all numbers (the goldens prove the network). Written differently: an
extraction sums the reference's features with the attention *before* its value convolution, not after. That gives the
same textures, because both are linear, for K / C of the work. Deviations: frames off the grid are padded; pictures of
several times the trained size are drawn at that size and enlarged.

Appearance control (paper, eq. 16-18) is `mix` and `region_coefficients`; which pictures its losses compare is INFERRED.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional

from posable.errors import ConfigError
from posable.models.generator import Generator, Rendering
from posable.nn.network_frame import NetworkFrame
from posable.nn.stylegan2 import (
    BLUR_TAPS,
    EqualConv2d,
    EqualDownConv2d,
    EqualUpConv2d,
    FlRelu,
    StyleGan2Discriminator,
    upfirdn2d,
)
from posable.pose import PoseBatch
from posable.pose_maps import nted_skeleton
from posable.size import Size

SKELETON_CHANNELS = 20


@dataclass(frozen=True, kw_only=True)
class NtedConfig:
    """The defaults are the paper's 256x176 model; `at_512` is the other."""

    height: int = 256
    """Height of the frame in px; the width follows. Both must be multiples of 2^(levels - 1)."""
    width: int = 176
    channels: tuple[int, ...] = (512, 512, 512, 256, 128)
    """Channels of each level, from the coarsest (1/16 here) to the full size."""
    num_labels: tuple[int, ...] = (16, 32, 64, 64)
    """Kinds of textures at each level but the full size, which has none."""
    kernel_sizes: tuple[int, ...] = (1, 3, 3, 3)
    """Side of the convolutions that tell extractions and distributions what a place shows."""

    def __post_init__(self) -> None:
        levels = len(self.channels)
        if levels < 2 or len(self.num_labels) != levels - 1 or len(self.kernel_sizes) != levels - 1:
            raise ConfigError(
                f"nted has channels for {levels} levels; give num_labels and kernel_sizes for all but the last, "
                f"{levels - 1} each."
            )
        if self.height % self.multiple or self.width % self.multiple:
            raise ConfigError(
                f"nted's frame is {self.height}x{self.width}; with {levels} levels give multiples of {self.multiple}."
            )

    @property
    def multiple(self) -> int:
        return 2 ** (len(self.channels) - 1)

    @classmethod
    def at_512(cls) -> "NtedConfig":
        """The paper's 512x352 model."""
        return cls(
            height=512,
            width=352,
            channels=(512, 512, 512, 256, 128, 64),
            num_labels=(16, 32, 32, 64, 64),
            kernel_sizes=(1, 3, 3, 3, 3),
        )


# ---- blocks


@dataclass(frozen=True)
class Extracted:
    """What the two extractions of one level gathered; the first is for the level's first convolution."""

    textures: Float[Tensor, "n 2 c labels"]
    attention: Float[Tensor, "n 2 labels h w"]
    """Where in the reference each texture comes from; sums to 1 over the places."""


class Extraction(nn.Module):
    """The weights that gather one texture per label."""

    def __init__(self, channels: int, num_labels: int, kernel_size: int) -> None:
        super().__init__()
        self.semantics = EqualConv2d(channels, num_labels, kernel_size)
        self.values = EqualConv2d(channels, channels, kernel_size, bias=True)

    def textures(self, gathered: Float[Tensor, "n patch labels"]) -> Float[Tensor, "n c labels"]:
        """The value convolution of one patch of features per label."""
        weight, bias = self.values.weight * self.values.scale, self.values.bias
        assert bias is not None
        return torch.matmul(weight.flatten(1), gathered) + bias[:, None]


class ExtractionPair(nn.Module):
    """Both extractions of one level: per label, the values of the places that show it, weighted by attention over all
    places (eq. 1-3). The attention looks at features of zero mean and unit length, the values do not."""

    def __init__(self, channels: int, num_labels: int, kernel_size: int) -> None:
        super().__init__()
        self.first = Extraction(channels, num_labels, kernel_size)
        self.second = Extraction(channels, num_labels, kernel_size)

    def forward(self, features: Float[Tensor, "n c h w"]) -> Extracted:
        n, c, h, w = features.shape
        unit = features - features.mean(1, keepdim=True)
        unit = unit / (torch.linalg.vector_norm(unit, dim=1, keepdim=True) + torch.finfo(torch.float64).eps)
        weight = torch.cat([self.first.semantics.weight, self.second.semantics.weight]) * self.first.semantics.scale
        side = weight.shape[-1]
        attention = functional.conv2d(unit, weight, padding=side // 2).flatten(2).softmax(-1).view(n, -1, h, w)
        # The mean patch of features for each label. Moving the few attention maps is cheaper than moving the features.
        around = functional.pad(attention, [side // 2] * 4)
        offsets = [(side - 1 - y, side - 1 - x) for y in range(side) for x in range(side)]
        moved = torch.stack([around[..., top : top + h, left : left + w] for top, left in offsets], 1)
        patches = torch.bmm(features.flatten(2), moved.flatten(1, 2).flatten(2).transpose(1, 2))
        first, second = patches.view(n, c, side * side, 2, -1).flatten(1, 2).unbind(2)
        textures = torch.stack([self.first.textures(first), self.second.textures(second)], 1)
        return Extracted(textures, attention.view(n, 2, -1, h, w))


class EncoderLevel(nn.Module):
    """Half the size; the extractions only look on."""

    def __init__(self, inputs: int, outputs: int, extractions: ExtractionPair | None) -> None:
        super().__init__()
        self.conv = EqualDownConv2d(inputs, outputs, 3)
        self.activate = FlRelu(outputs)
        self.extractions = extractions

    def forward(self, x: Tensor) -> tuple[Tensor, Extracted | None]:
        x = self.activate(self.conv(x))
        return x, None if self.extractions is None else self.extractions(x)


class Encoder(nn.Module):
    """From the full size down to the coarsest level."""

    def __init__(self, inputs: int, config: NtedConfig, *, extracts: bool) -> None:
        super().__init__()
        c = config.channels
        self.first = nn.Sequential(EqualConv2d(inputs, c[-1], 1), FlRelu(c[-1]))
        self.levels = nn.ModuleList()
        for i in reversed(range(len(c) - 1)):
            pair = ExtractionPair(c[i], config.num_labels[i], config.kernel_sizes[i]) if extracts else None
            self.levels.append(EncoderLevel(c[i + 1], c[i], pair))

    def forward(self, x: Tensor) -> tuple[Tensor, list[Extracted]]:
        """The coarsest features, and what was extracted at each level from coarse to fine."""
        x = self.first(x)
        found: list[Extracted] = []
        for level in self.levels:
            x, extracted = level(x)
            if extracted is not None:
                found.insert(0, extracted)
        return x, found


class RenderLayer(nn.Module):
    """A convolution that then adds to each place the textures of what it shows (eq. 4-6), and activates."""

    def __init__(self, conv: nn.Module, outputs: int, num_labels: int, kernel_size: int) -> None:
        super().__init__()
        self.conv = conv
        self.semantics = EqualConv2d(outputs, num_labels, kernel_size, bias=True) if num_labels else None
        self.activate = FlRelu(outputs)

    def forward(self, x: Tensor, textures: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Features, and the distribution (n, labels, h, w): how far each place shows each label, summing to 1."""
        x = self.conv(x)
        distribution = None
        if self.semantics is not None and textures is not None:
            distribution = self.semantics(x).softmax(1)
            x = (x + torch.bmm(textures, distribution.flatten(2)).view_as(x)) * 0.5**0.5
        return self.activate(x), distribution


class RenderLevel(nn.Module):
    """Two layers at one resolution, the first of which doubles the size except at the coarsest level; and RGB."""

    def __init__(self, inputs: int, outputs: int, num_labels: int, kernel_size: int, *, is_coarsest: bool) -> None:
        super().__init__()
        enlarge = EqualConv2d(inputs, outputs, 3) if is_coarsest else EqualUpConv2d(inputs, outputs)
        self.conv0 = RenderLayer(enlarge, outputs, num_labels, kernel_size)
        self.conv1 = RenderLayer(EqualConv2d(outputs, outputs, 3), outputs, num_labels, kernel_size)
        self.to_rgb = EqualConv2d(outputs, 3, 3, bias=True)

    def forward(self, x: Tensor, textures: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
        """Features, what they add to the picture, and both layers' distributions (n, 2, labels, h, w)."""
        first, second = (None, None) if textures is None else textures.unbind(1)
        x, before = self.conv0(x, first)
        x, after = self.conv1(x, second)
        return x, self.to_rgb(x), None if textures is None else torch.stack([before, after], 1)


class Renderer(nn.Module):
    """The skeleton's features turned into a picture, coarse to fine; each level adds to the enlarged RGB before."""

    def __init__(self, config: NtedConfig) -> None:
        super().__init__()
        c = config.channels
        labels, kernels = (*config.num_labels, 0), (*config.kernel_sizes, 1)
        self.levels = nn.ModuleList(
            RenderLevel(c[max(i - 1, 0)], c[i], labels[i], kernels[i], is_coarsest=i == 0) for i in range(len(c))
        )

    def forward(self, x: Tensor, textures: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The picture, not limited to [-1, 1], and each level's distributions (n, 2, labels, h, w)."""
        image: Tensor | None = None
        distributions: list[Tensor] = []
        for level, texture in zip(self.levels, (*textures, None), strict=True):
            x, rgb, distribution = level(x, texture)
            image = rgb if image is None else rgb + upfirdn2d(image, BLUR_TAPS, up=2, padding=(2, 1))
            if distribution is not None:
                distributions.append(distribution)
        assert image is not None
        return image, tuple(distributions)


# ---- generator


@dataclass(frozen=True)
class NtedSource:
    """A reference, taken apart. Per level from coarse to fine, for its first and its second convolution."""

    frame: NetworkFrame
    image: Float[Tensor, "n 3 h w"]
    """The reference in the network's frame, for `explain`; drawing needs the textures alone."""
    textures: tuple[Float[Tensor, "n 2 c labels"], ...]
    colors: tuple[Float[Tensor, "n 2 3 labels"], ...]
    """The mean colour of the places that each texture came from, RGB in [-1, 1]."""


TextureCoefficients = tuple[Float[Tensor, "n 2 labels"], ...]
"""For each texture how much of it is the garment's: 0 the person's own, 1 the garment's. Per level, coarse to fine."""


@dataclass(frozen=True)
class NtedDrawing:
    """What the network draws in its own frame, with all that the losses look at."""

    image: Float[Tensor, "n 3 h w"]
    """Not limited to [-1, 1]."""
    colors: tuple[Float[Tensor, "n 2 3 labels"], ...]
    distributions: tuple[Float[Tensor, "n 2 labels h w"], ...]


class NtedGenerator(Generator[NtedSource]):
    """Parameters: 42,353,519 with the default config, 42,612,402 with `NtedConfig.at_512()`."""

    family = "nted"

    def __init__(self, config: NtedConfig) -> None:
        super().__init__()
        self.config = config
        self.size = Size(config.height, config.width)
        self.reference_encoder = Encoder(3, config, extracts=True)
        self.skeleton_encoder = Encoder(SKELETON_CHANNELS, config, extracts=False)
        self.renderer = Renderer(config)

    def encode(
        self,
        source_image: Float[Tensor, "n 3 h w"],
        source_pose: PoseBatch,
        source_parsing: UInt8[Tensor, "n h w"] | None = None,
    ) -> NtedSource:
        """Takes the reference apart; neither its pose nor its parsing is looked at."""
        frame = self.frame_of(Size(*source_image.shape[-2:]))
        image = frame.place(source_image)
        return self.extract(image, frame)

    def render(self, encoded: NtedSource, target_pose: PoseBatch) -> Rendering:
        drawing = self.draw(encoded, nted_skeleton(encoded.frame.place_pose(target_pose)))
        return Rendering(image=encoded.frame.undo(drawing.image).clamp(-1, 1))

    def frame_of(self, picture: Size) -> NetworkFrame:
        """Pictures of k times the trained size and more are shrunk k times; the rest is padded to the grid."""
        factor = max(1, min(picture.height // self.size.height, picture.width // self.size.width))
        enlarged = Size(self.size.height * factor, self.size.width * factor)
        return NetworkFrame.of(picture, enlarged, self.size, self.config.multiple)

    def extract(self, image: Float[Tensor, "n 3 h w"], frame: NetworkFrame) -> NtedSource:
        """The textures of references that are in the network's frame."""
        _, extracted = self.reference_encoder(image)
        colors = tuple(gathered(level.attention, image) for level in extracted)
        return NtedSource(frame, image, tuple(level.textures for level in extracted), colors)

    def draw(self, encoded: NtedSource, skeleton: Float[Tensor, "n 20 h w"]) -> NtedDrawing:
        """One drawing for each encoded reference and skeleton map in the network's frame."""
        features, _ = self.skeleton_encoder(skeleton)
        image, distributions = self.renderer(features, encoded.textures)
        return NtedDrawing(image, encoded.colors, distributions)


def gathered(attention: Float[Tensor, "n 2 labels h w"], image: Float[Tensor, "n c H W"]) -> Tensor:
    """The attention's mean of a picture, for each extraction and label: (n, 2, c, labels)."""
    small = functional.interpolate(image, attention.shape[-2:], mode="nearest").flatten(2)
    return torch.einsum("nekp,ncp->neck", attention.flatten(3), small)


# ---- published weights


_PUBLISHED_NAMES = (
    ("target_image_renderer.convs.", "renderer.levels."),
    ("_encoder.convs.", "_encoder.levels."),
    (".first.conv.", ".first.0."),
    (".first.activate.", ".first.1."),
    # The authors' second extraction of a level feeds the first convolution.
    (".extraction_operations.0.", ".extractions.second."),
    (".extraction_operations.1.", ".extractions.first."),
    (".value_conv.", ".values."),
    (".semantic_extraction_filter.", ".semantics."),
    (".distribution_operation.semantic_distribution_filter.", ".semantics."),
    (".to_rgb.conv.", ".to_rgb."),
)


def published_key(key: str) -> str | None:
    """Our name for an entry of the authors' generator (the EMA one is used for drawing); None for constant filters."""
    if key.endswith(".kernel"):
        return None
    for theirs, ours in _PUBLISHED_NAMES:
        key = key.replace(theirs, ours)
    return key


def nted_discriminator(config: NtedConfig) -> StyleGan2Discriminator:
    """The discriminator for a config's frame: 26,766,977 parameters at 256x176, 26,885,697 at 512x352."""
    halvings_to_4_rows = config.height.bit_length() - 3
    deepest = [config.channels[0]] * (halvings_to_4_rows + 1 - len(config.channels))
    return StyleGan2Discriminator(Size(config.height, config.width), (*reversed(config.channels), *deepest))
