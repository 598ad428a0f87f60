"""Who may come in, how much they may bring, how long it may take."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sample_requests import ADDRESS, STANDING, Running, files, png

from posable.studio.middleware import BodyReader
from posable.studio.settings import Limits

Message = dict[str, Any]


def code_of(answer: Any) -> str:
    return answer.json()["error"]["code"]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[::2]:8000", "localhost.:8000"])
def test_other_names_than_its_own_are_refused(client: TestClient, host: str) -> None:
    answer = client.get("/v1/poses", headers={"Host": host})
    assert (answer.status_code, code_of(answer)) == (403, "host")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8000", "LOCALHOST", "[::1]:9"])
def test_its_own_names_are_taken_with_any_port(client: TestClient, host: str) -> None:
    assert client.get("/v1/poses", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9000", "http://[", "file://"])
def test_pages_of_other_sites_can_send_nothing(client: TestClient, origin: str) -> None:
    answer = client.post("/v1/sources", files=files(picture=png()), headers={"Origin": origin})
    assert (answer.status_code, code_of(answer)) == (403, "origin")


def test_its_own_page_can_send(client: TestClient) -> None:
    answer = client.post(
        "/v1/sources", files=files(picture=png()), data={"pose": STANDING}, headers={"Origin": ADDRESS}
    )
    assert answer.status_code == 201
    assert "access-control-allow-origin" not in answer.headers


KEY = "a key with spaces"


def test_with_a_key_everything_but_health_and_the_page_needs_it(running: Running) -> None:
    with running(api_key=KEY) as client:
        assert client.get("/").status_code == 200
        for wrong in ({}, {"X-API-Key": "another"}, {"Authorization": f"Basic {KEY}"}, {"X-API-Key": KEY[:-1]}):
            answer = client.get("/v1/poses", headers=wrong)
            assert (answer.status_code, code_of(answer)) == (401, "api_key")
            assert answer.headers["www-authenticate"] == "Bearer"
        for right in ({"X-API-Key": KEY}, {"Authorization": f"Bearer {KEY}"}):
            assert client.get("/v1/poses", headers=right).status_code == 200
        assert client.get("/v1/metrics").status_code == 401
        assert client.get("/v1/nothing").status_code == 401


def test_every_answer_keeps_other_sites_out_and_the_api_s_are_not_stored(client: TestClient) -> None:
    for path, status in (("/", 200), ("/v1/poses", 200), ("/v1/nothing", 404)):
        answer = client.get(path)
        assert answer.status_code == status
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == ("no-store" if path.startswith("/v1") else "no-cache")


def test_too_large_a_body_is_refused_announced_or_not(running: Running) -> None:
    with running(Limits(body_bytes=50_000)) as client:
        large = b"x" * 60_000
        headers = {"Content-Type": "application/json"}
        announced = client.post("/v1/sources/x/transfer", content=large, headers=headers)
        in_chunks = client.post(
            "/v1/sources/x/transfer", content=iter([large[:40_000], large[40_000:]]), headers=headers
        )
        for answer in (announced, in_chunks):
            assert (answer.status_code, code_of(answer)) == (413, "too_large")
            assert "0.05 MB" in answer.json()["error"]["message"]


def asked(app: Any, receive: Callable[[], Any], headers: list[tuple[bytes, bytes]] | None = None) -> list[Message]:
    """What an ASGI application sends for one POST whose messages `receive` gives."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def run() -> None:
        scope = {"type": "http", "method": "POST", "path": "/", "headers": headers or [], "query_string": b""}
        await asyncio.wait_for(app(scope, receive, send), 10)

    asyncio.run(run())
    return sent


def one_body(data: bytes = b"body") -> Callable[[], Any]:
    """The body at once, and the client staying."""
    messages = [{"type": "http.request", "body": data, "more_body": False}]

    async def receive() -> Message:
        if messages:
            return messages.pop()
        await asyncio.sleep(100)
        raise AssertionError

    return receive


async def answer_ok(scope: Message, receive: Callable[[], Any], send: Callable[[Message], Any]) -> None:
    body = (await receive())["body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def test_the_body_arrives_whole_however_it_was_cut() -> None:
    parts = [b"one ", b"", b"two ", b"three"]

    async def receive() -> Message:
        if parts:
            return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}
        await asyncio.sleep(100)
        raise AssertionError

    assert asked(BodyReader(answer_ok, Limits()), receive)[1]["body"] == b"one two three"


def test_a_request_that_does_not_arrive_is_given_up() -> None:
    async def never() -> Message:
        await asyncio.sleep(100)
        raise AssertionError

    sent = asked(BodyReader(answer_ok, Limits(seconds=0.05)), never)
    assert sent[0]["status"] == 408


def test_an_answer_that_takes_too_long_is_given_up_and_its_work_stopped() -> None:
    stopped = threading.Event()

    async def slow(_scope: Message, _receive: object, _send: object) -> None:
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            stopped.set()
            raise

    sent = asked(BodyReader(slow, Limits(seconds=0.05)), one_body())
    assert sent[0]["status"] == 503
    assert (b"retry-after", b"10") in sent[0]["headers"]
    assert stopped.is_set()


def test_work_is_stopped_when_the_client_leaves() -> None:
    stopped = threading.Event()
    messages: list[Message] = [{"type": "http.disconnect"}, {"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Message:
        await asyncio.sleep(0.01)
        return messages.pop()

    async def slow(_scope: Message, _receive: object, _send: object) -> None:
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            stopped.set()
            raise

    assert asked(BodyReader(slow, Limits()), receive) == []
    assert stopped.is_set()


def test_an_answer_that_has_begun_is_finished() -> None:
    async def slow_body(_scope: Message, _receive: object, send: Callable[[Message], Any]) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(0.2)
        await send({"type": "http.response.body", "body": b"all of it"})

    sent = asked(BodyReader(slow_body, Limits(seconds=0.05)), one_body())
    assert sent[-1]["body"] == b"all of it"


def test_an_error_of_the_application_is_not_swallowed() -> None:
    async def broken(_scope: Message, _receive: object, _send: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asked(BodyReader(broken, Limits()), one_body())


def test_bodies_of_all_requests_together_are_bounded() -> None:
    limits = Limits(body_bytes=100, bodies_bytes=150)
    headers = [(b"content-length", b"100")]
    statuses: list[int] = []

    async def slow(scope: Message, receive: Callable[[], Any], send: Callable[[Message], Any]) -> None:
        await asyncio.sleep(0.1)
        await answer_ok(scope, receive, send)

    receiver = BodyReader(slow, limits)

    async def one() -> None:
        async def send(message: Message) -> None:
            statuses.extend([message["status"]] if "status" in message else [])

        scope = {"type": "http", "method": "POST", "path": "/", "headers": headers, "query_string": b""}
        await receiver(scope, one_body(b"x" * 100), send)

    async def two_then_one() -> None:
        await asyncio.gather(one(), one())
        await one()

    asyncio.run(two_then_one())
    assert sorted(statuses[:2]) == [200, 429]
    assert statuses[2] == 200, "the room is given back"
