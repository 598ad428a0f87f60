"""Draws the picture of people-1's data set card: people as they come, every label of one, the Market-like variant.

    python scripts/make_people_pictures.py            # writes docs/pictures/people-1.png

Nobody is picked: the people are those at the start of each fifth of the test seeds.
"""

import argparse
import colorsys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import map_coordinates

from posable import people
from posable.imaging.image import save_image
from posable.parsing.schemes import LIP_20, PISE_8, palette, translate
from posable.people.benchmark import PEOPLE_1, variant_views
from posable.people.correspondence import HIDDEN, SEEN
from posable.people.io.contact_sheet import contact_sheet
from posable.people.io.dataset_files import garment_palette, mask_bytes

PEOPLE = (0, 200, 400, 600)
LABELLED, TARGET, SOURCE = 800, 0, 1
STREET = tuple(range(0, 1000, 125))
CAPTION_PX, GAP = 22, 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "docs" / "pictures" / "people-1.png")
    options = parser.parse_args()
    parts = [
        *(captioned([f"test person {seed}"], shots(seed, range(6))) for seed in PEOPLE),
        labels(),
        street(),
    ]
    sheet = Image.new("RGB", (max(part.width for part in parts), sum(part.height for part in parts)), "white")
    top = 0
    for part in parts:
        sheet.paste(part, (0, top))
        top += part.height
    save_image(sheet, options.out)
    print(f"written: {options.out}")


def shots(seed: int, views: Sequence[int]) -> list[Image.Image]:
    rendered = variant_views(people.make_person(seed), views, PEOPLE_1.variant("256x176"))
    return [Image.fromarray(view.image) for view in rendered]


def labels() -> Image.Image:
    """Everything that is known about one picture, in two rows."""
    views = variant_views(people.make_person(LABELLED), 2, PEOPLE_1.variant("256x176"))
    target, source = views[TARGET], views[SOURCE]
    flow, state = people.correspondence(target, source, stride=1)
    warped = np.zeros_like(target.image)
    seen = state == SEEN
    at = [flow[seen][:, 1] - 0.5, flow[seen][:, 0] - 0.5]
    for channel in range(3):
        warped[seen, channel] = map_coordinates(source.image[..., channel], at, order=1)
    warped[state == HIDDEN] = 90
    skeleton = contact_sheet([[target]], labels=True).crop(
        (0, 2 * target.size.height, target.size.width, 3 * target.size.height)
    )
    first = captioned(
        ["picture", "parsing, LIP-20", "parsing, 8 classes", "garments", "depth", "mask"],
        [
            Image.fromarray(target.image),
            Image.fromarray(palette(LIP_20)[target.parsing]),
            Image.fromarray(palette(PISE_8)[translate(target.parsing, LIP_20, PISE_8)]),
            Image.fromarray(garment_palette()[target.garments]),
            Image.fromarray(depth_picture(target.depth)),
            Image.fromarray(mask_bytes(target.alpha)).convert("RGB"),
        ],
    )
    second = captioned(
        [
            "keypoints",
            "another view",
            "its pixels, moved",
            "where they are",
            "seen there / hidden",
            "without the person",
        ],
        [
            skeleton,
            Image.fromarray(source.image),
            Image.fromarray(warped),
            Image.fromarray(flow_picture(flow, state, source.size)),
            Image.fromarray(np.array([(0, 0, 0), (190, 60, 50), (70, 170, 90)], np.uint8)[state]),
            Image.fromarray(target.background),
        ],
    )
    sheet = Image.new("RGB", (max(first.width, second.width), first.height + second.height), "white")
    sheet.paste(first, (0, 0))
    sheet.paste(second, (0, first.height))
    return sheet


def depth_picture(depth: np.ndarray) -> np.ndarray:
    """Near is light."""
    on_person = np.isfinite(depth)
    near, far = depth[on_person].min(), depth[on_person].max()
    grey = np.where(on_person, 255 - 200 * (np.where(on_person, depth, far) - near) / (far - near), 0)
    return np.repeat(grey[..., None], 3, -1).astype(np.uint8)


def flow_picture(flow: np.ndarray, state: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """The source position of each pixel: hue by x, brightness by y."""
    ramp = np.array([colorsys.hsv_to_rgb(k / 256 * 0.8, 0.75, 1) for k in range(256)])
    hue = ramp[np.clip(flow[..., 0] / size[1] * 255, 0, 255).astype(int)]
    value = 1 - 0.75 * np.clip(flow[..., 1] / size[0], 0, 1)
    return (hue * value[..., None] * (state[..., None] > 0) * 255).astype(np.uint8)


def street() -> Image.Image:
    variant = PEOPLE_1.variant("market")
    pictures = [
        Image.fromarray(view.image)
        for seed in STREET
        for view in variant_views(people.make_person(seed), (0, 1), variant)
    ]
    return captioned(["Market-like variant, 128x64: two views each of eight test people"], pictures)


def captioned(captions: Sequence[str], pictures: Sequence[Image.Image]) -> Image.Image:
    width, height = pictures[0].size
    sheet = Image.new("RGB", (len(pictures) * (width + GAP) - GAP, height + CAPTION_PX), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=13)
    for column, caption in enumerate(captions):
        pen.text((column * (width + GAP) + 3, CAPTION_PX / 2), caption, fill="black", font=font, anchor="lm")
    for column, picture in enumerate(pictures):
        sheet.paste(picture, (column * (width + GAP), CAPTION_PX))
    return sheet


if __name__ == "__main__":
    main()
