"""What the documents show is true: Python blocks run, commands parse, links and named files are there."""

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from posable.cli.app import app
from posable.models import FAMILIES
from posable.pose.library import shipped_poses
from posable.zoo.checkpoint import shipped_models

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md")])


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def python_blocks() -> list[Any]:
    found: list[Any] = []
    for path in (ROOT / "README.md", ROOT / "docs" / "quickstart.md"):
        blocks = re.findall(r"^```python\n(.*?)^```", path.read_text(encoding="utf-8"), re.M | re.S)
        found += [pytest.param(block, id=f"{name_of(path)}-{index}") for index, block in enumerate(blocks, start=1)]
    return found


@pytest.mark.parametrize("block", python_blocks())
def test_python_blocks_run(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "weave" in shipped_models()
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "block", "exec"), {"__name__": "block"})


def command_lines() -> Iterator[tuple[str, str]]:
    """Every line of a code block that begins with `posable `, in whatever kind of block."""
    for path in DOCUMENTS:
        in_fence = False
        for line in path.read_text(encoding="utf-8").splitlines():
            in_fence ^= line.startswith("```")
            code = line.strip() if in_fence or line.startswith("    ") else ""
            if code.removeprefix("$ ").startswith("posable "):
                yield name_of(path), code.removeprefix("$ ")


@pytest.mark.parametrize(("where", "line"), sorted(set(command_lines())))
def test_commands_are_understood(where: str, line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    command: Any = typer.main.get_command(app)
    context = command.make_context("posable", words[:0], resilient_parsing=True)
    while hasattr(command, "get_command"):
        name = words.pop(0)
        command = command.get_command(context, name)
        assert command is not None, f"{where}: there is no command '{name}'"
    # Parses without running; an unknown option, or one without its value, raises.
    parsed = command.make_context(command.name, words, parent=context).params
    given = parsed.get("pose") or ()
    for pose in [given] if isinstance(given, str) else given:
        assert Path(pose).suffix or pose == "POSE" or pose in shipped_poses(), f"{where}: there is no pose '{pose}'"


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_links_and_named_files_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if "://" not in link:
            assert (path.parent / link).exists(), f"{name_of(path)} links to {link}"
    for script in re.findall(r"(?:^|[\s`])((?:scripts|benchmarks)/[a-z_]+(?:\.py|\.sh)?)\b", text):
        assert (ROOT / script).exists(), f"{name_of(path)} names {script}"


def test_the_changelog_names_this_version() -> None:
    from posable import __version__

    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_readme_s_table_of_families_is_that_of_the_records() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[`(\w+)`\]\((\S+)\) \| (.+?) \| (.+?) \|$", text, re.MULTILINE)
    told = {name: (document, system, weights) for name, document, system, weights in rows}
    assert told == {name: (one.document, one.system, one.weights) for name, one in FAMILIES.items()}
    for one in FAMILIES.values():
        assert (ROOT / one.document).is_file(), one.document
