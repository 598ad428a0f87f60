"""puppet: the photograph carried by a fitted body."""

from pathlib import Path

import numpy as np

from posable import PoseTransfer
from posable.detect.matting import matte


def test_the_own_pose_draws_the_photographs_pixels_where_they_were(examples: Path) -> None:
    source = PoseTransfer.from_pretrained("puppet").encode(examples / "person.png")
    assert source.found is not None
    inside = matte(source.picture, source.pose, source.found.landmarks) > 0.9
    drawn = source.finished(source.draw(source.pose), source.pose, "drawn")
    apart = np.asarray(drawn, np.float64)[inside] - np.asarray(source.picture, np.float64)[inside]
    assert 10 * np.log10(255**2 / (apart**2).mean()) > 32
