"""What RSA-GAN promises beyond the contract of all families."""

from dataclasses import replace

import pytest
import torch
from tiny import CONFIGS, ColorFeatures, network, noise, pair, parsing
from torch import Tensor, nn

from posable.errors import ConfigError, InputError
from posable.models.rsagan import (
    REGIONS,
    RsaganConfig,
    RsaganGenerator,
    RsaganObjective,
    RsaganWeights,
    carried,
    correspondence,
)
from posable.parsing.schemes import PISE_8
from posable.pose.pose import OPENPOSE_18

CONFIG = CONFIGS["rsagan"]


@pytest.fixture(scope="module")
def generator() -> RsaganGenerator:
    return network(CONFIG, noisier=0.0)


# ---- (A) regional semantics


def test_every_keypoint_and_every_class_but_the_background_belongs_to_a_region() -> None:
    assert {name for points, _ in REGIONS.values() for name in points} == set(OPENPOSE_18.keypoints)
    assert {name for _, labels in REGIONS.values() for name in labels} == set(PISE_8.classes) - {"background"}


@torch.inference_mode()
@pytest.mark.parametrize("region", list(REGIONS))
def test_a_region_reads_its_own_keypoints_and_classes_alone(generator: RsaganGenerator, region: str) -> None:
    maps, labels = noise(1, 18, 32, 24), noise(1, 8, 32, 24, seed=1)
    points, classes = REGIONS[region]
    mine = slice(4 * list(REGIONS).index(region), 4 * list(REGIONS).index(region) + 4)
    others = [k for k, name in enumerate(OPENPOSE_18.keypoints) if name not in points]
    rest = [k for k, name in enumerate(PISE_8.classes) if name not in classes]
    moved, relabelled = maps.clone(), labels.clone()
    moved[:, others], relabelled[:, rest] = moved[:, others].flip(2), relabelled[:, rest].flip(2)
    semantics = generator.regional_semantics
    assert torch.equal(semantics(maps, labels)[:, mine], semantics(moved, relabelled)[:, mine])
    assert torch.equal(semantics.gate(maps)[:, mine], semantics.gate(moved)[:, mine])
    assert not torch.equal(semantics(maps, labels), semantics(moved, relabelled))


@torch.inference_mode()
def test_behind_closed_gates_the_parsing_does_not_matter() -> None:
    torch.manual_seed(0)
    generator, c = RsaganGenerator(CONFIG).eval(), pair().condition
    other = parsing(2, 9)

    def semantics(labels: Tensor) -> Tensor:
        return generator.encode(c.source_image, c.source_pose, labels).semantics

    assert not torch.equal(semantics(c.source_parsing), semantics(other))
    for gate in generator.regional_semantics.gates:
        last = gate[-1][-1]
        nn.init.zeros_(last.weight)
        nn.init.constant_(last.bias, -1e4)
    assert torch.equal(semantics(c.source_parsing), semantics(other))


# ---- (B) correspondence


@torch.inference_mode()
def test_rows_of_a_correspondence_sum_to_one_and_a_pose_corresponds_to_itself(generator: RsaganGenerator) -> None:
    c = pair().condition
    encoded = generator.encode(c.source_image, c.source_pose, c.source_parsing)
    weights = generator.integrate(encoded, generator.pose_maps(encoded.frame, c.source_pose)).weights
    torch.testing.assert_close(weights.sum(2), torch.ones(2, 192))
    assert torch.equal(weights.argmax(2), torch.arange(192).expand(2, -1))


def test_what_is_carried_over_is_what_the_weights_ask_for() -> None:
    keys, features = torch.eye(6)[None], noise(1, 4, 2, 3)
    order = torch.tensor([3, 0, 5, 1, 2, 4])
    weights = correspondence(keys[:, :, order], keys, 1000.0)
    torch.testing.assert_close(carried(weights, features, (2, 3)).flatten(2), features.flatten(2)[:, :, order])


