"""The variants that claims.py compares: each family whole, and with one part taken away or replaced.

What a config or a loss weight can say is said there. The rest are subclasses, here, as nobody should train them for
use: they are entered among the families under names of their own while the experiments run.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from posable.imaging.frame import Frame
from posable.models import FAMILIES
from posable.models.dptn import DptnWeights
from posable.models.gfla import GflaGenerator, LocalAttention, window_sum
from posable.models.nted import NtedWeights
from posable.models.rsagan import REGIONS, RsaganConfig, RsaganGenerator, RsaganSource, RsaganWeights
from posable.models.tfjr import TfjrGenerator
from posable.nn.residual_blocks import EncoderBlock
from posable.parsing.schemes import PISE_8
from posable.pose.maps import heatmaps
from posable.pose.pose import OPENPOSE_18, PoseBatch
from posable.recipes import RECIPES
from posable.train.recipe import Recipe

Change = Callable[[Recipe], Recipe]


@dataclass(frozen=True)
class Variant:
    name: str
    change: Change
    """What it does to the whole family's recipe."""
    measure: str = "pd_efflite0_in_box"
    """What the claim says to be better with what this variant lacks."""


@dataclass(frozen=True)
class Claim:
    family: str
    says: str
    """What the paper says, in a sentence."""
    config: dict[str, Any]
    """What makes FAMILY.small narrower still."""
    pairs: int
    """That each run learns from, unless the user says: as many as fit in a minute or so of one core."""
    variants: tuple[Variant, ...]
    """The first is what the others are compared with."""
    measures: tuple[str, ...] = ("pd_efflite0_in_box", "ssim_in_box")


def whole(recipe: Recipe) -> Recipe:
    return recipe


def config(**changes: Any) -> Change:
    return lambda recipe: replace(recipe, config=replace(recipe.config, **changes))


def loss_weights(**changes: Any) -> Change:
    """In all stages whose losses have such weights."""

    def change(recipe: Recipe) -> Recipe:
        stages = []
        for stage in recipe.stages:
            weights = stage.objective.weights
            known = {name: value for name, value in changes.items() if hasattr(weights, name)}
            stages.append(replace(stage, objective=replace(stage.objective, weights=replace(weights, **known))))
        return replace(recipe, stages=tuple(stages))

    return change


def network(generator: type[Any], *changes: Change) -> Change:
    """With another network in the place of the family's."""

    def change(recipe: Recipe) -> Recipe:
        name = f"{recipe.family}: {generator.__name__}"
        FAMILIES[name] = replace(FAMILIES[recipe.family], name=name, generator=generator)
        for one in changes:
            recipe = one(recipe)
        return replace(recipe, family=name)

    return change


# ---- TFJR


class WithHeatmaps(TfjrGenerator):
    """Sees keypoints as heatmaps in the place of bones, and an empty map, so that the network keeps its size."""

    sigma_px = 2.0

    def pose_maps(self, frame: Frame, pose: PoseBatch) -> Tensor:
        maps = heatmaps(frame.poses(pose), sigma_px=self.sigma_px)
        spare = len(OPENPOSE_18.limbs) - maps.shape[1]
        return functional.pad(maps, (0, 0, 0, 0, 0, spare))


# ---- GFLA


class PlainWarping(LocalAttention):
    """The one point that the flow gives, bilinear, in the place of a window around it."""

    def __init__(self) -> None:
        nn.Module.__init__(self)

    def key(self, source: Tensor) -> Tensor:
        return source[:, :0]

    def forward(self, target: Tensor, source: Tensor, key: Tensor, flow: Tensor, mask: Tensor) -> Tensor:
        return target * (1 - mask) + window_sum(source, flow, torch.ones_like(mask)) * mask


class WithPlainWarping(GflaGenerator):
    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.attentions = nn.ModuleDict({level: PlainWarping() for level in self.attentions})


# ---- RSA-GAN


class WithoutParsing(RsaganGenerator):
    """Never sees the source's parsing map."""

    def encode_maps(self, image: Tensor, regions: Tensor, pose_maps: Tensor, frame: Frame) -> RsaganSource:
        return super().encode_maps(image, torch.zeros_like(regions), pose_maps, frame)


class UndividedSemantics(nn.Module):
    """Parsing and keypoints read together, with neither regions nor gates."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        outputs = len(REGIONS) * channels
        inputs = len(OPENPOSE_18.keypoints) + len(PISE_8)
        self.reader = nn.Sequential(EncoderBlock(inputs, outputs // 2), EncoderBlock(outputs // 2, outputs))

    def forward(self, pose_maps: Tensor, parsing: Tensor) -> Tensor:
        return self.reader(torch.cat([pose_maps, parsing], 1))

    def gate(self, pose_maps: Tensor) -> Tensor:
        return pose_maps.new_ones(1)


class WithoutRegions(RsaganGenerator):
    """Without (A), regional pose-guided semantic fusion."""

    def __init__(self, config: RsaganConfig) -> None:
        super().__init__(config)
        self.regional_semantics = UndividedSemantics(config.region_channels)


class EachPlaceItself(nn.Module):
    """Keys that no two places share, whatever the pose: each place of the target corresponds to the same of the
    source."""

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        keys = torch.eye(height * width, device=x.device).unflatten(1, (height, width))
        return keys.expand(x.shape[0], -1, -1, -1)


class WithoutCorrespondence(RsaganGenerator):
    """Without (B)'s correspondence: style and semantics are injected where the source has them."""

    def __init__(self, config: RsaganConfig) -> None:
        super().__init__(config)
        self.to_key = EachPlaceItself()


