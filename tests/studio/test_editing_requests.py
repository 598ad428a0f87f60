"""Garment, texture, parse and explain over HTTP."""

import base64
import io
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from sample_requests import SIZE, STANDING, add_source, files, png

from posable.editing.regions import REGIONS
from posable.image import decode_image
from posable.parse import ParsingResult
from posable.parsing import LIP_20
from posable.pipeline import EncodedSource


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
        ({"pattern_name": "/etc/hostname"}, "is no pattern"),
        ({"pattern_name": "a.png"}, "is no pattern"),
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
