"""The network behind `parse`: a photo and a pose give the scores of the LIP-20 classes at every pixel.

The first sixteenth of an ImageNet classifier (EfficientNet-Lite0, its weights kept as they were learned from
photographs) looks at the picture; a small U-shaped decoder, which alone learns from rendered people, joins it with maps
of the pose. The pose says whose regions are wanted, and which arm is the left one.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from posable.imaging.size import Size
from posable.nn.pretrained.efficientnet_lite0 import EfficientNetLite0, fold_norms
from posable.parsing.schemes import LIP_20
from posable.pose.maps import body_mask_logits, bone_maps, heatmaps
from posable.pose.pose import OPENPOSE_18, PoseBatch

FRAME = Size(256, 176)
"""What the network is trained in; other sizes must be multiples of `MULTIPLE` and of nearly the same scale."""
MULTIPLE = 16

_TRUNK_BLOCKS = 11
_TRUNK_ENDS = (0, 2, 4, 10)
_TRUNK_CHANNELS = (16, 24, 40, 112)
_KEYPOINT_SIGMA_PX, _LIMB_SIGMA_PX = 6.0, 5.0
_POSE_CHANNELS = len(OPENPOSE_18.keypoints) + len(OPENPOSE_18.limbs) + 1
_DETAIL = 12
"""Channels of the picture itself at half size, 2x2 pixels each."""


class PhotoTrunk(nn.Module):
    """EfficientNet-Lite0 down to a sixteenth of the size, its batch norms merged into the convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.take(EfficientNetLite0().eval())

    def take(self, network: EfficientNetLite0) -> None:
        """Takes over the layers of a classifier, which must be in evaluation mode."""
        folded = fold_norms(network)
        self.stem = folded.conv_stem
        self.blocks = folded.blocks[:_TRUNK_BLOCKS]

    def forward(self, image: Float[Tensor, "n 3 h w"]) -> list[Float[Tensor, "n _ _ _"]]:
        """Features at 1/2, 1/4, 1/8 and 1/16 of the size."""
        # As EfficientNetLite0.stages prepares its input.
        features = functional.relu6(self.stem((image * 0.5 + 0.002) / 0.502))
        found: list[Tensor] = []
        for index, block in enumerate(self.blocks):
            features = block(features)
            if index in _TRUNK_ENDS:
                found.append(features)
        return found


class _Convolution(nn.Sequential):
    """3x3 convolution, group norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.GroupNorm(8, outputs), nn.ReLU(inplace=True)
        )


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _Convolution(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.GroupNorm(8, channels))

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.second(self.first(x)))


class _Attention(nn.Module):
    """Every place looks at all others: a sleeve may ask what the other sleeve is."""

    def __init__(self, channels: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.norm = nn.GroupNorm(1, channels)
        self.to_qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Tensor:
        parts = self.to_qkv(self.norm(x)).flatten(2).unflatten(1, (3, self.num_heads, -1)).transpose(-1, -2)
        query, key, value = parts.unbind(1)
        seen = functional.scaled_dot_product_attention(query, key, value)
        return x + self.out(seen.transpose(-1, -2).flatten(1, 2).unflatten(2, x.shape[-2:]))


class _Level(nn.Module):
    """One step up: the coarser features enlarged, joined with those of this size."""

    def __init__(self, coarse: int, beside: int, outputs: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(coarse, outputs, 1)
        self.join = _Convolution(outputs + beside, outputs)
        self.refine = _Residual(outputs)

    def forward(self, coarse: Tensor, *beside: Tensor) -> Tensor:
        larger = functional.interpolate(self.reduce(coarse), scale_factor=2, mode="bilinear", align_corners=False)
        return self.refine(self.join(torch.cat([larger, *beside], 1)))


class ParsingNetwork(nn.Module):
    """2.2 million numbers, a third of them the trunk's."""

    def __init__(self) -> None:
        super().__init__()
        f2, f4, f8, f16 = _TRUNK_CHANNELS
        self.trunk = PhotoTrunk()
        self.pose4 = _Convolution(_POSE_CHANNELS, 32)
        self.pose8 = _Convolution(32, 48, stride=2)
        self.pose16 = _Convolution(48, 64, stride=2)
        self.level16 = nn.Sequential(_Convolution(f16 + 64, 128), _Residual(128), _Attention(128, 4), _Residual(128))
        self.level8 = _Level(128, f8 + 48, 96)
        self.level4 = _Level(96, f4 + 32, 64)
        self.level2 = _Level(64, f2 + _DETAIL, 32)
        self.head = nn.Conv2d(32, 4 * len(LIP_20), 1)

    def forward(self, image: Float[Tensor, "n 3 h w"], pose_maps: Float[Tensor, "n 38 h/4 w/4"]) -> Tensor:
        """Scores (n, 20, h, w): a softmax over them gives shares. `image` is RGB in [-1, 1]."""
        return self.decode(self.trunk(image), image, pose_maps)

    def decode(
        self,
        features: list[Float[Tensor, "n _ _ _"]],
        image: Float[Tensor, "n 3 h w"],
        pose_maps: Float[Tensor, "n maps h/4 w/4"],
    ) -> Float[Tensor, "n labels h w"]:
        """`forward` with the trunk's features given: they do not learn."""
        f2, f4, f8, f16 = features
        p4 = self.pose4(pose_maps)
        p8 = self.pose8(p4)
        x = self.level16(torch.cat([f16, self.pose16(p8)], 1))
        x = self.level8(x, f8, p8)
        x = self.level4(x, f4, p4)
        x = self.level2(x, f2, functional.pixel_unshuffle(image, 2))
        return functional.pixel_shuffle(self.head(x), 2)


def pose_maps(pose: PoseBatch) -> Float[Tensor, "n 38 h/4 w/4"]:
    """What the network sees of a pose: heat maps, bone maps, and roughly where the body must be."""
    small = Size(pose.size.height // 4, pose.size.width // 4)
    at = pose.resize(small)
    body = torch.sigmoid(body_mask_logits(pose, small))
    return torch.cat([heatmaps(at, _KEYPOINT_SIGMA_PX / 4), bone_maps(at, _LIMB_SIGMA_PX / 4), body], 1)
