"""What a corpus holds, whatever its layout: images with keypoints and parsing, the pairs of its splits, its problems.

The readers of the layouts (deepfashion.py, market1501.py, ...) give a `CorpusIndex`; data sets, `prepare`, `export` and
the data doctor work on it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from posable.errors import InputError
from posable.imaging.size import Size
from posable.parsing.schemes import ParsingLabels
from posable.pose.pose import Pose

__all__ = ["CorpusImage", "CorpusIndex", "LmdbPicture", "Pair", "Problem", "Split"]

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")
Pair = tuple[str, str]
"""Names of the source and the target image."""


@dataclass(frozen=True)
class LmdbPicture:
    """A picture that is the value of a key in an LMDB folder; `data.lmdb_pictures` reads it."""

    folder: Path
    key: str

    def __str__(self) -> str:
        return f"{self.folder}: {self.key}"


@dataclass(frozen=True)
class CorpusImage:
    """One picture of one person, and where its labels are."""

    name: str
    """As the corpus's pairs name it."""
    split: Split
    person: str
    """Equal for pictures of the same person, or, where a corpus tells no person, of the same garments."""
    picture: Path | LmdbPicture
    """Named by the layout; it need not exist."""
    size_of_keypoint_frame: Size
    """The frame of `keypoints`; the picture shows this frame, perhaps at another size or with margins to cut."""
    keypoints: Pose | None = None
    parsing: Path | None = None
    """An indexed picture of `CorpusIndex.parsing_labels`, in the frame of the picture; it need not exist."""
    any_shape: bool = False
    """A picture of another shape is stretched to the frame, as the methods of this layout do; else it is refused."""


@dataclass(frozen=True)
class Problem:
    """Something questionable, found while reading or inspecting a corpus."""

    kind: str
    """A short slug: "missing-image", "unknown-file-in-pairs", "bad-table", "keypoints-outside-frame", ..."""
    name: str
    """The image or the file that it is about."""
    detail: str
    """One sentence."""


@dataclass(frozen=True)
class CorpusIndex:
    """All that a reader found. Pairs may name images that `images` does not hold; those are among the problems."""

    corpus: str
    """The layout: "deepfashion-patn", "deepfashion-gfla", "deepfashion-pise", "deepfashion-highres",
    "deepfashion-lmdb", "market-1501", "people-1", "folder" or "prepared"."""
    root: Path
    size: Size
    """Of the pictures as one works with them."""
    images: Mapping[str, CorpusImage]
    pairs: Mapping[Split, list[Pair]]
    parsing_labels: ParsingLabels | None = None
    problems: tuple[Problem, ...] = field(default=(), repr=False)

    def usable_pairs(self, split: Split) -> list[Pair]:
        """The split's pairs both of whose images are known and have keypoints."""
        usable = {name for name, image in self.images.items() if image.keypoints is not None}
        return [pair for pair in self.pairs.get(split, []) if usable.issuperset(pair)]

    def images_of(self, split: Split) -> list[CorpusImage]:
        return [image for image in self.images.values() if image.split == split]

    def fingerprint(self, split: Split) -> str:
        """SHA-256 of what the index says of a split: layout, size, pairs, and the keypoints of their images."""
        digest = hashlib.sha256(f"{self.corpus} {self.size}\n".encode())
        for pair in self.pairs.get(split, []):
            digest.update(("\t".join(pair) + "\n").encode())
        for name in sorted({name for pair in self.usable_pairs(split) for name in pair}):
            pose = self.images[name].keypoints
            assert pose is not None, "usable pairs have keypoints"
            digest.update(name.encode() + pose.keypoints.tobytes() + pose.visible.tobytes())
        return digest.hexdigest()

    @property
    def splits(self) -> tuple[Split, ...]:
        """The splits that have images or pairs, in the order train, val, test."""
        present = {image.split for image in self.images.values()} | {s for s, pairs in self.pairs.items() if pairs}
        return tuple(split for split in SPLITS if split in present)


def unknown_in_pairs(pairs: Mapping[Split, Iterable[Pair]], images: Mapping[str, CorpusImage]) -> list[Problem]:
    """A problem for each image that pairs name and the corpus does not hold; each is told once."""
    told: dict[str, Problem] = {}
    for split, listed in pairs.items():
        for name in (name for pair in listed for name in pair):
            if name not in images and name not in told:
                detail = f"the {split} pairs name '{name}', which the corpus does not hold."
                told[name] = Problem("unknown-file-in-pairs", name, detail)
    return list(told.values())


def existing_folder(root: Path) -> Path:
    """The folder; raises InputError when it is missing or a file."""
    if not root.exists():
        raise InputError(f"'{root}' does not exist; give the folder of a corpus.")
    if not root.is_dir():
        raise InputError(f"'{root}' is a file; give the folder of a corpus.")
    return root
