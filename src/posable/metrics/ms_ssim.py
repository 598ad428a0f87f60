"""Multi-scale SSIM (Wang et al., 2003): contrast and structure at five scales, luminance at the coarsest."""

import torch
from torch import Tensor
from torch.nn import functional

from posable.metrics.judged import JudgedPictures, PerPairMetric
from posable.metrics.ssim import GAUSSIAN, LEVELS, inside, similarity_terms

SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_SMALLEST_SIDE_PX = GAUSSIAN.side_px * 2 ** (len(SCALE_WEIGHTS) - 1)


def ms_ssim(image: Tensor, other: Tensor, data_range: float = LEVELS) -> Tensor:
    """Similarity (n,) of two batches (n, 3, h, w) of RGB, 176 px a side at least; 1 for equal pictures.

    The window is SSIM's Gaussian, each scale has half the size of the one before by averaging 2x2 pixels, and colours
    are averaged at each scale. A scale at which pictures are opposites, below 0, counts as 0.
    """
    image, other = image.float(), other.float()
    value = image.new_ones(len(image))
    for scale, weight in enumerate(SCALE_WEIGHTS):
        if scale:
            image, other = functional.avg_pool2d(image, 2), functional.avg_pool2d(other, 2)
        luminance, structure = similarity_terms(image, other, GAUSSIAN, data_range)
        terms = luminance * structure if scale == len(SCALE_WEIGHTS) - 1 else structure
        value = value * torch.relu(inside(terms, GAUSSIAN).mean(dim=(1, 2, 3))) ** weight
    return value


def ms_ssim_metric() -> PerPairMetric:
    """MS-SSIM of whole pictures, data range 255; absent for pictures whose coarsest scale does not hold a window."""

    def measure(pictures: JudgedPictures) -> Tensor | str:
        reason = pictures.too_small_for("MS-SSIM at five scales", _SMALLEST_SIDE_PX)
        return reason or ms_ssim(pictures.generated, pictures.truth)

    settings = {"scale_weights": SCALE_WEIGHTS, "data_range": LEVELS}
    return PerPairMetric("ms_ssim", measure, settings, higher_is_better=True)
