"""Pose files: the formats of the field read, our own JSON written.

Our own JSON has "posable_pose": 1, "skeleton": "openpose-18", "size": [height, width], and "keypoints", which maps each
name to [x, y], or to null when it is hidden.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from posable.errors import PoseError
from posable.files import write_atomically
from posable.imaging.size import Size
from posable.pose.formats import KNOWN_FORMATS, pose_from_json
from posable.pose.pose import OPENPOSE_18, Pose

MAX_POSE_MEGABYTES = 50
MAX_TABLE_MEGABYTES = 1000

_CSV_HEADER = "name:keypoints_y:keypoints_x"
# NTED's text files are in a 256x256 frame, of which its pictures show the middle 176 columns.
_NTED_MARGIN_PX = 40
_NTED_FRAME = Size(256, 176)


def read_pose(path: str | os.PathLike[str], size: Size | None = None) -> Pose:
    """The pose in a file; its content decides the format, of several people the largest is taken.

    Known are OpenPose 18 and BODY_25, COCO 17 (an annotation, a list of them, or a data set of one picture),
    MediaPipe 33, our own JSON, and NTED's text files (18 rows `x y`, -1 missing, put in a 256x176 frame). `size` is the
    frame when the file names none. Without either, a frame is drawn around the person with a margin of a tenth.
    Keypoints outside the frame are hidden. Raises PoseError.
    """
    path = Path(path)
    origin = f"'{path}'"
    text = _read_text(path, MAX_POSE_MEGABYTES).strip()
    if text.startswith(("{", "[")):
        return pose_from_json(_parsed(text, origin), origin, size)
    if text.startswith(_CSV_HEADER):
        raise PoseError(f"{origin} is a table of many poses; read it with read_annotation_csv and choose one.")
    if path.suffix.lower() == ".txt":
        return _from_nted(text, origin)
    raise PoseError(f"{origin} is no pose file; known are {KNOWN_FORMATS}, and NTED's .txt.")


def read_pose_sequence(path: str | os.PathLike[str], size: Size | None = None) -> list[Pose]:
    """The poses of a JSON file that holds a list of them, or of the .json files of a folder in the order of names.

    Each is in any of the JSON formats of `read_pose`. Raises PoseError, also when there is none.
    """
    path = Path(path)
    if path.is_dir():
        poses = [read_pose(file, size) for file in sorted(path.glob("*.json"))]
    else:
        data = _parsed(_read_text(path, MAX_POSE_MEGABYTES).strip(), f"'{path}'")
        if not isinstance(data, list):
            raise PoseError(f"'{path}' holds no list; give a JSON list of poses, or a folder of pose files.")
        poses = [pose_from_json(entry, f"'{path}', pose {index},", size) for index, entry in enumerate(data, start=1)]
    if not poses:
        raise PoseError(f"'{path}' holds no poses; give a JSON list of poses, or a folder of pose files.")
    return poses


def read_annotation_csv(path: str | os.PathLike[str], size: Size = _NTED_FRAME) -> dict[str, Pose]:
    """The poses of the field's annotation table by picture name; all in frames of `size`.

    The rows are `name:keypoints_y:keypoints_x` with JSON lists of 18 pixel indices, -1 for a missing point. A row with
    no point at all gives a pose whose keypoints are all hidden. Raises PoseError with the line's number.
    """
    path = Path(path)
    lines = _read_text(path, MAX_TABLE_MEGABYTES).splitlines()
    if not lines or lines[0].strip() != _CSV_HEADER:
        raise PoseError(f"'{path}' does not begin with '{_CSV_HEADER}'; give the field's annotation table.")
    poses: dict[str, Pose] = {}
    for number, line in enumerate(lines[1:], start=2):
        if line.strip():
            name, pose = _from_row(line, f"'{path}', line {number},", size)
            poses[name] = pose
    return poses


def write_pose(pose: Pose, path: str | os.PathLike[str]) -> None:
    """Writes our own JSON, whole or not at all; raises InputError when the place cannot be written."""
    named = pose.named()
    keypoints = [
        f'    "{name}": ' + (f"[{named[name][0]:.6g}, {named[name][1]:.6g}]" if name in named else "null")
        for name in OPENPOSE_18.keypoints
    ]
    head = f'{{\n  "posable_pose": 1,\n  "skeleton": "{OPENPOSE_18.name}",\n  "size": {list(pose.size)},\n'
    with write_atomically(path) as temporary:
        temporary.write_text(head + '  "keypoints": {\n' + ",\n".join(keypoints) + "\n  }\n}\n", encoding="utf-8")


def _read_text(path: Path, max_megabytes: int) -> str:
    if path.is_dir():
        raise PoseError(f"'{path}' is a folder; give the name of a pose file.")
    if not path.exists():
        raise PoseError(f"'{path}' does not exist; check the name of the pose file.")
    try:
        length = path.stat().st_size
        if length > max_megabytes * 1_000_000:
            raise PoseError(
                f"'{path}' has {length / 1e6:.0f} MB, too much for a pose file; the limit is {max_megabytes}."
            )
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise PoseError(f"'{path}' is no text, so it is no pose file; known are {KNOWN_FORMATS}.") from None
    except OSError as error:
        raise PoseError(f"'{path}' cannot be read ({error.strerror}); check the file and its permissions.") from None
    if not text.strip():
        raise PoseError(f"'{path}' is empty; give a pose file.")
    return text


def _parsed(text: str, origin: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise PoseError(f"{origin} is broken JSON in line {error.lineno} ({error.msg}); get a whole copy.") from None
    except (ValueError, RecursionError):
        raise PoseError(f"{origin} is JSON that no pose program writes; known are {KNOWN_FORMATS}.") from None


def _from_nted(text: str, origin: str) -> Pose:
    rows = [line.split() for line in text.splitlines() if line.strip()]
    try:
        points = np.array([[float(value) for value in row] for row in rows])
    except ValueError:
        raise PoseError(f"{origin} is no pose; NTED's files have 18 rows of two numbers, x and y.") from None
    if points.shape != (len(OPENPOSE_18.keypoints), 2):
        raise PoseError(f"{origin} has {len(rows)} rows that are not all x and y; NTED's files have 18 rows `x y`.")
    visible = ~(points == -1).any(axis=1)
    return Pose.checked(points - [_NTED_MARGIN_PX, 0] + 0.5, visible, _NTED_FRAME, origin=origin)


def _from_row(line: str, origin: str, size: Size) -> tuple[str, Pose]:
    columns = line.rsplit(":", 2)
    if len(columns) != 3:
        raise PoseError(f"{origin} has {len(columns)} columns; expected {_CSV_HEADER}.")
    name = columns[0].strip()
    ys, xs = (_parsed(column, origin) for column in columns[1:])
    if not all(isinstance(values, list) and len(values) == len(OPENPOSE_18.keypoints) for values in (ys, xs)):
        raise PoseError(f"{origin} needs two lists of 18 numbers; known skeletons here are OpenPose 18 alone.")
    try:
        points = np.array([xs, ys], dtype=np.float64).T
    except (TypeError, ValueError, OverflowError):
        raise PoseError(f"{origin} has something other than numbers in its lists; correct the table.") from None
    visible = ~(points == -1).any(axis=1)
    return name, Pose.checked(points + 0.5, visible, size, origin=origin, may_be_empty=True)
