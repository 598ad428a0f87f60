"""Pose transfer without learning: the source person cut into parts, each moved by one similarity transform.

Head, torso, upper arms, forearms, thighs and shins are capsules around the limbs of the source pose, limited to what
differs from the background. Each part is turned, scaled and moved so that its limb lies on the target's limb, and the
parts are laid over the source's background, the person filled in from around, in an order from far to near. It is the
baseline that a learned model has to beat, and a check that poses and pictures share one frame.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from posable.pose.pose import Pose

_SIDES = ("right", "left")
_LIMIT = 1.7
"""A part is scaled at most this much more or less than the person: a limb seen end on has no length to scale by."""
_OVERLAP = 0.35
"""How far a part reaches into its neighbours, as a share of its radius, so that bent joints have no gaps."""


class _Part(NamedTuple):
    """A capsule from keypoint `start` to keypoint `end`, both as shares of the person's height where they are sizes."""

    name: str
    start: str
    end: str
    radius: float
    before: float
    beyond: float
    length: float


def _arm_and_leg(side: str) -> tuple[_Part, ...]:
    return (
        _Part(f"{side}_shin", f"{side}_knee", f"{side}_ankle", 0.055, 0.0, 0.05, 0.23),
        _Part(f"{side}_thigh", f"{side}_hip", f"{side}_knee", 0.075, 0.02, 0.0, 0.24),
        _Part(f"{side}_upper_arm", f"{side}_shoulder", f"{side}_elbow", 0.05, 0.0, 0.0, 0.16),
        _Part(f"{side}_forearm", f"{side}_elbow", f"{side}_wrist", 0.042, 0.0, 0.09, 0.14),
    )


_PARTS = (
    _Part("torso", "neck", "mid_hip", 0.115, -0.06, 0.0, 0.29),
    _Part("head", "neck", "head", 0.085, -0.03, 0.01, 0.13),
    *_arm_and_leg("right"),
    *_arm_and_leg("left"),
)


@dataclass(frozen=True)
class Warped:
    """What the part warp draws for one pair."""

    image: Tensor
    """Float (3, h, w), RGB in [-1, 1]."""
    mask: Tensor
    """Float (1, h, w) in [0, 1]: where the moved parts lie."""


def warp_parts(source_image: Tensor, source_pose: Pose, target_pose: Pose) -> Warped:
    """The source person (3, h, w), RGB in [-1, 1], in the target pose; both poses in the frame of the picture.

    A limb that one pose does not show is taken from the other side of the body, or left out.
    """
    height, width = source_image.shape[-2:]
    source, target = _Figure.of(source_pose), _Figure.of(target_pose)
    if source is None or target is None:
        return Warped(source_image.clone(), torch.zeros(1, height, width))
    coverage = _normalised_distances(source, height, width)
    background = filled_in(source_image, (coverage.amin(dim=0) > 1.6)[None])
    person = _difference_matte(source_image, background, coverage)
    image, mask = background, torch.zeros(1, height, width)
    masks = {part.name: person * _ownership(coverage, index) for index, part in enumerate(_PARTS)}
    for part in _far_to_near(target):
        origin = _origin(part, source, target)
        if origin is None:
            continue
        layer = torch.cat([source_image, masks[origin.name][None]])
        moved = _sampled(layer, _similarity(origin, part, source, target))
        alpha = moved[3:]
        image, mask = image * (1 - alpha) + moved[:3] * alpha, mask + alpha * (1 - mask)
    return Warped(image, mask)


