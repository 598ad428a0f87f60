"""Answers that come late do not overtake newer wishes."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.browser


class Held:
    """Keeps the first request that a pattern fits; `let_go` sends it on."""

    def __init__(self, page: Any, pattern: str) -> None:
        self._routes: list[Any] = []
        self._page = page
        self._pattern = pattern
        page.route(pattern, self._take)

    def _take(self, route: Any) -> None:
        if self._routes:
            route.fallback()
        else:
            self._routes.append(route)

    def let_go(self) -> None:
        """Waits until the answer is there and the page has looked at it."""
        (route,) = self._routes
        with self._page.expect_response(lambda response: response.request == route.request):
            route.continue_()
        self._page.evaluate("() => new Promise((done) => setTimeout(done, 100))")


def test_the_newer_of_two_presets_stays(studio: Any) -> None:
    studio.open_person("Robin")
    held = Held(studio.page, "**/place")
    studio.page.get_by_role("button", name="wave", exact=True).click()
    studio.press_preset("step")
    held.let_go()
    assert studio.page.locator(".preset[aria-pressed=true]").inner_text() == "step"


def test_the_newer_of_two_photos_stays(studio: Any, detector: None) -> None:
    held = Held(studio.page, "**/v1/sources")
    studio.page.get_by_role("button", name="Robin", exact=True).first.click()
    studio.page.wait_for_function("() => document.querySelector('#status').textContent.startsWith('Looking')")
    studio.page.evaluate(OPEN_KIM)
    studio.page.wait_for_function("() => !document.querySelector('#photo').hidden")
    studio.settled()
    held.let_go()
    assert studio.page.locator("#photo").get_attribute("alt") == "The photo kim.jpg"
    assert studio.page.locator("#problem").is_hidden()


def test_a_picture_of_the_old_photo_is_not_shown_for_the_new_one(studio: Any, changed: Any, detector: None) -> None:
    studio.open_person("Robin")
    held = Held(studio.page, "**/transfer")
    studio.joint("left_wrist").focus()
    studio.page.keyboard.press("Shift+ArrowUp")
    studio.page.evaluate(OPEN_KIM)
    studio.page.wait_for_function("() => document.querySelector('#photo').alt === 'The photo kim.jpg'")
    assert studio.page.locator("#result").is_hidden()
    held.let_go()
    studio.settled()
    drawn = studio.result()
    studio.page.get_by_role("button", name="Reset").click()
    assert changed(drawn, studio.result()) == 0


def test_a_download_waits_for_the_picture_that_is_being_drawn(studio: Any) -> None:
    studio.open_person("Robin")
    held = Held(studio.page, "**/transfer")
    studio.page.get_by_role("button", name="wave", exact=True).click()
    studio.page.locator(".preset[aria-pressed=true]").wait_for()
    with studio.page.expect_download() as picture:
        studio.page.get_by_role("button", name="Download", exact=True).click()
        held.let_go()
    assert picture.value.suggested_filename == "robin-wave.png"


OPEN_KIM = """async () => {
  const blob = await (await fetch("people/kim.jpg")).blob();
  const data = new DataTransfer();
  data.items.add(new File([blob], "kim.jpg", { type: "image/jpeg" }));
  document.querySelector("#photo-drop").dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
}"""
