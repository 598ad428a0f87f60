"""StyleGAN2's layers (Karras et al., 2020) without its style modulation, as NTED uses them: convolutions with an
equalised learning rate, blurred resampling, the scaled leaky ReLU, and the residual discriminator.

Weights are drawn from N(0, 1) and scaled by 1 / sqrt(fan_in) when they are used, so that Adam moves all of them at the
same relative speed. Activities keep unit variance: the leaky ReLU multiplies by sqrt(2), residual sums divide by it.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from posable.errors import ConfigError
from posable.imaging.size import Size

BLUR_TAPS = (1.0, 3.0, 3.0, 1.0)
"""The binomial filter of every resampling, in one direction and before it is normalised to sum 1."""


def upfirdn2d(
    x: Float[Tensor, "n c h w"], taps: Sequence[float], *, up: int = 1, down: int = 1, padding: tuple[int, int] = (0, 0)
) -> Float[Tensor, "n c H W"]:
    """Puts `up` - 1 zeros behind each row and column, pads both directions by `padding` (before, after), filters with
    the outer product of `taps` (sum 1, times up^2, which keeps the brightness), and keeps every `down`-th pixel.

    One depthwise convolution, transposed when upsampling, so that no zero is ever multiplied.
    """
    before, after = padding
    count, channels = len(taps), x.shape[1]
    row = torch.tensor(taps, dtype=x.dtype, device=x.device)
    row = row * (up / row.sum())
    kernel = torch.outer(row, row).expand(channels, 1, count, count)
    if up == 1:
        if before == after:
            return functional.conv2d(x, kernel.flip((2, 3)), stride=down, padding=before, groups=channels)
        padded = functional.pad(x, (before, after, before, after))
        return functional.conv2d(padded, kernel.flip((2, 3)), stride=down, groups=channels)
    spread = functional.conv_transpose2d(x, kernel, stride=up, groups=channels)
    # The transposed convolution answers as if padded by count - 1 before, and by count - up behind.
    left, right = before - (count - 1), after - (count - up)
    return functional.pad(spread, (left, right, left, right))[..., ::down, ::down]


class FlRelu(nn.Module):
    """sqrt(2) times the leaky ReLU (slope 0.2) of `x` plus a bias per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Float[Tensor, "n c *places"]) -> Float[Tensor, "n c *places"]:
        bias = self.bias.view(-1, *[1] * (x.dim() - 2))
        return functional.leaky_relu(x + bias, 0.2) * math.sqrt(2)


class EqualConv2d(nn.Module):
    """Convolution whose weight is scaled at run time; keeps the size with stride 1 unless `padding` is given."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel_size: int,
        *,
        stride: int = 1,
        padding: int | None = None,
        bias: bool = False,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.scale = 1 / math.sqrt(inputs * kernel_size**2)
        self.stride = stride
        self.padding = kernel_size // 2 if padding is None else padding

    def forward(self, x: Float[Tensor, "n inputs h w"]) -> Float[Tensor, "n outputs _ _"]:
        return functional.conv2d(x, self.weight * self.scale, self.bias, self.stride, self.padding)


class EqualUpConv2d(nn.Module):
    """Twice the size: transposed 3x3 convolution with stride 2, then blur. The weight is kept (outputs, inputs, 3, 3).

    The size of the transposed convolution is 2 h + 1; the blur takes it to 2 h."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.scale = 1 / math.sqrt(inputs * 9)

    def forward(self, x: Float[Tensor, "n inputs h w"]) -> Float[Tensor, "n outputs 2*h 2*w"]:
        spread = functional.conv_transpose2d(x, (self.weight * (self.scale * 4)).transpose(0, 1), stride=2)
        return upfirdn2d(spread, BLUR_TAPS, padding=(1, 1))


