"""What surfaces are made of. Colours are linear triples (r, g, b) in [0, 1], float32, as drawn without light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Color: TypeAlias = NDArray[np.float32]
"""(3,) in [0, 1]."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Print:
    """A picture on the chest or back of a garment: RGBA float32 (n, n, 4) in [0, 1], row 0 at the top."""

    rgba: NDArray[np.float32]
    side: float = 0.2
    """Width and height in metres."""
    center_height: float = 0.36
    """Template height (metres) of its centre."""
    center_x: float = 0.0
    """Metres of its centre to the person's left on the template."""
    on_back: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Cloth:
    """Woven or printed cloth: a periodic tile laid over the body-attached chart `PersonMesh.face_uv`."""

    tile: NDArray[np.float32]
    """RGB (256, 256, 3) in [0, 1], periodic both ways; row 0 is at the top (largest v)."""
    metres_per_tile: float
    fold: float
    """Strength of the wrinkle bumps, 0 to about 0.15."""
    specular: float
    print: Print | None
    """None for plain garments."""
    seed: int
    """Shifts the wrinkle pattern."""


@dataclass(frozen=True)
class Skin:
    """Skin; colours and face features come from `PersonMesh.appearance`. Here `face_uv` is (lip mask, eyelid mask)."""


@dataclass(frozen=True)
class Eye:
    """An eyeball; the iris colour comes from `PersonMesh.appearance`."""


@dataclass(frozen=True, eq=False)
class Flat:
    """One colour without texture (eyelashes, buttons)."""

    color: Color


@dataclass(frozen=True, eq=False)
class Shoe:
    """A shoe with a sole of another colour and light laces."""

    color: Color
    sole: Color


@dataclass(frozen=True, eq=False)
class Hair:
    """Hair with streaks along v of the chart."""

    color: Color
    seed: int


Material: TypeAlias = Cloth | Skin | Eye | Flat | Shoe | Hair
