"""Which network the perceptual losses look through: VGG19, as the papers do, when its published weights are at hand."""

from pathlib import Path

import torch

from posable.models.nted import nted_features
from posable.nn.perceptual_features import PerceptualFeatures, perceptual_features

_VGG19 = "vgg19-dcbb9e9d.pth"
"""The name under which torch keeps the published ImageNet weights."""


def found_features() -> str:
    """The name of the features that training would use here: 'vgg19-imagenet' or 'efficientnet-lite0'."""
    return "vgg19-imagenet" if _file().is_file() else "efficientnet-lite0"


def features_named(name: str, *, normalised: bool = False) -> PerceptualFeatures:
    """The features of that name; VGG19's weights come from torch's cache. Nothing is downloaded."""
    return perceptual_features(_file() if name == "vgg19-imagenet" else None, normalised=normalised)


def nted_features_named(name: str) -> PerceptualFeatures:
    """The same as NTED compares them: VGG19's of normalised pictures, styles at the content's layers."""
    return nted_features(_file() if name == "vgg19-imagenet" else None)


def _file() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints" / _VGG19
