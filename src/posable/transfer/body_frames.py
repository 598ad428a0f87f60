"""Coordinates on clothes: how far along a body part each pixel lies, and how far around it.

A part is taken for a tube around its limb: across the limb the distance runs as on a cylinder seen from the side, so a
pattern narrows towards the outline, turns with the arm and follows the waist.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from posable.pose.pose import Pose

Array = npt.NDArray[np.floating[Any]]

_BINS = 48
_ROUNDNESS = 0.8
"""1 is a cylinder, whose surface is seen edge on at its outline; bodies are flatter, and patterns would smear."""


@dataclass(frozen=True)
class _Part:
    start: str
    end: str
    radius: float
    """In trunk lengths: from here on a pixel rather belongs to another part."""


_PARTS = {
    "torso": _Part("neck", "mid_hip", 0.42),
    "skirt": _Part("mid_hip", "hem", 0.55),
    "head": _Part("neck", "crown", 0.32),
    **{f"{side}_upper_arm": _Part(f"{side}_shoulder", f"{side}_elbow", 0.17) for side in ("right", "left")},
    **{f"{side}_forearm": _Part(f"{side}_elbow", f"{side}_wrist", 0.14) for side in ("right", "left")},
    **{f"{side}_thigh": _Part(f"{side}_hip", f"{side}_knee", 0.25) for side in ("right", "left")},
    **{f"{side}_shin": _Part(f"{side}_knee", f"{side}_foot", 0.18) for side in ("right", "left")},
}


@dataclass(frozen=True)
class BodyCoordinates:
    """For each pixel of a picture, in px of the picture."""

    around: Array
    """(h, w): from the middle line of the part, along its surface."""
    along: Array
    """(h, w): from the part's beginning."""
    part: npt.NDArray[np.int16]
    """(h, w): number of the part; patterns may break where it changes."""
    trunk_px: float
    """Length of the trunk: what sizes are measured by."""


def body_coordinates(pose: Pose, mask: Array, flared: bool) -> BodyCoordinates:
    """Coordinates for the pixels of a garment, whose `mask` (h, w) is in [0, 1]; the pose is in the picture's frame.

    `flared` takes what is below the hips as one piece, as skirts and dresses are, not as two legs.
    """
    points, trunk = _points(pose, mask)
    names = [
        name
        for name, part in _PARTS.items()
        if part.start in points
        and part.end in points
        and not (name == "skirt" and not flared)
        and not (flared and name.endswith(("_thigh", "_shin")))
    ]
    height, width = mask.shape
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32) + np.float32(0.5)
    nearest = np.full(mask.shape, np.inf, np.float32)
    chosen = np.zeros(mask.shape, np.int16)
    for number, name in enumerate(names):
        distance = _distance(xs, ys, points[_PARTS[name].start], points[_PARTS[name].end])
        distance = distance / (_PARTS[name].radius * trunk)
        nearer = distance < nearest
        nearest[nearer], chosen[nearer] = distance[nearer], number
    around, along = np.zeros(mask.shape, np.float32), np.zeros(mask.shape, np.float32)
    for number, name in enumerate(names):
        inside = chosen == number
        if (inside & (mask > 0.5)).any():
            u, v = _tube(xs, ys, inside, mask, points[_PARTS[name].start], points[_PARTS[name].end])
            offset = trunk if name == "skirt" else 0.0
            around[inside], along[inside] = u, v + offset
    if not names:
        around, along = xs - xs.mean(), ys
    return BodyCoordinates(around, along, chosen, trunk)


