"""posable data inspect: exit codes, JSON, pages, and what it refuses."""

import json
from pathlib import Path

import pytest
from miniatures import drawn_people, write_patn
from typer.testing import CliRunner, Result

from posable.cli.app import app


def inspect(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["data", "inspect", *map(str, arguments)])


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    return write_patn(tmp_path / "fashion_data", drawn_people())


@pytest.fixture
def broken(sound: Path) -> Path:
    for place in range(3):
        sorted((sound / "test").glob("*.jpg"))[place].write_bytes(b"")
    return sound


def test_a_sound_corpus_ends_with_0_and_says_so(sound: Path) -> None:
    result = inspect(sound)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "Nothing is wrong."


def test_a_broken_corpus_ends_with_1_and_names_the_first_few(broken: Path) -> None:
    names = sorted(path.name for path in (broken / "test").glob("*.jpg"))
    result = inspect(broken, "--examples", 2)
    assert result.exit_code == 1
    assert [name in result.stdout for name in names[:3]] == [True, True, False]
    assert "... and 1 more" in result.stdout
    assert result.stdout.splitlines()[-1] == "3 problems of 1 kind."


def test_json_is_one_object_with_counts_names_and_advice(broken: Path) -> None:
    result = inspect(broken, "--json", "--examples", 1)
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert (told["corpus"], told["healthy"]) == ("deepfashion-patn", False)
    assert told["splits"]["test"]["images"] == 6
    (finding,) = told["findings"]
    assert (finding["kind"], finding["count"], len(finding["first"])) == ("unreadable-image", 3, 1)
    assert finding["first"][0]["detail"].endswith(".")


def test_what_is_accepted_does_not_count(broken: Path) -> None:
    result = inspect(broken, "--accept", "unreadable-image")
    assert result.exit_code == 0
    assert "note" in result.stdout


def test_a_page_is_written_beside_the_text(broken: Path, tmp_path: Path) -> None:
    result = inspect(broken, "--html", tmp_path / "report.html")
    assert result.exit_code == 1
    assert f"written: {tmp_path / 'report.html'}" in result.stdout.splitlines()
    assert "Unreadable pictures" in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "'nowhere' does not exist"),
        (["fashion_data/train.lst"], "is a file"),
        (["empty"], "'empty' is no corpus that is known"),
        (["fashion_data", "--corpus", "deepfashion"], "there is no corpus layout 'deepfashion'"),
        (["fashion_data", "--parsing", "LIP-21"], "there is no parsing scheme 'LIP-21'"),
        (["fashion_data", "--accept", "everything"], "there is no kind of problem 'everything'"),
        (["fashion_data", "--html", "report.pdf"], "'report.pdf'; end the name in .html"),
        (["fashion_data", "--html", "no/report.html"], "the folder 'no' does not exist"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(
    arguments: list[str], said: str, sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(sound.parent)
    (sound.parent / "empty").mkdir()
    result = inspect(*arguments)
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("posable: ")
    assert said in line
    assert line.endswith(".")


def test_help_fits_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = inspect("--help").stdout.splitlines()
    assert len(lines) <= 30
    assert max(map(len, lines)) <= 80
