"""What the field's pose formats mean: parsed JSON in, `Pose` out. Reading the files is pose_files.py's business.

Formats that count pixels (OpenPose, COCO, the field's annotations) give the index of a pixel, so half a pixel is added
to come to its centre. MediaPipe's and our own coordinates are positions in the frame already.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from posable.errors import PoseError
from posable.imaging.size import Size
from posable.pose.pose import OPENPOSE_18, Pose

KNOWN_FORMATS = "OpenPose (18 or 25 points), COCO (17), MediaPipe (33) and posable's own JSON"

OPENPOSE_CONFIDENCE = 0.05
"""OpenPose's own threshold for drawing a point."""
COCO_CONFIDENCE = 0.3
"""Passes COCO's flags 1 (labelled, occluded) and 2 (visible); for detectors' scores the usual threshold."""
MEDIAPIPE_VISIBILITY = 0.5

_FRAME_MARGIN = 0.1
_MAX_FRAME_PX = 1_000_000
_PIXEL_CENTRE = 0.5

_Points = npt.NDArray[np.float64]
_Mask = npt.NDArray[np.bool_]


def openpose_25_to_18(points: _Points, visible: _Mask) -> tuple[_Points, _Mask]:
    """BODY_25 without its mid-hip and feet."""
    order = [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]
    return points[order], visible[order]


def coco_17_to_18(points: _Points, visible: _Mask) -> tuple[_Points, _Mask]:
    """COCO's points in our order; the neck is the middle of the shoulders, hidden when one of them is."""
    return _with_neck(points, visible, order=[0, -1, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3])


def mediapipe_33_to_18(points: _Points, visible: _Mask) -> tuple[_Points, _Mask]:
    """MediaPipe's (BlazePose's) points in our order; the neck is the middle of the shoulders."""
    return _with_neck(points, visible, order=[0, -1, 12, 14, 16, 11, 13, 15, 24, 26, 28, 23, 25, 27, 5, 2, 8, 7])


def _with_neck(points: _Points, visible: _Mask, order: list[int]) -> tuple[_Points, _Mask]:
    neck, right, left = (OPENPOSE_18.index(name) for name in ("neck", "right_shoulder", "left_shoulder"))
    ordered, known = points[order], visible[order]
    ordered[neck] = (ordered[right] + ordered[left]) / 2
    known[neck] = known[right] & known[left]
    return ordered, known


def pose_from_json(data: object, origin: str, size: Size | None) -> Pose:
    """The pose in parsed JSON of any known format; of several people the one of the largest extent.

    `size` is the frame when the data names none. Raises PoseError that begins with `origin`.
    """
    if isinstance(data, Mapping):
        fields = cast("Mapping[str, Any]", data)
        for key, read in _READERS.items():
            if key in fields:
                return read(fields, origin, size)
        raise PoseError(f"{origin} is in no known pose format; known are {KNOWN_FORMATS}.")
    if isinstance(data, Sequence) and not isinstance(data, str):
        return _from_list(cast("Sequence[Any]", data), origin, size)
    raise PoseError(f"{origin} holds no pose; known formats are {KNOWN_FORMATS}.")


def _from_list(items: Sequence[Any], origin: str, size: Size | None) -> Pose:
    if items and all(isinstance(item, Mapping) and "keypoints" in item for item in items):
        return _from_coco({"annotations": items}, origin, size)
    if items and all(isinstance(item, Mapping) and "x" in item for item in items):
        return _from_mediapipe({"landmarks": items}, origin, size)
    raise PoseError(f"{origin} holds a list that is no pose; known formats are {KNOWN_FORMATS}.")


def _from_posable(fields: Mapping[str, Any], origin: str, size: Size | None) -> Pose:
    version, skeleton = fields["posable_pose"], fields.get("skeleton", OPENPOSE_18.name)
    if isinstance(version, bool) or version != 1:
        raise PoseError(f"{origin} has posable_pose version {version!r}, but only 1 is known; update posable.")
    if skeleton != OPENPOSE_18.name:
        raise PoseError(f"{origin} has the skeleton {skeleton!r}; only '{OPENPOSE_18.name}' is known.")
    frame = _frame_in(fields, origin) or size
    if frame is None:
        raise PoseError(f'{origin} has no frame; add "size": [height, width] in pixels.')
    named = fields.get("keypoints")
    if not isinstance(named, Mapping):
        raise PoseError(f'{origin} has no "keypoints"; it must map the {len(OPENPOSE_18.keypoints)} names to [x, y].')
    unknown = [name for name in named if name not in OPENPOSE_18.keypoints]
    if unknown:
        raise PoseError(f"{origin} has an unknown keypoint {unknown[0]!r}; the names are {_names()}.")
    missing = [name for name in OPENPOSE_18.keypoints if name not in named]
    if missing:
        raise PoseError(f"{origin} lacks the keypoint '{missing[0]}'; write null for a hidden one.")
    points, visible = np.zeros((18, 2)), np.zeros(18, np.bool_)
    for index, name in enumerate(OPENPOSE_18.keypoints):
        if named[name] is not None:
            points[index] = _numbers(named[name], f"{origin}, {name},", length=2)
            visible[index] = True
    return Pose.checked(points, visible, frame, origin=origin)


