"""A garment over HTTP, with the shipped model and people: untrained networks draw nobody to take clothes from."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from sample_requests import Running, files

from posable.imaging.image import read_image, size_of
from posable.pose.files import read_pose
from posable.studio.pictures import brought_down
from posable.transfer.pipeline import PoseTransfer

PEOPLE = Path(__file__).parent.parent.parent / "src" / "posable" / "studio" / "page" / "people"
SIDE = 256


@pytest.fixture(scope="module")
def client(running: Running) -> Iterator[TestClient]:
    with running(models=("weave",)) as one:
        yield one


def test_a_garment_is_what_the_library_draws(client: TestClient) -> None:
    pictures = {name: (PEOPLE / f"{name}.jpg").read_bytes() for name in ("kim", "robin")}
    poses = {name: (PEOPLE / f"{name}.json").read_text() for name in pictures}
    ids = {
        name: client.post("/v1/sources", files=files(picture=pictures[name]), data={"pose": poses[name]}).json()["id"]
        for name in pictures
    }
    how = {"region": "upper", "strength": 0.8, "pose": "wave", "background": "keep", "max_side": SIDE}
    held = client.post(f"/v1/sources/{ids['kim']}/garment", json={"reference": ids["robin"], **how})
    once = client.post(
        "/v1/garment",
        files=files(picture=pictures["kim"], reference=pictures["robin"]),
        data={"source_pose": poses["kim"], "reference_pose": poses["robin"], **how},
    )
    pipe = PoseTransfer.from_pretrained("weave", device="cpu")
    kim, robin = (brought_down(read_image(PEOPLE / f"{name}.jpg"), SIDE) for name in ("kim", "robin"))
    person, wearer = (
        pipe.encode(picture, source_pose=read_pose(PEOPLE / f"{name}.json").resize(size_of(picture)))
        for name, picture in (("kim", kim), ("robin", robin))
    )
    expected = np.asarray(person.dressed_from(wearer, "upper", "wave", strength=0.8))
    for answer in (held, once):
        assert answer.status_code == 200, answer.text
        assert (np.asarray(Image.open(io.BytesIO(answer.content))) == expected).all()
    assert (expected != np.asarray(kim)).any()
