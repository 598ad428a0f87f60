"""Targets beside poses: a turn of the camera, and several photographs of one person."""

from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sample_requests import ADDRESS, wait_until_ready
from typer.testing import CliRunner

from posable.cli.app import app
from posable.errors import InputError, PoseError
from posable.imaging.image import read_image
from posable.studio.app import create_app
from posable.studio.settings import Settings
from posable.transfer.encoded_source import EncodedSource
from posable.transfer.pipeline import PoseTransfer
from posable.transfer.pose_lookup import Turn


@pytest.fixture(scope="module")
def pipe() -> PoseTransfer:
    return PoseTransfer.from_pretrained(device="cpu")


@pytest.fixture(scope="module")
def person(pipe: PoseTransfer, examples: Path) -> EncodedSource:
    return pipe.encode(examples / "person.png", source_pose=examples / "person.json")


def test_the_default_model_is_the_body_that_carries_the_photograph(person: EncodedSource) -> None:
    assert person.generator.family == "puppet"
    assert {"copied", "mirrored", "painted", "fit_cost"} <= set(person.facts)
    assert person.facts["copied"] + person.facts["mirrored"] + person.facts["painted"] == pytest.approx(1, abs=0.01)


def test_the_own_pose_is_the_photograph(person: EncodedSource) -> None:
    np.testing.assert_array_equal(np.asarray(person.render(person.pose, retarget=False)), np.asarray(person.picture))


def test_a_turn_moves_the_shoulders_as_a_turn_does(person: EncodedSource) -> None:
    def width(degrees: float) -> float:
        points = person.place(Turn(degrees)).named()
        return points["left_shoulder"][0] - points["right_shoulder"][0]

    assert width(0) == pytest.approx(width(0), abs=1)
    assert 0 < width(60) < 0.8 * max(width(0), width(30), width(-30))
    assert width(180) < 0
    assert (np.asarray(person.render(Turn(30))) != np.asarray(person.picture)).any()


def test_a_turn_is_no_pose_by_itself(pipe: PoseTransfer, examples: Path) -> None:
    with pytest.raises(PoseError, match="give it as the target of a person"):
        pipe.encode(examples / "person.png", source_pose=Turn(30))
    with pytest.raises(PoseError, match="finite number"):
        pipe.encode(examples / "person.png", source_pose=examples / "person.json").render(Turn(float("nan")))


def test_command_line_and_http_turn_alike(examples: Path, tmp_path: Path) -> None:
    given = [
        "transfer",
        examples / "person.png",
        "--source-pose",
        examples / "person.json",
        "--turn",
        -20,
        "--turn",
        40,
    ]
    result = CliRunner().invoke(app, [str(one) for one in [*given, "-o", tmp_path / "out.png"]])
    assert result.exit_code == 0, result.output
    assert read_image(tmp_path / "out.png").width == 2 * read_image(examples / "person.png").width
    picture = (examples / "person.png").read_bytes()
    with TestClient(create_app(Settings(device="cpu")), base_url=ADDRESS) as client:
        wait_until_ready(client)
        files = {"picture": ("person.png", picture, "image/png")}
        data = {"source_pose": (examples / "person.json").read_text(), "pose": '{"turn": 40}'}
        assert client.post("/v1/transfer", files=files, data=data).status_code == 200
        refused = client.post("/v1/transfer", files=files, data={**data, "pose": '{"turn": "far"}'})
    assert refused.status_code == 422
    assert "not a number of degrees" in refused.text


def test_several_photographs_of_one_person_are_drawn_as_one(pipe: PoseTransfer, person: EncodedSource) -> None:
    both = pipe.encode([person.picture, person.picture], source_pose=person.pose)
    assert len(both.others) == 1
    one, joined = (np.asarray(each.render("wave"), float) for each in (person, both))
    assert joined.shape == one.shape
    # The same photograph twice says nothing new.
    assert np.abs(joined - one).mean() < 6


def test_a_family_of_one_photograph_says_so(examples: Path) -> None:
    weave = PoseTransfer.from_pretrained("weave", device="cpu")
    picture = read_image(examples / "person.png")
    both = weave.encode([picture, picture], source_pose=examples / "person.json")
    with pytest.raises(InputError, match="weave draws from one photograph"):
        both.render("wave")
    with pytest.raises(InputError, match="at least one"):
        weave.encode([])
