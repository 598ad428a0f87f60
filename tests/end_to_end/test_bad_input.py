"""Whatever is wrong with what a user gives: exit code 2, one sentence that names the file, and no output touched."""

import json
import pickle
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from posable.cli.app import app
from posable.imaging.size import Size
from posable.pose.files import write_pose
from posable.pose.library import shipped_pose
from posable.pose.pose import OPENPOSE_18

KEPT = b"a result of yesterday"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def sentence(result: Result) -> str:
    """The one line on standard error; anything else fails."""
    assert result.exit_code == 2, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert "Traceback" not in lines[0]
    assert lines[0].startswith("posable: ")
    assert lines[0].endswith(".")
    return lines[0]


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A picture, its pose beside it as good.json."""
    size = Size(96, 64)
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "good.png")
    write_pose(shipped_pose("stand-front").resize(size), tmp_path / "good.json")
    return tmp_path / "good.png"


# ---- pictures


def truncated(path: Path, good: Path) -> None:
    path.write_bytes(good.read_bytes()[: good.stat().st_size // 2])


def corrupt(path: Path, good: Path) -> None:
    data = bytearray(good.read_bytes())
    data[60:90] = bytes(30)
    path.write_bytes(data)


def empty(path: Path, good: Path) -> None:
    path.write_bytes(b"")


def text(path: Path, good: Path) -> None:
    path.write_text("This is a letter, not a picture.\n" * 50)


def one_pixel(path: Path, good: Path) -> None:
    Image.new("RGB", (1, 1)).save(path, format="PNG")


def bomb(path: Path, good: Path) -> None:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b""))


def folder(path: Path, good: Path) -> None:
    path.mkdir()


def missing(path: Path, good: Path) -> None:
    assert not path.exists()


BAD_PICTURES: list[tuple[Callable[[Path, Path], None], str, str]] = [
    (truncated, "bad.png", "cut short"),
    (corrupt, "bad.png", "damaged"),
    (empty, "bad.png", "is empty"),
    (text, "bad.jpg", "is not a picture"),
    (one_pixel, "bad.png", "too small"),
    (bomb, "bad.png", "megapixels"),
    (folder, "bad.png", "is a folder"),
    (missing, "bad.png", "does not exist"),
]


@pytest.mark.parametrize(("spoil", "name", "expected"), BAD_PICTURES, ids=[case[0].__name__ for case in BAD_PICTURES])
@pytest.mark.parametrize("command", ["transfer", "target", "detect"])
def test_a_bad_picture(
    command: str, spoil: Callable[[Path, Path], None], name: str, expected: str, good: Path, tiny_model: Path
) -> None:
    bad, out = good.with_name(name), good.with_name("out.png" if command != "detect" else "out.json")
    spoil(bad, good)
    out.write_bytes(KEPT)
    before = sorted(good.parent.iterdir())
    pose = good.with_suffix(".json")
    arguments: dict[str, list[object]] = {
        "transfer": ["transfer", bad, "--source-pose", pose, "--pose", "wave", "-o", out, "--model", tiny_model],
        "target": ["transfer", good, "--source-pose", pose, "--pose", bad, "-o", out, "--model", tiny_model],
        "detect": ["detect", bad, "-o", out],
    }
    told = sentence(run(*arguments[command]))
    assert str(bad) in told
    assert expected in told
    assert out.read_bytes() == KEPT
    assert sorted(good.parent.iterdir()) == before


@pytest.mark.parametrize("kind", ["cmyk", "rgba", "grey", "palette", "sixteen-bit", "rotated"])
def test_unusual_pictures_are_no_mistake(kind: str, good: Path, tiny_model: Path) -> None:
    picture = Image.open(good)
    path = good.with_name({"cmyk": "a.jpg", "rotated": "a.jpg"}.get(kind, "a.png"))
    if kind == "sixteen-bit":
        Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257).save(path)
    elif kind == "rotated":
        exif = Image.Exif()
        exif[0x0112] = 6
        picture.rotate(90, expand=True).save(path, exif=exif)
    else:
        picture.convert({"cmyk": "CMYK", "rgba": "RGBA", "grey": "L", "palette": "P"}[kind]).save(path)
    out = good.with_name("out.png")
    result = run(
        "transfer", path, "--source-pose", good.with_suffix(".json"), "--pose", "wave", "-o", out, "--model", tiny_model
    )
    assert result.exit_code == 0, result.output
    drawn = Image.open(out)
    assert (drawn.size, drawn.mode) == (picture.size, "RGB")


# ---- poses


def openpose(points: list[float]) -> dict[str, Any]:
    return {"people": [{"pose_keypoints_2d": points}]}


def ours(**keypoints: Any) -> dict[str, Any]:
    named = shipped_pose("wave").named()
    good = {name: list(named[name]) if name in named else None for name in OPENPOSE_18.keypoints}
    return {"posable_pose": 1, "skeleton": "openpose-18", "size": [256, 176], "keypoints": good | keypoints}


BAD_POSES: dict[str, tuple[Any, str]] = {
    "a coordinate is NaN": (ours(nose=[float("nan"), 3.0]), "nose"),
    "a coordinate is infinite": (ours(nose=[float("inf"), 3.0]), "nose"),
    "a coordinate is a word": (ours(nose=["left", 3.0]), "nose"),
    "a keypoint has one number": (ours(nose=[3.0]), "nose"),
    "an unknown keypoint": (ours(tail=[3.0, 4.0]), "tail"),
    "all hidden": (ours(**dict.fromkeys(shipped_pose("wave").named())), "hidden"),
    "far outside": (ours(nose=[1e6, 1e6]), "far outside"),
    "openpose with 17 points": (openpose([1.0] * 51), "51"),
    "openpose with NaN": (openpose([float("nan"), 1.0, 1.0] * 18), "number"),
    "openpose all missing": (openpose([0.0] * 54), "hidden"),
    "openpose with nobody": ({"people": []}, "nobody"),
    "another kind of JSON": ({"title": "shopping"}, "known"),
    "no JSON": ("{ this is not JSON", "JSON"),
    "empty": ("", "empty"),
    "binary": (b"\x80\x81\xff", "no text"),
}


@pytest.mark.parametrize("what", BAD_POSES)
@pytest.mark.parametrize("option", ["--pose", "--source-pose"])
def test_a_bad_pose(option: str, what: str, good: Path, tiny_model: Path) -> None:
    content, expected = BAD_POSES[what]
    bad, out = good.with_name("bad.json"), good.with_name("out.png")
    if isinstance(content, bytes):
        bad.write_bytes(content)
    else:
        bad.write_text(content if isinstance(content, str) else json.dumps(content))
    out.write_bytes(KEPT)
    pose = good.with_suffix(".json")
    given = {"--source-pose": pose, "--pose": "wave"} | {option: bad}
    options = [part for item in given.items() for part in item]
    told = sentence(run("transfer", good, *options, "-o", out, "--model", tiny_model))
    assert str(bad) in told
    assert expected in told
    assert out.read_bytes() == KEPT


def test_a_few_missing_joints_are_no_mistake(good: Path, tiny_model: Path) -> None:
    pose, out = good.with_name("pose.json"), good.with_name("out.png")
    pose.write_text(json.dumps(ours(left_ankle=None, right_ear=None)))
    result = run(
        "transfer", good, "--source-pose", good.with_suffix(".json"), "--pose", pose, "-o", out, "--model", tiny_model
    )
    assert result.exit_code == 0, result.output


def test_one_bad_pose_in_a_sequence_stops_it_before_anything_is_written(good: Path, tiny_model: Path) -> None:
    bad, out = good.with_name("bad.json"), good.with_name("out.webp")
    bad.write_text(json.dumps([ours(), ours(nose=[float("nan"), 1])]))
    pose = good.with_suffix(".json")
    told = sentence(run("transfer", good, "--source-pose", pose, "--sequence", bad, "-o", out, "--model", tiny_model))
    assert str(bad) in told
    assert "pose 2" in told
    assert not out.exists()


# ---- models


class Bomb:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("what", ["truncated", "another family", "pickle", "pickle inside", "missing"])
def test_a_bad_model(what: str, good: Path, tiny_model: Path) -> None:
    model, mark, out = good.with_name("model"), good.with_name("exploded"), good.with_name("out.png")
    weights, card = model / "model.safetensors", model / "model.json"
    if what != "missing":
        shutil.copytree(tiny_model, model)
    if what == "truncated":
        weights.write_bytes(weights.read_bytes()[:-1000])
    elif what == "another family":
        card.write_text(card.read_text().replace('"weave"', '"nted"'))
    elif what == "pickle inside":
        weights.write_bytes(pickle.dumps(Bomb(mark)))
    elif what == "pickle":
        model = good.with_name("model.pth")
        model.write_bytes(pickle.dumps(Bomb(mark)))
    out.write_bytes(KEPT)
    pose = good.with_suffix(".json")
    told = sentence(run("transfer", good, "--source-pose", pose, "--pose", "wave", "-o", out, "--model", model))
    assert str(model) in told
    assert not mark.exists()
    assert out.read_bytes() == KEPT


# ---- the command line itself


@pytest.mark.parametrize(
    ("out", "expected"),
    [
        ("out.xyz", "end the name in"),
        ("out", "end the name in"),
        ("nowhere/out.png", "does not exist"),
        ("good.png", "is given as input"),
        (".", "cannot write"),
    ],
)
def test_a_bad_output(out: str, expected: str, good: Path, tiny_model: Path) -> None:
    before = good.read_bytes()
    pose = good.with_suffix(".json")
    told = sentence(
        run("transfer", good, "--source-pose", pose, "--pose", "wave", "-o", good.parent / out, "--model", tiny_model)
    )
    assert expected in told
    assert good.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], "--pose"),
        (["--pose", "wave", "--sequence", "poses.json"], "one of the two"),
        (["--pose", "wvae"], "'wave'"),
        (["--pose", "wave", "--size", "tall"], "'tall' is not a size"),
        (["--pose", "wave", "--size", "100x100"], "100x100"),
        (["--pose", "wave", "--device", "abacus"], "'abacus'"),
        (["--pose", "wave", "--model", "nonsense"], "'nonsense'"),
        (["--pose", "gone.json"], "gone.json"),
        (["--sequence", "gone.json"], "gone.json"),
    ],
)
def test_bad_options(options: list[str], expected: str, good: Path, tiny_model: Path) -> None:
    out = good.with_name("out.png")
    model = [] if "--model" in options else ["--model", tiny_model]
    pose = good.with_suffix(".json")
    told = sentence(run("transfer", good, "--source-pose", pose, *options, "-o", out, *model))
    assert expected in told
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["people", "make", "OUT", "--size", "3x"], "is not a size"),
        (["people", "make", "OUT", "--size", "4x4"], "4x4"),
        (["train", "nonsense"], "choose one of"),
        (["detect", "good.png", "-o", "OUT/pose.txt"], "end the name in .json"),
        (["poses", "--sheet", "OUT/poses.png"], "does not exist"),
    ],
)
def test_bad_arguments_of_other_commands(
    arguments: list[str], expected: str, good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(good.parent)
    assert expected in sentence(run(*arguments))


def test_a_photo_without_anybody(good: Path) -> None:
    wall, out = good.with_name("wall.png"), good.with_name("pose.json")
    Image.new("RGB", (256, 256), (120, 130, 140)).save(wall)
    told = sentence(run("detect", wall, "-o", out))
    assert str(wall) in told
    assert "no person" in told
    assert not out.exists()
