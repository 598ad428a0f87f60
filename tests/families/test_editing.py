"""What the types of posable.models.editing promise, over all families that have them."""

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import tiny
import torch
from torch import Tensor

from posable.batch import PoseCondition
from posable.errors import ConfigError, InputError, PosableError, SizeError
from posable.models import FAMILIES
from posable.models.editing import DrawsRegions, Explains, MixesGarments, TakesTextures
from posable.models.generator import Generator
from posable.parsing.schemes import LIP_20, PISE_8

CAN = {
    MixesGarments: {"nted", "pise", "rsagan", "tfjr"},
    TakesTextures: {"tfjr"},
    DrawsRegions: {"pise", "tfjr"},
    Explains: set(FAMILIES),
}
NAMED = sorted(CAN[MixesGarments] - {"nted"})
"""Families that know regions by name."""
STORED = {"pise": "codes", "tfjr": "kernels"}
"""Where a family keeps one entry for each class, (n, classes, ...)."""
UPPER, FACE = PISE_8.index("upper-clothes"), PISE_8.index("face")


@cache
def network(family: str) -> Any:
    config = tiny.CONFIGS[family]
    if family == "rsagan":  # untrained keys of different places are nearly alike
        config = replace(config, sharpness=1e6)
    return tiny.network(config)


def people(seed: int = 0) -> PoseCondition:
    condition = tiny.pair(2).condition
    shown = tiny.parsing(2, seed)
    # Both people show all classes but gloves, sunglasses, scarves (no class of PISE-8) and hats.
    shown[shown == LIP_20.index("hat")] = 0
    shown[:, :8, :8], shown[:, 8:16, :8] = LIP_20.index("upper-clothes"), LIP_20.index("face")
    return replace(
        condition, source_image=tiny.noise(2, 3, *tiny.SIZE, seed=seed), source_pose=tiny.poses(2, seed + 5),
        source_parsing=shown,
    )  # fmt: skip


def drawn(generator: Generator[Any], source: Any) -> Tensor:
    return generator.render(source, tiny.poses(2, 2)).image


def mask_of(condition: PoseCondition, *names: str) -> Tensor:
    classes = torch.tensor([LIP_20.index(name) for name in names])
    return torch.isin(condition.source_parsing, classes.to(torch.uint8))[:, None].float()


TOPS = tuple(name for name, k in zip(LIP_20.classes, PISE_8.from_lip, strict=True) if k == UPPER)


@pytest.mark.parametrize("kind", CAN, ids=lambda kind: kind.__name__)
def test_isinstance_tells_what_a_family_can_do(kind: type) -> None:
    assert {name for name in FAMILIES if isinstance(network(name), kind)} == CAN[kind]


@torch.inference_mode()
@pytest.mark.parametrize("family", sorted(CAN[MixesGarments]))
def test_a_garment_of_strength_zero_leaves_the_person_and_of_one_changes_it(family: str) -> None:
    generator = network(family)
    person, garment = (tiny.encoded(generator, people(seed)) for seed in (0, 7))
    mask = mask_of(people(7), *TOPS)
    before = drawn(generator, person)
    assert torch.equal(drawn(generator, generator.with_garment(person, garment, mask, 0.0)), before)
    half, full = (drawn(generator, generator.with_garment(person, garment, mask, s)) for s in (0.5, 1.0))
    assert 0 < (half - before).square().mean() < (full - before).square().mean()


@torch.inference_mode()
@pytest.mark.parametrize("family", sorted(CAN[MixesGarments]))
def test_a_person_s_own_garment_changes_nothing(family: str) -> None:
    generator, condition = network(family), people()
    person = tiny.encoded(generator, condition)
    mixed = generator.with_garment(person, person, mask_of(condition, *TOPS), 1.0)
    torch.testing.assert_close(drawn(generator, mixed), drawn(generator, person), atol=1e-5, rtol=0)


@torch.inference_mode()
@pytest.mark.parametrize("family", sorted(CAN[MixesGarments]))
def test_a_region_that_the_garment_s_picture_does_not_show_changes_nothing(family: str) -> None:
    generator, bare = network(family), people(7)
    bare.source_parsing[torch.isin(bare.source_parsing, torch.tensor([LIP_20.index(n) for n in TOPS]))] = 0
    person, garment = tiny.encoded(generator, people()), tiny.encoded(generator, bare)
    for region in [mask_of(bare, *TOPS)] + ["upper-clothes"] * (family in NAMED):
        mixed = generator.with_garment(person, garment, region, 1.0)
        assert torch.equal(drawn(generator, mixed), drawn(generator, person))


@torch.inference_mode()
@pytest.mark.parametrize("family", NAMED)
def test_the_mask_of_a_class_is_as_good_as_its_name(family: str) -> None:
    generator, condition = network(family), people(7)
    person, garment = tiny.encoded(generator, people()), tiny.encoded(generator, condition)
    ways = [generator.with_garment(person, garment, r) for r in ("upper-clothes", mask_of(condition, *TOPS))]
    first, second = (drawn(generator, way) for way in ways)
    assert torch.equal(first, second)


