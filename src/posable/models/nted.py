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

Appearance control (paper, eq. 16-18) is `mix_textures` and `fit_coefficients`; what its losses compare is INFERRED.
"""

import os
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional

from posable.batch import PersonPair
from posable.errors import ConfigError, InputError, SizeError
from posable.imaging.frame import Frame
from posable.imaging.size import Size
from posable.models.editing import Region, check_strength
from posable.models.family import NON_COMMERCIAL, Family, PublishedWeights
from posable.models.generator import Generator, Rendering
from posable.models.network_frame import shrinking
from posable.models.objective import Objective
from posable.nn.attention_pictures import enlarged, label_colors
from posable.nn.face_crops import face_crops
from posable.nn.losses import (
    content_loss,
    logistic_discriminator_loss,
    nonsaturating_generator_loss,
    r1_penalty,
    style_loss,
)
from posable.nn.perceptual_features import EfficientNetFeatures, FeatureMaps, PerceptualFeatures, Vgg19Features
from posable.nn.pretrained.vgg19 import load_vgg19
from posable.nn.soft_parsing import placed_mask
from posable.nn.stylegan2 import (
    BLUR_TAPS,
    EqualConv2d,
    EqualDownConv2d,
    EqualUpConv2d,
    FlRelu,
    StyleGan2Discriminator,
    upfirdn2d,
)
from posable.pose.maps import nted_skeleton
from posable.pose.pose import PoseBatch

_SKELETON_CHANNELS = 20


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
        if min(*self.channels, *self.num_labels) < 1 or any(side < 1 or side % 2 == 0 for side in self.kernel_sizes):
            raise ConfigError("nted needs at least one channel and label at each level, and kernel_sizes that are odd.")
        if min(self.height, self.width) < 1 or self.height % self.multiple or self.width % self.multiple:
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

    def forward(self, x: Float[Tensor, "n c h w"]) -> tuple[Float[Tensor, "n outputs h//2 w//2"], Extracted | None]:
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

    def forward(self, x: Float[Tensor, "n inputs h w"]) -> tuple[Float[Tensor, "n c _ _"], list[Extracted]]:
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

TextureCoefficients = tuple[Float[Tensor, "n 2 _"], ...]
"""A number in [0, 1] for each texture, (n, 2, labels) per level from coarse to fine, for its first and its second
convolution."""


@dataclass(frozen=True)
class NtedSource:
    """A reference, taken apart. Per level from coarse to fine, for its first and its second convolution."""

    frame: Frame
    image: Float[Tensor, "n 3 H W"]
    """The reference in the network's frame. Drawing does not look at it; `explain` and `texture_shares` do."""
    textures: tuple[Float[Tensor, "n 2 _ _"], ...]
    """(n, 2, c, labels) each; c and labels are each level's own."""
    colors: tuple[Float[Tensor, "n 2 3 _"], ...]
    """The mean colour of the places that each texture came from, RGB in [-1, 1]."""


@dataclass(frozen=True)
class NetworkDrawing:
    """What the network draws in its own frame."""

    image: Float[Tensor, "n 3 H W"]
    """Not limited to [-1, 1]."""
    distributions: tuple[Float[Tensor, "n 2 _ _ _"], ...]
    """Per level, how far each place shows each label, (n, 2, labels, h, w); sums to 1 over the labels."""


