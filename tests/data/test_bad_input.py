"""Whatever downloads, spreadsheets and full disks do to a corpus: one sentence, a non-zero exit, nothing finished lost.

On the command line, as a user meets it.
"""

import errno
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from miniatures import drawn_people, people, write_lmdb, write_patn
from typer.testing import CliRunner, Result

from posable.cli.app import app
from posable.imaging.size import Size

WEB_PAGE = "<!DOCTYPE html><html><title>Quota exceeded</title><body>Sorry, you can't view this file.</body></html>"
IMAGES = 12


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def sentence(result: Result) -> str:
    """The one line on standard error of a run that was refused; anything else fails."""
    assert result.exit_code == 2, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("posable: ")
    assert lines[0].endswith(".")
    return lines[0]


def found(result: Result) -> dict[str, int]:
    """What an inspection calls wrong, with counts."""
    findings = json.loads(result.stdout)["findings"]
    return {finding["kind"]: finding["count"] for finding in findings if not finding["is_note"]}


def prepare(raw: Path, out: Path, corpus: str = "deepfashion-patn") -> Result:
    return run("data", "prepare", corpus, raw, out, "--workers", 1)


@pytest.fixture
def patn(tmp_path: Path) -> Path:
    # Pictures of 256x256, so that preparing them means to cut and write them anew, as PNG.
    return write_patn(tmp_path / "fashion_data", people(), uncropped=True)


def first_picture(root: Path) -> Path:
    return min((root / "train").glob("*.jpg"))


def finished(out: Path) -> dict[str, int]:
    """The prepared pictures and when each was written; none is half a file."""
    pictures = [path for path in (out / "images").rglob("*") if path.is_file()]
    assert not [path for path in pictures if path.name.startswith(".")], pictures
    return {str(path.relative_to(out / "images")): path.stat().st_mtime_ns for path in pictures}


# ---- tables


