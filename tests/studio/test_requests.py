"""Every endpoint as a client sees it: the same pictures, words and errors as in Python."""

import gc
import io
import json
import sys
import tempfile
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fastapi.testclient import TestClient
from PIL import Image
from sample_requests import SIZE, STANDING, Running, add_source, files, png

from posable.imaging.image import decode_image
from posable.imaging.size import Size
from posable.pose.formats import pose_from_json
from posable.pose.library import shipped_pose, shipped_poses
from posable.studio.pose_input import pose_json
from posable.studio.settings import Limits
from posable.transfer.pipeline import PoseTransfer
from posable.zoo.checkpoint import load_checkpoint, save_checkpoint


def picture_of(answer: Any) -> Image.Image:
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(answer.content))


def error_of(answer: Any) -> tuple[int, str]:
    assert set(answer.json()) == {"error"}
    assert set(answer.json()["error"]) == {"code", "message"}
    return answer.status_code, answer.json()["error"]["code"]


@pytest.fixture(scope="module")
def pipe(tiny_model: Path) -> PoseTransfer:
    return PoseTransfer.from_pretrained(tiny_model, device="cpu")


@pytest.mark.parametrize("background", ["drawn", "keep", "plain", "transparent"])
def test_a_transfer_is_what_the_library_draws(
    client: TestClient, source_id: str, pipe: PoseTransfer, background: str
) -> None:
    answer = client.post(f"/v1/sources/{source_id}/transfer", json={"pose": "wave", "background": background})
    source_pose = pose_from_json(json.loads(STANDING), "it", None)
    expected = pipe(decode_image(png(), "it"), "wave", source_pose=source_pose, background=background)
    assert picture_of(answer).tobytes() == expected.tobytes()
    assert float(answer.headers["x-seconds"]) > 0


def test_one_request_draws_what_a_held_source_draws(client: TestClient, source_id: str) -> None:
    held = client.post(f"/v1/sources/{source_id}/transfer", json={"pose": "wave"})
    once = client.post("/v1/transfer", files=files(picture=png()), data={"pose": "wave", "source_pose": STANDING})
    assert picture_of(once).tobytes() == picture_of(held).tobytes()


def test_a_pose_may_be_a_name_or_json(client: TestClient, source_id: str) -> None:
    by_name, by_json = (
        client.post(f"/v1/sources/{source_id}/transfer", json={"pose": pose})
        for pose in ("wave", pose_json(shipped_pose("wave")))
    )
    # The JSON is rounded to a thousandth of a pixel.
    difference = np.abs(np.asarray(picture_of(by_name), float) - np.asarray(picture_of(by_json), float))
    assert difference.max() <= 3


def test_a_placed_pose_is_drawn_as_it_lies(client: TestClient, source_id: str) -> None:
    placed = client.post(f"/v1/sources/{source_id}/place", json={"pose": "wave"}).json()["pose"]
    assert placed["size"] == list(SIZE)
    fitted = client.post(f"/v1/sources/{source_id}/transfer", json={"pose": "wave"})
    as_it_lies = client.post(f"/v1/sources/{source_id}/transfer", json={"pose": placed, "retarget": False})
    difference = np.abs(np.asarray(picture_of(fitted), float) - np.asarray(picture_of(as_it_lies), float))
    assert difference.max() <= 3


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_the_picture_comes_in_the_format_and_size_asked_for(client: TestClient, source_id: str, kind: str) -> None:
    answer = client.post(f"/v1/sources/{source_id}/transfer", json={"pose": "wave", "format": kind, "max_side": 64})
    assert answer.headers["content-type"] == f"image/{kind}"
    assert picture_of(answer).format == kind.upper()
    assert picture_of(answer).size == (48, 64)


def test_a_smaller_picture_is_not_made_larger(client: TestClient, source_id: str) -> None:
    answer = client.post(f"/v1/sources/{source_id}/transfer", json={"pose": "wave", "max_side": 2048})
    assert picture_of(answer).size == (SIZE.width, SIZE.height)


