"""`Surface`: a photographed person as sheets of textured triangles that hang on the bones of a body."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from posable.body.fitted import Body
from posable.imaging.size import Size
from posable.surface.grids import Floats
from posable.surface.limbs import Ints


class Kind(IntEnum):
    """Where a pixel's colour is from."""

    NONE = 0
    """No person there."""
    FRONT = 1
    """Copied from the picture, where it shows the same point."""
    MIRRORED = 2
    """Copied from the same point of the body's other half."""
    BORROWED = 3
    """Copied from the same garment or limb nearby."""
    BACK = 4
    """The picture's near side in place of the far side, without prints and faces."""
    PAINTED = 5
    """A smooth colour from around."""
    MESH = 6
    """The body's own skin, in colours of the person."""


class FootPart(IntEnum):
    """What a triangle is of a foot: pixels are drawn where the foot is turned as in the picture, else the mesh."""

    NONE = 0
    LEFT_PIXELS = 1
    RIGHT_PIXELS = 2
    LEFT_MESH = 3
    RIGHT_MESH = 4


@dataclass(frozen=True, kw_only=True, eq=False)
class Report:
    """What is known about how good a surface can be; shares in [0, 1]."""

    fit_cost: float
    """The body's own cost: how badly it agrees with the keypoints and how unusual its pose is."""
    hip_bend: float
    """Degrees between the trunk and the more bent of the thighs that the keypoints show; 0 stands straight."""
    outline_agreement: float
    """Intersection over union of the fitted body and the matte."""
    outside_frame: float
    """Share of the body's vertices that lie outside the picture."""
    seen: float
    """Share of the body inside the picture that the picture shows."""
    copied: float
    """Share of the surface, near and far side, whose colours are copied from where they belong."""
    mirrored: float
    """... from the other half of the body."""
    painted: float
    """... made up, from around or from the near side."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """What somebody should know before trusting the pictures; empty when there is nothing."""
        said: list[str] = []
        if self.hip_bend > FOLDED_DEGREES:
            said.append("the person sits, crouches or jumps, so limbs may be misplaced; a standing photo works better.")
        elif self.fit_cost > UNSURE_COST:
            said.append("the pose in the photo is not well understood, so limbs may be misplaced; try another photo.")
        if self.outline_agreement < 0.5:
            said.append("the fitted body covers little of the person's outline, so proportions may be wrong.")
        if self.outside_frame > 0.2:
            said.append(
                f"{round(100 * self.outside_frame)} % of the person lies outside the photo and is made up when a pose "
                "shows it."
            )
        if self.seen < 0.3:
            said.append("most of the person is hidden in the photo, so much of the picture is made up.")
        return tuple(said)


UNSURE_COST, FOLDED_DEGREES = 30.0, 50.0
"""Bodies that fit worse than this, or are folded further, are not trusted. Read off twenty photographs: the twelve of
people who stand cost at most 25 and bend at most 26 degrees and are drawn well; of the eight that are drawn badly seven
cost more than 30 or bend more than 55 degrees."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Twist:
    """Vertices of one arm, for turning it about its bones so that the side that the picture shows stays in view."""

    side: str
    """L or R."""
    vertices: Ints
    """(k,), their numbers."""
    upper_share: Floats
    """(k,), weight of the upper arm."""
    lower_share: Floats
    """(k,), weight of forearm and hand."""
    upper_along: Floats
    """(k,), position from shoulder 0 to elbow 1."""
    lower_along: Floats
    """(k,), position from elbow 0 to wrist 1."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Surface:
    """n vertices, t triangles. Positions in the picture are in px of `window`, the part of the source with a person."""

    body: Body
    """As fitted to the source, in the source's frame."""
    size: Size
    """Of the source."""
    window: tuple[int, int, int, int]
    """Left, top, right, bottom of the part of the source that is kept, px."""
    photos: tuple[Floats, ...]
    """(h, w, 3) RGB in [-1, 1], the person's own colours where the edge is soft too; each half as large as the last."""
    mattes: tuple[Floats, ...]
    """(h, w) in [0, 1], in the sizes of `photos`."""
    rest: Floats
    """(n, 3) metres in the rest pose of the body's shape."""
    bones: npt.NDArray[np.uint8]
    """(n, 4), joints."""
    shares: Floats
    """(n, 4), how far each moves the vertex; rows sum to 1."""
    nearest: Ints
    """(n,), the body's vertex that is nearest in the rest pose."""
    places: Floats
    """(n, 2), where the vertex is in the picture."""
    copied_from: Floats
    """(n, 2), where its colour is."""
    second_from: Floats
    """(n, 2), where it is taken from when the limb turns its rim to the camera: the rim itself is seen too aslant."""
    copied_share: Floats
    """(n,), how much of the colour is copied; `colors` has the rest."""
    colors: Floats
    """(n, 3), RGB in [-1, 1]."""
    opacity: Floats
    """(n,), the sheet is there where this is above a half."""
    kinds: npt.NDArray[np.uint8]
    """(n,), see Kind."""
    triangles: Ints
    """(t, 3)"""
    layers: npt.NDArray[np.uint8]
    """(t,), of LAYERS."""
    sides: npt.NDArray[np.uint8]
    """(t,), FRONT, BACK or MESH."""
    penalties: Floats
    """(t,), metres by which a triangle gives way to others."""
    longest: Floats
    """(t,), px in the source; a triangle whose edges grow longer is torn and not drawn."""
    areas: Floats
    """(t,), px² in the source."""
    feet: npt.NDArray[np.uint8]
    """(t,), see FootPart."""
    tested: npt.NDArray[np.bool_]
    """(t,), whether a corner lies beyond the outline, so that opacity and matte must be asked for each sample."""
    twists: tuple[Twist, ...]
    owner: npt.NDArray[np.uint8]
    """(grid h, grid w), the layer of each cell of the window, 255 off the person: what `explain` shows."""
    report: Report

    @property
    def upright(self) -> bool:
        """Whether the body is understood well enough to draw from it; the one place that decides."""
        return self.report.fit_cost <= UNSURE_COST and self.report.hip_bend <= FOLDED_DEGREES

    @property
    def matte(self) -> Floats:
        """(h, w) in [0, 1], of the whole source."""
        whole = np.zeros(self.size, np.float32)
        left, top, right, bottom = self.window
        whole[top:bottom, left:right] = self.mattes[0]
        return whole
