"""posable puts a photographed person into another pose.

    import posable

    pipe = posable.PoseTransfer.from_pretrained("weave")
    pipe("photo.jpg", "walking").save("walking.png")

Importing this does no work: each name below is fetched from its module when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from posable.version import __version__

if TYPE_CHECKING:
    from posable.batch import PersonPair, PoseCondition
    from posable.checkpoint import load_checkpoint, save_checkpoint
    from posable.detect import Detection, detect_pose
    from posable.encoded_source import EncodedSource
    from posable.errors import (
        CheckpointError,
        ConfigError,
        DetectionError,
        DownloadError,
        ImageError,
        InputError,
        MissingExtraError,
        NoPersonError,
        PosableError,
        PoseError,
        SizeError,
    )
    from posable.image import read_image, save_image
    from posable.models.generator import Generator, Rendering
    from posable.pipeline import PoseTransfer
    from posable.pose import OPENPOSE_18, Pose, PoseBatch, retarget
    from posable.pose_drawing import draw_skeleton
    from posable.pose_files import read_pose, write_pose
    from posable.size import Size

__all__ = [
    "OPENPOSE_18",
    "CheckpointError",
    "ConfigError",
    "Detection",
    "DetectionError",
    "DownloadError",
    "EncodedSource",
    "Generator",
    "ImageError",
    "InputError",
    "MissingExtraError",
    "NoPersonError",
    "PersonPair",
    "PosableError",
    "Pose",
    "PoseBatch",
    "PoseCondition",
    "PoseError",
    "PoseTransfer",
    "Rendering",
    "Size",
    "SizeError",
    "__version__",
    "detect_pose",
    "draw_skeleton",
    "load_checkpoint",
    "read_image",
    "read_pose",
    "retarget",
    "save_checkpoint",
    "save_image",
    "write_pose",
]

_HOMES = {
    "batch": ("PersonPair", "PoseCondition"),
    "checkpoint": ("load_checkpoint", "save_checkpoint"),
    "detect": ("Detection", "detect_pose"),
    "errors": (
        "CheckpointError",
        "ConfigError",
        "DetectionError",
        "DownloadError",
        "ImageError",
        "InputError",
        "MissingExtraError",
        "NoPersonError",
        "PosableError",
        "PoseError",
        "SizeError",
    ),
    "image": ("read_image", "save_image"),
    "models.generator": ("Generator", "Rendering"),
    "encoded_source": ("EncodedSource",),
    "pipeline": ("PoseTransfer",),
    "pose": ("OPENPOSE_18", "Pose", "PoseBatch", "retarget"),
    "pose_drawing": ("draw_skeleton",),
    "pose_files": ("read_pose", "write_pose"),
    "size": ("Size",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'posable' has no attribute '{name}'")
    value = getattr(importlib.import_module(f"posable.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