def _tube(
    xs: Array, ys: Array, inside: npt.NDArray[np.bool_], mask: Array, start: Array, end: Array
) -> tuple[Array, Array]:
    """Distance around and along for the pixels `inside`."""
    axis = end - start
    length = max(float(np.linalg.norm(axis)), 1e-3)
    axis = axis / length
    # To the person's left in the picture when the axis points down.
    across = np.array([axis[1], -axis[0]], np.float32)
    x, y = xs[inside] - start[0], ys[inside] - start[1]
    v, t = x * axis[0] + y * axis[1], x * across[0] + y * across[1]
    shown = mask[inside] > 0.5
    low, high = float(v[shown].min()), float(v[shown].max()) + 1e-3
    bins = np.clip(((v - low) / (high - low) * _BINS).astype(int), 0, _BINS - 1)
    left, right = np.full(_BINS, np.nan), np.full(_BINS, np.nan)
    order = np.argsort(bins[shown], kind="stable")
    sorted_bins, sorted_t = bins[shown][order], t[shown][order]
    edges = np.searchsorted(sorted_bins, np.arange(_BINS + 1))
    for b in range(_BINS):
        part = sorted_t[edges[b] : edges[b + 1]]
        if len(part) > 3:
            left[b], right[b] = np.quantile(part, 0.01), np.quantile(part, 0.99)
    known = ~np.isnan(left)
    if not known.any():
        return t.astype(np.float32), v.astype(np.float32)
    places = np.arange(_BINS)
    left, right = (np.interp(places, places[known], side[known]) for side in (left, right))
    middle = gaussian_filter1d((left + right) / 2, 5, mode="nearest")
    radius = gaussian_filter1d((right - left) / 2, 3, mode="nearest")
    radius = np.maximum(radius, 1.0)
    position = np.clip((v - low) / (high - low) * _BINS - 0.5, 0, _BINS - 1)
    centre, r = np.interp(position, places, middle), np.interp(position, places, radius)
    around = r / _ROUNDNESS * np.arcsin(_ROUNDNESS * np.clip((t - centre) / r, -1.1, 1.1))
    return around.astype(np.float32), v.astype(np.float32)


def _points(pose: Pose, mask: Array) -> tuple[dict[str, Array], float]:
    """The joints that parts hang between, those guessed that a half-length photo leaves out; the trunk's length."""
    points: dict[str, Array] = {name: np.array(xy, np.float32) for name, xy in pose.named().items()}
    shoulders = [points[name] for name in ("right_shoulder", "left_shoulder") if name in points]
    if "neck" not in points and len(shoulders) == 2:
        points["neck"] = (shoulders[0] + shoulders[1]) / 2
    hips = [points[name] for name in ("right_hip", "left_hip") if name in points]
    if hips:
        points["mid_hip"] = np.mean(hips, axis=0).astype(np.float32)
    elif "neck" in points and len(shoulders) == 2:
        across = shoulders[1] - shoulders[0]
        points["mid_hip"] = points["neck"] + 1.4 * max(float(np.linalg.norm(across)), 1.0) * np.array(
            [0, 1], np.float32
        )
    if "neck" in points and "mid_hip" in points:
        trunk = float(np.linalg.norm(points["mid_hip"] - points["neck"]))
    else:
        trunk = 0.3 * mask.shape[0]
    trunk = max(trunk, 4.0)
    if "mid_hip" in points:
        knees = [points[name] for name in ("right_knee", "left_knee") if name in points]
        down = np.array([0, 0.9 * trunk], np.float32)
        points["hem"] = np.mean(knees, axis=0).astype(np.float32) if knees else points["mid_hip"] + down
    if "neck" in points and "nose" in points:
        points["crown"] = points["neck"] + 1.8 * (points["nose"] - points["neck"])
    for side in ("right", "left"):
        if f"{side}_ankle" in points and f"{side}_knee" in points:
            points[f"{side}_foot"] = points[f"{side}_ankle"] + np.float32(0.35) * (
                points[f"{side}_ankle"] - points[f"{side}_knee"]
            )
    return points, trunk


def _distance(xs: Array, ys: Array, start: Array, end: Array) -> Array:
    """Of each pixel from the segment, px."""
    axis = end - start
    square = max(float(axis @ axis), 1e-6)
    along = np.clip(((xs - start[0]) * axis[0] + (ys - start[1]) * axis[1]) / square, 0, 1)
    return np.hypot(xs - start[0] - along * axis[0], ys - start[1] - along * axis[1])
