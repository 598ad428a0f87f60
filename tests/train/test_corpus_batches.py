"""Training on a corpus: batches by position, and the recipes that take one."""

from pathlib import Path

import miniatures
import pytest
import torch

from posable.errors import ConfigError
from posable.imaging.size import Size
from posable.recipes import RECIPES
from posable.train.corpus_batches import CorpusPairs, on_corpus

SIZE = Size(64, 48)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return miniatures.write_patn(tmp_path_factory.mktemp("patn"), miniatures.drawn_people())


def test_a_batch_is_a_function_of_its_position(corpus: Path) -> None:
    data = CorpusPairs(root=str(corpus), size=SIZE, pairs_per_batch=2)
    first, again = data.open(corpus, 0), data.open(corpus, 0)
    pictures = [first.batch(position).target_image for position in range(3)]
    assert pictures[0].shape == (2, 3, 64, 48)
    assert torch.equal(pictures[2], again.batch(2).target_image)
    assert not torch.equal(pictures[0], pictures[1])


def test_validation_pairs_are_those_held_out(corpus: Path) -> None:
    data = CorpusPairs(root=str(corpus), size=SIZE, pairs_per_batch=1).validation()
    assert data.open(corpus, 0).pairs.split == "test"


def test_a_recipe_is_put_on_a_corpus_with_its_own_batches(corpus: Path) -> None:
    recipe = on_corpus(RECIPES["dptn.tiny"](), str(corpus))
    (stage,) = recipe.stages
    assert stage.data == CorpusPairs(root=str(corpus), size=SIZE, pairs_per_batch=4)


def test_weave_needs_the_renderer(corpus: Path) -> None:
    with pytest.raises(ConfigError, match="rendered people alone"):
        on_corpus(RECIPES["weave.tiny"](), str(corpus))


def test_too_few_pairs_are_named(corpus: Path) -> None:
    with pytest.raises(ConfigError, match="fewer than a batch of 5000"):
        CorpusPairs(root=str(corpus), size=SIZE, pairs_per_batch=5000).open(corpus, 0)
