"""End to end with the real networks on real photographs; positions were read off the photographs by eye."""

import numpy as np
import pytest
from PIL import Image, ImageOps

from posable.detect import detect_pose, person_mask
from posable.detect.blazepose import BlazePose
from posable.detect.landmarks import region_of_pose
from posable.errors import ImageError, InputError, NoPersonError
from posable.imaging.size import Size

ASTRONAUT = {
    "nose": (225, 126),
    "right_eye": (204, 101),
    "left_eye": (247, 103),
    "right_shoulder": (95, 240),
    "left_shoulder": (295, 245),
}
GRACE_HOPPER = {"nose": (266, 238), "right_eye": (222, 190), "left_eye": (305, 187)}

pytestmark = pytest.mark.usefixtures("networks")


def distances(found: dict[str, tuple[float, float]], truth: dict[str, tuple[int, int]]) -> list[float]:
    return [float(np.hypot(*np.subtract(found[name], truth[name]))) for name in truth]


def test_the_astronaut_is_found(astronaut: Image.Image) -> None:
    found = detect_pose(astronaut)
    assert max(distances(found.pose.named(), ASTRONAUT)) < 15
    assert found.people_found == 1
    assert found.score > 0.9
    assert not {"left_ankle", "right_ankle", "left_knee", "right_knee"} & set(found.pose.named())


def test_grace_hopper_is_found_and_has_no_arms_in_the_picture(grace_hopper: Image.Image) -> None:
    found = detect_pose(grace_hopper)
    assert found.pose.size == Size(600, 512)
    assert max(distances(found.pose.named(), GRACE_HOPPER)) < 15
    assert not {"right_wrist", "left_wrist", "right_hip", "left_hip"} & set(found.pose.named())


def test_the_box_holds_the_person(astronaut: Image.Image) -> None:
    left, top, right, bottom = detect_pose(astronaut).box
    assert left < 30
    assert top == pytest.approx(10, abs=12)
    assert 320 < right < 420
    assert bottom == pytest.approx(512, abs=3)


def test_a_mirrored_photograph_gives_the_mirrored_pose(astronaut: Image.Image) -> None:
    straight = detect_pose(astronaut).pose
    mirrored = detect_pose(ImageOps.mirror(astronaut)).pose.flip()
    both = straight.visible & mirrored.visible
    assert both.sum() >= 9
    assert np.linalg.norm(straight.keypoints[both] - mirrored.keypoints[both], axis=1).mean() < 12


def test_the_size_of_the_photograph_does_not_matter(astronaut: Image.Image) -> None:
    large = detect_pose(astronaut.resize((1536, 1536))).pose.resize(Size(512, 512))
    assert max(distances(large.named(), ASTRONAUT)) < 15


def test_an_array_gives_what_the_picture_gives(astronaut: Image.Image) -> None:
    assert detect_pose(np.asarray(astronaut)).pose == detect_pose(astronaut).pose


def test_of_two_people_the_larger_one_is_taken(astronaut: Image.Image) -> None:
    both = Image.new("RGB", (900, 512), (120, 130, 140))
    both.paste(astronaut, (388, 0))
    both.paste(astronaut.resize((300, 300)), (40, 200))
    found = detect_pose(both)
    assert found.people_found == 2
    face = ("nose", "right_eye", "left_eye")
    on_the_right = {name: (ASTRONAUT[name][0] + 388, ASTRONAUT[name][1]) for name in face}
    assert max(distances(found.pose.named(), on_the_right)) < 15


def test_a_small_person_in_a_wide_picture_is_found(astronaut: Image.Image) -> None:
    wide = Image.new("RGB", (1400, 500), (90, 100, 110))
    wide.paste(astronaut.resize((140, 140)), (1100, 300))
    named = detect_pose(wide).pose.named()
    expected = {name: (1100 + x * 140 / 512, 300 + y * 140 / 512) for name, (x, y) in ASTRONAUT.items()}
    assert np.mean([np.hypot(*np.subtract(named[name], expected[name])) for name in ("nose", "left_eye")]) < 6


@pytest.mark.parametrize("size", [(512, 512), (1, 1), (2000, 16)])
def test_a_grey_picture_shows_nobody(size: tuple[int, int]) -> None:
    with pytest.raises(NoPersonError, match=r"found no person in the picture.* crop it around the person"):
        detect_pose(Image.new("RGB", size, (128, 128, 128)))


def test_a_mask_covers_the_person_and_not_the_flag(astronaut: Image.Image) -> None:
    mask = person_mask(astronaut)
    assert mask.shape == (512, 512)
    assert mask.dtype == np.float32
    assert mask[300, 200] > 0.9
    assert mask[100, 225] > 0.9
    assert mask[30, 60] < 0.1
    assert mask[100, 450] < 0.1


def test_a_mask_of_nobody_is_empty() -> None:
    assert person_mask(Image.new("RGB", (64, 48), "grey")).max() == 0


def test_a_known_pose_needs_no_detector(networks: BlazePose, astronaut: Image.Image) -> None:
    known = detect_pose(astronaut).pose
    again = networks.landmarks_in(astronaut, region_of_pose(known))
    assert max(distances(again.pose(known.size).named(), ASTRONAUT)) < 30


def test_an_unknown_detector_is_named() -> None:
    with pytest.raises(InputError, match="there is no detector 'yolo'; choose one of blazepose, rtmlib"):
        detect_pose(Image.new("RGB", (8, 8)), detector="yolo")


def test_an_array_of_another_kind_is_refused() -> None:
    with pytest.raises(ImageError, match="give uint8 of shape"):
        detect_pose(np.zeros((8, 8, 3), np.float32))  # type: ignore[arg-type]
