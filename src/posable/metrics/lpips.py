"""LPIPS (Zhang et al., 2018), version 0.1: how far apart two pictures look, by AlexNet or VGG16 and fitted weights.

At each of five activations the feature vector of every place is scaled to unit length; the squared differences are
weighted by channel with the published heads, summed, and averaged over places; the five are added up. The trunks'
weights are downloads (`posable weights fetch alexnet`); the heads come with the package torchmetrics.
"""

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from posable.errors import CheckpointError, MissingExtraError, SizeError
from posable.metrics.feature_maps import mean_in_region
from posable.metrics.judged import AbsentMetric, JudgedPictures, Metric, PerPairMetric
from posable.metrics.region import Region, region_weights, suffix
from posable.nn.pretrained.imagenet_trunks import AlexNet, Vgg16
from posable.nn.pretrained.published_weights import absence, find_weights, load_published, sha256_of

Trunk = Literal["alexnet", "vgg16"]


@dataclass(frozen=True)
class _Form:
    network: type[AlexNet] | type[Vgg16]
    heads_file: str
    metric: str


_FORMS: dict[Trunk, _Form] = {
    "alexnet": _Form(AlexNet, "alex.pth", "lpips"),
    "vgg16": _Form(Vgg16, "vgg.pth", "lpips_vgg"),
}
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
_EPSILON = 1e-10


class Lpips(nn.Module):
    """The distance, frozen: gradients flow to the pictures only."""

    shift: Float[Tensor, "3 1 1"]
    scale: Float[Tensor, "3 1 1"]

    def __init__(self, trunk: AlexNet | Vgg16, heads: list[Tensor]) -> None:
        """`heads` are the weights (1, c, 1, 1) of the trunk's five activations, not below 0."""
        super().__init__()
        self.trunk = trunk.requires_grad_(False)
        self.heads = nn.ParameterList([nn.Parameter(head, requires_grad=False) for head in heads])
        self.register_buffer("shift", torch.tensor(_SHIFT).view(3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(_SCALE).view(3, 1, 1), persistent=False)

    def forward(self, image: Tensor, other: Tensor) -> Tensor:
        """The distance (n,), 0 for equal pictures, between batches (n, 3, h, w) of RGB in [-1, 1]."""
        return torch.stack([place.mean(dim=(1, 2)) for place in self.maps(image, other)]).sum(dim=0)

    def maps(self, image: Tensor, other: Tensor) -> list[Tensor]:
        """The five distances of every place of pictures (n, 3, h, w) in [-1, 1], (n, h', w') each; the sum of their
        means is LPIPS."""
        if image.shape != other.shape:
            raise SizeError(f"the pictures are {tuple(image.shape)} and {tuple(other.shape)}; give two of one shape.")
        height, width = image.shape[-2:]
        if min(height, width) < self.trunk.smallest_side_px:
            raise SizeError(f"the pictures are {height}x{width}; LPIPS needs {self.trunk.smallest_side_px} px a side.")
        both = (torch.cat([image, other]) - self.shift) / self.scale
        found: list[Tensor] = []
        for features, head in zip(self.trunk(both), self.heads, strict=True):
            a, b = _unit_length(features).chunk(2)
            found.append(((a - b).square() * head).sum(dim=1))
        return found


def load_lpips(trunk: Trunk, path: str | os.PathLike[str]) -> Lpips:
    """LPIPS with the trunk's published weights in `path`; raises CheckpointError, MissingExtraError for the heads."""
    form = _FORMS[trunk]
    return Lpips(load_published(form.network, path, trunk), published_heads(trunk))


def published_heads(trunk: Trunk) -> list[Tensor]:
    """The fitted channel weights (1, c, 1, 1) of version 0.1 as they lie in the package torchmetrics (BSD-2-Clause).

    torchmetrics is not imported. Raises MissingExtraError when it is not installed.
    """
    form = _FORMS[trunk]
    spec = importlib.util.find_spec("torchmetrics")
    for folder in spec.submodule_search_locations or () if spec else ():
        path = Path(folder) / "functional" / "image" / "lpips_models" / form.heads_file
        if path.is_file():
            heads = torch.load(path, map_location="cpu", weights_only=True)
            return _checked([heads.get(f"lin{i}.model.1.weight") for i in range(5)], form, path)
    raise MissingExtraError(
        "LPIPS needs the fitted weights in the package torchmetrics, which is not installed: "
        "run pip install 'posable[evaluate]'."
    )


def lpips_metric(
    trunk: Trunk = "alexnet", region: Region = "whole", weights: str | os.PathLike[str] | None = None
) -> Metric:
    """LPIPS as a metric, named lpips or lpips_vgg; absent, with the reason, when the trunk's weights are not here.

    In a region, each activation's map is averaged over its cells by how much of the region they cover; cells see what
    is around them too. Lower is better.
    """
    form = _FORMS[trunk]
    name, settings = form.metric + suffix(region), {"region": region, "trunk": trunk, "version": "0.1"}
    path = find_weights(trunk, weights)
    if path is None:
        return AbsentMetric(name, absence(trunk), settings, higher_is_better=False)
    distance = load_lpips(trunk, path)

    def measure(pictures: JudgedPictures) -> Tensor | str:
        if reason := pictures.too_small_for(f"LPIPS on {trunk}", form.network.smallest_side_px):
            return reason
        shares = region_weights(pictures, region)
        if isinstance(shares, str):
            return shares
        return sum_in_region(shared_maps(pictures, distance, (form.metric, str(path))), shares)

    return PerPairMetric(name, measure, settings | {"sha256": sha256_of(path)}, higher_is_better=False)


def shared_maps(pictures: JudgedPictures, distance: Lpips, key: object) -> list[Float[Tensor, "n _ _"]]:
    """The maps of a batch, made once for all regions."""

    def make() -> list[Tensor]:
        network = distance.to(pictures.truth.device)
        return network.maps(pictures.generated / 127.5 - 1, pictures.truth / 127.5 - 1)

    return pictures.shared(key, make)


def sum_in_region(maps: list[Tensor], shares: Tensor) -> Tensor:
    """LPIPS (n,) of the places that `shares` (n, h, w) in [0, 1] names."""
    return torch.stack([mean_in_region(place, shares) for place in maps]).sum(dim=0)


def _unit_length(features: Tensor) -> Tensor:
    return features / (features.square().sum(dim=1, keepdim=True).sqrt() + _EPSILON)


def _checked(heads: list[Tensor | None], form: _Form, path: Path) -> list[Tensor]:
    found: list[Tensor] = []
    for head, channels in zip(heads, form.network.channels, strict=True):
        if head is None or tuple(head.shape) != (1, channels, 1, 1):
            raise CheckpointError(f"'{path}' does not hold LPIPS's heads; install torchmetrics again.")
        found.append(head)
    return found