class PlainIntegration(nn.Module):
    """Two convolutions of the target, style and semantics side by side, in the place of gated cross attention."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.Conv2d(3 * channels, channels, 3, 1, 1), nn.LeakyReLU(0.1), nn.Conv2d(channels, channels, 3, 1, 1)
        )

    def forward(self, x: Tensor, style: Tensor, semantics: Tensor) -> Tensor:
        return x + self.block(torch.cat([x, style, semantics], 1))


class WithoutAttention(RsaganGenerator):
    """Without (C), gated cross attention."""

    def __init__(self, config: RsaganConfig) -> None:
        super().__init__(config)
        self.attentions = nn.ModuleList(PlainIntegration(config.channels) for _ in range(config.num_attentions))


# ---- the claims

_T = DptnWeights().transfer_share

CLAIMS = {
    "dptn": Claim(
        "dptn",
        "Learning to draw the source again beside the transfer (the dual task), and texture transfer between the two, "
        "make better pictures.",
        {"channels": 16, "max_channels": 32, "feed_forward_channels": 64},
        1200,
        (
            Variant("both tasks, texture blocks", whole),
            Variant(
                "without the dual task",
                # The transfer's own losses keep their weights.
                loss_weights(
                    transfer_share=1.0,
                    l1=DptnWeights().l1 * _T,
                    content=DptnWeights().content * _T,
                    style=DptnWeights().style * _T,
                ),
            ),
            Variant("without texture blocks", config(num_attention_blocks=0)),
        ),
    ),
    "tfjr": Claim(
        "tfjr",
        "Bone maps give better parsing maps than keypoint heatmaps, and texture kernels better textures than one code "
        "for each region.",
        {"channels": 32},
        1200,
        (
            Variant("bone maps, kernels of 3x3 cells", whole),
            Variant("keypoint heatmaps", network(WithHeatmaps), "parsing_iou"),
            Variant("one texture code a region", config(kernel_size=1)),
        ),
        ("pd_efflite0_in_box", "ssim_in_box", "parsing_iou"),
    ),
    "catn": Claim(
        "catn",
        "Context at several scales helps with large changes of pose.",
        {"channels": 12, "context_channels": 12, "query_reduction": 4},
        1000,
        (
            Variant("with multi-scale context", whole),
            Variant("without", config(dilations=()), "pd_efflite0_in_box, large changes"),
        ),
        ("pd_efflite0_in_box", "pd_efflite0_in_box, large changes", "ssim_in_box", "ssim_in_box, large changes"),
    ),
    "rsagan": Claim(
        "rsagan",
        "The source's parsing map lowers LPIPS by 23 %, and each of the three modules has its part in that.",
        {"channels": 32, "region_channels": 8},
        800,
        (
            Variant("whole", whole),
            Variant("without the parsing map", network(WithoutParsing, loss_weights(parsing=0.0))),
            Variant("without (A) regional semantics", network(WithoutRegions)),
            Variant("without (B) correspondence", network(WithoutCorrespondence, loss_weights(alignment=0.0))),
            Variant("without (C) gated cross attention", network(WithoutAttention)),
        ),
    ),
    "nted": Claim(
        "nted",
        "A few dozen kinds of textures are enough, and teaching the attention to reconstruct colours is what makes it "
        "work.",
        {"channels": (64, 48, 32)},
        800,
        (
            Variant("16 and 32 kinds of textures", whole),
            Variant("4 and 8", config(num_labels=(4, 8))),
            Variant("64 and 128", config(num_labels=(64, 128))),
            Variant("without the attention's loss", loss_weights(attention=0.0)),
        ),
    ),
    "gfla": Claim(
        "gfla",
        "Attention in a window around each flow's end carries more than plain warping.",
        {"channels": 16, "max_channels": 48, "flow_channels": 16},
        1200,
        (Variant("local attention", whole), Variant("plain warping", network(WithPlainWarping))),
    ),
}

assert RsaganWeights().parsing > 0 < RsaganWeights().alignment
assert NtedWeights().attention > 0


def recipe_of(claim: Claim, variant: Variant, pairs: int, seed: int) -> Recipe:
    """FAMILY.small in narrow, shortened to about `pairs` pairs in the same shares of its stages."""
    recipe = RECIPES[f"{claim.family}.small"]()
    in_all = sum(stage.pairs for stage in recipe.stages)
    stages = tuple(replace(stage, pairs=max(8, stage.pairs * pairs // in_all)) for stage in recipe.stages)
    recipe = replace(
        recipe,
        name=f"{claim.family}, {variant.name}",
        config=replace(recipe.config, **claim.config),
        stages=stages,
        seed=seed,
        ema_half_life_pairs=max(8, pairs // 20),
        save_every_pairs=max(8, pairs // 2),
        sample_every_pairs=pairs,
    )
    return variant.change(recipe)
