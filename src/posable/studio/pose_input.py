"""Poses as requests give them: a shipped pose's name, or JSON in any format of the field. Never the name of a file."""

from __future__ import annotations

import json
import math
from typing import Any

from posable.errors import PoseError
from posable.imaging.frame import Frame
from posable.imaging.size import Size
from posable.pose.formats import KNOWN_FORMATS, pose_from_json
from posable.pose.library import shipped_pose
from posable.pose.pose import OPENPOSE_18, Pose
from posable.transfer.pose_lookup import Turn

JsonPose = str | dict[str, Any] | list[Any]

_DECIMALS = 3


def given_pose(given: JsonPose, frame: Size | None, origin: str = "the pose") -> Pose:
    """The pose that a request's JSON names or holds; `frame` is for formats that name none. Raises PoseError."""
    if isinstance(given, str):
        return shipped_pose(given)
    return pose_from_json(given, origin, frame)


def turn_of(degrees: Any) -> Turn:
    """A turn of the camera around the person, of `{"turn": degrees}`. Raises PoseError."""
    if isinstance(degrees, bool) or not isinstance(degrees, (int, float)) or not math.isfinite(degrees):
        raise PoseError('the turn is not a number of degrees; give {"turn": 30}, for example.')
    return Turn(float(degrees))


def pose_of_source(given: JsonPose, frame: Size) -> Pose:
    """The same for the person in a picture of size `frame`: fitted into it. Raises PoseError."""
    pose = given_pose(given, frame, "the source's pose")
    return Frame.letterbox(pose.size, frame).pose(pose)


def pose_from_field(text: str) -> JsonPose:
    """A form's field as JSON when it looks like it, else as a name. Raises PoseError for broken JSON."""
    if not text.lstrip().startswith(("{", "[")):
        return text.strip()
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise PoseError(f"the pose is broken JSON; give a shipped pose's name, or one of {KNOWN_FORMATS}.") from None


def pose_json(pose: Pose) -> dict[str, Any]:
    """posable's own JSON, as `write_pose` writes it to a file."""
    named = pose.named()
    keypoints = {
        name: [round(coordinate, _DECIMALS) for coordinate in named[name]] if name in named else None
        for name in OPENPOSE_18.keypoints
    }
    return {"posable_pose": 1, "skeleton": OPENPOSE_18.name, "size": list(pose.size), "keypoints": keypoints}
