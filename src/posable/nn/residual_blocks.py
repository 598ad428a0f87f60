"""The convolution blocks from which DPTN, GFLA and PISE are built: normalised and activated before each convolution.

All of them take (n, inputs, h, w) maps. Convolutions have biases and pad with zeros unless said. Instance norms keep no
running statistics, so training and evaluation draw the same, and a person in a batch is drawn as alone.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrize import register_parametrization

SLOPE = 0.1
"""Of the leaky ReLUs in all three families."""

INITIAL_GAIN = 0.02


class EncoderBlock(nn.Sequential):
    """Half the size: norm, LReLU, 4x4 convolution of stride 2 to `hidden`, norm, LReLU, 3x3 convolution; no shortcut.

    At the head of a network its first norm takes away the mean and contrast of each channel of the picture itself.
    """

    def __init__(
        self, inputs: int, outputs: int, hidden: int | None = None, *, affine: bool = True, slope: float = SLOPE
    ) -> None:
        hidden = outputs if hidden is None else hidden
        super().__init__(
            nn.InstanceNorm2d(inputs, affine=affine),
            nn.LeakyReLU(slope),
            nn.Conv2d(inputs, hidden, 4, 2, 1),
            nn.InstanceNorm2d(hidden, affine=affine),
            nn.LeakyReLU(slope),
            nn.Conv2d(hidden, outputs, 3, 1, 1),
        )


class ResidualBlock(nn.Module):
    """The same size: twice (norm, LReLU, 3x3 convolution), beside a shortcut.

    The shortcut is the input itself, or a 1x1 convolution where the channels change or `learned_shortcut` asks for it.
    """

    def __init__(self, inputs: int, outputs: int, hidden: int | None = None, *, learned_shortcut: bool = False) -> None:
        super().__init__()
        hidden = outputs if hidden is None else hidden
        self.main = nn.Sequential(
            nn.InstanceNorm2d(inputs, affine=True),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(inputs, hidden, 3, 1, 1),
            nn.InstanceNorm2d(hidden, affine=True),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(hidden, outputs, 3, 1, 1),
        )
        is_learned = learned_shortcut or inputs != outputs
        self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1)) if is_learned else nn.Sequential()

    def forward(self, x: Float[Tensor, "n inputs h w"]) -> Float[Tensor, "n outputs h w"]:
        return self.main(x) + self.shortcut(x)


class ResidualDecoder(nn.Module):
    """Twice the size: norm, LReLU, 3x3 convolution to `hidden`, norm, LReLU, transposed 3x3 convolution of stride 2,
    beside a transposed convolution of the input as it came."""

    def __init__(
        self, inputs: int, outputs: int, hidden: int | None = None, *, affine: bool = True, slope: float = SLOPE
    ) -> None:
        super().__init__()
        hidden = outputs if hidden is None else hidden
        self.main = nn.Sequential(
            nn.InstanceNorm2d(inputs, affine=affine),
            nn.LeakyReLU(slope),
            nn.Conv2d(inputs, hidden, 3, 1, 1),
            nn.InstanceNorm2d(hidden, affine=affine),
            nn.LeakyReLU(slope),
            _doubling(hidden, outputs),
        )
        self.shortcut = nn.Sequential(_doubling(inputs, outputs))

    def forward(self, x: Float[Tensor, "n inputs h w"]) -> Float[Tensor, "n outputs 2*h 2*w"]:
        return self.main(x) + self.shortcut(x)


class Jump(nn.Sequential):
    """LReLU, then a 3x3 convolution with mirrored borders."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(nn.LeakyReLU(SLOPE), nn.ReflectionPad2d(1), nn.Conv2d(inputs, outputs, 3))


