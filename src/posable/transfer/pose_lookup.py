"""What a user may give as a pose: a Pose, a pose file, a photo of somebody in that pose, or a shipped pose's name."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from posable.detect import Detection, detect_pose
from posable.errors import NoPersonError, PoseError
from posable.imaging.image import read_image
from posable.imaging.size import Size
from posable.pose.files import read_pose
from posable.pose.library import shipped_pose
from posable.pose.pose import Pose


@dataclass(frozen=True)
class Turn:
    """In the place of a pose: the person as photographed, after the camera has walked around them."""

    degrees: float
    """Positive turns the person's front to the picture's right."""


PoseLike = Pose | Turn | str | os.PathLike[str]
"""A pose, the path of a pose file, the path of a photo whose person has the pose, a shipped pose's name, or a turn of
the camera around the person."""

DOUBTFUL_SCORE = 0.75
"""Of a detection. On 20 photographs all people scored at least 0.98 but one, a tattooed arm, which scored 0.5."""
_POSE_SUFFIXES = (".json", ".txt")


def resolve_pose(pose: PoseLike, frame: Size | None, tell: Callable[[str], None]) -> Pose:
    """The pose that `pose` stands for, in its own frame (`frame` for pose files that name none).

    A name without a file behind it is looked up among the shipped poses; a .json or .txt file is read as a pose, any
    other file as a photo whose largest person has the pose. Raises PoseError, ImageError, and what `detect_pose` does.
    """
    if isinstance(pose, Pose):
        return pose
    if isinstance(pose, Turn):
        raise PoseError("a turn of the camera is no pose by itself; give it as the target of a person.")
    path = Path(pose)
    if not path.exists() and not path.suffix:
        return shipped_pose(str(pose))
    if path.suffix.lower() in _POSE_SUFFIXES:
        return read_pose(path, frame)
    return find_pose(read_image(path), f"'{path}'", tell=tell).pose


def find_pose(
    picture: Image.Image, name: str, *, detector: str = "blazepose", tell: Callable[[str], None]
) -> Detection:
    """`detect_pose`, with errors that name the picture; `tell` hears of it when there are several people."""
    try:
        detection = detect_pose(picture, detector, progress=tell)
    except NoPersonError as error:
        raise NoPersonError(f"{name}: {error}") from None
    if detection.score < DOUBTFUL_SCORE:
        tell(f"{name}: the person found is a guess (score {detection.score:.2f}); see 'posable detect --overlay'.")
    if detection.people_found > 1:
        tell(f"{name} shows {detection.people_found} people; the largest is taken.")
    return detection
