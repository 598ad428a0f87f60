"""The page of an inspection stands alone, shows what was found, and runs nothing; the text and JSON say the same."""

import base64
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from miniatures import drawn_people, people, write_patn
from PIL import Image
from rich.console import Console

from posable.data.doctor.html import page, write_page
from posable.data.doctor.inspect import inspect_corpus
from posable.data.doctor.report import Report
from posable.data.doctor.text import print_report

CHROMIUM = Path("/usr/bin/chromium")
_VOID = {"meta", "img", "br", "input", "path", "circle"}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With three things wrong, one of them in a name that would be markup if it were not escaped."""
    root = write_patn(tmp_path_factory.mktemp("page") / "fashion_data", people(), parsing=True)
    first, second, third, *_ = sorted((root / "train").glob("*.jpg"))
    first.write_text("<html>Quota exceeded</html>")
    with (root / "fasion-resize-pairs-train.csv").open("a") as table:
        table.write(f"{second.name},<script>alert(1)</script>.jpg\n")
        table.write(f"{third.name},{third.name}\n")
    return root


@pytest.fixture(scope="module")
def report(corpus: Path) -> Report:
    # The maps of the miniature are LIP-20, and are read as such.
    from posable.parsing.schemes import LIP_20

    return inspect_corpus(corpus, scheme=LIP_20)


class _Tags(HTMLParser):
    """Counts elements, collects attributes, and checks that what is opened is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            assert self.open.pop() == tag


def parsed(text: str) -> _Tags:
    tags = _Tags()
    tags.feed(text)
    assert tags.open == []
    return tags


def test_the_page_needs_no_network_and_runs_no_script(report: Report) -> None:
    text = page(report, 5)
    tags = parsed(text)
    assert not {"script", "link", "iframe", "object", "embed"} & {tag for tag, _ in tags.found}
    for tag, attributes in tags.found:
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            if name in ("src", "href"):
                assert value is not None
                assert value.startswith("data:image/")
    assert not re.search(r"url\(|@import|https?://", text)
    assert "default-src 'none'" in text


def test_names_are_text_and_not_markup(report: Report) -> None:
    assert "&lt;script&gt;alert(1)&lt;/script&gt;.jpg" in page(report, 5)


def test_the_page_shows_every_kind_that_was_found_with_its_count(report: Report) -> None:
    text = page(report, 5)
    assert [finding.kind for finding in report.findings if not finding.is_note] == [
        "failed-download",
        "unknown-file-in-pairs",
        "self-pair",
    ]
    for finding in report.findings:
        assert f"<strong>{finding.title}</strong>" in text
    assert "3 kinds of problems, 3 cases" in text


def test_samples_are_pictures_with_skeletons_and_parsing_maps(report: Report) -> None:
    tags = parsed(page(report, 5)).found
    pictures = [attributes["src"] or "" for tag, attributes in tags if attributes.get("class") == "picture"]
    for source in pictures:
        with Image.open(io.BytesIO(base64.b64decode(source.split(",", 1)[1]))) as picture:
            assert picture.size == (176, 256)
    # One sample of each of the four people, and two pictures for each of 2 x 3 pairs.
    assert len(pictures) == 4 + 12
    assert sum(attributes.get("class") == "over skeleton" for _, attributes in tags) == 4
    maps = [attributes["src"] or "" for tag, attributes in tags if attributes.get("class") == "over parsing"]
    assert len(maps) == 4
    with Image.open(io.BytesIO(base64.b64decode(maps[0].split(",", 1)[1]))) as overlay:
        colors = {color for _, color in overlay.convert("RGBA").getcolors() or []}
    # LIP's hair and face, and a clear background.
    assert {(255, 0, 0, 255), (0, 0, 255, 255)} <= colors
    assert 0 in {color[3] for color in colors}


def test_keypoints_outside_are_drawn_around_the_picture(tmp_path: Path) -> None:
    root = write_patn(tmp_path / "corpus", drawn_people())
    table = root / "fasion-resize-annotation-train.csv"
    name, ys, xs = table.read_text().splitlines()[1].split(":")
    moved = f"{name}:{ys}: {[x + 100 if x >= 0 else x for x in json.loads(xs)]}"
    table.write_text("\n".join(["name:keypoints_y:keypoints_x", moved, *table.read_text().splitlines()[2:]]))
    tags = parsed(page(inspect_corpus(root), 5)).found
    (drawn,) = (
        attributes for tag, attributes in tags if attributes.get("aria-label") == "Keypoints outside the picture"
    )
    left, _, width, _ = map(float, (drawn["viewbox"] or "").split())
    assert left + width > max(json.loads(xs)) + 100 > 176
    (picture,) = (attributes for tag, attributes in tags if tag == "image")
    assert (picture["width"], picture["height"]) == ("176", "256")


def test_a_page_is_written_whole_and_small(report: Report, tmp_path: Path) -> None:
    path = write_page(report, tmp_path / "report.html")
    text = path.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert text.endswith("</html>\n")
    assert len(text) < 1_000_000
    assert list(tmp_path.iterdir()) == [path]


def test_text_names_the_first_few_and_counts_the_rest(report: Report) -> None:
    stream = io.StringIO()
    print_report(report, Console(file=stream, width=100), examples=1)
    text = stream.getvalue()
    assert re.search(r"train +6 +2 +14 +6 +6", text)
    assert "(failed-download)" in text
    assert "is a web page (HTML)" in text
    assert "3 problems of 3 kinds." in text
    classes = next(finding for finding in report.findings if finding.kind == "empty-class")
    assert f"... and {len(classes.problems) - 1} more" in text


@pytest.mark.browser
def test_nothing_is_wider_than_a_small_telephone(report: Report, tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.exists():
        pytest.skip("Chromium is not installed")
    path = write_page(report, tmp_path / "report.html")
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        for scheme in ("light", "dark"):
            context = browser.new_context(viewport={"width": 360, "height": 800}, color_scheme=scheme)
            tab = context.new_page()
            told: list[str] = []
            tab.on("console", lambda message, told=told: told.append(message.text))
            tab.goto(path.as_uri())
            assert tab.evaluate("document.documentElement.scrollWidth") == 360
            tab.get_by_label("Skeleton").uncheck()
            assert not tab.locator(".gallery .skeleton").first.is_visible()
            assert told == []
        browser.close()
