"""Files: writing that never leaves half a file behind, and the folder for things fetched once."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from posable.errors import InputError


@contextmanager
def write_atomically(path: str | os.PathLike[str]) -> Generator[Path]:
    """Gives a temporary path beside `path`, with its suffix, to write to; `path` appears only once all is written.

    When the body raises, the temporary file is removed and a file that stood at `path` before is untouched.
    Raises InputError when `path` cannot be written: its folder is missing or closed, or it is a folder itself.
    """
    target = Path(path)
    if target.is_dir():
        raise InputError(f"cannot write '{target}', because it is a folder; give the name of a file.")
    if not target.parent.is_dir():
        raise InputError(
            f"cannot write '{target}', because the folder '{target.parent}' does not exist; make it first."
        )
    if not os.access(target.parent, os.W_OK):
        raise InputError(
            f"cannot write '{target}', because the folder '{target.parent}' is closed to you; choose another."
        )
    temporary = target.with_name(f".{target.stem[:80]}.{uuid.uuid4().hex[:8]}{target.suffix}")
    try:
        yield temporary
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def cache_folder() -> Path:
    """The folder for downloads: the environment's POSABLE_CACHE, else the platform's user cache; not made here."""
    if chosen := os.environ.get("POSABLE_CACHE"):
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "posable" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "posable"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "posable"