class NtedGenerator(Generator[NtedSource]):
    """Parameters: 42,353,519 with the default config, 42,612,402 with `NtedConfig.at_512()`."""

    family = "nted"

    def __init__(self, config: NtedConfig) -> None:
        super().__init__()
        self.config = config
        self.size = Size(config.height, config.width)
        self.reference_encoder = Encoder(3, config, extracts=True)
        self.skeleton_encoder = Encoder(_SKELETON_CHANNELS, config, extracts=False)
        self.renderer = Renderer(config)

    def frame(self, picture: Size) -> Frame:
        """Pictures of k times the trained size and more are shrunk k times; the rest is padded to the grid."""
        return shrinking(picture, self.size, self.config.multiple)

    def encode(
        self,
        source_image: Float[Tensor, "n 3 h w"],
        source_pose: PoseBatch,
        source_parsing: UInt8[Tensor, "n h w"] | None = None,
    ) -> NtedSource:
        """Takes the reference apart; neither its pose nor its parsing is looked at."""
        frame = self.frame(Size(source_image.shape[-2], source_image.shape[-1]))
        return self.encode_frame(frame.image(source_image), frame)

    def render(self, encoded: NtedSource, target_pose: PoseBatch) -> Rendering:
        drawing = self.draw_maps(encoded.textures, self.pose_maps(encoded.frame, target_pose))
        return Rendering(image=encoded.frame.image_back(drawing.image).clamp(-1, 1))

    def encode_frame(self, image: Float[Tensor, "n 3 H W"], frame: Frame) -> NtedSource:
        """The textures of references that are in the network's frame."""
        _, extracted = self.reference_encoder(image)
        colors = tuple(_gathered(level.attention, image) for level in extracted)
        return NtedSource(frame, image, tuple(level.textures for level in extracted), colors)

    def pose_maps(self, frame: Frame, pose: PoseBatch) -> Float[Tensor, "n 20 H W"]:
        return nted_skeleton(frame.poses(pose))

    def draw_maps(
        self, textures: tuple[Float[Tensor, "n 2 _ _"], ...], skeleton: Float[Tensor, "n 20 H W"]
    ) -> NetworkDrawing:
        """One drawing for each set of textures and skeleton map in the network's frame."""
        features, _ = self.skeleton_encoder(skeleton)
        return NetworkDrawing(*self.renderer(features, textures))

    def texture_shares(self, encoded: NtedSource, region: Float[Tensor, "n 1 h w"]) -> TextureCoefficients:
        """How much of each texture comes from a region of the encoded picture, in [0, 1].

        `region` is a mask in [0, 1] in the frame of the picture that was encoded. INFERRED: with the region of a
        garment these are coefficients for `mix_textures` that need no target pose and no optimisation.
        """
        placed = placed_mask(encoded.frame, region)
        _, extracted = self.reference_encoder(encoded.image)
        return tuple(_gathered(level.attention, placed)[:, :, 0] for level in extracted)

    def with_garment(
        self, person: NtedSource, garment: NtedSource, region: Region, strength: float = 1.0
    ) -> NtedSource:
        """Textures mixed by `texture_shares` times the strength; `fit_coefficients` fits a target pose better, in
        minutes. Raises InputError for the name of a region: nted knows places by textures, not by names."""
        check_strength(strength)
        if isinstance(region, str):
            raise InputError(f"nted cannot find the region '{region}'; give a mask of it in the garment's picture.")
        shares = self.texture_shares(garment, region)
        return mix_textures(person, garment, tuple(strength * share for share in shares))

    def fit_coefficients(
        self,
        person: NtedSource,
        garment: NtedSource,
        target_pose: PoseBatch,
        region: Float[Tensor, "n 1 h w"],
        start: TextureCoefficients,
        steps: int = 200,
        learning_rate: float = 0.01,
    ) -> TextureCoefficients:
        """The coefficients for `mix_textures` with which a region of the drawing, and only that, is as the garment's.

        Minimises 3e5 (10 inside + outside) + the sum of the coefficients with Adam (paper, eq. 16-18). `region` is a
        mask in [0, 1] in the frame of the drawing. INFERRED: "inside" is the mean squared difference, over the region,
        from the garment's reference drawn in the target pose; "outside", over the rest, from the person drawn in it.
        """
        with torch.inference_mode(False), torch.enable_grad():
            own, other = (tuple(texture.detach().clone() for texture in each.textures) for each in (person, garment))
            skeleton, inside = self.pose_maps(person.frame, target_pose).clone(), person.frame.image(region).clone()
            with torch.no_grad():
                features = self.skeleton_encoder(skeleton)[0]
                kept, wanted = (self.renderer(features, textures)[0].clamp(-1, 1) for textures in (own, other))
            fitted = [coefficients.detach().clone().requires_grad_() for coefficients in start]
            adam = torch.optim.Adam(fitted, learning_rate)
            for _ in range(steps):
                drawn = self.renderer(features, _mixed(own, other, tuple(fitted)))[0]
                change = ((drawn - wanted).square() * inside).mean()
                damage = ((drawn - kept).square() * (1 - inside)).mean()
                loss = 3e5 * (10 * change + damage) + torch.stack([each.sum() for each in fitted]).sum()
                for each, gradient in zip(fitted, torch.autograd.grad(loss, fitted), strict=True):
                    each.grad = gradient
                adam.step()
                with torch.no_grad():
                    for each in fitted:
                        each.clamp_(0, 1)
            return tuple(each.detach() for each in fitted)

    def explain(self, encoded: NtedSource, target_pose: PoseBatch) -> dict[str, Float[Tensor, "n 3 h w"]]:
        """What the attentions do, as pictures, for each level (its stride s) and each of its two convolutions.

        `extraction_s_first`: the source, each place in the colour of the label that takes its texture from it, as
        bright as it is attended. `distribution_s_first`: the target, each place in the colours of the labels that it
        shows. `painted_s_first`: the target painted with the mean colour of each texture. The same with `_second`.
        """
        _, extracted = self.reference_encoder(encoded.image)
        drawing = self.draw_maps(encoded.textures, self.pose_maps(encoded.frame, target_pose))
        pictures: dict[str, Tensor] = {}
        levels = zip(extracted, drawing.distributions, encoded.colors, strict=True)
        for depth, (found, distribution, colors) in enumerate(levels):
            stride = self.config.multiple >> depth
            for convolution, which in enumerate(("first", "second")):
                attention, shares = found.attention[:, convolution], distribution[:, convolution]
                hues = label_colors(attention.shape[1], like=attention)
                strength = (attention / attention.amax((2, 3), keepdim=True)).amax(1, keepdim=True)
                mixture = attention / attention.sum(1, keepdim=True).clamp_min(1e-12)
                pictures[f"extraction_{stride}_{which}"] = _colored(mixture, hues) * strength * 2 - 1
                pictures[f"distribution_{stride}_{which}"] = _colored(shares, hues) * 2 - 1
                pictures[f"painted_{stride}_{which}"] = torch.einsum("nkhw,nck->nchw", shares, colors[:, convolution])
        frame = encoded.frame
        return {name: frame.image_back(enlarged(picture, frame.size)) for name, picture in pictures.items()}


