"""What `train_parser.py` learns from: rendered people made as strange as photographs are, with their parsing maps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from posable.data.rendered_pairs import PEOPLE_PER_SHARD, RenderedPeople
from posable.data.shuffled import shuffled_slice
from posable.detect.window import person_window
from posable.imaging.size import Size
from posable.parsing.schemes import LIP_20
from posable.people.wardrobe.patterns import PATTERN_SHARES, make_pattern
from posable.pose.pose import OPENPOSE_18, PoseBatch
from posable.train.augment import Augmentation, degrade, noisy_poses, procedural_backgrounds

_ARRAYS = ("image", "alpha", "background", "parsing", "keypoints")
_MIRRORED_CLASSES = torch.tensor([*range(14), 15, 14, 17, 16, 19, 18])
_UNKNOWN = 255
_POSE_NOISE = Augmentation(keypoint_jitter=0.009, drop_keypoint=0.05, drop_hidden_face=0.6)


@dataclass(frozen=True)
class Sample:
    image: Tensor
    """Float (n, 3, h, w) in [-1, 1]."""
    parsing: Tensor
    """Uint8 (n, h, w), LIP-20; 255 outside the picture."""
    pose: PoseBatch


class StrangePictures:
    """Batches by position, the same at every run."""

    def __init__(self, what: RenderedPeople, cache: Path, seed: int) -> None:
        self.what, self.seed = what, seed
        shards = [what.shard_folder(cache, seeds) for seeds in what.shards()]
        self._shards = [{name: np.load(path / f"{name}.npy", mmap_mode="r") for name in _ARRAYS} for path in shards]
        rng = np.random.default_rng(seed)
        kinds = [kind for kind in PATTERN_SHARES if kind != "solid"]
        tiles = [make_pattern(str(rng.choice(kinds)), rng).tile for _ in range(60)]
        self._tiles = torch.from_numpy(np.stack(tiles)).permute(0, 3, 1, 2) * 2 - 1

    def class_shares(self) -> Tensor:
        """How much of the person-filled frame each class takes, from one shard."""
        counts = np.bincount(np.asarray(self._shards[0]["parsing"]).ravel(), minlength=len(LIP_20))
        return torch.from_numpy(counts / counts.sum()).float()

    def plain(self, positions: Sequence[int], frame: Size) -> Sample:
        """View by view as rendered, in the window around the person, with the true keypoints."""
        views = self._read([divmod(position, self.what.views) for position in positions])
        poses = PoseBatch(views["keypoints"][..., :2], views["keypoints"][..., 2] > 0, self.what.size)
        return _windowed(views["image"], views["parsing"], poses, self.what.size, frame, None)

    def batch(self, position: int, count: int, frame: Size) -> Sample:
        """`count` pictures of different people."""
        rng = torch.Generator().manual_seed((self.seed * 10_000_019 + position) % (1 << 62))
        who = shuffled_slice(self.what.people, self.seed, position, count)
        chosen = torch.randint(self.what.views, (count,), generator=rng).tolist()
        views = self._read(list(zip(who, chosen, strict=True)))
        views = _mirrored(views, torch.rand(count, generator=rng) < 0.5)
        size = self.what.size
        image = self._composed(views, rng)
        image, parsing = _with_things_before(image, views["parsing"], self._tiles, rng)
        image = _in_other_light(image, rng)
        poses = noisy_poses(views["keypoints"], size, _POSE_NOISE, rng)
        sample = _windowed(image, parsing, poses, size, frame, rng)
        return Sample(degrade(sample.image, 0.6, rng), sample.parsing, sample.pose)

    def _read(self, chosen: Sequence[tuple[int, int]]) -> dict[str, Tensor]:
        columns = {name: [] for name in _ARRAYS}
        for person, view in chosen:
            shard, row = self._shards[person // PEOPLE_PER_SHARD], person % PEOPLE_PER_SHARD
            for name in _ARRAYS:
                columns[name].append(np.asarray(shard[name][row, view]))
        stacked = {name: torch.from_numpy(np.stack(parts)) for name, parts in columns.items()}
        for name in ("image", "background"):
            stacked[name] = stacked[name].permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
        stacked["background"] = functional.interpolate(
            stacked["background"], scale_factor=2, mode="bilinear", align_corners=False
        )
        stacked["alpha"] = stacked["alpha"][:, None].float() / 255
        return stacked

    def _composed(self, views: dict[str, Tensor], rng: torch.Generator) -> Tensor:
        """The people over their own or other backgrounds, some with somebody else behind them."""
        alpha = views["alpha"]
        n = len(alpha)
        person = views["image"] - (1 - alpha) * views["background"]
        draw = torch.rand(n, generator=rng).view(n, 1, 1, 1)
        other = views["background"].roll(1, 0)
        behind = torch.where(draw < 0.35, views["background"], other)
        behind = torch.where(draw > 0.6, procedural_backgrounds(n, self.what.size, rng), behind)
        for i in range(n):
            if torch.rand((), generator=rng) < 0.3:
                behind[i] = _with_cloth(behind[i], self._tiles, rng)
        stranger, cover = person.roll(2, 0), alpha.roll(2, 0)
        scale = torch.empty(n).uniform_(0.5, 1.3, generator=rng)
        shift = torch.empty(n, 2).uniform_(-0.8, 0.8, generator=rng)
        theta = torch.zeros(n, 2, 3)
        theta[:, 0, 0] = theta[:, 1, 1] = 1 / scale
        theta[:, :, 2] = shift
        grid = functional.affine_grid(theta, [n, 1, *self.what.size], align_corners=False)
        stranger, cover = (functional.grid_sample(x, grid, align_corners=False) for x in (stranger, cover))
        there = (torch.rand(n, generator=rng) < 0.25).view(n, 1, 1, 1)
        behind = torch.where(there, stranger + (1 - cover) * behind, behind)
        return person + (1 - alpha) * behind


def _mirrored(views: dict[str, Tensor], chosen: Tensor) -> dict[str, Tensor]:
    flipped = {name: values.flip(-1) for name, values in views.items() if name != "keypoints"}
    flipped["parsing"] = _MIRRORED_CLASSES[flipped["parsing"].long()].to(torch.uint8)
    keypoints = views["keypoints"][:, list(OPENPOSE_18.mirror)].clone()
    keypoints[..., 0] = views["image"].shape[-1] - keypoints[..., 0]
    flipped["keypoints"] = keypoints
    return {
        name: torch.where(chosen.view(-1, *[1] * (values.ndim - 1)), flipped[name], values)
        for name, values in views.items()
    }


def _cloth(tiles: Tensor, size: Size, rng: torch.Generator) -> Tensor:
    """A turned and scaled piece of a pattern, (3, h, w)."""
    tile = tiles[int(torch.randint(len(tiles), (), generator=rng))]
    turn, scale = float(torch.rand((), generator=rng)) * math.pi, float(torch.rand((), generator=rng)) * 2 + 0.3
    theta = torch.tensor([[math.cos(turn), -math.sin(turn), 0.0], [math.sin(turn), math.cos(turn), 0.0]]) * scale
    grid = functional.affine_grid(theta[None], [1, 3, *size], align_corners=False)
    return functional.grid_sample(tile[None], (grid + 1) % 2 - 1, align_corners=False)[0]


def _with_cloth(picture: Tensor, tiles: Tensor, rng: torch.Generator) -> Tensor:
    """A curtain, a flag, a carpet: a patterned rectangle in a picture (3, h, w)."""
    height, width = picture.shape[-2:]
    y, x, dy, dx = (float(v) for v in torch.rand(4, generator=rng))
    rows = slice(int(y * 0.8 * height), int((y * 0.8 + 0.2 + 0.8 * dy) * height))
    columns = slice(int(x * 0.8 * width), int((x * 0.8 + 0.2 + 0.8 * dx) * width))
    picture = picture.clone()
    cloth = _cloth(tiles, Size(height, width), rng)
    picture[:, rows, columns] = cloth[:, rows, columns]
    return picture


def _with_things_before(image: Tensor, parsing: Tensor, tiles: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Some pictures get a table's edge or a held thing before the person: an ellipse or a box that is no person."""
    n, _, height, width = image.shape
    image, parsing = image.clone(), parsing.clone()
    ys, xs = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    for i in range(n):
        if torch.rand((), generator=rng) > 0.2:
            continue
        y, x, dy, dx, kind = (float(v) for v in torch.rand(5, generator=rng))
        v, u = (ys - y * height) / (height * (0.03 + 0.12 * dy)), (xs - x * width) / (width * (0.04 + 0.2 * dx))
        inside = (v**2 + u**2 < 1) if kind < 0.5 else torch.maximum(v.abs(), u.abs()) < 1
        plain = torch.empty(3, 1, 1).uniform_(-1, 1, generator=rng).expand(-1, height, width)
        thing = plain if kind < 0.7 else _cloth(tiles, Size(height, width), rng)
        image[i] = torch.where(inside, thing, image[i])
        parsing[i] = torch.where(inside, 0, parsing[i])
    return image, parsing


