"""Pictures and parsing maps of a corpus, read from files and LMDB folders; failed downloads are named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from posable.data.corpus_index import LmdbPicture
from posable.data.decoding import UNDECODABLE
from posable.errors import ImageError
from posable.imaging.image import read_image

__all__ = ["read_bytes", "read_parsing", "read_picture"]

_WEB_PAGE = (b"<!doctype html", b"<html", b"<head", b"<?xml")


def read_picture(picture: Path | LmdbPicture) -> Image.Image:
    """The picture, 8-bit RGB; raises ImageError when it is missing, damaged, or a web page that was saved instead."""
    if isinstance(picture, LmdbPicture):
        from posable.data.lmdb_pictures import read_lmdb_picture

        return read_lmdb_picture(picture)
    _refuse_web_page(picture)
    return read_image(picture)


def read_bytes(picture: Path | LmdbPicture) -> bytes:
    """The bytes as they are stored; raises ImageError when they cannot be read."""
    if isinstance(picture, LmdbPicture):
        from posable.data.lmdb_pictures import read_lmdb_bytes

        return read_lmdb_bytes(picture)
    try:
        return picture.read_bytes()
    except OSError as error:
        raise ImageError(f"'{picture}' cannot be read ({error.strerror}); check the file.") from None


def read_parsing(path: Path) -> npt.NDArray[np.uint8]:
    """The values of an indexed or grey picture, uint8 (h, w). Raises ImageError for colours and for no picture."""
    if not path.is_file():
        raise ImageError(f"the parsing map '{path}' does not exist; make it, or go on without parsing.")
    _refuse_web_page(path)
    try:
        with Image.open(path) as picture:
            mode, values = picture.mode, np.array(picture)
    except UNDECODABLE:
        raise ImageError(f"the parsing map '{path}' cannot be decoded; make or download it again.") from None
    if mode not in ("P", "L"):
        raise ImageError(f"'{path}' is a picture of colours ({mode}); a parsing map has one 8-bit value per pixel.")
    return values


def _refuse_web_page(path: Path) -> None:
    try:
        with path.open("rb") as stream:
            start = stream.read(512)
    except OSError:
        # What is wrong with the place is told by those who read the picture.
        return
    if start.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(_WEB_PAGE):
        raise ImageError(
            f"'{path}' is a web page (HTML), not a picture: its download failed; "
            "download it again, logged in if need be."
        )
