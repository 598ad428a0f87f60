"""Lets a network draw the conditions of a protocol: each picture in the frame that its generator asks for, as a user's
photo would be drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from PIL import Image
from torch import Tensor

from posable.batch import PoseCondition
from posable.imaging.frame import Frame
from posable.imaging.image import to_pil, to_tensor
from posable.imaging.size import Size
from posable.models.generator import Generator, Rendering
from posable.parsing.result import ParsingResult
from posable.pose.pose import PoseBatch
from posable.transfer.drawable import DrawablePerson

Draw: TypeAlias = Callable[[PoseCondition], Rendering]


def draws_directly(generator: Generator[Any], size: Size) -> bool:
    """Whether the network is given pictures of `size` as they are."""
    return generator.frame_for(size) == Frame.letterbox(size, size)


def drawn_in_frame(generator: Generator[Any], size: Size) -> Draw:
    """The generator for conditions of `size`; pictures are resized by Lanczos on the way in and out where need be."""
    if draws_directly(generator, size) and not generator.needs_cues:
        return generator

    def draw(condition: PoseCondition) -> Rendering:
        count = len(condition.source_pose)
        people = [(condition.source_pose[row], condition.target_pose[row]) for row in range(count)]
        frames = [generator.frame_for(size, source, target) for source, target in people]
        # One call of the network for all frames of one size; nearly always that is all of them.
        rows: dict[Size, list[int]] = {}
        for row, frame in enumerate(frames):
            rows.setdefault(frame.size, []).append(row)
        drawn: list[Rendering | None] = [None] * len(frames)
        for chosen in rows.values():
            part = _drawn(generator, condition, chosen, [frames[row] for row in chosen])
            for row, one in zip(chosen, part, strict=True):
                drawn[row] = one
        return _joined([one for one in drawn if one is not None])

    return draw


def _drawn(
    generator: Generator[Any], condition: PoseCondition, rows: list[int], frames: list[Frame]
) -> list[Rendering]:
    pictures = [to_pil(condition.source_image[row]) for row in rows]
    if generator.needs_cues:
        each = zip(rows, frames, pictures, strict=True)
        found = _joined([_drawn_like_a_photo(generator, condition, *one) for one in each])
    else:
        found = generator(_placed(condition, rows, frames, pictures))
    device = condition.source_image.device
    return [
        Rendering(
            image=to_tensor(frame.picture_back(to_pil(found.image[index]), onto=picture))[None].to(device),
            mask=_back(found.mask, index, frame),
            parsing=_back(found.parsing, index, frame),
        )
        for index, (frame, picture) in enumerate(zip(frames, pictures, strict=True))
    ]


def _placed(
    condition: PoseCondition, rows: list[int], frames: list[Frame], pictures: list[Image.Image]
) -> PoseCondition:
    """The chosen rows of a condition, each in its frame."""
    parsing = condition.source_parsing
    labels = None
    if parsing is not None:
        maps = [frame.labels(parsing[row].cpu().numpy()) for row, frame in zip(rows, frames, strict=True)]
        labels = torch.stack([torch.from_numpy(one) for one in maps])
    placed = PoseCondition(
        source_image=torch.stack([to_tensor(f.picture(p)) for f, p in zip(frames, pictures, strict=True)]),
        source_pose=PoseBatch.from_poses([f.pose(condition.source_pose[r]) for f, r in zip(frames, rows, strict=True)]),
        target_pose=PoseBatch.from_poses([f.pose(condition.target_pose[r]) for f, r in zip(frames, rows, strict=True)]),
        source_parsing=labels,
    )
    return placed.to(condition.source_image.device)


def _drawn_like_a_photo(
    generator: Generator[Any], condition: PoseCondition, row: int, frame: Frame, picture: Image.Image
) -> Rendering:
    """One person through the same steps as a user's photo: its matte is looked for, its pose is given."""
    labels = condition.source_parsing
    given = None if labels is None else ParsingResult(labels[row].cpu().numpy())
    person = DrawablePerson(picture, condition.source_pose[row], generator, frame, given_parsing=given)
    return person.draw(condition.target_pose[row])


def _back(maps: Tensor | None, index: int, frame: Frame) -> Tensor | None:
    return None if maps is None else frame.mask_back(maps[index : index + 1])


def _joined(parts: list[Rendering]) -> Rendering:
    def all_of(name: str) -> Tensor | None:
        tensors = [getattr(part, name) for part in parts]
        return None if tensors[0] is None else torch.cat(tensors)

    image = all_of("image")
    assert image is not None
    return Rendering(image=image, mask=all_of("mask"), parsing=all_of("parsing"))
