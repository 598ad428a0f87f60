"""Your own photographs: who is in them by their names, poses detected once, pairs made; and textures."""

import shutil
from pathlib import Path

import miniatures
import numpy as np
import pytest
import torch
from PIL import Image

from posable.data.corpora import read_corpus
from posable.data.pair_dataset import PairDataset
from posable.data.photo_folder import PhotoFolder, read_photo_folder
from posable.data.prepare import prepare_corpus
from posable.data.prepared import PreparedCorpus
from posable.data.textures import Textures
from posable.errors import ConfigError, ImageError, InputError, NoPersonError
from posable.imaging.size import Size
from posable.pose.pose import Pose

EXAMPLES = Path(__file__).parents[2] / "examples"


def somebody(picture: Image.Image) -> Pose:
    """Stands for a detector: the nose is at the only white pixel; nobody is in a picture without one."""
    rows, columns = np.nonzero(np.asarray(picture).min(axis=2) > 250)
    if not len(rows):
        raise NoPersonError("nobody.")
    return Pose.from_named({"nose": (columns.mean() + 0.5, rows.mean() + 0.5)}, Size(picture.height, picture.width))


def picture_with_nose(path: Path, x: int, y: int, size: tuple[int, int] = (300, 200)) -> None:
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    if x >= 0:
        pixels[y - 2 : y + 3, x - 2 : x + 3] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.mark.parametrize(
    ("name", "person"),
    [
        ("anna_1.jpg", "anna"),
        ("anna-red dress-02.png", "anna-red dress"),
        ("IMG1234.jpg", "IMG1234"),
        ("Ben 3.jpeg", "Ben"),
        ("chloe/beach_1.jpg", "chloe"),
        ("trips/rome/dev_1.jpg", "trips/rome"),
    ],
)
def test_people_are_told_apart_by_folders_and_names(name: str, person: str, tmp_path: Path) -> None:
    picture_with_nose(tmp_path / name, 100, 50)
    index = read_photo_folder(tmp_path, find_pose=somebody)
    assert [image.person for image in index.images.values()] == [person]


def test_a_pattern_of_ones_own_tells_people_apart(tmp_path: Path) -> None:
    for name in ("2024-05-anna.jpg", "2023-01-anna.jpg", "2024-07-ben.jpg", "unknown.jpg"):
        picture_with_nose(tmp_path / name, 100, 50)
    index = read_photo_folder(tmp_path, r"\d-(?P<person>[a-z]+)", find_pose=somebody)
    anna = ["2023-01-anna.jpg", "2024-05-anna.jpg"]
    assert index.pairs == {"train": [(anna[0], anna[1]), (anna[1], anna[0])]}
    assert [(problem.kind, problem.name) for problem in index.problems] == [("no-person-in-name", "unknown.jpg")]
    with pytest.raises(ConfigError, match="is no regular expression"):
        read_photo_folder(tmp_path, "(anna", find_pose=somebody)
    with pytest.raises(ConfigError, match="has no group; put what names the person in parentheses"):
        read_photo_folder(tmp_path, "anna", find_pose=somebody)


def test_splits_are_folders_and_pairs_stay_within_them(tmp_path: Path) -> None:
    for name in ("train/anna_1.jpg", "train/anna_2.jpg", "test/ben_1.jpg", "test/ben_2.jpg", "test/.cache/ben_3.jpg"):
        picture_with_nose(tmp_path / name, 100, 50)
    (tmp_path / "notes.txt").write_text("not a picture")
    index = read_photo_folder(tmp_path, find_pose=somebody)
    assert {split: len(pairs) for split, pairs in index.pairs.items()} == {"train": 2, "test": 2}
    assert {image.person for image in index.images.values()} == {"anna", "ben"}


def test_photographs_of_any_shape_are_letterboxed_with_their_poses(tmp_path: Path) -> None:
    picture_with_nose(tmp_path / "anna_1.png", 30, 150, size=(300, 200))
    picture_with_nose(tmp_path / "anna_2.png", 90, 350, size=(100, 400))
    dataset = PairDataset(read_photo_folder(tmp_path, find_pose=somebody))
    pair = dataset[0]
    for image, pose in (
        (pair.condition.source_image, pair.condition.source_pose),
        (pair.target_image, pair.condition.target_pose),
    ):
        assert tuple(image.shape) == (1, 3, 256, 176)
        light = (image[0].mean(0).double() + 1) / 2
        rows, columns = torch.meshgrid(torch.arange(256) + 0.5, torch.arange(176) + 0.5, indexing="ij")
        centre = [float((light * axis).sum() / light.sum()) for axis in (columns, rows)]
        assert pose[0].named()["nose"] == pytest.approx(tuple(centre), abs=0.1)


def test_pictures_of_nobody_and_broken_ones_are_told_and_stay_out_of_pairs(tmp_path: Path) -> None:
    picture_with_nose(tmp_path / "anna_1.png", 100, 50)
    picture_with_nose(tmp_path / "anna_2.png", -1, -1)
    (tmp_path / "anna_3.jpg").write_bytes(b"<html>429 Too Many Requests</html>")
    picture_with_nose(tmp_path / "anna_4.png", 100, 60)
    index = read_photo_folder(tmp_path, find_pose=somebody)
    assert [(problem.kind, problem.name) for problem in index.problems] == [("nobody-found", "anna_2.png")]
    assert len(index.usable_pairs("train")) == 2
    done = prepare_corpus(index, tmp_path.parent / f"{tmp_path.name}-out")
    assert [(problem.kind, problem.name) for problem in done.problems] == [
        ("nobody-found", "anna_2.png"),
        ("unreadable-image", "anna_3.jpg"),
    ]
    assert len(PreparedCorpus(done.folder)) == 2


