"""Skeletons drawn for people to look at: over a picture, beside it, in a notebook, or many on one sheet."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

from posable.errors import SizeError
from posable.imaging.image import size_of, to_rgb
from posable.imaging.size import Size
from posable.pose.pose import Pose
from posable.pose.skeleton import OPENPOSE_18, PALETTE

_BACKGROUND = (24, 24, 28)
_LABEL_COLOR = (235, 235, 235)
_BOX_COLOR = (150, 150, 160)
# Drawn so much larger and then reduced, which smooths the edges.
_OVERSAMPLING = 3
_LARGEST_SHOWN, _GAP = 512, 8


def draw_skeleton(pose: Pose, background: Image.Image | None = None) -> Image.Image:
    """The skeleton over the picture, or over dark grey; in the size of the pose's frame, which the picture must have.

    Only limbs with both ends visible are drawn; the person's right side is in warm colours. Raises SizeError.
    """
    if background is None:
        background = Image.new("RGB", (pose.size.width, pose.size.height), _BACKGROUND)
    elif size_of(background) != pose.size:
        raise SizeError(
            f"the picture is {size_of(background)}, but the pose is in a frame of {pose.size}; resize one to the other."
        )
    scale = _OVERSAMPLING
    layer = Image.new("RGBA", (pose.size.width * scale, pose.size.height * scale))
    pen = ImageDraw.Draw(layer)
    radius = scale * max(1.5, max(pose.size) / 128)
    points = [(float(x) * scale, float(y) * scale) for x, y in pose.keypoints]
    for limb, (start, end) in enumerate(OPENPOSE_18.limbs[: len(PALETTE) - 1]):
        if pose.visible[start] and pose.visible[end]:
            pen.line([points[start], points[end]], fill=(*_byte_color(limb), 220), width=math.ceil(1.4 * radius))
    for keypoint, (x, y) in enumerate(points):
        if pose.visible[keypoint]:
            box = (x - radius, y - radius, x + radius, y + radius)
            pen.ellipse(box, fill=(*_byte_color(keypoint), 255), outline=(0, 0, 0, 255), width=scale // 2)
    small = layer.resize((pose.size.width, pose.size.height), Image.Resampling.BOX)
    return Image.alpha_composite(to_rgb(background).convert("RGBA"), small).convert("RGB")


def shown_pose(pose: Pose, box: tuple[float, float, float, float] | None = None) -> Image.Image:
    """The skeleton on dark grey as notebooks show it: its frame, at most 512 px a side, with a box (left, top, right,
    bottom) in px of that frame if one is given."""
    factor = _shrink(pose.size)
    small = pose.resize(_scaled(pose.size, factor))
    ground = Image.new("RGB", (small.size.width, small.size.height), _BACKGROUND)
    if box is not None:
        left, top, right, bottom = (edge * factor for edge in box)
        ImageDraw.Draw(ground).rectangle((left, top, max(left, right), max(top, bottom)), outline=_BOX_COLOR)
    return draw_skeleton(small, ground)


def shown_beside(picture: Image.Image, pose: Pose) -> Image.Image:
    """The picture, and beside it the skeleton over the picture, darkened: each at most 512 px a side."""
    size = _scaled(pose.size, _shrink(pose.size))
    small = to_rgb(picture).resize((size.width, size.height), Image.Resampling.LANCZOS)
    dark = Image.blend(small, Image.new("RGB", small.size, _BACKGROUND), 0.65)
    return side_by_side([small, draw_skeleton(pose.resize(size), dark)])


def side_by_side(pictures: Sequence[Image.Image]) -> Image.Image:
    """Pictures of any sizes from left to right, their tops aligned, with a white gap between them."""
    width = sum(picture.width for picture in pictures) + _GAP * (len(pictures) - 1)
    row = Image.new("RGB", (width, max(picture.height for picture in pictures)), "white")
    left = 0
    for picture in pictures:
        row.paste(picture, (left, 0))
        left += picture.width + _GAP
    return row


def _shrink(size: Size) -> float:
    return min(1.0, _LARGEST_SHOWN / max(size))


def _scaled(size: Size, factor: float) -> Size:
    return Size(*(max(1, round(side * factor)) for side in size))


def draw_sheet(poses: Mapping[str, Pose], columns: int = 5, cell_height: int = 256) -> Image.Image:
    """All poses side by side, each with its name beneath it, scaled to cells of this height."""
    gap, label = 8, 20
    pictures = {name: draw_skeleton(_in_cell(pose, cell_height)) for name, pose in poses.items()}
    width = max((picture.width for picture in pictures.values()), default=1) + gap
    height = cell_height + label + gap
    rows = math.ceil(len(pictures) / columns)
    sheet = Image.new("RGB", (gap + width * min(columns, len(pictures)), gap + height * rows), "black")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=13)
    for index, (name, picture) in enumerate(pictures.items()):
        left, top = gap + width * (index % columns), gap + height * (index // columns)
        sheet.paste(picture, (left, top))
        middle = (left + picture.width / 2, top + cell_height + label / 2)
        pen.text(middle, name, fill=_LABEL_COLOR, font=font, anchor="mm")
    return sheet


def _in_cell(pose: Pose, height: int) -> Pose:
    return pose.resize(Size(height, max(1, round(pose.size.width * height / pose.size.height))))


def _byte_color(index: int) -> tuple[int, int, int]:
    red, green, blue = (round(255 * channel) for channel in PALETTE[index])
    return red, green, blue
