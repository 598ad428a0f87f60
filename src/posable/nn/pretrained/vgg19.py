"""VGG19's convolutions (Simonyan and Zisserman, 2015), whose features the perceptual losses of the papers compare.

The weights are those that torchvision publishes for ImageNet (BSD-3-Clause); they are read from a file on this machine
(`posable.nn.pretrained.published_weights`) and never fetched. Their keys are kept: layer 19 of the list is
`features.19.weight`.
"""

import os
from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from posable.nn.pretrained.published_weights import load_published

_WIDTHS = (64, 128, 256, 512, 512)
_CONVOLUTIONS = (2, 2, 4, 4, 4)
LAYERS = tuple(f"relu{stage}_{layer}" for stage, n in enumerate(_CONVOLUTIONS, 1) for layer in range(1, n + 1))
"""The names of the sixteen activations, from full size to a sixteenth."""

_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Vgg19(nn.Module):
    """The convolutions as published: `features`, and no classifier. Untrained until weights are loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.ModuleDict()
        index, inputs = 0, 3
        for width, count in zip(_WIDTHS, _CONVOLUTIONS, strict=True):
            for _ in range(count):
                self.features[str(index)] = nn.Conv2d(inputs, width, 3, 1, 1)
                inputs, index = width, index + 2
            index += 1

    def forward(self, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """The activations called `layers`, after their ReLU: (n, c, h / 2^k, w / 2^k) of relu(k + 1)_*.

        `image` (n, 3, h, w) comes in whatever range the user's weights expect; see `imagenet_normalised`. Nothing
        deeper than the last of `layers` is computed.
        """
        found: dict[str, Tensor] = {}
        deepest = max(LAYERS.index(layer) for layer in layers)
        x, stage = image, "1"
        for layer, convolution in zip(LAYERS[: deepest + 1], self.features.values(), strict=False):
            if layer[4] != stage:
                x, stage = functional.max_pool2d(x, 2), layer[4]
            x = functional.relu(convolution(x))
            if layer in layers:
                found[layer] = x
        return found


def imagenet_normalised(image: Tensor) -> Tensor:
    """Pictures (n, 3, h, w) in [-1, 1] with ImageNet's mean and deviation taken out."""
    mean, deviation = (image.new_tensor(v).view(3, 1, 1) for v in (_MEAN, _DEVIATION))
    return ((image + 1) / 2 - mean) / deviation


def load_vgg19(path: str | os.PathLike[str]) -> Vgg19:
    """VGG19 with the weights in `path`, torchvision's file or one with the same keys; raises CheckpointError."""
    return load_published(Vgg19, path, "VGG19")
