"""The project speaks the field's standard English: no word of a private dialect in code, texts, documents or --help."""

import io
import re
import tokenize
from pathlib import Path

import click
import pytest
from typer.main import get_command

import posable
from posable.cli.app import app

PACKAGE = Path(posable.__file__).parent
ROOT = PACKAGE.parent.parent

# What is not to be read anywhere, and what it is called in docs/concepts.md ("Words").
TEXTS = {
    r"milliards?": "GFLOPs",
    r"in millions of numbers": "parameters",
    r"by heart": "overfit",
    r"looks? through": "feature network",
    r"another cloth": "pattern",
    r"look at the answer": "ground truth",
    r"naive (answers?|pictures?)|NAIVE_ANSWERS": "baseline",
    r"contestants?": "evaluated model",
    r"(are|is) no numbers?( any ?more)?\b|drew no numbers": "NaN",
    r"look, then think|, then think": "cross-attention",
    r"wall_likeness": "visibility",
    r"refusals? (type|class)": "HTTP error",
    r"model shelf": "model registry",
}
# Names that code must not use.
NAMES = {
    r"forget": "zero_grad",
    r"players?": "discriminator parameters",
    r"pace": "lr_scale",
    r"sure": "mask",
    r"theirs": "reference",
    r"taken": "region",
    r"laid": "mask",
    r"\w*[Cc]ontestants?": "evaluated model",
    r"\w*[Nn]aive\w*|NAIVE\w*": "baseline",
    r"[Cc]ircumstances": "environment",
    r"[Rr]efusals?|refusal_of": "HTTP error",
    r"\w*[Ss]hel(f|ves)": "model registry",
    r"WALL_(LIKENESS|DOUBT)": "visibility",
    r"wording": "formatting",
    r"answers|\w+Answer": "schema",
}


def text_files() -> list[Path]:
    inside = [file for suffix in ("py", "js", "html", "css") for file in sorted(PACKAGE.rglob(f"*.{suffix}"))]
    documents = [*sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "examples").glob("*.ipynb"))]
    return [*inside, *documents, ROOT / "README.md"]


def places(pattern: str, text: str, name: str) -> list[str]:
    found = re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE)
    lines = enumerate(text.splitlines(), 1)
    return [f"{name}:{number}: {line.strip()}" for number, line in lines if found.search(line)]


@pytest.mark.parametrize("banned", TEXTS)
def test_no_text_speaks_a_dialect(banned: str) -> None:
    found = [
        place
        for file in text_files()
        for place in places(banned, file.read_text(encoding="utf-8"), str(file.relative_to(ROOT)))
    ]
    assert not found, f"say {TEXTS[banned]!r}:\n" + "\n".join(found)


@pytest.mark.parametrize("banned", TEXTS)
def test_no_help_speaks_a_dialect(banned: str) -> None:
    found = [place for name, text in HELP.items() for place in places(banned, text, f"{name} --help")]
    assert not found, f"say {TEXTS[banned]!r}:\n" + "\n".join(found)


def help_texts(command: click.Command, name: str) -> dict[str, str]:
    texts = {name: command.get_help(click.Context(command, info_name=name))}
    for inner, one in getattr(command, "commands", {}).items():
        texts |= help_texts(one, f"{name} {inner}")
    return texts


HELP = help_texts(get_command(app), "posable")


def test_code_uses_standard_names() -> None:
    found: list[str] = []
    for file in sorted(PACKAGE.rglob("*.py")):
        place = file.relative_to(PACKAGE).as_posix()
        for token in tokenize.generate_tokens(io.StringIO(file.read_text(encoding="utf-8")).readline):
            if token.type == tokenize.NAME:
                right = next((to for banned, to in NAMES.items() if re.fullmatch(banned, token.string)), None)
                if right is not None:
                    found.append(f"{place}:{token.start[0]}: {token.string}, which is a {right}")
    assert not found, "\n".join(found)


def test_every_module_has_a_standard_name() -> None:
    names = {file.stem for file in PACKAGE.rglob("*.py")}
    assert not [name for name in names for banned in NAMES if re.fullmatch(banned, name)]


@pytest.mark.parametrize("right", sorted({*TEXTS.values(), *NAMES.values()}))
def test_the_right_words_stand_in_the_table(right: str) -> None:
    concepts = (ROOT / "docs" / "concepts.md").read_text(encoding="utf-8")
    table = concepts.split("## Words", 1)[1].split("\n## ", 1)[0]
    words = [
        word.strip().strip("`") for row in re.findall(r"^\| (.+?) \|", table, re.MULTILINE) for word in row.split(",")
    ]
    assert right in words
