"""docs/adding-a-model.md: its family is taken off the page, gets its one line, and works with every command."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "adding-a-model.md"


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the page's family, and a module that adds its line and nothing else."""
    folder = tmp_path_factory.mktemp("newcomer")
    family, line = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    (folder / "newcomer_family.py").write_text(family, encoding="utf-8")
    assert line == 'FAMILIES["newcomer"] = "posable.models.newcomer"\n'
    line = line.replace("posable.models.newcomer", "newcomer_family")
    (folder / "newcomer_line.py").write_text(f"from posable.models import FAMILIES\n\n{line}", encoding="utf-8")
    return folder


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def posable(folder: Path, *arguments: object) -> str:
    code = "import newcomer_line; from posable.cli.app import main; main()"
    run = python(folder, "-c", code, *map(str, arguments))
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


@pytest.fixture(scope="module")
def model(newcomer: Path) -> Path:
    run = newcomer / "run"
    posable(newcomer, "train", "newcomer.tiny", "--out", run, "--device", "cpu", "--workers", 1)
    return run / "checkpoint"


def test_the_contract_tests_run_with_it(newcomer: Path) -> None:
    suites = [f"tests/families/{name}.py" for name in ("test_contract", "test_one_picture")]
    run = python(newcomer, "-m", "pytest", "-p", "newcomer_line", "-p", "no:cacheprovider", "-k", "newcomer", *suites)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr
    assert "[100%]" in run.stdout


def test_it_is_listed_with_its_recipe(newcomer: Path) -> None:
    listed = json.loads(posable(newcomer, "models", "--json"))
    (family,) = [one for one in listed["families"] if one["family"] == "newcomer"]
    assert family["parameters"] == (21 * 25 + 1) * 32 + ((32 + 18) * 25 + 1) * 32 + 33 * 3
    assert family["edits"] == ["explain"]
    recipes = json.loads(posable(newcomer, "train", "list", "--json"))
    assert "newcomer.tiny" in [recipe["recipe"] for recipe in recipes["recipes"]]


def test_it_is_trained_and_its_card_says_on_what(model: Path) -> None:
    card = json.loads((model / "model.json").read_text(encoding="utf-8"))
    assert card["family"] == "newcomer"
    assert card["licence"] == "Apache-2.0"
    assert card["data"][0]["kind"] == "rendered people"


def test_it_draws_explains_dresses_and_is_evaluated(newcomer: Path, model: Path, tmp_path: Path) -> None:
    source = ["examples/person.png", "--source-pose", "examples/person.json", "--model", model, "--device", "cpu"]
    posable(newcomer, "transfer", *source, "--pose", "wave", "-o", tmp_path / "wave.png")
    posable(newcomer, "explain", *source, "--pose", "wave", "-o", tmp_path / "explain.png")
    posable(newcomer, "texture", *source, "--from", "plaid", "-o", tmp_path / "plaid.png")
    assert {"wave.png", "explain.png", "plaid.png"} <= {path.name for path in tmp_path.iterdir()}
    out = tmp_path / "report.json"
    posable(newcomer, "evaluate", model, "--pairs", 2, "--out", out, "--workers", 1, "--device", "cpu")
    assert json.loads(out.read_text(encoding="utf-8"))["model"]["family"] == "newcomer"
