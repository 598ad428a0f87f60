"""What TFJR promises beyond the contract of all families."""

from dataclasses import replace

import pytest
import torch
from tiny import CONFIGS, SIZE, ColorFeatures, encoded, network, noise, pair, poses
from torch import Tensor
from torch.nn import functional

from posable.batch import PersonPair
from posable.errors import ConfigError, InputError, SizeError
from posable.models.tfjr import (
    Injection,
    TextureKernelInjection,
    TfjrConfig,
    TfjrGenerator,
    TfjrObjective,
    TfjrWeights,
    region_filtered,
    region_style_loss,
)
from posable.nn.soft_parsing import gathered, grid_weights
from posable.parsing.schemes import LIP_20, PISE_8

CONFIG = CONFIGS["tfjr"]
UPPER, FACE = PISE_8.index("upper-clothes"), PISE_8.index("face")


def one_hot(n: int, *size: int, seed: int = 0) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return functional.one_hot(torch.randint(0, 8, (n, *size), generator=rng), 8).movedim(-1, 1).float()


@pytest.fixture(scope="module")
def generator() -> TfjrGenerator:
    return network(CONFIG)


# ---- texture kernels


@torch.inference_mode()
def test_a_kernel_of_one_region_does_not_change_another_region() -> None:
    torch.manual_seed(0)
    tkin, regions = TextureKernelInjection(8, 6), one_hot(2, 12, 10)
    x, kernels = noise(2, 8, 12, 10, seed=1), noise(2, 8, 9, 6, seed=2)
    changed = kernels.clone()
    changed[:, UPPER] = noise(2, 9, 6, seed=3)
    grid = grid_weights(regions, 3)
    before, after = (tkin(x, Injection(regions, grid, given)) for given in (kernels, changed))
    inside = regions[:, UPPER : UPPER + 1].bool().expand_as(before)
    assert torch.equal(before[~inside], after[~inside])
    assert (before != after)[inside].float().mean() > 0.9


@torch.inference_mode()
def test_texture_comes_from_the_kernels_and_shape_from_the_parsing_and_the_pose(generator: TfjrGenerator) -> None:
    person = encoded(generator, pair().condition)
    bones = generator.pose_maps(person.frame, poses(2, 2))
    scores = 50 * one_hot(2, *SIZE)
    other_picture = replace(person, image=-person.image, parsing=person.parsing.flip(1), bones=person.bones.flip(3))
    drawn, again = (generator.weave(source, bones, scores).image for source in (person, other_picture))
    assert torch.equal(drawn, again)
    other_texture = replace(person, kernels=person.kernels.flip(1))
    assert not torch.equal(drawn, generator.weave(other_texture, bones, scores).image)


