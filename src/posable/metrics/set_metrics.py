"""Distances between the set of generated pictures and a set of true ones: FID, KID and fd_efflite0."""

from __future__ import annotations

import importlib.util
import os
import warnings
from typing import Any, Literal

import torch
from torch import Tensor, nn

from posable.errors import InputError, MissingExtraError
from posable.metrics.frechet import FeatureStatistics, StatisticsOfFeatures, frechet_distance
from posable.metrics.judged import AbsentMetric, JudgedPictures, Metric, MetricResult
from posable.metrics.pooled_features import InceptionName, PooledFeatures, efflite0_features, inception_features
from posable.nn.pretrained.efficientnet_lite0 import StageFeatures
from posable.nn.pretrained.published_weights import absence, find_weights, sha256_of

Weights = str | os.PathLike[str] | None
_FID_NAMES: dict[InceptionName, str] = {"fid-inception": "fid", "inception": "fid_torchvision"}
_KID_SUBSET, _KID_SUBSETS, _KID_SEED = 1000, 100, 0


class FrechetMetric:
    """The Fréchet distance between the generated pictures and the true ones, or a reference set that is given."""

    higher_is_better = False

    def __init__(self, name: str, features: PooledFeatures, reference: FeatureStatistics | None = None) -> None:
        """Raises InputError when `reference` was made with other features."""
        if reference is not None and reference.features != features.name:
            raise InputError(
                f"the reference is of {reference.features}, but {name} is of {features.name}; make it again."
            )
        self.name = name
        self._features = features
        self._reference = reference
        self._generated = StatisticsOfFeatures(features.name)
        self._truth = StatisticsOfFeatures(features.name)

    def update(self, pictures: JudgedPictures) -> None:
        self._generated.add(self._features.of_generated(pictures))
        if self._reference is None:
            self._truth.add(self._features.of_truth(pictures))

    def result(self) -> MetricResult:
        settings: dict[str, Any] = {
            "features": self._features.name,
            "generated": self._generated.count,
            "reference": "truth" if self._reference is None else "given",
            "reference_count": self._truth.count if self._reference is None else self._reference.count,
        }
        if self._generated.count < 2:
            return MetricResult.missing("a distance between sets needs two pictures at least.", settings)
        reference = self._reference or self._truth.statistics()
        return MetricResult(frechet_distance(self._generated.statistics(), reference), None, None, settings)


class KernelMetric:
    """Kernel inception distance (Bińkowski et al., 2018): MMD^2 with the kernel (x.y / d + 1)^3, unbiased.

    The mean over 100 subsets of 1000 pictures of each set, drawn from a fixed seed; of sets that are not larger, all
    pictures once. Can be a little below 0. Computed by torchmetrics.
    """

    higher_is_better = False

    def __init__(self, name: str, features: PooledFeatures) -> None:
        self.name = name
        self._features = features
        self._generated: list[Tensor] = []
        self._truth: list[Tensor] = []

    def update(self, pictures: JudgedPictures) -> None:
        self._generated.append(self._features.of_generated(pictures).cpu())
        self._truth.append(self._features.of_truth(pictures).cpu())

    def result(self) -> MetricResult:
        count = sum(len(batch) for batch in self._generated)
        size, subsets = (_KID_SUBSET, _KID_SUBSETS) if count > _KID_SUBSET else (count, 1)
        settings = {"features": self._features.name, "subset_size": size, "subsets": subsets, "reference": "truth"}
        if count < 2:
            return MetricResult.missing("a distance between sets needs two pictures at least.", settings)
        mean, deviation = _kernel_distance(torch.cat(self._truth), torch.cat(self._generated), size, subsets)
        return MetricResult(mean, None, None, settings, parts={"deviation over subsets": deviation})


def fid_metric(
    network: InceptionName = "fid-inception", reference: FeatureStatistics | None = None, weights: Weights = None
) -> Metric:
    """FID, named fid, or fid_torchvision on torchvision's Inception; absent when the weights are not here.

    Against the true pictures, or `reference`, as `PooledFeatures.statistics` makes it. Lower is better.
    """
    name = _FID_NAMES[network]
    features = _inception(network, weights)
    if isinstance(features, str):
        return AbsentMetric(name, features, {"network": network}, higher_is_better=False)
    return FrechetMetric(name, features, reference)


def kid_metric(weights: Weights = None) -> Metric:
    """KID on FID's Inception; absent when its weights, or torchmetrics, are not here. Lower is better."""
    features = _inception("fid-inception", weights)
    if importlib.util.find_spec("torchmetrics") is None:
        features = "KID needs the package torchmetrics, which is not installed; run: pip install 'posable[evaluate]'"
    if isinstance(features, str):
        return AbsentMetric("kid", features, {"network": "fid-inception"}, higher_is_better=False)
    return KernelMetric("kid", features)


def fd_efflite0_metric(reference: FeatureStatistics | None = None, features: StageFeatures | None = None) -> Metric:
    """The Fréchet distance on EfficientNet-Lite0, which needs no download; never to be printed as FID.

    `features` may be given to share one network among metrics. Absent when the weights' package is not installed.
    """
    try:
        return FrechetMetric("fd_efflite0", efflite0_features(features), reference)
    except MissingExtraError as error:
        return AbsentMetric("fd_efflite0", str(error), {"features": "efficientnet-lite0"}, higher_is_better=False)


def _inception(name: Literal["fid-inception", "inception"], weights: Weights) -> PooledFeatures | str:
    path = find_weights(name, weights)
    return absence(name) if path is None else inception_features(name, path, sha256_of(path))


class _Given(nn.Module):
    """In the place of torchmetrics' network: the features are there already."""

    def forward(self, features: Tensor) -> Tensor:
        return features


def _kernel_distance(truth: Tensor, generated: Tensor, size: int, subsets: int) -> tuple[float, float]:
    from torchmetrics.image.kid import KernelInceptionDistance

    with warnings.catch_warnings():
        # It says that features stay in memory; here they are there already.
        warnings.simplefilter("ignore", UserWarning)
        metric = KernelInceptionDistance(feature=_Given(), subsets=subsets, subset_size=size)
    metric.update(truth.double(), real=True)
    metric.update(generated.double(), real=False)
    # torchmetrics draws its subsets from the global generator.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_KID_SEED)
        mean, deviation = metric.compute()
    return float(mean), float(deviation)
