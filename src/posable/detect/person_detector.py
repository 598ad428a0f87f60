"""BlazePose's first stage, decoded: 2,254 anchors to a few person candidates with alignment points."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

INPUT_PIXELS = 224
"""Side of the square picture that the detector network takes, RGB in [-1, 1]."""

NUM_ANCHORS = 2254

_ANCHORS_PER_CELL = ((8, 2), (16, 2), (32, 6))
"""(stride in px, anchors per cell): two for each of five feature maps, of which the last three share a stride."""

_LARGEST_LOGIT = 100.0


class Candidates(NamedTuple):
    """Found people, best first: boxes (n, 4) around the *head* as (left, top, right, bottom), scores (n,) in [0, 1],
    and alignment points (n, 4, 2): middle of the hips, rim of the whole body's circle, middle of the shoulders, rim of
    the upper body's circle. Coordinates are fractions of the detector's square."""

    boxes: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]
    points: npt.NDArray[np.float64]


@lru_cache(maxsize=1)
def anchors() -> npt.NDArray[np.float64]:
    """Centres (2254, 2) of the anchors as fractions (x, y) of the square, in the order of the network's output."""
    maps: list[npt.NDArray[np.float64]] = []
    for stride, count in _ANCHORS_PER_CELL:
        cells = INPUT_PIXELS // stride
        y, x = np.meshgrid(*[(np.arange(cells) + 0.5) / cells] * 2, indexing="ij")
        maps.append(np.repeat(np.stack([x, y], axis=-1).reshape(-1, 2), count, axis=0))
    return np.concatenate(maps)


def decode(raw: npt.NDArray[np.float32], logits: npt.NDArray[np.float32], threshold: float) -> Candidates:
    """The candidates that score at least `threshold`, before suppression, best first.

    `raw` (2254, 12) has, in px relative to the anchor's centre, the box's centre and size and four points; `logits`
    is (2254,) or (2254, 1).
    """
    assert raw.shape == (NUM_ANCHORS, 12), f"not the detector's output: {raw.shape}"
    scores = 1 / (1 + np.exp(-np.clip(logits.reshape(-1).astype(np.float64), -_LARGEST_LOGIT, _LARGEST_LOGIT)))
    kept = np.flatnonzero(scores >= threshold)
    kept = kept[np.argsort(-scores[kept], kind="stable")]
    pairs = raw[kept].astype(np.float64).reshape(-1, 6, 2) / INPUT_PIXELS
    center = pairs[:, 0] + anchors()[kept]
    half = pairs[:, 1] / 2
    return Candidates(
        np.concatenate([center - half, center + half], axis=1),
        scores[kept],
        pairs[:, 2:] + anchors()[kept, None],
    )


def suppress(candidates: Candidates, iou_threshold: float = 0.3) -> Candidates:
    """Weighted non-maximum suppression: each person once, as the score-weighted mean of the overlapping candidates.

    The best candidate lends its score. Candidates must come best first.
    """
    values = np.concatenate([candidates.boxes, candidates.points.reshape(-1, 8)], axis=1)
    left = np.arange(len(candidates.scores))
    merged: list[npt.NDArray[np.float64]] = []
    scores: list[float] = []
    while left.size:
        best = left[0]
        overlapping = intersection_over_union(candidates.boxes[best], candidates.boxes[left]) > iou_threshold
        overlapping[0] = True
        group = left[overlapping]
        merged.append(np.average(values[group], axis=0, weights=candidates.scores[group]))
        scores.append(float(candidates.scores[best]))
        left = left[~overlapping]
    table = np.array(merged).reshape(-1, 12)
    return Candidates(table[:, :4], np.array(scores), table[:, 4:].reshape(-1, 4, 2))


def intersection_over_union(box: npt.NDArray[np.float64], boxes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Overlap (n,) in [0, 1] of a box (4,) with boxes (n, 4), all (left, top, right, bottom)."""
    overlap = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    intersection = np.prod(np.clip(overlap, 0, None), axis=1)
    areas = np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None), axis=1)
    union = np.prod(np.clip(box[2:] - box[:2], 0, None)) + areas - intersection
    return intersection / np.maximum(union, 1e-12)
