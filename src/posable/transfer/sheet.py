"""Several pictures with titles on one sheet."""

from __future__ import annotations

from collections.abc import Mapping

from PIL import Image, ImageDraw, ImageFont

_TITLES = {
    "source": "the source",
    "result": "the result",
    "position_key": "places of the source, coloured",
    "source_positions": "the result, by place of origin",
    "copied": "copied: white, painted: black",
    "mask": "where the person is",
    "warped_source": "the source, moved",
    "background": "behind the person",
    "flow": "where pixels come from",
    "target_parsing": "regions it expects",
    "predicted_parsing": "regions it expects",
    "refined_parsing": "regions after refining",
    "source_parsing": "regions of the source",
}
"""Of the pictures that several families draw; others are shown under their own names."""
_ORDER = ("source", "position_key", "result", "source_positions", "copied", "mask")
_GAP, _TITLE_PX, _MARGIN = 12, 30, 16
_LARGEST_CELL = 512
_NO_PERSON = (150, 170, 200)
_SMALLEST_TEXT, _LARGEST_TEXT = 11, 18


def explain_sheet(pictures: Mapping[str, Image.Image], columns: int = 4) -> Image.Image:
    """What `PoseTransfer.explain` gives, as one sheet: the source with the colours of its places, the result with the
    same colours where they went, then the rest."""
    pictures = dict(pictures)
    if "copied" in pictures and "mask" in pictures:
        # Outside of the person nothing is said about the background.
        grey = Image.new("RGB", pictures["copied"].size, _NO_PERSON)
        pictures["copied"] = Image.composite(pictures["copied"], grey, pictures["mask"].convert("L"))
    names = [name for name in _ORDER if name in pictures] + [name for name in pictures if name not in _ORDER]
    return titled_sheet({_TITLES.get(name, name.replace("_", " ")): pictures[name] for name in names}, columns)


def titled_sheet(pictures: Mapping[str, Image.Image], columns: int) -> Image.Image:
    """The pictures side by side, `columns` in a row, each under its title; of the first one's size, at most 512 px."""
    first = next(iter(pictures.values()))
    shrink = min(1.0, _LARGEST_CELL / max(first.size))
    width, height = max(1, round(first.width * shrink)), max(1, round(first.height * shrink))
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    size = (
        2 * _MARGIN + columns * width + (columns - 1) * _GAP,
        2 * _MARGIN + rows * (height + _TITLE_PX) + (rows - 1) * _GAP,
    )
    sheet = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(sheet)
    for number, (title, picture) in enumerate(pictures.items()):
        left = _MARGIN + number % columns * (width + _GAP)
        top = _MARGIN + number // columns * (height + _TITLE_PX + _GAP)
        font = _fitting(title, width, pen)
        pen.text((left + width / 2, top + _TITLE_PX / 2), title, fill="black", font=font, anchor="mm")
        sheet.paste(picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS), (left, top + _TITLE_PX))
    return sheet


def _fitting(title: str, width: int, pen: ImageDraw.ImageDraw) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The largest of our fonts in which the title is no wider than its picture."""
    for size in range(_LARGEST_TEXT, _SMALLEST_TEXT, -1):
        font = ImageFont.load_default(size=size)
        if pen.textlength(title, font=font) <= width:
            return font
    return ImageFont.load_default(size=_SMALLEST_TEXT)
