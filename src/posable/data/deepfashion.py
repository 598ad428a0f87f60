"""DeepFashion In-shop in the PATN lineage: flat pictures and `fasion-*` tables (the spelling is theirs).

Three variants are in use. "patn" (PATN, DPTN): 176x256 crops, annotations in that frame. "gfla": the high-resolution
pictures unresized, the same annotations. "pise": 256x256 pictures, annotations in that frame, parsing in *SPL8.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Literal

from posable.data.corpus_index import CorpusImage, CorpusIndex, Split
from posable.data.deepfashion_names import identity, unflatten
from posable.data.flat_layout import FlatLayout, read_flat_layout
from posable.data.pair_dataset import PairDataset
from posable.errors import ConfigError, InputError
from posable.imaging.frame import Fit
from posable.imaging.size import Size
from posable.parsing.schemes import PISE_8, ParsingLabels
from posable.progress import ProgressCallback

__all__ = ["VARIANTS", "DeepFashion", "Variant", "read_deepfashion", "variant_in"]

Variant = Literal["patn", "gfla", "pise"]
FRAME = Size(256, 176)
_SQUARE = Size(256, 256)
_PARSING_FOLDER = "{split}SPL8"
_ROWS_LOOKED_AT = 2000
_INDEX = re.compile(r"(?<![-\w.])\d{1,6}(?![\w.])")


def _tree_name(name: str) -> str | None:
    try:
        return unflatten(name)
    except InputError:
        return None


# Where the code of a method spells "fasion", its instructions may say "fashion"; both are looked for.
_RESIZED_PAIRS = ("fasion-resize-pairs-{split}.csv", "fashion-resize-pairs-{split}.csv")
_RESIZED_ANNOTATIONS = ("fasion-resize-annotation-{split}.csv", "fashion-resize-annotation-{split}.csv")
_PAIRS = ("fasion-pairs-{split}.csv", "fashion-pairs-{split}.csv")
_ANNOTATIONS = ("fasion-annotation-{split}.csv", "fashion-annotation-{split}.csv")


def _layout(
    variant: Variant, size: Size, pairs: tuple[str, ...], annotations: tuple[str, ...], scheme: ParsingLabels
) -> FlatLayout:
    return FlatLayout(
        corpus=f"deepfashion-{variant}",
        size=size,
        frame=size,
        pairs=pairs,
        annotations=annotations,
        parsing_folder=_PARSING_FOLDER,
        parsing_labels=scheme,
        person_of=identity,
        tree_name=_tree_name,
        # GFLA's code resizes whatever the archive holds, and not all of it is 750x1101.
        any_shape=variant == "gfla",
    )


VARIANTS: tuple[Variant, ...] = ("patn", "gfla", "pise")


def layout_of(variant: Variant, scheme: ParsingLabels = PISE_8) -> FlatLayout:
    """Where a variant keeps what; `scheme` is the scheme of its parsing maps."""
    if variant == "patn":
        return _layout(variant, FRAME, _RESIZED_PAIRS, _RESIZED_ANNOTATIONS, scheme)
    if variant == "gfla":
        return _layout(variant, FRAME, _PAIRS, _ANNOTATIONS, scheme)
    if variant == "pise":
        return _layout(variant, _SQUARE, _PAIRS + _RESIZED_PAIRS, _ANNOTATIONS + _RESIZED_ANNOTATIONS, scheme)
    raise ConfigError(f"there is no variant '{variant}' of DeepFashion; choose one of {', '.join(VARIANTS)}.")


def variant_in(root: Path) -> Variant | None:
    """The variant that a folder looks like, by its tables, or None.

    GFLA and PISE name their tables alike, but PISE's annotations are in a frame of 256x256, whose outer 40 columns show
    nobody; where the first annotations leave that open, the parsing folders tell PISE.
    """
    named: Variant | None = next((v for v in ("patn", "gfla") if layout_of(v).is_in(root)), None)
    if named is None:
        return None
    columns = _columns_used(root, layout_of(named).annotations)
    if columns and max(columns) >= FRAME.width:
        return "pise"
    has_maps = any((root / _PARSING_FOLDER.format(split=split)).is_dir() for split in ("train", "test"))
    margin = (_SQUARE.width - FRAME.width) // 2
    return "pise" if named == "gfla" and has_maps and min(columns, default=margin) >= margin else named


def _columns_used(root: Path, tables: Sequence[str]) -> set[int]:
    """The pixel columns that the first annotations name."""
    for path in (root / name.format(split=split) for name in tables for split in ("test", "train")):
        if path.is_file():
            with path.open(encoding="utf-8", errors="replace") as lines:
                listed = [line.rpartition(":")[2] for line in islice(lines, 1, _ROWS_LOOKED_AT)]
            if columns := {int(number) for text in listed for number in _INDEX.findall(text)}:
                return columns
    return set()


def read_deepfashion(
    root: str | os.PathLike[str],
    variant: Variant | None = None,
    scheme: ParsingLabels = PISE_8,
    progress: ProgressCallback | None = None,
    *,
    size: Size | None = None,
) -> CorpusIndex:
    """The index of DeepFashion in the PATN lineage; the variant is told from the tables when it is not given.

    `size` is that of the pictures that are wanted: PISE's squares are cut to the 176 columns that show somebody when it
    has that shape, instead of being letterboxed into it.

    Pictures are looked for in train/ and test/ and, without these, in the img/ or img_highres/ tree of the original
    archives. `scheme` is the scheme of the maps in trainSPL8/ and testSPL8/. Raises InputError.
    """
    root = Path(root)
    index = read_flat_layout(root, layout_of(variant or variant_in(root) or "patn", scheme), progress)
    if size is None or index.size != _SQUARE or size.width * FRAME.height != size.height * FRAME.width:
        return index
    images = {name: _without_margins(image) for name, image in index.images.items()}
    return replace(index, images=images, size=FRAME)


def _without_margins(image: CorpusImage) -> CorpusImage:
    pose, margin = image.keypoints, (_SQUARE.width - FRAME.width) // 2
    return replace(
        image, size_of_keypoint_frame=FRAME, keypoints=pose.crop(margin, 0, FRAME) if pose is not None else None
    )


class DeepFashion(PairDataset):
    """DeepFashion In-shop in the PATN lineage, with whatever variant the folder holds; see `PairDataset`.

    PISE's maps are read in the order of `PISE_8`, or of `scheme`: the two statements about them disagree.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: Split = "train",
        size: Size | None = None,
        *,
        variant: Variant | None = None,
        scheme: ParsingLabels = PISE_8,
        fit: Fit = "letterbox",
        parsing: bool = True,
    ) -> None:
        super().__init__(read_deepfashion(root, variant, scheme, size=size), split, size, fit=fit, parsing=parsing)
