"""Gaps between limbs: background that a matte has taken for the person, as between an arm and the trunk."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from posable.imaging.guided_filter import GuidedFilter
from posable.imaging.size import Size
from posable.surface.background import filled_background
from posable.surface.grids import Floats, grown, resized, shrunk

_WORKING_PX = 320
"""Gaps are looked for at this size."""
_LEAST_SHARE = 4e-4
"""Of the person's area; smaller gaps are noise of the parsing map."""
_LIKE_BACKGROUND = 0.16
"""Mean difference to the filled-in background, of [-1, 1], below which a gap may be background,"""
_UNLIKE_PERSON = 0.6
"""and as a part of its difference to the person beside it."""


def without_gaps(matte: Floats, labels: npt.NDArray[np.uint8], image: Floats) -> Floats:
    """The matte (h, w) without what the parsing map (h, w) calls background and what looks like the background.

    `image` is (h, w, 3) in [-1, 1]. The parsing map alone is too coarse and the matte closes gaps; a part of the matte
    is taken out where the map says background and the picture agrees: its colours are those of the background filled in
    from around, and not those of the person beside it.
    """
    h, w = matte.shape
    shrink = max(1.0, max(h, w) / _WORKING_PX)
    size = Size(max(1, round(h / shrink)), max(1, round(w / shrink)))
    small, cover = resized(image, size), resized(matte[..., None], size)[..., 0]
    nowhere = resized((labels == 0).astype(np.float32)[..., None], size)[..., 0] > 0.7
    doubtful = shrunk((cover > 0.5) & nowhere, 1)
    parts, count = ndimage.label(doubtful)  # pyright: ignore[reportGeneralTypeIssues]
    person = (cover > 0.5) & ~grown(nowhere, 1)
    if not count or not person.any():
        return matte
    plate = filled_background(small, np.where(grown(doubtful, 2), 1.0, cover).astype(np.float32))
    gaps = np.zeros(size, bool)
    for number in range(1, count + 1):
        part = parts == number
        beside = grown(part, 5) & person
        if part.sum() < _LEAST_SHARE * person.sum() or not beside.any():
            continue
        to_background = float(np.abs(small[part] - plate[part]).mean())
        to_person = float(np.abs(small[part] - np.median(small[beside], 0)).mean())
        if to_background < _LIKE_BACKGROUND and to_background < _UNLIKE_PERSON * to_person:
            gaps |= part
    if not gaps.any():
        return matte
    # The core of each gap grows to the edges that the picture shows.
    wide = resized(grown(gaps, 1.5).astype(np.float32)[..., None], Size(h, w))[..., 0]
    edges = GuidedFilter(image, max(2, round(max(h, w) / 160)), 1e-4)(wide)
    return (matte * (1 - np.clip(edges * 1.6 - 0.3, 0, 1))).astype(np.float32)
