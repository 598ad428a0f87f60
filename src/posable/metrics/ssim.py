"""Structural similarity (Wang et al., 2004) in the forms that the field's tables mix, each one by name.

All forms treat the three colours on their own and take the mean; K1 = 0.01, K2 = 0.03. They differ in the window, in
whether covariances are those of a sample (N / (N - 1)), and in the range of values that the two constants are scaled
by. Each equals `skimage.metrics.structural_similarity` with the arguments that its comment gives.

Similarity depends on where zero lies: the same pictures as [0, 255] and as [-1, 1] give different numbers. Tables use
[0, 255], or [0, 1] with data range 1, which is the same.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from posable.errors import SizeError

_K1, _K2 = 0.01, 0.03
_SIGMA = 1.5
LEVELS = 255.0
"""The width of the range of 8-bit pictures."""


@dataclass(frozen=True)
class SsimForm:
    """One definition of SSIM."""

    window: Literal["gaussian", "uniform"]
    """Gaussian of sigma 1.5, or all pixels alike."""
    side_px: int
    sample_covariance: bool
    range_of_prediction: bool = False
    """The data range is max - min of the generated picture, not the 255 that 8 bits can hold."""

    @property
    def radius(self) -> int:
        return self.side_px // 2


GAUSSIAN = SsimForm("gaussian", 11, sample_covariance=False)
"""The paper's own. gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255."""
GAUSSIAN_OF_PREDICTION = SsimForm("gaussian", 11, sample_covariance=False, range_of_prediction=True)
"""What the DPTN and PATN tables print: as GAUSSIAN, with data_range=generated.max() - generated.min()."""
UNIFORM = SsimForm("uniform", 7, sample_covariance=True)
"""scikit-image's defaults. data_range=255."""
UNIFORM_51 = SsimForm("uniform", 51, sample_covariance=True)
"""What the GFLA and NTED scripts print. win_size=51, data_range=255."""


def ssim_map(image: Tensor, other: Tensor, form: SsimForm = GAUSSIAN, data_range: float = LEVELS) -> Tensor:
    """Similarity (n, h, w), at most 1, around each pixel of two batches (n, 3, h, w) of RGB; gradients flow to both.

    `data_range` is the width of the range that pixels may have: 255 for levels, 1 for pictures in [0, 1]. Where the
    form takes it from the prediction, that is `image`; a flat one gives nan. Windows that reach over the edge see the
    picture mirrored there, the edge pixel repeated. Raises SizeError when the shapes differ or a side is shorter than
    the window. 8-bit pictures on a CPU go through numba where that is installed.
    """
    if image.dtype == other.dtype == torch.uint8 and image.device.type == "cpu" and find_spec("numba") is not None:
        return _compiled(image, other, form, data_range)
    luminance, structure = similarity_terms(image, other, form, data_range)
    return (luminance * structure).mean(dim=1)


def similarity_terms(image: Tensor, other: Tensor, form: SsimForm, data_range: float) -> tuple[Tensor, Tensor]:
    """SSIM's two factors around each pixel and for each colour, (n, 3, h, w): luminance, and contrast with structure.

    Arguments and errors are those of `ssim_map`.
    """
    _check(image, other, form)
    # One picture at a time stays in a processor's cache; other devices take all at once.
    size = 1 if image.device.type == "cpu" else len(image)
    parts = [_terms(a, b, form, data_range) for a, b in zip(image.split(size), other.split(size), strict=True)]
    return torch.cat([luminance for luminance, _ in parts]), torch.cat([structure for _, structure in parts])


def _terms(image: Tensor, other: Tensor, form: SsimForm, data_range: float) -> tuple[Tensor, Tensor]:
    image, other = image.float(), other.float()
    c1, c2 = _constants(image, form, data_range)
    # The moments of sum and difference hold those of the two pictures: 4 ab = (a + b)^2 - (a - b)^2.
    total = image + other
    # Squares of what is left beside a constant lose fewer digits, and variances do not change by it.
    middle = total.mean(dim=(2, 3), keepdim=True)
    both = _mirrored(torch.cat([total - middle, image - other], dim=1), form.radius)
    means, squares = _blurred(torch.cat([both, both * both], dim=1), form).chunk(2, dim=1)
    squared_means = means * means
    of_total, of_difference = (squares - squared_means).clamp(min=0).chunk(2, dim=1)
    mean_of_total = (means[:, :3] + middle).square()
    mean_of_difference = squared_means[:, 3:]
    c1, c2 = c1[:, None, None, None], c2[:, None, None, None]
    luminance = (mean_of_total - mean_of_difference + c1) / (mean_of_total + mean_of_difference + c1)
    return luminance, (of_total - of_difference + c2) / (of_total + of_difference + c2)


