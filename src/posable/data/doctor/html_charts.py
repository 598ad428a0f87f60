"""Charts of the inspection page, as HTML and SVG text: tiles, bars, and the places of the keypoints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

import numpy as np

from posable.pose.pose import OPENPOSE_18, Pose
from posable.pose.svg import keypoint_color, skeleton_group


class Bar(NamedTuple):
    """One line of a bar chart; the share is in [0, 1]."""

    label: str
    share: float
    text: str
    color: str


def tiles(values: Iterable[tuple[str, str, str]]) -> str:
    """Big numbers, each with its name and a line below."""
    parts = [
        f"<div class='tile'><dt>{escape(name)}</dt><dd>{escape(value)}</dd><p>{escape(note)}</p></div>"
        for name, value, note in values
    ]
    return f"<dl class='tiles'>{''.join(parts)}</dl>"


def bars(chart: Sequence[Bar]) -> str:
    """Horizontal bars, one line each; a share above nothing always shows."""
    lines: list[str] = []
    for bar in chart:
        width = max(100 * bar.share, 0.6) if bar.share > 0 else 0
        lines.append(
            f"<li><span>{escape(bar.label)}</span><span class='track'><i style='width:{width:.1f}%;"
            f"background:{bar.color}'></i></span><b>{escape(bar.text)}</b></li>"
        )
    return f"<ul class='bars'>{''.join(lines)}</ul>"


def skeleton_svg(pose: Pose) -> str:
    """Limbs and keypoints as SVG over the pose's frame; to be laid over the picture."""
    view = f"0 0 {pose.size.width} {pose.size.height}"
    drawn = skeleton_group(pose.keypoints, pose.visible, pose.size)
    return f"<svg class='skeleton' viewBox='{view}' preserveAspectRatio='none' aria-hidden='true'>{drawn}</svg>"


def skeleton_around_svg(pose: Pose, picture: str) -> str:
    """The picture, a data URI, with as much around it as the keypoints outside its frame need, up to a frame a side."""
    width, height = pose.size.width, pose.size.height
    seen = pose.keypoints[pose.visible]
    left, top = np.clip(seen.min(axis=0), (-width, -height), 0).tolist()
    right, bottom = np.clip(seen.max(axis=0), (width, height), (2 * width, 2 * height)).tolist()
    edge = max(pose.size) / 40
    view = f"{left - edge:.0f} {top - edge:.0f} {right - left + 2 * edge:.0f} {bottom - top + 2 * edge:.0f}"
    return (
        f"<svg class='skeleton' viewBox='{view}' role='img' aria-label='Keypoints outside the picture'>"
        f"<image href='{picture}' width='{width}' height='{height}' preserveAspectRatio='none'/>"
        f"{skeleton_group(pose.keypoints, pose.visible, pose.size)}</svg>"
    )


def places_svg(poses: Sequence[Pose]) -> str:
    """Every keypoint of the poses as a faint dot, scaled to one frame: a wrong crop or frame shows as a shift."""
    frame = poses[0].size
    dots: list[list[str]] = [[] for _ in OPENPOSE_18.keypoints]
    for pose in poses:
        points = pose.resize(frame)
        for index, (x, y) in enumerate(points.keypoints.tolist()):
            if points.visible[index]:
                dots[index].append(f"M{x:.0f} {y:.0f}h0")
    width = max(frame) / 64
    paths = [f"<path d='{''.join(each)}' stroke='{keypoint_color(index)}'/>" for index, each in enumerate(dots) if each]
    return (
        f"<svg class='places' viewBox='0 0 {frame.width} {frame.height}' role='img' stroke-width='{width:.1f}' "
        f"aria-label='The keypoints of {len(poses)} pictures in one frame'>{''.join(paths)}</svg>"
    )
