"""The target's parsing map from the source's and both poses: PISE's parsing net with GFLA's jumps, ending in scores."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from posable.nn.residual_blocks import EncoderBlock, Jump, ResidualDecoder

PARSING_SLOPE = 0.2
"""Of the leaky ReLUs in parsing nets and gates."""


class GatedConvolution(nn.Module):
    """What a convolution finds, let through as far as another one allows; then an instance norm."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.features = nn.Conv2d(channels, channels, 3, 1, 1)
        self.gate = nn.Conv2d(channels, channels, 3, 1, 1)
        self.norm = nn.InstanceNorm2d(channels)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        features = functional.leaky_relu(self.features(x), PARSING_SLOPE)
        return self.norm(features * torch.sigmoid(self.gate(x)))


class ParsingGenerator(nn.Module):
    """Scores (n, classes, h, w) of each place, for a softmax; from maps (n, inputs, h, w), sides multiples of 16.

    Without the jumps from encoder to decoder, which PISE does not have, all of a pose would have to pass through a
    sixteenth of the size.
    """

    def __init__(self, inputs: int, classes: int, channels: int) -> None:
        super().__init__()
        c = channels
        widths = [(inputs, 2 * c, c), (2 * c, 4 * c, None), (4 * c, 8 * c, None), (8 * c, 16 * c, None)]
        self.down = nn.ModuleList([EncoderBlock(i, o, h, affine=False, slope=PARSING_SLOPE) for i, o, h in widths])
        self.jumps = nn.ModuleList(Jump(i, o) for i, o in ((8 * c, 8 * c), (4 * c, 4 * c), (2 * c, 2 * c), (inputs, c)))
        self.gates = nn.Sequential(GatedConvolution(16 * c), GatedConvolution(16 * c))
        self.up = nn.ModuleList(
            [ResidualDecoder(k * c, k * c // 2, affine=False, slope=PARSING_SLOPE) for k in (16, 8, 4, 2)]
        )
        self.head = nn.Sequential(
            nn.InstanceNorm2d(c), nn.LeakyReLU(PARSING_SLOPE), nn.ReflectionPad2d(1), nn.Conv2d(c, classes, 3)
        )

    def forward(self, x: Float[Tensor, "n inputs h w"]) -> Float[Tensor, "n classes h w"]:
        finer: list[Tensor] = []
        for down in self.down:
            finer.append(x)
            x = down(x)
        x = self.gates(x)
        for up, jump, beside in zip(self.up, self.jumps, reversed(finer), strict=True):
            x = up(x) + jump(beside)
        return self.head(x)