@pytest.mark.parametrize(("kind", "frames"), [("webp", 3), ("gif", 3), ("png", 1), ("jpeg", 1)])
def test_a_sequence_is_an_animation_or_a_strip(client: TestClient, source_id: str, kind: str, frames: int) -> None:
    poses = ["wave", "arms-up", "walk-left"]
    answers = [
        client.post(f"/v1/sources/{source_id}/sequence", json={"poses": poses, "format": kind}),
        client.post(
            "/v1/sequence",
            files=files(picture=png()),
            data={"poses": "wave, arms-up,walk-left", "source_pose": STANDING, "format": kind},
        ),
    ]
    for answer in answers:
        picture = picture_of(answer)
        assert getattr(picture, "n_frames", 1) == frames
        assert picture.size == (SIZE.width * (3 if frames == 1 else 1), SIZE.height)
    assert answers[0].content == answers[1].content


def test_another_source_pose_gives_another_drawing(client: TestClient) -> None:
    source = add_source(client, seed=3)
    before = client.post(f"/v1/sources/{source}/transfer", json={"pose": "wave"})
    turned = pose_json(shipped_pose("stand-back").resize(SIZE))
    corrected = client.put(f"/v1/sources/{source}/pose", json={"pose": turned})
    assert corrected.json()["pose"] == turned
    assert client.get(f"/v1/sources/{source}").json()["pose"] == turned
    after = client.post(f"/v1/sources/{source}/transfer", json={"pose": "wave"})
    assert picture_of(after).tobytes() != picture_of(before).tobytes()


def test_a_forgotten_source_is_gone(client: TestClient) -> None:
    source = add_source(client)
    assert client.delete(f"/v1/sources/{source}").status_code == 204
    for answer in (
        client.get(f"/v1/sources/{source}"),
        client.delete(f"/v1/sources/{source}"),
        client.post(f"/v1/sources/{source}/transfer", json={"pose": "wave"}),
    ):
        assert error_of(answer) == (404, "no_source")


def test_the_shipped_poses_come_with_their_keypoints(client: TestClient) -> None:
    poses = client.get("/v1/poses").json()["poses"]
    assert [one["name"] for one in poses] == list(shipped_poses())
    again = pose_from_json(poses[-1]["pose"], "it", None)
    np.testing.assert_allclose(again.keypoints, shipped_pose("wave").keypoints, atol=1e-3)


def test_models_are_named_and_folders_stay_private(client: TestClient, tiny_model: Path) -> None:
    answer = client.get("/v1/models")
    tiny, *shipped = answer.json()["models"]
    assert (tiny["name"], tiny["default"], tiny["ready"]) == ("tiny", True, True)
    assert [(one["name"], one["default"], one["ready"]) for one in shipped] == [
        ("puppet", False, False),
        ("weave", False, False),
    ]
    assert str(tiny_model.parent) not in answer.text
    assert "upper" in answer.json()["regions"]


def test_another_model_is_loaded_when_it_is_named_and_the_first_one_let_go(running: Running, tiny_model: Path) -> None:
    other = tiny_model.parent / "other"
    generator = load_checkpoint(tiny_model)
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.neg_()
    save_checkpoint(other, generator, {})
    with running(Limits(models=1), models=(str(tiny_model), str(other))) as client:
        models = client.app.state.service.models
        source = add_source(client)
        drawn = {}
        for name in ("tiny", "other", "tiny"):
            answer = client.post(f"/v1/sources/{source}/transfer", json={"pose": "wave", "model": name})
            assert [one["name"] for one in client.get("/v1/models").json()["models"] if one["ready"]] == [name]
            assert drawn.setdefault(name, answer.content) == answer.content
        assert drawn["tiny"] != drawn["other"]
        let_go = weakref.ref(models.pipe("tiny").generator)
        client.post(f"/v1/sources/{source}/transfer", json={"pose": "wave", "model": "other"})
        gc.collect()
        assert let_go() is None, "something still holds the model that was let go"


def test_the_description_names_the_key_where_one_is_wanted(running: Running, client: TestClient) -> None:
    with running(api_key="key") as keyed:
        described = keyed.get("/v1/openapi.json", headers={"X-API-Key": "key"}).json()
    assert described["paths"]["/v1/transfer"]["post"]["security"] == [{"HTTPBearer": []}]
    assert "security" not in described["paths"]["/v1/health"]["get"]
    assert "securitySchemes" not in client.get("/v1/openapi.json").json()["components"]


