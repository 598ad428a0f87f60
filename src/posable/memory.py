"""How much memory a value holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any, cast

import numpy as np
from PIL import Image
from torch import Tensor

_BYTES_PER_PIXEL = 4
"""Of a picture: Pillow keeps RGB in four bytes."""


def memory_of(value: object) -> int:
    """Bytes of all tensors, arrays and pictures in nested dataclasses, mappings and sequences, each counted once.
    Networks count as nothing: whoever uses one does not hold it alone. May be asked while another thread fills a
    mapping."""
    return _memory_of(value, set())


def _memory_of(value: object, seen: set[int]) -> int:
    if id(value) in seen:
        return 0
    seen.add(id(value))
    if isinstance(value, Tensor):
        return value.numel() * value.element_size()
    if isinstance(value, np.ndarray):
        return cast("np.ndarray[Any, Any]", value).nbytes
    if isinstance(value, Image.Image):
        return value.width * value.height * (1 if len(value.getbands()) == 1 else _BYTES_PER_PIXEL)
    if isinstance(value, Mapping):
        return sum(_memory_of(part, seen) for part in list(cast("Mapping[Any, Any]", value).values()))
    if isinstance(value, (tuple, list)):
        return sum(_memory_of(part, seen) for part in cast("list[Any]", value))
    # Not its fields alone: what is computed once is kept beside them.
    return _memory_of(vars(value), seen) if is_dataclass(value) else 0
