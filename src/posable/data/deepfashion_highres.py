"""DeepFashion In-shop in the lineage of NTED and PIDM: the high-resolution tree or LMDB folders, and text lists.

train_pairs.txt, test_pairs.txt       target,source1[,source2...], with names img/WOMEN/...
img/ or img_highres/                  the pictures; any size of their shape, 750x1101 as published
256-176/, 512-352/                    or LMDB folders of resized pictures
pose/WOMEN/.../03_1_front.txt         18 rows `x y` in a 256x256 frame, -1 missing; the picture shows columns 40-215
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from posable.data.corpus_index import (
    CorpusImage,
    CorpusIndex,
    LmdbPicture,
    Pair,
    Problem,
    Split,
    existing_folder,
)
from posable.data.deepfashion_names import identity
from posable.data.pair_dataset import PairDataset
from posable.data.tables import read_pose_text, read_target_first_pairs
from posable.errors import ConfigError, InputError
from posable.imaging.frame import Fit
from posable.imaging.size import Size
from posable.progress import ProgressCallback

__all__ = [
    "LMDB_SIZES",
    "DeepFashionHighRes",
    "DeepFashionLmdb",
    "read_deepfashion_highres",
    "read_deepfashion_lmdb",
]

FRAME = Size(256, 176)
MARGIN_PX = 40
"""Columns that the frame of the pose files has on each side of the picture."""
LMDB_SIZES = (Size(256, 176), Size(512, 352))
_TREES = ("img", "img_highres", ".")
_LISTS: tuple[tuple[Split, str], ...] = (("train", "train_pairs.txt"), ("test", "test_pairs.txt"))


def has_pair_lists(root: Path) -> bool:
    return any((root / name).is_file() for _, name in _LISTS)


def lmdb_folder(root: Path, size: Size) -> Path:
    return root / f"{size.height}-{size.width}"


def lmdb_sizes_in(root: Path) -> list[Size]:
    """The sizes that the corpus has as LMDB folders."""
    return [size for size in LMDB_SIZES if lmdb_folder(root, size).is_dir()]


def read_deepfashion_highres(
    root: str | os.PathLike[str], size: Size = FRAME, progress: ProgressCallback | None = None
) -> CorpusIndex:
    """The index of the high-resolution lineage with its pictures as files; `size` is that of the working pictures.

    Raises InputError when the pair lists are missing or unusable.
    """
    root = Path(root)

    def place(name: str) -> Path:
        rest = name.split("/", 1)[1] if name.startswith(("img/", "img_highres/")) else name
        candidates = [root / tree / rest for tree in _TREES]
        return next((path for path in candidates if path.is_file()), root / name)

    return _read(root, "deepfashion-highres", size, place, progress)


def read_deepfashion_lmdb(
    root: str | os.PathLike[str], size: Size | None = None, progress: ProgressCallback | None = None
) -> CorpusIndex:
    """The index of the high-resolution lineage with its pictures in an LMDB folder of `size`, 256x176 if present.

    Raises InputError when the lists or the LMDB folder are missing, or the LMDB is cut short; MissingExtraError
    without the `lmdb` package.
    """
    from posable.data.lmdb_pictures import lmdb_key, lmdb_keys, stated_length

    root = existing_folder(Path(root))
    if size is None:
        size = next(iter(lmdb_sizes_in(root)), FRAME)
    folder = lmdb_folder(root, size)
    if not folder.is_dir():
        raise InputError(f"'{folder}' is missing; unpack the LMDB archive for {size} there, or choose another size.")
    keys = lmdb_keys(folder)
    index = _read(root, "deepfashion-lmdb", size, lambda name: LmdbPicture(folder, lmdb_key(name)), progress)
    problems = list(index.problems)
    problems += [
        Problem("missing-image", name, f"'{folder}' has no picture under '{lmdb_key(name)}'.")
        for name in index.images
        if lmdb_key(name) not in keys
    ]
    length = stated_length(folder)
    if length is not None and length != len(keys):
        detail = f"states {length:,} pictures under the key length, but holds {len(keys):,}."
        problems.append(Problem("wrong-lmdb-length", folder.name, detail))
    return CorpusIndex(index.corpus, root, size, index.images, index.pairs, None, tuple(problems))


def _read(
    root: Path, corpus: str, size: Size, place: Callable[[str], Path | LmdbPicture], progress: ProgressCallback | None
) -> CorpusIndex:
    existing_folder(root)
    pairs: dict[Split, list[Pair]] = {}
    problems: list[Problem] = []
    split_of: dict[str, Split] = {}
    for split, list_name in _LISTS:
        if not (root / list_name).is_file():
            continue
        pairs[split], more = read_target_first_pairs(root / list_name)
        problems += more
        for name in (name for pair in pairs[split] for name in pair):
            if split_of.setdefault(name, split) != split:
                detail = f"stands in the {split_of[name]} pairs and in the {split} pairs."
                problems.append(Problem("name-in-two-splits", name, detail))
    if not pairs:
        raise InputError(f"'{root}' has neither train_pairs.txt nor test_pairs.txt; get the lists of NTED.")
    images: dict[str, CorpusImage] = {}
    for number, (name, split) in enumerate(split_of.items(), start=1):
        images[name], fault = _image(root, name, split, place(name))
        problems += fault
        if progress is not None:
            progress(number, len(split_of))
    return CorpusIndex(corpus, root, size, images, pairs, None, tuple(dict.fromkeys(problems)))


def _image(root: Path, name: str, split: Split, picture: Path | LmdbPicture) -> tuple[CorpusImage, list[Problem]]:
    stem = name.rsplit(".", 1)[0]
    rest = stem.split("/", 1)[1] if stem.startswith(("img/", "img_highres/")) else stem
    candidates = [root / "pose" / f"{rest}.txt", root / "pose" / f"{stem}.txt"]
    pose_file = next((path for path in candidates if path.is_file()), None)
    keypoints, problems = None, list[Problem]()
    if pose_file is not None:
        try:
            keypoints = read_pose_text(pose_file, FRAME, left=MARGIN_PX)
        except InputError as error:
            problems.append(Problem("bad-table", str(pose_file.relative_to(root)), str(error)))
    return CorpusImage(name, split, identity(name), picture, FRAME, keypoints, any_shape=True), problems


class DeepFashionHighRes(PairDataset):
    """The high-resolution lineage from picture files, at 256x176 or 512x352; see `PairDataset`."""

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: Split = "train",
        size: Size = FRAME,
        *,
        fit: Fit = "letterbox",
    ) -> None:
        super().__init__(read_deepfashion_highres(root, size), split, size, fit=fit, parsing=False)


class DeepFashionLmdb(PairDataset):
    """The high-resolution lineage from the LMDB folder of a size; needs the `data` extra. See `PairDataset`."""

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: Split = "train",
        size: Size | None = None,
        *,
        fit: Fit = "letterbox",
    ) -> None:
        if size is not None and size not in LMDB_SIZES:
            raise ConfigError(f"the LMDB layout has the sizes {' and '.join(map(str, LMDB_SIZES))}, not {size}.")
        super().__init__(read_deepfashion_lmdb(root, size), split, size, fit=fit, parsing=False)
