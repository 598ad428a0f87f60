"""The benchmark scripts run from end to end, on a network that has learned nothing and few small pictures."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from posable.models.weave import WeaveConfig, WeaveGenerator
from posable.zoo.checkpoint import save_checkpoint

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    config = WeaveConfig(height=64, width=48, channels=8, fine_channels=8, match_channels=8)
    return save_checkpoint(tmp_path_factory.mktemp("model"), WeaveGenerator(config), {})


def run(script: str, *arguments: object, cache: Path) -> str:
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / script), *map(str, arguments)],
        env=os.environ | {"POSABLE_CACHE": str(cache)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_print_keeps_draws_its_picture_and_writes_its_record(model: Path, tmp_path: Path) -> None:
    picture, out = tmp_path / "picture.png", tmp_path / "print.json"
    printed = run("print_keeps.py", "--model", model, "--people", 8, "--picture", picture, "--out", out, cache=tmp_path)
    assert picture.is_file()
    assert "warp part by part" in printed
    assert json.loads(out.read_text())["seeds"]


def test_throughput_counts_pictures_by_size_engine_and_workers(tmp_path: Path) -> None:
    out = tmp_path / "throughput.json"
    options = ["--sizes", "market", "--engines", "numba", "--workers", 1, 2, "--seconds", 0.1]
    printed = run("throughput.py", *options, "--out", out, cache=tmp_path)
    assert "| market | numba | " in printed
    record = json.loads(out.read_text())
    assert [row["workers"] for row in record["rows"]] == [1, 2]
    assert all(row["images_per_second"] > 0 for row in record["rows"])