def _from_openpose(fields: Mapping[str, Any], origin: str, size: Size | None) -> Pose:
    candidates: list[tuple[_Points, _Mask]] = []
    for person in _list_in(fields, "people", origin):
        if not isinstance(person, Mapping) or "pose_keypoints_2d" not in person:
            raise PoseError(f'{origin} has a person without "pose_keypoints_2d"; give OpenPose\'s body output.')
        values = _triples(person["pose_keypoints_2d"], origin, {18: "OpenPose 18", 25: "OpenPose BODY_25"})
        points, visible = values[:, :2], values[:, 2] > OPENPOSE_CONFIDENCE
        candidates.append((points, visible) if len(values) == 18 else openpose_25_to_18(points, visible))
    points, visible = _largest(candidates, origin)
    return _framed(points, visible, _frame_in(fields, origin) or size, origin, shift=_PIXEL_CENTRE)


def _from_coco(fields: Mapping[str, Any], origin: str, size: Size | None) -> Pose:
    annotations = _list_in(fields, "annotations", origin) if "annotations" in fields else [fields]
    frames = {
        image.get("id"): _frame_in(image, origin) for image in fields.get("images") or () if isinstance(image, Mapping)
    }
    people: list[tuple[_Points, _Mask]] = []
    found: list[Size | None] = []
    for annotation in annotations:
        if not isinstance(annotation, Mapping) or "keypoints" not in annotation:
            raise PoseError(f'{origin} has an annotation without "keypoints"; give COCO\'s keypoint annotations.')
        values = _triples(annotation["keypoints"], origin, {17: "COCO 17"})
        people.append(coco_17_to_18(values[:, :2], values[:, 2] >= COCO_CONFIDENCE))
        found.append(_frame_in(annotation, origin) or frames.get(annotation.get("image_id")))
    points, visible = _largest(people, origin)
    chosen = next(index for index, person in enumerate(people) if person[0] is points)
    frame = found[chosen] or _frame_in(fields, origin) or size
    return _framed(points, visible, frame, origin, shift=_PIXEL_CENTRE)


def _from_mediapipe(fields: Mapping[str, Any], origin: str, size: Size | None) -> Pose:
    landmarks: Any = next(fields[key] for key in _MEDIAPIPE_KEYS if key in fields)
    if isinstance(landmarks, Mapping):
        landmarks = landmarks.get("landmark") or landmarks.get("landmarks")
    if not isinstance(landmarks, list) or not landmarks:
        raise PoseError(f"{origin} has no landmarks, so it shows nobody; give a pose with a person.")
    people = [person for person in landmarks if isinstance(person, list)] or [landmarks]
    candidates: list[tuple[_Points, _Mask]] = []
    for person in people:
        if len(person) != 33:
            raise PoseError(f"{origin} has {len(person)} landmarks; MediaPipe's pose has 33.")
        rows = [_landmark(entry, f"{origin}, landmark {index},") for index, entry in enumerate(person)]
        values = np.array(rows)
        candidates.append(mediapipe_33_to_18(values[:, :2], values[:, 2] >= MEDIAPIPE_VISIBILITY))
    points, visible = _largest(candidates, origin)
    return _framed(points, visible, _frame_in(fields, origin) or size, origin)


_MEDIAPIPE_KEYS = ("landmarks", "pose_landmarks", "poseLandmarks", "landmark")

# By the key that gives a format away; the first that is present decides.
_READERS: dict[str, Callable[[Mapping[str, Any], str, Size | None], Pose]] = {
    "posable_pose": _from_posable,
    "people": _from_openpose,
    "annotations": _from_coco,
    "keypoints": _from_coco,
    **dict.fromkeys(_MEDIAPIPE_KEYS, _from_mediapipe),
}


