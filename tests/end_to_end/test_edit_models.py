"""`posable models` says what is true of the families and the models at hand."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from posable.cli.app import app
from posable.models import FAMILIES
from posable.zoo.catalogue import families


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def listed() -> dict[str, Any]:
    result = run("models", "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_every_family_is_listed(listed: dict[str, Any]) -> None:
    assert [family["family"] for family in listed["families"]] == sorted(FAMILIES)


PARAMETERS = {
    "catn": 15_647_494,
    "dptn": 9_794_371,
    "gfla": 14_047_395,
    "nted": 42_353_519,
    "pise": 64_007_550,
    "rsagan": 20_522_921,
    "tfjr": 41_992_175,
    "weave": 2_962_384,
}
"""As counted once with real weights in memory."""


def test_the_stated_parameters_are_those_of_the_default_network(listed: dict[str, Any]) -> None:
    stated = {family["family"]: family["parameters"] for family in listed["families"]}
    assert {name: stated[name] for name in PARAMETERS} == PARAMETERS


def test_a_family_that_has_only_its_line_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    weave = FAMILIES["weave"]
    monkeypatch.setitem(FAMILIES, "newcomer", dataclasses.replace(weave, name="newcomer", recipes=None))
    summary = next(family for family in families() if family.family == "newcomer")
    assert summary.parameters == weave.parameters
    assert summary.licence == "no weights are published"
    result = run("models")
    assert result.exit_code == 0, result.output
    assert "newcomer" in result.stdout


def test_needs_and_sizes_are_the_generators_own(listed: dict[str, Any]) -> None:
    for family in listed["families"]:
        entry = FAMILIES[family["family"]]
        assert ("parsing" in family["needs"]) == entry.generator.needs_parsing
        config = entry.config()
        assert family["sizes"][0] == f"{config.height}x{config.width}"


def test_weights_for_non_commercial_use_are_said_to_be(listed: dict[str, Any]) -> None:
    licences = {family["family"]: family["licence"] for family in listed["families"]}
    for name in ("dptn", "nted", "gfla", "pise"):
        assert licences[name].startswith("non-commercial use only")
    assert licences["weave"] == "Apache-2.0"


def test_the_shipped_model_is_at_hand(listed: dict[str, Any]) -> None:
    weave = next(model for model in listed["models"] if model["name"] == "weave")
    assert weave["family"] == "weave"
    stated = next(family for family in listed["families"] if family["family"] == "weave")
    assert weave["parameters"] == stated["parameters"]


def test_model_folders_of_a_folder_are_listed_too(tiny_model: Path) -> None:
    result = run("models", tiny_model.parent, "--json")
    assert str(tiny_model) in [model["name"] for model in json.loads(result.stdout)["models"]]


def test_the_table_fits_eighty_columns_and_names_every_family() -> None:
    lines = run("models").stdout.splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 80
    text = "\n".join(lines)
    assert all(name in text for name in FAMILIES)


@pytest.mark.parametrize("what", ["missing", "empty"])
def test_a_folder_without_models_is_one_sentence_and_exit_code_2(what: str, tmp_path: Path) -> None:
    folder = tmp_path / what
    if what == "empty":
        folder.mkdir()
    result = run("models", folder)
    assert result.exit_code == 2
    assert str(folder) in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
