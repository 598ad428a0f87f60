"""One run at a time writes to a folder; the system lets go of the lock when a run ends, however it ends."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from posable.errors import InputError

LOCK_NAME = ".posable-lock"


@contextmanager
def only_writer(folder: Path) -> Generator[None]:
    """Holds the folder while inside; raises InputError when another run does. The folder must exist."""
    with (folder / LOCK_NAME).open("a+b") as stream:
        if not _locked(stream):
            raise InputError(f"another run is writing to '{folder}'; wait until it ends, or choose another folder.")
        yield


def _locked(stream: IO[bytes]) -> bool:
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # File systems without locks: better to work unguarded than not at all, since files are written atomically.
        return True
    return True
