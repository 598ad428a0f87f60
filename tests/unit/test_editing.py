"""Garments, textures, parsing and explanations, through the pipeline and below it."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from posable.detect.parser import ParsingResult
from posable.errors import ConfigError, ImageError, InputError
from posable.imaging.image import read_image, size_of
from posable.imaging.size import Size
from posable.memory import memory_of
from posable.models.nted import NtedConfig, NtedGenerator
from posable.models.pise import PiseConfig, PiseGenerator
from posable.models.tfjr import TfjrConfig, TfjrGenerator
from posable.models.weave import WeaveGenerator
from posable.parsing.schemes import LIP_20
from posable.people.wardrobe.patterns import PATTERN_SHARES, make_pattern
from posable.pose.files import read_pose
from posable.pose.pose import Pose
from posable.transfer import drawn_people, edits
from posable.transfer.body_frames import body_coordinates
from posable.transfer.encoded_source import EncodedSource
from posable.transfer.patterns import PATTERNS, Pattern, find_pattern
from posable.transfer.pipeline import PoseTransfer
from posable.transfer.regions import REGIONS, region_classes
from posable.transfer.sheet import explain_sheet, titled_sheet
from posable.transfer.texture import lay_pattern

SIZE = Size(128, 88)
UPPER = LIP_20.index("upper-clothes")


@pytest.fixture(scope="module")
def pipe(tiny_model: Path) -> PoseTransfer:
    return PoseTransfer.from_pretrained(tiny_model, device="cpu")


@pytest.fixture(scope="module")
def pose(examples: Path) -> Pose:
    return read_pose(examples / "person.json", Size(512, 352)).resize(SIZE)


@pytest.fixture(scope="module")
def picture(examples: Path) -> Image.Image:
    return read_image(examples / "person.png").resize((SIZE.width, SIZE.height))


@pytest.fixture(scope="module")
def parsing(pose: Pose) -> ParsingResult:
    """Head, top and trousers as boxes between the joints."""
    labels = np.zeros(SIZE, np.uint8)
    points = pose.named()
    neck, hip, ankle = (round(points[name][1]) for name in ("neck", "right_hip", "right_ankle"))
    left, right = round(points["right_shoulder"][0]), round(points["left_shoulder"][0])
    labels[neck - 16 : neck, left + 5 : right - 5] = LIP_20.index("face")
    labels[neck:hip, left:right] = UPPER
    labels[hip:ankle, left + 2 : right - 2] = LIP_20.index("pants")
    return ParsingResult(labels)


@pytest.fixture(scope="module")
def source(pipe: PoseTransfer, picture: Image.Image, pose: Pose, parsing: ParsingResult) -> EncodedSource:
    return pipe.encode(picture, source_pose=pose, source_parsing=parsing)


@pytest.fixture(scope="module")
def red(pipe: PoseTransfer, picture: Image.Image, pose: Pose, parsing: ParsingResult) -> EncodedSource:
    """The same person in red."""
    pixels = np.asarray(picture).copy()
    pixels[parsing.labels == UPPER] = (220, 20, 30)
    return pipe.encode(pixels, source_pose=pose, source_parsing=parsing)


def solid(color: tuple[int, int, int]) -> Image.Image:
    return Image.new("RGB", (32, 32), color)


def far_from(mask: np.ndarray, px: int) -> np.ndarray:
    """Pixels at least `px` away from the mask."""
    near = torch.nn.functional.max_pool2d(torch.from_numpy(mask.astype(np.float32))[None, None], 2 * px + 1, 1, px)
    return near[0, 0].numpy() == 0


# ---- regions


def test_every_region_names_classes_of_the_scheme() -> None:
    assert {"upper", "lower", "dress", "hair", "shoes", "hat", "face"} <= set(REGIONS)
    for name in REGIONS:
        assert all(0 < value < len(LIP_20) for value in region_classes(name))


def test_an_unknown_region_lists_the_known_ones(pipe: PoseTransfer, source: EncodedSource) -> None:
    with pytest.raises(InputError, match="no region 'trousers'; choose one of upper, lower"):
        pipe.texture(source, "plaid", "trousers")


def test_a_region_that_the_picture_lacks_says_what_there_is(pipe: PoseTransfer, source: EncodedSource) -> None:
    with pytest.raises(InputError, match=r"shows no dress that could be found; it shows upper, lower"):
        pipe.garment(source, source, "dress")


# ---- patterns


def test_our_own_patterns_are_those_of_the_synthetic_people() -> None:
    assert set(PATTERN_SHARES) <= set(PATTERNS)
    rng = np.random.default_rng(0)
    assert all(make_pattern(name, rng).kind == name for name in PATTERNS)


@pytest.mark.parametrize("array", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8, 3))])
def test_an_array_that_is_no_picture_is_no_pattern(array: np.ndarray) -> None:
    with pytest.raises(InputError, match="give uint8 of shape"):
        find_pattern(array)


def test_a_seed_chooses_the_colours_of_a_named_pattern() -> None:
    first, again, other = (np.asarray(find_pattern("plaid", seed=seed).picture) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.5


def test_any_picture_becomes_a_tile_without_seams(picture: Image.Image) -> None:
    tile = np.asarray(find_pattern(picture).picture)
    np.testing.assert_array_equal(tile[0], tile[-1])
    np.testing.assert_array_equal(tile[:, 0], tile[:, -1])


@pytest.mark.parametrize("given", ["paisley", "no/such/file.png"])
def test_a_pattern_that_is_not_there_is_refused(given: str) -> None:
    with pytest.raises(InputError, match=given):
        find_pattern(given)


# ---- textures


def test_strength_0_leaves_every_pixel(pipe: PoseTransfer, source: EncodedSource, red: EncodedSource) -> None:
    original = np.asarray(source.picture)
    np.testing.assert_array_equal(np.asarray(pipe.texture(source, "dots", strength=0)), original)
    np.testing.assert_array_equal(np.asarray(pipe.garment(source, red, strength=0)), original)


def test_a_texture_touches_its_region_alone(pipe: PoseTransfer, source: EncodedSource, parsing: ParsingResult) -> None:
    changed = (np.asarray(pipe.texture(source, solid((250, 10, 200)))) != np.asarray(source.picture)).any(-1)
    region = parsing.labels == UPPER
    assert not changed[~region].any()
    assert changed[region].mean() > 0.95


def test_a_mask_takes_the_place_of_a_region(pipe: PoseTransfer, source: EncodedSource) -> None:
    mask = np.zeros(SIZE, np.uint8)
    mask[40:60, 30:50] = 255
    changed = (np.asarray(pipe.texture(source, solid((250, 10, 200)), mask)) != np.asarray(source.picture)).any(-1)
    assert changed[mask > 0].mean() > 0.95
    assert not changed[mask == 0].any()


@pytest.mark.parametrize(
    ("mask", "sentence"),
    [
        (np.zeros(SIZE, np.uint8), "no white pixel"),
        (np.zeros((5, 5), np.uint8), "mask is 5x5"),
        (np.zeros((*SIZE, 3), np.uint8), "give uint8 of shape"),
    ],
)
def test_a_mask_that_cannot_be_meant_is_refused(
    mask: np.ndarray, sentence: str, pipe: PoseTransfer, source: EncodedSource
) -> None:
    with pytest.raises(ImageError, match=sentence):
        pipe.texture(source, "dots", mask)


def lit_garment(pose: Pose) -> tuple[Image.Image, np.ndarray, np.ndarray]:
    """A grey garment under light that falls off to one side, its mask, and the light, mean 1 in the median."""
    mask = np.zeros(SIZE, np.float32)
    mask[35:70, 30:62] = 1
    light = np.linspace(0.5, 1.6, SIZE.width)[None].repeat(SIZE.height, 0)
    linear = 0.25 * light
    encoded = 1.055 * linear ** (1 / 2.4) - 0.055
    pixels = np.round(encoded * 255).astype(np.uint8)
    return Image.fromarray(np.stack([pixels] * 3, -1)), mask, light / np.median(light[mask > 0])


def test_a_texture_keeps_the_garments_light(pose: Pose) -> None:
    picture, mask, light = lit_garment(pose)
    cloth = np.asarray(lay_pattern(picture, pose, mask, find_pattern(solid((188, 188, 188)))), np.float64) / 255
    linear = ((cloth + 0.055) / 1.055)[..., 1] ** 2.4
    inside = mask > 0
    ratio = linear[inside] / (linear[inside].mean() / light[inside].mean()) / light[inside]
    assert np.abs(np.log(ratio)).mean() < 0.12
    assert np.corrcoef(linear[inside], light[inside])[0, 1] > 0.95
    # 188 is half the light; under this light its mean stays near it.
    assert linear[inside].mean() == pytest.approx(0.5, rel=0.1)


def test_scale_makes_the_pattern_larger(pose: Pose) -> None:
    mask = np.ones(SIZE, np.float32)
    picture = Image.new("RGB", (SIZE.width, SIZE.height), (128, 128, 128))
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[np.arange(64) % 32 < 16] = 255

    def changes(scale: float) -> int:
        drawn = lay_pattern(picture, pose, mask, Pattern(Image.fromarray(stripes), 0.8), scale=scale)
        column = np.asarray(drawn)[35:75, round(pose.named()["neck"][0]), 0].astype(int) > 128
        return int((column[1:] != column[:-1]).sum())

    assert changes(0.5) >= 1.6 * changes(1.0) > 0


@pytest.mark.parametrize(("name", "value"), [("scale", 0.0), ("scale", 50.0), ("strength", 1.5), ("strength", -1.0)])
def test_numbers_out_of_range_are_refused(name: str, value: float, pipe: PoseTransfer, source: EncodedSource) -> None:
    with pytest.raises(ConfigError, match=f"{name} is {value}; give a number"):
        pipe.texture(source, "dots", **{name: value})


def test_the_pattern_turns_with_the_body(pose: Pose) -> None:
    """A picture and pose turned by a quarter have the coordinates of the unturned one, turned."""
    mask = np.zeros(SIZE, np.float32)
    mask[35:70, 30:62] = 1
    straight = body_coordinates(pose, mask, flared=False)
    x, y = pose.keypoints.T
    turned_pose = Pose(np.stack([SIZE.height - y, x], 1), pose.visible, Size(SIZE.width, SIZE.height))
    turned = body_coordinates(turned_pose, np.rot90(mask, -1).copy(), flared=False)
    inside = np.rot90(mask, -1) > 0
    for got, wanted in ((turned.along, straight.along), (turned.around, straight.around)):
        assert np.abs(got - np.rot90(wanted, -1))[inside].mean() < 0.3


def test_a_textured_person_can_take_a_pose(pipe: PoseTransfer, source: EncodedSource) -> None:
    plain, spotted = pipe.render(source, "wave"), pipe.texture(source, solid((250, 10, 200)), pose="wave")
    assert spotted.size == plain.size
    assert (np.asarray(spotted) != np.asarray(plain)).any()


# ---- garments


Wearers = tuple[PoseTransfer, EncodedSource, EncodedSource]


@pytest.fixture(scope="module")
def wearers(picture: Image.Image, pose: Pose, parsing: ParsingResult, red: EncodedSource) -> Wearers:
    """The shipped model, the person and the person in red: an untrained model draws nobody whose top could be taken."""
    shipped = PoseTransfer.from_pretrained("weave", device="cpu")
    source, wearer = (
        shipped.encode(shown, source_pose=pose, source_parsing=parsing) for shown in (picture, red.picture)
    )
    return shipped, source, wearer


def test_a_garment_arrives_where_the_old_one_was(wearers: Wearers, parsing: ParsingResult) -> None:
    pipe, source, wearer = wearers
    before, after = np.asarray(source.picture), np.asarray(pipe.garment(source, wearer))
    region = parsing.labels == UPPER
    np.testing.assert_array_equal(after[far_from(region, 8)], before[far_from(region, 8)])
    assert (after[region] - np.array([220, 20, 30.0])).mean(0) == pytest.approx(0, abs=60)


def test_half_strength_is_half_way(wearers: Wearers) -> None:
    pipe, source, wearer = wearers
    none, half, whole = (np.asarray(pipe.garment(source, wearer, strength=s), float) for s in (0, 0.5, 1))
    assert np.abs(half - (none + whole) / 2).max() <= 1


def test_a_garment_goes_along_into_a_pose(wearers: Wearers) -> None:
    pipe, source, wearer = wearers
    plain, dressed = (
        np.asarray(picture, float)
        for picture in (pipe.render(source, "wave"), pipe.garment(source, wearer, pose="wave"))
    )
    assert dressed.shape == plain.shape
    redder = (dressed - plain)[..., 0] - (dressed - plain)[..., 1] > 60
    assert redder.mean() > 0.03
    assert (dressed == plain).all(-1).mean() > 0.5


def test_a_garment_that_is_out_of_sight_is_refused(pipe: PoseTransfer, source: EncodedSource) -> None:
    """The untrained model draws nobody."""
    with pytest.raises(InputError, match="nothing of the upper region is seen"):
        pipe.garment(source, source, pose="wave")


# ---- parsing and explanations


def test_parsing_without_a_pose_is_that_of_the_picture(pipe: PoseTransfer, source: EncodedSource) -> None:
    assert pipe.parse(source) is source.parsing


def test_parsing_in_a_pose_has_the_pictures_size(pipe: PoseTransfer, source: EncodedSource) -> None:
    found = pipe.parse(source, "wave")
    assert found.size == size_of(source.picture)
    assert found.shares().sum(0) == pytest.approx(1, abs=1e-4)


def test_a_family_that_needs_a_parsing_map_gets_one(picture: Image.Image, pose: Pose) -> None:
    torch.manual_seed(0)
    generator = PiseGenerator(
        PiseConfig(height=64, width=48, network_height=64, network_width=64, channels=16, parsing_channels=4)
    )
    pipe = PoseTransfer(generator)
    source = pipe.encode(picture, source_pose=pose)
    assert source.parsing.size == SIZE
    assert pipe.render(source, "wave").size == picture.size
    # It predicts the target's regions itself, in its own eight classes.
    assert set(np.unique(pipe.parse(source, "wave").labels)) <= {0, 2, 5, 9, 13, 14, 16, 18}


def test_a_family_with_garments_of_its_own_mixes_them_itself(
    picture: Image.Image, pose: Pose, parsing: ParsingResult, red: EncodedSource
) -> None:
    torch.manual_seed(0)
    pipe = PoseTransfer(
        NtedGenerator(NtedConfig(height=64, width=48, channels=(16, 16, 8), num_labels=(4, 6), kernel_sizes=(1, 3)))
    )
    source, wearer = (pipe.encode(shown, source_pose=pose, source_parsing=parsing) for shown in (picture, red.picture))
    plain = pipe.render(source, "wave")
    np.testing.assert_array_equal(np.asarray(pipe.garment(source, wearer, pose="wave", strength=0)), np.asarray(plain))
    assert (np.asarray(pipe.garment(source, wearer, pose="wave")) != np.asarray(plain)).any()


def test_a_family_with_textures_of_its_own_takes_the_pattern_itself(
    picture: Image.Image, pose: Pose, parsing: ParsingResult
) -> None:
    torch.manual_seed(0)
    pipe = PoseTransfer(
        TfjrGenerator(
            TfjrConfig(height=64, width=48, network_height=64, network_width=48, parsing_channels=4, channels=16)
        )
    )
    with torch.no_grad():
        for parameter in pipe.generator.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape))
    source = pipe.encode(picture, source_pose=pose, source_parsing=parsing)
    plain = pipe.render(source, "wave")
    np.testing.assert_array_equal(np.asarray(pipe.texture(source, "dots", pose="wave", strength=0)), np.asarray(plain))
    assert (np.asarray(pipe.texture(source, "dots", pose="wave")) != np.asarray(plain)).any()


def test_an_explanation_shows_source_result_and_the_familys_own_pictures(
    pipe: PoseTransfer, source: EncodedSource
) -> None:
    pictures = pipe.explain(source, "wave")
    assert list(pictures)[:2] == ["source", "result"]
    assert {"source_positions", "position_key", "copied"} <= set(pictures)
    assert {picture.size for picture in pictures.values()} == {source.picture.size}
    np.testing.assert_array_equal(np.asarray(pictures["result"]), np.asarray(pipe.render(source, "wave")))


def test_a_sheet_holds_every_picture_under_its_title(picture: Image.Image) -> None:
    sheet = titled_sheet({"one": picture, "two": picture, "three": picture}, columns=2)
    assert sheet.width > 2 * picture.width
    assert sheet.height > 2 * picture.height
    colors = {name: Image.new("RGB", picture.size, color) for name, color in (("source", "red"), ("odd_one", "blue"))}
    drawn = np.asarray(explain_sheet(colors)).reshape(-1, 3)
    for color in ((255, 0, 0), (0, 0, 255)):
        assert (drawn == color).all(1).sum() == picture.width * picture.height


# ---- what is kept


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done that takes long, in its order."""
    done: list[str] = []

    def counted(module: Any, name: str) -> None:
        original = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *given, **more: (done.append(name), original(*given, **more))[1])

    counted(drawn_people, "look")
    counted(drawn_people, "_framed_parsing")
    counted(edits, "lay_pattern")
    counted(edits, "region_in")
    counted(WeaveGenerator, "encode")
    return done


