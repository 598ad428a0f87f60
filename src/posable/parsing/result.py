"""A parsing map as something to use: masks of regions, an indexed picture with its palette, a legend."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from posable.errors import ImageError
from posable.files import write_atomically
from posable.imaging.image import png_bytes
from posable.imaging.size import Size
from posable.parsing.schemes import LIP_20, ParsingLabels, check_values, palette

_PALETTE_COLORS = 256


@dataclass(frozen=True, eq=False)
class ParsingResult:
    """Which garment or body part each pixel of a picture shows."""

    labels: npt.NDArray[np.uint8]
    """(h, w): for each pixel a class of `scheme`. Left and right are the person's."""
    scheme: ParsingLabels = field(default=LIP_20)
    probabilities: npt.NDArray[np.float32] | None = field(default=None, repr=False)
    """(classes, h', w'), summing to 1, of the whole picture in its own size or a smaller one; None where the labels
    alone are known."""

    def __post_init__(self) -> None:
        check_values(self.labels, self.scheme)

    @property
    def size(self) -> Size:
        return Size(*self.labels.shape)

    def mask(self, classes: Sequence[int]) -> npt.NDArray[np.float32]:
        """The probability (h, w) of each pixel to be one of the classes, in [0, 1]."""
        chosen = list(classes)
        if self.probabilities is None:
            return np.isin(self.labels, chosen).astype(np.float32)
        share = Image.fromarray(self.probabilities[chosen].sum(0).clip(0, 1))
        if share.size != (self.size.width, self.size.height):
            share = share.resize((self.size.width, self.size.height), Image.Resampling.BILINEAR)
        return np.asarray(share)

    def shares(self) -> npt.NDArray[np.float32]:
        """The probabilities, or 1 for the class of each pixel and 0 for the others."""
        if self.probabilities is not None:
            return self.probabilities
        return (np.arange(len(self.scheme))[:, None, None] == self.labels).astype(np.float32)

    def to_picture(self) -> Image.Image:
        """An indexed picture ("P"): the values are the classes, the palette has the field's colours."""
        picture = Image.fromarray(self.labels, mode="P")
        colors = np.zeros((_PALETTE_COLORS, 3), np.uint8)
        colors[: len(self.scheme)] = palette(self.scheme)
        picture.putpalette(colors.ravel().tolist())
        return picture

    def over(self, picture: Image.Image, strength: float = 0.6) -> Image.Image:
        """The colours laid over a picture of the same size; the background stays as it is."""
        colors = palette(self.scheme)[self.labels].astype(np.float32)
        pixels = np.asarray(picture.convert("RGB"), np.float32)
        mixed = pixels + strength * (colors - pixels) * (self.labels > 0)[..., None]
        return Image.fromarray(mixed.round().astype(np.uint8))

    def legend(self) -> dict[str, Any]:
        """Plain values that say what the picture's numbers mean: scheme, size, and for each class its value, name,
        colour and number of pixels."""
        counts = np.bincount(self.labels.ravel(), minlength=len(self.scheme)).tolist()
        return {
            "scheme": self.scheme.name,
            "height": self.size.height,
            "width": self.size.width,
            "classes": [
                {"value": value, "name": name, "color": color, "pixels": count}
                for value, (name, color, count) in enumerate(
                    zip(self.scheme.classes, palette(self.scheme).tolist(), counts, strict=True)
                )
            ],
        }

    def shown(self) -> list[str]:
        """The names of the classes that have pixels, the largest first, without the background."""
        counts = np.bincount(self.labels.ravel(), minlength=len(self.scheme))
        order = sorted((v for v in range(1, len(counts)) if counts[v]), key=lambda value: -int(counts[value]))
        return [self.scheme.classes[value] for value in order]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the indexed picture, whole or not at all; PNG alone keeps palette and values.

        Raises ImageError for another suffix, InputError when the folder is missing or closed."""
        if not str(path).lower().endswith(".png"):
            raise ImageError(f"a parsing map is an indexed picture, so '{path}' cannot hold it; end the name in .png.")
        with write_atomically(path) as temporary:
            self.to_picture().save(temporary, format="PNG", optimize=True)

    def _repr_png_(self) -> bytes:
        """The classes in their colours, as Jupyter shows them."""
        return png_bytes(self.to_picture())
