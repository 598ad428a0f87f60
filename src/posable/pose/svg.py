"""Skeletons as SVG text, for pages and notebooks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from posable.imaging.size import Size
from posable.pose.skeleton import OPENPOSE_18, PALETTE

_LARGEST_SHOWN_PX = 512
_BACKGROUND = "#18181c"


def hex_color(rgb: Sequence[float]) -> str:
    """Of channels in [0, 1]."""
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in rgb[:3])


def keypoint_color(index: int) -> str:
    return hex_color(PALETTE[index])


def skeleton_group(keypoints: npt.NDArray[np.float32], visible: npt.NDArray[np.bool_], size: Size) -> str:
    """The limbs, then the keypoints (18, 2), in px of a frame of `size`; limbs with a hidden end are left out."""
    stroke = max(1.2, max(size) / 110)
    parts: list[str] = []
    for limb, (start, end) in enumerate(OPENPOSE_18.limbs[: len(PALETTE) - 1]):
        if visible[start] and visible[end]:
            (x1, y1), (x2, y2) = keypoints[start].tolist(), keypoints[end].tolist()
            parts.append(f"<path d='M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}' stroke='{keypoint_color(limb)}'/>")
    for index, (x, y) in enumerate(keypoints.tolist()):
        if visible[index]:
            parts.append(f"<circle cx='{x:.1f}' cy='{y:.1f}' r='{stroke * 1.15:.1f}' fill='{keypoint_color(index)}'/>")
    return f"<g stroke-width='{stroke:.1f}'>{''.join(parts)}</g>"


def shown_skeleton(keypoints: npt.NDArray[np.float32], visible: npt.NDArray[np.bool_], size: Size) -> str:
    """A whole SVG picture: the skeleton on dark grey in its frame, at most 512 px a side."""
    factor = min(1.0, _LARGEST_SHOWN_PX / max(size))
    width, height = (max(1, round(factor * side)) for side in (size.width, size.height))
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' "
        f"viewBox='0 0 {size.width} {size.height}'><rect width='100%' height='100%' fill='{_BACKGROUND}'/>"
        f"{skeleton_group(keypoints, visible, size)}</svg>"
    )