def _in_other_light(image: Tensor, rng: torch.Generator) -> Tensor:
    """Gains, gamma, saturation, contrast, and light that changes over the picture."""
    n = len(image)
    around = lambda spread, *shape: 1 + spread * torch.randn(shape, generator=rng).clamp(-2, 2)  # noqa: E731
    light = ((image + 1) / 2).clamp(1e-4, 1) ** (2 ** (0.45 * torch.randn(n, 1, 1, 1, generator=rng).clamp(-2, 2)))
    light = light * around(0.1, n, 3, 1, 1)
    field = functional.interpolate(around(0.2, n, 1, 3, 2), image.shape[-2:], mode="bicubic", align_corners=False)
    light = light * field
    grey = light.mean(1, keepdim=True)
    colourful = (around(0.3, n, 1, 1, 1) * (torch.rand(n, 1, 1, 1, generator=rng) > 0.08)).clamp_min(0)
    light = grey + (light - grey) * colourful
    middle = light.mean((1, 2, 3), keepdim=True)
    light = middle + (light - middle) * around(0.2, n, 1, 1, 1)
    return (light * 2 - 1).clamp(-1, 1)


def _windowed(
    image: Tensor, parsing: Tensor, poses: PoseBatch, size: Size, frame: Size, rng: torch.Generator | None
) -> Sample:
    """Each picture in the window that the parser would look at; with `rng` cut, turned, moved and scaled before."""
    n = len(image)
    thetas, points = np.zeros((n, 2, 3)), np.zeros((n, 18, 2), np.float32)
    known = poses.visible.numpy().copy()
    borders: list[tuple[float, float, float, float]] = []
    for i in range(n):
        keypoints = poses.keypoints[i].numpy()
        left, top, right, bottom = 0.0, 0.0, float(size.width), float(size.height)
        turn, grow, move, stretch = 0.0, 1.0, np.zeros(2), 1.0
        if rng is not None:
            draw = torch.rand(9, generator=rng).numpy()
            shown = keypoints[known[i]]
            if draw[0] < 0.4 and len(shown) > 4:
                # A half-length photo: the border cuts the person somewhere between chest and feet.
                low, high = shown[:, 1].min(), shown[:, 1].max()
                bottom = min(bottom, low + (0.3 + 0.6 * draw[1]) * (high - low))
                if draw[2] < 0.4:
                    left, right = draw[3] * 0.25 * size.width, (1 - draw[4] * 0.25) * size.width
            turn = float((draw[5] - 0.5) * 0.3) * float(draw[5] < 0.8)
            grow, stretch = float(2 ** ((draw[6] - 0.5) * 0.5)), float(2 ** ((draw[7] - 0.5) * 0.25))
            move = (torch.rand(2, generator=rng).numpy() - 0.5) * 0.12
        inside = (keypoints[:, 0] > left) & (keypoints[:, 0] < right) & (keypoints[:, 1] > top)
        inside &= keypoints[:, 1] < bottom
        if (known[i] & inside).sum() > 2:
            known[i] &= inside
        else:
            left, top, right, bottom = 0.0, 0.0, float(size.width), float(size.height)
        cut = Size(max(1, round(bottom - top)), max(1, round(right - left)))
        window = person_window(keypoints - [left, top], known[i], cut, frame)
        centre = np.array([window.left + left + window.width / 2, window.top + top + window.height / 2])
        centre = centre + move * [window.width, window.height]
        half = np.array([window.width, window.height]) / 2 * grow * [stretch, 1]
        turned = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
        matrix = turned * half[None]  # from frame coordinates in [-1, 1] to picture px
        thetas[i, :, :2] = matrix * 2 / np.array([[size.width], [size.height]])
        thetas[i, :, 2] = centre * 2 / [size.width, size.height] - 1
        back = np.linalg.inv(matrix)
        points[i] = ((keypoints - centre) @ back.T + 1) / 2 * [frame.width, frame.height]
        borders.append((left, top, right, bottom))
    grid = functional.affine_grid(torch.from_numpy(thetas).float(), [n, 1, *frame], align_corners=False)
    edges = torch.tensor(borders) / torch.tensor([size.width, size.height] * 2, dtype=torch.float32) * 2 - 1
    clamped = torch.maximum(torch.minimum(grid, edges[:, None, None, 2:]), edges[:, None, None, :2])
    outside = ((grid - clamped).abs() > 1e-4).any(-1)
    read = functional.grid_sample(image, clamped, padding_mode="border", align_corners=False)
    labels = functional.grid_sample(parsing[:, None].float(), clamped, mode="nearest", align_corners=False)[:, 0]
    labels = torch.where(outside, float(_UNKNOWN), labels).to(torch.uint8)
    keypoints = torch.from_numpy(points)
    limit = torch.tensor([frame.width, frame.height], dtype=torch.float32)
    seen = torch.from_numpy(known) & ((keypoints > 0) & (keypoints < limit)).all(-1)
    return Sample(read, labels, PoseBatch(keypoints, seen, frame))
