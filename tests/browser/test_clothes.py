"""The other tabs: garment, texture, parsing, explain."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.browser

TRUNK = (0.4, 0.3, 0.6, 0.45)
FEET = (0.2, 0.88, 0.8, 1)


def test_a_texture_changes_the_shirt_follows_the_pose_and_comes_off_again(studio: Any, changed: Any) -> None:
    studio.open_person("Robin")
    plain = studio.result()
    studio.page.get_by_role("tab", name="Texture").click()
    studio.page.get_by_role("button", name="zigzag", exact=True).click()
    studio.page.locator(".swatches [aria-pressed=true]").wait_for()
    studio.settled()
    zigzag = studio.result()
    assert changed(plain, zigzag, TRUNK) > 20
    assert changed(plain, zigzag, FEET) < 2
    studio.page.get_by_role("tab", name="Pose").click()
    studio.page.get_by_role("button", name="wave", exact=True).click()
    studio.page.locator(".preset[aria-pressed=true]").wait_for()
    studio.settled()
    assert changed(plain, studio.result(), TRUNK) > 20
    studio.page.keyboard.press("Control+z")
    studio.page.keyboard.press("Control+z")
    studio.settled()
    assert changed(plain, studio.result()) == 0


def test_a_garment_of_somebody_else_is_worn(studio: Any, changed: Any) -> None:
    studio.open_person("Robin")
    plain = studio.result()
    studio.page.get_by_role("tab", name="Garment").click()
    studio.page.locator(".faces").get_by_role("button", name="Kim").click()
    studio.page.get_by_role("button", name="Own clothes again").and_(studio.page.locator(":enabled")).wait_for()
    studio.settled()
    assert changed(plain, studio.result(), TRUNK) > 10
    assert changed(plain, studio.result(), FEET) < 3


def test_the_parts_of_the_person_are_laid_over_the_photo_and_named(studio: Any) -> None:
    studio.open_person("Robin")
    studio.page.get_by_role("tab", name="Parsing").click()
    studio.page.locator(".legend li").first.wait_for()
    assert studio.page.locator("#photo-parts").is_visible()
    named = studio.page.locator(".legend").inner_text()
    assert "hair" in named
    assert "pants" in named
    studio.page.get_by_role("tab", name="Pose").click()
    assert studio.page.locator("#photo-parts").is_hidden()


def test_the_model_explains_its_picture(studio: Any) -> None:
    studio.open_person("Robin")
    studio.page.get_by_role("tab", name="Explain").click()
    studio.page.locator(".explained img").first.wait_for()
    assert studio.page.locator(".explained img").count() >= 2
    assert all(text.strip() for text in studio.page.locator(".explained figcaption").all_inner_texts())
