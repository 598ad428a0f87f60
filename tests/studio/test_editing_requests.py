"""Garment, texture, parse and explain over HTTP."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from sample_requests import SIZE, STANDING, Running, add_source, files, png

from posable.detect.parser import ParsingResult
from posable.errors import InputError
from posable.imaging.image import decode_image
from posable.imaging.size import Size
from posable.parsing.schemes import LIP_20
from posable.studio.app import create_app
from posable.studio.settings import Limits, Settings
from posable.transfer import edits
from posable.transfer.encoded_source import EncodedSource
from posable.transfer.regions import REGIONS


@pytest.fixture(autouse=True)
def _everybody_wears_a_shirt(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pictures here are noise, in which the parser finds nobody."""
    labels = np.zeros(SIZE, np.uint8)
    labels[30:60, 20:70] = LIP_20.index("upper-clothes")
    labels[60:110, 30:60] = LIP_20.index("pants")

    def parsed(source: EncodedSource) -> ParsingResult:
        whole = Image.fromarray(labels).resize(source.picture.size, Image.Resampling.NEAREST)
        return ParsingResult(np.asarray(whole))

    monkeypatch.setattr(EncodedSource, "parsing", property(parsed))


@pytest.fixture(scope="module")
def wearer_id(client: TestClient) -> str:
    return add_source(client, seed=7)


def pixels(answer: Any) -> np.ndarray:
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB"), float)


def test_strength_nought_changes_nothing_away_from_the_pose(client: TestClient, source_id: str) -> None:
    answer = client.post(f"/v1/sources/{source_id}/texture", files=files(pattern=png(seed=9)), data={"strength": "0"})
    source = np.asarray(decode_image(png(), "it"), float)
    assert np.abs(pixels(answer) - source).max() <= 2


def test_a_pattern_may_be_a_picture_or_a_name(client: TestClient, source_id: str) -> None:
    path = f"/v1/sources/{source_id}/texture"
    plain = pixels(client.post(f"/v1/sources/{source_id}/transfer", json={"pose": "wave"}))
    drawn = [
        pixels(client.post(path, files=files(pattern=png(seed=9)), data={"pose": "wave"})),
        pixels(client.post(path, files={"pattern_name": (None, "plaid"), "pose": (None, "wave")})),
        pixels(
            client.post(
                "/v1/texture",
                files=files(picture=png()),
                data={"pattern_name": "plaid", "pose": "wave", "source_pose": STANDING},
            )
        ),
    ]
    assert (drawn[1] == drawn[2]).all()
    assert (drawn[0] != drawn[1]).any()
    assert (drawn[0] != plain).any()


def test_a_mask_says_where_instead_of_a_region(client: TestClient) -> None:
    mask = Image.new("L", (SIZE.width, SIZE.height))
    mask.paste(255, (0, 0, SIZE.width, 40))
    file = io.BytesIO()
    mask.save(file, format="PNG")
    answer = client.post(
        "/v1/texture",
        files=files(picture=png(), mask=file.getvalue()),
        data={"pattern_name": "dots", "source_pose": STANDING},
    )
    changed = np.abs(pixels(answer) - np.asarray(decode_image(png(), "it"), float)).max(-1) > 2
    assert changed[:36].mean() > 0.5
    assert not changed[44:].any()


def white_above(row: int, size: Size = SIZE) -> bytes:
    mask = Image.new("L", (size.width, size.height))
    mask.paste(255, (0, 0, size.width, row))
    file = io.BytesIO()
    mask.save(file, format="PNG")
    return file.getvalue()


def test_a_held_source_takes_a_mask_too(client: TestClient, source_id: str, wearer_id: str) -> None:
    source = np.asarray(decode_image(png(), "it"), float)
    path, mask = f"/v1/sources/{source_id}", white_above(40)
    printed = client.post(f"{path}/texture", files=files(mask=mask), data={"pattern_name": "dots"})
    assert (np.abs(pixels(printed) - source)[44:] <= 2).all()
    url = f"data:image/png;base64,{base64.b64encode(mask).decode()}"
    worn = client.post(f"{path}/garment", json={"reference": wearer_id, "mask": url, "strength": 0})
    assert np.abs(pixels(worn) - source).max() <= 2


