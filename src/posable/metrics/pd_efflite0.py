"""pd_efflite0: the perceptual distance on EfficientNet-Lite0 as a metric; never to be printed as LPIPS."""

import torch
from torch import Tensor

from posable.errors import MissingExtraError
from posable.metrics.feature_maps import mean_in_region
from posable.metrics.judged import AbsentMetric, JudgedPictures, Metric, PerPairMetric
from posable.metrics.perceptual import SMALLEST_SIDE_PX, distance_maps
from posable.metrics.region import Region, region_weights, suffix
from posable.nn.pretrained import efficientnet_lite0
from posable.nn.pretrained.efficientnet_lite0 import StageFeatures
from posable.nn.pretrained.published_weights import sha256_of


def pd_efflite0_metric(region: Region = "whole", features: StageFeatures | None = None) -> Metric:
    """The distance of `posable.metrics.perceptual`, in [0, 4], 0 for equal pictures; needs no download.

    In a region, each stage's map is averaged over its cells by how much of the region they cover. Lower is better.
    `features` may be given to share one network among metrics. Absent when the weights' package is not installed.
    """
    name = "pd_efflite0" + suffix(region)
    settings = {"region": region, "weights": efficientnet_lite0.WEIGHTS_PACKAGE}
    try:
        network = features or StageFeatures()
        settings["sha256"] = sha256_of(efficientnet_lite0.weights_path())
    except MissingExtraError as error:
        return AbsentMetric(name, str(error), settings, higher_is_better=False)

    def measure(pictures: JudgedPictures) -> Tensor | str:
        if reason := pictures.too_small_for("the perceptual distance", SMALLEST_SIDE_PX):
            return reason
        shares = region_weights(pictures, region)
        if isinstance(shares, str):
            return shares
        maps = pictures.shared("pd_efflite0", lambda: _maps(pictures, network))
        return torch.stack([mean_in_region(stage, shares) for stage in maps]).mean(dim=0)

    return PerPairMetric(name, measure, settings, higher_is_better=False)


def _maps(pictures: JudgedPictures, network: StageFeatures) -> list[Tensor]:
    network = network.to(pictures.truth.device)
    both = torch.cat([pictures.generated, pictures.truth]) / 127.5 - 1
    stages = [stage.chunk(2) for stage in network(both)]
    return distance_maps([a for a, _ in stages], [b for _, b in stages])
