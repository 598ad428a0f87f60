"""The conversion of rtmlib's output, on arrays as it gives them; its models cannot be tested without a download."""

import sys
import types

import numpy as np
import pytest
from PIL import Image

from posable.detect import detect_pose
from posable.detect.rtmlib_adapter import largest_person
from posable.errors import DownloadError, MissingExtraError, NoPersonError
from posable.imaging.size import Size

SIZE = Size(200, 100)


def person(scale: float, left: float) -> np.ndarray:
    """COCO's 17 points on a grid: recognisable, not anatomical."""
    index = np.arange(17)
    return np.stack([left + scale * (index % 4), 10 + scale * (index // 4)], axis=-1)


def test_the_largest_person_is_taken_and_all_are_counted() -> None:
    found = largest_person(np.stack([person(5, 60), person(12, 5)]), np.full((2, 17), 0.8), SIZE)
    named = found.pose.named()
    assert found.people_found == 2
    assert found.score == pytest.approx(0.8)
    assert named["nose"] == (5.5, 10.5)  # A pixel's index, moved to its centre.
    assert named["left_shoulder"] == (5.5 + 12, 10.5 + 12)
    assert named["right_shoulder"] == (5.5 + 24, 10.5 + 12)
    assert named["neck"] == (5.5 + 18, 10.5 + 12)
    assert named["right_ankle"] == (5.5, 10.5 + 48)


def test_unsure_points_are_hidden_and_the_box_goes_around_the_rest() -> None:
    scores = np.full((1, 17), 0.9)
    scores[0, 16] = 0.1
    found = largest_person(person(12, 5)[None], scores, SIZE)
    assert "right_ankle" not in found.pose.named()
    left, top, right, bottom = found.box
    assert left < 5.5 < 41.5 < right
    assert top < 10.5 < 46.5 < bottom < 55


def test_scores_of_nobody_raise() -> None:
    with pytest.raises(NoPersonError, match="found no person"):
        largest_person(person(12, 5)[None], np.full((1, 17), 0.1), SIZE)
    with pytest.raises(NoPersonError):
        largest_person(np.zeros((0, 17, 2)), np.zeros((0, 17)), SIZE)


def test_rtmlib_is_called_as_its_interface_says(monkeypatch: pytest.MonkeyPatch) -> None:
    class Body:
        def __init__(self, *, mode: str, to_openpose: bool, backend: str, device: str) -> None:
            assert (mode, to_openpose, backend, device) == ("balanced", False, "onnxruntime", "cpu")

        def __call__(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            assert image[0, 0].tolist() == [30, 20, 10], "rtmlib takes BGR"
            return person(12, 5)[None], np.full((1, 17), 0.7)

    monkeypatch.setitem(sys.modules, "rtmlib", types.SimpleNamespace(Body=Body))
    told: list[str] = []
    found = detect_pose(Image.new("RGB", (100, 200), (10, 20, 30)), detector="rtmlib", progress=told.append)
    assert found.people_found == 1
    assert len(told) == 1


def test_models_that_cannot_be_fetched_give_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    class Body:
        def __init__(self, **_: object) -> None:
            raise OSError("no route to host")

    monkeypatch.setitem(sys.modules, "rtmlib", types.SimpleNamespace(Body=Body))
    with pytest.raises(DownloadError, match="no route to host"):
        detect_pose(Image.new("RGB", (100, 200)), detector="rtmlib")


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rtmlib", None)
    with pytest.raises(MissingExtraError, match=r"pip install posable\[rtmlib\]"):
        detect_pose(Image.new("RGB", (100, 200)), detector="rtmlib")
