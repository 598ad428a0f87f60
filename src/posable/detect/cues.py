"""The cues of one photograph for generators that ask for them: the person's matte, and the depth of the keypoints."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from posable.detect.detection import Detection
from posable.detect.matting import matte
from posable.imaging.frame import Frame
from posable.models.cues import SourceCues
from posable.pose.pose import OPENPOSE_18, Pose


def source_cues(picture: Image.Image, pose: Pose, frame: Frame, found: Detection | None = None) -> SourceCues:
    """The cues of an RGB picture's person, who has `pose` in it, in the working frame, as a batch of one.

    `found` is the detection that the pose came from; a pose of another origin has no depth.
    """
    person = None if found is None else found.landmarks
    cover = torch.from_numpy(np.ascontiguousarray(matte(picture, pose, person), np.float32))[None, None]
    count = len(OPENPOSE_18.keypoints)
    depth, weight = np.full(count, np.nan, np.float32), np.zeros(count, np.float32)
    if found is not None and found.depth is not None and found.depth_weight is not None:
        depth, weight = found.depth, found.depth_weight
    return SourceCues(
        matte=frame.mask(cover).clamp(0, 1),
        depth=torch.from_numpy(np.array(depth, np.float32))[None],
        depth_weight=torch.from_numpy(np.array(weight, np.float32))[None],
    )
