"""Pictures and requests that several tests of the service send."""

import io
import json
import time
from collections.abc import Callable
from typing import Any

import httpx2
import numpy as np
from fastapi.testclient import TestClient
from PIL import Image

from posable.imaging.size import Size
from posable.pose.library import shipped_pose
from posable.studio.pose_input import pose_json

Running = Callable[..., Any]
"""Makes a client of a ready service with limits and settings, as a context manager."""
ADDRESS = "http://127.0.0.1:8000"
SIZE = Size(120, 90)


def png(size: Size = SIZE, seed: int = 0) -> bytes:
    """A PNG of smooth noise."""
    few = np.random.default_rng(seed).integers(0, 256, (max(2, size.height // 8), max(2, size.width // 8), 3))
    picture = Image.fromarray(few.astype(np.uint8)).resize((size.width, size.height), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    picture.save(file, format="PNG")
    return file.getvalue()


STANDING = json.dumps(pose_json(shipped_pose("stand-front").resize(SIZE)))
"""The pose of the person that the picture is said to show."""


def files(**pictures: bytes) -> dict[str, tuple[str, bytes]]:
    return {name: (f"{name}.png", data) for name, data in pictures.items()}


def wait_until_ready(client: httpx2.Client) -> None:
    deadline = time.monotonic() + 60
    while client.get("/v1/health").status_code != 200:
        assert time.monotonic() < deadline, client.get("/v1/health").text
        time.sleep(0.01)


def add_source(client: TestClient, seed: int = 0, size: Size = SIZE) -> str:
    answer = client.post("/v1/sources", files=files(picture=png(size, seed)), data={"pose": STANDING})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]
