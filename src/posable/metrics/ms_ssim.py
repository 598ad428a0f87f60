"""Multi-scale SSIM (Wang et al., 2003) at five scales, computed by torchmetrics."""

import importlib.util

from torch import Tensor

from posable.metrics.judged import AbsentMetric, JudgedPictures, Metric, PerPairMetric
from posable.metrics.pixel_metrics import LEVELS

SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_WINDOW_PX, _SIGMA = 11, 1.5
_SMALLEST_SIDE_PX = (_WINDOW_PX - 1) * 2 ** (len(SCALE_WEIGHTS) - 1) + 2 ** (len(SCALE_WEIGHTS) - 1)


def ms_ssim_metric() -> Metric:
    """Gaussian window of 11 px, sigma 1.5, data range 255, the paper's weights; of whole pictures, 1 for equal ones.

    Absent for pictures under 176 px a side, whose smallest scale does not hold a window, and without torchmetrics.
    """
    settings = {"weights": SCALE_WEIGHTS, "side_px": _WINDOW_PX, "sigma": _SIGMA, "data_range": LEVELS}
    if importlib.util.find_spec("torchmetrics") is None:
        reason = "MS-SSIM needs the package torchmetrics, which is not installed; run: pip install 'posable[evaluate]'"
        return AbsentMetric("ms_ssim", reason, settings, higher_is_better=True)
    return PerPairMetric("ms_ssim", _measure, settings, higher_is_better=True)


def _measure(pictures: JudgedPictures) -> Tensor | str:
    from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

    height, width = pictures.truth.shape[-2:]
    if min(height, width) < _SMALLEST_SIDE_PX:
        return f"the pictures are {height}x{width}; MS-SSIM at five scales needs {_SMALLEST_SIDE_PX} px a side."
    found: Tensor = multiscale_structural_similarity_index_measure(
        pictures.generated.float(),
        pictures.truth.float(),
        sigma=_SIGMA,
        kernel_size=_WINDOW_PX,
        reduction=None,
        data_range=LEVELS,
        betas=SCALE_WEIGHTS,
    )
    return found
