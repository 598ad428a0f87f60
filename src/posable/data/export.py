"""A prepared corpus back into the field's own files, for other people's code."""

from __future__ import annotations

import errno
import io
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from posable.data.corpus_index import CorpusImage, CorpusIndex, Split
from posable.data.deepfashion_highres import LMDB_SIZES, MARGIN_PX, lmdb_folder
from posable.data.deepfashion_names import flatten, unflatten
from posable.data.export_tables import annotation_table, name_list, pairs_table, pose_text, target_first_lists
from posable.data.framing import Framing, frame_in_picture
from posable.data.lmdb_pictures import lmdb_key, write_lmdb
from posable.data.market1501 import MARKET_SIZE
from posable.data.pictures import read_parsing, read_picture
from posable.data.prepared import read_prepared
from posable.errors import ConfigError, InputError
from posable.files import write_atomically
from posable.imaging.image import size_of
from posable.imaging.size import Size
from posable.parsing.schemes import PISE_8, translate
from posable.pose.pose import Pose
from posable.progress import ProgressCallback

__all__ = ["EXPORT_LAYOUTS", "ExportLayout", "export_corpus"]

ExportLayout = Literal["patn", "nted", "lmdb", "market"]
EXPORT_LAYOUTS: tuple[ExportLayout, ...] = ("patn", "nted", "lmdb", "market")


_TREES = ("nted", "lmdb")
_FASHION_FRAME = Size(256, 176)
_FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}
_FULL = (errno.ENOSPC, errno.EDQUOT)


def export_corpus(
    prepared: str | os.PathLike[str],
    out: str | os.PathLike[str],
    layout: ExportLayout | str,
    progress: ProgressCallback | None = None,
) -> Path:
    """Writes a prepared corpus to the folder `out` in the layout that a method's code reads, and gives it back.

    "patn": train/, test/, fasion-resize-*.csv and *.lst at 256x176, and PISE's maps in trainSPL8/ and testSPL8/ when
    there are some. "nted": the img/ tree, pose/*.txt and *_pairs.txt. "lmdb": the same, but the pictures in an LMDB
    folder, such as 256-176/, as NTED's code reads them; needs the `data` extra. "market": train/, test/ and
    market-*.csv at 128x64. DeepFashion's names are flattened or unflattened as the layout wants. Pictures are copied
    where they fit and encoded anew (JPEG of quality 95, or PNG, as their names end) where they do not. Pictures that
    are there are kept, so an interrupted run goes on.
    Raises ConfigError when the corpus cannot be in this layout, InputError when the disk is full.
    """
    if layout not in EXPORT_LAYOUTS:
        raise ConfigError(f"there is no layout '{layout}' to export to; choose one of {', '.join(EXPORT_LAYOUTS)}.")
    index, out = read_prepared(prepared), Path(out)
    if out.exists() and not out.is_dir():
        raise InputError(f"'{out}' is a file; give a folder to export to.")
    if out.resolve() == index.root.resolve():
        raise ConfigError(f"'{out}' is the prepared corpus itself; give another folder.")
    frame = MARKET_SIZE if layout == "market" else _FASHION_FRAME
    if frame_in_picture(index.size, frame) is None:
        raise ConfigError(
            f"'{index.root}' has pictures of {index.size}, but the layout '{layout}' wants the shape of {frame}; "
            f"prepare the corpus with --size {frame} first."
        )
    # NTED's code takes pictures of any size in the frame's shape; the others' take them as they are.
    scales = layout in _TREES and index.size.width * frame.height == index.size.height * frame.width
    size = index.size if scales else frame
    if layout == "lmdb" and size not in LMDB_SIZES:
        raise ConfigError(f"the LMDB layout has the sizes {' and '.join(map(str, LMDB_SIZES))}, not {size}.")
    names = _exported_names(index, layout)
    out.mkdir(parents=True, exist_ok=True)
    told = progress or (lambda _done, _total: None)
    try:
        if layout == "lmdb":
            images = _counted(index, told)
            write_lmdb(lmdb_folder(out, size), ((lmdb_key(names[i.name]), _encoded(i, size, "PNG")) for i in images))
        else:
            for image in _counted(index, told):
                name = names[image.name]
                _write_picture(image, out / name if layout == "nted" else out / image.split / name, size)
        for image in index.images.values():
            _write_labels(image, names[image.name], index, out, layout, frame)
        for split in index.splits:
            _write_tables(index, split, names, out, layout, frame)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise InputError(f"the disk of '{out}' is full; make room, and run the same command again.") from None
    return out


