"""PISE draws what the authors' network draws with the same weights."""

import fill
import pytest
import torch
from torch.nn import functional

from posable.imaging.size import Size
from posable.models.pise import PiseConfig, PiseGenerator, published_key

HEIGHT, WIDTH = 64, 48


@pytest.fixture(scope="module")
def generator() -> PiseGenerator:
    generator = PiseGenerator(PiseConfig(as_released=True)).eval()
    fill.load(generator, fill.published_state("pise"), published_key)
    return generator


@torch.inference_mode()
def test_the_generator_draws_the_authors_picture_and_parsing(generator: PiseGenerator) -> None:
    parsing = functional.one_hot(fill.parsing("source_parsing", HEIGHT, WIDTH), fill.CLASSES).movedim(-1, 1).float()
    source_maps, target_maps = (fill.heatmaps(f"{role}_pose", HEIGHT, WIDTH) for role in ("source", "target"))
    frame = generator.frame(Size(HEIGHT, WIDTH))
    encoded = generator.encode_maps(fill.picture("source_image", HEIGHT, WIDTH), parsing, source_maps, frame)
    predicted = generator.predict_parsing(encoded, target_maps)
    painting = generator.paint(encoded, target_maps, generator.regions(predicted))
    drawn = fill.drawn("pise")
    torch.testing.assert_close(predicted, drawn["parsing"], atol=1e-4, rtol=0)
    torch.testing.assert_close(painting.image, drawn["target"], atol=5e-4, rtol=0)


def test_the_parameters_are_as_many_as_the_paper_s(generator: PiseGenerator) -> None:
    whole = sum(p.numel() for p in generator.parameters())
    vgg = sum(p.numel() for p in generator.vgg.parameters())
    frozen = sum(p.numel() for p in generator.parameters() if not p.requires_grad)
    assert (whole, whole - vgg) == (64_007_550, 43_983_166)
    assert frozen - vgg == 291
