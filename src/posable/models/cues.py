"""What can be known of a source besides picture, pose and parsing map: where exactly the person is, and how deep."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class SourceCues:
    """Of a batch of sources, in the frame of the source images; made by `posable.detect.cues.source_cues`."""

    matte: Float[Tensor, "n 1 h w"]
    """How much of each pixel the person covers, in [0, 1]."""
    depth: Float[Tensor, "n 18"]
    """How much farther from the camera than the middle of the hips each keypoint is, metres; NaN where not known."""
    depth_weight: Float[Tensor, "n 18"]
    """How far the depth is to be believed, in [0, 1]."""
