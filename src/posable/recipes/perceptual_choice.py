"""The feature network of the perceptual losses: VGG19, as in the papers, when its published weights are at hand."""

from pathlib import Path
from typing import Literal

from posable.errors import CheckpointError
from posable.models.nted import nted_features
from posable.nn.perceptual_features import PerceptualFeatures, perceptual_features
from posable.nn.pretrained.published_weights import find_weights

FeaturesName = Literal["vgg19-imagenet", "efficientnet-lite0"]


def found_features() -> FeaturesName:
    """The name of the features that training would use here."""
    return "efficientnet-lite0" if find_weights("vgg19") is None else "vgg19-imagenet"


def features_named(name: FeaturesName) -> PerceptualFeatures:
    """The features of that name, of pictures as they are. Nothing is downloaded: raises CheckpointError when VGG19's
    weights are not on this machine."""
    return perceptual_features(_vgg19(name))


def nted_features_named(name: FeaturesName) -> PerceptualFeatures:
    """The same as NTED compares them: VGG19's of normalised pictures, styles at the content's layers."""
    return nted_features(_vgg19(name))


def _vgg19(name: FeaturesName) -> Path | None:
    """The file of VGG19's weights; None where they are not wanted."""
    if name == "efficientnet-lite0":
        return None
    path = find_weights("vgg19")
    if path is None:
        raise CheckpointError(
            "this run's feature network is VGG19, whose published weights are not on this machine; fetch them with "
            "`posable weights fetch vgg19`."
        )
    return path
