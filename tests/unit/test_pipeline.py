"""Picture in, picture out: same frame and size, same result twice, the source encoded once, its background kept."""

import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from posable.errors import ConfigError, ImageError, InputError, PoseError, SizeError
from posable.imaging.image import size_of
from posable.imaging.size import Size
from posable.models.generator import Generator, Rendering
from posable.pose.files import write_pose
from posable.pose.library import shipped_pose
from posable.pose.pose import Pose, PoseBatch
from posable.transfer.background import PLAIN_COLOR
from posable.transfer.pipeline import PoseTransfer, choose_device


@pytest.fixture(scope="module")
def pipe(tiny_model: Path) -> PoseTransfer:
    return PoseTransfer.from_pretrained(tiny_model, device="cpu")


def picture(size: Size, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (max(2, size.height // 8), max(2, size.width // 8), 3))
    return Image.fromarray(pixels.astype(np.uint8)).resize((size.width, size.height), Image.Resampling.BICUBIC)


def standing(size: Size) -> Pose:
    return shipped_pose("stand-front").resize(size)


@pytest.mark.parametrize("size", [Size(64, 48), Size(100, 200), Size(333, 111), Size(17, 16)])
def test_the_drawing_has_the_size_of_the_source(pipe: PoseTransfer, size: Size) -> None:
    drawn = pipe(picture(size), "wave", source_pose=standing(size))
    assert size_of(drawn) == size
    assert drawn.mode == "RGB"


@pytest.mark.parametrize("background", ["drawn", "keep"])
def test_the_same_call_gives_the_same_picture(pipe: PoseTransfer, background: str) -> None:
    size = Size(120, 90)
    first, second = (pipe(picture(size), "wave", source_pose=standing(size), background=background) for _ in range(2))
    assert first.tobytes() == second.tobytes()


def test_encoding_once_and_rendering_gives_what_one_call_gives(pipe: PoseTransfer) -> None:
    size = Size(120, 90)
    encoded = pipe.encode(picture(size), source_pose=standing(size))
    pipe.render(encoded, "arms-up")
    assert pipe.render(encoded, "wave").tobytes() == pipe(picture(size), "wave", source_pose=standing(size)).tobytes()


def test_rendering_does_not_encode_again(pipe: PoseTransfer, monkeypatch: pytest.MonkeyPatch) -> None:
    size = Size(64, 48)
    encoded = pipe.encode(picture(size), source_pose=standing(size))

    def refuse(*_arguments: object) -> None:
        raise AssertionError("the source was encoded a second time")

    monkeypatch.setattr(pipe.generator, "encode", refuse)
    assert size_of(pipe.render(encoded, "wave", background="keep")) == size


def test_path_picture_and_array_are_the_same_source(pipe: PoseTransfer, tmp_path: Path) -> None:
    size = Size(80, 60)
    source = picture(size)
    source.save(tmp_path / "source.png")
    drawn = [
        pipe(given, "wave", source_pose=standing(size)).tobytes()
        for given in (source, np.asarray(source), tmp_path / "source.png", str(tmp_path / "source.png"))
    ]
    assert len(set(drawn)) == 1


def test_pose_object_pose_file_and_shipped_name_are_the_same_target(pipe: PoseTransfer, tmp_path: Path) -> None:
    size = Size(80, 60)
    encoded = pipe.encode(picture(size), source_pose=standing(size))
    write_pose(shipped_pose("wave"), tmp_path / "wave.json")
    drawn = [pipe.render(encoded, given).tobytes() for given in (shipped_pose("wave"), "wave", tmp_path / "wave.json")]
    assert len(set(drawn)) == 1


def test_another_pose_gives_another_picture(pipe: PoseTransfer) -> None:
    size = Size(80, 60)
    encoded = pipe.encode(picture(size), source_pose=standing(size))
    assert pipe.render(encoded, "wave").tobytes() != pipe.render(encoded, "walk-left").tobytes()


def test_a_sequence_is_the_single_renderings_and_tells_how_far_it_is(pipe: PoseTransfer) -> None:
    size = Size(80, 60)
    encoded = pipe.encode(picture(size), source_pose=standing(size))
    told: list[int] = []
    names = ["wave", "arms-up", "walk-left"]
    drawn = list(encoded.sequence(names, progress=told.append))
    assert [one.tobytes() for one in drawn] == [pipe.render(encoded, name).tobytes() for name in names]
    assert told == [1, 2, 3]


def test_without_retargeting_the_pose_is_taken_as_it_lies_in_its_frame(pipe: PoseTransfer) -> None:
    size = Size(512, 352)
    encoded = pipe.encode(picture(size), source_pose=standing(size))
    placed = encoded.place(shipped_pose("wave"), retarget=False)
    np.testing.assert_allclose(placed.keypoints, shipped_pose("wave").resize(size).keypoints, atol=0.01)


def test_a_target_of_a_far_larger_frame_is_brought_into_the_source_frame(pipe: PoseTransfer) -> None:
    size = Size(64, 48)
    encoded = pipe.encode(picture(size), source_pose=standing(size))
    placed = encoded.place(shipped_pose("wave").resize(Size(2560, 1760)))
    assert placed.size == size
    assert placed.visible.sum() >= 12


class HalfPerson(Generator[torch.Tensor]):
    """Draws a white left half as the person, whatever the pose; black around it."""

    size = Size(64, 48)
    family = "half"
    needs_parsing = False

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def encode(
        self, source_image: torch.Tensor, source_pose: PoseBatch, source_parsing: torch.Tensor | None
    ) -> torch.Tensor:
        return source_image

    def source_mask(self, encoded: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(encoded[:, :1])

    def render(self, encoded: torch.Tensor, target_pose: PoseBatch) -> Rendering:
        mask = torch.zeros_like(encoded[:, :1])
        mask[..., : mask.shape[-1] // 2] = 1
        return Rendering(mask.expand(-1, 3, -1, -1) * 2 - 1, mask, mask, torch.zeros_like(encoded[:, :2]))


def test_kept_background_is_the_sources_own_pixels_and_the_person_is_the_drawn_one() -> None:
    size = Size(512, 384)
    source = picture(size)
    pipe = PoseTransfer(HalfPerson())
    drawn = np.asarray(pipe(source, "wave", source_pose=standing(size), background="keep"))
    rim = 20
    assert np.array_equal(drawn[:, 192 + rim :], np.asarray(source)[:, 192 + rim :])
    assert (drawn[:, : 192 - rim] == 255).all()
    drawn = np.asarray(pipe(source, "wave", source_pose=standing(size), background="drawn"))
    assert (drawn[:, 192 + rim :] == 0).all()
    plain = np.asarray(pipe(source, "wave", source_pose=standing(size), background="plain"))
    assert (plain[:, 192 + rim :] == PLAIN_COLOR).all()
    clear = pipe(source, "wave", source_pose=standing(size), background="transparent")
    assert clear.mode == "RGBA"
    alpha = np.asarray(clear.getchannel("A"))
    assert (alpha[:, 192 + rim :] == 0).all()
    assert (alpha[:, : 192 - rim] == 255).all()
    other = Image.new("RGB", (30, 30), (1, 2, 3))
    placed = np.asarray(pipe(source, "wave", source_pose=standing(size), background=other))
    assert (placed[:, 192 + rim :] == (1, 2, 3)).all()


def test_the_own_pose_gives_the_photograph_itself(pipe: PoseTransfer) -> None:
    for size in (Size(64, 48), Size(300, 200), Size(256, 500)):
        encoded = pipe.encode(picture(size), source_pose=standing(size))
        np.testing.assert_array_equal(
            np.asarray(encoded.render(encoded.pose, retarget=False)), np.asarray(encoded.picture)
        )


def test_pixels_away_from_a_limb_that_moves_stay_the_photographs(pipe: PoseTransfer) -> None:
    size = Size(256, 192)
    encoded = pipe.encode(picture(size), source_pose=standing(size))
    points = encoded.pose.named()
    x, y = points["right_elbow"]
    moved = Pose.from_named({**points, "right_wrist": (x - 30, y - 40)}, size)
    drawn, own = np.asarray(encoded.render(moved, retarget=False)), np.asarray(encoded.picture)
    same = (drawn == own).all(-1)
    beside_the_other_arm = np.arange(192) > points["left_shoulder"][0]
    assert same[:, beside_the_other_arm].all()
    assert same[int(points["right_knee"][1]) :].all()


def test_an_unknown_background_is_refused(pipe: PoseTransfer) -> None:
    encoded = pipe.encode(picture(Size(64, 48)), source_pose=standing(Size(64, 48)))
    with pytest.raises(ConfigError, match="keep, drawn, plain, transparent, or a picture"):
        encoded.render("wave", background="blue")


def test_a_small_person_is_drawn_as_if_the_photo_were_cropped_around_them(pipe: PoseTransfer) -> None:
    crop, left, top = Size(256, 192), 300, 120
    whole = picture(Size(500, 900), seed=1)
    pose = standing(crop)
    placed = Pose(pose.keypoints + np.array([left, top], np.float32), pose.visible, Size(500, 900))
    encoded = pipe.encode(whole, source_pose=placed)
    assert not encoded.frame.shows_whole_picture
    assert min(encoded.frame.scale) > 0.3
    drawn = np.asarray(encoded.render("wave"))
    np.testing.assert_array_equal(drawn[:, :200], np.asarray(whole)[:, :200])
    assert (drawn != np.asarray(whole)).any()


def test_a_pose_outside_the_window_is_drawn_in_a_larger_one(pipe: PoseTransfer) -> None:
    placed = standing(Size(100, 75))
    placed = Pose(placed.keypoints + np.float32(20), placed.visible, Size(400, 600))
    encoded = pipe.encode(picture(Size(400, 600)), source_pose=placed)
    far = Pose(placed.keypoints + np.array([400, 200], np.float32), placed.visible, Size(400, 600))
    wider = encoded.for_pose(far)
    assert wider.frame.window.holds(far.keypoints[far.visible]).all()
    assert wider.frame.window.holds(placed.keypoints[placed.visible]).all()
    assert encoded.for_pose(far) is wider
    assert encoded.for_pose(placed) is encoded
    drawn, own = np.asarray(encoded.render(far, retarget=False)), np.asarray(encoded.picture)
    assert (drawn[250:, 400:] != own[250:, 400:]).any()


def test_a_larger_picture_is_drawn_at_up_to_four_times_the_models_size_unless_asked_otherwise(
    pipe: PoseTransfer,
) -> None:
    def frame(source: Size, size: Size | None = None) -> Size:
        return pipe.encode(picture(source), source_pose=standing(source), size=size).frame.size

    assert frame(Size(64, 48)) == Size(64, 48)
    assert frame(Size(50, 40)) == Size(64, 48)
    assert frame(Size(100, 75)) == Size(128, 96)
    assert frame(Size(200, 150)) == Size(256, 192)
    assert frame(Size(1200, 900)) == Size(256, 192)
    assert frame(Size(200, 150), Size(64, 48)) == Size(64, 48)


@pytest.mark.parametrize("size", [Size(64, 64), Size(32, 24), Size(100, 48)])
def test_a_size_of_another_shape_is_refused(pipe: PoseTransfer, size: Size) -> None:
    with pytest.raises(SizeError, match="give 64x48 or a multiple of the same shape, such as 128x96"):
        pipe.encode(picture(Size(64, 48)), source_pose=standing(Size(64, 48)), size=size)


def test_wrong_arrays_and_tiny_pictures_are_refused(pipe: PoseTransfer) -> None:
    for array in (np.zeros((64, 48), np.uint8), np.zeros((64, 48, 3), np.float32), np.zeros((0, 0, 3), np.uint8)):
        with pytest.raises(ImageError, match="give uint8 of shape"):
            pipe.encode(array, source_pose=standing(Size(64, 48)))  # type: ignore[arg-type]
    with pytest.raises(ImageError, match="at least 16 px a side"):
        pipe.encode(Image.new("RGB", (15, 64)), source_pose=standing(Size(64, 15)))


def test_a_name_that_is_neither_file_nor_pose_lists_the_poses(pipe: PoseTransfer) -> None:
    encoded = pipe.encode(picture(Size(64, 48)), source_pose=standing(Size(64, 48)))
    with pytest.raises(PoseError, match="wave"):
        pipe.render(encoded, "wvae")


def test_notes_go_to_the_log_by_default(tiny_model: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "posable"):
        PoseTransfer.from_pretrained(tiny_model).tell("several people")
    assert caplog.messages == ["several people"]


def test_the_device_is_chosen_or_refused_in_a_sentence() -> None:
    assert choose_device("cpu").type == "cpu"
    expected = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert choose_device().type == expected
    for absent in ("cuda:99", "nonsense"):
        with pytest.raises(InputError, match=f"the device '{absent}' is not there"):
            choose_device(absent)
