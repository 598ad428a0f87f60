"""NTED draws what the authors' network draws with the same weights."""

import fill
import pytest
import torch

from posable.imaging.size import Size
from posable.models.nted import NtedConfig, NtedGenerator, nted_discriminator, published_key
from posable.nn.stylegan2 import published_discriminator_key


@pytest.fixture(scope="module")
def generator() -> NtedGenerator:
    generator = NtedGenerator(NtedConfig()).eval()
    fill.load(generator, fill.published_state("nted_256", unit_variance=True), published_key)
    return generator


@torch.inference_mode()
def test_the_generator_draws_the_authors_picture(generator: NtedGenerator) -> None:
    encoded = generator.encode_frame(fill.picture("source_image", 64, 48), generator.frame(Size(64, 48)))
    drawing = generator.draw_maps(encoded.textures, fill.skeleton(64, 48))
    torch.testing.assert_close(drawing.image, fill.drawn("nted_256")["target"], atol=2e-5, rtol=0)


@torch.inference_mode()
def test_the_discriminator_gives_the_authors_score() -> None:
    discriminator = nted_discriminator(NtedConfig()).eval()
    fill.load(discriminator, fill.published_state("nted_256_d", unit_variance=True), published_discriminator_key)
    score = discriminator(fill.picture("source_image", 256, 176))
    torch.testing.assert_close(score, fill.drawn("nted_256_d")["score"], atol=2e-5, rtol=0)


def test_the_parameters_are_as_many_as_the_paper_s(generator: NtedGenerator) -> None:
    with torch.device("meta"):
        large = NtedGenerator(NtedConfig.at_512())
        judges = [nted_discriminator(NtedConfig()), nted_discriminator(NtedConfig.at_512())]
    count = lambda module: sum(p.numel() for p in module.parameters())  # noqa: E731
    assert count(generator) == 42_353_519
    assert count(large) == 42_612_402
    assert [count(judge) for judge in judges] == [26_766_977, 26_885_697]
