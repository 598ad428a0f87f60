"""The person alone: a transparent picture, cut out of a photograph along the matte."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from posable.detect import as_picture, detect_pose
from posable.detect.foreground import foreground_colors
from posable.detect.landmarks import Landmarks
from posable.detect.matting import matte
from posable.errors import PoseError
from posable.imaging.image import alpha_of, size_of
from posable.pose.pose import Pose


def cutout(image: Image.Image | npt.NDArray[np.uint8], pose: Pose | None = None) -> Image.Image:
    """The person of a photograph as a picture with a transparent background (RGBA, in the photograph's frame).

    `image` is PIL or uint8 (h, w, 3) RGB. Of several people it is the one who has `pose`, which is in the photograph's
    frame, else the largest. Colours at the edge are the person's alone. A photograph that is transparent itself (see
    `posable.imaging.image.read_layer`) keeps its own outline. Raises as `detect_pose`, and PoseError for a pose of
    another frame.
    """
    if isinstance(image, Image.Image) and alpha_of(image) is not None:
        return image.convert("RGBA")
    picture = as_picture(image)
    if pose is not None:
        return cut_out(picture, pose)
    found = detect_pose(picture)
    return cut_out(picture, found.pose, found.landmarks)


def cut_out(picture: Image.Image, pose: Pose, person: Landmarks | None = None) -> Image.Image:
    """`cutout` of an RGB picture, without looking for the person: `person` is what the detector said of it, if it has
    looked."""
    if pose.size != size_of(picture):
        raise PoseError(f"the pose is for a picture of {pose.size}, this one is {size_of(picture)}; resize the pose.")
    share = matte(picture, pose, person)
    colors = foreground_colors(np.asarray(picture), share)
    return Image.fromarray(np.dstack([colors, (share * 255 + 0.5).astype(np.uint8)]))
