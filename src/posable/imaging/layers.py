"""Layers between the frame of a picture and the frame that a generator draws in."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from posable.imaging.image import Letterbox
from posable.imaging.size import Size


def into_frame(layer: Float[Tensor, "n c h w"], letterbox: Letterbox) -> Float[Tensor, "n c H W"]:
    """A layer of the picture in the letterbox's target frame, its border repeated around it; antialiased."""
    content = fitted(layer, letterbox.content)
    left, top = letterbox.offset
    right = letterbox.target.width - letterbox.content.width - left
    bottom = letterbox.target.height - letterbox.content.height - top
    return functional.pad(content, (left, right, top, bottom), mode="replicate")


def out_of_frame(
    layer: Float[Tensor, "n c H W"], letterbox: Letterbox, size: Size | None = None
) -> Float[Tensor, "n c h w"]:
    """A layer of the letterbox's target frame in the picture's frame, in the picture's size or another one."""
    left, top = letterbox.offset
    content = layer[..., top : top + letterbox.content.height, left : left + letterbox.content.width]
    return fitted(content, size or letterbox.source)


def fitted(layer: Float[Tensor, "n c H W"], size: Size) -> Float[Tensor, "n c h w"]:
    """The layer in another size, antialiased; itself when it has that size."""
    if tuple(layer.shape[-2:]) == tuple(size):
        return layer
    return functional.interpolate(layer, tuple(size), mode="bilinear", align_corners=False, antialias=True)


def moved_by_flow(layer: Float[Tensor, "n c h w"], flow: Float[Tensor, "n 2 H W"]) -> Float[Tensor, "n c H W"]:
    """Each place of the target with what the layer has where `flow` says, x and y in px of a frame of the flow's own
    size."""
    size = Size(flow.shape[-2], flow.shape[-1])
    scale = flow.new_tensor([size.width, size.height]).view(1, 2, 1, 1)
    grid = (flow / scale * 2 - 1).permute(0, 2, 3, 1)
    return functional.grid_sample(layer, grid, padding_mode="border", align_corners=False)
