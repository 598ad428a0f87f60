"""U^2-Net (small): which pixels belong to the thing that a picture is about.

Qin et al., "U^2-Net: going deeper with nested U-structure for salient object detection", Pattern Recognition 2020. A
U-net each of whose eleven stages is a U-net itself. It ships with its batch norms merged into the convolutions; it
knows nothing of people: `posable.detect.matting` asks it about the window around one.
"""

from __future__ import annotations

from functools import cache

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from posable.detect.model_files import SALIENCY_FILE, model_path
from posable.errors import CheckpointError

INPUT_PIXELS = 320
"""Side of the square pictures that it was trained on."""

_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_STAGE_DEPTHS = (7, 6, 5, 4)
_CHANNELS, _INNER_CHANNELS = 64, 16


class _Convolution(nn.Conv2d):
    """3x3, as large as its input."""

    def __init__(self, inputs: int, outputs: int, dilation: int = 1) -> None:
        super().__init__(inputs, outputs, 3, padding=dilation, dilation=dilation)

    def forward(self, input: Tensor) -> Tensor:
        return functional.relu(super().forward(input))


class _ResidualU(nn.Module):
    """RSU-L: `depth` convolutions down, the last of them dilated, and back up beside them; added to its first features.

    With `halves=False` (RSU-4F) it keeps the size, and dilates by 1, 2, 4, 8 instead.
    """

    def __init__(self, inputs: int, depth: int, *, halves: bool = True) -> None:
        super().__init__()
        dilations = [1] * (depth - 1) + [2] if halves else [2**level for level in range(depth)]
        self.halves = halves
        self.first = _Convolution(inputs, _CHANNELS)
        self.down = nn.ModuleList(
            _Convolution(_INNER_CHANNELS if level else _CHANNELS, _INNER_CHANNELS, dilations[level])
            for level in range(depth)
        )
        self.up = nn.ModuleList(
            _Convolution(2 * _INNER_CHANNELS, _INNER_CHANNELS if level else _CHANNELS, dilations[level])
            for level in reversed(range(depth - 1))
        )

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n 64 h w"]:
        first = self.first(x)
        levels: list[Tensor] = []
        y = first
        for level, down in enumerate(self.down):
            # No halving before the last: it is dilated.
            if self.halves and 0 < level < len(self.down) - 1:
                y = _halved(y)
            y = down(y)
            levels.append(y)
        levels.pop()
        for up in self.up:
            beside = levels.pop()
            y = up(torch.cat([_resized(y, beside), beside], 1))
        return y + first


class U2NetSmall(nn.Module):
    """1.1 million numbers."""

    def __init__(self) -> None:
        super().__init__()
        count = len(_STAGE_DEPTHS)
        self.down = nn.ModuleList(
            _ResidualU(_CHANNELS if level else 3, depth) for level, depth in enumerate(_STAGE_DEPTHS)
        )
        self.down.extend(_ResidualU(_CHANNELS, 4, halves=False) for _ in range(2))
        self.up = nn.ModuleList([_ResidualU(2 * _CHANNELS, 4, halves=False)])
        self.up.extend(_ResidualU(2 * _CHANNELS, depth) for depth in reversed(_STAGE_DEPTHS))
        self.sides = nn.ModuleList(nn.Conv2d(_CHANNELS, 1, 3, padding=1) for _ in range(count + 2))
        self.fuse = nn.Conv2d(count + 2, 1, 1)

    def forward(self, image: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 1 h w"]:
        """How salient each pixel is, in [0, 1]. `image` is RGB in [-1, 1], best about 320 px a side."""
        brightest = ((image + 1) / 2).amax((1, 2, 3), keepdim=True).clamp_min(1e-6)
        mean, deviation = (image.new_tensor(values).view(1, 3, 1, 1) for values in (_MEAN, _DEVIATION))
        return self.saliency((((image + 1) / 2) / brightest - mean) / deviation)

    def saliency(self, x: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 1 h w"]:
        """`forward` of a picture that is already normalised, as the published network takes it."""
        levels: list[Tensor] = []
        for level, stage in enumerate(self.down):
            x = stage(_halved(x) if level else x)
            levels.append(x)
        outputs = [levels.pop()]
        for stage in self.up:
            beside = levels.pop()
            outputs.append(stage(torch.cat([_resized(outputs[-1], beside), beside], 1)))
        scores = [side(features) for side, features in zip(self.sides, reversed(outputs), strict=True)]
        return torch.sigmoid(self.fuse(torch.cat([_resized(score, scores[0]) for score in scores], 1)))

    def convolutions(self) -> list[nn.Conv2d]:
        """All of its convolutions, in the order in which `forward` uses them."""
        parts = [*self.down, *self.up, self.sides, self.fuse]
        return [layer for part in parts for layer in part.modules() if isinstance(layer, nn.Conv2d)]


@cache
def shipped_u2net() -> U2NetSmall:
    """The network with the weights that ship; raises CheckpointError when they are missing or damaged."""
    path = model_path(SALIENCY_FILE)
    try:
        weights = load_file(path)
    except (OSError, SafetensorError):
        raise CheckpointError(f"'{path}' is damaged; install posable again.") from None
    network = U2NetSmall()
    network.load_state_dict(weights)
    # Channels last is a fifth faster on processors.
    return network.to(memory_format=torch.channels_last).eval().requires_grad_(False)  # pyright: ignore


def _halved(x: Tensor) -> Tensor:
    return functional.max_pool2d(x, 2, ceil_mode=True)


def _resized(x: Tensor, like: Tensor) -> Tensor:
    if x.shape[-2:] == like.shape[-2:]:
        return x
    return functional.interpolate(x, like.shape[-2:], mode="bilinear", align_corners=False)