def mix_textures(person: NtedSource, garment: NtedSource, coefficients: TextureCoefficients) -> NtedSource:
    """The person with some textures taken from another picture: own + coefficient (garment - own), for each texture
    (paper, eq. 16). Mixing can be repeated for several garments; the frame stays the person's."""
    textures = _mixed(person.textures, garment.textures, coefficients)
    return replace(person, textures=textures, colors=_mixed(person.colors, garment.colors, coefficients))


def _mixed(own: tuple[Tensor, ...], other: tuple[Tensor, ...], coefficients: TextureCoefficients) -> tuple[Tensor, ...]:
    return tuple(a + (b - a) * s[:, :, None] for a, b, s in zip(own, other, coefficients, strict=True))


def _gathered(attention: Float[Tensor, "n 2 labels h w"], picture: Float[Tensor, "n c H W"]) -> Tensor:
    """The attention's mean of a picture, for each extraction and label: (n, 2, c, labels)."""
    small = functional.interpolate(picture, attention.shape[-2:], mode="nearest").flatten(2)
    return torch.einsum("nekp,ncp->neck", attention.flatten(3), small)


def _colored(shares: Float[Tensor, "n labels h w"], colors: Float[Tensor, "labels 3"]) -> Float[Tensor, "n 3 h w"]:
    return torch.einsum("nkhw,kc->nchw", shares, colors)