@dataclass(frozen=True)
class _Figure:
    """A pose as named points, with missing ones guessed where the body says where they are."""

    points: dict[str, NDArray[np.float64]]
    height: float
    """The person's standing height in px, judged from the limbs; foreshortened limbs are outvoted."""

    @classmethod
    def of(cls, pose: Pose) -> "_Figure | None":
        points = {name: np.asarray(xy, np.float64) for name, xy in pose.named().items()}
        _add_middle(points, "neck", "right_shoulder", "left_shoulder")
        _add_middle(points, "mid_hip", "right_hip", "left_hip")
        face = [points[name] for name in ("nose", "right_ear", "left_ear", "right_eye", "left_eye") if name in points]
        if face:
            points["head"] = np.mean(face, axis=0)
        ratios = [
            float(np.linalg.norm(points[part.end] - points[part.start])) / part.length
            for part in _PARTS
            if part.start in points and part.end in points
        ]
        if "neck" not in points or not ratios:
            return None
        figure = cls(points, float(np.quantile(ratios, 0.8)))
        figure._add_trunk_and_legs()
        return figure

    def _add_trunk_and_legs(self) -> None:
        """Puts hips, knees and ankles that the frame cuts off straight below what is seen of the body."""
        down = np.array([0.0, 1.0])
        if "mid_hip" in self.points:
            axis = self.points["mid_hip"] - self.points["neck"]
            down = axis / max(float(np.linalg.norm(axis)), 1e-6)
        self.points.setdefault("mid_hip", self.points["neck"] + 0.29 * self.height * down)
        self.points.setdefault("head", self.points["neck"] - 0.13 * self.height * down)
        for side in _SIDES:
            hip, knee, ankle = (self.points.get(f"{side}_{joint}") for joint in ("hip", "knee", "ankle"))
            if hip is not None and knee is None:
                knee = self.points[f"{side}_knee"] = hip + 0.24 * self.height * down
            if knee is not None and ankle is None:
                self.points[f"{side}_ankle"] = knee + 0.23 * self.height * down

    def limb(self, part: _Part) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        if part.start not in self.points or part.end not in self.points:
            return None
        return self.points[part.start], self.points[part.end]

    @property
    def facing_x(self) -> float:
        """Which way the person looks: about -1 to the picture's left, 1 to its right, 0 to the camera or away."""
        if "nose" not in self.points:
            return 0.0
        return float((self.points["nose"] - self.points["neck"])[0]) / (0.06 * self.height)

    @property
    def shows_the_back(self) -> bool:
        right, left = self.points.get("right_shoulder"), self.points.get("left_shoulder")
        return right is not None and left is not None and bool(right[0] > left[0])


def _add_middle(points: dict[str, NDArray[np.float64]], name: str, right: str, left: str) -> None:
    if name not in points and right in points and left in points:
        points[name] = (points[right] + points[left]) / 2


def _far_to_near(figure: _Figure) -> list[_Part]:
    """The parts in drawing order: the limbs of the far side, the trunk, the near ones; arms behind a back."""
    by_name = {part.name: part for part in _PARTS}
    far, near = ("left", "right") if figure.facing_x > 0 else ("right", "left")
    arms = {side: [f"{side}_upper_arm", f"{side}_forearm"] for side in _SIDES}
    legs = {side: [f"{side}_shin", f"{side}_thigh"] for side in _SIDES}
    if abs(figure.facing_x) > 0.7:
        names = [*arms[far], *legs[far], *legs[near], "torso", "head", *arms[near]]
    elif figure.shows_the_back:
        names = [*arms[far], *arms[near], *legs[far], *legs[near], "torso", "head"]
    else:
        names = [*legs[far], *legs[near], "torso", "head", *arms[far], *arms[near]]
    return [by_name[name] for name in names]


def _origin(part: _Part, source: _Figure, target: _Figure) -> _Part | None:
    """The part of the source that is drawn as the target's `part`: itself, or its mirror image, or nothing."""
    if target.limb(part) is None:
        return None
    if source.limb(part) is not None:
        return part
    swapped = part.name.replace("right", "*").replace("left", "right").replace("*", "left")
    mirrored = next(other for other in _PARTS if other.name == swapped)
    return mirrored if source.limb(mirrored) is not None else None


def _similarity(origin: _Part, part: _Part, source: _Figure, target: _Figure) -> NDArray[np.float64]:
    """The matrix (2, 3) that takes target points to source points: the limb's middle and direction exactly.

    Its scale is the ratio of the limbs' lengths, kept near the ratio of the two people's heights.
    """
    source_limb, target_limb = source.limb(origin), target.limb(part)
    assert source_limb is not None, "only limbs that both figures have are moved"
    assert target_limb is not None, "only limbs that both figures have are moved"
    a, b = source_limb[1] - source_limb[0], target_limb[1] - target_limb[0]
    person = source.height / target.height
    scale = float(np.linalg.norm(a) / max(float(np.linalg.norm(b)), 1e-6))
    scale = float(np.clip(scale, person / _LIMIT, person * _LIMIT))
    turn = float(np.arctan2(a[1], a[0]) - np.arctan2(b[1], b[0]))
    matrix = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    middle = (source_limb[0] + source_limb[1]) / 2 - matrix @ ((target_limb[0] + target_limb[1]) / 2)
    return np.concatenate([matrix, middle[:, None]], axis=1)