@torch.inference_mode()
@pytest.mark.parametrize("family", sorted(STORED))
def test_other_regions_keep_what_they_are_made_of(family: str) -> None:
    generator = network(family)
    person, garment = (tiny.encoded(generator, people(seed)) for seed in (0, 7))
    mixed = generator.with_garment(person, garment, "upper-clothes", 0.25)
    before, other, after = (getattr(source, STORED[family]) for source in (person, garment, mixed))
    torch.testing.assert_close(after[:, UPPER], 0.75 * before[:, UPPER] + 0.25 * other[:, UPPER])
    rest = [k for k in range(8) if k != UPPER]
    assert torch.equal(after[:, rest], before[:, rest])


@torch.inference_mode()
def test_rsagan_s_style_changes_only_where_either_person_has_the_region() -> None:
    generator = network("rsagan")
    conditions = people(), people(7)
    person, garment = (tiny.encoded(generator, condition) for condition in conditions)
    changed = (generator.with_garment(person, garment, "face").style != person.style).any(1)
    moved = generator.with_garment(person, garment, "face").parsing
    worn = torch.nn.functional.max_pool2d(person.parsing[:, [FACE]], 4)[:, 0].bool()
    shown = torch.nn.functional.max_pool2d(moved[:, [FACE]], 4)[:, 0] > 0
    assert changed[worn].float().mean() > 0.9
    assert not changed[~(worn | shown)].any()
    assert 0.05 < changed.float().mean() < 0.6


@torch.inference_mode()
def test_half_a_region_gives_half_of_it() -> None:
    generator, condition = network("tfjr"), people(7)
    person, garment = tiny.encoded(generator, people()), tiny.encoded(generator, condition)
    whole = mask_of(condition, *TOPS)
    parts = [generator.with_garment(person, garment, part).kernels for part in (0.5 * whole, whole)]
    torch.testing.assert_close(parts[0] - person.kernels, 0.5 * (parts[1] - person.kernels))


@torch.inference_mode()
def test_a_garment_may_come_from_a_picture_of_another_size() -> None:
    for family in sorted(CAN[MixesGarments]):
        generator, small = network(family), people(7)
        large = replace(
            small,
            source_image=small.source_image.repeat_interleave(2, 2).repeat_interleave(2, 3),
            source_parsing=small.source_parsing.repeat_interleave(2, 1).repeat_interleave(2, 2),
        )
        person, garment = tiny.encoded(generator, people()), tiny.encoded(generator, large)
        assert garment.frame.picture_size == (128, 96)
        mixed = drawn(generator, generator.with_garment(person, garment, mask_of(large, *TOPS)))
        assert mixed.shape == (2, 3, *tiny.SIZE)
        assert not torch.equal(mixed, drawn(generator, person))


@torch.inference_mode()
def test_a_material_can_be_laid_on_a_mask_of_the_person_s_picture() -> None:
    generator, condition = network("tfjr"), people()
    person, texture = tiny.encoded(generator, condition), tiny.noise(2, 3, 64, 64, seed=3)
    named = generator.with_texture(person, texture, "upper-clothes", 0.7)
    masked = generator.with_texture(person, texture, mask_of(condition, *TOPS), 0.7)
    assert torch.equal(named.kernels, masked.kernels)
    assert not torch.equal(named.kernels, person.kernels)


@torch.inference_mode()
@pytest.mark.parametrize("family", sorted(CAN[DrawsRegions]))
def test_what_is_given_is_what_is_painted_into(family: str) -> None:
    generator = network(family)
    person = tiny.encoded(generator, people())
    wanted = tiny.parsing(2, 3)
    table = torch.tensor(PISE_8.from_lip)
    rendering = generator.render_regions(person, tiny.poses(2, 2), wanted)
    assert torch.equal(rendering.parsing.argmax(1), table[wanted.long()])
    other = generator.render_regions(person, tiny.poses(2, 2), wanted.flip(2))
    assert not torch.equal(rendering.image, other.image)


@pytest.mark.parametrize(
    ("family", "region", "strength", "error", "says"),
    [
        ("nted", "upper-clothes", 1.0, InputError, "cannot find the region 'upper-clothes'; give a mask"),
        ("pise", "cape", 1.0, ConfigError, "no class 'cape'; its classes are background, hair"),
        ("tfjr", torch.ones(2, 1, 32, 32), 1.0, SizeError, "mask is 32x32 and its picture 64x48"),
        ("nted", torch.ones(2, 1, 32, 32), 1.0, SizeError, "mask is 32x32 and its picture 64x48"),
        ("rsagan", "face", 1.5, ConfigError, r"strength is 1\.5; give a number from 0 to 1"),
    ],
)
def test_edits_that_make_no_sense_are_refused(
    family: str, region: Any, strength: float, error: type[PosableError], says: str
) -> None:
    generator = network(family)
    with torch.inference_mode():
        person = tiny.encoded(generator, people())
    with pytest.raises(error, match=says):
        generator.with_garment(person, person, region, strength)
