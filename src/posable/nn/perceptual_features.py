"""The features that perceptual losses compare: VGG19's, as in the papers, or EfficientNet-Lite0's, which need no
download. Which one a run used is its `name`, to be written into the model's card: their losses are not comparable."""

import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from posable.nn.pretrained.efficientnet_lite0 import StageFeatures
from posable.nn.pretrained.vgg19 import Vgg19, imagenet_normalised, load_vgg19


@dataclass(frozen=True)
class FeatureMaps:
    """Of one batch of pictures, (n, c, h / s, w / s) each."""

    content: tuple[Float[Tensor, "n _ _ _"], ...]
    """Fine to coarse, for the distance of what is where."""
    style: tuple[Float[Tensor, "n _ _ _"], ...]
    """Fine to coarse, for the distance of textures."""
    quarter: Float[Tensor, "n _ _ _"]
    """At h / 4 x w / 4, for matching places."""
    eighth: Float[Tensor, "n _ _ _"]


class PerceptualFeatures(nn.Module, ABC):
    """A frozen network: gradients flow to the pictures only. Pictures are RGB (n, 3, h, w) in [-1, 1]."""

    name: ClassVar[str]

    @abstractmethod
    def forward(self, image: Float[Tensor, "n 3 h w"]) -> FeatureMaps: ...


class Vgg19Features(PerceptualFeatures):
    """The papers' features: content at relu1_1 ... relu5_1, style at relu2_2, relu3_4, relu4_4 and relu5_2.

    DPTN, GFLA and PISE feed the picture as it is, in [-1, 1]; NTED takes ImageNet's mean and deviation out before
    (`normalised`) and compares styles at the content's layers (`style_layers`).
    """

    name = "vgg19-imagenet"
    content_layers = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")

    def __init__(
        self,
        network: Vgg19,
        *,
        normalised: bool = False,
        style_layers: tuple[str, ...] = ("relu2_2", "relu3_4", "relu4_4", "relu5_2"),
    ) -> None:
        super().__init__()
        self.network = network.requires_grad_(False)
        self.normalised = normalised
        self.style_layers = style_layers

    def forward(self, image: Float[Tensor, "n 3 h w"]) -> FeatureMaps:
        image = imagenet_normalised(image) if self.normalised else image
        found = self.network(image, (*self.content_layers, *self.style_layers))
        return FeatureMaps(
            content=tuple(found[layer] for layer in self.content_layers),
            style=tuple(found[layer] for layer in self.style_layers),
            quarter=found["relu3_1"],
            eighth=found["relu4_1"],
        )


class EfficientNetFeatures(PerceptualFeatures):
    """Five stages of EfficientNet-Lite0, each divided by its mean magnitude on pictures of people.

    Stands in for VGG19 where its weights are not at hand; not what any paper used. Raises MissingExtraError when the
    weights' package is not installed.
    """

    name = "efficientnet-lite0"

    def __init__(self) -> None:
        super().__init__()
        self.network = StageFeatures().requires_grad_(False)

    def forward(self, image: Float[Tensor, "n 3 h w"]) -> FeatureMaps:
        stages = tuple(stage / magnitude for stage, magnitude in zip(self.network(image), _MAGNITUDES, strict=True))
        style = tuple(_STYLE_SCALE * stage for stage in stages[1:])
        return FeatureMaps(content=stages, style=style, quarter=stages[1], eighth=stages[2])


_MAGNITUDES = (3.6, 5.6, 5.2, 5.1, 1.9)
"""The mean absolute values of the stages on 24 views of validation people at 256x176."""

_STYLE_SCALE = 0.4
"""With it, L1, content and style with the papers' weights (5, 0.5, 500), made for VGG19, are of one order between two
views of a person: 1.2, 2.4 and 0.9 on those people."""


def perceptual_features(vgg19: str | os.PathLike[str] | None, *, normalised: bool = False) -> PerceptualFeatures:
    """VGG19's features with the weights in the file `vgg19`, or EfficientNet-Lite0's where that is None."""
    if vgg19 is None:
        return EfficientNetFeatures()
    return Vgg19Features(load_vgg19(vgg19), normalised=normalised)
