"""SSIM and PSNR: of the whole picture, inside the person's box, on the person."""

import dataclasses

import torch
from torch import Tensor

from posable.metrics.judged import JudgedPictures, PerPairMetric
from posable.metrics.region import Region, region_weights, suffix, weighted_mean
from posable.metrics.ssim import GAUSSIAN, LEVELS, SsimForm, inside, ssim_map


def ssim_metric(name: str = "ssim", form: SsimForm = GAUSSIAN, region: Region = "whole") -> PerPairMetric:
    """SSIM in one form. In a region: the mean of the map there, the windows still seeing what is around.

    Higher is better, 1 for equal pictures. Absent for pictures that are smaller than the window.
    """

    def measure(pictures: JudgedPictures) -> Tensor | str:
        if reason := pictures.too_small_for(f"SSIM's window of {form.side_px} px", form.side_px):
            return reason
        weights = region_weights(pictures, region)
        if isinstance(weights, str):
            return weights
        similarity = pictures.shared(form, lambda: ssim_map(pictures.generated, pictures.truth, form))
        if region == "whole":
            return inside(similarity, form).double().mean(dim=(1, 2))
        return weighted_mean(similarity, weights)

    settings = {**dataclasses.asdict(form), "data_range": "of prediction" if form.range_of_prediction else LEVELS}
    settings = {"region": region, **settings}
    return PerPairMetric(name + suffix(region), measure, settings, higher_is_better=True)


def psnr_metric(region: Region = "whole") -> PerPairMetric:
    """Peak signal-to-noise ratio, 10 log10(255^2 / mean squared error) dB; equal pictures give infinity."""

    def measure(pictures: JudgedPictures) -> Tensor | str:
        weights = region_weights(pictures, region)
        if isinstance(weights, str):
            return weights
        errors = pictures.shared("squared errors", lambda: _squared_errors(pictures))
        # The same as by weights of 1, without multiplying by them.
        mean = errors.mean(dim=(1, 2), dtype=torch.float64) if region == "whole" else weighted_mean(errors, weights)
        return 10 * torch.log10(LEVELS**2 / mean)

    return PerPairMetric("psnr" + suffix(region), measure, {"region": region, "peak": LEVELS}, higher_is_better=True)


def _squared_errors(pictures: JudgedPictures) -> Tensor:
    """Of each pixel, the mean over colours: (n, h, w). In place and one by one, so that it stays in the cache."""
    pairs = zip(pictures.generated, pictures.truth, strict=True)
    return torch.stack([generated.float().sub_(truth).square_().mean(dim=0) for generated, truth in pairs])
