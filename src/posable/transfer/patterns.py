"""What may be given as a pattern: any picture, one of our own patterns by name, or a class of the DTD textures."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from posable.errors import ConfigError, InputError
from posable.imaging.image import read_image, to_pil, to_rgb
from posable.imaging.size import Size

PatternLike = Image.Image | npt.NDArray[np.uint8] | str | os.PathLike[str]
"""A PIL image, an array uint8 (h, w, 3), the path of a picture, a name in `PATTERNS`, or a DTD class with a folder."""

PATTERNS = (
    "argyle",
    "camouflage",
    "check",
    "denim",
    "dots",
    "fine_stripes",
    "floral",
    "houndstooth",
    "lettering",
    "mottled",
    "plaid",
    "solid",
    "stripes_across",
    "stripes_down",
    "tie_dye",
    "tweed",
    "zigzag",
)
"""Our own, drawn on demand; the seed chooses the colours."""
_WIDTH_IN_TRUNKS = 0.8


@dataclass(frozen=True, eq=False)
class Pattern:
    """A picture that fills the plane when repeated."""

    picture: Image.Image
    """RGB; its edges fit each other."""
    width_in_trunks: float
    """How much of the trunk's length its width takes at scale 1; a trunk is about half a metre."""

    @cached_property
    def digest(self) -> bytes:
        """Equal for equal patterns."""
        return blake2b(self.picture.tobytes() + repr((self.picture.size, self.width_in_trunks)).encode()).digest()

    def tile_of(self, side_px: float) -> npt.NDArray[np.float32]:
        """The tile in linear light, (h, w, 3) in [0, 1]; scaled to a width of about `side_px` if it is larger."""
        factor = min(1.0, side_px * 1.2 / self.picture.width)
        size = (max(2, round(self.picture.width * factor)), max(2, round(self.picture.height * factor)))
        picture = self.picture if factor == 1 else self.picture.resize(size, Image.Resampling.BOX)
        x = np.asarray(picture, np.float32) / 255
        return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4).astype(np.float32)

    def filling(self, frame: Size, side_px: float) -> Image.Image:
        """A picture of size `frame`, filled with tiles `side_px` wide."""
        width = max(2, round(side_px))
        height = max(2, round(side_px * self.picture.height / self.picture.width))
        tile = np.asarray(self.picture.resize((width, height), Image.Resampling.LANCZOS))
        pixels = np.tile(tile, (-(-frame.height // height), -(-frame.width // width), 1))
        return Image.fromarray(pixels[: frame.height, : frame.width])


def find_pattern(given: PatternLike | Pattern, dtd: str | os.PathLike[str] | None = None, seed: int = 0) -> Pattern:
    """The pattern that `given` stands for; one that was found already is itself.

    A name without a file behind it is one of our own `PATTERNS`, drawn in colours that `seed` chooses, or, with the
    folder `dtd`, a class of the Describable Textures, of which `seed` chooses a picture. Pictures of textures are
    mirrored at their edges, so that no seam shows; at scale 1 the picture is as wide as 0.8 trunks. Raises InputError
    for an unknown name, ConfigError for a negative seed, ImageError for a picture that cannot be read.
    """
    if isinstance(given, Pattern):
        return given
    if seed < 0:
        raise ConfigError(f"seed is {seed}; give a whole number from 0 on.")
    if isinstance(given, Image.Image):
        return _mirrored(to_rgb(given))
    if isinstance(given, np.ndarray):
        if given.dtype != np.uint8 or given.ndim != 3 or given.shape[2] != 3 or not given.size:
            raise InputError(
                f"the pattern is an array of {given.dtype} and shape {given.shape}; give uint8 of shape (h, w, 3), RGB."
            )
        return _mirrored(Image.fromarray(given))
    path = Path(given)
    if path.exists() or path.suffix:
        return _mirrored(read_image(path))
    name = str(given).replace("-", "_")
    if dtd is not None:
        return _mirrored(_dtd_picture(dtd, str(given), seed))
    if name in PATTERNS:
        return Pattern(_own(name, seed), _WIDTH_IN_TRUNKS)
    raise InputError(
        f"there is no file and no pattern '{given}'; give a picture, or one of {', '.join(PATTERNS)}, "
        "or a class of DTD with the folder that holds it."
    )


def _own(name: str, seed: int) -> Image.Image:
    from posable.people.wardrobe.patterns import make_pattern

    tile = make_pattern(name, np.random.default_rng(seed)).tile
    return Image.fromarray(np.round(tile * 255).astype(np.uint8))


def _dtd_picture(folder: str | os.PathLike[str], name: str, seed: int) -> Image.Image:
    from posable.data.textures import Textures

    textures = Textures(folder, "all", [name])
    if not len(textures):
        raise InputError(f"'{folder}' has no picture of the class '{name}'; unpack the whole archive of DTD.")
    return to_pil(textures[seed % len(textures)])


def _mirrored(picture: Image.Image) -> Pattern:
    """The picture beside and above its mirror images: what is on one edge is on the opposite one too."""
    pixels = np.asarray(picture)
    wide = np.concatenate([pixels, pixels[:, ::-1]], 1)
    return Pattern(Image.fromarray(np.concatenate([wide, wide[::-1]], 0)), 2 * _WIDTH_IN_TRUNKS)
