"""A person's matte: how much of each pixel is the person, at the picture's own resolution.

Two networks look: BlazePose's mask knows which person is meant but draws roughly, U^2-Net draws well but knows nothing
of people. The second is believed near the first; where it loses a limb, the first stands in. The outline comes from the
picture itself, by the guided filter (He, Sun and Tang, "Guided image filtering", ECCV 2010), whose coefficients are
found at a small size and applied at the full one (He and Sun, "Fast guided filter", 2015).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from scipy import ndimage

from posable.detect import blazepose, landmarks
from posable.detect.landmarks import Landmarks
from posable.detect.parser import parse
from posable.detect.u2netp import INPUT_PIXELS, shipped_u2net
from posable.imaging.guided_filter import GuidedFilter, applied
from posable.imaging.image import size_of, to_tensor
from posable.imaging.size import Size
from posable.parsing.schemes import LIP_20
from posable.pose.pose import Pose

LARGEST_WORKING_SIDE_PX = 1024
"""Of the window around the person in which masks are joined and the guided filter's coefficients are found."""

_MARGIN = 0.1
"""Around the person's mask and keypoints, of their larger extent."""
_NEAR, _FAR = 0.01, 0.03
"""Distances from BlazePose's mask up to which U^2-Net is believed, and from which on not; of the person's extent."""
_CLOSE = 0.006
"""The distance from which on it is not believed beside something else that it found."""
_OTHERS = 0.3
"""Share from which on a pixel may be somebody else's."""
_REACH = 0.006
"""Half the width, in the person's extent, from which on a part in which the two disagree is more than an outline."""
_SURROUNDINGS = 8
"""How far the background near such a part reaches, in those half widths."""
_UNLIKE = 0.1
"""Difference of colour, in [0, 1], from which on such a part is not the background that is around it."""
_FILTER_RADIUS = 0.006
"""Of the guided filter, in sides of the window."""
_SMOOTHNESS = 1e-4
"""Variance of colour, in [0, 1] squared, from which on a step counts as an outline."""
_CLIPPED = 0.15
"""Shares below this, and above 1 minus this, are taken for 0 and 1."""
_MOST_DRIFT = 0.07
"""Between the pose and what BlazePose sees in its place, of the pose's extent; beyond, it sees somebody else."""
_SAME_PERSON = 0.1
"""Mean distance of landmarks, in sides of the region, below which two looks show the same person."""
_STRIP_ROWS = 256

_Map = npt.NDArray[np.float32]
_Mask = npt.NDArray[np.bool_]


def matte(image: Image.Image, pose: Pose, person: Landmarks | None = None) -> _Map:
    """Float32 (h, w) in [0, 1]: how much of each pixel of an RGB picture is the person who has `pose`.

    The pose is in the picture's frame. `person` saves a look when the detector has seen the person before. Other people
    in the picture are left out, and so is all when the pose shows nobody.
    """
    size = size_of(image)
    whole = np.zeros(tuple(size), np.float32)
    if not pose.visible.any():
        return whole
    networks = blazepose.load()
    person = person or networks.landmarks_in(image, landmarks.region_of_pose(pose))
    window = _window(person, pose, size)
    crop = image.crop((window.left, window.top, window.right, window.bottom))
    shrink = min(1.0, LARGEST_WORKING_SIDE_PX / max(crop.size))
    small = crop.resize((max(1, round(crop.width * shrink)), max(1, round(crop.height * shrink))), Image.Resampling.BOX)
    within = size_of(small)
    others = np.zeros(tuple(within), np.float32)
    if _drift(person, pose) <= _MOST_DRIFT:
        rough = _rough_mask(person, window, within)
        for other in networks.people(image):
            if _gap(person, other) > _SAME_PERSON:
                others = np.maximum(others, _rough_mask(other, window, within))
    else:
        # It looks at somebody else, or at two people at once; the parser is led by the pose.
        there = pose.crop(window.left, window.top, size_of(crop)).resize(within)
        rough = parse(small, there).mask(range(1, len(LIP_20)))
    colors = _colors(small)
    joined = join_masks(salient(small), rough, others, colors)
    whole[window.top : window.bottom, window.left : window.right] = refine(joined, small, crop)
    return whole


