"""The variants that benchmarks/claims.py compares can be trained, differ in what they say, and draw."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_runs import NoisePairs

from posable.batch import PersonPair
from posable.imaging.size import Size
from posable.models import FAMILIES
from posable.pose.pose import PoseBatch
from posable.train.loop import train
from posable.train.recipe import Recipe
from posable.train.textured_pairs import TexturedPairs

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from claim_variants import CLAIMS, Claim, Variant, recipe_of
from claims_report import LEFT, WIDTH, Found, picture, table, worsening

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


def found_with(claim: Claim, numbers: dict[str, list[float]]) -> Found:
    """Finished runs whose every measure is the same number, by variant and seed."""
    runs = {
        name: [{"seed": s, "pairs": 10, "parameters": 1, "measures": dict.fromkeys(claim.measures, n)} for s, n in made]
        for name, made in ((name, list(enumerate(values))) for name, values in numbers.items())
    }
    return Found(claim, runs, 3)


def test_a_smaller_distance_counts_as_better_and_a_smaller_iou_as_worse() -> None:
    claim = CLAIMS["tfjr"]
    whole, heatmaps, one_code = (variant.name for variant in claim.variants)
    found = found_with(claim, {whole: [1.0, 2.0, 3.0], heatmaps: [0.9, 1.9, 2.9], one_code: [0.9, 1.9, 3.1]})
    assert worsening(found, claim.variants[1]) == pytest.approx([5.0, 5.0, 5.0])
    assert worsening(found, claim.variants[2]) == pytest.approx([-5.0, -5.0, 5.0])
    line = next(line for line in table(found).splitlines() if line.startswith(f"| {one_code}"))
    distance, ssim, *_ = line.split("|")[2:]
    assert "(-1.7 %; worse in 1 of 3)" in distance
    assert "(-1.7 %; worse in 2 of 3)" in ssim


def test_the_picture_places_worse_variants_right_of_the_middle() -> None:
    claim = CLAIMS["gfla"]
    whole, plain = (variant.name for variant in claim.variants)
    for factor, side in ((1.2, 1), (0.8, -1)):
        sheet = np.asarray(picture([found_with(claim, {whole: [1.0, 1.1, 0.9], plain: [factor] * 3})]))
        dots = np.argwhere((sheet == np.array([0xB3, 0x26, 0x1E])).all(2))[:, 1]
        assert np.sign(dots.mean() - (LEFT + WIDTH / 2)) == side
