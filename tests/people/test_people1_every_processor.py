"""A seed gives the same bytes on every processor, and with or without numba."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from posable.body import rasterize
from posable.imaging.size import Size
from posable.people import make_person, render_views
from posable.people.scene.snapshot import snapshot

SEEDS = (3, 1001, 2005)
SIZE = Size(128, 64)
NAMES = ("screen_vertices", "depth", "parsing", "garments", "alpha", "image", "background", "keypoints")

ELSEWHERE = """
import importlib.util, sys
sys.path.insert(0, {folder!r})
spec = importlib.util.spec_from_file_location("same", {file!r})
same = importlib.util.module_from_spec(spec)
spec.loader.exec_module(same)
print("\\n".join(same.digests()))
"""


def digests() -> list[str]:
    """One line per array of each view."""
    lines: list[str] = []
    for seed in SEEDS:
        person = make_person(seed)
        for style in ("fashion", "market"):
            views = render_views(person, 2, SIZE, style)
            for view in [snapshot(view) for view in views] if style == "market" else views:
                for name in (
                    "screen_vertices",
                    "depth",
                    "parsing",
                    "garments",
                    "alpha",
                    "image",
                    "background",
                    "keypoints",
                ):
                    digest = hashlib.sha256(np.ascontiguousarray(getattr(view, name)).tobytes()).hexdigest()
                    lines.append(f"{seed} {style} {view.index} {name} {digest}")
    return lines


@pytest.fixture(scope="module")
def here() -> list[str]:
    return digests()


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the settings are those of x86 processors")
def test_an_older_processor_gives_the_same_bytes(here):
    # OpenBLAS's kernels of 2004, and NumPy without AVX: the vectors and orders of addition all change.
    old = {
        "OPENBLAS_CORETYPE": "Prescott",
        "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
        "NUMBA_CPU_NAME": "generic",
    }
    code = ELSEWHERE.format(folder=str(Path(__file__).parent), file=__file__)
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], env=os.environ | old, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split("\n")[: len(here)] == here


def test_without_numba_the_bytes_are_the_same(here, monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.setattr(rasterize, "find_spec", lambda name: None)
    assert digests() == here
