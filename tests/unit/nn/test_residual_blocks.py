"""Blocks against arithmetic done by hand, and the discriminators' published parameter counts."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from posable.nn.patch_discriminator import PatchDiscriminator
from posable.nn.residual_blocks import (
    EncoderBlock,
    ImageOutput,
    ResidualBlock,
    ResidualDecoder,
    add_spectral_norm,
    init_orthogonal,
)


def picture(channels: int, seed: int = 0) -> Tensor:
    return torch.randn(2, channels, 12, 8, generator=torch.Generator().manual_seed(seed))


def normed(x: Tensor) -> Tensor:
    mean = x.mean((2, 3), keepdim=True)
    variance = (x - mean).square().mean((2, 3), keepdim=True)
    return (x - mean) / (variance + 1e-5).sqrt()


def leaky(x: Tensor, slope: float) -> Tensor:
    return torch.where(x > 0, x, slope * x)


@torch.inference_mode()
def test_an_encoder_block_normalises_before_it_convolves() -> None:
    block, x = EncoderBlock(3, 5, 4, affine=False, slope=0.2), picture(3)
    hidden = functional.conv2d(leaky(normed(x), 0.2), block[2].weight, block[2].bias, 2, 1)
    expected = functional.conv2d(leaky(normed(hidden), 0.2), block[5].weight, block[5].bias, 1, 1)
    torch.testing.assert_close(block(x), expected)
    torch.testing.assert_close(block(3 * x + 7), expected, atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_a_residual_block_keeps_its_input_when_its_convolutions_give_nothing() -> None:
    x = picture(6)
    block = ResidualBlock(6, 6)
    nn.init.zeros_(block.main[5].weight)
    nn.init.zeros_(block.main[5].bias)
    assert torch.equal(block(x), x)


def test_a_shortcut_is_learned_where_channels_change_or_it_is_asked_for() -> None:
    assert len(ResidualBlock(6, 6).shortcut) == 0
    assert ResidualBlock(6, 6, learned_shortcut=True).shortcut[0].weight.shape == (6, 6, 1, 1)
    assert ResidualBlock(6, 4).shortcut[0].weight.shape == (4, 6, 1, 1)


@torch.inference_mode()
def test_a_residual_decoder_doubles_the_size_and_adds_the_raw_input_s_way() -> None:
    x = picture(6)
    block = ResidualDecoder(6, 4, 5)
    nn.init.zeros_(block.main[5].weight)
    nn.init.zeros_(block.main[5].bias)
    up = block.shortcut[0]
    assert block(x).shape == (2, 4, 24, 16)
    torch.testing.assert_close(
        block(x), functional.conv_transpose2d(x, up.weight, up.bias, 2, padding=1, output_padding=1)
    )


@torch.inference_mode()
def test_a_picture_comes_out_between_minus_one_and_one() -> None:
    drawn = ImageOutput(6, normed=True)(100 * picture(6))
    assert drawn.shape == (2, 3, 12, 8)
    assert drawn.abs().max() <= 1


def test_weights_begin_orthogonal_and_small() -> None:
    block = ResidualBlock(6, 4)
    init_orthogonal(block, gain=0.02)
    rows = block.main[2].weight.flatten(1)
    torch.testing.assert_close(rows @ rows.T, 0.02**2 * torch.eye(4), atol=1e-6, rtol=0)
    assert block.main[2].bias.abs().max() == 0


@pytest.mark.parametrize("kind", [nn.Conv2d, nn.ConvTranspose2d])
def test_a_spectrally_normed_weight_has_largest_singular_value_one(kind: type[nn.Conv2d | nn.ConvTranspose2d]) -> None:
    torch.manual_seed(0)
    layer = kind(5, 4, 3)
    block = nn.Sequential(layer)
    add_spectral_norm(block)
    for _ in range(100):
        block(picture(5))
    weight = block.eval()[0].weight.detach()
    outputs_first = weight if isinstance(layer, nn.Conv2d) else weight.transpose(0, 1)
    largest = torch.linalg.svdvals(outputs_first.flatten(1))[0]
    assert abs(float(largest) - 1) < 1e-3


@pytest.mark.parametrize(("num_blocks", "parameters"), [(4, 664_577), (3, 238_209)])
def test_the_discriminators_have_the_published_size(num_blocks: int, parameters: int) -> None:
    for activate_image in (True, False):
        discriminator = PatchDiscriminator(num_blocks, activate_image=activate_image)
        assert sum(p.numel() for p in discriminator.parameters()) == parameters


@torch.inference_mode()
def test_the_discriminator_scores_patches_and_sees_only_its_own_picture() -> None:
    discriminator = PatchDiscriminator(3, activate_image=False).eval()
    images = torch.rand(2, 3, 32, 24, generator=torch.Generator().manual_seed(1)) * 2 - 1
    scores = discriminator(images)
    assert scores.shape == (2, 1, 4, 3)
    torch.testing.assert_close(discriminator(images[1:]), scores[1:])
