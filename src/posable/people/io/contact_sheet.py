"""A contact sheet: pictures, parsing maps and skeletons of several people, one row each, for looking them over."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from posable.errors import ConfigError
from posable.people.labels import LIP_PALETTE, OUT_OF_FRAME, VISIBLE
from posable.people.render import View
from posable.pose.skeleton import OPENPOSE_18


def contact_sheet(people: Sequence[Sequence[View]], *, labels: bool = False) -> Image.Image:
    """One row of pictures per person; with `labels` a row of parsing maps and one of skeletons below each.

    All views have one size. Limbs and keypoints that the person's own body hides are drawn dark. Raises ConfigError
    when there is nothing to draw.
    """
    if not people or not all(people):
        raise ConfigError("there are no views to draw; give at least one view of each person.")
    rows: list[list[Image.Image]] = []
    for views in people:
        rows.append([Image.fromarray(view.image) for view in views])
        if labels:
            rows.append([Image.fromarray(LIP_PALETTE[view.parsing]) for view in views])
            rows.append([_with_skeleton(view) for view in views])
    width, height = rows[0][0].size
    sheet = Image.new("RGB", (width * max(len(row) for row in rows), height * len(rows)), "white")
    for row, pictures in enumerate(rows):
        for column, picture in enumerate(pictures):
            sheet.paste(picture, (column * width, row * height))
    return sheet


def _with_skeleton(view: View) -> Image.Image:
    picture = Image.fromarray((view.image * np.float32(0.45)).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    points = view.keypoints.tolist()
    thickness = max(1, round(view.size.height / 90))
    for number, (start, end) in enumerate(OPENPOSE_18.limbs):
        marks = (points[start][2], points[end][2])
        if OUT_OF_FRAME not in marks:
            value = 1 if marks == (VISIBLE, VISIBLE) else 0.5
            color = colorsys.hsv_to_rgb(number / len(OPENPOSE_18.limbs), 1, value)
            line = (*points[start][:2], *points[end][:2])
            draw.line(line, fill=_to_bytes(color), width=thickness)
    for x, y, mark in points:
        if mark != OUT_OF_FRAME:
            box = (x - thickness, y - thickness, x + thickness, y + thickness)
            draw.ellipse(box, fill="white" if mark == VISIBLE else "gray")
    return picture


def _to_bytes(color: tuple[float, float, float]) -> tuple[int, int, int]:
    red, green, blue = color
    return round(255 * red), round(255 * green), round(255 * blue)
