"""The patterns of textures that were asked for lately: while a joint is dragged, each request names the same one."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b

from posable.data.textures import Textures
from posable.errors import InputError
from posable.imaging.image import decode_image
from posable.studio.pictures import brought_down
from posable.transfer.patterns import PATTERNS, Pattern, find_pattern

_MOST_HELD = 4
_SIDE_PX = 1024
"""Of a pattern's picture, at most: it is repeated, and drawn far smaller."""


class PatternStore:
    """Patterns of pictures of at most `pixels`, and by name; with the folder `dtd`, classes of the Describable Textures
    too. Raises InputError for a folder that is not DTD."""

    def __init__(self, pixels: int, dtd: str | os.PathLike[str] | None) -> None:
        self._pixels, self._dtd = pixels, dtd
        self.dtd_classes: list[str] = [] if dtd is None else Textures(dtd, "all").classes
        self._held: OrderedDict[object, Pattern] = OrderedDict()
        self._lock = threading.Lock()

    def of_file(self, data: bytes, name: str) -> Pattern:
        """The pattern in a picture file's bytes, which errors call `name`; raises what decoding raises."""
        read = lambda: brought_down(decode_image(data, name, self._pixels), _SIDE_PX)  # noqa: E731
        return self._kept(blake2b(data).digest(), lambda: find_pattern(read()))

    def named(self, name: str, seed: int) -> Pattern:
        """Raises InputError for an unknown name, ConfigError for a negative seed."""
        known = name.replace("-", "_") in PATTERNS
        if not known and name not in self.dtd_classes:
            more = f", or a class of DTD: {', '.join(self.dtd_classes)}" if self.dtd_classes else ""
            raise InputError(f"there is no pattern '{name}'; give a picture, or one of {', '.join(PATTERNS)}{more}.")
        return self._kept((name, seed), lambda: find_pattern(name, None if known else self._dtd, seed))

    def _kept(self, key: object, make: Callable[[], Pattern]) -> Pattern:
        with self._lock:
            found = self._held.get(key)
        if found is None:
            found = make()
        with self._lock:
            self._held[key] = found
            self._held.move_to_end(key)
            while len(self._held) > _MOST_HELD:
                self._held.popitem(last=False)
        return found