def test_a_mask_lies_in_the_picture_as_it_was_sent(running: Running) -> None:
    large = Size(240, 180)
    with running(Limits(side=120)) as client:
        path = f"/v1/sources/{add_source(client, size=large)}/texture"
        fitting = client.post(path, files=files(mask=white_above(80, large)), data={"pattern_name": "dots"})
        assert pixels(fitting).shape == (120, 90, 3)
        other = client.post(path, files=files(mask=white_above(20, Size(50, 50))), data={"pattern_name": "dots"})
        assert other.status_code == 422
        told = "the mask is 50x50 and 'picture.png' is 240x180; give a mask of the picture's size."
        assert other.json()["error"]["message"] == told


@pytest.mark.parametrize("mask", ["hello", "data:image/png;base64,%%%", "data:image/png;base64,aGVsbG8="])
def test_a_mask_that_is_no_picture_is_told(client: TestClient, source_id: str, wearer_id: str, mask: str) -> None:
    answer = client.post(f"/v1/sources/{source_id}/garment", json={"reference": wearer_id, "mask": mask})
    assert answer.status_code in (415, 422)
    assert answer.json()["error"]["message"].startswith("the mask ")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"strength": "1.5"}, "strength is 1.5; give a number from 0 to 1."),
        ({"scale": "nan"}, "scale is nan; give a number from 0.05 to 20."),
        ({"seed": "-1"}, "seed is -1; give a whole number from 0 on."),
    ],
)
def test_numbers_out_of_range_are_told_as_the_library_tells(
    client: TestClient, source_id: str, given: dict[str, str], says: str
) -> None:
    form = {name: (None, value) for name, value in {**given, "pattern_name": "plaid"}.items()}
    answer = client.post(f"/v1/sources/{source_id}/texture", files=form)
    assert answer.status_code == 422
    assert answer.json()["error"]["message"] == says


def test_a_class_of_dtd_is_a_pattern_where_the_service_has_the_folder(running: Running, tmp_path: Path) -> None:
    for name, color in (("woven", (200, 30, 30)), ("knitted", (30, 30, 200))):
        (tmp_path / "images" / name).mkdir(parents=True)
        Image.new("RGB", (40, 40), color).save(tmp_path / "images" / name / f"{name}_0001.jpg")
    with running(dtd=tmp_path) as client:
        assert client.get("/v1/models").json()["dtd_classes"] == ["knitted", "woven"]
        path = f"/v1/sources/{add_source(client)}/texture"
        red = pixels(client.post(path, files={"pattern_name": (None, "woven")}))
        assert red[45, 45, 0] > red[45, 45, 2]
        told = client.post(path, files={"pattern_name": (None, "silk")}).json()["error"]["message"]
        assert "there is no pattern 'silk'" in told
        assert "knitted, woven" in told
    with pytest.raises(InputError, match="holds no images/ folder of DTD"):
        create_app(Settings(dtd=tmp_path / "images"))