@torch.inference_mode()
def test_the_style_is_carried_from_where_the_source_has_it(generator: RsaganGenerator) -> None:
    c = pair().condition
    encoded = generator.encode(c.source_image, c.source_pose, c.source_parsing)
    maps = generator.pose_maps(encoded.frame, c.target_pose)
    other = replace(encoded, style=encoded.style.flip(2))
    drawn, changed = generator.integrate(encoded, maps), generator.integrate(other, maps)
    assert torch.equal(drawn.weights, changed.weights)
    assert torch.equal(drawn.scores, changed.scores)
    assert not torch.equal(drawn.image, changed.image)


# ---- (C) gated cross attention


@torch.inference_mode()
def test_behind_a_closed_gate_neither_style_nor_semantics_matters() -> None:
    torch.manual_seed(0)
    attention = RsaganGenerator(CONFIG).attentions[0]
    x, style, semantics = (noise(1, 16, 8, 6, seed=seed) for seed in range(3))
    open_gate = attention(x, style, semantics)
    assert not torch.equal(open_gate, attention(x, style.flip(3), semantics))
    assert not torch.equal(open_gate, attention(x, style, semantics.flip(3)))
    nn.init.zeros_(attention.to_gate[-1].weight)
    nn.init.constant_(attention.to_gate[-1].bias, -1e4)
    closed = attention(x, style, semantics)
    assert torch.equal(closed, attention(x, style.flip(3), semantics.flip(3)))


@torch.inference_mode()
def test_attention_over_channels_gives_means_of_the_style_s_channels_head_by_head() -> None:
    torch.manual_seed(0)
    attention = RsaganGenerator(CONFIG).attentions[0]
    x, style, semantics = (noise(1, 16, 8, 6, seed=seed) for seed in range(3))
    found, values = attention.attend(x, style, semantics), attention.to_value(style)
    for head in (slice(0, 8), slice(8, 16)):
        assert (found[:, head] <= values[:, head].amax(1, keepdim=True) + 1e-5).all()
        assert (found[:, head] >= values[:, head].amin(1, keepdim=True) - 1e-5).all()


# ---- whole


@torch.inference_mode()
def test_the_source_s_parsing_is_needed_and_matters(generator: RsaganGenerator) -> None:
    c = pair().condition
    with pytest.raises(InputError, match="needs the source's parsing map"):
        generator.encode(c.source_image, c.source_pose)
    first, second = generator(c), generator(replace(c, source_parsing=parsing(2, 9)))
    assert not torch.equal(first.image, second.image)
    assert not torch.equal(first.parsing, second.parsing)


def test_the_objective_teaches_every_part_and_all_three_discriminators(generator: RsaganGenerator) -> None:
    torch.manual_seed(2)
    objective, batch = RsaganObjective(RsaganWeights(), ColorFeatures(), discriminator_blocks=3), pair()
    drawn = objective.draw(generator, batch)
    losses = objective.generator_losses(generator, drawn, batch)
    pictures, parsings = {"l1", "content", "style", "alignment"}, {"parsing", "parsing_l1"}
    assert set(losses) == pictures | parsings | {f"adversarial_{name}" for name in ("picture", "appearance", "shape")}
    gradients = torch.autograd.grad(sum(losses.values()), list(generator.parameters()))
    assert all(gradient.isfinite().all() for gradient in gradients)
    sum(objective.discriminator_losses(drawn, batch, 0).values()).backward()
    assert all(p.grad is not None for p in objective.discriminators.parameters())


def test_pairs_without_a_target_parsing_are_refused(generator: RsaganGenerator) -> None:
    objective, batch = RsaganObjective(RsaganWeights(), ColorFeatures()), replace(pair(), target_parsing=None)
    with pytest.raises(InputError, match="target's parsing map"):
        objective.generator_losses(generator, objective.draw(generator, batch), batch)


def test_settings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match="multiple of 16"):
        RsaganConfig(channels=40)
    with pytest.raises(ConfigError, match="at least one injection"):
        RsaganConfig(num_attentions=0)
    with pytest.raises(ConfigError, match="at least 8 px"):
        RsaganConfig(network_width=4)
