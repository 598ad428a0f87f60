"""The metrics that protocols name, each with how it is made."""

from __future__ import annotations

from collections.abc import Callable

import torch

from posable.errors import ConfigError
from posable.evaluation.protocol import Measure
from posable.metrics.judged import Metric
from posable.metrics.pixel_metrics import psnr_metric, ssim_metric
from posable.metrics.ssim import GAUSSIAN, GAUSSIAN_OF_PREDICTION, UNIFORM_51

METRICS: dict[str, Callable[[Measure, torch.device], Metric]] = {
    "ssim": lambda measure, _: ssim_metric(form=GAUSSIAN, region=measure.region),
    "ssim_gaussian_of_prediction": lambda measure, _: ssim_metric(form=GAUSSIAN_OF_PREDICTION, region=measure.region),
    "ssim_uniform_51": lambda measure, _: ssim_metric(form=UNIFORM_51, region=measure.region),
    "psnr": lambda measure, _: psnr_metric(measure.region),
}


def build(measure: Measure, device: torch.device) -> Metric:
    """A fresh metric for a measure; raises ConfigError for a name that is not known."""
    if measure.metric not in METRICS:
        raise ConfigError(f"there is no metric '{measure.metric}'; choose one of {', '.join(METRICS)}.")
    return METRICS[measure.metric](measure, device)
