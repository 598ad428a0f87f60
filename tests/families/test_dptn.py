"""DPTN's own parts: attention against PyTorch's, both tasks' losses, and the frame that pictures are stretched to."""

from dataclasses import replace

import pytest
import torch
from tiny import CONFIGS, network, noise, pair
from torch import Tensor, nn

from posable.errors import ConfigError
from posable.imaging.size import Size
from posable.models.dptn import (
    MARKET_WEIGHTS,
    Attention,
    DptnConfig,
    DptnGenerator,
    DptnObjective,
    DptnWeights,
    TokenNorm,
    published_key,
)
from posable.nn.perceptual_features import EfficientNetFeatures

TINY = replace(CONFIGS["dptn"], network_width=48)


@pytest.fixture(scope="module")
def generator() -> DptnGenerator:
    return network(TINY, noisier=0.0)


@pytest.fixture(scope="module")
def features() -> EfficientNetFeatures:
    return EfficientNetFeatures()


@torch.inference_mode()
def test_attention_is_pytorch_s_multi_head_attention() -> None:
    torch.manual_seed(0)
    ours, theirs = Attention(12, 3), nn.MultiheadAttention(12, 3, batch_first=True)
    theirs.in_proj_weight.copy_(ours.in_proj.weight)
    theirs.in_proj_bias.copy_(ours.in_proj.bias)
    theirs.out_proj.load_state_dict(ours.out_proj.state_dict())
    x, memory, values = noise(2, 7, 12), noise(2, 9, 12, seed=1), noise(2, 9, 12, seed=2)
    torch.testing.assert_close(ours.itself(x), theirs(x, x, x)[0])
    expected, weights = theirs(x, memory, values)
    key_value = ours.key_value(memory, values)
    torch.testing.assert_close(ours.other(x, key_value), expected)
    torch.testing.assert_close(ours.weights(x, key_value[0]), weights)


@torch.inference_mode()
def test_tokens_are_normed_over_all_places_of_one_picture() -> None:
    normed = TokenNorm(4)(3 * noise(2, 50, 4) + 5)
    torch.testing.assert_close(normed.mean(1), torch.zeros(2, 4), atol=1e-5, rtol=0)
    torch.testing.assert_close(normed.var(1, unbiased=False), torch.ones(2, 4), atol=1e-4, rtol=0)


def test_transfer_share_divides_the_picture_losses_and_leaves_the_adversarial_one(
    generator: DptnGenerator, features: EfficientNetFeatures
) -> None:
    found: dict[float, dict[str, Tensor]] = {}
    for share in (0.25, 1.0):
        torch.manual_seed(0)
        objective = DptnObjective(DptnWeights(transfer_share=share), features).eval()
        with torch.no_grad():
            found[share] = objective.generator_losses(generator, objective.draw(generator, pair()), pair())
    for name in ("l1", "content", "style"):
        torch.testing.assert_close(found[0.25][f"{name}_transfer"], 0.25 * found[1.0][f"{name}_transfer"])
        assert found[1.0][f"{name}_reconstruction"] == 0
        assert found[0.25][f"{name}_reconstruction"] > 0
    torch.testing.assert_close(found[0.25]["adversarial"], found[1.0]["adversarial"])


def test_the_losses_reach_generator_and_discriminator(generator: DptnGenerator, features: EfficientNetFeatures) -> None:
    objective = DptnObjective(MARKET_WEIGHTS, features, discriminator_blocks=3)
    drawn = objective.draw(generator, pair())
    generator.zero_grad()
    sum(objective.discriminator_losses(drawn, pair(), 0).values()).backward()
    assert all(p.grad is None for p in generator.parameters())
    assert all(p.grad is not None for p in objective.discriminator.parameters())
    sum(objective.generator_losses(generator, drawn, pair()).values()).backward()
    assert all(p.grad is not None for p in generator.parameters())
    assert all(not p.requires_grad for p in objective.features.parameters())


@torch.inference_mode()
def test_a_perfect_drawing_costs_only_what_the_discriminator_says(
    generator: DptnGenerator, features: EfficientNetFeatures
) -> None:
    objective, batch = DptnObjective(DptnWeights(), features), pair()
    drawn = objective.draw(generator, batch)
    perfect = type(drawn)(
        image=batch.target_image,
        frame=drawn.frame,
        transferred=batch.target_image,
        reconstructed=batch.condition.source_image,
    )
    losses = objective.generator_losses(generator, perfect, batch)
    assert all(losses[name] < 1e-5 for name in losses if name != "adversarial")


@torch.inference_mode()
def test_what_is_trained_on_is_what_is_rendered(generator: DptnGenerator, features: EfficientNetFeatures) -> None:
    condition = pair().condition
    drawn = DptnObjective(DptnWeights(), features).draw(generator, pair())
    torch.testing.assert_close(drawn.image, generator(condition).image)


def test_fashion_pictures_are_stretched_to_a_square() -> None:
    with torch.device("meta"):
        generator = DptnGenerator(DptnConfig())
    frame = generator.frame(Size(256, 176))
    assert frame.content == frame.size == (256, 256)
    assert generator.frame(Size(512, 352)).size == (512, 512)


def test_market_pictures_are_drawn_as_they_are_by_a_network_of_the_same_size() -> None:
    with torch.device("meta"):
        generator = DptnGenerator(DptnConfig.market())
    assert generator.frame(generator.size).size == generator.size == (128, 64)
    assert sum(p.numel() for p in generator.parameters()) == 9_794_371


def test_entries_under_a_second_name_are_left_out_and_all_others_have_one_of_ours() -> None:
    repeated = ["mblock0.conv1.weight", "mblock2.bypass.bias", "outconv.conv1.weight"]
    assert [published_key(key) for key in repeated] == [None] * 3
    assert published_key("PTM.decoder.layers.1.multihead_attn.in_proj_weight") == (
        "texture_blocks.1.cross_attention.in_proj.weight"
    )
    assert published_key("source_encoder.encoder1.model.5.bias") == "source_encoder.2.5.bias"


def test_settings_that_cannot_work_are_refused() -> None:
    for wrong in ({"num_heads": 3}, {"levels": 0}, {"network_width": 4}):
        with pytest.raises(ConfigError, match="dptn"):
            DptnConfig(**wrong)
    with pytest.raises(ConfigError, match="transfer_share"):
        DptnWeights(transfer_share=1.5)
