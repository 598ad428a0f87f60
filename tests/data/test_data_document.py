"""Every command that docs/data.md shows works, in the order of the page; its tables say what the code says."""

import re
import shlex
from pathlib import Path

import pytest
from miniatures import (
    people,
    write_dtd,
    write_gfla,
    write_highres,
    write_lmdb,
    write_market,
    write_patn,
    write_photo_folder,
    write_pise,
)
from typer.testing import CliRunner

from posable.cli.app import app
from posable.data.doctor.kinds import KINDS
from posable.imaging.size import Size
from posable.parsing.schemes import PARSING_LABELS
from posable.pose.library import shipped_pose

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "data.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")


def commands() -> list[str]:
    blocks = re.findall(r"^ *```bash\n(.*?)^ *```", TEXT, re.M | re.S)
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip()]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the folders that the page speaks of."""
    write_patn(tmp_path / "fashion_data", people())
    write_gfla(tmp_path / "gfla_data", people())
    write_pise(tmp_path / "pise_data", people())
    write_highres(tmp_path / "deepfashion", people())
    write_lmdb(tmp_path / "deepfashion_lmdb", people())
    write_market(tmp_path / "market_data", people())
    write_dtd(tmp_path)
    write_photo_folder(tmp_path / "photos", people())
    monkeypatch.chdir(tmp_path)
    # The detector's models are fetched when they are first used; here a pose is given for each photo instead.
    monkeypatch.setenv("POSABLE_CACHE", str(tmp_path / "cache"))
    pose = shipped_pose("stand-front").resize(Size(256, 176))
    points = [[float(x), float(y), int(seen)] for (x, y), seen in zip(pose.keypoints, pose.visible, strict=True)]
    monkeypatch.setattr("posable.data.photo_folder._CachedDetector._found", lambda _self, _picture: points)
    return tmp_path


def test_the_commands_work_one_after_the_other(place: Path) -> None:
    pytest.importorskip("lmdb")
    assert len(commands()) > 10
    for line in commands():
        words = shlex.split(line)
        assert words[0] == "posable", line
        result = CliRunner().invoke(app, words[1:])
        assert result.exit_code == 0, f"{line}\n{result.output}"
    (block,) = re.findall(r"^```python\n(.*?)^```", TEXT, re.M | re.S)
    exec(compile(block, "docs/data.md", "exec"), {"__name__": "block"})
    for page in ("report.html", "mine.html"):
        assert (place / page).read_text(encoding="utf-8").startswith("<!doctype html>")


def test_the_parsing_schemes_are_those_of_the_code() -> None:
    rows = dict(re.findall(r"^\| `([\w-]+)` \| ([^|]+) \|", TEXT, re.M))
    assert list(rows) == list(PARSING_LABELS)
    for name, classes in rows.items():
        if "background" in classes:
            assert tuple(classes.strip().split(", ")) == PARSING_LABELS[name].classes


def test_kinds_of_problems_that_the_page_names_exist() -> None:
    assert set(re.findall(r"--accept (\S+)", TEXT)) <= set(KINDS)


def test_anchors_within_the_page_exist() -> None:
    headings = {
        re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-") for title in re.findall(r"^#+ (.*)", TEXT, re.M)
    }
    anchors = set(re.findall(r"\]\(#([^)]+)\)", TEXT))
    assert anchors
    assert anchors <= headings
