"""Your own folder of photographs as a corpus: poses are detected, people told apart by file names, pairs made.

Who is in a picture is told by its name. By default that is the folder that the picture lies in, when it lies in one
below the root, and otherwise the name up to its last `_`, `-` or space: anna_1.jpg and anna_2.jpg show anna. Another
rule is a regular expression that is searched for in the path (anna/beach 1.jpg), with a group that holds the person:
`(?P<person>[a-z]+)`. Pictures below a folder train, val or test are of that split; all others are for training.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from itertools import permutations
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from posable.data.corpus_index import SPLITS, CorpusImage, CorpusIndex, Pair, Problem, Split, existing_folder
from posable.data.flat_layout import PICTURE_SUFFIXES
from posable.data.pair_dataset import PairDataset
from posable.data.pictures import read_picture
from posable.errors import ConfigError, ImageError, InputError, NoPersonError
from posable.files import cache_folder
from posable.imaging.frame import Fit
from posable.imaging.image import size_of
from posable.imaging.size import Size
from posable.pose.pose import OPENPOSE_18, Pose
from posable.progress import ProgressCallback
from posable.version import __version__

__all__ = ["DEFAULT_PERSON_PATTERN", "PhotoFolder", "has_photos", "read_photo_folder"]

DEFAULT_PERSON_PATTERN = r"^(?P<person>.+?)[ _-]+[^ _-]*$"
"""For the name without its suffix, of pictures that lie in no folder of their own."""

PoseFinder = Callable[[Image.Image], Pose]
"""Gives the pose of the largest person; raises NoPersonError."""

_SIZE = Size(256, 176)


def has_photos(root: Path) -> bool:
    """There is a picture somewhere below the folder."""
    return next(_pictures(root), None) is not None


def read_photo_folder(
    root: str | os.PathLike[str],
    person_pattern: str | None = None,
    *,
    size: Size = _SIZE,
    detector: str = "blazepose",
    find_pose: PoseFinder | None = None,
    progress: ProgressCallback | None = None,
) -> CorpusIndex:
    """The index of a folder of photographs; `size` is that of the working pictures, into which they are letterboxed.

    Poses are detected once and kept in the user's cache folder by the pictures' contents, so a second reading, or one
    after an interruption, is quick. `find_pose` replaces `detector` and the cache. Pairs are all ordered pairs of
    pictures of one person.
    Raises InputError when there is no picture, ConfigError for a broken pattern, and what the detector does when its
    models cannot be had.
    """
    root = existing_folder(Path(root))
    pattern = _compiled(person_pattern)
    paths = sorted(_pictures(root), key=lambda path: path.relative_to(root).as_posix())
    if not paths:
        raise InputError(f"'{root}' holds no pictures ({', '.join(sorted(PICTURE_SUFFIXES))}); give another folder.")
    find = find_pose if find_pose is not None else _CachedDetector(detector).find
    images: dict[str, CorpusImage] = {}
    problems: list[Problem] = []
    for number, path in enumerate(paths, start=1):
        name = path.relative_to(root).as_posix()
        split = _split_of(name)
        person = _person(name, split, pattern)
        if person is None:
            problems.append(Problem("no-person-in-name", name, f"does not match the pattern '{person_pattern}'."))
            person = name
        pose, frame = None, size
        try:
            picture = read_picture(path)
            frame = size_of(picture)
            pose = find(picture)
        except NoPersonError:
            problems.append(Problem("nobody-found", name, "shows nobody that the detector can find."))
        except ImageError:
            # Unreadable pictures stay in the index without keypoints; inspecting and preparing tell what they are.
            pose = None
        images[name] = CorpusImage(name, split or "train", person, path, frame, pose)
        if progress is not None:
            progress(number, len(paths))
    return CorpusIndex("folder", root, size, images, _pairs(images), None, tuple(problems))


def _pictures(root: Path) -> Iterator[Path]:
    """All pictures below the folder, in any order; nothing in hidden folders."""
    for path in root.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        if path.suffix.lower() in PICTURE_SUFFIXES and not hidden and path.is_file():
            yield path


def _compiled(pattern: str | None) -> re.Pattern[str] | None:
    if pattern is None:
        return None
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ConfigError(f"the person pattern '{pattern}' is no regular expression ({error}); correct it.") from None
    if compiled.groups < 1:
        raise ConfigError(f"the person pattern '{pattern}' has no group; put what names the person in parentheses.")
    return compiled


def _split_of(name: str) -> Split | None:
    first = PurePosixPath(name).parts[0]
    return next((split for split in SPLITS if first == split and "/" in name), None)


def _person(name: str, split: Split | None, pattern: re.Pattern[str] | None) -> str | None:
    """Who is in the picture; None when a pattern is given and does not match."""
    path = PurePosixPath(name)
    if split is not None:
        path = path.relative_to(split)
    if pattern is not None:
        found = pattern.search(path.as_posix())
        if found is None:
            return None
        return found["person"] if "person" in pattern.groupindex else found[1]
    if len(path.parts) > 1:
        return path.parent.as_posix()
    found = re.match(DEFAULT_PERSON_PATTERN, path.stem)
    return found["person"] if found else path.stem


def _pairs(images: dict[str, CorpusImage]) -> dict[Split, list[Pair]]:
    pairs: dict[Split, list[Pair]] = {}
    for split in SPLITS:
        by_person: dict[str, list[str]] = {}
        for image in images.values():
            if image.split == split:
                by_person.setdefault(image.person, []).append(image.name)
        if by_person:
            pairs[split] = [pair for names in by_person.values() for pair in permutations(names, 2)]
    return pairs


class _CachedDetector:
    """A detector that remembers, in the user's cache folder, what it found in which pixels."""

    def __init__(self, detector: str) -> None:
        self._detector = detector
        self._file = cache_folder() / "detected-poses" / f"{detector}-{__version__}.jsonl"
        self._known: dict[str, Any] = {}
        lines = self._file.read_text(encoding="utf-8").splitlines() if self._file.is_file() else []
        # A line that a killed run cut short does not end so; its picture is looked at again.
        for entry in (json.loads(line) for line in lines if line.startswith('{"pixels"') and line.endswith("}")):
            self._known[entry["pixels"]] = entry["keypoints"]

    def find(self, picture: Image.Image) -> Pose:
        size = size_of(picture)
        digest = hashlib.sha256(f"{size} ".encode() + picture.tobytes()).hexdigest()
        if digest not in self._known:
            self._known[digest] = self._found(picture)
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("a", encoding="utf-8") as log:
                # The line before may have been cut short, so each begins with a line's end.
                log.write("\n" + json.dumps({"pixels": digest, "keypoints": self._known[digest]}))
        keypoints = self._known[digest]
        if keypoints is None:
            raise NoPersonError("the picture shows nobody.")
        values = np.array(keypoints, np.float32).reshape(len(OPENPOSE_18.keypoints), 3)
        return Pose(values[:, :2], values[:, 2] > 0, size)

    def _found(self, picture: Image.Image) -> list[list[float]] | None:
        from posable.detect import detect_pose

        try:
            pose = detect_pose(picture, self._detector).pose
        except NoPersonError:
            return None
        points = zip(pose.keypoints.tolist(), pose.visible.tolist(), strict=True)
        return [[round(x, 3), round(y, 3), int(seen)] for (x, y), seen in points]


class PhotoFolder(PairDataset):
    """Your own folder of photographs; see `read_photo_folder` for who is told apart how, and `PairDataset`."""

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: Split = "train",
        size: Size = _SIZE,
        *,
        person_pattern: str | None = None,
        detector: str = "blazepose",
        fit: Fit = "letterbox",
        progress: ProgressCallback | None = None,
    ) -> None:
        index = read_photo_folder(root, person_pattern, size=size, detector=detector, progress=progress)
        super().__init__(index, split, size, fit=fit, parsing=False)
