"""Landmarks of face and hands on photographs and on a rendered person; positions were read off by eye."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageOps

from posable.detect import detect_pose, face_landmarks, hand_landmarks
from posable.detect.face import LEFT_EYE_CORNER, RIGHT_EYE_CORNER
from posable.imaging.size import Size
from posable.pose.pose import OPENPOSE_18, Pose

NOSE_TIP, UPPER_LIP, RIGHT_CHEEK, LEFT_CHEEK = 1, 13, 234, 454
WRIST, MIDDLE_KNUCKLE, MIDDLE_TIP = 0, 9, 12

pytestmark = pytest.mark.usefixtures("networks")


def test_the_astronauts_features_are_where_they_are_seen(astronaut: Image.Image) -> None:
    face = face_landmarks(astronaut, detect_pose(astronaut).pose)
    assert face is not None
    assert face.points.shape == (468, 3)
    assert face.score > 0.99
    for landmark, place in ((NOSE_TIP, (223, 128)), (UPPER_LIP, (223, 143)), (RIGHT_EYE_CORNER, (193, 100))):
        assert np.hypot(*(face.points[landmark, :2] - place)) < 6


def test_the_nose_is_nearer_than_the_cheeks(grace_hopper: Image.Image) -> None:
    face = face_landmarks(grace_hopper, detect_pose(grace_hopper).pose)
    assert face is not None
    width = np.hypot(*(face.points[LEFT_CHEEK, :2] - face.points[RIGHT_CHEEK, :2]))
    depth = face.points[[RIGHT_CHEEK, LEFT_CHEEK], 2] - face.points[NOSE_TIP, 2]
    assert np.all((depth > 0.3 * width) & (depth < width))


def test_a_mirrored_face_has_mirrored_landmarks(astronaut: Image.Image) -> None:
    pose = detect_pose(astronaut).pose
    straight, mirrored = face_landmarks(astronaut, pose), face_landmarks(ImageOps.mirror(astronaut), pose.flip())
    assert straight is not None
    assert mirrored is not None
    eyes = mirrored.points[[LEFT_EYE_CORNER, RIGHT_EYE_CORNER], :2] * [-1, 1] + [512, 0]
    # 4.8 px measured, on a face 150 px wide.
    assert np.abs(eyes - straight.points[[RIGHT_EYE_CORNER, LEFT_EYE_CORNER], :2]).max() < 8


def test_a_tilted_face_is_found(astronaut: Image.Image) -> None:
    turned = astronaut.rotate(-40, center=(223, 128), fillcolor=(128, 128, 128))
    pose = detect_pose(astronaut).pose
    angle = np.radians(40)
    spin = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    center = np.array([223, 128])
    moved = Pose(((pose.keypoints - center) @ spin + center).astype(np.float32), pose.visible, pose.size)
    straight, face = face_landmarks(astronaut, pose), face_landmarks(turned, moved)
    assert straight is not None
    assert face is not None
    expected = (straight.points[:, :2] - center) @ spin + center
    assert np.hypot(*(face.points[:, :2] - expected).T).mean() < 4


def test_there_is_no_face_on_the_flag(astronaut: Image.Image) -> None:
    pose = detect_pose(astronaut).pose
    beside = replace(pose, keypoints=pose.keypoints + np.array([200, 60], np.float32))
    assert face_landmarks(astronaut, beside) is None


def test_a_pose_without_a_face_has_no_face(astronaut: Image.Image) -> None:
    pose = detect_pose(astronaut).pose
    hidden = pose.visible.copy()
    hidden[[OPENPOSE_18.index(name) for name in ("nose", "right_eye", "left_eye")]] = False
    assert face_landmarks(astronaut, replace(pose, visible=hidden)) is None


def test_both_hands_hang_from_their_wrists(rendered_person: Image.Image) -> None:
    found = detect_pose(rendered_person)
    hands = hand_landmarks(rendered_person, found.pose, found.landmarks)
    for side, hand in (("left", hands.left), ("right", hands.right)):
        assert hand is not None
        assert hand.points.shape == (21, 3)
        assert hand.score > 0.7
        assert np.hypot(*(hand.points[WRIST, :2] - found.pose.named()[f"{side}_wrist"])) < 12
        assert hand.points[WRIST, 1] < hand.points[MIDDLE_KNUCKLE, 1] < hand.points[MIDDLE_TIP, 1]


def test_hands_need_no_detection_before(rendered_person: Image.Image) -> None:
    found = detect_pose(rendered_person)
    known, fresh = (hand_landmarks(rendered_person, found.pose, person) for person in (found.landmarks, None))
    assert known.left is not None
    assert fresh.left is not None
    assert np.abs(known.left.points - fresh.left.points)[:, :2].mean() < 3


def test_wrists_that_are_hidden_have_no_hands(astronaut: Image.Image) -> None:
    nobody = Pose(np.zeros((18, 2), np.float32), np.zeros(18, np.bool_), Size(512, 512))
    assert hand_landmarks(astronaut, nobody) == (None, None)
