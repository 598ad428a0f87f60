"""StyleGAN2's layers against slow forms written from the definitions."""

import itertools
import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from posable.errors import ConfigError
from posable.imaging.size import Size
from posable.nn.stylegan2 import (
    BLUR_TAPS,
    EqualConv2d,
    EqualDownConv2d,
    EqualUpConv2d,
    FlRelu,
    StyleGan2Discriminator,
    upfirdn2d,
)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def slow_upfirdn2d(x: Tensor, taps: tuple[float, ...], up: int, down: int, padding: tuple[int, int]) -> Tensor:
    """The definition, step by step: zeros between, padding, convolution (a flipped kernel), every down-th pixel."""
    n, c, h, w = x.shape
    spread = x.new_zeros(n, c, h * up, w * up)
    spread[..., ::up, ::up] = x
    padded = functional.pad(spread, (*padding, *padding))
    row = torch.tensor(taps, dtype=x.dtype) / sum(taps) * up
    height, width = padded.shape[-2] - len(taps) + 1, padded.shape[-1] - len(taps) + 1
    out = x.new_zeros(n, c, height, width)
    for i, j in itertools.product(range(len(taps)), repeat=2):
        out += row[i] * row[j] * padded[..., len(taps) - 1 - i :, len(taps) - 1 - j :][..., :height, :width]
    return out[..., ::down, ::down]


@pytest.mark.parametrize("taps", [BLUR_TAPS, (1.0, 2.0, 5.0)], ids=["binomial", "lopsided"])
@pytest.mark.parametrize(
    ("up", "down", "padding"), [(1, 1, (2, 2)), (1, 1, (1, 1)), (1, 2, (2, 1)), (2, 1, (2, 1)), (2, 1, (0, 3))]
)
def test_the_fast_resampling_equals_the_definition(
    taps: tuple[float, ...], up: int, down: int, padding: tuple[int, int]
) -> None:
    x = noise(2, 3, 7, 6)
    fast = upfirdn2d(x, taps, up=up, down=down, padding=padding)
    torch.testing.assert_close(fast, slow_upfirdn2d(x, taps, up, down, padding))


def test_resampling_keeps_the_brightness_away_from_the_border() -> None:
    flat = torch.ones(1, 2, 12, 12)
    for resampled in (upfirdn2d(flat, BLUR_TAPS, padding=(2, 1)), upfirdn2d(flat, BLUR_TAPS, up=2, padding=(2, 1))):
        torch.testing.assert_close(resampled[..., 3:-3, 3:-3], torch.ones_like(resampled[..., 3:-3, 3:-3]))


def test_a_convolution_s_weight_is_scaled_when_it_is_used() -> None:
    conv = EqualConv2d(5, 4, 3, bias=True).double()
    x = noise(2, 5, 6, 7)
    torch.testing.assert_close(conv(x), functional.conv2d(x, conv.weight / math.sqrt(45), conv.bias, padding=1))


@pytest.mark.parametrize("kernel_size", [1, 3])
@pytest.mark.parametrize("size", [(8, 6), (11, 5)], ids=["even", "odd"])
def test_downsampling_blurs_before_it_strides_and_rounds_down(kernel_size: int, size: tuple[int, int]) -> None:
    conv = EqualDownConv2d(3, 4, kernel_size).double()
    x = noise(1, 3, *size)
    side = (kernel_size + 1) // 2
    blurred = slow_upfirdn2d(x, BLUR_TAPS, 1, 1, (side, side))
    expected = functional.conv2d(blurred, conv.weight * conv.scale)[..., ::2, ::2]
    torch.testing.assert_close(conv(x), expected)
    assert conv(x).shape[-2:] == (size[0] // 2, size[1] // 2)


def test_upsampling_is_a_convolution_of_pixels_spread_apart_then_a_blur() -> None:
    conv = EqualUpConv2d(3, 4).double()
    x = noise(1, 3, 5, 4)
    spread = x.new_zeros(1, 3, 11 + 2, 9 + 2)
    spread[..., 2:-2:2, 2:-2:2] = x
    enlarged = functional.conv2d(spread, conv.weight.flip((2, 3)) * conv.scale)
    expected = 4 * slow_upfirdn2d(enlarged, BLUR_TAPS, 1, 1, (1, 1))
    torch.testing.assert_close(conv(x), expected)
    assert conv(x).shape[-2:] == (10, 8)


def test_the_activation_keeps_unit_variance_roughly() -> None:
    activated = FlRelu(4).double()(noise(64, 4, 16, 16))
    assert 0.9 < activated.square().mean() < 1.1


def test_the_discriminator_sees_how_much_the_pictures_of_a_group_differ() -> None:
    discriminator = StyleGan2Discriminator(Size(32, 24), (8, 8, 8, 8)).double()
    one = noise(1, 3, 32, 24)
    varied = torch.cat([one, noise(3, 3, 32, 24, seed=1)])
    assert not torch.allclose(discriminator(one.expand(4, -1, -1, -1))[0], discriminator(varied)[0])


def test_groups_of_a_batch_do_not_see_each_other() -> None:
    discriminator = StyleGan2Discriminator(Size(32, 24), (8, 8, 8, 8)).double()
    batch = noise(8, 3, 32, 24)
    # Members of a group lie a group's count apart, as in StyleGAN2.
    torch.testing.assert_close(discriminator(batch)[::2], discriminator(batch[::2]))


def test_a_discriminator_for_a_frame_that_is_too_small_is_refused() -> None:
    with pytest.raises(ConfigError, match="leaves nothing of 8x4"):
        StyleGan2Discriminator(Size(8, 4), (8, 8, 8, 8))


def test_the_penalty_of_the_discriminator_s_gradient_has_gradients() -> None:
    discriminator = StyleGan2Discriminator(Size(16, 16), (8, 8, 8)).double()
    image = noise(2, 3, 16, 16).requires_grad_()
    (slope,) = torch.autograd.grad(discriminator(image).sum(), image, create_graph=True)
    slope.square().sum().backward()
    assert all(p.grad is not None for name, p in discriminator.named_parameters() if name.endswith("weight"))
