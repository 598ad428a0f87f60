"""The convolutions of AlexNet (Krizhevsky, 2014) and VGG16 (Simonyan and Zisserman, 2015), as LPIPS uses them.

State-dict keys are those of the published files, so that these load as they are; their classifiers are left aside.
"""

from torch import Tensor, nn
from torch.nn import functional


class AlexNet(nn.Module):
    """`forward` gives the five activations after their ReLU; untrained until weights are loaded."""

    channels = (64, 192, 384, 256, 256)
    smallest_side_px = 31
    """Below this nothing is left after the second pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.ModuleDict(
            {
                "0": nn.Conv2d(3, 64, 11, stride=4, padding=2),
                "3": nn.Conv2d(64, 192, 5, padding=2),
                "6": nn.Conv2d(192, 384, 3, padding=1),
                "8": nn.Conv2d(384, 256, 3, padding=1),
                "10": nn.Conv2d(256, 256, 3, padding=1),
            }
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        """Maps (n, c, h', w') of `image` (n, 3, h, w), normalised as the caller likes: h / 4, h / 8, then h / 16."""
        found: list[Tensor] = []
        x = image
        for index, convolution in self.features.items():
            if index in ("3", "6"):
                x = functional.max_pool2d(x, 3, 2)
            x = functional.relu(convolution(x))
            found.append(x)
        return found


class Vgg16(nn.Module):
    """`forward` gives the last activation of each of the five stages; untrained until weights are loaded."""

    channels = (64, 128, 256, 512, 512)
    smallest_side_px = 16

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.ModuleDict()
        self._last: set[str] = set()
        index, inputs = 0, 3
        for width, count in zip(self.channels, (2, 2, 3, 3, 3), strict=True):
            for _ in range(count):
                self.features[str(index)] = nn.Conv2d(inputs, width, 3, padding=1)
                inputs, index = width, index + 2
            self._last.add(str(index - 2))
            # The pooling after a stage has a number too.
            index += 1

    def forward(self, image: Tensor) -> list[Tensor]:
        """relu1_2, relu2_2, relu3_3, relu4_3, relu5_3 of `image` (n, 3, h, w), normalised as the caller likes."""
        found: list[Tensor] = []
        x = image
        for index, convolution in self.features.items():
            x = functional.relu(convolution(x))
            if index in self._last:
                found.append(x)
                x = functional.max_pool2d(x, 2)
        return found