# ---- training


@dataclass(frozen=True, kw_only=True)
class NtedWeights:
    """Weights of the losses; the defaults are the published ones at 256x176."""

    perceptual: float = 2.0
    style: float = 500.0
    """Of the Gram matrices' difference, within the perceptual loss."""
    num_scales: int = 1
    """The content of the perceptual loss is compared at the full size and at this many less one halvings."""
    attention: float = 15.0
    face: float = 1.0
    adversarial: float = 1.5
    """0 trains without a discriminator, as the first 20,000 steps at 256x176."""
    r1: float = 10.0
    """gamma of the penalty on the discriminator's gradient."""
    r1_interval: int = 16
    """Steps from one penalty to the next; each counts as many times."""

    @classmethod
    def at_512(cls) -> "NtedWeights":
        return cls(perceptual=1.0, style=1000.0, num_scales=3)


EMA_HALF_LIFE_IMAGES = 5000
"""0.5^(32/10000) a step with 16 drawings a step; the averaged weights are the ones to draw with."""


@dataclass(frozen=True, kw_only=True)
class NtedDrawing(Rendering):
    """Both directions of a batch of n pairs, drawn in training: source to target, then target to source."""

    drawn: Float[Tensor, "2n 3 H W"]
    """Not limited to [-1, 1]."""
    truth: Float[Tensor, "2n 3 H W"]
    truth_pose: PoseBatch
    colors: tuple[Float[Tensor, "2n 2 3 labels"], ...]
    distributions: tuple[Float[Tensor, "2n 2 labels h w"], ...]


class NtedObjective(Objective[NtedGenerator, NtedDrawing]):
    """Perceptual and style losses, the attention's reconstruction, faces; a discriminator with a lazy R1 penalty."""

    def __init__(self, weights: NtedWeights, features: PerceptualFeatures, config: NtedConfig) -> None:
        super().__init__()
        self.weights = weights
        self.features = features
        self.discriminator = nted_discriminator(config) if weights.adversarial else nn.Identity()

    def draw(self, generator: NtedGenerator, batch: PersonPair) -> NtedDrawing:
        condition, frame = batch.condition, generator.frame(Size(*batch.target_image.shape[-2:]))
        if frame.size != generator.size:
            raise SizeError(
                f"nted was given pictures of {frame.picture} to learn from; give {generator.size}, its own frame."
            )
        source, target = frame.image(condition.source_image), frame.image(batch.target_image)
        truth_pose = PoseBatch.concatenated([condition.target_pose, condition.source_pose])
        encoded = generator.encode_frame(torch.cat([source, target]), frame)
        drawing = generator.draw_maps(encoded.textures, generator.pose_maps(frame, truth_pose))
        return NtedDrawing(
            image=frame.image_back(drawing.image[: len(batch)]).clamp(-1, 1),
            drawn=drawing.image,
            truth=torch.cat([target, source]),
            truth_pose=frame.poses(truth_pose),
            colors=encoded.colors,
            distributions=drawing.distributions,
        )

    def generator_losses(
        self, generator: NtedGenerator, drawn: NtedDrawing, batch: PersonPair
    ) -> dict[str, Float[Tensor, ""]]:
        weights, losses = self.weights, self._perceptual_losses(drawn.drawn, drawn.truth)
        losses["attention"] = weights.attention * attention_reconstruction_loss(drawn)
        if weights.face:
            faces = self.features(face_crops(drawn.drawn, drawn.truth_pose))
            wanted = self._wanted(face_crops(drawn.truth, drawn.truth_pose))
            losses["face"] = weights.face * content_loss(faces.content, wanted.content)
        if weights.adversarial:
            losses["adversarial"] = weights.adversarial * nonsaturating_generator_loss(self.discriminator(drawn.drawn))
        return losses

    def discriminator_losses(self, drawn: NtedDrawing, batch: PersonPair, step: int) -> dict[str, Float[Tensor, ""]]:
        weights = self.weights
        if not weights.adversarial:
            return {}
        real, generated = self.discriminator(drawn.truth), self.discriminator(drawn.drawn.detach())
        losses = {"discriminator": logistic_discriminator_loss(real, generated)}
        if step % weights.r1_interval == 0:
            truth = drawn.truth.detach().clone().requires_grad_()
            penalty = r1_penalty(self.discriminator(truth), truth)
            losses["r1"] = weights.r1 / 2 * weights.r1_interval * penalty
        return losses

    def _perceptual_losses(self, picture: Tensor, truth: Tensor) -> dict[str, Tensor]:
        weights = self.weights
        content, style = picture.new_zeros(()), picture.new_zeros(())
        for scale in range(weights.num_scales):
            if scale:
                picture, truth = (
                    functional.interpolate(x, scale_factor=0.5, mode="bilinear") for x in (picture, truth)
                )
            got, wanted = self.features(picture), self._wanted(truth)
            content = content + content_loss(got.content, wanted.content)
            if scale == 0:
                style = style_loss(got.style, wanted.style)
        return {"perceptual": weights.perceptual * content, "style": weights.perceptual * weights.style * style}

    @torch.no_grad()
    def _wanted(self, truth: Tensor) -> FeatureMaps:
        return self.features(truth)


