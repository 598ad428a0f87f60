"""What is behind the person: the photograph's own background filled in, a colour, another picture, or nothing."""

from __future__ import annotations

import numpy as np
from PIL import Image

from posable.imaging.size import Size
from posable.surface.grids import Floats, Mask, grown, push_pull, smoothed, smoothed_within

_GRAIN_PX = 6.0
_PLATE_PX = 512
"""The plate is filled in at this size; what stood behind the person is smooth anyway."""


def filled_background(image: Floats, matte: Floats) -> Floats:
    """`image` (h, w, 3) in [-1, 1] with the person of `matte` (h, w) taken out and filled in from around."""
    h, w = matte.shape
    shrink = max(1.0, max(h, w) / _PLATE_PX)
    size = Size(max(1, round(h / shrink)), max(1, round(w / shrink)))
    small = _resized(image, size)
    person = grown(_resized(matte[..., None], size)[..., 0] > 0.04, max(2.0, 0.008 * max(size)))
    if person.all():
        return np.broadcast_to(image.mean((0, 1)), image.shape).astype(np.float32)
    plate = _resized(_grained(push_pull(small, ~person), small, person), Size(h, w))
    hide = np.clip(_resized(smoothed(grown(person, 1).astype(np.float32), 1.0)[..., None], Size(h, w)) * 2 - 0.3, 0, 1)
    return (image * (1 - hide) + plate * hide).astype(np.float32)


def _grained(smooth: Floats, picture: Floats, hole: Mask) -> Floats:
    """`smooth` with the texture of what is left and right of the hole, mirrored at its borders.

    Colours come from the smooth filling, so shadows and gradients go on; grass, walls and crowds keep their grain.
    """
    detail = picture - smoothed_within(picture, ~hole, _GRAIN_PX)
    h, w = hole.shape
    rows, columns = np.indices((h, w))
    free = ~hole
    left = np.maximum.accumulate(np.where(free, columns, -1), 1)
    right = np.minimum.accumulate(np.where(free, columns, w)[:, ::-1], 1)[:, ::-1]
    total, weight = np.zeros_like(smooth), np.zeros((h, w, 1), np.float32)
    for border, exists in ((left, left >= 0), (right, right < w)):
        column = 2 * border - columns
        usable = exists & hole & (column >= 0) & (column < w)
        column = np.clip(column, 0, w - 1)
        usable &= free[rows, column]
        share = (usable / np.maximum(np.abs(border - columns), 1)).astype(np.float32)[..., None]
        total += detail[rows, column] * share
        weight = np.maximum(weight, 0) + share
    grain = total / np.maximum(weight, 1e-6)
    return np.where(hole[..., None] & (weight > 0), smooth + grain, smooth)


def over(color: Floats, alpha: Floats, background: Floats) -> Floats:
    """`color` (h, w, 3) laid over `background` (h, w, 3) or a colour (3,)."""
    return (color * alpha[..., None] + background * (1 - alpha[..., None])).astype(np.float32)


def _resized(picture: Floats, size: Size) -> Floats:
    if picture.shape[:2] == tuple(size):
        return picture
    smaller = size.height < picture.shape[0]
    way = Image.Resampling.BOX if smaller else Image.Resampling.BILINEAR
    channels = [
        np.asarray(Image.fromarray(np.ascontiguousarray(picture[..., c])).resize((size.width, size.height), way))
        for c in range(picture.shape[2])
    ]
    return np.stack(channels, 2).astype(np.float32)
