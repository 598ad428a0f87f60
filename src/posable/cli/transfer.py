"""`posable transfer`: one pose to one picture, or many poses to a strip or an animation."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posable.cli.terminal import ProgressBars, check_outputs, tell
from posable.errors import InputError
from posable.imaging.image import read_image, save_image, size_of
from posable.imaging.sequence_output import ANIMATED_SUFFIXES, STRIP_SUFFIXES, save_sequence
from posable.imaging.size import Size
from posable.pose.files import read_pose_sequence
from posable.transfer.background import checked_background
from posable.transfer.pipeline import Picture, PoseTransfer
from posable.transfer.pose_lookup import PoseLike, Turn, resolve_pose


@dataclass(frozen=True, kw_only=True)
class Request:
    """The command's arguments."""

    source: Path
    poses: tuple[str, ...]
    turns: tuple[float, ...]
    also: tuple[Path, ...]
    """Other photographs of the same person."""
    sequence: Path | None
    out: tuple[Path, ...]
    source_pose: str | None
    size: str | None
    background: str | None
    retarget: bool
    seconds_per_picture: float
    model: str
    device: str | None


def run_transfer(request: Request) -> dict[str, Any]:
    """Does it; gives back what was written and how long the parts took. Raises PosableError before or instead of
    writing anything."""
    if bool(request.poses or request.turns) == (request.sequence is not None):
        raise InputError(
            "give the target as --pose POSE or --turn DEGREES (once or more), or as --sequence FILE; one of the two."
        )
    is_sequence = request.sequence is not None or len(request.poses) + len(request.turns) > 1
    suffixes = (*STRIP_SUFFIXES, *ANIMATED_SUFFIXES) if is_sequence else (*STRIP_SUFFIXES, ".webp")
    check_outputs(
        request.out,
        suffixes,
        inputs=[request.source, *request.also, request.sequence, *request.poses, request.source_pose],
    )
    size = Size.parse(request.size) if request.size else None
    background = checked_background(request.background)

    # Everything that was given is read before the model is, so that a mistake is told at once.
    started = time.perf_counter()
    picture = read_image(request.source)
    frame = size_of(picture)
    also = [read_image(path) for path in request.also]
    if request.sequence is not None:
        poses: list[PoseLike] = list(read_pose_sequence(request.sequence, None if request.retarget else frame))
    else:
        poses = [resolve_pose(pose, None if request.retarget else frame, tell) for pose in request.poses]
        poses += [Turn(degrees) for degrees in request.turns]
    if request.source_pose is None:
        source_pose = None
    else:
        source_pose = resolve_pose(request.source_pose, frame, tell)
    read = time.perf_counter()
    pipe = PoseTransfer.from_pretrained(request.model, device=request.device, tell=tell)
    loaded = time.perf_counter()
    photographs: list[Picture] = [picture, *also]
    source = pipe.encode(photographs, source_pose=source_pose, size=size, name=f"'{request.source}'")
    encoded = time.perf_counter()
    if is_sequence:
        with ProgressBars() as progress:
            told = lambda done: progress.show("poses", done, len(poses))  # noqa: E731
            drawn = source.sequence(poses, retarget=request.retarget, background=background, progress=told)
            pictures = list(drawn)
    else:
        pictures = [source.render(poses[0], retarget=request.retarget, background=background)]
    finished = time.perf_counter()
    for path in request.out:
        if is_sequence:
            save_sequence(pictures, path, request.seconds_per_picture)
        else:
            save_image(pictures[0], path)
    return {
        "written": [str(path) for path in request.out],
        "pictures": len(pictures),
        **source.facts,
        "seconds": round(time.perf_counter() - started, 2),
        "seconds_reading": round(read - started, 2),
        "seconds_loading": round(loaded - read, 2),
        "seconds_encoding": round(encoded - loaded, 2),
        "seconds_drawing": round(finished - encoded, 2),
    }
