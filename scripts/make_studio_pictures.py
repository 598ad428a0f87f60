"""Takes docs/pictures/studio*.png from the running page: python scripts/make_studio_pictures.py [NAME ...]

Needs the studio's packages, playwright, and Chromium (the environment's POSABLE_CHROMIUM may say where it is).
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

PICTURES = Path(__file__).parent.parent / "docs" / "pictures"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
DESK, PHONE = (1440, 860), (360, 740)
PATIENCE_MS = 120_000
GAP = 24


@contextmanager
def running_studio() -> Iterator[str]:
    command = [sys.executable, "-m", "posable", "studio", "--no-open", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().removeprefix("studio: ").strip()
        server.terminate()


def opened(browser: Browser, url: str, size: tuple[int, int], scheme: str = "light") -> Page:
    page = browser.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, device_scale_factor=1)
    page.set_default_timeout(PATIENCE_MS)
    page.goto(url)
    page.locator(".preset").first.wait_for()
    page.wait_for_load_state("networkidle")
    return page


def settled(page: Page) -> None:
    page.wait_for_function(
        "() => document.querySelector('#result:not([hidden])')?.complete"
        " && document.querySelector('#result-canvas').getAttribute('aria-busy') === 'false'"
        " && document.querySelector('#status').textContent.startsWith('Drawn in')"
    )
    page.wait_for_timeout(300)


def begin(page: Page, person: str, preset: str | None = None) -> None:
    page.get_by_role("button", name=person, exact=True).first.click()
    settled(page)
    if preset is not None:
        page.get_by_role("button", name=preset, exact=True).click()
        page.locator(".preset[aria-pressed=true]").wait_for()
        settled(page)


def wear(page: Page, pattern: str, region: str = "upper") -> None:
    page.get_by_role("tab", name="Texture").click()
    page.get_by_role("radio", name=region, exact=True).check()
    page.get_by_role("button", name=pattern, exact=True).click()
    page.locator(".swatches [aria-pressed=true]").wait_for()
    settled(page)


def drag(page: Page, joint: str, right: float, down: float) -> None:
    box = page.locator(f"#result-skeleton [data-joint={joint}] .dot").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + right, y + down, steps=6)
    page.mouse.up()
    settled(page)


def taken(page: Page, *, whole: bool = False) -> Image.Image:
    page.evaluate("scrollTo(0, 0)")
    return Image.open(io.BytesIO(page.screenshot(full_page=whole, animations="disabled"))).convert("RGB")


def start(browser: Browser, url: str) -> Image.Image:
    return taken(opened(browser, url, DESK))


def wide(browser: Browser, url: str) -> Image.Image:
    page = opened(browser, url, DESK)
    begin(page, "Robin", "wave")
    drag(page, "right_wrist", -70, -60)
    return taken(page)


def compare(browser: Browser, url: str) -> Image.Image:
    page = opened(browser, url, DESK, "dark")
    begin(page, "Robin", "hands on hips")
    page.get_by_role("button", name="Compare").click()
    page.wait_for_timeout(300)
    return taken(page)


def strip(browser: Browser, url: str) -> Image.Image:
    page = opened(browser, url, (DESK[0], 760))
    begin(page, "Noa")
    page.get_by_role("button", name="Draw many").click()
    page.get_by_role("button", name="Draw 18 poses").click()
    page.wait_for_function("() => document.querySelector('#strip-facts').textContent.startsWith('18 drawn')")
    return taken(page, whole=True)


def texture(browser: Browser, url: str) -> Image.Image:
    page = opened(browser, url, DESK)
    begin(page, "Kim", "wave")
    wear(page, "zigzag")
    return taken(page)


def garment(browser: Browser, url: str) -> Image.Image:
    page = opened(browser, url, DESK)
    begin(page, "Robin", "hands on hips")
    page.get_by_role("tab", name="Garment").click()
    page.locator(".faces").get_by_role("button", name="Kim").click()
    page.get_by_role("button", name="Own clothes again").and_(page.locator(":enabled")).wait_for()
    settled(page)
    return taken(page)


def parsing(browser: Browser, url: str) -> Image.Image:
    page = opened(browser, url, DESK)
    begin(page, "Robin", "walk left")
    page.get_by_role("tab", name="Parsing").click()
    page.locator(".legend li").first.wait_for()
    page.wait_for_timeout(300)
    return taken(page)


def explain(browser: Browser, url: str) -> Image.Image:
    page = opened(browser, url, DESK, "dark")
    begin(page, "Robin", "wave")
    page.get_by_role("tab", name="Explain").click()
    page.locator(".explained img").first.wait_for()
    page.wait_for_timeout(300)
    return taken(page)


def phone(browser: Browser, url: str) -> Image.Image:
    """Four screens side by side: beginning and posing in the light, texture and compare in the dark."""
    light = opened(browser, url, PHONE)
    screens = [taken(light)]
    begin(light, "Robin", "wave")
    screens.append(taken(light))
    dark = opened(browser, url, PHONE, "dark")
    begin(dark, "Robin", "wave")
    wear(dark, "dots")
    screens.append(taken(dark))
    dark.get_by_role("button", name="Compare").click()
    dark.wait_for_timeout(300)
    screens.append(taken(dark))
    sheet = Image.new("RGB", (len(screens) * (PHONE[0] + GAP) + GAP, PHONE[1] + 2 * GAP), (128, 130, 136))
    for index, screen in enumerate(screens):
        sheet.paste(screen, (GAP + index * (PHONE[0] + GAP), GAP))
    return sheet


SHOTS: dict[str, Callable[[Browser, str], Image.Image]] = {
    "studio": wide,
    "studio-start": start,
    "studio-compare": compare,
    "studio-strip": strip,
    "studio-texture": texture,
    "studio-garment": garment,
    "studio-parsing": parsing,
    "studio-explain": explain,
    "studio-phone": phone,
}


def main(names: list[str]) -> None:
    chromium: Any = os.environ.get("POSABLE_CHROMIUM") or shutil.which("chromium")
    with running_studio() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        for name in names or SHOTS:
            picture = SHOTS[name](browser, url)
            picture.save(PICTURES / f"{name}.png", optimize=True)
            print(f"written: {PICTURES / f'{name}.png'}")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
