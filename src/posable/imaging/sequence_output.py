"""Many drawn pictures in one file: side by side in a strip, or one after the other in an animation."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from posable.errors import InputError
from posable.files import write_atomically
from posable.imaging.image import save_image
from posable.imaging.size import Size

ANIMATED_SUFFIXES = (".gif", ".webp")
STRIP_SUFFIXES = (".png", ".jpg", ".jpeg")
_LARGEST_STRIP_SIDE_PX = 16_000


def image_strip(pictures: Sequence[Image.Image]) -> Image.Image:
    """The pictures, all of one size, from left to right; made smaller when the strip would pass 16,000 px."""
    assert pictures, "a strip needs a picture"
    width, height = pictures[0].size
    factor = min(1.0, _LARGEST_STRIP_SIDE_PX / (width * len(pictures)))
    cell = Size(max(1, int(height * factor)), max(1, int(width * factor)))
    strip = Image.new("RGB", (cell.width * len(pictures), cell.height))
    for index, picture in enumerate(pictures):
        fits = picture.size == (cell.width, cell.height)
        smaller = picture if fits else picture.resize((cell.width, cell.height), Image.Resampling.LANCZOS)
        strip.paste(smaller, (index * cell.width, 0))
    return strip


def save_animation(pictures: Sequence[Image.Image], path: str | os.PathLike[str], seconds_per_picture: float) -> None:
    """Writes an endless animation, whole or not at all; the suffix must be .webp or .gif. Raises InputError."""
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in ANIMATED_SUFFIXES:
        raise InputError(f"'{target}' cannot hold an animation; end the name in {' or '.join(ANIMATED_SUFFIXES)}.")
    with write_atomically(target) as temporary:
        write_animation(pictures, temporary, suffix.removeprefix(".").upper(), seconds_per_picture)


def write_animation(
    pictures: Sequence[Image.Image], file: Path | BinaryIO, kind: str, seconds_per_picture: float
) -> None:
    """An endless animation of `kind` "WEBP" or "GIF"."""
    first, *others = pictures
    milliseconds = round(seconds_per_picture * 1000)
    first.save(file, format=kind, save_all=True, append_images=others, duration=milliseconds, loop=0, quality=90)


def save_sequence(pictures: Sequence[Image.Image], path: str | os.PathLike[str], seconds_per_picture: float) -> None:
    """Writes an animation (.webp, .gif) or a strip (.png, .jpg), as the suffix says; raises InputError."""
    if Path(path).suffix.lower() in ANIMATED_SUFFIXES:
        save_animation(pictures, path, seconds_per_picture)
    else:
        save_image(image_strip(pictures), path)