def test_dragging_in_a_cloth_lays_it_once(client: TestClient, source_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    laid: list[int] = []
    original = edits.lay_pattern
    monkeypatch.setattr(edits, "lay_pattern", lambda *given, **more: laid.append(1) or original(*given, **more))
    path, sent = f"/v1/sources/{source_id}/texture", files(pattern=png(seed=31))
    for pose in ("wave", "arms-up", "walk-left"):
        pixels(client.post(path, files=sent, data={"pose": pose}))
    assert laid == [1]


def test_drawn_pictures_become_an_animation(client: TestClient) -> None:
    sent = [("pictures", (f"{seed}.png", png(seed=seed))) for seed in range(3)]
    answer = client.post("/v1/animation", files=sent, data={"format": "gif", "seconds": "0.2"})
    with Image.open(io.BytesIO(answer.content)) as moving:
        assert (moving.format, moving.size, moving.n_frames) == ("GIF", (SIZE.width, SIZE.height), 3)
        assert moving.info["duration"] == 200
    strip = client.post("/v1/animation", files=sent, data={"format": "png"})
    assert pixels(strip).shape == (SIZE.height, 3 * SIZE.width, 3)
    odd = client.post("/v1/animation", files=[*sent, ("pictures", ("odd.png", png(Size(60, 60))))])
    assert odd.status_code == 422
    assert odd.json()["error"]["message"] == "'odd.png' is 60x60 and '0.png' is 120x90; give pictures of one size."


def test_the_parsing_map_is_an_indexed_picture_with_its_legend(client: TestClient, source_id: str) -> None:
    answer = client.post(f"/v1/sources/{source_id}/parse", json={}).json()
    head, _, data = answer["picture"].partition(",")
    assert head == "data:image/png;base64"
    picture = Image.open(io.BytesIO(base64.b64decode(data)))
    assert picture.mode == "P"
    assert picture.size == (SIZE.width, SIZE.height)
    values = np.asarray(picture)
    for label in answer["labels"]:
        assert label["pixels"] == (values == label["value"]).sum()
        assert label["share"] == pytest.approx(label["pixels"] / values.size)
    shirt = next(label for label in answer["labels"] if label["name"] == "upper-clothes")
    palette = picture.getpalette() or []
    assert palette[3 * shirt["value"] : 3 * shirt["value"] + 3] == shirt["color"]
    as_png = client.post("/v1/parse", files=files(picture=png()), data={"source_pose": STANDING, "format": "png"})
    assert (np.asarray(Image.open(io.BytesIO(as_png.content))) == values).all()


def test_explaining_shows_the_source_the_result_and_the_family_s_own(client: TestClient, source_id: str) -> None:
    answer = client.post(f"/v1/sources/{source_id}/explain", json={"pose": "wave"}).json()
    names = [one["name"] for one in answer["pictures"]]
    assert names[:2] == ["source", "result"]
    assert "source_positions" in names
    sheet = client.post(
        "/v1/explain", files=files(picture=png()), data={"pose": "wave", "source_pose": STANDING, "format": "png"}
    )
    assert pixels(sheet).shape[1] > 2 * SIZE.width


@pytest.mark.parametrize(
    ("region", "says"), [("trousers", "choose one of"), ("hat", "shows no hat"), ("x" * 50, "at most 40")]
)
def test_a_region_that_is_not_there_is_told(
    client: TestClient, source_id: str, wearer_id: str, region: str, says: str
) -> None:
    for answer in (
        client.post(f"/v1/sources/{source_id}/garment", json={"reference": wearer_id, "region": region}),
        client.post(f"/v1/sources/{source_id}/texture", files=files(pattern=png(seed=9)), data={"region": region}),
    ):
        assert answer.status_code == 422
        assert says in answer.json()["error"]["message"]
    assert "upper" in REGIONS


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "one of the two"),
        ({"pattern_name": "sky"}, "no pattern 'sky'"),
        ({"pattern_name": "/etc/hostname"}, "no pattern '/etc/hostname'"),
        ({"pattern_name": "a.png"}, "no pattern 'a.png'"),
    ],
)
def test_a_wrong_pattern_is_told(client: TestClient, source_id: str, given: dict[str, str], says: str) -> None:
    form = {name: (None, value) for name, value in {**given, "pose": "wave"}.items()}
    answer = client.post(f"/v1/sources/{source_id}/texture", files=form)
    assert answer.status_code == 422
    assert says in answer.json()["error"]["message"]


def test_a_reference_that_is_gone_is_told(client: TestClient, source_id: str) -> None:
    answer = client.post(f"/v1/sources/{source_id}/garment", json={"reference": "gone"})
    assert answer.status_code == 404
