"""What the page promises: a photo, a new pose, another pattern and the download in less than a minute."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

pytestmark = pytest.mark.browser


def test_photo_pose_cloth_and_download_take_less_than_a_minute(studio: Any, examples: Path, detector: None) -> None:
    page, start = studio.page, time.monotonic()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a photo").click()
    chooser.value.set_files(examples / "person.png")
    studio.settled()
    page.get_by_role("button", name="wave", exact=True).click()
    page.locator(".preset[aria-pressed=true]").wait_for()
    studio.settled()
    page.get_by_role("tab", name="Texture").click()
    page.get_by_role("button", name="zigzag", exact=True).click()
    page.locator(".swatches [aria-pressed=true]").wait_for()
    studio.settled()
    with page.expect_download() as picture:
        page.get_by_role("button", name="Download", exact=True).click()
    seconds = time.monotonic() - start
    assert Image.open(picture.value.path()).size == Image.open(examples / "person.png").size
    assert seconds < 60