def nted_discriminator(config: NtedConfig) -> StyleGan2Discriminator:
    """The discriminator for a config's frame: 26,766,977 parameters at 256x176, 26,885,697 at 512x352."""
    halvings_to_4_rows = config.height.bit_length() - 3
    deepest = [config.channels[0]] * (halvings_to_4_rows + 1 - len(config.channels))
    return StyleGan2Discriminator(Size(config.height, config.width), (*reversed(config.channels), *deepest))


def nted_features(vgg19: str | os.PathLike[str] | None) -> PerceptualFeatures:
    """What the published losses compare: VGG19 of normalised pictures, styles at the content's layers. Without the
    file of its weights, EfficientNet-Lite0's features."""
    if vgg19 is None:
        return EfficientNetFeatures()
    return Vgg19Features(load_vgg19(vgg19), normalised=True, style_layers=Vgg19Features.content_layers)


def attention_reconstruction_loss(drawn: NtedDrawing) -> Float[Tensor, ""]:
    """The mean L1 distance to the truth of pictures that both attentions make from the reference's colours alone."""
    errors: list[Tensor] = []
    for colors, distribution in zip(drawn.colors, drawn.distributions, strict=True):
        painted = torch.einsum("neck,nekhw->nechw", colors, distribution)
        small = functional.interpolate(drawn.truth, distribution.shape[-2:], mode="nearest")
        errors.append(functional.l1_loss(painted, small[:, None].expand_as(painted)))
    return torch.stack(errors).mean()


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
    for published, own in _PUBLISHED_NAMES:
        key = key.replace(published, own)
    return key


FAMILY = Family(
    name="nted",
    title="Neural Texture Extraction and Distribution (NTED)",
    venue="CVPR 2022",
    paper="Neural Texture Extraction and Distribution for Controllable Person Image Synthesis",
    year=2022,
    described_in="public",
    weights="public, non-commercial",
    config=NtedConfig,
    generator=NtedGenerator,
    tiny=NtedConfig(height=64, width=48, channels=(16, 16, 8), num_labels=(4, 6), kernel_sizes=(1, 3)),
    published=PublishedWeights(
        repository="https://github.com/RenYurui/Neural-Texture-Extraction-Distribution",
        licence=NON_COMMERCIAL,
        prefix="target_image_renderer.",
        settings={"256x176": NtedConfig(), "512x352": NtedConfig.at_512()},
        key_of=published_key,
    ),
    recipes="posable.recipes.nted",
)
