"""posable puts a photographed person into another pose.

    >>> import posable
    >>> pipe = posable.PoseTransfer.from_pretrained()
    >>> pipe("photo.jpg", "walk-left").save("walking.png")

Importing this does no work: each name below is fetched from its module when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from posable.version import __version__

if TYPE_CHECKING:
    from posable.batch import PersonPair, PoseCondition
    from posable.body.fit import fit_body
    from posable.body.fitted import Body
    from posable.detect import Detection, detect_pose
    from posable.detect.cutout import cutout
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
    from posable.imaging.image import read_image, save_image
    from posable.imaging.size import Size
    from posable.models.generator import Generator, Rendering
    from posable.pose.drawing import draw_skeleton
    from posable.pose.files import read_pose, write_pose
    from posable.pose.pose import OPENPOSE_18, Pose, PoseBatch, retarget
    from posable.transfer.encoded_source import EncodedSource
    from posable.transfer.pipeline import PoseTransfer
    from posable.zoo.checkpoint import load_checkpoint, save_checkpoint

__all__ = [
    "OPENPOSE_18",
    "Body",
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
    "cutout",
    "detect_pose",
    "draw_skeleton",
    "fit_body",
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
    "body.fit": ("fit_body",),
    "body.fitted": ("Body",),
    "zoo.checkpoint": ("load_checkpoint", "save_checkpoint"),
    "detect": ("Detection", "detect_pose"),
    "detect.cutout": ("cutout",),
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
    "imaging.image": ("read_image", "save_image"),
    "models.generator": ("Generator", "Rendering"),
    "transfer.encoded_source": ("EncodedSource",),
    "transfer.pipeline": ("PoseTransfer",),
    "pose.pose": ("OPENPOSE_18", "Pose", "PoseBatch", "retarget"),
    "pose.drawing": ("draw_skeleton",),
    "pose.files": ("read_pose", "write_pose"),
    "imaging.size": ("Size",),
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
