"""One feature vector for a picture, by a network that is named: what distances between sets of pictures compare."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from posable.metrics.frechet import FeatureStatistics, StatisticsOfFeatures
from posable.metrics.judged import JudgedPictures
from posable.nn.pretrained import efficientnet_lite0
from posable.nn.pretrained.efficientnet_lite0 import StageFeatures
from posable.nn.pretrained.inception import fid_inception, inception_input, load_inception, torchvision_inception
from posable.nn.pretrained.published_weights import sha256_of

InceptionName = Literal["fid-inception", "inception"]
_MAKERS = {"fid-inception": fid_inception, "inception": torchvision_inception}


@dataclass(frozen=True, eq=False)
class PooledFeatures:
    """A network, how pictures are put into it, and a name that changes with its weights."""

    name: str
    network: nn.Module
    vectors: Callable[[nn.Module, Tensor], Tensor]
    """(n, d) of uint8 (n, 3, h, w), RGB."""

    @torch.inference_mode()
    def of(self, levels: Tensor) -> Tensor:
        """Feature vectors, float (n, d), of uint8 (n, 3, h, w), on the device of `levels`."""
        return self.vectors(self.network.to(levels.device), levels)

    def of_generated(self, pictures: JudgedPictures) -> Float[Tensor, "n features"]:
        """Of the generated pictures, computed once for all metrics."""
        return pictures.shared((self.name, "generated"), lambda: self.of(pictures.generated))

    def of_truth(self, pictures: JudgedPictures) -> Float[Tensor, "n features"]:
        """Of the true pictures, computed once for all metrics."""
        return pictures.shared((self.name, "truth"), lambda: self.of(pictures.truth))

    def statistics(self, batches: Iterable[Tensor]) -> FeatureStatistics:
        """Of all pictures in batches of uint8 (n, 3, h, w): a reference set, say the training pictures."""
        sums = StatisticsOfFeatures(self.name)
        for levels in batches:
            sums.add(self.of(levels))
        return sums.statistics()


def inception_features(name: InceptionName, path: str | os.PathLike[str], sha256: str) -> PooledFeatures:
    """2048 features of Inception-v3 with the published weights in `path`; raises CheckpointError."""
    network = load_inception(_MAKERS[name], path)
    return PooledFeatures(f"{name}-{sha256[:8]}", network, lambda inception, levels: inception(inception_input(levels)))


def efflite0_features(features: StageFeatures | None = None) -> PooledFeatures:
    """320 features: the mean over places of EfficientNet-Lite0's last stage, of pictures in their own size.

    Raises MissingExtraError when the weights' package is not installed.
    """
    network = features or StageFeatures()
    name = f"efficientnet-lite0-{sha256_of(efficientnet_lite0.weights_path())[:8]}"
    return PooledFeatures(name, network, lambda net, levels: net(levels / 127.5 - 1)[-1].mean(dim=(2, 3)))