@pytest.mark.parametrize("side", [1, 3, 5])
def test_a_region_is_filtered_as_if_it_were_alone_on_zeros(side: int) -> None:
    regions, x, filters = one_hot(2, 9, 7), noise(2, 4, 9, 7), noise(2, 8, side * side, 4, seed=1)
    expected = torch.zeros_like(x)
    for person in range(2):
        for k in range(8):
            inside = regions[person : person + 1, k : k + 1]
            weight = filters[person, k].T.reshape(4, 1, side, side)
            expected[person] += (functional.conv2d(x[person] * inside, weight, padding=side // 2, groups=4) * inside)[0]
    torch.testing.assert_close(region_filtered(x, filters, regions), expected)


def test_the_cells_of_a_rectangle_are_its_ninths() -> None:
    regions = torch.zeros(1, 2, 16, 16)
    regions[:, 1, 2:14, 4:10] = 1
    weights = grid_weights(regions, 3).unflatten(1, (2, 9)).unflatten(3, (16, 16))
    torch.testing.assert_close(weights.sum(2), regions)
    assert weights[:, 0].abs().max() == 0
    # 12 rows in 3 cells of 4: the middle of the first cell is between its second and third row.
    down = weights[0, 1].unflatten(0, (3, 3)).sum((1, 3)) / 6
    expected = torch.tensor([1.0, 1.0, 0.875, 0.625, 0.375, 0.125])
    torch.testing.assert_close(down[0, 2:8], expected)


def test_a_stray_place_hardly_moves_a_region_s_grid() -> None:
    regions = torch.zeros(2, 1, 64, 64)
    regions[:, :, 10:34, 10:34] = 1
    regions[1, :, 60, 60] = 1
    clean, stray = grid_weights(regions, 3).view(2, 9, 64, 64)[:, :, 10:34, 10:34]
    assert (clean - stray).abs().max() < 0.2


def test_kernels_are_mean_features_of_cells_and_of_the_whole_picture_where_a_region_is_absent() -> None:
    regions = torch.zeros(1, 3, 12, 12)
    regions[:, 1, :6], regions[:, 2, 6:] = 1, 1
    features = torch.arange(12.0)[:, None].expand(1, 1, 12, 12)
    kernels = gathered(features, regions, 1)
    torch.testing.assert_close(kernels.flatten(), torch.tensor([5.5, 2.5, 8.5]))


# ---- materials


@torch.inference_mode()
def test_a_material_of_strength_zero_changes_nothing_and_of_one_replaces_the_region_s_kernel(
    generator: TfjrGenerator,
) -> None:
    c = pair().condition
    person, texture = encoded(generator, c), noise(2, 3, 40, 56, seed=7)
    none = generator.with_texture(person, texture, strength=0)
    assert torch.equal(none.kernels, person.kernels)
    assert torch.equal(generator.render(none, c.target_pose).image, generator.render(person, c.target_pose).image)
    full = generator.with_texture(person, texture)
    others = [k for k in range(8) if k != UPPER]
    assert torch.equal(full.kernels[:, others], person.kernels[:, others])
    half = generator.with_texture(person, texture, strength=0.5)
    torch.testing.assert_close(half.kernels, (person.kernels + full.kernels) / 2)
    assert not torch.equal(generator.render(full, c.target_pose).image, generator.render(person, c.target_pose).image)


@torch.inference_mode()
def test_what_a_material_leaves_of_a_garment_is_its_shade_not_its_colour(generator: TfjrGenerator) -> None:
    person = encoded(generator, pair().condition)
    color, shade = noise(2, 8, 1, 16, seed=5), noise(2, 8, 9, 16, seed=6)
    texture = noise(1, 3, 64, 64, seed=7)
    shaded = generator.with_texture(replace(person, kernels=color + shade), texture).kernels[:, UPPER]
    even = generator.with_texture(replace(person, kernels=color.expand_as(shade)), texture).kernels[:, UPPER]
    torch.testing.assert_close(shaded.mean(1), even.mean(1))
    assert even.std(1).mean() < shaded.std(1).mean()


@torch.inference_mode()
def test_any_region_can_be_chosen_by_its_name_and_each_person_has_its_own_strength(generator: TfjrGenerator) -> None:
    person, texture = encoded(generator, pair().condition), noise(1, 3, 64, 64, seed=7)
    changed = generator.with_texture(person, texture, "face", torch.tensor([0.0, 1.0])).kernels
    assert torch.equal(changed[0], person.kernels[0])
    assert (changed[1] != person.kernels[1]).any(-1).any(-1).nonzero().flatten().tolist() == [FACE]


@torch.inference_mode()
def test_a_texture_in_the_condition_is_for_the_upper_clothes(generator: TfjrGenerator) -> None:
    c = replace(pair().condition, texture=noise(2, 3, 64, 64, seed=7))
    by_hand = generator.with_texture(encoded(generator, c), c.texture, "upper-clothes")
    assert torch.equal(generator(c).image, generator.render(by_hand, c.target_pose).image)


@torch.inference_mode()
def test_materials_that_make_no_sense_are_refused(generator: TfjrGenerator) -> None:
    person, texture = encoded(generator, pair().condition), noise(1, 3, 64, 64)
    with pytest.raises(SizeError, match="64x16; give at least 32x32"):
        generator.with_texture(person, texture[..., :16])
    with pytest.raises(ConfigError, match="'cape'"):
        generator.with_texture(person, texture, "cape")
    with pytest.raises(ConfigError, match=r"strength is 1\.5"):
        generator.with_texture(person, texture, strength=1.5)


def test_the_style_of_a_region_is_that_of_its_places_alone() -> None:
    picture, material = noise(1, 3, 16, 16), noise(1, 3, 32, 32, seed=1)
    region = torch.zeros(1, 1, 16, 16)
    region[..., 4:12, 2:10] = 1
    features = ColorFeatures()
    alone = region_style_loss(features(picture[..., 4:12, 2:10]), features(material), torch.ones(1, 1, 8, 8))
    torch.testing.assert_close(region_style_loss(features(picture), features(material), region), alone)
    assert region_style_loss(features(picture), features(material), 0 * region) == 0


# ---- parsing


@torch.inference_mode()
def test_the_source_s_parsing_is_needed(generator: TfjrGenerator) -> None:
    with pytest.raises(InputError, match="needs the source's parsing map"):
        generator.encode(noise(1, 3, *SIZE), poses(1, 1))


@torch.inference_mode()
def test_texture_takes_part_in_refining_the_parsing(generator: TfjrGenerator) -> None:
    person = encoded(generator, pair().condition)
    other = replace(person, kernels=-person.kernels)
    bones = generator.pose_maps(person.frame, poses(2, 2))
    scores = generator.predict_parsing(person, bones)
    assert torch.equal(scores, generator.predict_parsing(other, bones))
    refined, otherwise = (generator.weave(source, bones, scores).scores for source in (person, other))
    assert not torch.equal(refined, otherwise)
    assert torch.equal(generator.weave(person, bones, scores, refine=False).scores, scores)


@torch.inference_mode()
def test_absent_labels_of_the_source_still_leave_every_number_finite(generator: TfjrGenerator) -> None:
    all_face = torch.full((1, *SIZE), LIP_20.index("face"), dtype=torch.uint8)
    drawn = generator.render(generator.encode(noise(1, 3, *SIZE), poses(1, 1), all_face), poses(1, 2))
    assert drawn.image.isfinite().all()


# ---- training


def learned(generator: TfjrGenerator, stage: str, batch: PersonPair) -> tuple[set[str], set[str]]:
    """Names of the losses, and the parts of the generator that they teach."""
    torch.manual_seed(2)
    objective = TfjrObjective(TfjrWeights(), ColorFeatures(), stage)
    drawn = objective.draw(generator, batch)
    losses = objective.generator_losses(generator, drawn, batch)
    trained = {id(p) for group in objective.parameter_groups(generator) for p in group.parameters}
    named = [(name, p) for name, p in generator.named_parameters() if id(p) in trained]
    gradients = torch.autograd.grad(sum(losses.values()), [p for _, p in named], allow_unused=True)
    missing = {name for (name, _), gradient in zip(named, gradients, strict=True) if gradient is None}
    assert all(name.startswith("texture_fusion.") for name in missing)
    assert bool(missing) == (batch.condition.texture is None and stage != "parsing")
    assert all(gradient.isfinite().all() for gradient in gradients if gradient is not None)
    if objective.discriminator is not None:
        sum(objective.discriminator_losses(drawn, batch, 0).values()).backward()
        assert all(p.grad is not None for p in objective.discriminator.parameters())
    return set(losses), {name.split(".")[0] for name, _ in named}


def test_the_three_stages_teach_the_parsing_then_the_texture_then_both(generator: TfjrGenerator) -> None:
    batch = pair()
    textured = replace(batch, condition=replace(batch.condition, texture=noise(2, 3, 64, 64, seed=9)))
    pictures = {"l1", "content", "style", "adversarial"}
    parsings = {"parsing", "parsing_l1"}
    everything = {name for name, _ in generator.named_children()}
    assert learned(generator, "parsing", batch) == (parsings, {"parsing_generator"})
    losses, taught = learned(generator, "texture", batch)
    assert losses == pictures
    assert taught == everything - {"parsing_generator", "refinement", "to_scores"}
    joint = pictures | parsings | {"refined_parsing", "refined_parsing_l1"}
    assert learned(generator, "joint", batch) == (joint, everything)
    assert learned(generator, "joint", textured) == (joint | {"material"}, everything)


@torch.no_grad()
def test_every_second_person_is_drawn_in_another_material_and_judged_by_it_there(generator: TfjrGenerator) -> None:
    batch = pair()
    textured = replace(batch, condition=replace(batch.condition, texture=noise(2, 3, 64, 64, seed=9)))
    objective = TfjrObjective(TfjrWeights(), ColorFeatures(), "texture")
    plain, made = (objective.draw(generator, given) for given in (batch, textured))
    assert torch.equal(plain.image[0], made.image[0])
    assert not torch.equal(plain.image[1], made.image[1])
    assert made.material_region[0].sum() == 0
    assert made.material_region[1].sum() > 0
    # Where it is of another material, a person's own truth says nothing.
    elsewhere = replace(textured, target_image=textured.target_image.lerp(-textured.target_image, made.material_region))
    ours, theirs = (objective.generator_losses(generator, made, given)["l1"] for given in (textured, elsewhere))
    torch.testing.assert_close(ours, theirs)


def test_pairs_without_a_target_parsing_are_refused(generator: TfjrGenerator) -> None:
    with pytest.raises(InputError, match="target's parsing map"):
        TfjrObjective(TfjrWeights(), ColorFeatures(), "parsing").draw(generator, replace(pair(), target_parsing=None))


def test_settings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match="multiples of 16"):
        TfjrConfig(network_width=250)
    with pytest.raises(ConfigError, match="too small"):
        TfjrConfig(width=272)
    with pytest.raises(ConfigError, match="odd"):
        TfjrConfig(kernel_size=4)
