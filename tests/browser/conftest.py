"""The real service with the shipped model on a free port, and Debian's Chromium to look at its page."""

from __future__ import annotations

import base64
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops

from posable.defaults import DEFAULT_MODEL

FAILURES = Path(__file__).parent.parent.parent / "build" / "browser-failures"
CHROMIUM = os.environ.get("POSABLE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 60_000
PIXELS = """() => {
  const [image, canvas] = [document.querySelector("#result"), document.createElement("canvas")];
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas.toDataURL("image/png");
}"""

FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture(scope="session")
def url(tiny_model: Path) -> Iterator[str]:
    """Where the studio runs, with the shipped model and an untrained one."""
    pytest.importorskip("fastapi", reason="the studio's packages are not installed")
    command = [sys.executable, "-m", "posable", "studio", "--no-open", "--port", "0"]
    command += ["--model", DEFAULT_MODEL, "--model", str(tiny_model)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        line = server.stdout.readline()
        assert line.startswith("studio: http"), f"the studio said: {line!r}"
        yield line.removeprefix("studio: ").strip()
    finally:
        server.terminate()
        server.wait(timeout=30)


@pytest.fixture(scope="session")
def detector() -> None:
    """For tests that open photos without a pose."""
    pytest.importorskip("ai_edge_litert", reason="LiteRT has no wheel for this machine")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (apt-get install chromium), and POSABLE_CHROMIUM names none")
    sync_api = pytest.importorskip("playwright.sync_api", reason="the playwright package is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


class Studio:
    """The page in one tab, and what a user does there."""

    def __init__(self, page: Any, url: str) -> None:
        self.page, self.url = page, url
        self.complaints: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("requestfailed", lambda request: self.complaints.append(f"failed: {request.url}"))
        page.on("request", self._must_be_ours)

    def _must_be_ours(self, request: Any) -> None:
        """The page loads nothing from elsewhere."""
        if not request.url.startswith((self.url, "blob:", "data:")):
            self.complaints.append(f"foreign: {request.url}")

    def open_person(self, name: str) -> None:
        """Begins with one of the people that come with the page, and waits for its picture."""
        self.page.get_by_role("button", name=name, exact=True).first.click()
        self.settled()

    def settled(self) -> None:
        """Waits until the result is what the page asks for, without loss."""
        self.page.wait_for_function(
            "() => document.querySelector('#result:not([hidden])')?.complete"
            " && document.querySelector('#result-canvas').getAttribute('aria-busy') === 'false'"
            " && document.querySelector('#status').textContent.startsWith('Drawn in')",
            polling=50,
        )

    def result(self) -> Image.Image:
        """The picture that the page shows as the result."""
        data = self.page.evaluate(PIXELS)
        return Image.open(io.BytesIO(base64.b64decode(data.partition(",")[2]))).convert("RGB")

    def photo(self) -> Image.Image:
        """The picture that the page shows as the photo."""
        data = self.page.evaluate(PIXELS.replace("#result", "#photo"))
        return Image.open(io.BytesIO(base64.b64decode(data.partition(",")[2]))).convert("RGB")

    def choose(self, button: Any, *files: Path) -> None:
        """Presses what opens the dialog for files, and chooses some."""
        with self.page.expect_file_chooser() as chooser:
            button.click()
        chooser.value.set_files(files)

    def press_preset(self, name: str) -> None:
        """Chooses a preset and waits for its picture."""
        self.page.get_by_role("button", name=name, exact=True).click()
        self.page.wait_for_function(
            "name => document.querySelector('.preset[aria-pressed=true]')?.innerText === name", arg=name, polling=50
        )
        self.settled()

    def joint(self, name: str, skeleton: str = "result") -> Any:
        return self.page.locator(f"#{skeleton}-skeleton [data-joint={name}]")

    def centre(self, name: str) -> tuple[float, float]:
        """Of a joint of the result, in the window."""
        box = self.joint(name).locator(".dot").bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def drag(self, name: str, right: float, down: float) -> None:
        x, y = self.centre(name)
        mouse = self.page.mouse
        mouse.move(x, y)
        mouse.down()
        for step in range(1, 6):
            mouse.move(x + right * step / 5, y + down * step / 5)
        mouse.up()

    def problem(self) -> str:
        """The sentence of the error that is shown."""
        shown = self.page.locator("#problem:not([hidden]) p")
        shown.wait_for()
        return shown.inner_text()


def difference(one: Image.Image, other: Image.Image, box: tuple[float, float, float, float] = (0, 0, 1, 1)) -> float:
    """Mean absolute difference in levels of 255, in a box given in shares of the picture."""
    assert one.size == other.size
    left, top, right, bottom = box
    part = tuple(round(share * length) for share, length in zip((left, top, right, bottom), one.size * 2, strict=True))
    levels = ImageChops.difference(one.crop(part), other.crop(part)).convert("L").histogram()
    return sum(level * count for level, count in enumerate(levels)) / max(1, sum(levels))


@pytest.fixture
def open_studio(chromium: Any, url: str, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Opens the page in windows of given width and height; keeps screenshots when the test fails."""
    opened: list[tuple[Any, Studio]] = []

    def open_one(width: int = 1440, height: int = 900, **options: Any) -> Studio:
        # Nothing moves by itself: what turns while a test waits costs the processor time that the drawing needs.
        context = chromium.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce", **options)
        studio = Studio(context.new_page(), url)
        opened.append((context, studio))
        studio.page.goto(url)
        studio.page.locator(".preset").first.wait_for()
        return studio

    yield open_one
    for number, (context, studio) in enumerate(opened):
        if request.node.stash.get(FAILED, False):
            FAILURES.mkdir(parents=True, exist_ok=True)
            studio.page.screenshot(path=FAILURES / f"{request.node.name}-{number}.png", full_page=True)
        context.close()
    assert [complaint for _, studio in opened for complaint in studio.complaints] == []


@pytest.fixture
def studio(open_studio: Any) -> Studio:
    """The page in a wide window."""
    return open_studio()


@pytest.fixture
def changed() -> Any:
    return difference
