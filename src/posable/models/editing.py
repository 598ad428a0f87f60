"""What families can do besides transferring poses, as types: ask `isinstance(generator, MixesGarments)` before.

Each edit takes encoded sources and gives an encoded source, so that edits can follow each other and the result can be
rendered in any pose; only `render_regions` and `explain` draw. The people of one call are those of the batch, in order.

A **region** is one of two things:
- the name of a class of the family's `parsing_labels` ("upper-clothes" of PISE-8), where the family has some: pise,
  tfjr and rsagan. A family without raises InputError for a name; a name that the scheme lacks raises ConfigError;
- a mask (n, 1, h, w) in [0, 1], in the frame of the picture whose region it is: the garment's picture for
  `with_garment`, the person's for `with_texture`. Any family takes it. Of whatever the family stores (a texture, a
  class's code) that part is edited that lies in the mask. A mask of another size raises SizeError.
A **strength** of 0 changes nothing, 1 is all of the edit; what lies beyond raises ConfigError. A region that the
picture does not show changes nothing.
"""

from typing import Protocol, TypeVar, runtime_checkable

from jaxtyping import Float, UInt8
from torch import Tensor

from posable.errors import ConfigError
from posable.models.generator import Rendering
from posable.pose.pose import PoseBatch

EncodedT = TypeVar("EncodedT")
EncodedT_contra = TypeVar("EncodedT_contra", contravariant=True)

Region = str | Float[Tensor, "n 1 h w"]
"""A class of the family's parsing labels, or a mask in [0, 1]."""


@runtime_checkable
class MixesGarments(Protocol[EncodedT]):
    """nted (textures), pise (region codes), tfjr (texture kernels), rsagan (aligned styles)."""

    def with_garment(self, person: EncodedT, garment: EncodedT, region: Region, strength: float = 1.0) -> EncodedT:
        """The person with what a region of the garment's picture looks like. Both have the same number of people; their
        pictures may differ in size."""
        ...


@runtime_checkable
class TakesTextures(Protocol[EncodedT]):
    """tfjr (texture fusion)."""

    def with_texture(
        self, encoded: EncodedT, texture: Float[Tensor, "n 3 H W"], region: Region, strength: float = 1.0
    ) -> EncodedT:
        """The person with a region made of the material in the picture `texture`, RGB in [-1, 1]."""
        ...


@runtime_checkable
class DrawsRegions(Protocol[EncodedT_contra]):
    """pise, tfjr. (rsagan predicts a parsing map, but paints without looking at it.)"""

    def render_regions(
        self, encoded: EncodedT_contra, target_pose: PoseBatch, target_parsing: UInt8[Tensor, "n h w"]
    ) -> Rendering:
        """The person painted into regions that are given instead of predicted, in LIP-20 labels and the source
        picture's frame. `render(...).parsing`, in the family's own labels, is a map to start from."""
        ...


@runtime_checkable
class Explains(Protocol[EncodedT_contra]):
    """All families."""

    def explain(self, encoded: EncodedT_contra, target_pose: PoseBatch) -> dict[str, Float[Tensor, "n 3 h w"]]:
        """Named pictures of what the network looks at, RGB in [-1, 1] in the source picture's frame; each family says
        what its own names mean."""
        ...


def check_strength(strength: float | Float[Tensor, " n"]) -> None:
    """Raises ConfigError for a number beyond [0, 1]; a tensor, one number a person, is trusted."""
    if not isinstance(strength, Tensor) and not 0 <= strength <= 1:
        raise ConfigError(f"strength is {strength}; give a number from 0 to 1.")
