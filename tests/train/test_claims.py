"""The variants that benchmarks/claims.py compares can be trained, differ in what they say, and draw."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from toy_runs import NoisePairs

from posable.batch import PersonPair
from posable.models import FAMILIES
from posable.pose import PoseBatch
from posable.size import Size
from posable.train.loop import train
from posable.train.recipe import Recipe
from posable.train.textured_pairs import TexturedPairs

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from claim_variants import CLAIMS, Claim, Variant, recipe_of

SIZE = Size(64, 48)
EACH = [
    pytest.param(claim, variant, id=f"{name}, {variant.name}")
    for name, claim in CLAIMS.items()
    for variant in claim.variants
]


@dataclass(frozen=True)
class ParsedNoise(NoisePairs):
    """Pairs of noise as large as the claims' people, with parsing maps of three stripes and masks."""

    def open(self, cache: Path, seed: int) -> "ParsedNoise":
        return self

    def validation(self) -> "ParsedNoise":
        return self

    def batch(self, position: int) -> PersonPair:
        pair = super().batch(position)
        n = len(pair)
        stripes = torch.tensor([0, 5, 9, 13], dtype=torch.uint8).repeat_interleave(12).expand(n, *SIZE)
        pose = lambda given: PoseBatch(given.keypoints * 1.4, given.visible, SIZE)  # noqa: E731
        enlarged = lambda picture: torch.nn.functional.interpolate(picture, tuple(SIZE))  # noqa: E731
        condition = replace(
            pair.condition,
            source_image=enlarged(pair.condition.source_image),
            source_pose=pose(pair.condition.source_pose),
            target_pose=pose(pair.condition.target_pose),
            source_parsing=stripes,
        )
        return PersonPair(
            condition=condition,
            target_image=enlarged(pair.target_image),
            target_parsing=stripes,
            target_alpha=(stripes[:, None] > 0).float(),
        )


@pytest.fixture(autouse=True)
def families_as_they_were() -> Iterator[None]:
    """Variants enter the table of families; other tests must not meet them."""
    before = dict(FAMILIES)
    yield
    FAMILIES.clear()
    FAMILIES.update(before)


def on_noise(recipe: Recipe) -> Recipe:
    noise = ParsedNoise(2)
    textured = lambda data: replace(data, pairs=noise) if isinstance(data, TexturedPairs) else noise  # noqa: E731
    stages = tuple(replace(stage, data=textured(stage.data), pairs=4) for stage in recipe.stages)
    return replace(recipe, stages=stages, validation_batches=1)


@pytest.mark.slow
@pytest.mark.parametrize(("claim", "variant"), EACH)
def test_each_variant_learns_in_all_its_stages_and_draws(claim: Claim, variant: Variant, tmp_path: Path) -> None:
    recipe = on_noise(recipe_of(claim, variant, pairs=64, seed=1))
    generator = train(recipe, tmp_path, tmp_path)
    with torch.no_grad():
        drawn = generator.eval()(ParsedNoise(2).batch(0).condition)
    assert drawn.image.shape == (2, 3, *SIZE)
    assert bool(drawn.image.isfinite().all())


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS)
def test_variants_of_a_claim_differ_from_the_first_and_share_its_pairs(claim: Claim) -> None:
    base, *others = (recipe_of(claim, variant, pairs=64, seed=1) for variant in claim.variants)
    for other in others:
        assert (other.family, other.config, other.stages) != (base.family, base.config, base.stages)
        assert [(stage.data, stage.pairs) for stage in other.stages] == [(s.data, s.pairs) for s in base.stages]
        assert other.seed == base.seed == 1
        assert issubclass(FAMILIES[other.family].generator, FAMILIES[claim.family].generator)
