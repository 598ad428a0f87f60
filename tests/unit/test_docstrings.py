"""What docstrings show runs, and gives what they say it gives."""

import doctest
import importlib
import importlib.util
import pkgutil
import shutil
from pathlib import Path

import pytest

import posable

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(posable.__path__, "posable.")
    if not module.name.endswith(("__main__", "_compiled"))
)


def with_examples() -> list[str]:
    texts = {
        name: Path(spec.origin).read_text(encoding="utf-8")
        for name in ["posable", *MODULES]
        if (spec := importlib.util.find_spec(name)) is not None and spec.origin
    }
    return [name for name, text in texts.items() if ">>> " in text]


@pytest.mark.parametrize("name", with_examples())
def test_examples_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, examples: Path) -> None:
    shutil.copy(examples / "person.png", tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    found = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert found.attempted > 0
    assert found.failed == 0


def test_the_package_has_an_example() -> None:
    assert "posable" in with_examples()
