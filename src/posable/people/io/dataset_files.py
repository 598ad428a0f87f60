"""The files of one person in a data set: which there are, how they are encoded, and writing them.

Numbers are stored exactly: pictures are PNG unless JPEG is asked for, depth is in millimetres, flow in sixteenths of a
pixel. A person's record is written last and marks the person as finished.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from posable.body.geometry import FloatArray
from posable.files import write_atomically
from posable.parsing.schemes import LIP_20, PISE_8, palette, translate
from posable.people.benchmark import Variant, variant_views
from posable.people.correspondence import Flow, pairwise_correspondence
from posable.people.person import make_person
from posable.people.render import View

STRIDE = 2
"""Correspondence is stored for cells of so many pixels a side."""
FLOW_STEPS_PER_PX = 16
"""Stored flow counts sixteenths of a pixel."""
FARTHEST_MM = 65535


@dataclass(frozen=True)
class FileLayout:
    """Where the files of views go, relative to the data set's folder."""

    picture_folder: str
    coarse_parsing_folder: str
    """For the maps of `PISE_8`."""
    picture_format: str
    correspondence: bool
    digits: int = 1
    """Seeds are written with at least so many."""

    def stem(self, seed: int, view: int) -> str:
        return f"{seed:0{self.digits}d}_{view}"

    def picture(self, seed: int, view: int) -> str:
        """The name of a picture, as the tables have it."""
        return f"{self.stem(seed, view)}.{self.picture_format}"

    def folders(self) -> list[str]:
        """All folders that hold files of views."""
        every = [self.picture_folder, "parsing", self.coarse_parsing_folder, "depth", "mask", "garments"]
        return [*every, "correspondence"] if self.correspondence else every

    def files(self, seed: int, views: int) -> Iterator[str]:
        """The files of one person, without the record."""
        for view in range(views):
            stem = self.stem(seed, view)
            yield f"{self.picture_folder}/{self.picture(seed, view)}"
            for folder in ("parsing", self.coarse_parsing_folder, "depth", "mask", "garments"):
                yield f"{folder}/{stem}.png"
        if self.correspondence:
            for target, source in permutations(range(views), 2):
                yield self.correspondence_file(seed, target, source)

    def correspondence_file(self, seed: int, target: int, source: int) -> str:
        return f"correspondence/{self.stem(seed, target)}_{source}.npz"


@dataclass(frozen=True)
class PersonJob:
    """One person to write; plain values, so that worker processes can be told."""

    folder: Path
    layout: FileLayout
    variant: Variant
    views: int
    seed: int


def record_file(folder: Path, seed: int) -> Path:
    """What marks a person as finished."""
    return folder / "people" / f"{seed}.json"


def write_person(job: PersonJob) -> int:
    """Renders a person and writes all files, the record last; gives back the seed. Raises OSError as the disk does."""
    person, layout = make_person(job.seed), job.layout
    views = variant_views(person, job.views, job.variant)
    for view in views:
        stem = layout.stem(view.seed, view.index)
        pictures = {
            f"{layout.picture_folder}/{layout.picture(view.seed, view.index)}": encode_picture(
                view.image, layout.picture_format
            ),
            f"parsing/{stem}.png": encode_map(view.parsing, palette(LIP_20)),
            f"{layout.coarse_parsing_folder}/{stem}.png": encode_map(
                translate(view.parsing, LIP_20, PISE_8), palette(PISE_8)
            ),
            f"depth/{stem}.png": _png(Image.fromarray(depth_mm(view.depth))),
            f"mask/{stem}.png": _png(Image.fromarray(mask_bytes(view.alpha))),
            f"garments/{stem}.png": encode_map(view.garments, garment_palette()),
        }
        for name, data in pictures.items():
            write_bytes(job.folder / name, data)
    if layout.correspondence:
        flow, state = pairwise_correspondence(views, STRIDE)
        for target, source in permutations(range(len(views)), 2):
            stream = io.BytesIO()
            np.savez_compressed(stream, flow=flow_steps(flow[target, source]), state=state[target, source])
            write_bytes(job.folder / layout.correspondence_file(job.seed, target, source), stream.getvalue())
    record = {
        "seed": job.seed,
        "description": person.description,
        "garments": list(person.mesh.garments),
        "views": [describe(view, layout) for view in views],
    }
    write_bytes(record_file(job.folder, job.seed), (json.dumps(record) + "\n").encode())
    return job.seed


def describe(view: View, layout: FileLayout) -> dict[str, Any]:
    """What the tables tell about a view, as plain values."""
    return {
        "name": layout.picture(view.seed, view.index),
        "seed": view.seed,
        "view": view.index,
        "yaw": round(view.camera.yaw, 2),
        "crop": view.camera.crop,
        "legs": view.pose.legs,
        "arms": list(view.pose.arms),
        "keypoints": [[x, y, int(mark)] for x, y, mark in rounded_keypoints(view).tolist()],
    }


def rounded_keypoints(view: View) -> npt.NDArray[np.float64]:
    """(18, 3) as they are stored: hundredths of a pixel, and 0 out of frame, 1 hidden by the own body, 2 visible."""
    return np.round(view.keypoints.astype(np.float64), 2)


def depth_mm(depth: FloatArray) -> npt.NDArray[np.uint16]:
    """Depth (h, w) from metres, inf off the person, to whole millimetres, 0 off the person."""
    return np.where(np.isfinite(depth), np.minimum(np.rint(depth.astype(np.float64) * 1000), FARTHEST_MM), 0).astype(
        np.uint16
    )


def mask_bytes(alpha: FloatArray) -> npt.NDArray[np.uint8]:
    """The person's share of each pixel (h, w) from [0, 1] to 0 ... 255."""
    return np.rint(alpha * 255).astype(np.uint8)


def flow_steps(flow: Flow) -> npt.NDArray[np.int16]:
    """Flow in sixteenths of a pixel; places more than 2,047 px outside are clipped."""
    return np.clip(np.rint(flow * FLOW_STEPS_PER_PX), -32768, 32767).astype(np.int16)


def encode_picture(image: npt.NDArray[np.uint8], picture_format: str) -> bytes:
    """RGB (h, w, 3) as PNG, or as JPEG of quality 95."""
    if picture_format == "png":
        return _png(Image.fromarray(image))
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=95, subsampling=0)
    return stream.getvalue()


def encode_map(values: npt.NDArray[np.uint8], colors: npt.NDArray[np.uint8]) -> bytes:
    """A map (h, w) of small numbers as an indexed PNG with a palette (n, 3)."""
    picture = Image.fromarray(values)
    picture.putpalette(colors.ravel().tolist())
    return _png(picture)


def garment_palette() -> npt.NDArray[np.uint8]:
    """Black and colours that tell neighbours apart, RGB (256, 3)."""
    index = np.arange(256)
    levels = [index * step % 201 + 55 for step in (73, 131, 179)]
    colors = np.stack(levels, -1)
    colors[0] = 0
    return colors.astype(np.uint8)


def write_bytes(path: Path, data: bytes) -> None:
    # Encoders that write to a file themselves may take a short write, on a full disk, for a whole one.
    with write_atomically(path) as temporary:
        temporary.write_bytes(data)


def _png(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    # Sensor noise hardly compresses: level 1 costs 15 % in size and a fifth of the time.
    picture.save(stream, "PNG", compress_level=1)
    return stream.getvalue()
