"""The tables that come with the field's corpora: pairs, keypoint annotations, name lists, NTED's text files.

Whatever Windows, spreadsheets and failed downloads do to text files is forgiven or named here: line ends, byte order
marks, quotes, web pages. An unusable table is an InputError; a line that cannot be used becomes a `Problem`.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from posable.data.corpus_index import Pair, Problem
from posable.errors import InputError
from posable.imaging.size import Size
from posable.pose.pose import OPENPOSE_18, Pose
from posable.progress import ProgressCallback

__all__ = ["read_annotations", "read_name_list", "read_pairs", "read_pose_text", "read_target_first_pairs"]

PAIR_COLUMNS = ("from", "to")
ANNOTATION_COLUMNS = ("name", "keypoints_y", "keypoints_x")
MISSING = -1
_COUNT = len(OPENPOSE_18.keypoints)
_PIXEL_CENTRE = 0.5
_MAX_MEGABYTES = 1000
_FAR = 1e6
_ROWS_BETWEEN_NEWS = 500

_WEB_PAGE = ("<!doctype html", "<html", "<head", "<?xml")


def read_text(path: Path) -> str:
    """The text of a file without a byte order mark. Raises InputError for what is no text, and for web pages."""
    if path.is_dir() or not path.exists():
        raise InputError(f"'{path}' {'is a folder' if path.is_dir() else 'does not exist'}; a table is needed there.")
    if path.stat().st_size > _MAX_MEGABYTES * 1_000_000:
        raise InputError(f"'{path}' has {path.stat().st_size / 1e6:.0f} MB, too much for a table; check the file.")
    try:
        text = path.read_text(encoding="utf-8-sig")
        if "\0" in text:
            raise ValueError
    except ValueError:
        raise InputError(f"'{path}' is no UTF-8 text, so it is no table; download it again.") from None
    if text[:2000].lstrip().lower().startswith(_WEB_PAGE):
        raise InputError(f"'{path}' is a web page (HTML), not a table: its download failed; download it again.")
    if not text.strip():
        raise InputError(f"'{path}' is empty; download it again.")
    return text


def read_pairs(path: Path) -> tuple[list[Pair], list[Problem]]:
    """The pairs (source, target) of a comma-separated table with the columns `from` and `to`."""
    pairs: list[Pair] = []
    problems: list[Problem] = []
    for number, row, _ in _rows(path, ",", PAIR_COLUMNS):
        source, target = (row.get(column, "").strip() for column in PAIR_COLUMNS)
        if source and target:
            pairs.append((source, target))
        else:
            empty = PAIR_COLUMNS[0] if not source else PAIR_COLUMNS[1]
            problems.append(_bad_line(path, number, f"has nothing in the column '{empty}'"))
    return pairs, problems


def read_annotations(
    path: Path, frame: Size, progress: ProgressCallback | None = None
) -> tuple[dict[str, Pose], list[Problem]]:
    """Poses by image name from the columns `name:keypoints_y:keypoints_x`: JSON lists of 18 pixel indices, -1 missing.

    Points may lie outside the frame, as the table says; `Pose.within_frame` hides them.
    """
    poses: dict[str, Pose] = {}
    problems: list[Problem] = []
    for number, row, total in _rows(path, ":", ANNOTATION_COLUMNS):
        if progress is not None and number % _ROWS_BETWEEN_NEWS == 0:
            progress(number, total)
        name = row["name"].strip()
        try:
            points = np.stack([_numbers(row.get("keypoints_x", "")), _numbers(row.get("keypoints_y", ""))], axis=1)
        except ValueError as error:
            problems.append(_bad_line(path, number, f"{error}, for '{name}'"))
            continue
        if name in poses:
            problems.append(_bad_line(path, number, f"names '{name}' a second time; the first one counts"))
            continue
        poses[name] = _pose(points, frame)
    return poses, problems


def read_name_list(path: Path) -> list[str]:
    """The names of a list with one on each line (train.lst)."""
    return [line.strip() for line in read_text(path).splitlines() if line.strip()]


def read_target_first_pairs(path: Path) -> tuple[list[Pair], list[Problem]]:
    """The pairs (source, target) of NTED's lists: each line is `target,source1[,source2...]`."""
    pairs: list[Pair] = []
    problems: list[Problem] = []
    rows = csv.reader(io.StringIO(read_text(path)), skipinitialspace=True)
    for row in rows:
        target, *sources = [cell.strip() for cell in row] or [""]
        named = [source for source in sources if source]
        if target and named:
            pairs += [(source, target) for source in named]
        elif target:
            problems.append(_bad_line(path, rows.line_num, "has a target and no source; it needs `target,source`"))
    return pairs, problems


def read_pose_text(path: Path, frame: Size, left: float) -> Pose:
    """The pose in NTED's text file: 18 rows `x y`, -1 missing; `left` is where the frame begins in the file's columns.

    Points may lie outside the frame. Raises InputError for anything else than 18 rows of two numbers.
    """
    rows = [line.split() for line in read_text(path).splitlines() if line.strip()]
    try:
        points = np.array([[float(value) for value in row] for row in rows])
    except ValueError:
        raise InputError(f"'{path}' is no pose; it needs {_COUNT} rows of two numbers, x and y.") from None
    if points.shape != (_COUNT, 2) or not np.isfinite(points).all():
        raise InputError(f"'{path}' is no pose; it needs {_COUNT} rows of two finite numbers, x and y.")
    return _pose(points, frame, left)


def _pose(points: npt.NDArray[np.float64], frame: Size, left: float = 0.0) -> Pose:
    visible = ~(points == MISSING).any(axis=1)
    return Pose((points + np.array([_PIXEL_CENTRE - left, _PIXEL_CENTRE])).astype(np.float32), visible, frame)


def _numbers(text: str) -> npt.NDArray[np.float64]:
    """The 18 finite numbers of a JSON list; raises ValueError that says what else is there."""
    try:
        values: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"has {text.strip()[:40]!r} where a list of {_COUNT} numbers belongs") from None
    if not isinstance(values, list) or len(values) != _COUNT:
        count = f"{len(values)} numbers" if isinstance(values, list) else "no list"
        raise ValueError(f"has {count} where a list of {_COUNT} numbers belongs")
    if not set(map(type, values)) <= {int, float} or not all(-_FAR < value < _FAR for value in values):
        raise ValueError("has something else than finite numbers in a list of keypoints")
    return np.array(values, np.float64)


def _rows(path: Path, separator: str, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str], int]]:
    """Number and cells by column of each line, and how many lines there are; InputError when a column is missing."""
    # Split here, a lone carriage return of an old Macintosh ends a line, too.
    lines = read_text(path).splitlines()
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True)
    try:
        header = [name.strip() for name in next(reader)]
        for column in columns:
            if column not in header:
                raise InputError(
                    f"'{path}' has no column '{column}'; its first line must be "
                    f"'{separator.join(columns)}', but is '{separator.join(header)[:80]}'."
                )
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, dict(zip(header, cells, strict=False)), len(lines)
    except csv.Error as error:
        raise InputError(f"'{path}' is no table that can be read ({error}); download it again.") from None


def _bad_line(path: Path, number: int, what: str) -> Problem:
    return Problem("bad-table", path.name, f"line {number} {what}.")
