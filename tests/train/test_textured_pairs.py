"""Materials that travel with pairs."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from posable.batch import PersonPair, PoseCondition
from posable.errors import ConfigError
from posable.imaging.size import Size
from posable.models.tfjr import TfjrConfig
from posable.pose.pose import PoseBatch
from posable.recipes import RECIPES
from posable.recipes.tfjr import tfjr_published
from posable.train.corpus_batches import CorpusPairs, on_corpus
from posable.train.textured_pairs import TexturedPairs


@dataclass(frozen=True)
class GreyPairs:
    pairs_per_batch: int = 2

    def prepare(self, cache: Path, workers: int, tell: object) -> None: ...

    def open(self, cache: Path, seed: int) -> "GreyPairs":
        return self

    def validation(self) -> "GreyPairs":
        return self

    def batch(self, position: int) -> PersonPair:
        pose = PoseBatch(torch.zeros(2, 18, 2), torch.ones(2, 18).bool(), Size(64, 48))
        grey = torch.zeros(2, 3, 64, 48)
        return PersonPair(
            condition=PoseCondition(source_image=grey, source_pose=pose, target_pose=pose), target_image=grey
        )


def test_drawn_materials_are_a_function_of_seed_and_position() -> None:
    data = TexturedPairs(pairs=GreyPairs(), side=48)
    cut = lambda seed, position: data.open(Path(), seed).batch(position).condition.texture  # noqa: E731
    first = cut(0, 3)
    assert first.shape == (2, 3, 48, 48)
    assert first.abs().max() <= 1
    assert torch.equal(first, cut(0, 3))
    assert not torch.equal(first, cut(0, 4))
    assert not torch.equal(first, cut(1, 3))
    assert not torch.equal(first[0], first[1])


def test_materials_of_dtd_are_cut_out_of_its_training_pictures(tmp_path: Path) -> None:
    for name, color in (("dotted/a.jpg", (255, 0, 0)), ("woven/b.jpg", (0, 0, 255))):
        path = tmp_path / "dtd" / "images" / name
        path.parent.mkdir(parents=True)
        Image.new("RGB", (150, 90), color).save(path)
    (tmp_path / "dtd" / "labels").mkdir()
    (tmp_path / "dtd" / "labels" / "train1.txt").write_text("dotted/a.jpg\n")
    texture = TexturedPairs(pairs=GreyPairs(), dtd=str(tmp_path), side=64).open(tmp_path, 0).batch(0).condition.texture
    expected = torch.tensor([1.0, -1.0, -1.0]).view(1, 3, 1, 1).expand(2, 3, 64, 64)
    torch.testing.assert_close(texture, expected, atol=0.05, rtol=0)


def test_a_textured_recipe_keeps_its_materials_on_a_corpus() -> None:
    recipe = on_corpus(replace(RECIPES["tfjr.tiny"](), config=TfjrConfig()), "corpus")
    parsing, texture, joint = (stage.data for stage in recipe.stages)
    assert parsing == CorpusPairs(root="corpus", size=Size(256, 176), pairs_per_batch=4, parsing=True)
    assert texture == joint == TexturedPairs(pairs=parsing, side=64)
    assert on_corpus(tfjr_published("dtd"), "corpus").stages[1].data.dtd == "dtd"


def test_materials_too_small_for_the_encoder_are_refused() -> None:
    with pytest.raises(ConfigError, match="at least 32"):
        TexturedPairs(pairs=GreyPairs(), side=16)
