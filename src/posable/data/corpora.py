"""Which corpus a folder holds, and its index."""

from __future__ import annotations

import os
from pathlib import Path

from posable.data.corpus_index import CorpusIndex, existing_folder
from posable.data.deepfashion import read_deepfashion, variant_in
from posable.data.deepfashion_highres import (
    LMDB_SIZES,
    has_pair_lists,
    lmdb_sizes_in,
    read_deepfashion_highres,
    read_deepfashion_lmdb,
)
from posable.data.market1501 import MARKET_LAYOUT, read_market1501
from posable.data.people1 import is_people1, read_people1
from posable.data.photo_folder import has_photos, read_photo_folder
from posable.data.prepared import is_prepared, read_prepared
from posable.errors import ConfigError, InputError
from posable.imaging.size import Size
from posable.parsing.schemes import PISE_8, ParsingLabels
from posable.progress import ProgressCallback

__all__ = ["CORPORA", "read_corpus", "recognise"]

CORPORA = (
    "deepfashion-patn",
    "deepfashion-gfla",
    "deepfashion-pise",
    "deepfashion-highres",
    "deepfashion-lmdb",
    "market-1501",
    "people-1",
    "folder",
    "prepared",
)
"""The layouts that `read_corpus` knows, by name."""


def read_corpus(
    root: str | os.PathLike[str],
    corpus: str = "auto",
    *,
    scheme: ParsingLabels = PISE_8,
    person_pattern: str | None = None,
    size: Size | None = None,
    progress: ProgressCallback | None = None,
) -> CorpusIndex:
    """The index of the corpus in a folder, in the layout that `corpus` names, or in the one that is recognised.

    `scheme` is the scheme of DeepFashion's *SPL8 maps; the other layouts state theirs. `person_pattern` tells people
    apart in a folder of photographs, see photo_folder.py. `size` is that of the pictures that are wanted: it chooses
    among LMDB folders, and cuts PISE's squares. A table that cannot be used raises InputError; questionable lines
    become problems of the index.
    """
    root = existing_folder(Path(root))
    chosen = recognise(root) if corpus == "auto" else corpus
    if chosen == "deepfashion-patn":
        return read_deepfashion(root, "patn", scheme, progress)
    if chosen == "deepfashion-gfla":
        return read_deepfashion(root, "gfla", scheme, progress)
    if chosen == "deepfashion-pise":
        return read_deepfashion(root, "pise", scheme, progress, size=size)
    if chosen == "deepfashion-highres":
        return read_deepfashion_highres(root, progress=progress)
    if chosen == "deepfashion-lmdb":
        return read_deepfashion_lmdb(root, size if size in LMDB_SIZES else None, progress)
    if chosen == "market-1501":
        return read_market1501(root, progress)
    if chosen == "people-1":
        return read_people1(root)
    if chosen == "prepared":
        return read_prepared(root)
    if chosen == "folder":
        return read_photo_folder(root, person_pattern, progress=progress)
    raise ConfigError(f"there is no corpus layout '{corpus}'; choose auto or one of {', '.join(CORPORA)}.")


def recognise(root: Path) -> str:
    """The name of the layout that a folder holds; raises InputError when it is none."""
    if is_prepared(root):
        return "prepared"
    if is_people1(root):
        return "people-1"
    if has_pair_lists(root):
        return "deepfashion-lmdb" if lmdb_sizes_in(root) else "deepfashion-highres"
    if MARKET_LAYOUT.is_in(root):
        return "market-1501"
    if variant := variant_in(root):
        return f"deepfashion-{variant}"
    _refuse_what_lacks_tables(root)
    if has_photos(root):
        return "folder"
    raise InputError(f"'{root}' is no corpus that is known; known layouts are {', '.join(CORPORA)}.")


def _refuse_what_lacks_tables(root: Path) -> None:
    """Raises InputError for folders that would be taken for somebody's photographs, but are half a corpus."""
    if any((root / f"bounding_box_{split}").is_dir() for split in ("train", "test")):
        raise InputError(
            f"'{root}' looks like Market-1501 without its tables; add market-pairs-train.csv, "
            "market-annotation-train.csv and the same for test."
        )
    trees = (root / tree / gender for tree in ("img", "img_highres", ".") for gender in ("WOMEN", "MEN"))
    flat = (path for split in ("train", "test") for path in (root / split).glob("fashion*MEN*id*_*.jpg"))
    if any(tree.is_dir() for tree in trees) or next(flat, None) is not None:
        raise InputError(
            f"'{root}' looks like DeepFashion without its side files; add fasion-resize-pairs-*.csv and "
            "fasion-resize-annotation-*.csv (PATN, DPTN), or *_pairs.txt and pose/ (NTED)."
        )
    if (root / "images" / "banded").is_dir() or (root / "labels" / "labels_joint_anno.txt").is_file():
        raise InputError(
            f"'{root}' looks like DTD, which holds textures and nobody; read it with posable.data.textures.Textures."
        )
    archives = sorted(path.name for path in root.iterdir() if path.suffix.lower() in (".zip", ".gz", ".tar", ".7z"))
    if archives and not has_photos(root):
        raise InputError(f"'{root}' holds archives and no corpus; unpack '{archives[0]}' first.")
