"""Arms turned about their bones, so that the side that the picture shows stays in view."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from posable.body.fitted import Body
from posable.body.reduced import JOINTS, reduced_body
from posable.surface.grids import Floats
from posable.surface.limbs import Ints
from posable.surface.profiles import rest_joint
from posable.surface.surface import Twist


def arm_twists(rest: Floats, bones: npt.NDArray[np.uint8], shares: Floats, body: Body) -> tuple[Twist, ...]:
    """Which vertices belong to an arm, and where along it."""
    twists: list[Twist] = []
    for side in "LR":
        shoulder, elbow, wrist = (rest_joint(body, f"{n}.{side}") for n in ("upperarm01", "lowerarm01", "wrist"))

        def weight(name: str, side: str = side) -> Floats:
            return (shares * (bones == JOINTS.index(f"{name}.{side}"))).sum(1)

        upper, lower = weight("upperarm01"), weight("lowerarm01") + weight("wrist")
        chosen = np.flatnonzero(upper + lower > 0.01)
        points = rest[chosen]

        def along(start: npt.NDArray[np.float64], end: npt.NDArray[np.float64], points: Floats = points) -> Floats:
            axis = end - start
            return ((points - start) @ axis / (axis @ axis)).astype(np.float32)

        twists.append(
            Twist(
                side=side,
                vertices=chosen.astype(np.int32),
                upper_share=upper[chosen].astype(np.float32),
                lower_share=lower[chosen].astype(np.float32),
                upper_along=along(shoulder, elbow),
                lower_along=along(elbow, wrist),
            )
        )
    return tuple(twists)


def nearest_vertices(points: Floats) -> Ints:
    """(n,) the mean body's vertex that is nearest to each body point."""
    return np.asarray(KDTree(reduced_body().vertices).query(points)[1], np.int32)
