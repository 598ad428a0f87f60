"""PISE, Person Image Synthesis and Editing with Decoupled GAN: Zhang, Li, Lai and Yang, CVPR 2021, arXiv 2103.04023.

First the target's parsing map is predicted, then the person is painted into its regions, each in the style that the
same region has in the source; a correspondence of places then puts back where light and dark parts of it are.

    source parsing, both poses --> parsing net --> target parsing --.
                                                                    |
    source picture, parsings, target pose --> shape encoder --------+--> region norm --> spatial norm --> decoder
                                                                    |         |              |
    source picture --> code encoder, mean over each region ---------'---------'              |
    source picture --> VGG19 relu3_1 --> light and dark, correspondence ---------------------'

Read from the authors' released code and equal to it (goldens) with the option `as_released`. It differs from what the
paper describes in two places, and the default follows the paper: the regions are the most likely class of each place,
with the gradient of the soft parsing; the correspondence is a mean over the source's places. The released code takes
every class whose share is not exactly zero, so that the last class overwrites all others almost everywhere and seven of
its eight styles never learn; and its correspondence shares each source place out among the target's. Its published
weights must be drawn with that option.

Other deviations: the picture's border is repeated where the authors pad with white; nothing of the VGG beyond relu3_1
is computed; the target image is no input (the published code asks for it and draws the same without). A head and two
scalars that no published result depends on are kept, frozen, so that the state dict has a place for every entry.
"""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional

from posable.batch import PersonPair
from posable.errors import ConfigError
from posable.imaging.frame import Frame
from posable.imaging.size import Size
from posable.models.editing import Region, check_strength
from posable.models.family import Family, PublishedWeights
from posable.models.framed import InlaidConfig, ParsingGuidedGenerator
from posable.models.generator import Rendering
from posable.models.objective import Objective, ParameterGroup
from posable.nn.attention_pictures import enlarged, expected_positions, position_colors, position_key
from posable.nn.losses import least_squares_judgement, least_squares_loss, picture_losses
from posable.nn.parsing_generator import PARSING_SLOPE, GatedConvolution
from posable.nn.patch_discriminator import PatchDiscriminator
from posable.nn.perceptual_features import PerceptualFeatures
from posable.nn.pretrained.vgg19 import Vgg19
from posable.nn.residual_blocks import (
    EncoderBlock,
    ImageOutput,
    ResidualBlock,
    ResidualDecoder,
    add_spectral_norm,
    init_orthogonal,
    published_spectral_key,
    to_fourfold,
    to_sixteenth,
)
from posable.nn.soft_parsing import class_shares, most_likely, region_colors
from posable.parsing.schemes import labels_named
from posable.pose.maps import heatmaps_on_pixels
from posable.pose.pose import OPENPOSE_18, PoseBatch

_VGG_LAYER, _VGG_CHANNELS = "relu3_1", 256
_SHARPNESS = 100.0
"""Of the correspondence: a cosine is multiplied by it before the softmax."""


@dataclass(frozen=True, kw_only=True)
class PiseConfig(InlaidConfig):
    """The published weights know a network's frame of 256x256."""

    parsing_labels: str = "PISE-8"
    """The scheme of the parsing maps: "PISE-8" or "PISE-8-author" (posable.parsing.schemes), as the two
    statements of the authors about their data have it."""
    parsing_channels: int = 32
    """Channels of the parsing net's last maps; 16 times as many at the coarsest."""
    channels: int = 256
    """Channels of codes and of maps at a quarter of the size; half as many in the first encoder blocks."""
    heatmap_sigma_px: float = 6.0
    as_released: bool = False
    """Draws as the released code does, for its weights: regions overwrite each other, correspondences are sums."""

    def __post_init__(self) -> None:
        self.check_sizes("pise")
        if not 4 <= self.channels <= _VGG_CHANNELS or self.channels % 4:
            raise ConfigError(f"pise's channels are {self.channels}; give a multiple of 4 from 4 to {_VGG_CHANNELS}.")
        if self.parsing_channels < 1 or self.heatmap_sigma_px <= 0:
            raise ConfigError("pise's parsing_channels and heatmap_sigma_px must be above 0.")

    @property
    def multiple(self) -> int:
        return 16


# ---- blocks


