"""A file appears whole or not at all, and a size is written one way."""

from pathlib import Path

import pytest

from posable.errors import InputError, SizeError
from posable.files import cache_folder, write_atomically
from posable.imaging.size import Size


def test_a_file_appears_only_once_it_is_written(tmp_path: Path):
    target = tmp_path / "result.png"
    with write_atomically(target) as temporary:
        temporary.write_text("new")
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".png"
        assert not target.exists()
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path):
    target = tmp_path / "result.txt"
    target.write_text("old")

    def fail() -> None:
        with write_atomically(target) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_cannot_be_written(tmp_path: Path):
    with pytest.raises(InputError, match="is a folder"), write_atomically(tmp_path):
        pass


def test_a_missing_folder_is_named_before_any_work(tmp_path: Path):
    with pytest.raises(InputError, match=r"'.*nowhere' does not exist"), write_atomically(tmp_path / "nowhere" / "a"):
        pytest.fail("the body must not run")


def test_the_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("POSABLE_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"
    assert not (tmp_path / "mine").exists()
    monkeypatch.delenv("POSABLE_CACHE")
    assert "posable" in cache_folder().parts


@pytest.mark.parametrize("text", ["256x176", " 256X176 ", "256 x 176"])
def test_sizes_are_read(text: str):
    assert Size.parse(text) == Size(height=256, width=176)
    assert str(Size.parse(text)) == "256x176"


@pytest.mark.parametrize("text", ["", "256", "256x", "0x176", "-1x5", "256x176x3", "1e3x1e3", "256,176", "99999999x1"])
def test_other_texts_are_no_size(text: str):
    with pytest.raises(SizeError, match="for example 256x176"):
        Size.parse(text)
