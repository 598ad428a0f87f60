"""For everybody: by keyboard alone, on a narrow screen, by touch, in the dark, for listeners."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.browser


def focused(studio: Any) -> str:
    return studio.page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText")


def tab_to(studio: Any, text: str, most: int = 60) -> None:
    for _ in range(most):
        studio.page.keyboard.press("Tab")
        if text in focused(studio):
            return
    raise AssertionError(f"'{text}' was not reached in {most} presses of Tab")


def test_a_person_is_posed_by_keyboard_alone(studio: Any, changed: Any) -> None:
    from playwright.sync_api import expect

    studio.page.get_by_role("button", name="Choose a photo").focus()
    studio.page.keyboard.press("Tab")
    studio.page.keyboard.press("Enter")
    studio.settled()
    before = studio.result()
    tab_to(studio, "left wrist")
    expect(studio.joint("left_wrist").locator(".ring")).to_have_css("stroke", "rgb(255, 255, 255)")
    for _ in range(6):
        studio.page.keyboard.press("Shift+ArrowUp")
    studio.settled()
    assert changed(before, studio.result()) > 0.5
    assert "left wrist" in studio.page.locator("#said").inner_text()
    studio.page.keyboard.press("Delete")
    assert "hidden" in studio.joint("left_wrist").get_attribute("aria-label")
    # The six presses were one step of the history, hiding the joint another.
    studio.page.keyboard.press("Control+z")
    studio.page.keyboard.press("Control+z")
    assert studio.page.locator("#undo").is_disabled()
    studio.page.keyboard.press("Escape")
    assert focused(studio) == "Pose"
    studio.page.keyboard.press("ArrowRight")
    assert focused(studio) == "Garment"
    assert studio.page.locator("#pane-garment").is_visible()


def test_a_narrow_screen_shows_everything_without_scrolling_sideways(open_studio: Any, changed: Any) -> None:
    studio = open_studio(360, 740, has_touch=True, is_mobile=True, color_scheme="dark")
    studio.open_person("Noa")
    before = studio.result()
    for tab in ("Garment", "Texture", "Parsing", "Explain", "Pose"):
        studio.page.get_by_role("tab", name=tab).tap()
        assert studio.page.evaluate("document.documentElement.scrollWidth") <= 360
    touches = studio.page.context.new_cdp_session(studio.page)
    x, y = studio.centre("right_wrist")
    for kind, goal in (
        ("touchStart", (x, y)),
        ("touchMove", (x, y + 20)),
        ("touchMove", (x, y + 60)),
        ("touchEnd", None),
    ):
        points = [] if goal is None else [{"x": goal[0], "y": goal[1]}]
        touches.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    studio.page.wait_for_function("() => !document.querySelector('#undo').disabled")
    studio.settled()
    assert changed(before, studio.result()) > 0.3
    studio.page.get_by_role("button", name="Photo", exact=True).tap()
    assert studio.page.locator("#photo").is_visible()
    assert studio.page.locator("#result").is_hidden()


def test_every_text_has_enough_contrast_in_both_schemes(open_studio: Any) -> None:
    """Against the nearest opaque ground, by the formula of WCAG 2.2."""
    studio = open_studio()
    for scheme in ("light", "dark"):
        studio.page.emulate_media(color_scheme=scheme)
        studio.page.wait_for_function("scheme => document.documentElement.dataset.theme === scheme", arg=scheme)
        poor = studio.page.evaluate(CONTRAST)
        assert poor == []


CONTRAST = """() => {
  const channels = (color) => (color.match(/[\\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
  const opaque = (color) => (channels(color)[3] ?? 1) === 1;
  const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = (color) => {
    const [r, g, b] = channels(color).map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (opaque(color) && color.startsWith("rgb")) return color;
    }
    return "rgb(255, 255, 255)";
  };
  for (const pane of document.querySelectorAll("[hidden]")) pane.hidden = false;
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility() || element.closest(".sr, :disabled, svg, dialog")) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(ground(element))].sort((p, q) => q - p);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.push(`${element.textContent.trim().slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return poor;
}"""
