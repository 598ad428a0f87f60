"""Somebody else's garment on a person: both drawn in one pose, the reference's region laid over the source's.

What is in front stays in front: hair and face before a collar, arms before a shirt. Where the old garment is larger
than the new one, what the new one leaves free appears: the source's skin where the reference shows skin there, the
other garment continued, or the background.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter
from torch.nn import functional

from posable.baselines.part_warp import filled_in
from posable.parsing.schemes import LIP_20
from posable.transfer.regions import sharpened

Array = npt.NDArray[np.floating[Any]]


def _classes(*names: str) -> list[int]:
    return [LIP_20.index(name) for name in names]


_HEAD = _classes("hair", "face", "hat", "sunglasses")
_ARMS = _classes("left-arm", "right-arm", "glove")
_SKIN = _classes("torso-skin", "left-arm", "right-arm", "left-leg", "right-leg")
_FACE = _classes("face")
_TOPS = _classes("upper-clothes", "coat", "scarf")
_BOTTOMS = _classes("pants", "skirt")
_DRESS = _classes("dress")
_BACKGROUND = [0]

_REPLACED: dict[str, list[int]] = {
    "upper": _TOPS,
    "lower": _BOTTOMS,
    "dress": [*_TOPS, *_BOTTOMS, *_DRESS],
    "outfit": [*_TOPS, *_BOTTOMS, *_DRESS],
    "hair": _classes("hair"),
    "hat": _classes("hat"),
    "face": _classes("face", "sunglasses"),
}
"""What of the source a region takes the place of, where that is more than the region itself."""
_KEPT_IN_FRONT: dict[str, list[int]] = {
    "lower": [*_HEAD, *_TOPS, *_ARMS],
    "shoes": _BOTTOMS,
    "socks": _BOTTOMS,
    "hair": _classes("hat"),
    "face": _classes("hair", "hat"),
}
"""What of the source stays before the new region."""
_LEAST_SHARE = 2e-3
"""Of the picture: less of a garment tells nothing about it."""
_FILLED_WHOLE_PX = 256
"""The longest side of a picture that is filled in at its own size."""
GIVEN = "given"
"""In the place of a region's name: what a mask says."""


@dataclass(frozen=True)
class Dressed:
    """A person as drawn in a pose: everything in one frame."""

    image: Array
    """(3, h, w) in [0, 1]."""
    shares: Array
    """(20, h, w): LIP-20 classes, summing to 1."""

    def of(self, classes: Sequence[int]) -> Array:
        return sharpened(self.shares[list(classes)].sum(0))


@dataclass(frozen=True)
class Swapped:
    image: Array
    """(3, h, w) in [0, 1]."""
    touched: Array
    """(h, w) in [0, 1]: 0 where the picture is the source's own."""


def swap(
    source: Dressed, reference: Dressed, region: str, classes: Sequence[int], new: Array, hips_y: float | None
) -> Swapped:
    """The source with the part `new` (h, w) of the reference, which is the region of these LIP-20 `classes`.

    `hips_y` is where the hips are, px from the top: a dress counts as a top above and as trousers below it.
    """
    seam = max(source.image.shape[-2] / 400, 0.6)
    old = source.of(_REPLACED.get(region, classes))
    if region in ("upper", "lower") and hips_y is not None:
        rows = np.arange(source.image.shape[-2], dtype=np.float32)[:, None] + 0.5
        above = 0.5 - 0.5 * np.tanh((rows - hips_y) / (4 * seam))
        old = old + source.of(_DRESS) * (above if region == "upper" else 1 - above)
    front = source.of(_KEPT_IN_FRONT.get(region, []))
    if region in ("upper", "dress", "outfit"):
        # A collar or scarf covers a neck; it does not cover hair that hangs before it.
        front = source.of(_classes("hair", "hat", "sunglasses")) + source.of(_FACE) * (1 - new)
    new_garment = sharpened(new) * (1 - front.clip(0, 1))
    # The old garment's rim is mixed with what is beside it, so that goes too; skin and hair stay.
    beside = 1 - source.of([*_SKIN, *_HEAD]) * (1 - old)
    grown = np.minimum(maximum_filter(old, 2 * round(3 * seam) + 1), beside)
    freed = _soft(np.clip(1.5 * np.maximum(old, grown) * (1 - new_garment), 0, 1), seam)
    freed = np.where(freed < 0.04, 0, freed)
    image = source.image
    if freed.any():
        image = image + (_uncovered(source, reference, region, new) - image) * freed
    weight = _soft(new_garment, seam)
    weight = np.where(weight < 0.02, 0, weight)
    image = image + (reference.image - image) * weight
    return Swapped(image.clip(0, 1).astype(np.float32), np.maximum(weight, freed).astype(np.float32))


