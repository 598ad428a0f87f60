"""Small batches of judged pictures for the metrics' tests."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from posable.imaging.size import Size
from posable.metrics.judged import JudgedPictures
from posable.pose.pose import OPENPOSE_18, Pose, PoseBatch


def levels(seed: int, n: int = 2, height: int = 64, width: int = 44) -> Tensor:
    """Smooth random pictures with some noise, uint8 (n, 3, h, w)."""
    rng = torch.Generator().manual_seed(seed)
    coarse = torch.rand(n, 3, height // 8, width // 8, generator=rng) * 255
    image = functional.interpolate(coarse, size=(height, width), mode="bilinear")
    return (image + 12 * torch.randn(image.shape, generator=rng)).clamp(0, 255).round().to(torch.uint8)


def poses(n: int, height: int, width: int) -> PoseBatch:
    """People standing in the middle, slightly different ones, all keypoints in the frame."""
    rng = np.random.default_rng(n)
    count = len(OPENPOSE_18.keypoints)
    middle = np.stack([np.full(count, width / 2), np.linspace(0.15, 0.85, count) * height], axis=-1)
    offsets = rng.uniform(-0.15, 0.15, (n, count, 2)) * [width, 0.2 * height]
    points = (middle + offsets).astype(np.float32)
    return PoseBatch.from_poses([Pose(p, np.ones(count, np.bool_), Size(height, width)) for p in points])


def ellipses(n: int, height: int, width: int) -> Tensor:
    """Soft upright ellipses, float (n, 1, h, w) in [0, 1], each a little further left."""
    ys, xs = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    centres = torch.linspace(0.55, 0.4, n)[:, None, None] * width
    radius = (((xs - centres) / (0.25 * width)) ** 2 + ((ys - height / 2) / (0.4 * height)) ** 2).sqrt()
    return ((1 - radius) * 8 + 0.5).clamp(0, 1)[:, None].float()


def judged(n: int = 3, height: int = 64, width: int = 44, seed: int = 0, **parts: Any) -> JudgedPictures:
    """Random pictures with poses and masks; `parts` are put in, or with None left out."""
    given: dict[str, Any] = {
        "generated": levels(seed, n, height, width),
        "truth": levels(seed + 1, n, height, width),
        "mask": ellipses(n, height, width),
    }
    return JudgedPictures(**({"target_pose": poses(n, height, width)} | given | parts))
