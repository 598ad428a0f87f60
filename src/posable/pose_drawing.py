"""Skeletons drawn for people to look at: over a picture, or many on one sheet."""

from __future__ import annotations

import math
from collections.abc import Mapping

from PIL import Image, ImageDraw, ImageFont

from posable.errors import SizeError
from posable.image import size_of, to_rgb
from posable.pose import Pose
from posable.pose_maps import PALETTE
from posable.skeleton import OPENPOSE_18

_BACKGROUND = (24, 24, 28)
_LABEL_COLOR = (235, 235, 235)
# Drawn so much larger and then reduced, which smooths the edges.
_OVERSAMPLING = 3


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
    return pose.resize(type(pose.size)(height, max(1, round(pose.size.width * height / pose.size.height))))


def _byte_color(index: int) -> tuple[int, int, int]:
    red, green, blue = (round(255 * channel) for channel in PALETTE[index])
    return red, green, blue
