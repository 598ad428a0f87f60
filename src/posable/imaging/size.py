"""The size of a picture; needs nothing, so that every part can import it."""

from __future__ import annotations

import re
from typing import NamedTuple

from posable.errors import SizeError


class Size(NamedTuple):
    """Height and width in pixels, in this order."""

    height: int
    width: int

    @classmethod
    def parse(cls, text: str) -> Size:
        """The size written as HEIGHTxWIDTH, as in "256x176"; raises SizeError for anything else."""
        found = re.fullmatch(r"\s*([1-9][0-9]{0,5})\s*[xX]\s*([1-9][0-9]{0,5})\s*", text)
        if found is None:
            raise SizeError(f"'{text}' is not a size; write height x width in pixels, for example 256x176.")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.height}x{self.width}"
