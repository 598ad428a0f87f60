"""Starting and stopping the service from the command line."""

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from sample_requests import STANDING, files, wait_until_ready
from typer.testing import CliRunner

from posable.cli.app import app
from posable.errors import ConfigError, InputError
from posable.studio.server import bound_socket, is_loopback
from posable.studio.settings import Limits, Settings


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("localhost", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.5", False),
        ("example.com", False),
    ],
)
def test_only_loopback_addresses_are_private(host: str, own: bool) -> None:
    assert is_loopback(host) == own


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5"])
def test_a_public_address_needs_the_flag(host: str) -> None:
    result = CliRunner().invoke(app, ["studio", "--host", host, "--no-open"])
    assert result.exit_code == 2
    assert "add --public" in result.stderr


def test_a_port_that_is_taken_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError, match="choose another with --port"):
            bound_socket("127.0.0.1", taken.getsockname()[1])
    with pytest.raises(InputError, match="cannot listen on"):
        bound_socket("no.such.host.invalid", 0)


def test_a_model_that_is_not_there_is_told_before_anything_starts() -> None:
    result = CliRunner().invoke(app, ["studio", "--model", "nonsense", "--no-open", "--port", "0"])
    assert result.exit_code == 2
    assert "is no model" in result.stderr


def test_settings_are_checked() -> None:
    with pytest.raises(ConfigError, match="above 0"):
        Limits(waiting=0)
    with pytest.raises(ConfigError, match="plain ASCII"):
        Settings(api_key="clé")
    with pytest.raises(ConfigError, match="no model"):
        Settings(models=())


def wait_until_busy(url: str) -> None:
    deadline = time.monotonic() + 30
    while "posable_requests_in_flight 2.0" not in httpx2.get(f"{url}v1/metrics").text:
        assert time.monotonic() < deadline


@pytest.mark.slow
def test_the_command_serves_and_finishes_its_work_when_it_is_told_to_stop(tiny_model: Path, examples: Path) -> None:
    command = [sys.executable, "-m", "posable", "studio", "--port", "0", "--no-open", "--model", str(tiny_model)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().removeprefix("studio: ").strip()
        assert url.startswith("http://127.0.0.1:")
        with httpx2.Client(base_url=url) as client:
            wait_until_ready(client)
            assert client.get("/v1/health").json()["model"] == "tiny"

        poses = ",".join(["wave", "arms-up", "walk-left"] * 21)

        def ask() -> int:
            form = {"poses": poses, "source_pose": STANDING}
            picture = files(picture=(examples / "person.png").read_bytes())
            return httpx2.post(f"{url}v1/sequence", data=form, files=picture, timeout=60).status_code

        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(ask)
            wait_until_busy(url)
            process.send_signal(signal.SIGTERM)
            assert asked.result(60) == 200, "what was being drawn is finished"
        assert process.wait(30) == 0
        assert process.stderr is not None
        assert process.stderr.read() == "posable: the studio has stopped.\n"
    finally:
        process.kill()
        process.wait()