class EqualDownConv2d(EqualConv2d):
    """Half the size, rounded down: blur, then a convolution with stride 2 and no padding."""

    def __init__(self, inputs: int, outputs: int, kernel_size: int) -> None:
        super().__init__(inputs, outputs, kernel_size, stride=2, padding=0)
        self.blur_padding = (kernel_size + 1) // 2

    def forward(self, x: Float[Tensor, "n inputs h w"]) -> Float[Tensor, "n outputs h//2 w//2"]:
        return super().forward(upfirdn2d(x, BLUR_TAPS, padding=(self.blur_padding, self.blur_padding)))


class EqualLinear(nn.Module):
    """Linear layer whose weight is scaled at run time."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.scale = 1 / math.sqrt(inputs)

    def forward(self, x: Float[Tensor, "... inputs"]) -> Float[Tensor, "... outputs"]:
        return functional.linear(x, self.weight * self.scale, self.bias)


class _ResidualDown(nn.Module):
    """Half the size: two 3x3 convolutions beside a blurred 1x1 one."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Sequential(EqualConv2d(inputs, inputs, 3), FlRelu(inputs))
        self.second = nn.Sequential(EqualDownConv2d(inputs, outputs, 3), FlRelu(outputs))
        self.skip = EqualDownConv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return (self.second(self.first(x)) + self.skip(x)) / math.sqrt(2)


class StyleGan2Discriminator(nn.Module):
    """StyleGAN2's residual discriminator for frames that need not be square.

    `channels` counts from the full size to the last map, each half the one before; the last one sees how much the
    pictures of a group differ: `group` of them, or the next smaller divisor of the batch. Logits are high for real
    pictures.
    """

    def __init__(self, size: Size, channels: Sequence[int], group: int = 4) -> None:
        super().__init__()
        halvings = len(channels) - 1
        self.last = Size(size.height >> halvings, size.width >> halvings)
        if min(self.last) < 1:
            raise ConfigError(f"a discriminator with {halvings} halvings leaves nothing of {size}; give it fewer.")
        self.group = group
        self.from_rgb = nn.Sequential(EqualConv2d(3, channels[0], 1), FlRelu(channels[0]))
        self.blocks = nn.Sequential(*[_ResidualDown(inputs, outputs) for inputs, outputs in pairwise(channels)])
        deepest = channels[-1]
        self.final = nn.Sequential(EqualConv2d(deepest + 1, deepest, 3), FlRelu(deepest))
        self.hidden = EqualLinear(deepest * self.last.height * self.last.width, deepest)
        self.score = EqualLinear(deepest, 1)

    def forward(self, image: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 1"]:
        x = self.blocks(self.from_rgb(image))
        n = x.shape[0]
        group = next(size for size in range(min(n, self.group), 0, -1) if n % size == 0)
        deviation = (x.view(group, n // group, *x.shape[1:]).var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3))
        plane = deviation.repeat(group)[:, None, None, None].expand(-1, -1, *x.shape[-2:])
        x = self.final(torch.cat([x, plane], 1)).flatten(1)
        return self.score(functional.leaky_relu(self.hidden(x), 0.2) * math.sqrt(2))


_PUBLISHED_NAMES = (
    ("convs.0.", "from_rgb."),
    (".conv1.0.", ".first.0."),
    (".conv1.1.", ".first.1."),
    (".conv2.1.", ".second.0."),
    (".conv2.2.", ".second.1."),
    (".skip.1.", ".skip."),
    ("final_conv.", "final."),
    ("final_linear.0.", "hidden."),
    ("final_linear.1.", "score."),
)


def published_discriminator_key(name: str) -> str | None:
    """Our name for an entry of the state dict of NTED's published discriminator; None for its constant filters."""
    if name.endswith(".kernel"):
        return None
    for published, own in _PUBLISHED_NAMES:
        name = name.replace(published, own)
    if name.startswith("convs."):
        _, index, rest = name.split(".", 2)
        name = f"blocks.{int(index) - 1}.{rest}"
    return name