def test_a_garment_in_the_same_pose_is_drawn_once_whatever_its_strength(wearers: Wearers, looks: list[str]) -> None:
    pipe, source, wearer = wearers
    first = pipe.garment(source, wearer, pose="arms-up")
    looks.clear()
    again = pipe.garment(source, wearer, pose="arms-up")
    pipe.garment(source, wearer, pose="arms-up", strength=0.5)
    assert looks == []
    np.testing.assert_array_equal(np.asarray(again), np.asarray(first))


def test_a_garment_in_another_pose_looks_at_both_drawings_and_nothing_else(wearers: Wearers, looks: list[str]) -> None:
    pipe, source, wearer = wearers
    pipe.garment(source, wearer, pose="arms-up")
    looks.clear()
    pipe.garment(source, wearer, pose="walk-left")
    assert looks == ["look", "look"]


def test_a_texture_in_another_pose_costs_the_drawing_alone(
    pipe: PoseTransfer, source: EncodedSource, looks: list[str]
) -> None:
    first = pipe.texture(source, "plaid", pose="wave")
    looks.clear()
    pipe.texture(source, "plaid", pose="arms-up")
    assert looks == []
    pipe.texture(source, "plaid", pose="wave", seed=1)
    assert looks == ["lay_pattern", "encode"]
    np.testing.assert_array_equal(
        np.asarray(pipe.texture(source, "plaid", pose="wave")), np.asarray(first), err_msg="the first one again"
    )