def _drift(person: Landmarks, pose: Pose) -> float:
    """The mean distance of the keypoints that BlazePose found from those of the pose, of the pose's extent."""
    found = person.pose(pose.size)
    both = found.visible & pose.visible
    if not both.any():
        return np.inf
    distance = np.linalg.norm(found.keypoints[both] - pose.keypoints[both], axis=1).mean()
    return float(distance / max(np.ptp(pose.keypoints[pose.visible], axis=0).max(), 1.0))


def salient(picture: Image.Image) -> _Map:
    """U^2-Net's answer (h, w) in [0, 1] on an RGB picture, seen at about 320x320 pixels in its own proportions."""
    scale = INPUT_PIXELS / (picture.width * picture.height) ** 0.5
    # A very flat picture would vanish in one direction: half the usual side is the least.
    width, height = (int(np.clip(round(side * scale / 16), 10, 40)) * 16 for side in picture.size)
    seen = picture.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0)
    with torch.inference_mode():
        found = shipped_u2net()(to_tensor(seen)[None])[0, 0].numpy()
    return _resized(found, size_of(picture))


def join_masks(fine: _Map, rough: _Map, others: _Map, colors: _Map) -> _Map:
    """One mask (h, w) out of U^2-Net's (`fine`), BlazePose's of the person (`rough`) and of everybody else (`others`),
    all in [0, 1]; `colors` (h, w, 3), in [0, 1], are the picture's."""
    somebody_else = (others > _OTHERS) & (others > rough)
    rough = np.where(somebody_else, 0, rough)
    inside = rough > 0.5
    if not inside.any():
        return np.zeros_like(fine)
    rows, columns = np.nonzero(inside)
    extent = float(max(np.ptp(rows), np.ptp(columns)) + 1)
    away = _distance_to(inside) / extent
    gate = np.clip((_FAR - away) / (_FAR - _NEAR), 0, 1)
    # What is salient and too far away, a chair or a companion, has no outline against the person in U^2-Net's answer.
    stranger = (fine > 0.5) & ((away > _FAR) | somebody_else)
    if stranger.any():
        beside = _distance_to(stranger) / extent < _FAR
        gate = np.where(beside, np.clip(1 - away / _CLOSE, 0, 1), gate)
    gate = np.where(somebody_else, 0, gate)
    lost = _lost_parts(fine, inside, colors, extent)
    return (gate * np.maximum(fine, lost * rough)).astype(np.float32)


def _lost_parts(fine: _Map, inside: _Mask, colors: _Map, extent: float) -> _Map:
    """Where (h, w), in [0, 1], U^2-Net lost a part of the person, one that looks unlike the background near it.

    What it leaves out and what looks like that background is background: a gap beside an arm that BlazePose does not
    see, say.
    """
    reach = max(1, round(_REACH * extent))
    doubted = inside & (fine < 0.5)
    found: Any = ndimage.label(_distance_to(~doubted) > reach)
    parts, count = found
    lost = np.zeros(fine.shape, np.float32)
    for number, box in enumerate(ndimage.find_objects(parts, count), start=1):
        margin = (_SURROUNDINGS + 1) * reach
        around = tuple(slice(max(side.start - margin, 0), side.stop + margin) for side in box)
        core = parts[around] == number
        distance = _distance_to(core)
        part = doubted[around] & (distance <= 1.5 * reach)
        rim = (distance > 1.5 * reach) & (distance <= _SURROUNDINGS * reach)
        outside = rim & ~inside[around] & (fine[around] < 0.5)
        unlike = True
        if outside.any():
            step = colors[around][core].mean(0) - colors[around][outside].mean(0)
            unlike = float(np.abs(step).max()) > _UNLIKE
        if unlike:
            lost[around] = np.maximum(lost[around], part)
    return _mean(lost, reach) if lost.any() else lost


