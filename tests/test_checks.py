"""Continuous integration runs all that a change must pass, by the command that README names."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def text(name: str) -> str:
    path = ROOT / name
    if not path.is_file():
        pytest.skip(f"{name} is not part of an sdist")
    return path.read_text(encoding="utf-8")


def test_ci_goes_through_the_readme_s_test_command_with_checks() -> None:
    assert re.search(r"^    scripts/test\b", text("README.md"), re.MULTILINE)
    assert "exec scripts/test --checks" in text(".ci/run")
    assert '/test" --checks' in text("scripts/check")


@pytest.mark.parametrize("step", ["ruff format --check .", "ruff check .", "pyright", "exec python -m pytest"])
def test_the_checks_are_format_lint_types_and_tests(step: str) -> None:
    lines = [line.strip() for line in text("scripts/test").splitlines()]
    assert any(line.startswith(step) for line in lines)
