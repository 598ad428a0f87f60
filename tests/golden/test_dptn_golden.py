"""DPTN draws what the published architecture draws, from the authors' own state dict."""

import fill
import pytest
import torch

from posable.imaging.frame import Frame
from posable.imaging.size import Size
from posable.models.dptn import DptnConfig, DptnGenerator, published_key
from posable.nn.patch_discriminator import PatchDiscriminator, published_discriminator_key

HEIGHT, WIDTH = 64, 48


@pytest.fixture(scope="module")
def generator() -> DptnGenerator:
    generator = DptnGenerator(DptnConfig()).eval()
    fill.load(generator, fill.published_state("dptn"), published_key)
    return generator


def test_the_generator_has_the_published_number_of_parameters(generator: DptnGenerator) -> None:
    assert sum(p.numel() for p in generator.parameters()) == 9_794_371


@torch.inference_mode()
def test_both_pictures_agree_with_the_published_ones(generator: DptnGenerator) -> None:
    size = Size(HEIGHT, WIDTH)
    source, source_maps, target_maps = (
        fill.picture("source_image", *size),
        fill.heatmaps("source_pose", *size),
        fill.heatmaps("target_pose", *size),
    )
    encoded = generator.encode_maps(source, source_maps, Frame.stretch(size, size))
    expected = fill.drawn("dptn")
    torch.testing.assert_close(generator.draw_maps(encoded, target_maps), expected["target"], atol=1e-4, rtol=0)
    torch.testing.assert_close(generator.reconstruct(encoded), expected["self_reconstruction"], atol=1e-4, rtol=0)


@torch.inference_mode()
def test_the_discriminator_s_scores_agree_with_the_published_ones() -> None:
    discriminator = PatchDiscriminator(activate_image=False).eval()
    fill.load(discriminator, fill.published_state("dptn_d"), published_discriminator_key)
    scores = discriminator(fill.picture("source_image", HEIGHT, WIDTH))
    torch.testing.assert_close(scores, fill.drawn("dptn_d")["score"], atol=1e-4, rtol=0)
