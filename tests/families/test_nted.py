"""What NTED promises beyond the contract of all families."""

from dataclasses import replace

import pytest
import torch
from tiny import CONFIGS, SIZE, network, noise, pair, poses
from torch import Tensor
from torch.nn import functional

from posable.errors import ConfigError, SizeError
from posable.models.nted import (
    ExtractionPair,
    NtedConfig,
    NtedGenerator,
    NtedObjective,
    NtedSource,
    NtedWeights,
    attention_reconstruction_loss,
    mix_textures,
    nted_features,
)
from posable.nn.perceptual_features import FeatureMaps, PerceptualFeatures

CONFIG = CONFIGS["nted"]


@pytest.fixture(scope="module")
def generator() -> NtedGenerator:
    return network(CONFIG, noisier=0.0)


def encoded(generator: NtedGenerator, seed: int = 0, n: int = 2) -> NtedSource:
    with torch.inference_mode():
        return generator.encode(noise(n, 3, *SIZE, seed=seed), poses(n, 1))


class TwoFeatures(PerceptualFeatures):
    """Colours and edges, to test objectives without a trained network."""

    name = "colours and edges"

    def forward(self, image: Tensor) -> FeatureMaps:
        edges = functional.avg_pool2d((image[..., 1:, 1:] - image[..., :-1, :-1]).abs(), 4)
        return FeatureMaps((image, edges), (image, edges), edges, edges)


# ---- textures


@pytest.mark.parametrize("kernel_size", [1, 3])
def test_gathering_patches_first_gives_the_textures_of_the_paper_s_order(kernel_size: int) -> None:
    torch.manual_seed(1)
    pair_of = ExtractionPair(8, 5, kernel_size).double()
    for extraction in (pair_of.first, pair_of.second):
        torch.nn.init.normal_(extraction.values.bias)
    features = noise(2, 8, 6, 7).double()
    found = pair_of(features)
    unit = functional.normalize(features - features.mean(1, keepdim=True), dim=1)
    for which, extraction in enumerate((pair_of.first, pair_of.second)):
        attention = extraction.semantics(unit).flatten(2).softmax(2)
        textures = extraction.values(features).flatten(2) @ attention.transpose(1, 2)
        torch.testing.assert_close(found.attention[:, which].flatten(2), attention)
        torch.testing.assert_close(found.textures[:, which], textures)


@torch.inference_mode()
def test_each_place_of_the_drawing_shares_itself_among_the_labels(generator: NtedGenerator) -> None:
    source = encoded(generator)
    drawing = generator.draw_maps(source.textures, generator.pose_maps(source.frame, poses(2, 4)))
    for distribution, labels in zip(drawing.distributions, CONFIG.num_labels, strict=True):
        assert distribution.shape[:3] == (2, 2, labels)
        torch.testing.assert_close(distribution.sum(2), torch.ones_like(distribution[:, :, 0]))


@torch.inference_mode()
def test_drawing_looks_at_the_textures_and_not_at_the_reference(generator: NtedGenerator) -> None:
    source = encoded(generator)
    blank = replace(source, image=torch.zeros_like(source.image))
    assert torch.equal(generator.render(source, poses(2, 4)).image, generator.render(blank, poses(2, 4)).image)


@torch.inference_mode()
def test_large_pictures_are_drawn_at_the_trained_size_and_enlarged(generator: NtedGenerator) -> None:
    small = noise(1, 3, *SIZE)
    large = small.repeat_interleave(2, 2).repeat_interleave(2, 3)
    drawn = generator.render(generator.encode(large, poses(1, 1)), poses(1, 4)).image
    expected = generator.render(generator.encode(small, poses(1, 1)), poses(1, 4)).image
    assert drawn.shape == (1, 3, 128, 96)
    assert (functional.avg_pool2d(drawn, 2) - expected).abs().mean() < 0.1


# ---- appearance control


@torch.inference_mode()
def test_coefficients_lead_from_the_person_to_the_garment_s_picture(generator: NtedGenerator) -> None:
    person, garment, target = encoded(generator), encoded(generator, seed=9), poses(2, 4)
    ends = {}
    for value in (0.0, 0.5, 1.0):
        coefficients = tuple(torch.full((2, 2, labels), value) for labels in CONFIG.num_labels)
        ends[value] = generator.render(mix_textures(person, garment, coefficients), target).image
    torch.testing.assert_close(ends[0.0], generator.render(person, target).image)
    torch.testing.assert_close(ends[1.0], generator.render(garment, target).image)
    assert (ends[0.5] - ends[0.0]).abs().max() > 0.01


@torch.inference_mode()
def test_the_shares_of_regions_that_cover_the_picture_sum_to_one(generator: NtedGenerator) -> None:
    garment = encoded(generator, seed=9)
    upper = torch.zeros(2, 1, *SIZE)
    upper[:, :, :32] = 1
    for shares, rest in zip(
        generator.texture_shares(garment, upper), generator.texture_shares(garment, 1 - upper), strict=True
    ):
        assert shares.min() > 0
        torch.testing.assert_close(shares + rest, torch.ones_like(shares))


