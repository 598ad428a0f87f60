"""GFLA draws what the published architecture draws, from the authors' own state dict."""

import fill
import pytest
import torch

from posable.imaging.frame import Frame
from posable.imaging.size import Size
from posable.models.gfla import GflaConfig, GflaGenerator, published_key
from posable.nn.patch_discriminator import PatchDiscriminator, published_discriminator_key

SIZE = Size(64, 64)


@pytest.fixture(scope="module")
def generator() -> GflaGenerator:
    generator = GflaGenerator(GflaConfig()).eval()
    fill.load(generator, fill.published_state("gfla"), published_key)
    return generator


def test_the_generators_have_the_published_numbers_of_parameters(generator: GflaGenerator) -> None:
    with torch.device("meta"):
        market = GflaGenerator(GflaConfig.market())
    count = lambda module: sum(p.numel() for p in module.parameters())  # noqa: E731
    assert count(generator) == 14_047_395
    assert count(market) == 12_926_471
    assert count(generator.source_encoder) == 1_434_758
    assert count(generator.flow_network) == 6_608_212


@torch.inference_mode()
def test_picture_flows_and_masks_agree_with_the_published_ones(generator: GflaGenerator) -> None:
    encoded = generator.encode_maps(
        fill.picture("source_image", *SIZE), fill.heatmaps("source_pose", *SIZE), Frame.stretch(SIZE, SIZE)
    )
    layers = generator.draw_maps(encoded, fill.heatmaps("target_pose", *SIZE))
    expected = fill.drawn("gfla")
    for level in range(2):
        torch.testing.assert_close(layers.flows[level], expected[f"flow_{level}"], atol=1e-4, rtol=0)
        torch.testing.assert_close(layers.masks[level], expected[f"mask_{level}"], atol=1e-4, rtol=0)
    torch.testing.assert_close(layers.image, expected["target"], atol=1e-4, rtol=0)


@torch.inference_mode()
def test_the_discriminator_s_scores_agree_with_the_published_ones() -> None:
    discriminator = PatchDiscriminator(activate_image=True).eval()
    fill.load(discriminator, fill.published_state("gfla_d"), published_discriminator_key)
    scores = discriminator(fill.picture("source_image", *SIZE))
    torch.testing.assert_close(scores, fill.drawn("gfla_d")["score"], atol=1e-4, rtol=0)