class ParsingNet(nn.Module):
    """The target's parsing map from the source's and both poses: for each class a number in (0, 1), at full size."""

    def __init__(self, inputs: int, classes: int, channels: int) -> None:
        super().__init__()
        c = channels
        widths = [(inputs, 2 * c, c), (2 * c, 4 * c, None), (4 * c, 8 * c, None), (8 * c, 16 * c, None)]
        self.down = nn.Sequential(*[EncoderBlock(i, o, h, affine=False, slope=PARSING_SLOPE) for i, o, h in widths])
        self.gates = nn.Sequential(GatedConvolution(16 * c), GatedConvolution(16 * c))
        self.up = nn.Sequential(
            *[ResidualDecoder(k * c, k * c // 2, affine=False, slope=PARSING_SLOPE) for k in (16, 8, 4, 2)]
        )
        self.head = ImageOutput(c, classes, normed=True, affine=False, slope=PARSING_SLOPE)
        self.unused_head = ImageOutput(c, 1, normed=True, affine=False, slope=PARSING_SLOPE)

    def forward(self, x: Float[Tensor, "n inputs h w"]) -> Float[Tensor, "n classes h w"]:
        return (self.head(self.up(self.gates(self.down(x)))) + 1) / 2


class RegionNorm(nn.Module):
    """A batch norm whose scale and offset each region's code tells (paper, eq. 3-5)."""

    def __init__(self, classes: int, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.styles = nn.ModuleList(nn.Linear(channels, channels) for _ in range(classes))
        self.gamma = nn.Conv2d(channels, channels, 3, 1, 1)
        self.beta = nn.Conv2d(channels, channels, 3, 1, 1)
        self.unused_gamma = nn.Parameter(torch.zeros(1), requires_grad=False)
        self.unused_beta = nn.Parameter(torch.zeros(1), requires_grad=False)

    def forward(
        self, x: Float[Tensor, "n c h w"], regions: Float[Tensor, "n classes h w"], codes: Float[Tensor, "n classes c"]
    ) -> Float[Tensor, "n c h w"]:
        styles = torch.stack([style(codes[:, k]) for k, style in enumerate(self.styles)], 1).relu()
        maps = torch.einsum("nkc,nkhw->nchw", styles, regions)
        return self.norm(x) * (1 + self.gamma(maps)) + self.beta(maps)


# ---- generator


@dataclass(frozen=True)
class PiseSource:
    """Everything about the source; h x w is the network's frame, m = h/4 * w/4 are its places."""

    frame: Frame
    image: Float[Tensor, "n 3 h w"]
    parsing: Float[Tensor, "n classes h w"]
    """One-hot."""
    pose_maps: Float[Tensor, "n 18 h w"]
    codes: Float[Tensor, "n classes c"]
    """The style of each region; of the whole picture where the source does not show the region."""
    keys: Float[Tensor, "n d h/4 w/4"]
    """What each place looks like."""
    light: Float[Tensor, "n 2 m"]
    """Scale and offset of the spatial norm at each place of the source."""


@dataclass(frozen=True)
class Painting:
    """What the network paints in its own frame, and how it came to it."""

    image: Float[Tensor, "n 3 h w"]
    before_light: Float[Tensor, "n c h/4 w/4"]
    """Features before the spatial norm, which learn to be as the target's VGG features."""
    weights: Float[Tensor, "n m m"] | None
    """For each place of the target how much it takes from each of the source; None without the spatial norm."""


class PiseGenerator(ParsingGuidedGenerator[PiseConfig, PiseSource]):
    """64,007,550 parameters, of them the frozen VGG19's 20,024,384 and 291 that nothing reads."""

    family = "pise"

    def __init__(self, config: PiseConfig) -> None:
        super().__init__(config)
        self.parsing_labels = labels_named(config.parsing_labels)
        keypoints, classes, c = len(OPENPOSE_18.keypoints), len(self.parsing_labels), config.channels
        self.parsing_net = ParsingNet(classes + 2 * keypoints, classes, config.parsing_channels)
        self.code_encoder = nn.Sequential(nn.Sequential(*to_sixteenth(3, c)), nn.Sequential(*to_fourfold(c)))
        self.to_codes = nn.Conv2d(c, c, 1)
        self.shape_encoder = nn.Sequential(*to_sixteenth(2 * classes + keypoints + 3, c))
        self.shape_gates = nn.Sequential(GatedConvolution(c), GatedConvolution(c))
        self.shape_enlarger = nn.Sequential(*to_fourfold(c))
        self.region_norm = RegionNorm(classes, c)
        self.after_regions = ResidualBlock(c, c)
        self.light = nn.ModuleDict({name: nn.Conv2d(_VGG_CHANNELS, 1, 1, bias=False) for name in ("gamma", "beta")})
        self.key = nn.Conv2d(_VGG_CHANNELS + 3, c, 1)
        self.query = nn.Conv2d(c + 3, c, 1)
        self.after_light = ResidualBlock(c, c)
        self.decoder = nn.Sequential(
            ResidualDecoder(c, c // 2, c),
            ResidualBlock(c // 2, c // 2),
            ResidualDecoder(c // 2, c // 4, c // 2),
            ResidualBlock(c // 4, c // 4),
            ImageOutput(c // 4, normed=True),
        )
        init_orthogonal(self)
        for part in (self.code_encoder, self.shape_encoder, self.shape_enlarger, self.decoder):
            add_spectral_norm(part)
        self.vgg = Vgg19().requires_grad_(False)
        self.parsing_net.unused_head.requires_grad_(False)

    def render(self, encoded: PiseSource, target_pose: PoseBatch) -> Rendering:
        maps = self.pose_maps(encoded.frame, target_pose)
        parsing = self.predict_parsing(encoded, maps)
        painting = self.paint(encoded, maps, self.regions(parsing))
        return Rendering(encoded.frame.image_back(painting.image), parsing=self.shares(encoded.frame, parsing))

    def render_regions(
        self, encoded: PiseSource, target_pose: PoseBatch, target_parsing: UInt8[Tensor, "n h w"]
    ) -> Rendering:
        """Region editing: draws into the regions of a parsing map that is given instead of predicted, in LIP-20 labels
        and the source picture's frame. `render(...).parsing` is a map to start from."""
        maps, regions = self.pose_maps(encoded.frame, target_pose), self.regions_of(encoded.frame, target_parsing)
        painting = self.paint(encoded, maps, regions)
        return Rendering(encoded.frame.image_back(painting.image), parsing=self.shares(encoded.frame, regions))

    def with_garment(
        self, person: PiseSource, garment: PiseSource, region: Region, strength: float = 1.0
    ) -> PiseSource:
        """Region editing: the codes of the region mixed with the other picture's: own + share (other - own). Light and
        dark stay the person's."""
        check_strength(strength)
        share = strength * class_shares(region, garment.parsing, garment.frame, self.parsing_labels)[..., None]
        return replace(person, codes=person.codes + (garment.codes - person.codes) * share)

    def pose_maps(self, frame: Frame, pose: PoseBatch) -> Float[Tensor, "n 18 H W"]:
        return heatmaps_on_pixels(frame.poses(pose), sigma_px=self.config.heatmap_sigma_px)

    def encode_maps(
        self,
        image: Float[Tensor, "n 3 H W"],
        regions: Float[Tensor, "n classes H W"],
        pose_maps: Float[Tensor, "n 18 H W"],
        frame: Frame,
    ) -> PiseSource:
        codes = self._codes(image, regions)
        features = self.vgg(image, (_VGG_LAYER,))[_VGG_LAYER]
        light = torch.cat([self.light["gamma"](features), self.light["beta"](features)], 1).flatten(2)
        return PiseSource(frame, image, regions, pose_maps, codes, _embedded(features, self.key), light)

    def predict_parsing(self, encoded: PiseSource, target_maps: Float[Tensor, "n 18 H W"]) -> Tensor:
        """For each class a number in (0, 1), (n, classes, H, W); they need not sum to 1."""
        return self.parsing_net(torch.cat([encoded.parsing, encoded.pose_maps, target_maps], 1))

    def regions(self, parsing: Float[Tensor, "n classes H W"]) -> Float[Tensor, "n classes H W"]:
        """What is painted into: the parsing as it is, as the released code does, or its most likely classes. Then the
        gradient is that of the soft parsing."""
        return parsing if self.config.as_released else most_likely(parsing) + (parsing - parsing.detach())

    def paint(
        self,
        encoded: PiseSource,
        target_maps: Float[Tensor, "n 18 H W"],
        regions: Float[Tensor, "n classes H W"],
        *,
        spatial_norm: bool = True,
    ) -> Painting:
        """The picture in the network's frame."""
        condition = torch.cat([encoded.parsing, regions, target_maps, encoded.image], 1)
        x = self.shape_enlarger(self.shape_gates(self.shape_encoder(condition)))
        cells = functional.interpolate(regions, x.shape[-2:], mode="nearest")
        cells = _last_present(cells) if self.config.as_released else cells
        x = before = self.after_regions(self.region_norm(x, cells, encoded.codes))
        weights = None
        if spatial_norm:
            cosines = neighbourhood_cosines(_embedded(x, self.query), encoded.keys)
            weights = (_SHARPNESS * cosines).softmax(1 if self.config.as_released else 2)
            light = torch.bmm(encoded.light, weights.transpose(1, 2)).unflatten(2, x.shape[-2:])
            x = self.after_light(x * (1 + light[:, :1]) + light[:, 1:])
        return Painting(self.decoder(x), before, weights)

    def explain(self, encoded: PiseSource, target_pose: PoseBatch) -> dict[str, Float[Tensor, "n 3 h w"]]:
        """`target_parsing`: the predicted regions in the field's colours. `source_positions`: where in the source each
        place takes its light and dark from, in the colours that `position_key` lays over the source; white where it
        takes from many places."""
        maps = self.pose_maps(encoded.frame, target_pose)
        regions = self.regions(self.predict_parsing(encoded, maps))
        painting, size = self.paint(encoded, maps, regions), encoded.frame.size
        assert painting.weights is not None
        shares = painting.weights / painting.weights.sum(2, keepdim=True).clamp_min(1e-12)
        positions, spread = expected_positions(shares, Size(size.height // 4, size.width // 4))
        pictures = {
            "target_parsing": region_colors(regions, self.parsing_labels),
            "source_positions": enlarged(position_colors(positions, 1 - spread), size),
            "position_key": position_key(encoded.image),
        }
        return {name: encoded.frame.image_back(picture) for name, picture in pictures.items()}

    def _codes(self, image: Tensor, parsing: Tensor) -> Float[Tensor, "n classes c"]:
        codes = torch.tanh(self.to_codes(self.code_encoder(image)))
        regions = functional.interpolate(parsing, codes.shape[-2:], mode="nearest")
        areas = regions.sum((2, 3))[..., None]
        means = torch.einsum("nchw,nkhw->nkc", codes, regions) / areas.clamp_min(1)
        return torch.where(areas > 0, means, codes.mean((2, 3))[:, None])


def _last_present(shares: Float[Tensor, "n classes h w"]) -> Float[Tensor, "n classes h w"]:
    """One-hot: the last class of each place whose share is not exactly zero; nothing where all are."""
    present = (shares != 0).to(shares.dtype)
    from_here_on = present.flip(1).cumsum(1).flip(1)
    return present * (from_here_on == 1)


def _embedded(features: Float[Tensor, "n c h w"], embed: nn.Module) -> Float[Tensor, "n d h w"]:
    """What each place looks like, whatever its strength, and where it is."""
    n, _, h, w = features.shape
    # Half precision would blur the cosines, which are sharpened a hundred times.
    with torch.autocast(features.device.type, enabled=False):
        features = features.float()
        ys = torch.linspace(-1, 1, h, device=features.device)[:, None].expand(h, w)
        xs = torch.linspace(-1, 1, w, device=features.device)[None].expand(h, w)
        places = torch.stack([xs, ys, (xs * xs + ys * ys).sqrt()])[None].expand(n, -1, -1, -1)
        return embed(torch.cat([functional.normalize(features, dim=1), places], 1))


def neighbourhood_cosines(target: Float[Tensor, "n d h w"], source: Float[Tensor, "n d h w"]) -> Float[Tensor, "n t s"]:
    """How alike the 3x3 neighbourhoods of any target place and any source place are: the cosine of both patches, as
    vectors of zero mean; zeros lie beyond the border.

    A product of patches is the sum of the products of their nine places, so places are multiplied once and the
    products summed along diagonals, which takes a ninth of the multiplications that patches side by side take.
    """
    n, d, h, w = target.shape
    with torch.autocast(target.device.type, enabled=False):
        products = torch.bmm(target.flatten(2).transpose(1, 2), source.flatten(2)).view(n, h, w, h, w)
        products = _sum_of_three(_sum_of_three(products, (1, 3)), (2, 4)).view(n, h * w, h * w)
        box = target.new_ones(1, 1, 3, 3)
        sums, lengths = [], []
        for features in (target, source):
            total = functional.conv2d(features.sum(1, keepdim=True), box, padding=1).flatten(1)
            squares = functional.conv2d(features.square().sum(1, keepdim=True), box, padding=1).flatten(1)
            sums.append(total)
            lengths.append((squares - total.square() / (9 * d)).clamp_min(1e-12).sqrt())
        products = products - sums[0][:, :, None] * (sums[1] / (9 * d))[:, None]
        return products / lengths[0][:, :, None] / lengths[1][:, None]


def _sum_of_three(x: Tensor, dims: tuple[int, int]) -> Tensor:
    """Each entry with the one before and the one after it, a step along both dimensions at once."""
    count = x.shape[dims[0]] - 1
    before, after = (x.narrow(dims[0], start, count).narrow(dims[1], start, count) for start in (0, 1))
    total = x.clone()
    total.narrow(dims[0], 1, count).narrow(dims[1], 1, count).add_(before)
    total.narrow(dims[0], 0, count).narrow(dims[1], 0, count).add_(after)
    return total


# ---- training


@dataclass(frozen=True, kw_only=True)
class PiseWeights:
    """Weights of the losses; the defaults are the published ones."""

    l1: float = 5.0
    content: float = 0.5
    style: float = 200.0
    adversarial: float = 2.0
    parsing: float = 1.0
    """Of the cross entropy; as released it takes the numbers in (0, 1) for logits."""
    parsing_l1: float = 100.0
    correspondence: float = 30.0
    """In the first step only: features before the spatial norm are to be as the target's VGG features; those of a
    network with fewer channels as the first of them."""


@dataclass(frozen=True, kw_only=True)
class PiseDrawing(Rendering):
    """What is drawn in training. The losses look at the network's frame."""

    frame: Frame
    drawn: Float[Tensor, "n 3 H W"]
    predicted: Float[Tensor, "n classes H W"]
    before_light: Float[Tensor, "n c H/4 W/4"]


class PiseObjective(Objective[PiseGenerator, PiseDrawing]):
    """L1, content and style losses, parsing losses, and a discriminator (least squares).

    The authors train in two steps: 1 without the spatial norm, its features led by the target's; 2 with it, and no such
    loss. What step 1 leaves out does not learn in it.
    """

    def __init__(self, weights: PiseWeights, features: PerceptualFeatures, step: Literal[1, 2]) -> None:
        super().__init__()
        self.weights = weights
        self.features = features
        self.step = step
        self.discriminator = PatchDiscriminator(activate_image=True)

    def draw(self, generator: PiseGenerator, batch: PersonPair) -> PiseDrawing:
        condition = batch.condition
        encoded = generator.encode(condition.source_image, condition.source_pose, condition.source_parsing)
        maps = generator.pose_maps(encoded.frame, condition.target_pose)
        parsing = generator.predict_parsing(encoded, maps)
        painting = generator.paint(encoded, maps, generator.regions(parsing), spatial_norm=self.step == 2)
        return PiseDrawing(
            image=encoded.frame.image_back(painting.image),
            parsing=generator.shares(encoded.frame, parsing),
            frame=encoded.frame,
            drawn=painting.image,
            predicted=parsing,
            before_light=painting.before_light,
        )

    def generator_losses(
        self, generator: PiseGenerator, drawn: PiseDrawing, batch: PersonPair
    ) -> dict[str, Float[Tensor, ""]]:
        weights, truth = self.weights, drawn.frame.image(batch.target_image)
        parsing = generator.true_regions(drawn.frame, batch)
        losses = {
            **picture_losses(
                self.features, drawn.drawn, truth, l1=weights.l1, content=weights.content, style=weights.style
            ),
            "adversarial": weights.adversarial * least_squares_loss(self.discriminator(drawn.drawn), real=True),
            "parsing": weights.parsing * functional.cross_entropy(drawn.predicted, parsing.argmax(1)),
            "parsing_l1": weights.parsing_l1 * functional.l1_loss(drawn.predicted, parsing),
        }
        if self.step == 1:
            with torch.no_grad():
                features = generator.vgg(truth, (_VGG_LAYER,))[_VGG_LAYER][:, : drawn.before_light.shape[1]]
            losses["correspondence"] = weights.correspondence * functional.mse_loss(drawn.before_light, features)
        return losses

    def discriminator_losses(self, drawn: PiseDrawing, batch: PersonPair, step: int) -> dict[str, Float[Tensor, ""]]:
        return least_squares_judgement(self.discriminator, drawn.frame.image(batch.target_image), drawn.drawn)

    def parameter_groups(self, generator: PiseGenerator) -> list[ParameterGroup]:
        later = ("light.", "key.", "query.", "after_light.") if self.step == 1 else ()
        named = [(name, p) for name, p in generator.named_parameters() if p.requires_grad]
        return [ParameterGroup([p for name, p in named if not name.startswith(later)])]


# ---- published weights

_PUBLISHED_PARTS = {
    **{f"parnet.conv{i + 1}.model": f"parsing_net.down.{i}" for i in range(4)},
    **{f"parnet.up{i + 1}.model": f"parsing_net.up.{i}.main" for i in range(4)},
    **{f"parnet.up{i + 1}.shortcut": f"parsing_net.up.{i}.shortcut" for i in range(4)},
    "parnet.parout.model": "parsing_net.head",
    "parnet.makout.model": "parsing_net.unused_head",
    **{f"Zencoder.block{i}.model": f"code_encoder.0.{i}" for i in range(4)},
    **{f"Zencoder.block{i + 4}.model": f"code_encoder.1.{i}.main" for i in range(2)},
    **{f"Zencoder.block{i + 4}.shortcut": f"code_encoder.1.{i}.shortcut" for i in range(2)},
    "Zencoder.get_code.0": "to_codes",
    **{f"parenc.block{i}.model": f"shape_encoder.{i}" for i in range(4)},
    **{f"parenc.block{i + 4}.model": f"shape_enlarger.{i}.main" for i in range(2)},
    **{f"parenc.block{i + 4}.shortcut": f"shape_enlarger.{i}.shortcut" for i in range(2)},
    **{
        f"{published}.deform{i + 3}.{name}": f"{own}.{i}.{our_name}"
        for published, own in (("parnet", "parsing_net.gates"), ("parenc", "shape_gates"))
        for name, our_name in (("gated_conv", "features"), ("mask_conv", "gate"))
        for i in range(2)
    },
    "efb.norm": "region_norm.norm",
    **{f"efb.fc_mu{k}": f"region_norm.styles.{k}" for k in range(8)},
    "efb.conv_gamma": "region_norm.gamma",
    "efb.conv_beta": "region_norm.beta",
    "res.model": "after_regions.main",
    "res1.model": "after_light.main",
    "getMatrix.get_gamma": "light.gamma",
    "getMatrix.get_beta": "light.beta",
    "phi": "key",
    "theta": "query",
    "imgenc.vgg": "vgg.features",
    **{f"dec.block{i}.model": f"decoder.{i}.main" for i in range(4)},
    **{f"dec.block{i}.shortcut": f"decoder.{i}.shortcut" for i in range(4)},
    "dec.out.model": "decoder.4",
}
_PUBLISHED_TWICE = ("parnet.parout.conv1", "parnet.makout.conv1", "dec.out.conv1")
"""Output convolutions that the authors' modules hold under two names."""


def published_key(key: str) -> str | None:
    """Our name for an entry of the authors' generator; None for the second name of an entry."""
    if key.startswith(_PUBLISHED_TWICE):
        return None
    if key.startswith("efb.blending_"):
        return key.replace("efb.blending_", "region_norm.unused_")
    part = key
    while part and part not in _PUBLISHED_PARTS:
        part = part.rpartition(".")[0]
    return published_spectral_key(_PUBLISHED_PARTS[part] + key[len(part) :]) if part else key


FAMILY = Family(
    name="pise",
    title="Person Image Synthesis and Editing (PISE)",
    venue="CVPR 2021",
    paper="PISE: Person Image Synthesis and Editing with Decoupled GAN",
    year=2021,
    described_in="public",
    weights="public, no licence stated",
    config=PiseConfig,
    generator=PiseGenerator,
    tiny=PiseConfig(
        height=64, width=48, network_height=64, network_width=64, channels=16, parsing_channels=4, heatmap_sigma_px=2.0
    ),
    published=PublishedWeights(
        repository="https://github.com/Zhangjinso/PISE",
        licence="non-commercial use only: learned from DeepFashion, which is for non-commercial research",
        prefix="parnet.",
        settings={"fashion": PiseConfig(as_released=True)},
        key_of=published_key,
    ),
    recipes="posable.recipes.pise",
)
