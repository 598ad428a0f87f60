"""A rendered person with everything that a surface is made from, for the tests of this folder."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from posable.body.fit import fit_body
from posable.body.fitted import Body
from posable.imaging.size import Size
from posable.people.person import make_person
from posable.people.render import render_views
from posable.pose.pose import Pose


@dataclass(frozen=True, eq=False)
class Photograph:
    image: npt.NDArray[np.uint8]
    matte: npt.NDArray[np.float32]
    labels: npt.NDArray[np.uint8]
    pose: Pose
    body: Body


@lru_cache(maxsize=8)
def photograph(seed: int = 4, view: int = 0, size: Size = Size(256, 176)) -> Photograph:
    """The true matte and labels; the body is fitted to the true keypoints."""
    shown = render_views(make_person(seed), [view], size)[0]
    pose = Pose(shown.keypoints[:, :2], shown.keypoints[:, 2] > 0, size)
    return Photograph(shown.image, np.asarray(shown.alpha, np.float32), shown.parsing, pose, fit_body(pose))
