"""The model in the package: small enough, described, and doing its job on the example pictures."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from posable.imaging.image import read_image, size_of
from posable.pose.library import shipped_pose
from posable.transfer.encoded_source import EncodedSource
from posable.transfer.pipeline import PoseTransfer
from posable.transfer.pose_lookup import find_pose
from posable.zoo.checkpoint import SHIPPED_FOLDER, read_card, shipped_models

POSES = ("walk-left", "arms-up", "hands-on-hips", "wave", "three-quarter-left")
LARGEST_WEIGHTS = 25 * 10**6


@pytest.fixture(scope="module")
def pipe() -> PoseTransfer:
    return PoseTransfer.from_pretrained("weave", device="cpu")


@pytest.fixture(scope="module")
def person(pipe: PoseTransfer, examples: Path) -> EncodedSource:
    return pipe.encode(examples / "person.png", source_pose=examples / "person.json")


def refuse(sentence: str) -> None:
    raise AssertionError(sentence)


def test_weave_ships_within_25_megabytes_with_its_licence_and_what_it_was_trained_on() -> None:
    assert "weave" in shipped_models()
    assert (SHIPPED_FOLDER / "weave" / "model.safetensors").stat().st_size <= LARGEST_WEIGHTS
    card = read_card("weave")
    assert card["licence"] == "Apache-2.0"
    assert card["size"] == [256, 176]
    trained_on = [stage["data"] for run in card["average_of"] for stage in run["stages"]]
    assert all(data.get("first_seed", 0) >= 2000 or data["people"]["first_seed"] >= 2000 for data in trained_on)
    assert json.dumps(card)


@pytest.mark.parametrize("name", POSES)
def test_the_drawn_person_takes_the_pose(name: str, pipe: PoseTransfer, person: EncodedSource) -> None:
    """The detector, which knows nothing of the model, finds most keypoints where they were asked for."""
    asked = person.place(name)
    found = find_pose(pipe.render(person, name), name, tell=refuse).pose
    both = asked.visible & found.visible
    height = np.ptp(asked.keypoints[asked.visible][:, 1])
    distance = np.linalg.norm(asked.keypoints - found.keypoints, axis=1)[both]
    assert both.sum() >= 10
    assert (distance < 0.1 * height).mean() >= 0.8


def test_the_drawn_person_wears_the_sources_clothes(pipe: PoseTransfer, person: EncodedSource) -> None:
    """The shirt of the example is dark with grey stripes and the trousers are bright green, in every pose."""
    for name in POSES:
        pose = person.place(name).named()
        drawn = np.asarray(pipe.render(person, name)).astype(int)
        red, green, blue = patch(drawn, between(pose["right_hip"], pose["right_knee"]))
        assert green > max(red, blue + 40) + 20, name
        shirt = patch(drawn, between(pose["neck"], between(pose["right_hip"], pose["left_hip"])))
        assert np.ptp(shirt) < 40, name
        assert shirt.max() < green, name


def between(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    return (a[0] + b[0]) / 2, (a[1] + b[1]) / 2


def patch(pixels: np.ndarray, centre: tuple[float, float], reach: int = 4) -> np.ndarray:
    x, y = (int(value) for value in centre)
    return pixels[y - reach : y + reach, x - reach : x + reach].mean((0, 1))


def test_its_own_pose_gives_back_the_source(person: EncodedSource, pipe: PoseTransfer) -> None:
    own = np.asarray(pipe.render(person, person.pose, retarget=False)).astype(int)
    source = np.asarray(person.picture).astype(int)
    assert np.abs(own - source).mean() < 12


@pytest.mark.parametrize("name", ["astronaut.png", "grace_hopper.jpg"])
def test_photographs_are_drawn_in_their_own_size_and_differ_from_the_source(
    name: str, pipe: PoseTransfer, examples: Path
) -> None:
    photo = read_image(examples / name)
    drawn = pipe(photo, "arms-out", background="keep")
    assert size_of(drawn) == size_of(photo)
    changed = np.abs(np.asarray(drawn).astype(int) - np.asarray(photo).astype(int)).max(-1) > 30
    assert 0.02 < changed.mean() < 0.8


def test_a_further_pose_costs_less_than_a_whole_pass(pipe: PoseTransfer, examples: Path) -> None:
    """In the processor's time, which other programs do not change."""
    picture = Image.open(examples / "person.png").resize((176, 256))
    pose = shipped_pose("stand-front")
    encoded = pipe.encode(picture, source_pose=pose)

    def seconds(draw: object) -> float:
        assert callable(draw)
        times: list[float] = []
        for _ in range(7):
            start = time.process_time()
            draw()
            times.append(time.process_time() - start)
        return min(times)

    whole = seconds(lambda: pipe(picture, "wave", source_pose=pose))
    further = seconds(lambda: pipe.render(encoded, "wave"))
    assert further < 0.9 * whole
