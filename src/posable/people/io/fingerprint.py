"""Digests of rendered views and of written folders, to tell whether two machines made the same data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from posable.people.correspondence import pairwise_correspondence
from posable.people.io.dataset_files import STRIDE, depth_mm, flow_steps, mask_bytes, rounded_keypoints
from posable.people.render import View

_LENGTH = 16
"""Hexadecimal digits of a digest that are kept: 64 bits."""


def view_digests(views: Sequence[View]) -> dict[str, str]:
    """Digests of the pixels and labels of a person's views, as they are stored; PNG's compression has no part in it."""
    flow, state = pairwise_correspondence(list(views), STRIDE)
    return {
        "image": _digest(*(view.image for view in views)),
        "parsing": _digest(*(view.parsing for view in views)),
        "garments": _digest(*(view.garments for view in views)),
        "mask": _digest(*(mask_bytes(view.alpha) for view in views)),
        "depth": _digest(*(depth_mm(view.depth) for view in views)),
        "keypoints": _digest(*(np.rint(rounded_keypoints(view) * 100).astype(np.int64) for view in views)),
        "correspondence": _digest(flow_steps(flow), state),
    }


def folder_digest(folder: Path) -> str:
    """One digest of all files in a folder: names and bytes. It depends on the compression library too."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    visible = [name for name in names if not Path(name).name.startswith(".")]
    listed = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in visible}
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()[:_LENGTH]


def _digest(*arrays: npt.NDArray[np.generic]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        # Little-endian, C order, with dtype and shape: the same on every machine.
        digest.update(f"{array.dtype.str[1:]}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
    return digest.hexdigest()[:_LENGTH]
