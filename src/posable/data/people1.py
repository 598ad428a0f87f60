"""people-1 on disk, as `posable people make OUT --benchmark people-1` writes it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from posable.batch import Correspondence, PersonPair
from posable.data.corpus_index import SPLITS, CorpusImage, CorpusIndex, Split
from posable.data.flat_layout import FlatLayout, read_flat_layout
from posable.data.pair_dataset import PairDataset
from posable.errors import ConfigError, ImageError, InputError
from posable.parsing.schemes import LIP_20
from posable.people.benchmark import BENCHMARKS, Variant
from posable.people.correspondence import HIDDEN, SEEN
from posable.people.io.dataset_files import FLOW_STEPS_PER_PX
from posable.pose.pose import Pose

__all__ = ["People1", "is_people1", "read_people1"]

_BROKEN = (OSError, ValueError, SyntaxError, KeyError, EOFError)


def is_people1(root: Path) -> bool:
    """Whether the folder says that it holds a benchmark of synthetic people."""
    try:
        about = json.loads((root / "dataset.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(about, dict) and about.get("benchmark") in BENCHMARKS


def read_people1(root: str | os.PathLike[str], splits: tuple[Split, ...] = SPLITS) -> CorpusIndex:
    """The index of those of the splits that are there; keypoints to hundredths of a pixel. Raises InputError."""
    root = Path(root)
    variant, _ = _about(root)
    layout = FlatLayout(
        corpus="people-1",
        size=variant.size,
        frame=variant.size,
        pairs=(f"{variant.table_prefix}-pairs-{{split}}.csv",),
        annotations=(f"{variant.table_prefix}-annotation-{{split}}.csv",),
        parsing_folder="parsing",
        parsing_labels=LIP_20,
        splits=splits,
        person_of=lambda name: name.partition("_")[0],
    )
    index = read_flat_layout(root, layout)
    return replace(index, images=_with_exact_keypoints(root, index.images, splits))


def _about(root: Path) -> tuple[Variant, bool]:
    """The variant of a folder, and whether it has correspondences."""
    path = root / "dataset.json"
    if not path.is_file():
        raise InputError(f"'{root}' has no dataset.json; give a folder that `posable people make --benchmark` wrote.")
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        return BENCHMARKS[about["benchmark"]].variants[about["variant"]], bool(about["correspondence"])
    except (ValueError, KeyError, TypeError):
        raise InputError(f"'{path}' describes no benchmark that is known; known is {', '.join(BENCHMARKS)}.") from None


def _with_exact_keypoints(
    root: Path, images: Mapping[str, CorpusImage], splits: tuple[Split, ...]
) -> dict[str, CorpusImage]:
    """The images with the keypoints of views.jsonl, which the field's tables round to whole pixels."""
    path, exact = root / "views.jsonl", dict(images)
    if not path.is_file():
        return exact
    wanted = tuple(f'"split": "{split}"' for split in splits)
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not any(part in line for part in wanted):
                continue
            try:
                view = json.loads(line)
                points = np.array(view["keypoints"], np.float32)
                image = exact.get(view["name"])
                if image is not None:
                    pose = Pose(points[:, :2], points[:, 2] > 0, image.size_of_keypoint_frame)
                    exact[image.name] = replace(image, keypoints=pose)
            except (ValueError, KeyError, TypeError, IndexError):
                raise InputError(f"'{path}', line {number}, describes no view; make the data set again.") from None
    return exact


class People1(PairDataset):
    """The pairs of one split of people-1, with exact labels; an item is a `PersonPair` of batch size 1.

    Items have the parsing of both pictures, the target's share of each pixel as `target_alpha` and, where the folder
    was made with correspondences, these at half resolution. Pictures keep the size of the folder. Raises as
    `PairDataset`, and InputError for a folder that holds no such benchmark.
    """

    def __init__(
        self, root: str | os.PathLike[str], split: Split = "train", *, parsing: bool = True, correspondence: bool = True
    ) -> None:
        if split not in SPLITS:
            raise ConfigError(f"people-1 has no split '{split}'; choose one of {', '.join(SPLITS)}.")
        self.root = Path(root)
        self._with_correspondence = correspondence and _about(self.root)[1]
        if not (self.root / f"{split}.lst").is_file():
            raise ConfigError(
                f"'{root}' has no split '{split}' yet; add it with posable people make --benchmark people-1 --split."
            )
        super().__init__(read_people1(self.root, (split,)), split, parsing=parsing)

    def __getitem__(self, position: int) -> PersonPair:
        source, target = self.pairs[position]
        mask = torch.from_numpy(self._map("mask", target).astype(np.float32) / 255)
        return replace(
            super().__getitem__(position),
            target_alpha=mask[None, None],
            correspondence=self._correspondence(source, target) if self._with_correspondence else None,
        )

    def depth(self, name: str) -> npt.NDArray[np.float32]:
        """Metres along the optical axis (h, w) of a picture; inf off the person. Raises ImageError."""
        millimetres = self._map("depth", name).astype(np.float32)
        return np.where(millimetres > 0, millimetres / 1000, np.float32(np.inf))

    def garments(self, name: str) -> npt.NDArray[np.uint8]:
        """Which garment each pixel (h, w) shows: 0 for nothing, k + 1 for piece k of the view's "garments"."""
        return self._map("garments", name)

    def _map(self, folder: str, name: str) -> npt.NDArray[Any]:
        path = self.root / folder / f"{Path(name).stem}.png"
        try:
            with Image.open(path) as picture:
                return np.array(picture)
        except _BROKEN:
            raise ImageError(f"'{path}' is missing or damaged; run the command that made the folder again.") from None

    def _correspondence(self, source: str, target: str) -> Correspondence:
        view = Path(source).stem.partition("_")[2]
        path = self.root / "correspondence" / f"{Path(target).stem}_{view}.npz"
        try:
            with np.load(path) as stored:
                return correspondence_of(stored["flow"], stored["state"])
        except _BROKEN:
            raise InputError(f"'{path}' is missing or damaged; run the command that made the folder again.") from None


def correspondence_of(flow_steps: npt.NDArray[np.int16], state: npt.NDArray[np.uint8]) -> Correspondence:
    """Stored flow (h, w, 2) and state (h, w) of one pair, as a batch of size 1."""
    flow = (flow_steps / FLOW_STEPS_PER_PX).astype(np.float32)
    marks = torch.from_numpy(np.array(state))[None, None]
    return Correspondence(
        flow=_channels_first(flow),
        visible=marks == SEEN,
        foreground=marks >= HIDDEN,
    )


def _channels_first(flow: npt.NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(flow.transpose(2, 0, 1)))[None]
