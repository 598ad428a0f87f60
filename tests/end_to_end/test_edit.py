"""`posable garment`, `texture`, `parse` and `explain` write what their help says, and say what is wrong."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from posable.cli.app import app
from posable.imaging.image import read_image
from posable.parsing.schemes import LIP_20, palette


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def person(examples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example person at a quarter of the size, the pose beside it: small pictures are quick."""
    folder = tmp_path_factory.mktemp("person")
    read_image(examples / "person.png").resize((176, 256)).save(folder / "person.png")
    (folder / "person.json").write_bytes((examples / "person.json").read_bytes())
    return folder / "person.png"


def edit(command: str, person: Path, model: Path, *more: object) -> Result:
    pose = person.with_suffix(".json")
    return run(command, person, "--source-pose", pose, "--model", model, *more)


def test_a_garment_is_written_in_the_sources_size(person: Path, tmp_path: Path) -> None:
    out, pose = tmp_path / "out.png", person.with_suffix(".json")
    options = ["--from", person, "--reference-pose", pose, "--region", "lower", "-o", out, "--json"]
    result = edit("garment", person, Path("weave"), *options)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {"written": [str(out)], "region": "lower", "strength": 1.0}
    assert Image.open(out).size == Image.open(person).size


def test_a_texture_changes_the_shirt_and_nothing_above_it(person: Path, tiny_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    result = edit("texture", person, tiny_model, "--from", "dots", "--seed", 4, "-o", out)
    assert result.exit_code == 0, result.output
    changed = (np.asarray(Image.open(out)) != np.asarray(Image.open(person))).any(-1)
    assert changed[60:120].mean() > 0.1
    assert not changed[:50].any()


def test_a_mask_file_takes_the_place_of_a_region(person: Path, tiny_model: Path, tmp_path: Path) -> None:
    mask = np.zeros((256, 176), np.uint8)
    mask[10:20, 30:50] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    result = edit(
        "texture", person, tiny_model, "--from", "dots", "--mask", tmp_path / "mask.png", "-o", tmp_path / "out.png"
    )
    assert result.exit_code == 0, result.output
    changed = (np.asarray(Image.open(tmp_path / "out.png")) != np.asarray(Image.open(person))).any(-1)
    assert changed.any()
    assert not changed[mask == 0].any()


def test_parse_writes_an_indexed_picture_and_its_legend(person: Path, tiny_model: Path, tmp_path: Path) -> None:
    out, overlay = tmp_path / "parsing.png", tmp_path / "over.jpg"
    result = edit("parse", person, tiny_model, "-o", out, "--overlay", overlay)
    assert result.exit_code == 0, result.output
    with Image.open(out) as parsing:
        assert parsing.mode == "P"
        values = np.asarray(parsing)
        np.testing.assert_array_equal(np.asarray(parsing.convert("RGB")), palette(LIP_20)[values])
    legend = json.loads((tmp_path / "parsing.json").read_text())
    counted = {entry["value"]: entry["pixels"] for entry in legend["classes"]}
    assert counted[5] == int((values == 5).sum()) > 0
    assert Image.open(overlay).size == (176, 256)


def test_parse_follows_a_pose(person: Path, tiny_model: Path, tmp_path: Path) -> None:
    still, posed = tmp_path / "still.png", tmp_path / "posed.png"
    assert edit("parse", person, tiny_model, "-o", still).exit_code == 0
    assert edit("parse", person, tiny_model, "--pose", "arms-up", "-o", posed).exit_code == 0
    assert (np.asarray(Image.open(still)) != np.asarray(Image.open(posed))).any()


def test_explain_writes_a_sheet_or_a_folder_of_pictures(person: Path, tiny_model: Path, tmp_path: Path) -> None:
    sheet, folder = tmp_path / "sheet.png", tmp_path / "pictures"
    for out in (sheet, folder):
        result = edit("explain", person, tiny_model, "--pose", "wave", "-o", out)
        assert result.exit_code == 0, result.output
    assert Image.open(sheet).width > 3 * 176
    names = {path.stem for path in folder.iterdir()}
    assert {"sheet", "source", "result", "source_positions", "copied"} <= names


@pytest.mark.parametrize(
    ("command", "options", "sentence"),
    [
        ("garment", ["--from", "nobody.png", "-o", "OUT.png"], "'nobody.png' does not exist"),
        ("texture", ["--from", "paisley", "-o", "OUT.png"], "no pattern 'paisley'"),
        ("texture", ["--from", "dots", "--region", "trousers", "-o", "OUT.png"], "there is no region 'trousers'"),
        ("texture", ["--from", "dots", "--strength", "2", "-o", "OUT.png"], "strength is 2.0; give a number from 0"),
        ("texture", ["--from", "dots", "--scale", "0", "-o", "OUT.png"], "scale is 0.0; give a number from 0.05"),
        ("texture", ["--from", "dots", "--region", "hat", "-o", "OUT.png"], "shows no hat that could be found"),
        ("parse", ["-o", "OUT.jpg"], "end the name in .png"),
        ("explain", ["--pose", "handstand", "-o", "OUT.png"], "handstand"),
        ("explain", ["--pose", "wave", "-o", "OUT.tiff"], "give a folder's name"),
    ],
)
def test_a_mistake_is_one_sentence_and_nothing_is_written(
    command: str, options: list[str], sentence: str, person: Path, tiny_model: Path, tmp_path: Path
) -> None:
    there = [option.replace("OUT", str(tmp_path / "out")) for option in options]
    result = edit(command, person, tiny_model, *there)
    assert result.exit_code == 2, result.output
    assert sentence in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())