def _counted(index: CorpusIndex, told: ProgressCallback) -> Iterator[CorpusImage]:
    for number, image in enumerate(index.images.values(), start=1):
        yield image
        told(number, len(index.images))


def _exported_names(index: CorpusIndex, layout: ExportLayout) -> dict[str, str]:
    """What each image is called in the layout; raises ConfigError when two would be called the same."""
    names = {name: _exported_name(name, layout) for name in index.images}
    if len(set(names.values())) < len(names):
        twice = next(name for name, count in Counter(names.values()).items() if count > 1)
        raise ConfigError(f"two images would both be called '{twice}' in the layout '{layout}'; rename one of them.")
    return names


def _exported_name(name: str, layout: ExportLayout) -> str:
    if layout == "market":
        return name.replace("/", "_")
    try:
        return flatten(name) if layout == "patn" else unflatten(name)
    except InputError:
        # Other corpora keep their names; flat layouts have no folders.
        return name if layout in _TREES else name.replace("/", "_")


def _write_labels(
    image: CorpusImage, name: str, index: CorpusIndex, out: Path, layout: ExportLayout, frame: Size
) -> None:
    """What the layout keeps in a file for each image, beside its picture."""
    stem = name.rsplit(".", 1)[0]
    if layout == "patn" and image.parsing is not None and index.parsing_labels is not None:
        values = translate(read_parsing(image.parsing), index.parsing_labels, PISE_8)
        _write_map(Framing(frame, frame).parsing(values), out / f"{image.split}SPL8" / f"{stem}.png")
    if layout in _TREES and image.keypoints is not None:
        place = out / "pose" / f"{stem.removeprefix('img/')}.txt"
        _write(place, pose_text(_in_frame(image.keypoints, frame), MARGIN_PX))


def _write_picture(image: CorpusImage, place: Path, size: Size) -> None:
    """Copies the picture, or encodes it anew where size or format differ; a file that is there is kept."""
    kind = _FORMATS.get(place.suffix.lower())
    if kind is None:
        raise ConfigError(f"'{place.name}' does not end in .jpg or .png, as this layout wants; rename it.")
    if place.is_file():
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    assert isinstance(image.picture, Path)
    with Image.open(image.picture) as stored:
        fits = stored.format == kind and size_of(stored) == size
    with write_atomically(place) as temporary:
        if fits:
            shutil.copyfile(image.picture, temporary)
        else:
            temporary.write_bytes(_encoded(image, size, kind))


def _encoded(image: CorpusImage, size: Size, kind: str) -> bytes:
    picture = read_picture(image.picture)
    if size_of(picture) != size:
        picture = Framing(size, size).picture(picture)
    buffer = io.BytesIO()
    picture.save(buffer, kind, **({"quality": 95, "subsampling": 0} if kind == "JPEG" else {}))
    return buffer.getvalue()


def _in_frame(pose: Pose, frame: Size) -> Pose:
    """The pose of a prepared picture in the layout's frame: cut as pictures are, then scaled."""
    box = frame_in_picture(pose.size, frame)
    assert box is not None
    left, top, right, bottom = box
    shape = Size(round(bottom - top), round(right - left))
    return pose.crop(left, top, shape).resize(frame)


def _write_tables(
    index: CorpusIndex, split: Split, names: dict[str, str], out: Path, layout: ExportLayout, frame: Size
) -> None:
    pairs = [(names[source], names[target]) for source, target in index.usable_pairs(split)]
    if layout in _TREES:
        _write(out / f"{split}_pairs.txt", target_first_lists(pairs))
        return
    stem = "market" if layout == "market" else "fasion-resize"
    images = index.images_of(split)
    poses = [(names[i.name], _in_frame(i.keypoints, frame)) for i in images if i.keypoints is not None]
    _write(out / f"{stem}-pairs-{split}.csv", pairs_table(pairs))
    _write(out / f"{stem}-annotation-{split}.csv", annotation_table(poses))
    if layout == "patn":
        _write(out / f"{split}.lst", name_list(names[image.name] for image in images))


def _write_map(values: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Pillow takes a short write on a full disk for a whole one, so the bytes are made first.
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "PNG")
    with write_atomically(path) as temporary:
        temporary.write_bytes(buffer.getvalue())


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with write_atomically(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
