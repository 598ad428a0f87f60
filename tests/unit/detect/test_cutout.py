import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from posable import cutout
from posable.cli.app import app
from posable.detect import detect_pose
from posable.errors import PoseError
from posable.imaging.image import alpha_of, read_image, read_layer
from posable.imaging.size import Size

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.mark.usefixtures("networks")
def test_the_person_stands_on_a_transparent_ground(astronaut: Image.Image) -> None:
    cut = cutout(astronaut)
    assert (cut.mode, cut.size) == ("RGBA", astronaut.size)
    assert cut.getpixel((223, 120)) == (*astronaut.getpixel((223, 120)), 255)
    assert cut.getpixel((450, 100)) == (0, 0, 0, 0)


@pytest.mark.usefixtures("networks")
def test_a_pose_of_another_frame_is_refused(astronaut: Image.Image) -> None:
    pose = detect_pose(astronaut).pose.resize(Size(256, 256))
    with pytest.raises(PoseError, match="the pose is for a picture of 256x256, this one is 512x512; resize the pose"):
        cutout(astronaut, pose)


def test_a_transparent_picture_keeps_its_own_outline() -> None:
    layer = Image.new("RGBA", (64, 48), (0, 0, 0, 0))
    layer.paste((200, 100, 50, 128), (10, 10, 30, 40))
    assert np.array_equal(np.asarray(cutout(layer)), np.asarray(layer))


def test_an_opaque_alpha_channel_says_nothing() -> None:
    assert alpha_of(Image.new("RGBA", (16, 16), (1, 2, 3, 255))) is None
    assert alpha_of(Image.new("RGB", (16, 16))) is None


def test_a_file_gives_its_transparency(tmp_path: Path) -> None:
    layer = Image.new("RGBA", (32, 24), (200, 100, 50, 51))
    layer.save(tmp_path / "layer.png")
    found = alpha_of(read_layer(tmp_path / "layer.png"))
    assert found is not None
    assert found.shape == (24, 32)
    assert np.allclose(found, 0.2)
    assert read_image(tmp_path / "layer.png").mode == "RGB"
    layer.convert("RGB").save(tmp_path / "plain.png")
    assert read_layer(tmp_path / "plain.png").mode == "RGB"


@pytest.mark.usefixtures("networks")
def test_the_command_writes_a_png_and_says_what_it_found(tmp_path: Path) -> None:
    out = tmp_path / "person.png"
    done = CliRunner().invoke(app, ["cutout", str(EXAMPLES / "astronaut.png"), "-o", str(out), "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["written"] == [str(out)]
    assert told["people_found"] == 1
    left, top, right, bottom = (told[side] for side in ("left", "top", "right", "bottom"))
    assert (left < 60, top < 30, right > 330, bottom) == (True, True, True, 512)
    with Image.open(out) as picture:
        assert picture.mode == "RGBA"
        share = np.asarray(picture)[..., 3].mean() / 255
    assert told["share"] == pytest.approx(share, abs=1e-3)


def test_a_format_without_transparency_is_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["cutout", str(EXAMPLES / "astronaut.png"), "-o", str(tmp_path / "person.jpg")])
    assert done.exit_code == 2
    assert "end the name in .png or .webp" in done.stderr
