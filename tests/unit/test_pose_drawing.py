"""Drawings show the limbs where they are, and shipped poses are whole people that every command can name."""

import numpy as np
import pytest
from PIL import Image

from posable.errors import PoseError, SizeError
from posable.imaging.size import Size
from posable.pose.drawing import draw_sheet, draw_skeleton
from posable.pose.library import shipped_pose, shipped_poses
from posable.pose.pose import Pose

SIZE = Size(120, 80)


def test_a_limb_is_drawn_between_its_ends():
    pose = Pose.from_named({"neck": (20, 30), "left_shoulder": (60, 30), "left_wrist": (60, 90)}, SIZE)
    pixels = np.asarray(draw_skeleton(pose, Image.new("RGB", (80, 120)))).astype(int).sum(-1)
    assert pixels.shape == SIZE
    assert pixels[30, 40] > 100
    assert pixels[60, 60] == 0
    assert pixels[90, 60] > 100


def test_the_picture_beneath_stays_where_nothing_is_drawn_and_is_not_changed():
    picture = Image.new("RGB", (80, 120), (9, 80, 200))
    drawn = draw_skeleton(Pose.from_named({"nose": (40, 10)}, SIZE), picture)
    assert drawn.getpixel((40, 100)) == (9, 80, 200)
    assert drawn.getpixel((40, 9)) != (9, 80, 200)
    assert picture.getcolors() == [(80 * 120, (9, 80, 200))]


def test_a_picture_of_another_size_is_refused():
    with pytest.raises(SizeError, match="the picture is 10x10, but the pose is in a frame of 120x80"):
        draw_skeleton(Pose.from_named({"nose": (40, 10)}, SIZE), Image.new("RGB", (10, 10)))


def test_a_sheet_has_room_for_all_poses():
    poses = shipped_poses()
    sheet = draw_sheet(poses, columns=6, cell_height=64)
    assert sheet.height > 64 * -(-len(poses) // 6)
    assert sheet.width > 6 * 44


def test_there_are_at_least_a_dozen_shipped_poses_of_whole_people():
    poses = shipped_poses()
    assert len(poses) >= 12
    body = {"neck", "left_shoulder", "right_shoulder", "left_hip", "right_hip", "left_ankle", "right_ankle"}
    for name, pose in poses.items():
        assert pose.size == Size(256, 176), name
        assert body <= pose.named().keys(), name


def test_shipped_poses_face_where_their_names_say():
    def nose_right_of_neck(name: str) -> float:
        pose = shipped_pose(name).named()
        return pose["nose"][0] - pose["neck"][0]

    for kind in ("stand", "walk", "three-quarter"):
        assert nose_right_of_neck(f"{kind}-left") < -5
        assert nose_right_of_neck(f"{kind}-right") > 5
    front, back = shipped_pose("stand-front").named(), shipped_pose("stand-back").named()
    assert front["left_shoulder"][0] > front["right_shoulder"][0]
    assert back["left_shoulder"][0] < back["right_shoulder"][0]
    assert "nose" not in back


def test_shipped_poses_differ():
    poses = list(shipped_poses().values())
    distances = [np.abs(a.keypoints - b.keypoints).mean() for i, a in enumerate(poses) for b in poses[:i]]
    assert min(distances) > 1.5


def test_a_misspelt_name_gets_a_suggestion_and_the_list():
    with pytest.raises(PoseError, match=r"'Arms up!' is no shipped pose; did you mean 'arms-up'\?") as caught:
        shipped_pose("Arms up!")
    assert "stand-front" in str(caught.value)
    with pytest.raises(PoseError, match="the names are"):
        shipped_pose("zzz")


def test_the_list_of_shipped_poses_is_the_callers_own():
    shipped_poses().clear()
    assert shipped_poses()
