"""A running service with a tiny untrained network, and a source that it holds."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sample_requests import ADDRESS, Running, add_source, wait_until_ready

from posable.studio.app import create_app
from posable.studio.settings import Limits, Settings


@pytest.fixture(scope="session")
def running(tiny_model: Path) -> Running:
    """Makes a client of a ready service with these limits and settings, as a context manager."""

    @contextmanager
    def run(limits: Limits | None = None, **settings: Any) -> Iterator[TestClient]:
        given = {"models": (str(tiny_model),), "device": "cpu", "limits": limits or Limits(), **settings}
        with TestClient(create_app(Settings(**given)), base_url=ADDRESS) as client:
            wait_until_ready(client)
            yield client

    return run


@pytest.fixture(scope="session")
def client(running: Running) -> Iterator[TestClient]:
    with running() as one:
        yield one


@pytest.fixture(scope="session")
def source_id(client: TestClient) -> str:
    return add_source(client)