def test_fitted_coefficients_change_the_region_and_keep_the_rest(generator: NtedGenerator) -> None:
    person, garment, target = encoded(generator, n=1), encoded(generator, seed=9, n=1), poses(1, 4)
    region = torch.zeros(1, 1, *SIZE)
    region[..., 24:] = 1
    start = tuple(torch.full((1, 2, labels), 0.5) for labels in CONFIG.num_labels)
    fitted = generator.fit_coefficients(person, garment, target, region, start, steps=20, learning_rate=0.05)

    def cost(coefficients: tuple[Tensor, ...]) -> Tensor:
        draw = lambda source: generator.render(source, target).image  # noqa: E731
        drawn = draw(mix_textures(person, garment, coefficients))
        change, damage = (drawn - draw(garment)).square() * region, (drawn - draw(person)).square() * (1 - region)
        return (10 * change + damage).mean()

    with torch.inference_mode():
        assert cost(fitted) < 0.8 * cost(start)
    assert all(each.min() >= 0 and each.max() <= 1 and not each.requires_grad for each in fitted)
    assert all(parameter.grad is None for parameter in generator.parameters())


@torch.inference_mode()
def test_it_explains_every_attention_of_every_level(generator: NtedGenerator) -> None:
    pictures = generator.explain(encoded(generator), poses(2, 4))
    kinds, strides, layers = ("extraction", "distribution", "painted"), (4, 2), ("first", "second")
    assert set(pictures) == {f"{kind}_{s}_{which}" for kind in kinds for s in strides for which in layers}


# ---- training


def objective(**changes: float) -> NtedObjective:
    torch.manual_seed(2)
    return NtedObjective(replace(NtedWeights(), **changes), TwoFeatures(), CONFIG)


def test_both_directions_are_drawn_in_one_batch(generator: NtedGenerator) -> None:
    batch = pair()
    c = batch.condition
    drawn = objective().draw(generator, batch)
    back = generator.render(generator.encode(batch.target_image, c.target_pose), c.source_pose).image
    assert torch.equal(drawn.truth, torch.cat([batch.target_image, c.source_image]))
    torch.testing.assert_close(drawn.drawn[2:].clamp(-1, 1), back, atol=1e-5, rtol=0)
    torch.testing.assert_close(drawn.image, generator(c).image, atol=1e-5, rtol=0)


def test_each_loss_reaches_what_it_teaches(generator: NtedGenerator) -> None:
    batch, teacher = pair(), objective()
    drawn = teacher.draw(generator, batch)
    losses = teacher.generator_losses(generator, drawn, batch)
    assert set(losses) == {"perceptual", "style", "attention", "face", "adversarial"}
    for name, loss in losses.items():
        gradients = torch.autograd.grad(
            loss, list(generator.parameters()), retain_graph=True, allow_unused=name in ("attention", "face")
        )
        assert all(gradient.isfinite().all() for gradient in gradients if gradient is not None), name
    judged = teacher.discriminator_losses(drawn, batch, step=0)
    sum(judged.values()).backward()
    assert all(parameter.grad is not None for parameter in teacher.discriminator.parameters())
    assert all(parameter.grad is None for parameter in generator.parameters())


def test_the_penalty_comes_lazily_and_counts_as_often_as_it_was_left_out(generator: NtedGenerator) -> None:
    batch, teacher = pair(), objective()
    drawn = teacher.draw(generator, batch)
    has_penalty = [step for step in range(33) if "r1" in teacher.discriminator_losses(drawn, batch, step)]
    assert has_penalty == [0, 16, 32]
    often = objective(r1_interval=1).discriminator_losses(drawn, batch, 0)["r1"]
    torch.testing.assert_close(teacher.discriminator_losses(drawn, batch, 0)["r1"], 16 * often)


def test_without_adversary_there_is_no_adversarial_loss(generator: NtedGenerator) -> None:
    batch, teacher = pair(), objective(adversarial=0.0)
    drawn = teacher.draw(generator, batch)
    assert "adversarial" not in teacher.generator_losses(generator, drawn, batch)
    assert teacher.discriminator_losses(drawn, batch, 0) == {}


def test_the_attention_loss_vanishes_where_the_attentions_paint_the_truth(generator: NtedGenerator) -> None:
    drawn = objective().draw(generator, pair())
    red = torch.tensor([0.5, -0.5, 0.1])
    painted = replace(
        drawn,
        colors=tuple(red[:, None].expand_as(color) for color in drawn.colors),
        truth=red.view(1, 3, 1, 1).expand_as(drawn.truth),
    )
    assert attention_reconstruction_loss(painted) < 1e-6
    assert attention_reconstruction_loss(drawn) > 0.01


def test_it_learns_in_its_own_frame_only(generator: NtedGenerator) -> None:
    batch = pair()
    other = replace(batch, target_image=noise(2, 3, 40, 40))
    with pytest.raises(SizeError, match="give 64x48"):
        objective().draw(generator, other)


def test_the_published_losses_compare_styles_at_the_content_s_layers() -> None:
    assert nted_features(None).name == "efficientnet-lite0"


def test_settings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match="multiples of 16"):
        NtedConfig(height=250)
    with pytest.raises(ConfigError, match="4 each"):
        NtedConfig(num_labels=(16, 32))
    with pytest.raises(ConfigError, match="at least one channel"):
        NtedConfig(channels=(0, 512, 512, 256, 128))
    with pytest.raises(ConfigError, match="that are odd"):
        NtedConfig(kernel_sizes=(1, 2, 3, 3))
