"""Regions that are given: a person painted into an edited parsing map, from Python, the command line and HTTP."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from sample_requests import ADDRESS, wait_until_ready
from tiny import CONFIGS, network
from typer.testing import CliRunner

from posable.cli.app import app
from posable.errors import ImageError, InputError
from posable.imaging.size import Size
from posable.parsing.result import ParsingResult
from posable.pose.files import write_pose
from posable.pose.library import shipped_pose
from posable.studio.app import create_app
from posable.studio.settings import Settings
from posable.transfer.encoded_source import EncodedSource
from posable.transfer.pipeline import PoseTransfer
from posable.zoo.checkpoint import save_checkpoint

SIZE = Size(128, 96)


def person(family: str) -> EncodedSource:
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (*SIZE, 3), np.uint8))
    pipe = PoseTransfer(network(CONFIGS[family]))
    source_parsing = regions(5)
    return pipe.encode(picture, source_pose=shipped_pose("stand-front").resize(SIZE), source_parsing=source_parsing)


def regions(label: int) -> np.ndarray:
    labels = np.zeros(SIZE, np.uint8)
    labels[30:100, 30:66] = label
    return labels


@pytest.mark.parametrize("family", ["pise", "tfjr"])
def test_other_regions_give_another_picture(family: str) -> None:
    encoded = person(family)
    upper, trousers = (np.asarray(encoded.painted(regions(label))) for label in (5, 9))
    assert upper.shape == (*SIZE, 3)
    assert (upper != trousers).any()
    np.testing.assert_array_equal(np.asarray(encoded.painted(ParsingResult(regions(5)))), upper)
    assert (np.asarray(encoded.painted(regions(5), "wave")) != upper).any()


def test_a_family_that_does_not_says_which_do() -> None:
    with pytest.raises(InputError, match="weave paints into no given regions; take a model of pise or tfjr"):
        person("weave").painted(regions(5))


def test_a_map_of_another_size_is_refused() -> None:
    with pytest.raises(InputError, match="give a map of the picture's size"):
        person("pise").painted(regions(5)[:50])


def test_a_coloured_picture_is_no_map(tmp_path: Path) -> None:
    Image.new("RGB", (96, 128)).save(tmp_path / "map.png")
    with pytest.raises(ImageError, match="a parsing map is an indexed or grey PNG"):
        PoseTransfer(network(CONFIGS["pise"])).paint(person("pise"), tmp_path / "map.png")


def test_command_line_and_http_paint_the_same(tmp_path: Path) -> None:
    encoded = person("pise")
    model = save_checkpoint(tmp_path / "pise", encoded.generator, {})
    encoded.picture.save(tmp_path / "person.png")
    Image.fromarray(regions(9)).save(tmp_path / "map.png")
    write_pose(encoded.pose, tmp_path / "pose.json")
    given: list[Any] = ["paint", tmp_path / "person.png", "--parsing", tmp_path / "map.png", "--model", model]
    given += ["--source-pose", tmp_path / "pose.json", "-o", tmp_path / "out.png", "--device", "cpu"]
    result = CliRunner().invoke(app, [str(one) for one in given])
    assert result.exit_code == 0, result.output
    drawn = np.asarray(Image.open(tmp_path / "out.png"))
    with TestClient(create_app(Settings(models=(str(model),), device="cpu")), base_url=ADDRESS) as client:
        wait_until_ready(client)
        answer = client.post(
            "/v1/paint",
            files={
                "picture": ("person.png", (tmp_path / "person.png").read_bytes(), "image/png"),
                "parsing": ("map.png", (tmp_path / "map.png").read_bytes(), "image/png"),
            },
            data={"source_pose": (tmp_path / "pose.json").read_text()},
        )
    assert answer.status_code == 200, answer.text
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(answer.content))), drawn)