def test_what_is_kept_counts_as_memory(wearers: Wearers) -> None:
    pipe, source, wearer = wearers
    fresh = pipe.encode(source.picture, source_pose=source.pose, source_parsing=source.parsing)
    before = memory_of(fresh)
    pipe.garment(fresh, wearer, pose="wave")
    assert memory_of(fresh) > before + 20 * 2 * SIZE.height * SIZE.width


def test_the_background_stays_under_a_garment_and_a_texture(wearers: Wearers) -> None:
    _, source, wearer = wearers
    picture = np.asarray(source.picture)
    for drawn in (
        source.dressed_from(wearer, pose="wave"),
        source.textured("dots").render("wave"),
    ):
        corner = np.asarray(drawn)[:12, :12]
        np.testing.assert_array_equal(corner, picture[:12, :12])


def test_errors_name_the_pictures_file(pipe: PoseTransfer, examples: Path, pose: Pose) -> None:
    photo, mask = examples / "person.png", Image.new("L", (9, 9), 255)
    with pytest.raises(ImageError, match=re.escape(f"the mask is 9x9 and '{photo}' is")):
        pipe.garment(read_image(photo), photo, mask, source_pose=pose, reference_pose=pose)
    with pytest.raises(ImageError, match="the mask is 9x9 and the other picture is"):
        pipe.garment(photo, read_image(photo), mask, source_pose=pose, reference_pose=pose)
