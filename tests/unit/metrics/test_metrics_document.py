"""docs/metrics.md names every metric that protocols can name, and its example prints what it says."""

import re
from pathlib import Path

import pytest

from posable.evaluation.measures import METRICS
from posable.nn.pretrained.published_weights import PUBLISHED

TEXT = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text(encoding="utf-8")


def test_the_rows_are_the_metrics_that_protocols_can_name() -> None:
    table = TEXT[TEXT.index("## The table") : TEXT.index("## What has no value")]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert set(METRICS) == named


def test_every_published_file_has_a_row() -> None:
    for wanted in PUBLISHED.values():
        assert f"| `{wanted.name}` | {wanted.file} | {wanted.megabytes} |" in TEXT


def test_the_example_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.S)
    (said,) = re.findall(r"# (0\.\d+)\.\.\.", code)
    exec(compile(code, "docs/metrics.md", "exec"), {})
    assert capsys.readouterr().out.startswith(said)
