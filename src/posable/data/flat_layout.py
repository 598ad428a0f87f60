"""The layout of PATN and its descendants: flat folders of pictures, a pairs table and an annotation table per split.

PATN, DPTN, GFLA, PISE and Market-1501 differ in the names of tables and folders, in the size of the pictures and in the
frame of the annotations; a `FlatLayout` says how.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

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
from posable.data.tables import read_annotations, read_name_list, read_pairs
from posable.errors import InputError
from posable.imaging.size import Size
from posable.parsing.schemes import ParsingLabels
from posable.pose.pose import Pose
from posable.progress import ProgressCallback

__all__ = ["PICTURE_SUFFIXES", "FlatLayout", "read_flat_layout"]

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})


@dataclass(frozen=True, kw_only=True)
class FlatLayout:
    """Where a descendant of PATN's layout keeps what; "{split}" stands for the split."""

    corpus: str
    size: Size
    """Of the working pictures."""
    frame: Size
    """Of the annotations."""
    pairs: Sequence[str]
    """Names of the pairs table; the first that exists is read."""
    annotations: Sequence[str]
    folders: Sequence[str] = ("{split}",)
    """Folders that pictures may be in."""
    parsing_folder: str | None = None
    parsing_labels: ParsingLabels | None = None
    splits: Sequence[Split] = SPLITS
    any_shape: bool = False
    """Whether pictures of another shape than the frame's are stretched to it."""
    person_of: Callable[[str], str]
    tree_name: Callable[[str], str | None] = lambda _name: None
    """Where a picture may lie when none of the folders exists, or None."""

    def is_in(self, root: Path) -> bool:
        """One of the tables is there, for any split."""
        tables = [*self.pairs, *self.annotations]
        return any((root / name.format(split=split)).is_file() for name in tables for split in self.splits)


@dataclass(frozen=True)
class _SplitTables:
    pairs: list[Pair]
    poses: dict[str, Pose]
    listed: list[str]
    """The names of the .lst file, when there is one."""
    problems: list[Problem]


def read_flat_layout(root: Path, layout: FlatLayout, progress: ProgressCallback | None = None) -> CorpusIndex:
    """The index of a corpus in this layout; a split without tables is left out.

    Raises InputError when the tables of all splits are missing, when a split has only one of its two tables, or when
    a table cannot be used at all.
    """
    existing_folder(root)
    images: dict[str, CorpusImage] = {}
    pairs: dict[Split, list[Pair]] = {}
    problems: list[Problem] = []
    for split in layout.splits:
        tables = _read_tables(root, layout, split, progress)
        if tables is None:
            continue
        pairs[split] = tables.pairs
        problems += tables.problems
        for image in _images_of(root, layout, split, tables):
            if image.name in images:
                other = images[image.name].split
                problems.append(
                    Problem("name-in-two-splits", image.name, f"stands in {other} and in {split}; {other} counts.")
                )
                continue
            images[image.name] = image
    if not pairs:
        expected = ", ".join(name.format(split="train") for name in (layout.pairs[0], layout.annotations[0]))
        raise InputError(f"'{root}' has no tables of {layout.corpus}; it needs {expected} and the same for test.")
    problems += unknown_in_pairs(pairs, images)
    parsing_labels = layout.parsing_labels if any(image.parsing for image in images.values()) else None
    return CorpusIndex(layout.corpus, root, layout.size, images, pairs, parsing_labels, tuple(problems))


def _read_tables(
    root: Path, layout: FlatLayout, split: Split, progress: ProgressCallback | None
) -> _SplitTables | None:
    found = {
        what: next((path for name in names if (path := root / name.format(split=split)).is_file()), None)
        for what, names in (("pairs", layout.pairs), ("annotations", layout.annotations))
    }
    pairs_file, annotation_file = found["pairs"], found["annotations"]
    if pairs_file is None and annotation_file is None:
        return None
    if pairs_file is None or annotation_file is None:
        missing = (layout.pairs if pairs_file is None else layout.annotations)[0].format(split=split)
        raise InputError(f"'{root / missing}' is missing, though the other table of {split} is there; add it.")
    pairs, problems = read_pairs(pairs_file)
    poses, more = read_annotations(annotation_file, layout.frame, progress)
    list_file = root / f"{split}.lst"
    listed = read_name_list(list_file) if list_file.is_file() else []
    return _SplitTables(pairs, poses, listed, problems + more)


def _images_of(root: Path, layout: FlatLayout, split: Split, tables: _SplitTables) -> list[CorpusImage]:
    folders = [root / folder.format(split=split) for folder in layout.folders]
    folder = next((each for each in folders if each.is_dir()), None)
    present = _pictures_in(folder) if folder is not None else []
    parsing_folder = root / layout.parsing_folder.format(split=split) if layout.parsing_folder else None
    if parsing_folder is not None and not parsing_folder.is_dir():
        parsing_folder = None

    def place(name: str) -> Path:
        if folder is not None:
            return folder / name
        tree = layout.tree_name(name)
        candidates = [root / tree, root / tree.replace("img/", "img_highres/", 1)] if tree else []
        return next((path for path in candidates if path.is_file()), folders[0] / name)

    names = dict.fromkeys([*tables.listed, *tables.poses, *present])
    return [
        CorpusImage(
            name=name,
            split=split,
            person=layout.person_of(name),
            picture=place(name),
            size_of_keypoint_frame=layout.frame,
            keypoints=tables.poses.get(name),
            parsing=parsing_folder / f"{name.rsplit('.', 1)[0]}.png" if parsing_folder is not None else None,
            any_shape=layout.any_shape,
        )
        for name in names
    ]


def _pictures_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES)