@pytest.mark.parametrize("table", ["fasion-resize-pairs-train.csv", "fasion-resize-annotation-train.csv"])
def test_windows_line_ends_and_a_byte_order_mark_change_nothing(table: str, patn: Path, tmp_path: Path) -> None:
    path = patn / table
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    result = run("data", "inspect", patn, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["splits"]["train"]["pairs"] == 12
    assert prepare(patn, tmp_path / "prepared").exit_code == 0
    assert len(finished(tmp_path / "prepared")) == IMAGES


@pytest.mark.parametrize(
    ("table", "column"),
    [("fasion-resize-pairs-train.csv", "to"), ("fasion-resize-annotation-test.csv", "keypoints_x")],
)
def test_a_missing_column_is_named_and_nothing_is_written(table: str, column: str, patn: Path, tmp_path: Path) -> None:
    path = patn / table
    path.write_text(path.read_text().replace(column, "other", 1))
    for result in (prepare(patn, tmp_path / "prepared"), run("data", "inspect", patn)):
        told = sentence(result)
        assert table in told
        assert f"'{column}'" in told
    assert not (tmp_path / "prepared").exists()


def test_a_quoted_comma_is_part_of_a_name(patn: Path, tmp_path: Path) -> None:
    first = first_picture(patn)
    strange = "fashion, WOMEN.jpg"
    first.rename(first.with_name(strange))
    for table in patn.glob("*.csv"):
        quoted = f'"{strange}"' if "pairs" in table.name else strange
        table.write_text(table.read_text().replace(first.name, quoted))
    listed = patn / "train.lst"
    listed.write_text(listed.read_text().replace(first.name, strange))
    result = run("data", "inspect", patn, "--json")
    # Another name is another person as far as names tell; no file is missing and no pair is lost.
    assert set(found(result)) == {"pair-of-two-people"}
    assert prepare(patn, tmp_path / "prepared").exit_code == 0
    assert "fashion, WOMEN.png" in finished(tmp_path / "prepared")
    assert (tmp_path / "prepared" / "pairs-train.csv").read_text().count(f'"{strange}"') == 4


def test_a_web_page_in_place_of_a_table_is_named(patn: Path, tmp_path: Path) -> None:
    (patn / "fasion-resize-pairs-test.csv").write_text(WEB_PAGE)
    for result in (prepare(patn, tmp_path / "prepared"), run("data", "inspect", patn)):
        told = sentence(result)
        assert "fasion-resize-pairs-test.csv" in told
        assert "web page" in told


# ---- pictures


def test_a_web_page_in_place_of_a_picture_costs_that_picture_alone(patn: Path, tmp_path: Path) -> None:
    out, broken = tmp_path / "prepared", first_picture(patn)
    good = broken.read_bytes()
    broken.write_text(WEB_PAGE)
    inspected = run("data", "inspect", patn, "--json")
    assert inspected.exit_code == 1
    assert found(inspected) == {"failed-download": 1}

    first = prepare(patn, out)
    assert first.exit_code == 1, first.output
    assert broken.name in first.output
    assert "web page" in first.output
    before = finished(out)
    assert len(before) == IMAGES - 1
    # What was left out is still known to those who inspect the result.
    inspected = json.loads(run("data", "inspect", out, "--json").stdout)
    assert inspected["healthy"]
    left_out = next(finding for finding in inspected["findings"] if finding["kind"] == "left-out")
    assert (left_out["count"], left_out["first"][0]["name"]) == (1, broken.name)

    broken.write_bytes(good)
    assert prepare(patn, out).exit_code == 0
    after = finished(out)
    assert len(after) == IMAGES
    assert {name: after[name] for name in before} == before
    assert run("data", "inspect", out).exit_code == 0


@pytest.mark.parametrize("kept", [0.0, 0.4, 0.9])
def test_an_lmdb_that_is_cut_short_is_named(kept: float, tmp_path: Path) -> None:
    pytest.importorskip("lmdb")
    raw = write_lmdb(tmp_path / "deepfashion", drawn_people(), [Size(256, 176)])
    data = raw / "256-176" / "data.mdb"
    whole = data.read_bytes()
    data.write_bytes(whole[: int(len(whole) * kept)])
    for result in (prepare(raw, tmp_path / "out", "deepfashion-lmdb"), run("data", "inspect", raw)):
        told = sentence(result)
        assert str(data) in told
        assert "cut short" in told
    data.write_bytes(whole)
    assert prepare(raw, tmp_path / "out", "deepfashion-lmdb").exit_code == 0
    assert len(finished(tmp_path / "out")) == IMAGES


# ---- a disk that fills up


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, which holds some of the prepared pictures and not all."""
    place = tmp_path / "small"
    place.mkdir()
    if os.name != "posix" or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small file system needs root")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_keeps_what_is_finished_and_the_next_run_goes_on(patn: Path, small_disk: Path) -> None:
    out = small_disk / "prepared"
    told = sentence(prepare(patn, out))
    assert "full" in told
    assert "run the same command again" in told
    before = finished(out)
    assert 0 < len(before) < IMAGES
    assert f"{len(before)} of {IMAGES}" in told
    # Not finished is no corpus, and is said to be so.
    assert "not finished" in sentence(run("data", "inspect", out))

    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    assert prepare(patn, out).exit_code == 0
    after = finished(out)
    assert len(after) == IMAGES
    assert {name: after[name] for name in before} == before
    assert run("data", "inspect", out).exit_code == 0


def test_a_disk_that_is_full_from_the_start_is_named(patn: Path, small_disk: Path) -> None:
    with pytest.raises(OSError, match="No space"):
        (small_disk / "ballast").write_bytes(bytes(400_000))
    assert "is full" in sentence(prepare(patn, small_disk / "prepared"))
    assert "No space left" in sentence(run("data", "inspect", patn, "--html", small_disk / "report.html"))
    assert not (small_disk / "report.html").exists()


@pytest.mark.parametrize("quota", [100_000, 350_000])
def test_a_quota_that_ends_keeps_what_is_finished_and_the_next_run_goes_on(
    quota: int, patn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, whole_write, left = tmp_path / "prepared", Path.write_bytes, quota

    def write_bytes(path: Path, data: bytes) -> int:
        nonlocal left
        if len(data) > left:
            whole_write(path, data[:left])
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
        left -= len(data)
        return whole_write(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", write_bytes)
        told = sentence(prepare(patn, out))
    before = finished(out)
    assert 0 < len(before) < IMAGES
    assert f"{len(before)} of {IMAGES}" in told

    assert prepare(patn, out).exit_code == 0
    after = finished(out)
    assert len(after) == IMAGES
    assert {name: after[name] for name in before} == before


def test_an_export_that_fills_the_disk_goes_on_when_there_is_room(patn: Path, small_disk: Path, tmp_path: Path) -> None:
    assert prepare(patn, tmp_path / "prepared").exit_code == 0
    (small_disk / "ballast").write_bytes(bytes(200_000))
    export = ("data", "export", tmp_path / "prepared", small_disk / "exported", "--layout", "patn")
    told = sentence(run(*export))
    assert "is full" in told
    assert "run the same command again" in told
    written = list((small_disk / "exported").rglob("*.*"))
    assert 0 < sum(path.suffix == ".jpg" for path in written) < IMAGES
    assert not [path for path in written if path.name.startswith(".")]

    (small_disk / "ballast").unlink()
    assert run(*export).exit_code == 0
    assert run("data", "inspect", small_disk / "exported").exit_code == 0
