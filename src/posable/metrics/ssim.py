"""Structural similarity (Wang et al., 2004) in one stated form, because the field's tables mix several.

The form here: Gaussian window of 11x11 with sigma 1.5, population covariance, K1 = 0.01, K2 = 0.03, data range fixed
at 2 (pictures in [-1, 1]) whatever the pictures hold, each colour channel on its own, then the mean. This equals
`skimage.metrics.structural_similarity(..., gaussian_weights=True, use_sample_covariance=False, data_range=2)`.
"""

import torch
from torch import Tensor
from torch.nn import functional

from posable.errors import SizeError

_RADIUS = 5
_SIGMA = 1.5
_DATA_RANGE = 2.0
_C1, _C2 = (0.01 * _DATA_RANGE) ** 2, (0.03 * _DATA_RANGE) ** 2


def ssim_map(image: Tensor, other: Tensor) -> Tensor:
    """Similarity (n, h, w), at most 1, around each pixel of two batches (n, 3, h, w) of RGB pictures in [-1, 1].

    Windows that reach over the edge see the picture mirrored there, the edge pixel repeated. Raises SizeError when the
    shapes differ or a side is shorter than the window's 11 px.
    """
    if image.shape != other.shape:
        raise SizeError(f"the pictures are {tuple(image.shape)} and {tuple(other.shape)}; give two of one shape.")
    height, width = image.shape[-2:]
    if min(height, width) < 2 * _RADIUS + 1:
        raise SizeError(f"the pictures are {height}x{width}; SSIM needs {2 * _RADIUS + 1} px a side.")
    moments = torch.cat([image, other, image * image, other * other, image * other], dim=1)
    mean_a, mean_b, square_a, square_b, product = _blurred(moments).chunk(5, dim=1)
    variances = square_a - mean_a**2 + square_b - mean_b**2
    covariance = product - mean_a * mean_b
    similarity = (2 * mean_a * mean_b + _C1) * (2 * covariance + _C2)
    similarity = similarity / ((mean_a**2 + mean_b**2 + _C1) * (variances + _C2))
    return similarity.mean(dim=1)


def ssim(image: Tensor, other: Tensor) -> Tensor:
    """Similarity (n,) of whole pictures: the mean of `ssim_map` over the pixels whose window lies inside."""
    return ssim_map(image, other)[:, _RADIUS:-_RADIUS, _RADIUS:-_RADIUS].mean(dim=(1, 2))


def ssim_in_box(image: Tensor, other: Tensor, boxes: Tensor) -> Tensor:
    """Similarity (n,) inside one box per picture: the mean of `ssim_map` over the box's pixels.

    `boxes` (n, 4), integers: left, top, right, bottom in px, right and bottom excluded, as `person_boxes` gives them.
    """
    similarity = ssim_map(image, other)
    boxes_px: list[list[int]] = boxes.tolist()
    means = [
        one[top:bottom, left:right].mean() for one, (left, top, right, bottom) in zip(similarity, boxes_px, strict=True)
    ]
    return torch.stack(means)


def _blurred(images: Tensor) -> Tensor:
    """`images` under the Gaussian window, one axis after the other, edges mirrored with the edge pixel repeated."""
    offsets = torch.arange(-_RADIUS, _RADIUS + 1, dtype=images.dtype, device=images.device)
    window = torch.exp(-(offsets**2) / (2 * _SIGMA**2))
    window = window / window.sum()
    n, channels, height, width = images.shape
    images = images[:, :, _mirrored(height, images.device)][..., _mirrored(width, images.device)]
    planes = images.reshape(n * channels, 1, *images.shape[-2:])
    planes = functional.conv2d(functional.conv2d(planes, window[None, None, :, None]), window[None, None, None, :])
    return planes.reshape(n, channels, height, width)


def _mirrored(length: int, device: torch.device) -> Tensor:
    """Indices 4 3 2 1 0 | 0 1 2 ... n-1 | n-1 n-2 ... that pad an axis by the window's radius."""
    inside = torch.arange(length, device=device)
    return torch.cat([inside[:_RADIUS].flip(0), inside, inside[-_RADIUS:].flip(0)])
