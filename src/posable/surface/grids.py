"""Filters on small pictures of many channels: filling, smoothing along edges, distances, sampling."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from posable.imaging.size import Size

Floats = npt.NDArray[np.floating]
"""Float32 in fact; NumPy's types lose that in mixed arithmetic."""
Mask = npt.NDArray[np.bool_]

_TINY = 1e-6
_FLATTEST = 0.1
"""Presence a px; where it changes less there is no clear contour."""
_SNAPPED_PX = 0.75
_CONTOUR_BLUR = 0.8


def push_pull(values: Floats, known: npt.NDArray[np.floating | np.bool_]) -> Floats:
    """`values` (h, w, c) where `known` (h, w) is 1; elsewhere continued smoothly from what is known around.

    Weighted means on a pyramid of halved grids, then back up (Gortler et al. 1996). What nothing is known about at all
    becomes 0.
    """
    from posable.surface.push_pull_compiled import halved, pulled

    weight = np.ascontiguousarray(known, np.float32)
    weighted = np.ascontiguousarray(values, np.float32) * weight[..., None]
    stack = [(weighted, weight)]
    while max(weight.shape) > 1 and weight.min() < 1:
        weighted, weight = halved(weighted, weight)
        stack.append((weighted, weight))
    top, top_weight = stack.pop()
    filled = top / np.maximum(top_weight, _TINY)[..., None]
    while stack:
        weighted, weight = stack.pop()
        filled = pulled(filled, weighted, weight)
    return filled


def smoothed(values: Floats, sigma_px: float) -> Floats:
    """Gaussian blur of (h, w) or (h, w, c) within each channel."""
    sigma = (sigma_px, sigma_px) + (0,) * (values.ndim - 2)
    return ndimage.gaussian_filter(values, sigma, mode="nearest", truncate=3)


def smoothed_within(values: Floats, inside: Mask, sigma_px: float) -> Floats:
    """Gaussian blur of (h, w, c) that only looks at the pixels `inside` (h, w)."""
    weight = inside.astype(np.float32)
    total = np.maximum(smoothed(weight, sigma_px), 1e-3)
    return smoothed(values * weight[..., None], sigma_px) / total[..., None]


def distance_to(where: Mask) -> Floats:
    """Distance (h, w) in px to the nearest pixel of `where`; a large number when there is none."""
    if not where.any():
        return np.full(where.shape, 1e6, np.float32)
    distances: Any = ndimage.distance_transform_edt(~where)
    return distances.astype(np.float32)


def nearest_of(where: Mask) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Row and column (h, w) of the pixel of `where` that is nearest to each pixel; `where` is not empty."""
    indices: Any = ndimage.distance_transform_edt(~where, return_distances=False, return_indices=True)
    return indices[0], indices[1]


def depth_inside(where: Mask, open_edges: tuple[bool, bool, bool, bool]) -> Floats:
    """Distance (h, w) in px of each pixel's centre to the outline of `where`, negative outside of it.

    The frame's edges that are open (top, bottom, left, right) cut the picture off: they are no outline.
    """
    padded = np.pad(where, 1)
    top, bottom, left, right = open_edges
    padded[0, 1:-1] = where[0] & top
    padded[-1, 1:-1] = where[-1] & bottom
    padded[1:-1, 0] = where[:, 0] & left
    padded[1:-1, -1] = where[:, -1] & right
    inside: Any = ndimage.distance_transform_edt(padded)
    inside = inside[1:-1, 1:-1]
    return np.where(where, inside - 0.5, 0.5 - np.minimum(distance_to(where), 20)).astype(np.float32)


def contour(presence: Floats, open_edges: tuple[bool, bool, bool, bool]) -> tuple[Floats, Floats]:
    """Signed distance (h, w) in px to where `presence` (h, w) is a half, finer than the grid near it; the way there.

    The second array (h, w, 2) is the step (x, y) from each pixel's centre to the contour, 0 for pixels further than
    about half a pixel from it.
    """
    rough = depth_inside(presence > 0.5, open_edges)
    # Derivatives of the blurred presence itself: differences between cells are too small for steps of one cell.
    soft = smoothed(presence, _CONTOUR_BLUR)
    orders: Any = ((1, 0), (0, 1))
    down, across = (ndimage.gaussian_filter(presence, _CONTOUR_BLUR, order=order, mode="nearest") for order in orders)
    slope = np.hypot(down, across)
    fine = (soft - 0.5) / np.maximum(slope, _FLATTEST)
    near = (np.abs(rough) < 2) & (np.abs(fine) < 2) & (slope > _FLATTEST)
    distance = np.where(near, np.sign(rough) * np.minimum(np.abs(fine), np.abs(rough) + 0.5), rough)
    close = near & (np.abs(fine) < _SNAPPED_PX)
    step = np.where(close, -fine / np.maximum(slope, _FLATTEST), 0)[..., None] * np.stack([across, down], -1)
    return distance.astype(np.float32), step.astype(np.float32)


def grown(where: Mask, radius_px: float) -> Mask:
    """The pixels within a distance of `where`."""
    return distance_to(where) <= radius_px


def shrunk(where: Mask, radius_px: float) -> Mask:
    """The pixels of `where` that are further than a distance from everything else; the frame's edge does not count."""
    return distance_to(~where) > radius_px


def sampled(picture: Floats, x: Floats, y: Floats) -> Floats:
    """Bilinear samples (n, c) of (h, w, c) at px positions; beyond the edge, the edge."""
    h, w = picture.shape[:2]
    x, y = np.clip(x - 0.5, 0, w - 1), np.clip(y - 0.5, 0, h - 1)
    left, top = np.minimum(x.astype(np.int32), max(w - 2, 0)), np.minimum(y.astype(np.int32), max(h - 2, 0))
    fx, fy = (x - left)[:, None], (y - top)[:, None]
    right, below = np.minimum(left + 1, w - 1), np.minimum(top + 1, h - 1)
    upper = picture[top, left] * (1 - fx) + picture[top, right] * fx
    lower = picture[below, left] * (1 - fx) + picture[below, right] * fx
    return (upper * (1 - fy) + lower * fy).astype(np.float32)


def resized(picture: Floats, size: Size) -> Floats:
    """A picture (h, w, c) at another size: means of boxes where it shrinks, bilinear where it grows."""
    if picture.shape[:2] == tuple(size):
        return picture
    smaller = size.height < picture.shape[0]
    way = Image.Resampling.BOX if smaller else Image.Resampling.BILINEAR
    channels = [
        np.asarray(Image.fromarray(np.ascontiguousarray(picture[..., c])).resize((size.width, size.height), way))
        for c in range(picture.shape[2])
    ]
    return np.stack(channels, 2).astype(np.float32)
