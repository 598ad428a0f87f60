"""The controls around the pictures: compare, models, the key of the service."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from posable.defaults import DEFAULT_MODEL
from posable.transfer.background import PLAIN_COLOR

pytestmark = pytest.mark.browser


def test_photo_and_result_are_compared_with_a_slider_by_keyboard(studio: Any) -> None:
    from playwright.sync_api import expect

    studio.open_person("Robin")
    page = studio.page
    assert re.fullmatch(r"\d+ ms", page.locator("#timing").inner_text())
    page.keyboard.press("c")
    assert page.locator("#before").is_visible()
    assert page.evaluate("document.activeElement.id") == "compare"
    cut = "inset(0px 50% 0px 0px)"
    expect(page.locator("#before")).to_have_css("clip-path", cut)
    page.keyboard.press("Home")
    expect(page.locator("#before")).not_to_have_css("clip-path", cut)
    page.keyboard.press("c")
    assert page.locator("#before").is_hidden()


def test_another_model_draws_another_picture(studio: Any, changed: Any, tiny_model: Path) -> None:
    studio.open_person("Robin")
    studio.press_preset("wave")
    studio.settled()
    shipped = studio.result()
    chooser = studio.page.locator("#model")
    assert chooser.input_value() == DEFAULT_MODEL
    chooser.select_option(tiny_model.name)
    studio.page.wait_for_function("() => document.querySelector('#result-canvas').getAttribute('aria-busy') === 'true'")
    studio.settled()
    assert changed(shipped, studio.result()) > 5


def test_the_slider_walks_the_camera_around_the_person(studio: Any, changed: Any) -> None:
    studio.open_person("Robin")
    before = studio.result()
    slider = studio.page.get_by_label("Turn the camera around the person, degrees")
    slider.fill("40")
    studio.page.wait_for_timeout(200)
    studio.settled()
    assert changed(before, studio.result()) > 1


def test_the_background_can_be_plain(studio: Any, changed: Any) -> None:
    studio.open_person("Robin")
    studio.press_preset("wave")
    studio.settled()
    kept = studio.result()
    studio.page.get_by_label("Background").select_option("plain")
    studio.page.wait_for_timeout(200)
    studio.settled()
    plain = studio.result()
    assert changed(kept, plain) > 1
    assert plain.convert("RGB").getpixel((5, 5)) == PLAIN_COLOR


def test_the_page_asks_for_the_key_of_a_service_that_has_one(studio: Any) -> None:
    page = studio.page

    def locked(route: Any) -> None:
        if route.request.headers.get("authorization") == "Bearer hush":
            route.continue_()
        else:
            error = {"code": "api_key", "message": "the API key is missing or wrong."}
            route.fulfill(status=401, json={"error": error})

    page.route("**/v1/*", locked)
    page.reload()
    page.get_by_label("API key").fill("hush")
    page.keyboard.press("Enter")
    page.locator(".preset").first.wait_for()
    assert page.locator("#problem").is_hidden()


def test_pictures_that_neither_undo_nor_redo_can_bring_back_are_let_go(studio: Any) -> None:
    kept = studio.page.evaluate(
        """async () => {
          const { Store } = await import("./js/state.js");
          const store = new Store();
          const wear = (name, how) => {
            const pattern = store.addMaterial("texture", { blob: null, url: URL.createObjectURL(new Blob()), name });
            store[how]({ look: { kind: "texture", pattern } });
          };
          wear("worn before", "commit");
          for (const name of ["dragged past", "dragged past, too"]) wear(name, "preview");
          wear("worn", "commit");
          wear("chosen last", "preview");
          return Object.values(store.session.materials).map(({ name }) => name);
        }"""
    )
    assert kept == ["worn before", "worn", "chosen last"]
