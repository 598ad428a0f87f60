"""Draws the pictures of docs/editing.md with the shipped model and parser: real output, nothing retouched.

    python scripts/make_editing_pictures.py                     # writes into docs/pictures/editing/
    python scripts/make_editing_pictures.py --only texture.png  # one of them

parsing.png  what the parser finds in the pictures of examples/, and in a pose
garment.png  garments from one person on another, as photographed and in a new pose
texture.png  patterns on clothes, as photographed and in a new pose
explain.png  where a drawing's pixels come from
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from posable import people
from posable.defaults import DEFAULT_MODEL
from posable.imaging.image import read_image, save_image
from posable.imaging.size import Size
from posable.parsing.schemes import LIP_20, palette
from posable.pose.pose import Pose
from posable.transfer.encoded_source import EncodedSource
from posable.transfer.pipeline import PoseTransfer
from posable.transfer.sheet import explain_sheet

EXAMPLES = Path(__file__).parent.parent / "examples"
PICTURES = Path(__file__).parent.parent / "docs" / "pictures" / "editing"
PHOTOGRAPHS = ("astronaut.png", "grace_hopper.jpg")
OTHER_PEOPLE = ("104/0", "7/1")
"""Seeds and views of test people, which the parser and the model never saw."""
CELL_HEIGHT, GAP, LABEL_PX = 384, 6, 26


class People:
    """The pictures of examples/ and two more synthetic people, each encoded when it is first asked for."""

    def __init__(self, pipe: PoseTransfer) -> None:
        self.pipe = pipe
        self._encoded: dict[str, EncodedSource] = {}

    def __getitem__(self, name: str) -> EncodedSource:
        if name not in self._encoded:
            self._encoded[name] = self._encode(name)
        return self._encoded[name]

    def _encode(self, name: str) -> EncodedSource:
        if "/" in name:
            seed, index = (int(part) for part in name.split("/"))
            view = people.render_views(people.make_person(seed), [index], Size(512, 352))[0]
            pose = Pose(view.keypoints[:, :2], view.keypoints[:, 2] > 0, view.size)
            return self.pipe.encode(view.image, source_pose=pose)
        path = EXAMPLES / name
        given = path.with_suffix(".json")
        return self.pipe.encode(read_image(path), source_pose=given if given.exists() else None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=DEFAULT_MODEL, help="name of a shipped model, or a folder")
    parser.add_argument("--out", type=Path, default=PICTURES)
    parser.add_argument("--only", choices=list(SHEETS), help="draw one of them")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    shown = People(PoseTransfer.from_pretrained(options.model, device="cpu"))
    for name in [options.only] if options.only else SHEETS:
        save_image(SHEETS[name](shown), options.out / name)
        print(f"written: {options.out / name}")


def parsing(shown: People) -> Image.Image:
    cells: list[tuple[str, Image.Image]] = []
    seen: set[str] = set()
    for name in (*PHOTOGRAPHS, "person.png"):
        source = shown[name]
        cells += [("picture", source.picture), ("parsing", source.parsing.over(source.picture, 0.75))]
        seen |= set(source.parsing.shown())
    source = shown["person.png"]
    posed = shown.pipe.parse(source, "walk-left")
    cells.append(("parsing in a pose", posed.over(shown.pipe.render(source, "walk-left"), 0.75)))
    sheet = rows([cells])
    return above(sheet, key([name for name in LIP_20.classes if name in seen | set(posed.shown())], sheet.width))


def garment(shown: People) -> Image.Image:
    first, second, third = (shown[name] for name in ("person.png", *OTHER_PEOPLE))
    swaps = [(first, second, "upper"), (second, first, "upper"), (second, third, "upper"), (first, second, "lower")]
    posed = rows(
        [
            [
                ("person", person.picture),
                (f"{region} of", wearer.picture),
                ("swapped", shown.pipe.garment(person, wearer, region)),
                ("in a pose", shown.pipe.garment(person, wearer, region, "hands-on-hips")),
            ]
            for person, wearer, region in swaps
        ],
        columns=2,
    )
    astronaut, hopper = (shown[name] for name in PHOTOGRAPHS)
    photographs = rows(
        [
            [
                ("photograph", astronaut.picture),
                ("with the first one's top", shown.pipe.garment(astronaut, first, "upper")),
                ("with the uniform", shown.pipe.garment(astronaut, hopper, "upper")),
                ("photograph", hopper.picture),
                ("with the space suit", shown.pipe.garment(hopper, astronaut, "upper")),
                ("the suit's top", shown.pipe.garment(first, astronaut, "upper")),
            ]
        ]
    )
    return above(posed, photographs)


def texture(shown: People) -> Image.Image:
    draw = shown.pipe.texture
    first, second, third = (shown[name] for name in ("person.png", *OTHER_PEOPLE))
    astronaut, hopper = (shown[name] for name in PHOTOGRAPHS)
    return rows(
        [
            [
                ("photograph", astronaut.picture),
                ("plaid", draw(astronaut, "plaid", seed=5)),
                ("dots", draw(astronaut, "dots", seed=9)),
                ("photograph", hopper.picture),
                ("floral", draw(hopper, "floral", seed=4)),
                ("houndstooth", draw(hopper, "houndstooth", seed=2, scale=0.6)),
            ],
            [
                ("picture", first.picture),
                ("floral", draw(first, "floral", seed=4)),
                ("denim, lower", draw(first, "denim", "lower", seed=1)),
                ("tie-dye, posed", draw(first, "tie_dye", pose="arms-up", seed=6)),
                ("picture", second.picture),
                ("argyle", draw(second, "argyle", seed=3)),
                ("plaid, lower, posed", draw(second, "plaid", "lower", "walk-left", seed=5)),
                ("picture", third.picture),
                ("zigzag, half strength", draw(third, "zigzag", seed=8, strength=0.5)),
            ],
        ]
    )


def explain(shown: People) -> Image.Image:
    pictures = shown.pipe.explain(shown["person.png"], "three-quarter-right")
    names = ("source", "layers", "result", "drawn_layers", "copied", "mask")
    return explain_sheet({name: pictures[name] for name in names if name in pictures}, columns=6)


SHEETS: dict[str, Callable[[People], Image.Image]] = {
    "parsing.png": parsing,
    "garment.png": garment,
    "texture.png": texture,
    "explain.png": explain,
}


def rows(lines: list[list[tuple[str, Image.Image]]], columns: int = 1) -> Image.Image:
    """Lines of labelled cells of one height, `columns` lines beside each other."""
    drawn = [line_of(line) for line in lines]
    blocks = [drawn[i : i + columns] for i in range(0, len(drawn), columns)]
    width = max(sum(cell.width + 3 * GAP for cell in block) - 3 * GAP for block in blocks)
    sheet = Image.new("RGB", (width, sum(block[0].height + GAP for block in blocks) - GAP), "white")
    top = 0
    for block in blocks:
        left = 0
        for cell in block:
            sheet.paste(cell, (left, top))
            left += cell.width + 3 * GAP
        top += block[0].height + GAP
    return sheet


def line_of(cells: list[tuple[str, Image.Image]]) -> Image.Image:
    fitted = [
        (text, picture.resize((round(picture.width * CELL_HEIGHT / picture.height), CELL_HEIGHT)))
        for text, picture in cells
    ]
    line = Image.new("RGB", (sum(cell.width + GAP for _, cell in fitted) - GAP, CELL_HEIGHT + LABEL_PX), "white")
    pen, font, left = ImageDraw.Draw(line), ImageFont.load_default(size=16), 0
    for text, cell in fitted:
        pen.text((left + cell.width / 2, LABEL_PX / 2), text, fill="black", font=font, anchor="mm")
        line.paste(cell, (left, LABEL_PX))
        left += cell.width + GAP
    return line


def key(names: list[str], width: int) -> Image.Image:
    """The colours of these classes with their names."""
    colors, font = palette(LIP_20), ImageFont.load_default(size=16)
    strip = Image.new("RGB", (width, 2 * LABEL_PX), "white")
    pen, left, top = ImageDraw.Draw(strip), 0.0, 0
    for name in names:
        needed = 24 + pen.textlength(name, font=font) + 18
        if left + needed > width:
            left, top = 0.0, top + LABEL_PX
        red, green, blue = (int(level) for level in colors[LIP_20.index(name)])
        pen.rectangle((left, top + 5, left + 16, top + 21), fill=(red, green, blue))
        pen.text((left + 24, top + LABEL_PX / 2), name, fill="black", font=font, anchor="lm")
        left += needed
    return strip


def above(sheet: Image.Image, strip: Image.Image) -> Image.Image:
    joined = Image.new("RGB", (max(sheet.width, strip.width), sheet.height + GAP + strip.height), "white")
    joined.paste(sheet, (0, 0))
    joined.paste(strip, (0, sheet.height + GAP))
    return joined


if __name__ == "__main__":
    main()
