"""The two walks of docs/concepts.md, one photo and one training step: the files that a tracer sees them enter."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import torch
import toy_runs
from toy_runs import toy_recipe

import posable
from posable.imaging.image import read_image, size_of
from posable.models import FAMILIES
from posable.pose.files import read_pose
from posable.train.learner import Part
from posable.train.loop import train
from posable.train.stage_run import StageRun
from posable.transfer.pipeline import PoseTransfer

PACKAGE = Path(posable.__file__).parent
ROOT = PACKAGE.parent.parent
MOST_FILES = 10


def entered(work: Callable[[], object]) -> list[str]:
    """The package's files whose functions run, by first entry. A model counts as one, with all that it calls."""
    found: dict[str, None] = {}

    def look(frame: FrameType, event: str, _argument: Any) -> None:
        if event == "call" and frame.f_code.co_name != "<module>" and (place := _place(frame)) is not None:
            outer = frame.f_back
            while outer is not None and not (_place(outer) or "").startswith("models"):
                outer = outer.f_back
            if outer is None:
                found.setdefault("models/<family>" if place.startswith("models") else place)

    sys.setprofile(look)
    try:
        work()
    finally:
        sys.setprofile(None)
    return list(found)


def _place(frame: FrameType) -> str | None:
    path = frame.f_code.co_filename
    if path == toy_runs.__file__:  # stands for a family's objective
        return "models/toy"
    if not path.startswith(f"{PACKAGE}/"):
        return None
    return Path(path).relative_to(PACKAGE).with_suffix("").as_posix().removesuffix("/__init__")


def drawn_in_the_documents(title: str) -> list[str]:
    """The files of the walk under a title of docs/concepts.md, in order."""
    text = (ROOT / "docs" / "concepts.md").read_text(encoding="utf-8").split(f"**{title}.**", 1)[1]
    block = re.search(r"\n\n((?:    .+\n)+)", text)
    assert block is not None
    return [name.strip() for name in block[1].replace("\n", " ").split("->")]


def test_a_photo_crosses_few_files(examples: Path) -> None:
    family = FAMILIES["weave"]
    torch.manual_seed(0)
    pipe = PoseTransfer(family.generator(family.tiny))
    picture = read_image(examples / "person.png")
    pose = read_pose(examples / "person.json", size_of(picture))
    pipe(picture, "wave", source_pose=pose)
    walk = entered(lambda: pipe(picture, "wave", source_pose=pose))
    assert walk == drawn_in_the_documents("One photo")
    assert len([place for place in walk if not place.startswith("models")]) <= MOST_FILES


def test_a_training_step_crosses_few_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    walk: list[str] = []
    plain = StageRun._step

    def traced(run: StageRun, parts: list[Part]) -> None:
        walk[:] = entered(lambda: plain(run, parts))

    monkeypatch.setattr(StageRun, "_step", traced)
    train(toy_recipe(pairs=4), tmp_path / "run", cache=tmp_path, device=torch.device("cpu"))
    assert walk == drawn_in_the_documents("One training step")
    assert len([place for place in walk if not place.startswith("models")]) <= MOST_FILES
