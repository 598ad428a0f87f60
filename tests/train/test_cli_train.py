"""`posable train`: recipes by name or from a file, the table of them, and batches of another size."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from posable.cli.app import app
from posable.cli.train import _recipe
from posable.errors import ConfigError, InputError
from posable.recipes import RECIPES
from posable.train.recipe import in_batches_of

DOCUMENT = Path(__file__).parents[2] / "docs" / "train.md"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["train", *arguments], env={"COLUMNS": "100"})


def test_the_list_says_of_each_recipe_what_it_is_and_what_it_needs() -> None:
    lines = run("list").stdout.splitlines()
    assert lines[0].split() == ["recipe", "what", "it", "is", "pairs", "size", "needs"]
    (published,) = [line for line in lines if line.startswith("dptn.published")]
    assert "20.4 M" in published
    assert published.rstrip().endswith("a corpus: --data")
    rows = {row["recipe"]: row for row in json.loads(run("list", "--json").stdout)["recipes"]}
    assert rows.keys() == RECIPES.keys()
    assert rows["dptn.tiny"]["needs"] == "renders 4 people"
    assert all(row["what"] for row in rows.values())


def test_the_documents_recipe_is_read_from_its_file(tmp_path: Path) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", DOCUMENT.read_text(encoding="utf-8"), re.M | re.S)
    file = tmp_path / "my_recipes.py"
    file.write_text(code)
    recipe = _recipe(f"{file}:less_style")
    assert recipe.name == "dptn.less-style"
    assert recipe.stages[0].pairs == 2 * RECIPES["dptn.small"]().stages[0].pairs
    with pytest.raises(InputError, match="no function without arguments"):
        _recipe(f"{file}:replace")
    with pytest.raises(InputError, match="does not exist"):
        _recipe(f"{tmp_path / 'gone.py'}:less_style")


def test_batches_of_another_size_change_nothing_else() -> None:
    recipe = RECIPES["tfjr.tiny"]()
    smaller = in_batches_of(recipe, 2)
    assert {stage.data.pairs_per_batch for stage in smaller.stages} == {2}
    assert [stage.pairs for stage in smaller.stages] == [stage.pairs for stage in recipe.stages]


def test_a_batch_that_people_do_not_add_up_to_is_refused() -> None:
    weave = RECIPES["weave"]()
    assert in_batches_of(weave, 36).stages[0].data.people_per_step == 3
    with pytest.raises(ConfigError, match="a multiple of 12"):
        in_batches_of(weave, 8)
