"""CATN's own parts: the transfer against its equation, sizes against the papers', both discriminators' losses."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from tiny import CONFIGS, network, noise, pair
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from posable.errors import ConfigError
from posable.models.catn import (
    LIGHT_CATN,
    TWO_STREAM_ATN,
    CatnConfig,
    CatnGenerator,
    CatnObjective,
    CatnWeights,
    MultiScaleContext,
    PairDiscriminator,
    TargetStage,
    early_features,
    transferred,
)
from posable.nn.perceptual_features import EfficientNetFeatures, Vgg19Features
from posable.nn.pretrained.vgg19 import Vgg19, imagenet_normalised
from posable.recipes.catn import catn_published
from posable.train.learner import learning_rate

TINY = replace(CONFIGS["catn"], context_channels=4, dropout=0.0)


@pytest.fixture(scope="module")
def generator() -> CatnGenerator:
    return network(TINY, noisier=0.02)


@pytest.fixture(scope="module")
def features() -> EfficientNetFeatures:
    return EfficientNetFeatures()


def parameters(config: CatnConfig) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in CatnGenerator(config).parameters())


def test_the_nine_block_network_has_the_printed_43_28_million_parameters() -> None:
    assert parameters(TWO_STREAM_ATN) == 43_281_292


def test_three_stages_with_context_have_much_fewer_parameters() -> None:
    context = 4 * (256 * 64 * 9 + 64) + 256 * 256 + 256
    assert parameters(CatnConfig(dilations=())) == 13_679_878
    assert parameters(CatnConfig()) == 13_679_878 + 3 * context == 15_647_494
    assert parameters(LIGHT_CATN) == 11_191_046


def test_the_discriminators_are_patn_s() -> None:
    with torch.device("meta"):
        counts = [sum(p.numel() for p in PairDiscriminator(inputs).parameters()) for inputs in (6, 21)]
    assert counts == [3_928_384, 3_975_424]
    assert PairDiscriminator(6, channels=4)(noise(1, 6, 32, 24)).shape == (1, 16, 8, 6)


@pytest.mark.parametrize("widths", [(4, 16), (16, 4)], ids=str)
def test_appearance_is_the_sum_of_values_by_the_softmax_of_unscaled_products(widths: tuple[int, int]) -> None:
    query, key, value = (noise(2, width, 3, 5, seed=seed) for seed, width in enumerate((widths[0], *widths)))
    d = torch.einsum("ncij,ncuv->nijuv", query, key).flatten(3).softmax(-1).unflatten(3, (3, 5))
    torch.testing.assert_close(transferred(query, key, value), torch.einsum("nijuv,ncuv->ncij", d, value))


def test_the_correspondence_is_not_kept_in_memory_not_even_in_training() -> None:
    query, key, value = (noise(2, c, 8, 6).requires_grad_() for c in (4, 4, 16))
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):  # any other is an error
        transferred(query, key, value).sum().backward()


@torch.inference_mode()
def test_appearance_can_come_from_any_distance() -> None:
    query, key = torch.zeros(1, 2, 8, 6), torch.zeros(1, 2, 8, 6)
    query[0, 0, 0, 0] = key[0, 0, 7, 5] = 30.0
    value = torch.arange(48.0).view(1, 1, 8, 6)
    assert transferred(query, key, value)[0, 0, 0, 0] == 47


@torch.inference_mode()
def test_the_transfer_agrees_with_the_correspondence_that_is_shown(generator: CatnGenerator) -> None:
    stage = generator.target_stages[0]
    assert isinstance(stage, TargetStage)
    encoded, target = (
        generator.encode(pair().condition.source_image, pair().condition.source_pose),
        noise(2, 32, 16, 12),
    )
    weights = stage.correspondence(target, encoded.offered)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 192))
    expected = (weights @ encoded.offered.value.flatten(2).transpose(1, 2)).transpose(1, 2)
    query = stage.to_query(stage.convolutions(target))
    found = transferred(query, encoded.offered.key, encoded.offered.value)
    torch.testing.assert_close(found.flatten(2), expected, atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_nothing_is_transferred_before_training() -> None:
    torch.manual_seed(0)
    stage = TargetStage(TINY).eval()
    source = CatnGenerator(TINY).eval().encode(pair().condition.source_image, pair().condition.source_pose).offered
    target = noise(2, 32, 16, 12)
    assert torch.equal(stage(target, source), stage(target, source._replace(key=-source.key, value=-source.value)))


@pytest.mark.parametrize(("dilations", "reach"), [((1,), 1), ((1, 2, 4), 4)])
def test_the_context_reaches_as_far_as_its_largest_dilation(dilations: tuple[int, ...], reach: int) -> None:
    torch.manual_seed(0)
    context = MultiScaleContext(replace(TINY, channels=4, dilations=dilations)).double()
    for scale in context.scales:  # a norm over the whole map reaches everywhere
        scale[1] = torch.nn.Identity()
    x = noise(1, 16, 16, 16).double().requires_grad_()
    context(x)[..., 8, 8].sum().backward()
    assert x.grad is not None
    rows = x.grad.abs().sum((0, 1, 3)).nonzero().flatten()
    assert (rows.min(), rows.max()) == (8 - reach, 8 + reach)


@torch.inference_mode()
@pytest.mark.parametrize(
    "changes",
    [
        {"source_fusion": "project"},
        {"source_fusion": "add", "target_fusion": "add"},
        {"dilations": (), "num_stages": 1},
        {"dilations": (), "context_pooling": True},
        {"dilations": (1, 3), "context_pooling": True, "levels": 3},
    ],
    ids=str,
)
def test_every_setting_draws_and_explains(changes: dict[str, Any]) -> None:
    config = replace(TINY, **changes)
    generator, condition = network(config), pair().condition
    encoded = generator.encode(condition.source_image, condition.source_pose)
    assert generator.render(encoded, condition.target_pose).image.shape == (2, 3, 64, 48)
    stages = range(1, config.num_stages + 1)
    names = {"position_key"} | {f"{name}_{k}" for name in ("attended_source", "source_positions") for k in stages}
    assert set(generator.explain(encoded, condition.target_pose)) == names


def test_encoding_does_all_of_the_source_stream_that_no_pose_changes(generator: CatnGenerator) -> None:
    calls: list[str] = []
    watched = {"source_encoder": generator.source_encoder, "source_stage_1": generator.source_stages[0]}
    hooks = [m.register_forward_hook(lambda *_, name=name: calls.append(name)) for name, m in watched.items()]
    condition = pair().condition
    with torch.inference_mode():
        encoded = generator.encode(condition.source_image, condition.source_pose)
        assert calls == ["source_encoder", "source_stage_1"]
        generator.render(encoded, condition.target_pose)
    for hook in hooks:
        hook.remove()
    assert calls == ["source_encoder", "source_stage_1"]


@pytest.mark.parametrize("adversary", ["least_squares", "cross_entropy"])
def test_the_losses_reach_generator_and_both_discriminators(
    generator: CatnGenerator, features: EfficientNetFeatures, adversary: Any
) -> None:
    objective = CatnObjective(CatnWeights(adversary=adversary), features, discriminator_channels=4)
    drawn = objective.draw(generator, pair())
    generator.zero_grad()
    sum(objective.discriminator_losses(drawn, pair(), 0).values()).backward()
    assert all(p.grad is None for p in generator.parameters())
    discriminators = [objective.appearance_discriminator, objective.shape_discriminator]
    assert all(p.grad is not None for discriminator in discriminators for p in discriminator.parameters())
    sum(objective.generator_losses(generator, drawn, pair()).values()).backward()
    assert all(p.grad is not None for p in generator.parameters())
    assert all(not p.requires_grad for p in objective.features.parameters())


@torch.inference_mode()
def test_the_losses_have_the_paper_s_weights(generator: CatnGenerator, features: EfficientNetFeatures) -> None:
    torch.manual_seed(0)
    objective, batch = CatnObjective(CatnWeights(), features, discriminator_channels=4).eval(), pair()
    drawn = objective.draw(generator, batch)
    losses = objective.generator_losses(generator, drawn, batch)
    l1 = (drawn.image - batch.target_image).abs().mean()
    torch.testing.assert_close(losses["l1"], 17 * l1)
    difference = early_features(features, drawn.image) - early_features(features, batch.target_image)
    torch.testing.assert_close(losses["perceptual"], 17 * difference.abs().mean())
    shape = objective.shape_discriminator(torch.cat([drawn.image, drawn.target_maps], 1))
    torch.testing.assert_close(losses["adversarial_shape"], 10 * (shape - 1).square().mean())
    assert set(losses) == {"l1", "perceptual", "adversarial_shape", "adversarial_appearance"}


@torch.inference_mode()
def test_each_discriminator_is_given_its_own_company(generator: CatnGenerator, features: EfficientNetFeatures) -> None:
    objective, batch = CatnObjective(CatnWeights(), features, discriminator_channels=4).eval(), pair()
    seen: dict[str, Tensor] = {}
    for name in ("appearance", "shape"):
        discriminator = getattr(objective, f"{name}_discriminator")
        discriminator.register_forward_pre_hook(lambda _, given, name=name: seen.__setitem__(name, given[0]))
    drawn = objective.draw(generator, batch)
    objective.generator_losses(generator, drawn, batch)
    assert torch.equal(seen["appearance"], torch.cat([drawn.image, batch.condition.source_image], 1))
    maps = generator.pose_maps(drawn.frame, batch.condition.target_pose)
    assert torch.equal(seen["shape"], torch.cat([drawn.image, maps], 1))


@torch.inference_mode()
def test_what_is_trained_on_is_what_is_rendered(generator: CatnGenerator, features: EfficientNetFeatures) -> None:
    drawn = CatnObjective(CatnWeights(), features, discriminator_channels=4).draw(generator, pair())
    torch.testing.assert_close(drawn.image, generator(pair().condition).image)


@torch.inference_mode()
def test_the_perceptual_loss_looks_through_vgg19_s_second_layer() -> None:
    network, image = Vgg19(), noise(1, 3, 16, 16)
    found = early_features(Vgg19Features(network), image)
    assert found.shape == (1, 64, 16, 16)
    assert torch.equal(found, network(imagenet_normalised(image), ["relu1_2"])["relu1_2"])


def test_the_published_rate_is_constant_for_60_000_steps_and_zero_after_90_000() -> None:
    (stage,) = catn_published().stages
    rates = [learning_rate(stage.generator, 7 * step, stage.pairs) for step in (0, 60_000, 75_000, 90_000)]
    assert rates == pytest.approx([1e-4, 1e-4, 5e-5, 0])


def test_dropout_is_for_training_only(generator: CatnGenerator) -> None:
    condition = pair().condition
    dropping = network(replace(TINY, dropout=0.5), noisier=0.02)
    with torch.inference_mode():
        assert torch.equal(dropping(condition).image, generator(condition).image)
        assert not torch.equal(dropping.train()(condition).image, generator(condition).image)


def test_settings_that_cannot_work_are_refused() -> None:
    for wrong in (
        {"num_stages": 0},
        {"network_width": 4},
        {"query_reduction": 7},
        {"dilations": (1, 0)},
        {"dropout": 1.0},
        {"source_fusion": "multiply"},
        {"target_fusion": "concatenate"},
    ):
        with pytest.raises(ConfigError, match=f"catn's {'sizes' if 'network_width' in wrong else next(iter(wrong))}"):
            CatnConfig(**wrong)
