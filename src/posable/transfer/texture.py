"""A pattern drawn onto a garment: it follows the body and keeps the garment's folds."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import gaussian_filter, map_coordinates

from posable.errors import ConfigError
from posable.imaging.size import Size
from posable.models.editing import check_strength
from posable.pose.pose import Pose
from posable.transfer.body_frames import BodyCoordinates, body_coordinates
from posable.transfer.patterns import Pattern

Array = npt.NDArray[np.floating[Any]]

_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
_FOLD_IN_TRUNKS, _PRINT_IN_TRUNKS = 0.022, 0.10
"""Widths of what counts as shading: finer than the first is weave or print; on printed cloth, finer than the second."""
_DARKEST, _BRIGHTEST = -1.3, 0.75
_FOLD_SHIFT = 0.05
"""How far, in trunk lengths, folds push the pattern aside."""
LEAST_SCALE, LARGEST_SCALE = 0.05, 20.0


def check_scale(scale: float) -> None:
    """Raises ConfigError for a scale out of range."""
    if not LEAST_SCALE <= scale <= LARGEST_SCALE:
        raise ConfigError(f"scale is {scale}; give a number from {LEAST_SCALE} to {LARGEST_SCALE:g}.")


def lay_pattern(
    picture: Image.Image,
    pose: Pose,
    mask: Array,
    pattern: Pattern,
    *,
    flared: bool = False,
    scale: float = 1.0,
    strength: float = 1.0,
) -> Image.Image:
    """The picture with the pattern where `mask` (h, w) in [0, 1] is.

    `scale` makes the pattern larger. `strength` 0 gives the picture itself, 1 the pattern alone. Light and
    folds are those of the garment: its brightness, without what is finer than folds. The pose is in the picture's
    frame; `flared` takes what is below the hips as one piece. Raises ConfigError for a scale or strength out of range.
    """
    check_strength(strength)
    check_scale(scale)
    rows, columns = _box_around(mask)
    if strength == 0 or rows.stop <= rows.start:
        return picture.copy()
    pixels = np.asarray(picture.convert("RGB"))
    light = _to_light(pixels[rows, columns])
    part = mask[rows, columns]
    there = pose.crop(columns.start, rows.start, Size(*part.shape))
    body = body_coordinates(_with_points_outside(pose, there, columns.start, rows.start), part, flared)
    shade, folds = _shading(light, part, body.trunk_px)
    cloth = _sampled(pattern, body, folds, scale) * shade[..., None]
    alpha = (part * strength)[..., None]
    blended = light + (cloth - light) * alpha
    result = pixels.copy()
    changed = alpha[..., 0] > 0
    result[rows, columns][changed] = _to_pixels(blended)[changed]
    return Image.fromarray(result)


def _shading(light: Array, mask: Array, trunk_px: float) -> tuple[Array, tuple[Array, Array]]:
    """How bright the garment is at each pixel for a garment of its colour, mean about 1; and the slope of its folds."""
    brightness = np.log(light @ _LUMINANCE + 0.02)
    fold, coarse = max(_FOLD_IN_TRUNKS * trunk_px, 0.7), max(_PRINT_IN_TRUNKS * trunk_px, 1.5)
    fine, wide = _mean_within(brightness, mask, fold), _mean_within(brightness, mask, coarse)
    inside = mask > 0.5
    middle = float(np.median(fine[inside])) if inside.any() else 0.0
    # Plain cloth varies little from fold to fold; what varies strongly between neighbours is a print.
    contrast = float((brightness - wide)[inside].std()) if inside.any() else 0.0
    printed = float(np.clip((contrast - 0.15) / 0.2, 0, 1))
    low = fine + np.float32(printed) * (wide - fine) - middle
    # Highlights and shadows bend towards limits, so that white prints do not burn.
    low = np.where(low < 0, _DARKEST * np.tanh(low / _DARKEST), _BRIGHTEST * np.tanh(low / _BRIGHTEST))
    slope_y, slope_x = np.gradient(gaussian_filter(low, fold) * (1 - printed))
    push = np.float32(_FOLD_SHIFT * trunk_px) * trunk_px
    limit = 0.04 * trunk_px
    folds = (np.clip(slope_x * push * 0.1, -limit, limit), np.clip(slope_y * push * 0.1, -limit, limit))
    return np.exp(low).astype(np.float32), (folds[0].astype(np.float32), folds[1].astype(np.float32))


def _mean_within(values: Array, mask: Array, sigma: float) -> Array:
    """Gaussian mean over the masked neighbours alone."""
    weight = gaussian_filter(mask, sigma)
    return gaussian_filter(values * mask, sigma) / np.maximum(weight, 1e-4)


def _sampled(pattern: Pattern, body: BodyCoordinates, folds: tuple[Array, Array], scale: float) -> Array:
    """The pattern's light at each pixel (h, w, 3)."""
    side = pattern.width_in_trunks * body.trunk_px * scale
    tile = pattern.tile_of(side)
    pixel = side / tile.shape[1]
    u, v = (body.around + folds[0]) / pixel, (body.along + folds[1]) / pixel
    # The middle of the pattern lies on the middle of the part, so that single motifs come to sit well.
    places = np.stack([v, u + tile.shape[1] / 2])
    channels = [map_coordinates(tile[..., c], places, order=1, mode="grid-wrap") for c in range(3)]
    return np.stack(channels, -1).astype(np.float32)


def _box_around(mask: Array) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.max(1) > 0), np.flatnonzero(mask.max(0) > 0)
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _with_points_outside(pose: Pose, cropped: Pose, left: int, top: int) -> Pose:
    """The pose in the window's frame, keeping the joints outside of it: parts reach beyond the garment."""
    return Pose(pose.keypoints - np.array([left, top], np.float32), pose.visible, cropped.size)


def _to_light(pixels: npt.NDArray[np.uint8]) -> Array:
    """sRGB to linear light, in [0, 1]: shading multiplies light, not pixel values."""
    x = pixels.astype(np.float32) / 255
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _to_pixels(light: Array) -> npt.NDArray[np.uint8]:
    x = np.clip(light, 0, 1)
    encoded = np.where(x <= 0.0031308, x * 12.92, 1.055 * x ** (1 / 2.4) - 0.055)
    return np.round(encoded * 255).astype(np.uint8)
