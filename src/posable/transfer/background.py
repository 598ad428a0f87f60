"""What is seen around a drawn person: the photograph, what the model drew, one colour, nothing, or another picture."""

from __future__ import annotations

import os
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps
from scipy.ndimage import gaussian_filter, maximum_filter

from posable.errors import ConfigError
from posable.imaging.image import read_image, size_of, to_rgb
from posable.imaging.size import Size
from posable.pose.pose import OPENPOSE_18, Pose

BackgroundKind = Literal["keep", "drawn", "plain", "transparent"]
BACKGROUNDS: tuple[str, ...] = get_args(BackgroundKind)
Background: TypeAlias = str | os.PathLike[str] | Image.Image
"""One of `BACKGROUNDS`, a picture or a picture's file.

- `keep`: the photograph's own pixels wherever no limb was or will be;
- `drawn`: what the model draws there;
- `plain`: a light grey;
- `transparent`: nothing, an RGBA picture;
- a picture: that, scaled and cut to cover the source picture's frame.
"""
PLAIN_COLOR = (236, 236, 234)

_LARGEST_SIDE_PX = 768
"""Zones are found at this size at most; they are soft anyway."""
_RIM_SHARE = 1 / 100
"""Zones are grown by this share of the picture's longer side, and softened as far."""
_MOVED_SHARE = 0.004
"""Of the person's extent: joints that move less stay where they are."""
_HEAD = ("nose", "neck", "right_eye", "left_eye", "right_ear", "left_ear")
_TRUNK = ("neck", "right_shoulder", "left_shoulder", "right_hip", "left_hip", "right_elbow", "left_elbow")
_SIDES = ("right", "left")
_LIMBS: tuple[tuple[str, str, float, tuple[str, ...]], ...] = (
    ("nose", "neck", 0.10, _HEAD),
    ("left_ear", "right_ear", 0.12, _HEAD),
    ("left_eye", "right_eye", 0.10, _HEAD),
    ("neck", "right_hip", 0.10, _TRUNK),
    ("neck", "left_hip", 0.10, _TRUNK),
    ("right_shoulder", "left_shoulder", 0.08, _TRUNK),
    ("right_hip", "left_hip", 0.08, _TRUNK),
    *((f"{side}_shoulder", f"{side}_elbow", 0.05, (f"{side}_shoulder", f"{side}_elbow")) for side in _SIDES),
    *((f"{side}_elbow", f"{side}_wrist", 0.045, (f"{side}_elbow", f"{side}_wrist")) for side in _SIDES),
    *((f"{side}_hip", f"{side}_knee", 0.075, (f"{side}_hip", f"{side}_knee")) for side in _SIDES),
    *((f"{side}_knee", f"{side}_ankle", 0.055, (f"{side}_knee", f"{side}_ankle")) for side in _SIDES),
)
"""Limbs by their ends, about how thick they are, as a share of the person's extent, and the joints that move them: head
and trunk are one piece each, and an upper arm that is raised pulls at the chest."""
_MOVED_BY = [[OPENPOSE_18.index(joint) for joint in joints] for *_, joints in _LIMBS]
_ENDS = (
    *((f"{side}_wrist", f"{side}_elbow", 0.65) for side in _SIDES),
    *((f"{side}_ankle", f"{side}_knee", 0.2) for side in _SIDES),
)
"""How far hands and feet go on beyond their joint, in lengths of the limb before it."""

Mask = npt.NDArray[np.floating]


def checked_background(background: Background | None) -> BackgroundKind | Image.Image | None:
    """A kind or a picture; None stays None. Raises ConfigError for another word, ImageError for a bad file."""
    if background is None or isinstance(background, Image.Image):
        return background
    for kind in BACKGROUNDS:
        if background == kind:
            return kind  # pyright: ignore[reportReturnType]  (one of the literals)
    if not os.path.exists(background):  # noqa: PTH110
        raise ConfigError(f"the background '{background}' is unknown; give {', '.join(BACKGROUNDS)}, or a picture.")
    return read_image(background)


def behind(drawn: Image.Image, person: Image.Image, background: BackgroundKind | Image.Image) -> Image.Image:
    """The drawn person on a plain, transparent or other background; `person` is their mask, grey."""
    if background == "transparent":
        result = to_rgb(drawn)
        result.putalpha(person)
        return result
    if isinstance(background, Image.Image):
        behind_them = ImageOps.fit(to_rgb(background), drawn.size, Image.Resampling.LANCZOS)
    else:
        behind_them = Image.new("RGB", drawn.size, PLAIN_COLOR)
    return Image.composite(drawn, behind_them, person)


