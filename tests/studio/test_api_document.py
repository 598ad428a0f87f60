"""The curl commands of docs/api.md do what it says, against a running service with the shipped model."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from PIL import Image
from sample_requests import wait_until_ready

ROOT = Path(__file__).parent.parent.parent
DOCUMENT = ROOT / "docs" / "api.md"
PEOPLE = ROOT / "src" / "posable" / "studio" / "page" / "people"

pytestmark = pytest.mark.slow


@pytest.fixture
def url() -> Iterator[str]:
    command = [sys.executable, "-m", "posable", "studio", "--port", "0", "--no-open"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        found = process.stdout.readline().removeprefix("studio: ").strip()
        with httpx2.Client(base_url=found) as client:
            wait_until_ready(client)
        yield found
    finally:
        process.kill()
        process.wait()


def commands() -> list[str]:
    blocks = re.findall(r"^```bash\n(.*?)^```", DOCUMENT.read_text(encoding="utf-8"), re.M | re.S)
    return [line for block in blocks for line in block.splitlines() if "curl" in line]


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_every_command_of_the_document_is_answered(url: str, examples: Path, tmp_path: Path) -> None:
    assert len(commands()) > 20
    shutil.copy(examples / "person.png", tmp_path / "person.png")
    shutil.copy(examples / "person.json", tmp_path / "pose.json")
    shutil.copy(PEOPLE / "kim.jpg", tmp_path / "shirt.jpg")
    head = 'set -euo pipefail\ncurl() { command curl --fail-with-body "$@"; echo; }\n'
    script = head + "\n".join(commands()).replace("http://127.0.0.1:8000/", url)
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    for name in re.findall(r"-o (\S+\.(?:png|jpg|webp))", script):
        with Image.open(tmp_path / name) as picture:
            picture.load()
    assert "x-seconds" in (tmp_path / "headers.txt").read_text().lower()
