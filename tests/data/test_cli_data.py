"""posable data prepare, export, corpora: what they print, what they write, and how they end."""

import json
from pathlib import Path

import miniatures
import pytest
from typer.testing import CliRunner, Result

from posable.cli.app import app
from posable.data.deepfashion import DeepFashion
from posable.data.prepared import PreparedCorpus
from posable.imaging.size import Size

DRAWN = miniatures.drawn_people()


def run(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["data", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return miniatures.write_highres(tmp_path / "raw", DRAWN)


def test_a_corpus_goes_through_prepare_and_export(raw: Path, tmp_path: Path) -> None:
    out, patn = tmp_path / "out", tmp_path / "patn"
    told = run("prepare", "deepfashion-highres", raw, out, "--size", "512x352").stdout.splitlines()
    assert told == [
        f"written: {out}",
        "corpus: deepfashion-highres",
        "images: 12",
        "train pairs: 12",
        "test pairs: 12",
        "problems: 0",
    ]
    assert PreparedCorpus(out).size == Size(512, 352)
    assert run("export", out, patn, "--layout", "patn").stdout == f"written: {patn}\n"
    assert len(DeepFashion(patn)) == 12


def test_prepare_tells_programs_too(raw: Path, tmp_path: Path) -> None:
    told = json.loads(run("prepare", "auto", raw, tmp_path / "out", "--json").stdout)
    assert told["written"] == [str(tmp_path / "out")]
    assert (told["images"], told["train_pairs"], told["problems"]) == (12, 12, 0)


def test_what_was_left_out_is_told_and_ends_with_1(raw: Path, tmp_path: Path) -> None:
    (raw / DRAWN[0].views[0].path).write_bytes(b"<html>denied</html>")
    result = run("prepare", "auto", raw, tmp_path / "out", code=1)
    assert result.stderr.startswith("posable: 1 of 12 pictures are left out ('")
    assert "is a web page (HTML), not a picture" in result.stderr
    assert "train pairs: 8" in result.stdout.splitlines()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("prepare", "nted", "RAW", "OUT"), "there is no corpus layout 'nted'; choose auto or one of deepfashion-patn"),
        (
            ("prepare", "auto", "RAW/pose/WOMEN", "OUT"),
            "is no corpus that is known; known layouts are deepfashion-patn",
        ),
        (("prepare", "auto", "RAW", "OUT", "--size", "big"), "'big' is not a size"),
        (("prepare", "auto", "RAW", "OUT", "--parsing", "coco"), "there is no parsing scheme 'coco'"),
        (("prepare", "market-1501", "RAW", "OUT"), "has no tables of market-1501; it needs market-pairs-train.csv"),
        (("export", "RAW", "OUT", "--layout", "patn"), "holds no corpus.json"),
    ],
)
def test_a_mistake_is_one_sentence_and_writes_nothing(
    arguments: tuple[str, ...], said: str, raw: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = run(*[each.replace("RAW", str(raw)).replace("OUT", str(out)) for each in arguments], code=2)
    assert said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not out.exists()


def test_the_layouts_are_listed() -> None:
    listed = run("corpora").stdout.splitlines()
    assert {"deepfashion-patn", "deepfashion-lmdb", "market-1501", "people-1", "folder", "prepared"} <= set(listed)
