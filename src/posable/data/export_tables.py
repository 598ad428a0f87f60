"""The field's tables, written as its scripts write them: separators, spaces, -1 for what is missing."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

import numpy as np

from posable.data.corpus_index import Pair
from posable.pose.pose import Pose

__all__ = ["annotation_table", "name_list", "pairs_table", "pose_text", "target_first_lists"]

_MISSING = -1
_PIXEL_CENTRE = 0.5


def pairs_table(pairs: Iterable[Pair]) -> str:
    """`from,to` and a line for each pair; names with a comma are quoted."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("from", "to"))
    writer.writerows(pairs)
    return buffer.getvalue()


def annotation_table(poses: Iterable[tuple[str, Pose]]) -> str:
    """`name:keypoints_y:keypoints_x` and a line of pixel indices for each image, `name: [ys]: [xs]`."""
    lines = ["name:keypoints_y:keypoints_x"]
    for name, pose in poses:
        indices = np.floor(pose.keypoints).astype(np.int64)
        # A point on the frame's far edge belongs to the last pixel.
        indices = np.minimum(indices, [pose.size.width - 1, pose.size.height - 1])
        indices[~pose.visible] = _MISSING
        lines.append(f"{name}: {indices[:, 1].tolist()}: {indices[:, 0].tolist()}")
    return "\n".join(lines) + "\n"


def name_list(names: Iterable[str]) -> str:
    return "".join(f"{name}\n" for name in names)


def target_first_lists(pairs: Sequence[Pair]) -> str:
    """NTED's `target,source1[,source2...]`; neighbouring pairs of one target share a line."""
    lines: list[list[str]] = []
    for source, target in pairs:
        if lines and lines[-1][0] == target:
            lines[-1].append(source)
        else:
            lines.append([target, source])
    return "".join(",".join(line) + "\n" for line in lines)


def pose_text(pose: Pose, left: float) -> str:
    """NTED's 18 rows `x y` of pixel indices, -1 missing; `left` is where the pose's frame begins in the columns."""
    rows: list[str] = []
    for (x, y), seen in zip(pose.keypoints.tolist(), pose.visible.tolist(), strict=True):
        rows.append(f"{_plain(x - _PIXEL_CENTRE + left)} {_plain(y - _PIXEL_CENTRE)}" if seen else "-1 -1")
    return "\n".join(rows) + "\n"


def _plain(value: float) -> str:
    """A number with at most three decimals, and none where it is whole; never -1, which means missing."""
    rounded = round(value, 3)
    if rounded == _MISSING:
        rounded += 0.001
    return f"{rounded:g}" if rounded == int(rounded) else f"{rounded:.3f}".rstrip("0")
