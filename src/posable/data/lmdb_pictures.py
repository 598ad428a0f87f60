"""Pictures in LMDB folders, as NTED and PIDM store DeepFashion; needs the `lmdb` package (the `data` extra).

The key of a picture is its path in the corpus with the suffix .png, its value the bytes of a PNG file; the key `length`
counts the pictures.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import Image

from posable.data.corpus_index import LmdbPicture
from posable.data.decoding import decoded
from posable.errors import ImageError, InputError, MissingExtraError

__all__ = ["lmdb_key", "lmdb_keys", "read_lmdb_bytes", "read_lmdb_picture", "write_lmdb"]

LENGTH_KEY = "length"
DATA_FILE = "data.mdb"
_FIRST_MAP_SIZE = 2**26
_PER_TRANSACTION = 200
_HEADER_PAGES = 2
_SMALLEST_PAGE = 512


def lmdb_key(name: str) -> str:
    """The key of the picture that the corpus's lists call `name`."""
    return f"{name.rsplit('.', 1)[0]}.png"


def lmdb_keys(folder: Path) -> set[str]:
    """The keys of all pictures in the folder.

    Raises InputError when the folder is no LMDB or its file is cut short, MissingExtraError without the package.
    """
    environment = _environment(folder)
    with environment.begin() as transaction, transaction.cursor() as cursor:
        keys = {bytes(key).decode("utf-8", "replace") for key in cursor.iternext(keys=True, values=False)}
    return keys - {LENGTH_KEY}


def stated_length(folder: Path) -> int | None:
    """The number under the key `length`; None when there is none."""
    with _environment(folder).begin() as transaction:
        value = transaction.get(LENGTH_KEY.encode())
    return int(value) if value is not None and bytes(value).isdigit() else None


def read_lmdb_bytes(picture: LmdbPicture) -> bytes:
    """The stored bytes; raises ImageError when the key is not there."""
    with _environment(picture.folder).begin() as transaction:
        value = transaction.get(picture.key.encode("utf-8"))
    if value is None:
        raise ImageError(f"'{picture.folder}' has no picture under the key '{picture.key}'; get the whole LMDB folder.")
    return bytes(value)


def read_lmdb_picture(picture: LmdbPicture) -> Image.Image:
    """The picture, 8-bit RGB. Raises ImageError when it is missing or damaged."""
    return decoded(read_lmdb_bytes(picture), str(picture))


def write_lmdb(folder: Path, pictures: Iterable[tuple[str, bytes]]) -> None:
    """Writes pictures by key, and their number under `length`, to an LMDB folder; keys that are there are replaced.

    Raises MissingExtraError without the package; a full disk is an OSError with its usual number.
    """
    lmdb = _package(folder)
    # LMDB refuses a folder that this process has open, as reading it leaves it.
    _opened.cache_clear()
    folder.mkdir(parents=True, exist_ok=True)
    with lmdb.open(str(folder), map_size=_FIRST_MAP_SIZE) as environment:
        waiting: list[tuple[bytes, bytes]] = []
        for key, data in pictures:
            waiting.append((key.encode("utf-8"), data))
            if len(waiting) == _PER_TRANSACTION:
                _put(environment, waiting, folder)
                waiting.clear()
        _put(environment, waiting, folder)
        with environment.begin() as transaction:
            is_counted = transaction.get(LENGTH_KEY.encode()) is not None
        count = environment.stat()["entries"] - is_counted
        _put(environment, [(LENGTH_KEY.encode(), str(count).encode())], folder)


def _put(environment: Any, entries: Sequence[tuple[bytes, bytes]], folder: Path) -> None:
    """Writes the entries in one transaction; the memory map is doubled until they fit."""
    lmdb = _package(folder)
    try:
        with environment.begin(write=True) as transaction:
            for key, value in entries:
                transaction.put(key, value)
    except lmdb.MapFullError:
        environment.set_mapsize(2 * environment.info()["map_size"])
        _put(environment, entries, folder)
    except lmdb.DiskError as error:
        raise OSError(errno.ENOSPC, str(error), str(folder)) from None


def _package(folder: Path | str) -> Any:
    try:
        import lmdb
    except ImportError:
        raise MissingExtraError(
            f"'{folder}' is an LMDB folder, and for those the lmdb package is needed; "
            "install it with: pip install 'posable[data]'."
        ) from None
    return lmdb


def _environment(folder: Path) -> Any:
    _close_before_forks()
    return _opened(str(folder))


@lru_cache(maxsize=1)
def _close_before_forks() -> None:
    # LMDB forbids using an environment in a process that was forked off, and data loaders fork; so whatever is open is
    # closed first, and opened again where it is needed.
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_opened.cache_clear)


@lru_cache(maxsize=8)
def _opened(folder: str) -> Any:
    lmdb = _package(folder)
    path = Path(folder) / DATA_FILE
    if not path.is_file():
        raise InputError(f"'{folder}' holds no {DATA_FILE}; give the folder that the LMDB archive unpacks to.")
    length = path.stat().st_size
    if length < _HEADER_PAGES * _SMALLEST_PAGE:
        raise InputError(f"'{path}' is cut short ({length} bytes); copy or download it again.")
    try:
        environment: Any = lmdb.open(folder, readonly=True, lock=False, readahead=False, meminit=False)
    except lmdb.Error as error:
        raise InputError(f"'{path}' is no LMDB file that can be read ({error}); copy or download it again.") from None
    # A page beyond the end of a file that is cut short would end the process by a bus error: LMDB maps the file.
    needed = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
    if length < needed:
        environment.close()
        raise InputError(
            f"'{path}' is cut short: it has {length:,} bytes of at least {needed:,}; copy or download it again."
        )
    return environment
