"""The finished person as a mesh in the rest pose: what outfits produce and the renderer draws."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from posable.people.head.hairline import Hairline
from posable.people.wardrobe.draping import Drape
from posable.people.wardrobe.materials import Color, Material
from posable.people.wardrobe.pendants import Pendant

GARMENTS = (
    *("skin", "lashes", "hair", "top", "dress", "skirt", "trousers", "jacket", "coat", "socks", "tights", "shoes"),
    *("belt", "bag", "glasses", "hat", "scarf"),
)
"""What a piece of a person can be; eyes count as skin."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Appearance:
    """Colours and features of skin and face."""

    skin: Color
    lip: Color
    hair: Color
    iris: Color
    brow: float
    """Thickness of the eyebrows relative to the average."""
    beard: float
    """Coverage of beard shadow in [0, 1]."""
    female: bool
    age: float
    """0.62 (young adult) to 0.95 (old)."""
    hairline: Hairline = field(default_factory=lambda: Hairline(density=0))
    """Where the scalp is dark with hair."""
    beard_shape: str = "full"
    """"full", "goatee" or "moustache"."""
    freckles: float = 0.0
    """Strength in [0, 1]."""
    blush: float = 0.16
    """How much redder cheeks are."""
    eye_shadow: float = 0.0
    """Strength of make-up on the lids, in [0, 1]."""
    eye_shadow_tint: tuple[float, float, float] = (0.5, 0.6, 0.6)
    """Share of each channel that full eye shadow takes away."""
    brow_arch: float = 0.0035
    """Metres."""


@dataclass(frozen=True, eq=False)
class KeypointRegressor:
    """A keypoint as a weighted mean of k skinned body vertices."""

    weights: NDArray[np.float32]
    """(k,), sum 1."""
    rest: NDArray[np.float32]
    """(k, 3) rest positions in metres."""
    skin_weights: NDArray[np.float32]
    """(k, bones)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PersonMesh:
    """A dressed person in the rest pose. Frame: x to the person's left, -y where it faces, z up; metres.

    v vertices, f triangles, b bones (104). Vertices are shared inside a layer (body, garment, hair), not across.
    """

    rest: NDArray[np.float32]
    """(v, 3) positions."""
    skin_weights: NDArray[np.float32]
    """(v, b), rows sum to 1."""
    template: NDArray[np.float32]
    """(v, 3) the same points on the template body; face features and prints are placed by it."""
    faces: NDArray[np.int32]
    """(f, 3)."""
    face_material: NDArray[np.int16]
    """(f,) index into `materials`."""
    face_uv: NDArray[np.float32]
    """(f, 3, 2) chart coordinates per corner in metres (u to the person's left, v up), unwrapped across seams;
    for Skin: lip and eyelid mask in [0, 1]."""
    face_label: NDArray[np.uint8]
    """(f,) LIP-20 class."""
    face_segment: NDArray[np.int8]
    """(f,) 0 torso, 1 head, 2/3 upper arm left/right, 4/5 forearm and hand, 6/7 thigh, 8/9 shin, 10/11 foot."""
    materials: tuple[Material, ...]
    garments: tuple[str, ...]
    """What each material is worn as, a name out of GARMENTS."""
    drapes: tuple[Drape, ...]
    """Cloth that is let down after skinning."""
    bone_heads: NDArray[np.float32]
    """(b, 3)."""
    keypoint_regressors: tuple[KeypointRegressor, ...]
    """The 17 COCO keypoints, COCO order."""
    appearance: Appearance
    pendant: Pendant | None = None
    """How the bag hangs from a hand, if one does."""
