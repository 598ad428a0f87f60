import numpy as np
import pytest
from PIL import Image, ImageOps

from posable.detect import Detection, detect_pose
from posable.imaging.size import Size
from posable.pose.pose import OPENPOSE_18, Pose

NOSE, NECK = (OPENPOSE_18.index(name) for name in ("nose", "neck"))


@pytest.mark.usefixtures("networks")
def test_who_faces_the_camera_has_the_nose_before_the_neck_and_ears(astronaut: Image.Image) -> None:
    found = detect_pose(astronaut)
    depth, weight = found.depth, found.depth_weight
    assert depth is not None
    assert weight is not None
    assert depth.shape == weight.shape == (18,)
    assert depth[NOSE] < depth[NECK] - 0.05
    assert depth[NOSE] < min(depth[OPENPOSE_18.index(f"{side}_ear")] for side in ("left", "right"))
    assert np.abs(depth).max() < 1.2, "metres"
    assert weight[NOSE] > 0.9
    assert weight[OPENPOSE_18.index("left_ankle")] < 0.5, "outside the picture"


@pytest.mark.usefixtures("networks")
def test_a_mirrored_person_has_the_same_depth(astronaut: Image.Image) -> None:
    straight, mirrored = detect_pose(astronaut), detect_pose(ImageOps.mirror(astronaut))
    assert straight.depth is not None
    assert mirrored.depth is not None
    assert np.abs(straight.depth - mirrored.depth[list(OPENPOSE_18.mirror)])[:8].max() < 0.12


@pytest.mark.usefixtures("networks")
def test_the_detection_draws_the_person_roughly(astronaut: Image.Image) -> None:
    mask = detect_pose(astronaut).mask()
    assert mask is not None
    assert mask.shape == (512, 512)
    assert mask[300, 200] > 0.9
    assert mask[100, 450] < 0.1


def test_another_detector_knows_neither_depth_nor_mask() -> None:
    pose = Pose(np.zeros((18, 2), np.float32), np.zeros(18, np.bool_), Size(8, 8))
    found = Detection(pose, (0, 0, 8, 8), 0.5, 1)
    assert found.depth is found.depth_weight is found.mask() is None
