"""Regions of a person: parsing maps as tensors in a network's frame, and what is gathered from or laid over them.

Regions are (n, classes, h, w), a share of each place for each class; one-hot where a function says so.
"""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional

from posable.errors import SizeError
from posable.imaging.frame import Frame
from posable.imaging.size import Size
from posable.parsing.schemes import ParsingLabels, palette


def one_hot_regions(
    frame: Frame, parsing: UInt8[Tensor, "n h w"], scheme: ParsingLabels
) -> Float[Tensor, "n classes H W"]:
    """A map in LIP-20 labels as one-hot regions of another scheme, in the network's frame."""
    table = torch.tensor(scheme.from_lip, device=parsing.device)
    shares = frame.mask(functional.one_hot(table[parsing.long()], len(scheme)).movedim(-1, 1).float())
    # Around the picture, where all shares are 0, is background, as in every other frame.
    background = torch.cat([1 - shares.sum(1, keepdim=True), torch.zeros_like(shares[:, 1:])], 1)
    return most_likely(shares + background)


def most_likely(shares: Float[Tensor, "n classes h w"]) -> Float[Tensor, "n classes h w"]:
    """One-hot: the class with the largest share of each place."""
    return functional.one_hot(shares.argmax(1), shares.shape[1]).movedim(-1, 1).to(shares.dtype)


def chosen_regions(
    shares: Float[Tensor, "n classes h w"], factor: int = 1
) -> Float[Tensor, "n classes h//{factor} w//{factor}"]:
    """One-hot regions at a `factor` of times less than the shares' size, with the gradient of the shares."""
    coarse = functional.avg_pool2d(shares, factor) if factor > 1 else shares
    return most_likely(coarse) + (coarse - coarse.detach())


def placed_mask(frame: Frame, mask: Float[Tensor, "n 1 h w"]) -> Float[Tensor, "n 1 H W"]:
    """A mask of a picture in the network's frame; raises SizeError for one of another size than the picture's."""
    size = Size(mask.shape[-2], mask.shape[-1])
    if size != frame.picture_size:
        raise SizeError(f"the region's mask is {size} and its picture {frame.picture_size}; give a mask of that size.")
    return frame.mask(mask)


def class_shares(
    region: str | Float[Tensor, "n 1 h w"],
    regions: Float[Tensor, "n classes H W"],
    frame: Frame,
    scheme: ParsingLabels,
) -> Float[Tensor, "n classes"]:
    """How far each class of a picture's one-hot `regions` belongs to a region of it, in [0, 1]: wholly the class that
    is named, or, for a mask in the picture's frame, the part of the class's places that the mask covers. A class that
    the picture does not show has no share. Raises ConfigError for a name that the scheme lacks."""
    areas = regions.sum((2, 3))
    if isinstance(region, str):
        named = torch.arange(len(scheme), device=regions.device) == scheme.index(region)
        return (named & (areas > 0)).to(regions.dtype)
    return (regions * placed_mask(frame, region)).sum((2, 3)) / areas.clamp_min(1)


def region_colors(regions: Float[Tensor, "n classes h w"], scheme: ParsingLabels) -> Float[Tensor, "n 3 h w"]:
    """The most likely class of each place in the field's colours, RGB in [-1, 1]."""
    colors = regions.new_tensor(palette(scheme).tolist()) / 127.5 - 1
    return torch.einsum("nkhw,kc->nchw", most_likely(regions), colors)


def grid_weights(regions: Float[Tensor, "n classes h w"], cells: int) -> Float[Tensor, "n classes*{cells}*{cells} h*w"]:
    """How much of each place is in each cell of a grid of `cells` x `cells` laid over its region; cells row by row.

    The grid spans as far as a full rectangle of the region's standard deviation would, so a stray place moves it
    little; between the cells' centres the shares go over linearly. They sum over the cells to the region's share of
    the place.
    The gradient is that of the shares, the grid stays where it is.
    """
    inside = regions.detach()

    def along(mass: Float[Tensor, "n classes length"]) -> Float[Tensor, "n classes cells length"]:
        steps = torch.arange(mass.shape[2], device=mass.device, dtype=mass.dtype)
        total = mass.sum(2, keepdim=True).clamp_min(1e-6)
        mean = (mass * steps).sum(2, keepdim=True) / total
        variance = (mass * (steps - mean).square()).sum(2, keepdim=True) / total
        position = (0.5 + (steps - mean) / (12 * variance + 1).sqrt()) * cells - 0.5
        centres = torch.arange(cells, device=mass.device, dtype=mass.dtype)[:, None]
        return (1 - (position.clamp(0, cells - 1)[:, :, None] - centres).abs()).clamp_min(0)

    down, across = along(inside.sum(3)), along(inside.sum(2))
    shares = down[:, :, :, None, :, None] * across[:, :, None, :, None, :]
    return (regions[:, :, None, None] * shares).flatten(1, 3).flatten(2)


def gathered(
    features: Float[Tensor, "n c h w"], regions: Float[Tensor, "n classes h w"], cells: int
) -> Float[Tensor, "n classes {cells}*{cells} c"]:
    """The mean feature in each cell of each region's grid. A cell without places has the region's mean, a region
    without places the cells of the whole picture."""
    # Half precision would add up thousands of places badly.
    with torch.autocast(features.device.type, enabled=False):
        regions = torch.cat([regions.float(), torch.ones_like(regions[:, :1], dtype=torch.float32)], 1)
        weights = grid_weights(regions, cells)
        sums = (weights @ features.float().flatten(2).transpose(1, 2)).unflatten(1, (-1, cells * cells))
        mass = weights.sum(2).unflatten(1, (-1, cells * cells))[..., None]
    area = mass.sum(2, keepdim=True)
    means = torch.where(mass > 0.5, sums / mass.clamp_min(0.5), sums.sum(2, keepdim=True) / area.clamp_min(1e-6))
    return torch.where(area[:, :-1] > 0.5, means[:, :-1], means[:, -1:])


def laid_out(
    cells: Float[Tensor, "n classes g c"], weights: Float[Tensor, "n classes*g places"], size: tuple[int, int]
) -> Float[Tensor, "n c h w"]:
    """Each region's cells laid over it, by the weights that `grid_weights` gives for it."""
    return (cells.flatten(1, 2).transpose(1, 2) @ weights.to(cells.dtype)).unflatten(2, size)
