"""What PISE promises beyond the contract of all families."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import CONFIGS, SIZE, ColorFeatures, network, noise, pair, parsing, poses
from torch.nn import functional

from posable.errors import ConfigError, InputError
from posable.models.pise import (
    PiseConfig,
    PiseGenerator,
    PiseObjective,
    PiseWeights,
    _last_present,
    neighbourhood_cosines,
)
from posable.parsing.schemes import LIP_20, PISE_8, translate

CONFIG = CONFIGS["pise"]


@pytest.fixture(scope="module")
def generator() -> PiseGenerator:
    return network(CONFIG)


# ---- regions


@torch.inference_mode()
def test_the_source_s_parsing_is_needed(generator: PiseGenerator) -> None:
    with pytest.raises(InputError, match="needs the source's parsing map"):
        generator.encode(noise(1, 3, *SIZE), poses(1, 1))


@torch.inference_mode()
def test_lip_labels_become_the_network_s_classes_in_the_middle_of_its_frame(generator: PiseGenerator) -> None:
    given = parsing(2)
    regions = generator.regions_of(generator.frame(SIZE), given)
    assert regions.shape == (2, 8, 64, 64)
    torch.testing.assert_close(regions.sum(1), torch.ones(2, 64, 64))
    expected = translate(given.numpy(), LIP_20, PISE_8)
    np.testing.assert_array_equal(regions.argmax(1)[..., 8:-8].numpy(), expected)


def test_regions_are_one_hot_and_have_the_gradient_of_the_soft_parsing(generator: PiseGenerator) -> None:
    soft = noise(1, 8, 8, 8).div(2).add(0.5).requires_grad_()
    regions = generator.regions(soft)
    torch.testing.assert_close(regions, functional.one_hot(soft.argmax(1), 8).movedim(-1, 1).float())
    weights = noise(1, 8, 8, 8, seed=1)
    (regions * weights).sum().backward()
    torch.testing.assert_close(soft.grad, weights)


@pytest.mark.parametrize("seed", range(5))
def test_as_released_the_last_class_that_is_not_zero_overwrites_the_others(seed: int) -> None:
    shares = functional.relu(noise(2, 8, 5, 4, seed=seed))
    found = _last_present(shares)
    expected = torch.zeros_like(shares)
    for person, row, column in np.ndindex(2, 5, 4):
        for kind in range(8):
            if shares[person, kind, row, column] != 0:
                expected[person, :, row, column] = 0
                expected[person, kind, row, column] = 1
    assert torch.equal(found, expected)


def test_one_hot_regions_teach_the_style_of_every_shown_region_and_released_ones_that_of_the_last() -> None:
    taught = {}
    for as_released in (False, True):
        generator = network(replace(CONFIG, as_released=as_released)).train()
        drawn = generator(pair().condition)
        drawn.image.square().mean().backward()
        taught[as_released] = [
            kind for kind, style in enumerate(generator.region_norm.styles) if style.weight.grad.abs().max() > 0
        ]
    assert len(taught[False]) > 1
    assert taught[True] == [7]


@torch.inference_mode()
def test_a_region_that_the_source_does_not_show_takes_the_style_of_the_whole_picture(generator: PiseGenerator) -> None:
    face_and_hair = torch.full((1, 64, 48), LIP_20.index("face"), dtype=torch.uint8)
    face_and_hair[:, :16] = LIP_20.index("hair")
    encoded = generator.encode(noise(1, 3, *SIZE), poses(1, 1), face_and_hair)
    absent = [k for k, name in enumerate(PISE_8.classes) if name not in ("background", "face", "hair")]
    codes = encoded.codes[0]
    assert all(torch.equal(codes[k], codes[absent[0]]) for k in absent)
    assert not torch.allclose(codes[PISE_8.index("face")], codes[absent[0]])
    assert not torch.allclose(codes[PISE_8.index("hair")], codes[absent[0]])


# ---- editing


@torch.inference_mode()
def test_the_predicted_parsing_can_be_given_back_edited(generator: PiseGenerator) -> None:
    c = pair().condition
    encoded = generator.encode(c.source_image, c.source_pose, c.source_parsing)
    predicted = generator.render(encoded, c.target_pose)
    labels = torch.tensor(PISE_8.to_lip)[predicted.parsing.argmax(1)].to(torch.uint8)
    same = generator.render_regions(encoded, c.target_pose, labels)
    edited = labels.clone()
    edited[:, 16:48, 12:36] = LIP_20.index("upper-clothes")
    other = generator.render_regions(encoded, c.target_pose, edited)
    assert torch.equal(same.parsing.argmax(1), predicted.parsing.argmax(1))
    assert (other.parsing.argmax(1)[:, 16:48, 12:36] == PISE_8.index("upper-clothes")).all()
    # The picture's frame is narrower than the network's: beside it the parsing is repeated, not predicted.
    assert (same.image - predicted.image).abs().mean() < (other.image - predicted.image).abs().mean()


@torch.inference_mode()
def test_correspondences_are_means_over_the_source_by_default(generator: PiseGenerator) -> None:
    c = pair().condition
    for as_released, dim in ((False, 2), (True, 1)):
        drawer = generator if not as_released else network(replace(CONFIG, as_released=True))
        encoded = drawer.encode(c.source_image, c.source_pose, c.source_parsing)
        maps = drawer.pose_maps(encoded.frame, c.target_pose)
        weights = drawer.paint(encoded, maps, drawer.regions(drawer.predict_parsing(encoded, maps))).weights
        torch.testing.assert_close(weights.sum(dim), torch.ones(2, 256))


def test_neighbourhoods_are_compared_as_vectors_of_zero_mean() -> None:
    target, source = noise(2, 5, 6, 4).double(), noise(2, 5, 6, 4, seed=1).double() + 0.3
    patches = [functional.unfold(x, 3, padding=1) for x in (target, source)]
    first, second = (functional.normalize(p - p.mean(1, keepdim=True), dim=1) for p in patches)
    torch.testing.assert_close(neighbourhood_cosines(target, source), first.transpose(1, 2) @ second)


# ---- training


def learned(generator: PiseGenerator, step: int) -> tuple[set[str], set[str]]:
    """Names of the losses, and the parts of the generator whose weights the sum of them reaches."""
    torch.manual_seed(2)
    objective, batch = PiseObjective(PiseWeights(), ColorFeatures(), step), pair()
    drawn = objective.draw(generator, batch)
    losses = objective.generator_losses(generator, drawn, batch)
    trained = {id(p) for group in objective.parameter_groups(generator) for p in group.parameters}
    named = [(name, p) for name, p in generator.named_parameters() if id(p) in trained]
    gradients = torch.autograd.grad(sum(losses.values()), [p for _, p in named])
    assert all(gradient.isfinite().all() for gradient in gradients)
    sum(objective.discriminator_losses(drawn, batch, 0).values()).backward()
    assert all(p.grad is not None for p in objective.discriminator.parameters())
    return set(losses), {name.split(".")[0] for name, _ in named}


def test_the_first_step_learns_without_the_spatial_norm_and_the_second_with_it(generator: PiseGenerator) -> None:
    common = {"l1", "content", "style", "adversarial", "parsing", "parsing_l1"}
    light = {"light", "key", "query", "after_light"}
    first, second = learned(generator, 1), learned(generator, 2)
    assert first[0] == common | {"correspondence"}
    assert second[0] == common
    assert second[1] - first[1] == light
    assert "vgg" not in second[1]


def test_pairs_without_a_target_parsing_are_refused(generator: PiseGenerator) -> None:
    objective, batch = PiseObjective(PiseWeights(), ColorFeatures(), 2), replace(pair(), target_parsing=None)
    with pytest.raises(InputError, match="target's parsing map"):
        objective.generator_losses(generator, objective.draw(generator, batch), batch)


def test_settings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match="multiples of 16"):
        PiseConfig(network_width=250)
    with pytest.raises(ConfigError, match="too small"):
        PiseConfig(width=272)
    with pytest.raises(ConfigError, match="from 4 to 256"):
        PiseConfig(channels=512)
    with pytest.raises(ConfigError, match="above 0"):
        PiseConfig(parsing_channels=0)
    with pytest.raises(ConfigError, match="PISE-9"):
        PiseGenerator(replace(CONFIG, parsing_labels="PISE-9"))