def _framed(points: _Points, visible: _Mask, size: Size | None, origin: str, *, shift: float = 0.0) -> Pose:
    """The pose in its frame; without one, in a frame around the points with a margin of a tenth of their extent.

    `shift` is added to points that are in pixels.
    """
    seen = points[visible]
    if not len(seen):
        raise PoseError(f"{origin} has all its keypoints hidden; give a pose with at least one visible keypoint.")
    if _looks_normalised(seen):
        if size is None:
            raise PoseError(
                f'{origin} has points as fractions of an unknown frame; add "height" and "width" in pixels.'
            )
        return Pose.checked(points * [size.width, size.height], visible, size, origin=origin)
    if size is not None:
        return Pose.checked(points + shift, visible, size, origin=origin)
    low, high = seen.min(axis=0), seen.max(axis=0)
    margin = max(1.0, _FRAME_MARGIN * float((high - low).max()))
    width, height = (int(np.ceil(extent)) for extent in high - low + 2 * margin)
    if max(width, height) > _MAX_FRAME_PX:
        raise PoseError(f"{origin} spreads its points over {height}x{width} px, more than any picture; correct it.")
    return Pose.checked(points - low + margin, visible, Size(height, width), origin=origin)


def _looks_normalised(seen: _Points) -> bool:
    """Fractions of the frame rather than pixels: nobody is three pixels large."""
    return len(seen) > 0 and float(np.abs(seen).max()) <= 3.0


def _largest(people: Sequence[tuple[_Points, _Mask]], origin: str) -> tuple[_Points, _Mask]:
    """The person with the largest extent of visible points."""
    if not people:
        raise PoseError(f"{origin} has nobody in it; give a pose with a person.")

    def extent(person: tuple[_Points, _Mask]) -> float:
        seen = person[0][person[1]]
        return float(np.hypot(*(seen.max(axis=0) - seen.min(axis=0)))) if len(seen) else -1.0

    return max(people, key=extent)


def _triples(values: Any, origin: str, known: Mapping[int, str]) -> _Points:
    """A flat or nested list of x, y, confidence as (k, 3); null coordinates become a confidence of 0."""
    flat: list[Any] = []
    for value in values if isinstance(values, list) else []:
        flat.extend(value if isinstance(value, list) else [value])
    counts = {3 * count: name for count, name in known.items()}
    if len(flat) not in counts:
        right = " or ".join(f"{numbers} ({name})" for numbers, name in counts.items())
        raise PoseError(f"{origin} has {len(flat)} keypoint numbers; expected {right}. Known formats: {KNOWN_FORMATS}.")
    triples = [flat[start : start + 3] for start in range(0, len(flat), 3)]
    rows = [[0, 0, 0] if None in triple else triple for triple in triples]
    return np.array([_numbers(row, f"{origin}, keypoint {index},", length=3) for index, row in enumerate(rows)])


def _landmark(entry: Any, origin: str) -> list[float]:
    if not isinstance(entry, Mapping) or "x" not in entry or "y" not in entry:
        raise PoseError(f'{origin} has no "x" and "y"; give MediaPipe\'s landmarks.')
    certainty = [entry[key] for key in ("visibility", "presence") if entry.get(key) is not None]
    return _numbers([entry["x"], entry["y"], min(certainty, default=1.0)], origin, length=3)


def _numbers(values: Any, origin: str, length: int) -> list[float]:
    numeric = isinstance(values, list) and all(
        isinstance(value, (int, float)) and not isinstance(value, bool) for value in values
    )
    if not numeric or len(values) != length:
        raise PoseError(f"{origin} holds {str(values)[:60]!r} where {length} numbers belong; correct the file.")
    try:
        numbers = [float(value) for value in values]
    except OverflowError:
        raise PoseError(f"{origin} holds a number too large for any picture; correct the file.") from None
    if not np.isfinite(numbers).all():
        raise PoseError(f"{origin} holds {numbers}, not all of them finite numbers; write null for a hidden keypoint.")
    return numbers


def _list_in(fields: Mapping[str, Any], key: str, origin: str) -> list[Any]:
    if not isinstance(fields[key], list):
        raise PoseError(f'{origin} has a "{key}" that is no list; known formats are {KNOWN_FORMATS}.')
    return cast("list[Any]", fields[key])


def _frame_in(fields: Mapping[str, Any], origin: str) -> Size | None:
    """The frame size that the data states, under any of the usual names."""
    for keys in (("height", "width"), ("canvas_height", "canvas_width"), ("image_height", "image_width")):
        if keys[0] in fields and keys[1] in fields:
            found = [fields[keys[0]], fields[keys[1]]]
            break
    else:
        if "size" not in fields:
            return None
        found = fields["size"]
    height, width = _numbers(found, f"{origin}, frame size,", length=2)
    if not (
        1 <= height <= _MAX_FRAME_PX and 1 <= width <= _MAX_FRAME_PX and height.is_integer() and width.is_integer()
    ):
        raise PoseError(f"{origin} has a frame of {height:g} x {width:g}; give height and width in whole pixels.")
    return Size(int(height), int(width))


def _names() -> str:
    return ", ".join(OPENPOSE_18.keypoints)
