"""Every picture and parsing map of a corpus opened and decoded, in a few processes; what each was found to be."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from posable.data.corpus_index import CorpusImage, LmdbPicture
from posable.data.doctor.duplicates import Fingerprint, fingerprint
from posable.data.pictures import read_bytes, read_parsing, read_picture
from posable.errors import ImageError
from posable.imaging.image import size_of
from posable.imaging.size import Size

# A process needs two seconds to start; below this many pictures one process is faster.
_POOL_FROM = 600
_AT_ONCE = 64
_MAX_WORKERS = 8
_BLANK_BELOW = 1.0

_SIGNATURES = (
    (b"version https://git-lfs", "a pointer of Git LFS, whose file was never fetched"),
    (b"PK\x03\x04", "a ZIP archive that wants to be unpacked"),
    (b"\x1f\x8b", "a gzip archive that wants to be unpacked"),
    (b"%PDF", "a PDF document"),
)


@dataclass(frozen=True)
class PictureFacts:
    """What one image of a corpus was found to be."""

    size: Size | None = None
    fingerprint: Fingerprint | None = None
    is_blank: bool = False
    fault: tuple[str, str] | None = None
    """Kind of problem and a sentence, where the picture cannot be used."""
    parsing_size: Size | None = None
    labels: dict[int, int] | None = None
    """Pixels by label of the parsing map."""
    parsing_fault: tuple[str, str] | None = None


def examine(images: Sequence[CorpusImage], workers: int | None = None) -> Iterator[PictureFacts]:
    """The facts of each image, in order, as they become known.

    With more than a few hundred images the work is shared by `workers` processes, by default as many as there are
    cores, up to 8; scripts then need Python's usual `if __name__ == "__main__":`.
    """
    workers = min(workers or os.cpu_count() or 1, _MAX_WORKERS)
    if workers == 1 or len(images) < _POOL_FROM:
        yield from map(facts_of, images)
        return
    # Spawned, not forked: the caller may hold threads, which a fork would leave in an unusable state.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_leave_interrupts_to_the_parent) as pool:
        try:
            yield from pool.map(facts_of, images, chunksize=_AT_ONCE)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def facts_of(image: CorpusImage) -> PictureFacts:
    """Decodes the picture and the parsing map of one image."""
    parsing_size, labels, parsing_fault = _parsing_facts(image)
    fault = _fault_of(image.picture)
    picture: Image.Image | None = None
    if fault is None:
        try:
            picture = read_picture(image.picture)
        except ImageError as error:
            fault = ("unreadable-image", str(error))
    if picture is None:
        return PictureFacts(fault=fault, parsing_size=parsing_size, labels=labels, parsing_fault=parsing_fault)
    return PictureFacts(
        size=size_of(picture),
        fingerprint=fingerprint(picture),
        is_blank=bool(np.asarray(picture.reduce(2)).std(axis=(0, 1)).max() < _BLANK_BELOW),
        parsing_size=parsing_size,
        labels=labels,
        parsing_fault=parsing_fault,
    )


def _fault_of(picture: Path | LmdbPicture) -> tuple[str, str] | None:
    """What can be told from a name and the first bytes."""
    if isinstance(picture, Path) and not picture.is_file():
        return "missing-image", f"there is no file '{picture}'."
    try:
        start = _first_bytes(picture)
    except ImageError as error:
        return "missing-image" if isinstance(picture, LmdbPicture) else "unreadable-image", str(error)
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<?xml")) or b"<html" in text:
        return (
            "failed-download",
            f"'{picture}' is a web page (HTML), not a picture: its download failed, often for want of a login or for "
            "too much traffic; fetch it again.",
        )
    for signature, what in _SIGNATURES:
        if start.startswith(signature):
            return "failed-download", f"'{picture}' is {what}, not a picture; fetch it again."
    return None


def _first_bytes(picture: Path | LmdbPicture) -> bytes:
    if isinstance(picture, LmdbPicture):
        return read_bytes(picture)[:512]
    try:
        with picture.open("rb") as stream:
            return stream.read(512)
    except OSError as error:
        raise ImageError(f"'{picture}' cannot be read ({error.strerror}); check the file.") from None


def _parsing_facts(
    image: CorpusImage,
) -> tuple[Size | None, dict[int, int] | None, tuple[str, str] | None]:
    if image.parsing is None:
        return None, None, None
    if not image.parsing.is_file():
        return None, None, ("missing-parsing", f"there is no file '{image.parsing}'.")
    try:
        labels = read_parsing(image.parsing)
    except ImageError as error:
        return None, None, ("unreadable-parsing", str(error))
    values, counts = np.unique(labels, return_counts=True)
    return Size(*labels.shape), dict(zip(values.tolist(), counts.tolist(), strict=True)), None
