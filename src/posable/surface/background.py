"""What is behind the person: the photograph's own background filled in, a colour, another picture, or nothing."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from posable.body.fitted import Body
from posable.imaging.size import Size
from posable.surface.grids import Floats, Mask, grown, push_pull, resized, smoothed, smoothed_within
from posable.surface.limbs import anatomy, joint

_SHADOW, _LIFTED_METRES = 0.45, 0.12
_TOUCHED = 0.04
"""Where the matte is more than this, the picture shows something of the person."""
_GRAIN_PX = 3.0
_MOST_GRAIN = 3.0
"""Of the median of what is finer than `_GRAIN_PX`: stronger detail is a thing, not grain."""
_PLATE_PX = 512
"""The plate is filled in at this size; what stood behind the person is smooth anyway."""


def filled_background(image: Floats, matte: Floats) -> Floats:
    """`image` (h, w, 3) in [-1, 1] with the person of `matte` (h, w) taken out and filled in from around."""
    rows, columns = np.flatnonzero((matte > _TOUCHED).any(1)), np.flatnonzero((matte > _TOUCHED).any(0))
    if not len(rows):
        return image.astype(np.float32)
    # Only what is as far from the person as they are large has a say.
    around = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 8
    top, bottom = max(0, rows[0] - around), min(matte.shape[0], rows[-1] + 1 + around)
    left, right = max(0, columns[0] - around), min(matte.shape[1], columns[-1] + 1 + around)
    result = image.astype(np.float32)
    window = np.s_[top:bottom, left:right]
    result[window] = _filled(result[window], matte[window])
    return result


def _filled(image: Floats, matte: Floats) -> Floats:
    h, w = matte.shape
    shrink = max(1.0, max(h, w) / _PLATE_PX)
    size = Size(max(1, round(h / shrink)), max(1, round(w / shrink)))
    small = resized(image, size)
    person = grown(resized(matte[..., None], size)[..., 0] > _TOUCHED, max(2.0, 0.008 * max(size)))
    if person.all():
        return np.broadcast_to(image.mean((0, 1)), image.shape).astype(np.float32)
    plate = resized(_grained(push_pull(small, ~person), small, person), Size(h, w))
    hide = np.clip(resized(smoothed(grown(person, 1).astype(np.float32), 1.0)[..., None], Size(h, w)) * 2 - 0.3, 0, 1)
    return (image * (1 - hide) + plate * hide).astype(np.float32)


def _grained(smooth: Floats, picture: Floats, hole: Mask) -> Floats:
    """`smooth` with the detail of what is left and right of the hole, as wide as it is.

    Colours come from the smooth filling, so shadows and gradients go on; grass, walls and crowds keep their grain. The
    detail is moved by the hole's width, which changes slowly from row to row, so upright things stay upright.
    """
    detail = picture - smoothed_within(picture, ~hole, _GRAIN_PX)
    # Grass and walls have grain everywhere; stars of a flag and chairs do not, and would come out as their own ghosts.
    most = _MOST_GRAIN * float(np.median(np.abs(detail[~hole])))
    detail = np.clip(detail, -most, most)
    h, w = hole.shape
    rows, columns = np.indices((h, w))
    left = columns - np.maximum.accumulate(np.where(hole, -1, columns), 1)
    right = np.minimum.accumulate(np.where(hole, w, columns)[:, ::-1], 1)[:, ::-1] - columns
    width = np.where(hole, left + right, 0).max(1)
    reach = max(1, h // 16)
    width = ndimage.gaussian_filter1d(ndimage.maximum_filter1d(width.astype(np.float32), 2 * reach + 1), reach)
    shift = np.ceil(width).astype(np.int64)[:, None] + 1
    total, weight = np.zeros_like(smooth), np.zeros((h, w, 1), np.float32)
    for column, distance in ((columns - shift, left), (columns + shift, right)):
        usable = hole & (column >= 0) & (column < w)
        column = np.clip(column, 0, w - 1)
        usable &= ~hole[rows, column]
        # The nearer side decides, with a short change-over in the middle.
        share = (usable / np.maximum(distance, 1.0) ** 4).astype(np.float32)[..., None]
        total += detail[rows, column] * share
        weight += share
    return np.where(weight > 0, smooth + total / np.maximum(weight, 1e-12), smooth).astype(np.float32)


def contact_shadow(target: Body, size: Size, source: Body | None = None) -> Floats:
    """How much darker the ground is under the feet of `target`, (h, w) in [0, 1]; 0 where nobody stands.

    With `source`, the body in the photograph and in the same frame, feet that stay where they were cast no new shadow:
    the photograph has theirs. Lifted feet cast none.
    """
    parts = anatomy()
    rows, columns = np.indices(size, np.float32) + np.float32(0.5)
    lowest = float(target.vertices[parts.foot > 0.5, 2].min())
    shadow = np.zeros(size, np.float32)
    for side in "LR":
        foot = parts.weights[:, joint(f"foot.{side}")] > 0.5
        height = target.vertices[foot, 2]
        sole = target.screen_vertices[foot][height < height.min() + 0.3 * np.ptp(height), :2]
        strength = _SHADOW * float(np.clip(1 - (height.min() - lowest) / _LIFTED_METRES, 0, 1))
        if source is not None:
            moved = np.linalg.norm(sole.mean(0) - source.screen_vertices[foot, :2].mean(0)) / target.scale
            strength *= float(np.clip((moved - 0.03) / 0.07, 0, 1))
        if strength == 0:
            continue
        # The sole's own spread, and a little more; the ground is seen at a low angle.
        spread = np.cov(sole.T) + np.diag([0.03 * target.scale, 0.012 * target.scale]) ** 2
        offset = np.stack([columns, rows], -1) - sole.mean(0)
        inverse = np.linalg.inv(spread)
        distance = np.einsum("hwi,ij,hwj->hw", offset, inverse, offset)
        shadow = np.maximum(shadow, strength * np.exp(-0.5 * distance))
    return shadow.astype(np.float32)


def shadowed(background: Floats, shadow: Floats) -> Floats:
    """`background` (h, w, 3) in [-1, 1], darker by the shares `shadow` (h, w)."""
    return ((background + 1) * (1 - shadow[..., None]) - 1).astype(np.float32)


def over(color: Floats, alpha: Floats, background: Floats) -> Floats:
    """`color` (h, w, 3) laid over `background` (h, w, 3) or a colour (3,)."""
    return (color * alpha[..., None] + background * (1 - alpha[..., None])).astype(np.float32)