def over_photograph(
    drawn: Image.Image, photograph: Image.Image, source: tuple[Image.Image, Pose], target: tuple[Image.Image, Pose]
) -> Image.Image:
    """The drawn picture where a limb that moves was or will be, with a soft rim; the photograph's pixels elsewhere.

    `source` and `target` are the person's grey masks and poses, before and after, in the photograph's frame.
    """
    size = size_of(photograph)
    shrink = min(1.0, _LARGEST_SIDE_PX / max(size))
    small = Size(max(1, round(size.height * shrink)), max(1, round(size.width * shrink)))
    moved = _moved_limbs(source[1], target[1])
    zone = np.zeros(small, np.float32)
    for mask, pose in (source, target):
        shown = np.asarray(mask.resize((small.width, small.height), Image.Resampling.BOX), np.float32) / 255
        zone = np.maximum(zone, shown * _share_of_limbs(pose.resize(small), moved, small))
    strength = _grown(zone, max(2.0, _RIM_SHARE * max(small)))
    if not strength.any():
        return photograph.copy()
    weight = Image.fromarray((strength * 255).round().astype(np.uint8)).resize(
        photograph.size, Image.Resampling.BILINEAR
    )
    return Image.composite(drawn, photograph, weight)


def feathered_window(size: Size, picture: Size, corner: tuple[int, int], share: float = 0.04) -> Image.Image:
    """A grey mask of a window of `size` at `corner` of a picture: white, soft towards sides inside the picture."""
    reach = max(1, round(share * min(size)))
    rows, columns = np.ones(size.height), np.ones(size.width)
    ramp = (np.arange(reach) + 0.5) / reach
    left, top = corner
    if top > 0:
        rows[:reach] = ramp[: len(rows)]
    if top + size.height < picture.height:
        rows[-reach:] = np.minimum(rows[-reach:], ramp[::-1])
    if left > 0:
        columns[:reach] = ramp[: len(columns)]
    if left + size.width < picture.width:
        columns[-reach:] = np.minimum(columns[-reach:], ramp[::-1])
    return Image.fromarray((rows[:, None] * columns[None] * 255).round().astype(np.uint8))


def _moved_limbs(source: Pose, target: Pose) -> list[bool]:
    """For each of `_LIMBS` whether one of the joints that move it moves, appears or disappears."""
    extent = max(_extent(source), _extent(target))
    shift = np.linalg.norm(source.keypoints - target.keypoints, axis=1)
    changed = (source.visible != target.visible) | (source.visible & target.visible & (shift > _MOVED_SHARE * extent))
    return [bool(changed[joints].any()) for joints in _MOVED_BY]


def _extent(pose: Pose) -> float:
    points = pose.keypoints[pose.visible]
    return float(max(1.0, *(np.ptp(points, axis=0)))) if len(points) else 1.0


def _share_of_limbs(pose: Pose, chosen: list[bool], size: Size) -> Mask:
    """(h, w) in [0, 1]: how far a pixel belongs to one of the chosen limbs, the nearest one in units of their
    thickness; 1 everywhere when all limbs are chosen, 0 when none is."""
    if all(chosen) or not any(chosen):
        return np.full(size, float(all(chosen)), np.float32)
    extent, points = _extent(pose), _with_ends(pose.named())
    ys, xs = np.mgrid[0 : size.height, 0 : size.width].astype(np.float32) + np.float32(0.5)
    nearest = {True: np.full(size, np.inf, np.float32), False: np.full(size, np.inf, np.float32)}
    for (start, end, thickness, _), is_chosen in zip(_LIMBS, chosen, strict=True):
        if start in points and end in points:
            distance = _distance(xs, ys, points[start], points[end]) / (thickness * extent)
            nearest[is_chosen] = np.minimum(nearest[is_chosen], distance)
    return (1 / (1 + np.exp(np.clip(4 * (nearest[True] - nearest[False]), -60, 60)))).astype(np.float32)


def _with_ends(points: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """The keypoints with wrists moved on to the fingers and ankles to the soles: hands belong to their limbs."""
    result = dict(points)
    for end, before, share in _ENDS:
        if end in points and before in points:
            (x, y), (x0, y0) = points[end], points[before]
            result[end] = x + share * (x - x0), y + share * (y - y0)
    return result


def _distance(xs: Mask, ys: Mask, start: tuple[float, float], end: tuple[float, float]) -> Mask:
    """Of each pixel to a line segment, px."""
    (x0, y0), (x1, y1) = start, end
    dx, dy = x1 - x0, y1 - y0
    along = np.clip(((xs - x0) * dx + (ys - y0) * dy) / max(dx * dx + dy * dy, 1e-6), 0, 1)
    return np.hypot(xs - x0 - along * dx, ys - y0 - along * dy)


def _grown(zone: Mask, reach: float) -> Mask:
    """The zone grown by `reach` px and then softened as far; 0 beyond."""
    grown = maximum_filter((zone > 0.1).astype(np.float32), 2 * round(reach) + 1)
    soft = gaussian_filter(grown, reach / 2, truncate=2)
    return np.where(soft > 0.02, np.clip(np.maximum(soft * 1.25 - 0.1, 0), 0, 1), 0).astype(np.float32)
