"""Several drawings in one call of the network: encoded sources joined along the batch, renderings taken apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor

from posable.models.generator import PerPerson, Rendering
from posable.pose.pose import Pose, PoseBatch
from posable.transfer.encoded_source import EncodedSource

_SAME_FOR_ALL = (str, bool, int, float, type(None))
"""Settings of an encoding, which all of a batch must share."""


class _CannotJoinError(Exception):
    """Two encoded sources differ in more than the numbers in their tensors."""


def draw_together(sources: Sequence[EncodedSource], poses: Sequence[Pose]) -> list[Rendering]:
    """Each source (all of one generator) in the pose of the same index, in its picture's frame; equal to
    `EncodedSource.draw` of each but for rounding. Sources that cannot be joined are drawn one after the other."""
    assert len({id(source.generator) for source in sources}) == 1, "one network draws one batch"
    same_frame = len({source.frame.size for source in sources}) == 1
    joined = _joined_or_none([source.encoded for source in sources]) if same_frame and len(sources) > 1 else None
    if joined is None:
        return [source.draw(pose) for source, pose in zip(sources, poses, strict=True)]
    generator = sources[0].generator
    device = next(generator.parameters()).device
    placed = [source.frame.pose(pose) for source, pose in zip(sources, poses, strict=True)]
    with torch.inference_mode():
        rendering = generator.render(joined, PoseBatch.from_poses(placed).to(device))
    return [_one_of(rendering, index) for index in range(len(sources))]


def _joined_or_none(parts: Sequence[Any]) -> Any:
    try:
        return _joined(parts)
    except _CannotJoinError:
        return None


def _joined(parts: Sequence[Any]) -> Any:
    first = parts[0]
    if len({type(part) for part in parts}) != 1:
        raise _CannotJoinError
    if isinstance(first, Tensor):
        # Whatever does not have one entry per person (a table, a scalar) says nothing about how to join it.
        if first.ndim == 0 or any(part.shape != first.shape or part.shape[0] != 1 for part in parts):
            raise _CannotJoinError
        if all(part is first for part in parts):
            return first.expand(len(parts), *first.shape[1:])
        return torch.cat(list(parts))
    if is_dataclass(first):
        whole: Any = first
        names = [field.name for field in fields(first) if field.init]
        return replace(whole, **{name: _joined([getattr(part, name) for part in parts]) for name in names})
    if isinstance(first, Mapping):
        if any(list(part) != list(first) for part in parts):
            raise _CannotJoinError
        return {key: _joined([part[key] for part in parts]) for key in cast("Mapping[Any, Any]", first)}
    if isinstance(first, PerPerson):
        return PerPerson(value for part in parts for value in part)
    if isinstance(first, (tuple, list)):
        if any(len(part) != len(first) for part in parts):
            raise _CannotJoinError
        items = [_joined(column) for column in zip(*parts, strict=True)]
        return type(first)(*items) if hasattr(first, "_fields") else type(first)(items)
    if not isinstance(first, _SAME_FOR_ALL) or any(part != first for part in parts):
        raise _CannotJoinError
    return first


def _one_of(rendering: Rendering, index: int) -> Rendering:
    """A rendering of one person: the tensors of `Rendering` itself, without what a family adds."""
    parts: dict[str, Any] = {
        field.name: None if part is None else part[index : index + 1]
        for field in fields(Rendering)
        for part in [getattr(rendering, field.name)]
    }
    return Rendering(**parts)
