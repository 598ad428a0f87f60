"""Draws docs/pictures/data-report.png: two parts of the page that `posable data inspect --html` writes.

    python scripts/make_report_picture.py           # needs Chromium, and pip install playwright

The corpus is a little of people-1, with a picture missing, one that is a web page, one that is in two splits, and
keypoints for another crop.
"""

import argparse
import io
import json
import os
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from posable.data.doctor.html import write_page
from posable.data.doctor.inspect import inspect_corpus
from posable.people import make_benchmark

OUT = Path(__file__).parent.parent / "docs" / "pictures" / "data-report.png"
PEOPLE, WIDTH, HEIGHT, GAP = 4, 860, 1060, 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--corpus", type=Path, help="keep the rendered people here")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    options = parser.parse_args()
    out = options.out.resolve()
    with tempfile.TemporaryDirectory() as folder:
        sound = make_benchmark("people-1", options.corpus or Path(folder) / "people-1", workers=2, people=PEOPLE)
        spoiled = Path(folder) / "fashion_data"
        shutil.copytree(sound, spoiled)
        spoil(spoiled)
        # The page names the folder as it was given; a path of this machine does not belong into a document.
        os.chdir(folder)
        page = write_page(inspect_corpus(spoiled.name), Path(folder) / "report.html", examples=2)
        parts = [
            photograph(page, options.chromium, *what) for what in (("light", "main"), ("dark", "section:has(.gallery)"))
        ]
    sheet = Image.new("RGB", (2 * WIDTH + GAP, HEIGHT), "white")
    for place, part in enumerate(parts):
        sheet.paste(part, (place * (WIDTH + GAP), 0))
    sheet.save(out, optimize=True)


def spoil(root: Path) -> None:
    pictures = sorted((root / "train").glob("*.png"))
    pictures[3].unlink()
    pictures[7].write_text("<!doctype html><html><title>Quota exceeded</title></html>")
    shutil.copy(min((root / "test").glob("*.png")), pictures[10])
    views = root / "views.jsonl"
    lines = [json.loads(line) for line in views.read_text().splitlines()]
    for line in lines:
        if line["name"] == pictures[14].name:
            line["keypoints"] = [[x + 70, y, seen] for x, y, seen in line["keypoints"]]
    views.write_text("".join(json.dumps(line) + "\n" for line in lines))


def photograph(page: Path, chromium: str, scheme: str, element: str) -> Image.Image:
    """The page from the top of an element on, (HEIGHT, WIDTH)."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme)
        tab = context.new_page()
        tab.goto(page.as_uri())
        top = tab.locator(element).first.bounding_box()["y"]
        tab.evaluate(f"window.scrollTo(0, {top})")
        data = tab.screenshot()
        browser.close()
    return Image.open(io.BytesIO(data)).convert("RGB")


if __name__ == "__main__":
    main()
