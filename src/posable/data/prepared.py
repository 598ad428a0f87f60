"""The prepared layout: any corpus in one shape, written by `prepare`, read here.

    corpus.json                   {"format": "posable-corpus", "version": 1, "corpus", "size", "parsing", "counts", ...}
    index.jsonl                   one line per image: name, split, person, file, keypoints, parsing
    images/NAME                   pictures of one size; .png instead of the name's suffix where pixels had to change
    parsing/STEM.png              indexed pictures in the scheme that corpus.json names
    pairs-train.csv, ...          from,to
    problems.jsonl                what was left out, and why: kind, name, detail

Keypoints are [[x, y, visible] ...] for the 18 of OpenPose, in px of the prepared picture, pixel centres at .5.
"""

from __future__ import annotations

import json
import os
from pathlib import Path, PurePosixPath
from typing import Any, cast

import numpy as np

from posable.data.corpus_index import (
    SPLITS,
    CorpusImage,
    CorpusIndex,
    Pair,
    Problem,
    Split,
    existing_folder,
    unknown_in_pairs,
)
from posable.data.pair_dataset import PairDataset
from posable.data.tables import read_pairs, read_text
from posable.errors import ConfigError, InputError
from posable.imaging.frame import Fit
from posable.imaging.size import Size
from posable.parsing.schemes import ParsingLabels, labels_named
from posable.pose.pose import OPENPOSE_18, Pose

__all__ = ["PreparedCorpus", "read_prepared"]

FORMAT, VERSION = "posable-corpus", 1
ABOUT, INDEX, PROBLEMS = "corpus.json", "index.jsonl", "problems.jsonl"
IMAGES, PARSING = "images", "parsing"
UNFINISHED = ".prepare"
"""The folder of a preparation that has not come to its end."""
_DECIMALS = 4


def pairs_file(split: Split) -> str:
    return f"pairs-{split}.csv"


def is_prepared(root: Path) -> bool:
    """The folder was written by `prepare`, to its end or not."""
    return (root / UNFINISHED).is_dir() or FORMAT in _start_of(root / ABOUT)


def _start_of(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")[:200] if path.is_file() else ""


def read_prepared(root: str | os.PathLike[str]) -> CorpusIndex:
    """The index of a prepared corpus; `corpus` is "prepared".

    Raises InputError when the folder is none, is not finished, or its index cannot be used.
    """
    root = existing_folder(Path(root))
    if not (root / ABOUT).is_file():
        if (root / UNFINISHED).is_dir():
            raise InputError(f"'{root}' is not finished; run the same 'posable data prepare' command again.")
        raise InputError(f"'{root}' holds no {ABOUT}; give a folder that 'posable data prepare' wrote.")
    about = read_about(root)
    size = Size(*about["size"])
    labels = labels_named(about["parsing"]) if about.get("parsing") else None
    images: dict[str, CorpusImage] = {}
    for number, line in enumerate(read_text(root / INDEX).splitlines(), start=1):
        try:
            image = image_of(json.loads(line), root, size)
        except (ValueError, KeyError, TypeError):
            raise InputError(f"'{root / INDEX}' is broken in line {number}; prepare the corpus again.") from None
        images[image.name] = image
    pairs: dict[Split, list[Pair]] = {}
    problems: list[Problem] = []
    for split in SPLITS:
        if (root / pairs_file(split)).is_file():
            pairs[split], more = read_pairs(root / pairs_file(split))
            problems += more
    problems += unknown_in_pairs(pairs, images)
    return CorpusIndex("prepared", root, size, images, pairs, labels, tuple(problems))


def read_about(root: Path) -> dict[str, Any]:
    """What corpus.json says; raises InputError when it is not ours or of a newer version."""
    path = root / ABOUT
    try:
        about: Any = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise InputError(f"'{path}' is broken JSON ({error.msg}); prepare the corpus again.") from None
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise InputError(f'\'{path}\' does not say "format": "{FORMAT}"; give a folder that posable prepared.')
    if about.get("version") != VERSION:
        raise InputError(f"'{path}' has version {about.get('version')!r}, but only {VERSION} is known; update posable.")
    return cast("dict[str, Any]", about)


def line_of(image: CorpusImage, root: Path) -> dict[str, Any]:
    """The image as an entry of index.jsonl; its files must lie under `root`."""
    assert isinstance(image.picture, Path)
    pose, keypoints = image.keypoints, None
    if pose is not None:
        keypoints = [
            [round(float(x), _DECIMALS), round(float(y), _DECIMALS), int(seen)]
            for (x, y), seen in zip(pose.keypoints.tolist(), pose.visible.tolist(), strict=True)
        ]
    return {
        "name": image.name,
        "split": image.split,
        "person": image.person,
        "file": image.picture.relative_to(root).as_posix(),
        "keypoints": keypoints,
        "parsing": image.parsing.relative_to(root).as_posix() if image.parsing is not None else None,
    }


def check_inside(name: str) -> None:
    """Raises InputError for a name, or a path, that leads out of the folder that it is meant for."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or ".." in parts or parts[0] == "/" or ":" in parts[0]:
        raise InputError(f"'{name}' leads out of the folder; correct the table that names it.")


def image_of(line: dict[str, Any], root: Path, size: Size) -> CorpusImage:
    """The inverse of `line_of`; raises ValueError, KeyError or TypeError for an entry that is none."""
    if line["split"] not in SPLITS:
        raise ValueError(line["split"])
    for path in (line["name"], line["file"], line.get("parsing")):
        if path is not None:
            check_inside(str(path))
    pose = None
    if line["keypoints"] is not None:
        values = np.array(line["keypoints"], np.float64)
        if values.shape != (len(OPENPOSE_18.keypoints), 3):
            raise ValueError(values.shape)
        pose = Pose(values[:, :2].astype(np.float32), values[:, 2] > 0, size)
    return CorpusImage(
        name=str(line["name"]),
        split=line["split"],
        person=str(line["person"]),
        picture=root / str(line["file"]),
        size_of_keypoint_frame=size,
        keypoints=pose,
        parsing=root / str(line["parsing"]) if line.get("parsing") else None,
    )


class PreparedCorpus(PairDataset):
    """A corpus that `posable data prepare` wrote; see `PairDataset`."""

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: Split = "train",
        size: Size | None = None,
        *,
        fit: Fit = "letterbox",
        parsing: bool = True,
    ) -> None:
        index = read_prepared(root)
        if not index.pairs:
            raise ConfigError(f"'{root}' holds no pairs; prepare a corpus that has some.")
        super().__init__(index, split, size, fit=fit, parsing=parsing)


def scheme_of(index: CorpusIndex) -> ParsingLabels | None:
    """The scheme of the maps, None when no image has one."""
    return index.parsing_labels if any(image.parsing for image in index.images.values()) else None
