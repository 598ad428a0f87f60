"""The other tabs: garment, texture, parsing, explain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

pytestmark = pytest.mark.browser

TRUNK = (0.4, 0.3, 0.6, 0.45)
FEET = (0.2, 0.88, 0.8, 1)


def mask_file(folder: Path, rows: tuple[int, int]) -> Path:
    mask = Image.new("L", (352, 512))
    mask.paste(255, (0, rows[0], 352, rows[1]))
    mask.save(folder / "mask.png")
    return folder / "mask.png"


def test_a_texture_changes_the_shirt_follows_the_pose_and_comes_off_again(studio: Any, changed: Any) -> None:
    studio.open_person("Robin")
    plain, photo = studio.result(), studio.photo()
    studio.page.get_by_role("tab", name="Texture").click()
    studio.page.get_by_role("button", name="zigzag", exact=True).click()
    studio.page.locator(".swatches [aria-pressed=true]").wait_for()
    studio.settled()
    zigzag = studio.result()
    assert changed(photo, zigzag, TRUNK) > 20
    assert changed(photo, zigzag, FEET) == 0, "in the photo's own pose it is the photo itself that is changed"
    studio.page.get_by_role("tab", name="Pose").click()
    studio.press_preset("wave")
    assert changed(plain, studio.result(), TRUNK) > 20
    studio.page.keyboard.press("Control+z")
    studio.page.keyboard.press("Control+z")
    studio.settled()
    assert changed(plain, studio.result()) == 0


def test_a_pattern_by_name_goes_where_a_mask_says(studio: Any, changed: Any, tmp_path: Path) -> None:
    studio.open_person("Robin")
    page, photo = studio.page, studio.photo()
    page.get_by_role("tab", name="Texture").click()
    assert "--dtd" in page.locator("#pane-texture .hint").inner_text()
    page.get_by_label("By name").select_option("plaid")
    page.get_by_role("button", name="Own fabric again").and_(page.locator(":enabled")).wait_for()
    studio.settled()
    plaid = studio.result()
    assert changed(photo, plaid, TRUNK) > 10
    page.locator("#pane-texture").get_by_role("button", name="Another").click()
    studio.settled()
    assert changed(plaid, studio.result(), TRUNK) > 3
    studio.choose(page.locator("#pane-texture .mask"), mask_file(tmp_path, (440, 512)))
    page.get_by_role("button", name="Mask: mask.png").wait_for()
    studio.settled()
    assert changed(photo, studio.result(), TRUNK) == 0
    assert changed(photo, studio.result(), FEET) > 3
    page.locator("#pane-texture").get_by_role("radio", name="lower").check()
    page.get_by_role("button", name="A mask instead").and_(page.locator("#pane-texture .mask")).wait_for()
    studio.settled()
    assert changed(photo, studio.result(), FEET) < 3


def test_a_garment_of_somebody_else_is_worn(studio: Any, changed: Any, tmp_path: Path) -> None:
    studio.open_person("Robin")
    page, photo = studio.page, studio.photo()
    page.get_by_role("tab", name="Garment").click()
    page.locator(".faces").get_by_role("button", name="Kim").click()
    page.get_by_role("button", name="Own clothes again").and_(page.locator(":enabled")).wait_for()
    studio.settled()
    assert changed(photo, studio.result(), TRUNK) > 10
    assert changed(photo, studio.result(), FEET) == 0
    wrong = tmp_path / "small.png"
    Image.new("L", (20, 20), 255).save(wrong)
    studio.choose(page.locator("#pane-garment .mask"), wrong)
    assert studio.problem().startswith("The mask is 20x20 and 'kim.jpg' is 512x352; ")
    page.keyboard.press("Control+z")
    studio.settled()
    assert page.locator("#problem").is_hidden()


def test_the_parts_of_the_person_are_laid_over_photo_and_result_and_named(studio: Any) -> None:
    studio.open_person("Robin")
    page = studio.page
    page.get_by_role("tab", name="Parsing").click()
    page.locator(".legend li").first.wait_for()
    assert page.locator("#photo-parts").is_visible()
    named = page.locator(".legend").inner_text()
    assert "hair" in named
    assert "pants" in named
    page.locator("#pane-parsing").get_by_role("radio", name="Result").check()
    page.locator("#result-parts").wait_for()
    assert page.locator("#photo-parts").is_hidden()
    page.get_by_role("tab", name="Pose").click()
    assert page.locator("#result-parts").is_hidden()


def test_the_model_explains_its_picture(studio: Any) -> None:
    studio.open_person("Robin")
    studio.page.get_by_role("tab", name="Explain").click()
    studio.page.locator(".explained img").first.wait_for()
    assert studio.page.locator(".explained img").count() >= 2
    assert all(text.strip() for text in studio.page.locator(".explained figcaption").all_inner_texts())
