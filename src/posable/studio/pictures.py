"""Drawn pictures as bytes in the formats that requests may ask for."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from enum import Enum
from typing import Any

from PIL import Image

from posable.errors import InputError
from posable.imaging.image import to_rgb
from posable.imaging.sequence_output import image_strip, write_animation


class PictureFormat(str, Enum):
    """PNG keeps every level; JPEG and WebP are much smaller and faster, for previews."""

    png = "png"
    jpeg = "jpeg"
    webp = "webp"


class SequenceFormat(str, Enum):
    """PNG and JPEG: side by side in a strip. WebP and GIF: an animation."""

    png = "png"
    jpeg = "jpeg"
    webp = "webp"
    gif = "gif"


# PNG's level 3 takes a third of the time of the usual 6 for files a twentieth larger.
_OPTIONS: dict[str, dict[str, Any]] = {
    "png": {"compress_level": 3},
    "jpeg": {"quality": 92},
    "webp": {"quality": 92, "method": 1},
}


def picture_bytes(picture: Image.Image, kind: PictureFormat) -> bytes:
    """The picture as a file; JPEG, which has no transparency, shows white there."""
    file = io.BytesIO()
    shown = to_rgb(picture) if kind is PictureFormat.jpeg else picture
    shown.save(file, format=kind.value.upper(), **_OPTIONS[kind.value])
    return file.getvalue()


def sequence_bytes(pictures: Sequence[Image.Image], kind: SequenceFormat, seconds_per_picture: float) -> bytes:
    if kind in (SequenceFormat.png, SequenceFormat.jpeg):
        return picture_bytes(image_strip(pictures), PictureFormat(kind.value))
    file = io.BytesIO()
    write_animation(pictures, file, kind.value.upper(), seconds_per_picture)
    return file.getvalue()


def data_url(picture: Image.Image, kind: PictureFormat = PictureFormat.png) -> str:
    """The picture inside JSON, as browsers take it."""
    return f"data:image/{kind.value};base64,{base64.b64encode(picture_bytes(picture, kind)).decode('ascii')}"


def bytes_of_data_url(url: str) -> bytes:
    """What a data URL holds; raises InputError for one that is broken."""
    head, _, data = url.partition(",")
    try:
        if not (head.startswith("data:") and head.endswith(";base64")):
            raise ValueError(head)
        return base64.b64decode(data, validate=True)
    except ValueError:
        raise InputError("the mask is no data URL; send 'data:image/png;base64,...'.") from None


def brought_down(picture: Image.Image, side: int) -> Image.Image:
    """The picture with its longer side at most `side` px, antialiased."""
    longest = max(picture.size)
    if longest <= side:
        return picture
    width, height = (max(1, round(length * side / longest)) for length in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)