def _normalised_distances(figure: _Figure, height: int, width: int) -> Tensor:
    """For each part (10, h, w): the distance of each pixel's centre to its limb, in its radii; inf if missing."""
    ys, xs = np.mgrid[0:height, 0:width] + 0.5
    pixels = np.stack([xs, ys], axis=-1)
    distances = np.full((len(_PARTS), height, width), np.inf, np.float32)
    for index, part in enumerate(_PARTS):
        limb = figure.limb(part)
        if limb is None:
            continue
        axis = limb[1] - limb[0]
        length = max(float(np.linalg.norm(axis)), 1e-6)
        start = limb[0] - axis / length * part.before * figure.height
        end = limb[1] + axis / length * part.beyond * figure.height
        axis = end - start
        along = np.clip((pixels - start) @ axis / max(float(axis @ axis), 1e-6), 0, 1)
        nearest = start + along[..., None] * axis
        distances[index] = np.linalg.norm(pixels - nearest, axis=-1) / (part.radius * figure.height)
    return torch.from_numpy(distances)


def _ownership(coverage: Tensor, index: int) -> Tensor:
    """How far (h, w) each pixel belongs to one part: nearer, in radii, to its limb than to any other."""
    others = torch.cat([coverage[:index], coverage[index + 1 :]]).amin(dim=0)
    lead = others + _OVERLAP - coverage[index]
    return torch.where(coverage[index].isinf(), 0.0, lead.div(0.15).clamp(0, 1))


def _difference_matte(image: Tensor, background: Tensor, coverage: Tensor) -> Tensor:
    """Where the person is (h, w), softly: the limbs' cores, and around them what differs from the background."""
    nearest = coverage.amin(dim=0)
    difference = (image - background).square().sum(dim=0).sqrt()
    differs = ((difference - 0.12) / 0.18).clamp(0, 1)
    core = ((0.55 - nearest) / 0.1).clamp(0, 1)
    around = ((1.6 - nearest) / 0.1).clamp(0, 1)
    return torch.maximum(core, differs * around)


def filled_in(image: Tensor, known: Tensor) -> Tensor:
    """`image` (3, h, w) with the pixels outside `known`, bool (1, h, w), filled by diffusion from the known ones.

    Coarse to fine: each level is the mean of the known pixels below it, and unknown pixels take the next coarser level.
    """
    weight = known.float()[None]
    filled = _pulled(image[None] * weight, weight)
    for _ in range(8):
        smooth = functional.avg_pool2d(functional.pad(filled, (2, 2, 2, 2), mode="replicate"), 5, 1)
        filled = torch.where(known[None], image[None], smooth)
    return filled[0]


def _pulled(weighted: Tensor, weight: Tensor) -> Tensor:
    """The mean of known pixels at this level where there are any, the coarser level's elsewhere."""
    here = weighted / weight.clamp(min=1e-6)
    height, width = weight.shape[-2:]
    if bool((weight > 0).all()) or max(height, width) == 1:
        return here
    coarser = _pulled(
        functional.avg_pool2d(weighted, 2, ceil_mode=True, count_include_pad=False),
        functional.avg_pool2d(weight, 2, ceil_mode=True, count_include_pad=False),
    )
    spread = functional.interpolate(coarser, size=(height, width), mode="bilinear", align_corners=False)
    return torch.where(weight > 0, here, spread)


def _sampled(layer: Tensor, matrix: NDArray[np.float64]) -> Tensor:
    """`layer` (c, h, w) as seen through a matrix (2, 3) from target px to source px, nothing outside its frame."""
    height, width = layer.shape[-2:]
    ys, xs = np.mgrid[0:height, 0:width] + 0.5
    points = np.stack([xs, ys, np.ones_like(xs)], axis=-1) @ matrix.T
    grid = torch.from_numpy(points / [width, height] * 2 - 1).to(layer.dtype)
    return functional.grid_sample(layer[None], grid[None], mode="bilinear", padding_mode="zeros", align_corners=False)[
        0
    ]
