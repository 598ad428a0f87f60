"""What a person wears and shows, by everyday names: one table for the library, the command line and the service."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import binary_fill_holes, label

from posable.errors import ImageError, InputError
from posable.imaging.size import Size
from posable.parsing.result import ParsingResult
from posable.parsing.schemes import LIP_20

_CLASSES: dict[str, tuple[str, ...]] = {
    "upper": ("upper-clothes", "coat"),
    "lower": ("pants", "skirt"),
    "dress": ("dress",),
    "outfit": ("upper-clothes", "coat", "dress", "pants", "skirt", "scarf"),
    "hair": ("hair",),
    "face": ("face", "sunglasses"),
    "hat": ("hat",),
    "shoes": ("left-shoe", "right-shoe"),
    "socks": ("socks",),
    "gloves": ("glove",),
    "scarf": ("scarf",),
    "glasses": ("sunglasses",),
    "skin": ("torso-skin", "face", "left-arm", "right-arm", "left-leg", "right-leg"),
}
REGIONS: dict[str, tuple[int, ...]] = {
    name: tuple(LIP_20.index(part) for part in parts) for name, parts in _CLASSES.items()
}
"""LIP-20 classes of each region."""

_LEAST_SHARE = 2e-4
"""Of the picture; a region of fewer pixels is a mistake of the parser, or nothing that one would see."""
_SOFT_ZONE = 0.25
"""Shares below it count as none, those as near to 1 as all: nothing shines through, and far pixels stay as they are."""
_LARGEST_HOLE = 0.03
"""Of the region: buttons, badges and straps are parts of what they are on."""


def region_classes(region: str) -> tuple[int, ...]:
    """The LIP-20 classes of a region; raises InputError that lists the names."""
    if region not in REGIONS:
        raise InputError(f"there is no region '{region}'; choose one of {', '.join(REGIONS)}, or give a mask.")
    return REGIONS[region]


def region_in(parsing: ParsingResult, region: str, whose: str) -> npt.NDArray[np.float32]:
    """How far each pixel belongs to the region, (h, w) in [0, 1].

    Raises InputError, naming `whose` picture it is and what it shows instead, when the region is not there."""
    classes = region_classes(region)
    if np.isin(parsing.labels, classes).mean() < _LEAST_SHARE:
        shown = ", ".join(name for name, parts in REGIONS.items() if np.isin(parsing.labels, parts).mean() > 2e-3)
        raise InputError(f"{whose} shows no {region} that could be found; it shows {shown or 'nobody'}.")
    return without_holes(sharpened(parsing.mask(classes)))


def sharpened(shares: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float32]:
    """Shares (h, w) stretched around 0.5 and clipped to [0, 1]; borders stay a pixel or two wide."""
    return ((shares - _SOFT_ZONE) / (1 - 2 * _SOFT_ZONE)).clip(0, 1).astype(np.float32)


def without_holes(mask: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The mask (h, w) with small enclosed gaps filled."""
    inside = mask > 0.5
    found: Any = label(np.asarray(binary_fill_holes(inside)) & ~inside)
    holes, count = found
    if not count:
        return mask
    areas = np.bincount(holes.ravel())
    small = np.flatnonzero(areas < _LARGEST_HOLE * inside.sum())
    return np.where(np.isin(holes, small[small > 0]), np.float32(1), mask).astype(np.float32)


def check_mask_size(mask: Size, picture: Size, name: str) -> None:
    """Raises ImageError, with the picture's name, for a mask of another size."""
    if mask != picture:
        raise ImageError(f"the mask is {mask} and {name} is {picture}; give a mask of the picture's size.")


def mask_of(mask: Image.Image | npt.NDArray[np.uint8], picture: Size, name: str) -> npt.NDArray[np.float32]:
    """A given mask as (h, w) in [0, 1]: white is in, black is out; of the picture's size. Raises ImageError."""
    grey = np.asarray(mask.convert("L") if isinstance(mask, Image.Image) else mask)
    if grey.dtype != np.uint8 or grey.ndim != 2:
        raise ImageError(f"the mask of {name} is {grey.dtype} of shape {grey.shape}; give uint8 of shape (h, w).")
    check_mask_size(Size(*grey.shape), picture, name)
    if not (grey > 127).any():
        raise ImageError(f"the mask of {name} has no white pixel; paint the region white on black.")
    return (grey.astype(np.float32) / 255).astype(np.float32)