def test_every_error_that_is_described_has_the_shape_of_errors(client: TestClient) -> None:
    for path, methods in client.get("/v1/openapi.json").json()["paths"].items():
        for method, described in methods.items():
            assert described["description"], (method, path)
            for status, answer in described["responses"].items():
                if int(status) >= 400:
                    schema = answer["content"]["application/json"]["schema"]
                    assert schema == {"$ref": "#/components/schemas/ErrorResponse"}, (method, path, status)


def test_the_metrics_count_what_was_done(client: TestClient, source_id: str) -> None:
    client.post(f"/v1/sources/{source_id}/transfer", json={"pose": "wave"})
    answer = client.get("/v1/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    endpoint = 'endpoint="/v1/sources/{source_id}/transfer",method="POST",status="200"'
    assert f"posable_requests_total{{{endpoint}}}" in answer.text
    for name in ("posable_request_seconds_bucket", "posable_queue_length", "posable_batch_size_sum"):
        assert name in answer.text
    held = next(line for line in answer.text.splitlines() if line.startswith("posable_sources_held "))
    assert float(held.split()[1]) >= 1


# Mistakes.


@pytest.mark.parametrize(
    ("pose", "says"),
    [
        ("wav", "did you mean 'wave'"),
        (str(Path(__file__)), "is no shipped pose"),
        ("../poses/wave.json", "is no shipped pose"),
        ({"size": [3, 4]}, "no known pose format"),
        ([], "no pose"),
        ("\ud800", "is no shipped pose"),
        ({"posable_pose": 1, "size": [1e400, 5], "keypoints": {}}, "the pose"),
    ],
)
def test_a_wrong_pose_is_told_in_the_library_s_words(
    client: TestClient, source_id: str, pose: object, says: str
) -> None:
    body = json.dumps({"pose": pose}).encode()
    answer = client.post(
        f"/v1/sources/{source_id}/transfer", content=body, headers={"Content-Type": "application/json"}
    )
    assert error_of(answer) == (422, "pose")
    assert says in answer.json()["error"]["message"]


def test_a_field_that_is_broken_json_is_told(client: TestClient) -> None:
    for broken in ('{"posable_pose":', "[" * 100_000):
        answer = client.post("/v1/sources", files=files(picture=png()), data={"pose": broken})
        assert error_of(answer) == (422, "pose")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"no picture", (415, "not_an_image")),
        (b"", (415, "not_an_image")),
        (png()[:200], (422, "image")),
        (png(Size(8, 8)), (422, "image")),
        (png(Size(1200, 1000)), (413, "image_too_large")),
    ],
)
def test_a_wrong_picture_has_its_status(running: Running, data: bytes, expected: tuple[int, str]) -> None:
    with running(Limits(pixels=1_000_000)) as client:
        assert error_of(client.post("/v1/sources", files=files(picture=data), data={"pose": STANDING})) == expected


def test_a_picture_without_a_person_is_told(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from posable.errors import NoPersonError
    from posable.studio import service

    def nobody(*_given: object, **_options: object) -> None:
        raise NoPersonError("the picture: found no person.")

    monkeypatch.setattr(service, "find_pose", nobody)
    for path in ("/v1/detect", "/v1/sources"):
        assert error_of(client.post(path, files=files(picture=png()))) == (422, "no_person")


@pytest.mark.parametrize("path", ["/v1/sources", "/v1/transfer", "/v1/sources/x/transfer", "/v1/parse"])
@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "image/png"])
def test_another_content_type_is_refused(client: TestClient, path: str, content_type: str | None) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    assert error_of(client.post(path, content=b"x", headers=headers)) == (415, "content_type")


def test_broken_bodies_are_refused(client: TestClient, source_id: str) -> None:
    path, headers = f"/v1/sources/{source_id}/transfer", {"Content-Type": "application/json"}
    for body in (b"{", b"\xff\xfe", b"[" * 100_000, b"1" * 5000, b"null", b"[]"):
        assert client.post(path, content=body, headers=headers).status_code in (400, 422)
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    for body in (b"--x\r\nnonsense", b"", b"--x--"):
        assert client.post("/v1/transfer", content=body, headers=form).status_code in (400, 422)
    assert client.post("/v1/transfer", content=b"", headers={"Content-Type": "multipart/form-data"}).status_code == 400


