"""What a network looks at, as pictures: soft correspondences and flows in colours. All are RGB in [-1, 1]."""

import colorsys
import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from posable.imaging.size import Size

# Red, yellow, blue and green: the corners of a source, top left, top right, bottom left and bottom right.
_CORNERS = ((0.90, 0.15, 0.20), (0.98, 0.80, 0.15), (0.15, 0.30, 0.85), (0.15, 0.70, 0.35))


def attended_patches(
    weights: Float[Tensor, "n t s"], source: Float[Tensor, "n 3 h w"], cells: Size
) -> Float[Tensor, "n 3 h w"]:
    """For each of the t = cells target places, the mixture of the s = cells source patches that its weights ask for."""
    n, channels, height, width = source.shape
    rows, columns = height // cells.height, width // cells.width
    patches = source.reshape(n, channels, cells.height, rows, cells.width, columns)
    patches = patches.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)
    mixed = (weights @ patches).view(n, cells.height, cells.width, channels, rows, columns)
    return mixed.permute(0, 3, 1, 4, 2, 5).reshape(n, channels, height, width)


def expected_positions(
    weights: Float[Tensor, "n t s"], cells: Size
) -> tuple[Float[Tensor, "n 2 h w"], Float[Tensor, "n 1 h w"]]:
    """The mean source position (x, y) that each of the t = h x w cells looks at, in [0, 1] of the source's frame, and
    its spread: the standard deviation as a part of that of looking everywhere alike, so in [0, 1] or little above."""
    grid = position_grid(cells, weights).flatten(2).transpose(1, 2)
    mean = weights @ grid
    variance = (weights @ grid.square() - mean.square()).clamp_min(0).sum(-1, keepdim=True)
    everywhere = grid.var(1, unbiased=False).sum(-1, keepdim=True)[:, None]
    spread = (variance / everywhere.clamp_min(1e-8)).sqrt()
    shaped = lambda x: x.transpose(1, 2).unflatten(2, cells)  # noqa: E731
    return shaped(mean), shaped(spread)


def position_grid(size: Size, like: Float[Tensor, "*shape"]) -> Float[Tensor, "1 2 h w"]:
    """The (x, y) of each cell's centre, in [0, 1]."""
    ys = (torch.arange(size.height, device=like.device, dtype=like.dtype) + 0.5) / size.height
    xs = (torch.arange(size.width, device=like.device, dtype=like.dtype) + 0.5) / size.width
    return torch.stack([xs[None].expand(size), ys[:, None].expand(size)])[None]


def position_colors(
    positions: Float[Tensor, "n 2 h w"], confidence: Float[Tensor, "n 1 h w"] | None = None
) -> Float[Tensor, "n 3 h w"]:
    """Places (x, y) in [0, 1] as colours, each corner of the frame in one of its own; white where `confidence` is 0."""
    x, y = positions.clamp(0, 1).unbind(1)
    shares = torch.stack([(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y], 1)
    colors = torch.einsum("nkhw,kc->nchw", shares, shares.new_tensor(_CORNERS))
    if confidence is not None:
        colors = 1 + (colors - 1) * confidence.clamp(0, 1)
    return colors * 2 - 1


def position_key(source: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
    """The colours of all places, laid over the source picture."""
    places = position_grid(Size(source.shape[-2], source.shape[-1]), source)
    return 0.5 * source + 0.5 * position_colors(places)


def flow_colors(
    flow: Float[Tensor, "n 2 h w"], largest: float, confidence: Float[Tensor, "n 1 h w"] | None = None
) -> Float[Tensor, "n 3 h w"]:
    """Displacements as colours: the direction is the hue, a length of `largest` or more is full colour, none is white;
    grey where `confidence` is 0."""
    x, y = flow.unbind(1)
    angle, length = torch.atan2(y, x), (torch.hypot(x, y) / largest).clamp(0, 1)
    phases = angle.new_tensor([0, 2 * math.pi / 3, 4 * math.pi / 3]).view(1, 3, 1, 1)
    hue = 0.5 + 0.5 * torch.cos(angle[:, None] - phases)
    colors = 1 - length[:, None] * (1 - hue)
    if confidence is not None:
        colors = 0.5 + (colors - 0.5) * confidence.clamp(0, 1)
    return colors * 2 - 1


def label_colors(count: int, like: Float[Tensor, "*shape"]) -> Float[Tensor, "labels 3"]:
    """Colours in [0, 1] that tell neighbouring labels apart: hues a golden angle from one to the next."""
    hues = [0.618 * label % 1 for label in range(count)]
    return like.new_tensor([colorsys.hsv_to_rgb(hue, 0.9, 1 - 0.4 * (i % 2)) for i, hue in enumerate(hues)])


def enlarged(picture: Float[Tensor, "n c h w"], size: Size) -> Float[Tensor, "n c H W"]:
    """The picture of cells at a size of its multiples, each cell a block of one colour."""
    return functional.interpolate(picture, size, mode="nearest")
