"""Given parsing maps: what may be given, as a picture or a file."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from posable.errors import ImageError, InputError
from posable.imaging.image import open_picture
from posable.imaging.size import Size
from posable.parsing.result import ParsingResult
from posable.parsing.schemes import LIP_20, ParsingLabels, translate


def as_parsing(
    given: ParsingResult | Image.Image | npt.NDArray[np.uint8], picture: Size, scheme: ParsingLabels = LIP_20
) -> ParsingResult:
    """The parsing map that was given for a picture, in LIP-20 labels: a result, an indexed or grey picture, or an array
    uint8 (h, w), in the labels of `scheme`. Raises InputError for another size or for values that the scheme lacks."""
    if isinstance(given, ParsingResult):
        labels, scheme = given.labels, given.scheme
    elif isinstance(given, Image.Image):
        if given.mode not in ("P", "L"):
            raise InputError(
                f"the parsing map is a picture of mode {given.mode}; give an indexed (P) or grey (L) one, whose values "
                "are the classes."
            )
        labels = np.asarray(given)
    else:
        labels = given
    if labels.shape != tuple(picture):
        shape = "x".join(str(side) for side in labels.shape)
        raise InputError(f"the parsing map is {shape} and the picture {picture}; give a map of the picture's size.")
    if isinstance(given, ParsingResult) and scheme.name == LIP_20.name:
        return given
    return ParsingResult(translate(labels, scheme, LIP_20))


def read_labels(path: str | os.PathLike[str]) -> Image.Image:
    """The parsing map in a file, indexed or grey; raises ImageError for a file that holds none."""
    try:
        return decode_labels(Path(path).read_bytes(), f"'{path}'")
    except OSError as error:
        raise ImageError(f"the parsing map '{path}' cannot be read ({error.strerror}); check its name.") from None


def decode_labels(data: bytes, name: str) -> Image.Image:
    """`read_labels` of a file's bytes; errors call it `name`."""
    picture = open_picture(io.BytesIO(data), name)
    if picture.mode not in ("P", "L"):
        raise ImageError(
            f"{name} is a picture of colours ({picture.mode}); a parsing map is an indexed or grey PNG whose values "
            "are the classes, as 'posable parse' writes it."
        )
    return picture