def _uncovered(source: Dressed, reference: Dressed, region: str, new: Array) -> Array:
    """What there is to see of the source where its old garment is gone."""
    # Rims are left out of what is continued: they are mixed with what they border on.
    rim = 2 * round(source.image.shape[-2] / 120) + 1
    inner = lambda mask: minimum_filter(mask, rim) > 0.8  # noqa: E731
    bottoms, inside_new = inner(source.of(_BOTTOMS)), inner(new)
    garment = _continued(reference.image, inside_new) if inside_new.any() else reference.image
    # Under a shorter top the source's trousers go on; where the reference's hair hangs, the new garment does.
    under = region == "upper" and bottoms.mean() > _LEAST_SHARE
    layers = [
        (reference.of(_SKIN + (_FACE if region != "face" else [])), recoloured_skin(source, reference)),
        (reference.of(_BACKGROUND), _continued(source.image, source.of(_BACKGROUND) > 0.9)),
        (
            reference.of([*_BOTTOMS, *_DRESS]) * under,
            _continued(source.image, bottoms) if under else source.image,
        ),
    ]
    rest = (1 - sum((share for share, _ in layers), np.zeros_like(new))).clip(0.02)
    layers.append((rest, garment))
    total = sum((share for share, _ in layers), np.zeros_like(new))
    return sum((share * image for share, image in layers), np.zeros_like(source.image)) / total


def recoloured_skin(source: Dressed, reference: Dressed) -> Array:
    """The reference's drawing with the colour and brightness of the source's skin; its shading stays."""
    skin = (source.of(_SKIN + _FACE) > 0.7) & (source.image.mean(0) > 0.02)
    reference_skin = (reference.of(_SKIN + _FACE) > 0.7) & (reference.image.mean(0) > 0.02)
    if skin.sum() < 20 or reference_skin.sum() < 20:
        return reference.image
    to, of = (np.median(picture.image[:, at], 1) for picture, at in ((source, skin), (reference, reference_skin)))
    gain = (to / np.maximum(of, 0.02)).clip(0.2, 5)[:, None, None]
    return (reference.image * gain).clip(0, 1).astype(np.float32)


def _continued(image: Array, known: npt.NDArray[np.bool_]) -> Array:
    """The picture with all that is not `known` filled in from around. Of large pictures at half the size: what is
    filled in is smooth."""
    pixels, there = torch.from_numpy(image), torch.from_numpy(known)[None]
    whole = -functional.max_pool2d(-there.float()[None], 2, ceil_mode=True)[0] > 0
    if max(known.shape) <= _FILLED_WHOLE_PX or not whole.any():
        return filled_in(pixels, there).numpy()
    small = filled_in(functional.avg_pool2d(pixels, 2, ceil_mode=True), whole)
    smooth = functional.interpolate(small[None], known.shape, mode="bilinear", align_corners=False)[0]
    return torch.where(there, pixels, smooth).numpy()


def _soft(mask: Array, sigma: float) -> Array:
    """A border a few pixels wide, running inside of the mask's own."""
    return gaussian_filter(mask, sigma).clip(0, 1)
