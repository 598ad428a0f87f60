"""One image of a corpus into the prepared layout: its picture, its map, and its line of the index."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from posable.data.corpus_index import CorpusImage
from posable.data.framing import Framing
from posable.data.pictures import read_bytes, read_parsing, read_picture
from posable.data.prepared import IMAGES, PARSING, check_inside, line_of
from posable.errors import ImageError, InputError, SizeError
from posable.files import write_atomically
from posable.imaging.frame import Fit
from posable.imaging.image import size_of
from posable.imaging.size import Size
from posable.parsing.schemes import ParsingLabels, check_values, palette

__all__ = ["ImageJob", "index_line", "is_outdated", "stem_of", "write_image"]

_KEPT_FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}
# Three times as fast as Pillow's own level, for files 13 % larger.
_PNG_LEVEL = 3


@dataclass(frozen=True)
class ImageJob:
    """What every worker needs to know."""

    out: Path
    size: Size
    fit: Fit
    scheme: ParsingLabels | None
    shared_stems: frozenset[str]


def write_image(image: CorpusImage, job: ImageJob) -> dict[str, Any]:
    """Writes the picture and the map of one image; gives its line of the index, or a problem's fields."""
    try:
        check_inside(image.name)
        data, suffix = _prepared_bytes(image, job)
        labels = _prepared_map(image, job)
    except InputError as error:
        kind = _kind_of(image)
        return {"name": image.name, "kind": kind, "detail": str(error)}
    stem = stem_of(image.name)
    picture = job.out / IMAGES / (image.name + ("" if suffix is None else suffix))
    if suffix is not None and stem not in job.shared_stems:
        picture = job.out / IMAGES / f"{stem}{suffix}"
    _write_bytes(picture, data)
    parsing = None
    if labels is not None and job.scheme is not None:
        name = image.name if stem in job.shared_stems else stem
        parsing = job.out / PARSING / f"{name}.png"
        _write_bytes(parsing, _png_of_map(labels, job.scheme))
    return index_line(image, job, picture, parsing.relative_to(job.out).as_posix() if parsing is not None else None)


def index_line(image: CorpusImage, job: ImageJob, picture: Path, parsing: str | None) -> dict[str, Any]:
    """The line of the index for a picture that is written, with the labels that the corpus has now."""
    framing = _framing(image, job)
    pose = framing.pose(image.keypoints) if image.keypoints is not None else None
    place = job.out / parsing if parsing is not None else None
    return line_of(CorpusImage(image.name, image.split, image.person, picture, job.size, pose, place), job.out)


def _framing(image: CorpusImage, job: ImageJob) -> Framing:
    return Framing(image.size_of_keypoint_frame, job.size, job.fit, image.any_shape)


def is_outdated(image: CorpusImage, record: dict[str, Any], out: Path) -> bool:
    """A file of the corpus is newer than what was made of it, or a map has come since."""
    made = [(image.picture, out / record["file"])]
    if image.parsing is not None and image.parsing.is_file():
        if record["parsing"] is None:
            return True
        made.append((image.parsing, out / record["parsing"]))
    return any(
        isinstance(source, Path) and source.is_file() and source.stat().st_mtime_ns > product.stat().st_mtime_ns
        for source, product in made
    )


def _kind_of(image: CorpusImage) -> str:
    missing = isinstance(image.picture, Path) and not image.picture.exists()
    return "missing-image" if missing else "unreadable-image"


def _prepared_bytes(image: CorpusImage, job: ImageJob) -> tuple[bytes, str | None]:
    """The bytes of the working picture, and its suffix where that is not the name's; unchanged pictures are copied."""
    picture = read_picture(image.picture)
    if image.size_of_keypoint_frame == job.size == size_of(picture):
        data = read_bytes(image.picture)
        kind = _format_of(data)
        suffix = PurePosixPath(image.name).suffix.lower()
        if kind is not None:
            return data, None if _KEPT_FORMATS.get(suffix) == kind else {"JPEG": ".jpg", "PNG": ".png"}[kind]
    try:
        working = _framing(image, job).picture(picture)
    except SizeError as error:
        raise ImageError(f"'{image.picture}' {error}") from None
    buffer = io.BytesIO()
    working.save(buffer, "PNG", compress_level=_PNG_LEVEL)
    return buffer.getvalue(), None if image.name.lower().endswith(".png") else ".png"


def _format_of(data: bytes) -> str | None:
    """JPEG or PNG when the picture is stored plainly: 8-bit RGB, upright."""
    with Image.open(io.BytesIO(data)) as picture:
        plain = picture.mode == "RGB" and "transparency" not in picture.info and not picture.getexif().get(0x0112)
        return picture.format if plain and picture.format in ("JPEG", "PNG") else None


def _prepared_map(image: CorpusImage, job: ImageJob) -> npt.NDArray[np.uint8] | None:
    if image.parsing is None or job.scheme is None or not image.parsing.is_file():
        return None
    values = read_parsing(image.parsing)
    try:
        check_values(values, job.scheme)
        return _framing(image, job).parsing(values)
    except InputError as error:
        raise ImageError(f"'{image.parsing}' {error}") from None


def _png_of_map(values: npt.NDArray[np.uint8], scheme: ParsingLabels) -> bytes:
    picture = Image.fromarray(values).convert("P")
    picture.putpalette(palette(scheme).tobytes())
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def _write_bytes(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with write_atomically(path) as temporary:
        temporary.write_bytes(data)


def stem_of(name: str) -> str:
    """The name without its suffix, folders kept."""
    stem, _, suffix = name.rpartition(".")
    return stem if stem and "/" not in suffix else name
