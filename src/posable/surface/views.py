"""Several photographs of one person: what one hides, another may show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from posable.errors import InputError
from posable.surface.drawing import Drawing
from posable.surface.grids import Floats, smoothed

_BETTER = 0.15
"""How much surer another photograph must be of a pixel before it takes a part in it,"""
_FULLY = 0.45
"""and all of it."""
_SAME_COLOR = 0.9


def joined_drawings(drawings: Sequence[Drawing]) -> tuple[Drawing, Floats]:
    """One person drawn in one pose from several photographs, as one drawing; and from which each pixel is (h, w).

    The drawing that is surest in all gives the outline; where another one is surer of the same limb, it gives the
    colours. `source` points into the photograph of that number. Raises InputError without drawings or for drawings of
    different sizes.
    """
    if not drawings or len({drawing.alpha.shape for drawing in drawings}) != 1:
        raise InputError("drawings to join need one size, and one drawing at least; draw all views in one target.")
    sureness = [float((drawing.confidence * drawing.alpha).sum()) for drawing in drawings]
    first = int(np.argmax(sureness))
    result = drawings[first]
    number = np.full(result.alpha.shape, first, np.float32)
    sigma = max(1.0, max(result.alpha.shape) / 256)
    for index, other in enumerate(drawings):
        if index == first:
            continue
        shared = (result.alpha > 0.5) & (other.alpha > 0.5) & (result.layer == other.layer)
        if not shared.any():
            continue
        gain = (smoothed(other.confidence * shared, sigma) - smoothed(result.confidence * shared, sigma)) / np.maximum(
            smoothed(shared.astype(np.float32), sigma), 1e-3
        )
        part = np.clip((gain - _BETTER) / (_FULLY - _BETTER), 0, 1) * shared
        color = result.color * (1 - part[..., None]) + _matched(other, result, shared) * part[..., None]
        replaced = part > 0.5
        number[replaced] = index
        result = replace(
            result,
            color=color.astype(np.float32),
            source=np.where(replaced[..., None], other.source, result.source),
            kind=np.where(replaced, other.kind, result.kind),
            confidence=np.where(replaced, other.confidence, result.confidence),
        )
    return result, number


def _matched(other: Drawing, base: Drawing, shared: np.ndarray) -> Floats:
    """The other drawing's colours in the light of the base, as far as pixels that both are sure of tell it."""
    agreed = shared & (other.confidence > _SAME_COLOR) & (base.confidence > _SAME_COLOR)
    if agreed.sum() < 0.02 * shared.sum():
        return other.color
    shift = np.median(base.color[agreed] - other.color[agreed], 0)
    return np.clip(other.color + np.clip(shift, -0.3, 0.3), -1, 1)