def _distance_to(mask: _Mask) -> _Map:
    """How far (h, w) each pixel is from the nearest one in the mask, px."""
    distance: Any = ndimage.distance_transform_edt(~mask)
    return np.asarray(distance, np.float32)


def _mean(values: _Map, side: int) -> _Map:
    """Means over squares of `side` px, the border's pixels repeated beyond it."""
    mean: Any = ndimage.uniform_filter(values, side, mode="nearest")
    return mean


def _colors(picture: Image.Image) -> _Map:
    """(h, w, 3) in [0, 1]."""
    return np.multiply(np.asarray(picture), np.float32(1 / 255), dtype=np.float32)


def refine(mask: _Map, small: Image.Image, picture: Image.Image) -> _Map:
    """A mask of the size of `small` at the size of `picture`, which shows the same; its outline is the picture's."""
    radius = max(1, round(_FILTER_RADIUS * max(mask.shape)))
    planes = [Image.fromarray(one) for one in GuidedFilter(_colors(small), radius, _SMOOTHNESS).coefficients(mask)]
    size = size_of(picture)
    result = np.empty(tuple(size), np.float32)
    # Strip by strip: the planes of a large photograph would not fit beside each other.
    for top in range(0, size.height, _STRIP_ROWS):
        bottom = min(top + _STRIP_ROWS, size.height)
        box = (0, top * small.height / size.height, small.width, bottom * small.height / size.height)
        at = [
            np.asarray(plane.resize((size.width, bottom - top), Image.Resampling.BILINEAR, box=box)) for plane in planes
        ]
        colors = _colors(picture.crop((0, top, size.width, bottom)))
        share = applied(np.stack(at), [colors[..., channel] for channel in range(3)])
        result[top:bottom] = np.clip((share - _CLIPPED) / (1 - 2 * _CLIPPED), 0, 1)
    return result


@dataclass(frozen=True)
class _Window:
    """A part of a picture, in whole px."""

    left: int
    top: int
    right: int
    bottom: int


def _window(person: Landmarks, pose: Pose, size: Size) -> _Window:
    """Around the person's mask and keypoints, with a margin, within the picture."""
    left, top, right, bottom = person.box(size)
    points = np.concatenate([pose.keypoints[pose.visible], [[left, top], [right, bottom]]])
    low, high = points.min(0), points.max(0)
    margin = _MARGIN * float((high - low).max()) + 8
    frame = np.array([size.width, size.height])
    left, top = np.clip(np.floor(low - margin), 0, frame - 1).astype(int).tolist()
    right, bottom = np.clip(np.ceil(high + margin), 1, frame).astype(int).tolist()
    return _Window(left, top, max(right, left + 1), max(bottom, top + 1))


def _rough_mask(person: Landmarks, window: _Window, size: Size) -> _Map:
    """BlazePose's mask of a person in a window of the picture, which is drawn in `size`."""
    scale = size.width / (window.right - window.left)
    center = ((person.region.center[0] - window.left) * scale, (person.region.center[1] - window.top) * scale)
    region = landmarks.Region(center, person.region.side * scale, person.region.angle)
    return region.paste(person.mask, size)


def _gap(one: Landmarks, other: Landmarks) -> float:
    """The mean distance of two people's landmarks, in sides of the larger region."""
    distance = np.linalg.norm(one.points - other.points, axis=1)[: landmarks.BODY_LANDMARKS].mean()
    return float(distance) / max(one.region.side, other.region.side)


def _resized(values: _Map, size: Size) -> _Map:
    layer = Image.fromarray(np.ascontiguousarray(values, np.float32))
    return np.asarray(layer.resize((size.width, size.height), Image.Resampling.BILINEAR))
