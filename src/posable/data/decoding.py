"""Bytes to pictures, and what Pillow raises for bytes that are none."""

from __future__ import annotations

import io

from PIL import Image

from posable.errors import ImageError
from posable.imaging.image import to_rgb

UNDECODABLE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    IndexError,
    KeyError,
    EOFError,
    Image.DecompressionBombError,
)


def decoded(data: bytes, origin: str) -> Image.Image:
    """The picture that the bytes hold, 8-bit RGB; raises ImageError that begins with `origin`."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            return to_rgb(picture)
    except UNDECODABLE:
        raise ImageError(f"'{origin}' is not a picture that can be decoded; get a whole copy of it.") from None