@pytest.mark.parametrize(
    "wrong",
    [{"max_side": 63}, {"max_side": "x"}, {"format": "bmp"}, {"background": "blue"}, {"poze": 1}, {"model": "x" * 300}],
)
def test_settings_out_of_range_are_named(client: TestClient, source_id: str, wrong: dict[str, object]) -> None:
    answer = client.post(f"/v1/sources/{source_id}/transfer", json={"pose": "wave", **wrong})
    assert error_of(answer) == (422, "invalid")
    assert answer.json()["error"]["message"].startswith(next(iter(wrong)))


def test_only_offered_models_can_be_asked_for(client: TestClient, source_id: str, tiny_model: Path) -> None:
    answer = client.post(f"/v1/sources/{source_id}/transfer", json={"pose": "wave", "model": str(tiny_model)})
    assert error_of(answer) == (422, "input")
    assert "choose one of tiny, puppet, weave" in answer.json()["error"]["message"]


def test_a_sequence_too_large_for_one_answer_is_refused(running: Running) -> None:
    with running(Limits(sequence_pixels=3 * SIZE.height * SIZE.width)) as client:
        source = add_source(client)
        answer = client.post(f"/v1/sources/{source}/sequence", json={"poses": ["wave"] * 4})
        assert error_of(answer) == (422, "input")
        assert "give a max_side" in answer.json()["error"]["message"]
        small = {"poses": ["wave"] * 4, "max_side": 64}
        assert client.post(f"/v1/sources/{source}/sequence", json=small).status_code == 200


def test_large_pictures_are_brought_down_and_it_is_said(running: Running) -> None:
    with running(Limits(side=100)) as client:
        answer = client.post("/v1/sources", files=files(picture=png(Size(400, 300))), data={"pose": STANDING}).json()
        assert answer["size"] == [100, 75]
        assert answer["pose"]["size"] == [100, 75]
        assert answer["messages"] == ["'picture.png' was brought down from 400x300 to 100x75."]


def test_a_service_whose_model_is_broken_says_so_and_goes_on(running: Running, client: TestClient) -> None:
    service = client.app.state.service  # type: ignore[attr-defined]
    before = service.state, service.problem
    service.state, service.problem = "failed", "'model.safetensors' was altered; get a whole copy."
    try:
        for answer in (client.get("/v1/health"), client.post("/v1/transfer", files=files(picture=png()))):
            assert answer.status_code == 503
            assert "get a whole copy" in answer.json()["error"]["message"]
    finally:
        service.state, service.problem = before


def test_new_work_is_refused_while_the_service_closes(running: Running) -> None:
    with running() as client:
        source = add_source(client)
        client.app.state.service.refuse_new_work()  # type: ignore[attr-defined]
        answer = client.post(f"/v1/sources/{source}/transfer", json={"pose": "wave"})
        assert error_of(answer) == (503, "closing")
        assert int(answer.headers["retry-after"]) >= 1


def test_a_bug_is_a_500_with_a_sentence_and_no_traceback(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from posable.studio import routes_about

    def broken() -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(routes_about, "shipped_poses", broken)
    quiet = TestClient(client.app, base_url=str(client.base_url), raise_server_exceptions=False)
    answer = quiet.get("/v1/poses")
    assert error_of(answer) == (500, "bug")
    assert "secret" not in answer.text


def test_pictures_are_never_written_to_disk(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_given: object, **_options: object) -> None:
        raise AssertionError("a picture was written to a temporary file")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    noise = np.random.default_rng(0).integers(0, 256, (700, 600, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, format="PNG")
    large = file.getvalue()
    assert len(large) > 1_100_000, "Starlette's own limit is 1 MB"
    written: list[str] = []
    sys.addaudithook(lambda event, given: written.append(str(given[0])) if _writes(event, given) else None)
    answer = client.post("/v1/transfer", files=files(picture=large), data={"pose": "wave", "source_pose": STANDING})
    writes = list(written)
    assert answer.status_code == 200
    assert writes == []


def _writes(event: str, given: tuple[Any, ...]) -> bool:
    return event == "open" and isinstance(given[1], str) and bool(set(given[1]) & set("wax+"))
