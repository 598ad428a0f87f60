"""Lets a network that works at one size draw conditions of another: the pictures go in and out through a letterbox."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from posable.batch import PoseCondition
from posable.imaging.image import Letterbox, to_pil, to_tensor
from posable.imaging.size import Size
from posable.models.generator import Generator, Rendering
from posable.pose.pose import PoseBatch

Draw: TypeAlias = Callable[[PoseCondition], Rendering]


def draws_directly(generator: Generator[Any], size: Size) -> bool:
    """Whether the network is given pictures of `size` as they are: its own size, or a multiple that it draws better."""
    own = generator.size
    factor = size.height // own.height
    is_multiple = factor >= 1 and size == Size(own.height * factor, own.width * factor)
    return is_multiple and (factor == 1 or generator.draws_larger)


def drawn_in_frame(generator: Generator[Any], size: Size) -> Draw:
    """The generator for conditions of `size`; pictures are resized by Lanczos on the way in and out where need be."""
    if draws_directly(generator, size):
        return generator
    letterbox = Letterbox(size, generator.size)

    def draw(condition: PoseCondition) -> Rendering:
        device = condition.source_image.device
        drawn = generator(_into(condition, letterbox).to(device))
        return Rendering(
            image=torch.stack([to_tensor(letterbox.undo(to_pil(image))) for image in drawn.image]).to(device),
            mask=None if drawn.mask is None else _undone(drawn.mask, letterbox),
            parsing=None if drawn.parsing is None else _undone(drawn.parsing, letterbox),
        )

    return draw


def _into(condition: PoseCondition, letterbox: Letterbox) -> PoseCondition:
    images = [to_tensor(letterbox.apply(to_pil(image))) for image in condition.source_image]
    parsing = condition.source_parsing
    return PoseCondition(
        source_image=torch.stack(images),
        source_pose=_poses_into(condition.source_pose, letterbox),
        target_pose=_poses_into(condition.target_pose, letterbox),
        source_parsing=None if parsing is None else _parsing_into(parsing, letterbox),
    )


def _poses_into(poses: PoseBatch, letterbox: Letterbox) -> PoseBatch:
    return PoseBatch.from_poses([poses[index].letterboxed(letterbox) for index in range(len(poses))])


def _parsing_into(parsing: Tensor, letterbox: Letterbox) -> Tensor:
    """Nearest neighbours; background around the content."""
    content = functional.interpolate(parsing[:, None].float(), size=tuple(letterbox.content), mode="nearest-exact")
    left, top = letterbox.offset
    right = letterbox.target.width - letterbox.content.width - left
    bottom = letterbox.target.height - letterbox.content.height - top
    return functional.pad(content, (left, right, top, bottom))[:, 0].to(torch.uint8)


def _undone(maps: Tensor, letterbox: Letterbox) -> Tensor:
    """Maps (n, c, *target) as (n, c, *source), bilinear."""
    left, top = letterbox.offset
    cut = maps[..., top : top + letterbox.content.height, left : left + letterbox.content.width].float()
    return functional.interpolate(
        cut, size=tuple(letterbox.source), mode="bilinear", align_corners=False, antialias=True
    )
