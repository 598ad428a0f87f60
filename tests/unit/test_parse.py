"""The parser of photos: where it looks, what it gives back, and how that is written."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from posable.detect.edges import sharpened
from posable.detect.parser import WEIGHTS, ParsingResult, parse, shipped_parser
from posable.detect.parsing_network import FRAME, ParsingNetwork
from posable.detect.window import person_window
from posable.errors import ImageError, InputError
from posable.imaging.frame import Frame
from posable.imaging.image import read_image, size_of
from posable.imaging.size import Size
from posable.parsing.given import as_parsing
from posable.parsing.schemes import LIP_20, PISE_8, palette
from posable.pose.files import read_pose
from posable.pose.library import shipped_pose
from posable.pose.pose import Pose

ASTRONAUT = Pose.from_named(
    {
        "nose": (222, 118), "neck": (215, 235), "right_shoulder": (120, 235), "left_shoulder": (305, 240),
        "right_elbow": (60, 400), "left_elbow": (345, 400), "right_eye": (203, 100), "left_eye": (243, 98),
        "right_ear": (180, 110), "left_ear": (268, 108),
    },
    Size(512, 512),
)  # fmt: skip
"""By hand."""


def random_parsing(size: Size = Size(40, 30)) -> ParsingResult:
    return ParsingResult(np.random.default_rng(0).integers(0, 20, size).astype(np.uint8))


@pytest.fixture(scope="module")
def person(examples: Path) -> tuple[Image.Image, Pose]:
    picture = read_image(examples / "person.png")
    return picture, read_pose(examples / "person.json", size_of(picture))


# ---- where it looks


@pytest.mark.parametrize("name", ["stand-front", "arms-up", "walk-left"])
def test_the_window_has_the_frames_shape_and_holds_every_keypoint(name: str) -> None:
    pose = shipped_pose(name)
    window = person_window(pose.keypoints, pose.visible, pose.size, FRAME)
    assert window.width / window.height == pytest.approx(FRAME.width / FRAME.height)
    points = Frame.sampled(pose.size, window, FRAME).points(pose.keypoints[pose.visible])
    assert (points >= 0).all()
    assert (points <= [FRAME.width, FRAME.height]).all()


# ---- borders


def test_a_border_that_is_off_is_drawn_to_the_pictures_edge() -> None:
    image = torch.full((1, 3, 60, 60), -0.8)
    image[..., 30:] = 0.7
    truth = (image[:, :1] > 0).float()
    blurred = torch.nn.functional.avg_pool2d(truth.roll(2, -1), 9, 1, 4, count_include_pad=False)
    shares = torch.cat([1 - blurred, blurred], 1)
    assert ((shares[:, 1:] > 0.5) != (truth > 0.5)).any()
    for radius in (5, 8):
        assert ((sharpened(shares, image, radius)[:, 1:] > 0.5) == (truth > 0.5)).all()


def test_shares_sum_to_one_after_sharpening() -> None:
    rng = torch.Generator().manual_seed(1)
    shares = torch.softmax(3 * torch.randn(1, 20, 33, 21, generator=rng), 1)
    image = torch.rand(1, 3, 33, 21, generator=rng) * 2 - 1
    for radius in (2, 5):
        torch.testing.assert_close(sharpened(shares, image, radius).sum(1), torch.ones(1, 33, 21))


# ---- what it gives back


def test_the_indexed_picture_keeps_every_value_and_has_the_fields_colours(tmp_path: Path) -> None:
    result = random_parsing()
    result.save(tmp_path / "parsing.png")
    with Image.open(tmp_path / "parsing.png") as read:
        assert read.mode == "P"
        np.testing.assert_array_equal(np.asarray(read), result.labels)
        np.testing.assert_array_equal(np.asarray(read.convert("RGB")), palette(LIP_20)[result.labels])
    assert [path.name for path in tmp_path.iterdir()] == ["parsing.png"]


def test_only_png_can_hold_a_parsing_map(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"end the name in \.png"):
        random_parsing().save(tmp_path / "parsing.jpg")


def test_the_legend_names_every_class_and_counts_every_pixel() -> None:
    result = random_parsing()
    legend = json.loads(json.dumps(result.legend()))
    assert [entry["name"] for entry in legend["classes"]] == list(LIP_20.classes)
    assert [entry["color"] for entry in legend["classes"]] == palette(LIP_20).tolist()
    assert sum(entry["pixels"] for entry in legend["classes"]) == legend["height"] * legend["width"]


def test_a_mask_is_the_sum_of_its_classes_in_the_pictures_size() -> None:
    probabilities = np.zeros((20, 4, 3), np.float32)
    probabilities[5], probabilities[7], probabilities[0] = 0.5, 0.25, 0.25
    result = ParsingResult(np.full((40, 30), 5, np.uint8), probabilities=probabilities)
    assert result.mask([5, 7]).shape == (40, 30)
    assert result.mask([5, 7]) == pytest.approx(0.75)


def test_a_given_map_in_other_labels_becomes_lip_20() -> None:
    given = np.full((4, 3), PISE_8.index("shoes"), np.uint8)
    found = as_parsing(ParsingResult(given, PISE_8), Size(4, 3))
    assert (found.labels == LIP_20.index("left-shoe")).all()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (np.zeros((4, 4), np.uint8), "4x4 and the picture 4x3"),
        (np.full((4, 3), 20, np.uint8), "holds the value 20"),
        (Image.new("RGB", (3, 4)), "mode RGB"),
    ],
)
def test_a_given_map_that_does_not_fit_is_refused(given: np.ndarray | Image.Image, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        as_parsing(given, Size(4, 3))


# ---- the shipped network


def test_the_network_is_small() -> None:
    assert sum(parameter.numel() for parameter in ParsingNetwork().parameters()) < 3_000_000
    assert WEIGHTS.stat().st_size < 8_000_000


def test_a_mirrored_picture_gives_the_mirrored_map(person: tuple[Image.Image, Pose]) -> None:
    picture, pose = person
    straight = parse(picture, pose).labels
    mirrored = parse(Image.fromarray(np.asarray(picture)[:, ::-1].copy()), pose.flip()).labels[:, ::-1]
    other_side = np.array([*range(14), 15, 14, 17, 16, 19, 18], np.uint8)
    assert (other_side[mirrored] == straight).mean() > 0.998


def test_larger_pictures_get_maps_of_their_own_size(person: tuple[Image.Image, Pose]) -> None:
    picture, pose = person
    size = Size(1100, 756)
    large = parse(picture.resize((size.width, size.height)), pose.resize(size))
    assert large.labels.shape == tuple(size)
    small = np.asarray(Image.fromarray(large.labels).resize(picture.size, Image.Resampling.NEAREST))
    assert (small == parse(picture, pose).labels).mean() > 0.97


def test_the_example_persons_clothes_and_skin_are_found(person: tuple[Image.Image, Pose]) -> None:
    picture, pose = person
    labels, points = parse(picture, pose).labels, pose.named()

    def at(name: str, dx: float = 0, dy: float = 0) -> str:
        x, y = points[name]
        return LIP_20.classes[labels[round(y + dy), round(x + dx)]]

    assert at("nose") == "face"
    assert at("neck", dy=60) == "upper-clothes"
    assert {at("right_knee"), at("left_knee")} == {"pants"}
    assert (at("right_ankle", dy=20), at("left_ankle", dy=20)) == ("right-shoe", "left-shoe")
    assert set(labels[:, :40].ravel()) == {0}


def test_a_photograph_of_half_a_person_is_understood(examples: Path) -> None:
    labels = parse(read_image(examples / "astronaut.png"), ASTRONAUT).labels
    assert LIP_20.classes[labels[118, 222]] == "face"
    assert LIP_20.classes[labels[55, 222]] == "hair"
    assert LIP_20.classes[labels[330, 110]] in ("upper-clothes", "coat")
    assert labels[20, 120] == labels[150, 420] == 0


def test_the_network_is_loaded_once() -> None:
    assert shipped_parser() is shipped_parser()