class ImageOutput(nn.Sequential):
    """Features to `outputs` channels in (-1, 1): a Jump and tanh, after an instance norm where `normed`."""

    def __init__(
        self, inputs: int, outputs: int = 3, *, normed: bool = False, affine: bool = True, slope: float = SLOPE
    ) -> None:
        norm = [nn.InstanceNorm2d(inputs, affine=affine)] if normed else []
        super().__init__(*norm, nn.LeakyReLU(slope), nn.ReflectionPad2d(1), nn.Conv2d(inputs, outputs, 3), nn.Tanh())


def _doubling(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(inputs, outputs, 3, 2, 1, output_padding=1)


def to_sixteenth(inputs: int, channels: int) -> list[nn.Module]:
    """Four blocks to a sixteenth of the size; half of the channels in the first (PISE's encoders)."""
    widths = (channels // 2, channels, channels, channels)
    return [EncoderBlock(i, o) for i, o in zip((inputs, *widths[:-1]), widths, strict=True)]


def to_fourfold(channels: int) -> list[nn.Module]:
    """Two blocks to four times the size (PISE's)."""
    return [ResidualDecoder(channels, channels), ResidualDecoder(channels, channels)]


def init_orthogonal(module: nn.Module, gain: float = INITIAL_GAIN) -> None:
    """Orthogonal weights times `gain` and zero biases in every convolution and linear layer, as the three families
    begin. Call it before `add_spectral_norm`."""
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.orthogonal_(layer.weight, gain)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


class SpectralNorm(nn.Module):
    """A parametrisation: the weight divided by its largest singular value (Miyato et al., 2018), as a matrix with the
    outputs first. One step of power iteration follows the value in each forward pass in training.

    PyTorch's own takes its first fifteen steps even on the meta device, where models are built to be loaded; for a
    generator with forty such layers that took seconds.
    """

    _u: Tensor
    _v: Tensor

    def __init__(self, weight: Tensor, outputs_dim: int) -> None:
        super().__init__()
        self.outputs_dim = outputs_dim
        rows = self._rows(weight)
        self.register_buffer("_u", functional.normalize(torch.randn(rows.shape[0]), dim=0))
        self.register_buffer("_v", functional.normalize(torch.randn(rows.shape[1]), dim=0))
        if not weight.is_meta:
            self._iterate(rows, steps=15)

    def forward(self, weight: Float[Tensor, "outputs *rest"]) -> Float[Tensor, "outputs *rest"]:
        rows = self._rows(weight)
        if self.training:
            self._iterate(rows, steps=1)
        # Copies, as the next pass changes the vectors in place before this one's gradient may have been taken.
        return weight / torch.dot(self._u.clone(), torch.mv(rows, self._v.clone()))

    def right_inverse(self, weight: Float[Tensor, "outputs *rest"]) -> Float[Tensor, "outputs *rest"]:
        return weight

    def _rows(self, weight: Tensor) -> Tensor:
        return weight.movedim(self.outputs_dim, 0).flatten(1)

    @torch.no_grad()
    def _iterate(self, rows: Tensor, steps: int) -> None:
        for _ in range(steps):
            self._u.copy_(functional.normalize(torch.mv(rows, self._v), dim=0))
            self._v.copy_(functional.normalize(torch.mv(rows.t(), self._u), dim=0))


def add_spectral_norm(module: nn.Module) -> None:
    """Spectral norms for the weights of every convolution."""
    for layer in [layer for layer in module.modules() if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d))]:
        norm = SpectralNorm(layer.weight, outputs_dim=1 if isinstance(layer, nn.ConvTranspose2d) else 0)
        register_parametrization(layer, "weight", norm)


def published_spectral_key(key: str) -> str:
    """The key of a spectrally normed weight here, for the key that older PyTorch wrote; other keys stay as they are."""
    for published, own in (
        ("weight_orig", "parametrizations.weight.original"),
        ("weight_u", "parametrizations.weight.0._u"),
        ("weight_v", "parametrizations.weight.0._v"),
    ):
        if key.endswith(f".{published}"):
            return key.removesuffix(published) + own
    return key
