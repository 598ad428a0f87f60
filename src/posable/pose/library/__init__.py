"""The poses that come with posable, by name: full-body poses of an average person in a 256x176 frame.

They are keypoints of synthetic people; scripts/make_poses.py makes the files beside this one.
"""

from __future__ import annotations

import difflib
from functools import lru_cache
from importlib import resources
from pathlib import Path

from posable.errors import PoseError
from posable.pose.files import read_pose
from posable.pose.pose import Pose

__all__ = ["shipped_pose", "shipped_poses"]


def shipped_poses() -> dict[str, Pose]:
    """All shipped poses by name, in the order of the alphabet."""
    return dict(_read_all())


def shipped_pose(name: str) -> Pose:
    """The shipped pose of this name; raises PoseError, which suggests the nearest name and lists all."""
    poses = _read_all()
    if name in poses:
        return poses[name]
    near = difflib.get_close_matches(name.lower().replace("_", "-").replace(" ", "-"), poses, n=1)
    suggestion = f"did you mean '{near[0]}'? The" if near else "the"
    raise PoseError(f"'{name}' is no shipped pose; {suggestion} names are {', '.join(poses)}.")


@lru_cache(maxsize=1)
def _read_all() -> dict[str, Pose]:
    files = sorted(
        (entry for entry in resources.files(__name__).iterdir() if entry.name.endswith(".json")),
        key=lambda entry: entry.name,
    )
    poses: dict[str, Pose] = {}
    for file in files:
        with resources.as_file(file) as path:
            poses[Path(file.name).stem] = read_pose(path)
    return poses