def test_two_pictures_that_differ_in_their_suffix_alone_stay_two(tmp_path: Path) -> None:
    picture_with_nose(tmp_path / "raw" / "anna_1.png", 30, 150)
    picture_with_nose(tmp_path / "raw" / "anna_1.bmp", 60, 150)
    done = prepare_corpus(read_photo_folder(tmp_path / "raw", find_pose=somebody), tmp_path / "out")
    assert sorted(path.name for path in (done.folder / "images").iterdir()) == ["anna_1.bmp.png", "anna_1.png"]
    poses = [image.keypoints for image in read_corpus(done.folder).images.values()]
    assert poses[0] != poses[1]


def test_a_folder_without_pictures_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no pictures \(\.bmp, \.jpeg, \.jpg"):
        read_photo_folder(tmp_path)
    with pytest.raises(InputError, match="is no corpus that is known"):
        read_corpus(tmp_path)


def test_poses_are_detected_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from posable import detect
    from posable.detect import Detection
    from posable.detect.detection import MessageCallback

    looked: list[int] = []

    def detector(picture: Image.Image, _progress: MessageCallback | None) -> Detection:
        looked.append(1)
        return Detection(somebody(picture), (0, 0, 1, 1), 1.0, 1)

    monkeypatch.setenv("POSABLE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(detect, "DETECTORS", {"blazepose": detector})
    raw = tmp_path / "raw"
    for name, x in (("anna_1.png", 100), ("anna_2.png", -1), ("anna_3.png", 60)):
        picture_with_nose(raw / name, x, 50)
    first = PhotoFolder(raw)
    assert (len(first), len(looked)) == (2, 3)
    # A run that was killed may leave half a line.
    (log,) = (tmp_path / "cache" / "detected-poses").iterdir()
    with log.open("a") as stream:
        stream.write('\n{"pixels": "00ab')
    shutil.copy(raw / "anna_1.png", raw / "anna_4.png")
    picture_with_nose(raw / "anna_5.png", 20, 50)
    second = read_corpus(raw, "folder")
    assert len(looked) == 4
    assert second.images["anna_4.png"].keypoints == first.index.images["anna_1.png"].keypoints
    third = read_corpus(raw)
    assert (len(looked), third.images.keys()) == (4, second.images.keys())


def test_real_photographs_become_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ai_edge_litert", reason="LiteRT has no wheel for this machine")
    for number in (1, 2):
        with Image.open(EXAMPLES / "person.png") as picture:
            turned = (
                picture.convert("RGB")
                if number == 1
                else picture.convert("RGB").transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            )
            turned.save(tmp_path / f"anna_{number}.png")
    seen: list[tuple[int, int]] = []
    index = read_photo_folder(tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert index.problems == ()
    assert seen == [(1, 2), (2, 2)]
    one, other = (image.keypoints for image in index.images.values())
    assert one is not None
    assert other is not None
    assert one.visible.sum() >= 12
    both = one.visible & other.flip().visible
    distance = np.linalg.norm(one.keypoints - other.flip().keypoints, axis=1)[both]
    assert np.median(distance) < 0.05 * one.size.height


@pytest.fixture(scope="module")
def dtd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return miniatures.write_dtd(tmp_path_factory.mktemp("textures"))


def test_textures_are_found_by_split_and_class(dtd: Path) -> None:
    assert len(Textures(dtd)) == 6
    assert len(Textures(dtd.parent, "test")) == 3
    assert len(Textures(dtd, "all")) == 12
    dotted = Textures(dtd, "all", ["dotted"])
    assert len(dotted) == 4
    assert Textures(dtd).classes == ["banded", "dotted", "woven"]


def test_a_texture_is_the_middle_of_its_picture(dtd: Path) -> None:
    whole, cut = Textures(dtd, "all"), Textures(dtd, "all", size=Size(40, 30))
    image, middle = whole[0], cut[0]
    height, width = image.shape[1:]
    assert tuple(middle.shape) == (3, 40, 30)
    top, left = (height - 40) // 2, (width - 30) // 2
    if (height - 40) % 2 == 0 and (width - 30) % 2 == 0:
        assert middle.equal(image[:, top : top + 40, left : left + 30])
    assert tuple(Textures(dtd, size=Size(200, 200))[0].shape) == (3, 200, 200)
    assert -1 <= image.min() < image.max() <= 1


def test_what_is_wrong_with_textures_is_named(dtd: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no class 'plaid'; it has banded, dotted, woven"):
        Textures(dtd, classes=["plaid"])
    with pytest.raises(ConfigError, match="division is 11; DTD has 1 to 10"):
        Textures(dtd, division=11)
    with pytest.raises(InputError, match=r"train2\.txt' is missing; unpack the whole archive"):
        Textures(dtd, division=2)
    with pytest.raises(InputError, match="holds no images/ folder of DTD"):
        Textures(tmp_path)
    copy = shutil.copytree(dtd, tmp_path / "dtd")
    textures = Textures(copy)
    (copy / "images" / textures.names[0]).write_bytes(b"<!doctype html>")
    with pytest.raises(ImageError, match="is a web page"):
        _ = textures[0]
