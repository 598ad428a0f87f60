"""The discriminator of DPTN, GFLA and PISE: residual, spectrally normed, without norms; it scores patches."""

from jaxtyping import Float
from torch import Tensor, nn

from posable.nn.residual_blocks import SLOPE, add_spectral_norm, init_orthogonal, published_spectral_key


class HalvingBlock(nn.Module):
    """Half the size: LReLU, 3x3 convolution to `hidden`, LReLU, 4x4 convolution of stride 2, beside a mean of 2x2
    pixels and a 1x1 convolution."""

    def __init__(self, inputs: int, outputs: int, hidden: int, *, activate_input: bool) -> None:
        super().__init__()
        self.main = nn.Sequential(
            *([nn.LeakyReLU(SLOPE)] if activate_input else []),
            nn.Conv2d(inputs, hidden, 3, 1, 1),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(hidden, outputs, 4, 2, 1),
        )
        self.shortcut = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(inputs, outputs, 1))

    def forward(self, x: Float[Tensor, "n inputs h w"]) -> Float[Tensor, "n outputs h//2 w//2"]:
        return self.main(x) + self.shortcut(x)


class PatchDiscriminator(nn.Module):
    """A score for each patch of a picture: (n, 3, h, w) in [-1, 1] to (n, 1, h / 2^num_blocks, w / 2^num_blocks).

    The papers take 4 blocks for fashion (664,577 parameters) and 3 for Market-1501 (238,209). `activate_image` is how
    they differ: GFLA and PISE apply the first leaky ReLU to the picture itself, DPTN does not. More `inputs` let it see
    what the picture should belong to besides.
    """

    def __init__(
        self,
        num_blocks: int = 4,
        *,
        activate_image: bool,
        inputs: int = 3,
        channels: int = 32,
        max_channels: int = 128,
    ) -> None:
        super().__init__()
        widths = [min(channels * 2**level, max_channels) for level in range(num_blocks)]
        self.blocks = nn.ModuleList(
            HalvingBlock(i, o, max(i, channels), activate_input=activate_image or level > 0)
            for level, (i, o) in enumerate(zip((inputs, *widths[:-1]), widths, strict=True))
        )
        self.head = nn.Sequential(nn.LeakyReLU(SLOPE), nn.Conv2d(widths[-1], 1, 1))
        init_orthogonal(self)
        add_spectral_norm(self)

    def forward(self, image: Float[Tensor, "n inputs h w"]) -> Float[Tensor, "n 1 _ _"]:
        for block in self.blocks:
            image = block(image)
        return self.head(image)


def published_discriminator_key(key: str) -> str:
    """Our name of an entry of the published discriminators' state dicts."""
    part, rest = key.split(".", 1)
    if part == "conv":
        ours = f"head.1.{rest}"
    else:
        level = 0 if part == "block0" else int(part.removeprefix("encoder")) + 1
        ours = f"blocks.{level}.{rest.replace('model.', 'main.')}"
    return published_spectral_key(ours)
