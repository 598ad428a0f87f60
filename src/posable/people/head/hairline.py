"""Where hair grows on the template's head: the line from the forehead over temples and ears to the nape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from posable.body.geometry import Float32Array, FloatArray, smoothstep

_Y = (-0.17, -0.145, -0.128, -0.105, -0.092, -0.078, -0.064, -0.02, -0.003, 0.015, 0.05)
_Z = (0.808, 0.806, 0.797, 0.772, 0.752, 0.722, 0.757, 0.757, 0.67, 0.64, 0.628)
_TEMPLE = (0.0, 0.0, 1.0, 0.9, 0.3, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
_FOREHEAD = (1.0, 1.0, 0.7, 0.3, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
_SIDEBURN = (0.0, 0.0, 0.0, 0.0, 0.5, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0)
_NAPE = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 1.0, 1.0)
_CROWN = (0.0, -0.02, 0.845)


@dataclass(frozen=True, kw_only=True)
class Hairline:
    """Metres by which parts of the line lie above the average."""

    forehead: float = 0.0
    temples: float = 0.0
    """Receding corners, up to 0.05."""
    sideburns: float = 0.0
    nape: float = 0.0
    bald_crown: float = 0.0
    """Radius of a bare patch."""
    density: float = 1.0
    """How dark hair-covered scalp is painted, in [0, 1]."""

    def above(self, template: FloatArray) -> Float32Array:
        """Metres (n,) that template points (n, 3) of the head lie inside the hair; negative outside and on the ears."""
        x, y, z = np.abs(template[:, 0]), template[:, 1], template[:, 2]
        heights = np.array(_Z) + self.forehead * np.array(_FOREHEAD) + self.temples * np.array(_TEMPLE)
        heights += self.sideburns * np.array(_SIDEBURN) + self.nape * np.array(_NAPE)
        field = z - np.interp(y, _Y, heights)
        if self.bald_crown:
            crown = np.array(_CROWN)
            distance = np.sqrt(((template - crown) ** 2).sum(1))
            field = np.minimum(field, distance - self.bald_crown)
        ear = smoothstep(0.0765, 0.079, x) * (z < 0.757) * (y > -0.075) * (y < 0.005)
        return np.where(ear > 0.5, -0.02, field).astype(np.float32)


@dataclass(frozen=True)
class HatLine:
    """The lower edge of a hat's crown, as template heights in front, at the temples and behind."""

    front: float
    side: float
    back: float

    def above(self, template: FloatArray) -> Float32Array:
        """Metres (n,) that template points (n, 3) lie inside the hat; negative outside."""
        edge = np.interp(template[:, 1], (-0.15, -0.05, 0.04), (self.front, self.side, self.back))
        return (template[:, 2] - edge).astype(np.float32)