def ssim(image: Tensor, other: Tensor, form: SsimForm = GAUSSIAN, data_range: float = LEVELS) -> Tensor:
    """Similarity (n,) of whole pictures: the mean of `ssim_map` over the pixels whose window lies inside."""
    return inside(ssim_map(image, other, form, data_range), form).mean(dim=(1, 2))


def inside(similarity: Tensor, form: SsimForm) -> Tensor:
    """The part of a map (..., h, w) whose windows lie inside the picture."""
    r = form.radius
    height, width = similarity.shape[-2:]
    return similarity[..., r : height - r, r : width - r]


def _compiled(image: Tensor, other: Tensor, form: SsimForm, data_range: float) -> Tensor:
    from posable.metrics.ssim_compiled import add_similarity

    _check(image, other, form)
    c1, c2 = _constants(image, form, data_range)
    found = np.zeros((len(image), *image.shape[-2:]), np.float32)
    window = _window(form, torch.device("cpu")).numpy()
    add_similarity(image.contiguous().numpy(), other.contiguous().numpy(), window, c1.numpy(), c2.numpy(), found)
    return torch.from_numpy(found)


def _check(image: Tensor, other: Tensor, form: SsimForm) -> None:
    if image.shape != other.shape:
        raise SizeError(f"the pictures are {tuple(image.shape)} and {tuple(other.shape)}; give two of one shape.")
    height, width = image.shape[-2:]
    if min(height, width) < form.side_px:
        raise SizeError(f"the pictures are {height}x{width}; SSIM needs {form.side_px} px a side.")


def _constants(image: Tensor, form: SsimForm, data_range: float) -> tuple[Tensor, Tensor]:
    """Twice the paper's C1 and C2 of each picture, float (n,); that of sample covariances goes into C2."""
    widths = torch.full((len(image),), data_range, dtype=torch.float32, device=image.device)
    if form.range_of_prediction:
        widths = image.amax(dim=(1, 2, 3)).float() - image.amin(dim=(1, 2, 3)).float()
        widths = widths.masked_fill(widths == 0, torch.nan)
    unbiased = form.side_px**2 / (form.side_px**2 - 1) if form.sample_covariance else 1.0
    return 2 * (_K1 * widths) ** 2, 2 * (_K2 * widths) ** 2 / unbiased


def _window(form: SsimForm, device: torch.device) -> Tensor:
    """The weights along one axis, (side,), of sum 1."""
    offsets = torch.arange(-form.radius, form.radius + 1, dtype=torch.float32, device=device)
    window = torch.exp(-(offsets**2) / (2 * _SIGMA**2)) if form.window == "gaussian" else torch.ones_like(offsets)
    return window / window.sum()


def _blurred(planes: Tensor, form: SsimForm) -> Tensor:
    """`planes` (n, c, h + 2 radius, w + 2 radius) under the form's window, one axis after the other: (n, c, h, w)."""
    groups = planes.shape[1]
    window = _window(form, planes.device).repeat(groups, 1, 1, 1)
    # Depthwise convolutions are many times as fast with the channels last.
    planes = planes.contiguous(memory_format=torch.channels_last)
    planes = functional.conv2d(planes, window.transpose(2, 3).contiguous(), groups=groups)
    return functional.conv2d(planes, window, groups=groups).contiguous()


def _mirrored(planes: Tensor, radius: int) -> Tensor:
    """`planes` with `radius` more pixels on each side: 2 1 0 | 0 1 2 ... n-1 | n-1 n-2 n-3."""
    for axis in (3, 2):
        first, last = planes.narrow(axis, 0, radius), planes.narrow(axis, planes.shape[axis] - radius, radius)
        planes = torch.cat([first.flip(axis), planes, last.flip(axis)], dim=axis)
    return planes
