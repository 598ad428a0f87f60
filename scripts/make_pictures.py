"""Draws the pictures of the documents with the shipped model: real output, nothing retouched.

    python scripts/make_pictures.py                     # writes into docs/pictures/
    python scripts/make_pictures.py --model runs/weave/checkpoint --out out/pictures

hero.png        sources and what becomes of them, with the target poses above
photographs.png the two photographs of examples/, their detected poses, and what becomes of them
poses.png       the shipped poses
"""

import argparse
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from posable import people
from posable.defaults import DEFAULT_MODEL
from posable.imaging.image import read_image, save_image
from posable.imaging.size import Size
from posable.pose.drawing import draw_sheet, draw_skeleton
from posable.pose.library import shipped_poses
from posable.pose.pose import Pose
from posable.transfer.encoded_source import EncodedSource
from posable.transfer.pipeline import PoseTransfer

EXAMPLES = Path(__file__).parent.parent / "examples"
PICTURES = Path(__file__).parent.parent / "docs" / "pictures"
HERO_POSES = ("hands-on-hips", "wave", "three-quarter-right", "three-quarter-left", "arms-up")
PHOTO_POSES = ("wave", "three-quarter-left", "arms-out")
SECOND_PERSON = 104
"""Seed of the second test person in the first picture; the first is that of examples/."""
CELL = Size(384, 264)
GAP = 6
LABEL_PX = 26


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=DEFAULT_MODEL, help="name of a shipped model, or a folder")
    parser.add_argument("--out", type=Path, default=PICTURES)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)

    pipe = PoseTransfer.from_pretrained(options.model, device="cpu")
    sheets = {"hero.png": hero(pipe), "photographs.png": photographs(pipe), "poses.png": draw_sheet(shipped_poses(), 6)}
    for name, sheet in sheets.items():
        save_image(sheet, options.out / name)
        print(f"written: {options.out / name}")


def hero(pipe: PoseTransfer) -> Image.Image:
    """Synthetic test people in shipped poses; the small skeleton in the corner is the target pose as placed."""
    rows = [row(pipe, encoded, HERO_POSES) for encoded in example_people(pipe)]
    return grid(rows, ["source", *HERO_POSES])


def example_people(pipe: PoseTransfer) -> list[EncodedSource]:
    person = EXAMPLES / "person.png"
    view = people.render_views(people.make_person(SECOND_PERSON), 1, Size(512, 352))[0]
    pose = Pose(view.keypoints[:, :2], view.keypoints[:, 2] > 0, view.size)
    return [pipe.encode(person, source_pose=person.with_suffix(".json")), pipe.encode(view.image, source_pose=pose)]


def row(pipe: PoseTransfer, source: EncodedSource, names: tuple[str, ...]) -> list[Image.Image]:
    cells = [in_cell(source.picture)]
    for name in names:
        drawn = in_cell(source.render(name))
        cells.append(with_pose(drawn, source.place(name)))
    return cells


def photographs(pipe: PoseTransfer) -> Image.Image:
    rows: list[list[Image.Image]] = []
    for name in ("astronaut.png", "grace_hopper.jpg"):
        source = pipe.encode(read_image(EXAMPLES / name))
        found = in_cell(draw_skeleton(source.pose, source.picture))
        cells = row(pipe, source, PHOTO_POSES)
        rows.append([cells[0], found, *cells[1:]])
    return grid(rows, ["photograph", "detected pose", *PHOTO_POSES])


def in_cell(picture: Image.Image) -> Image.Image:
    """The picture as wide as a cell, or less where it would be higher than one."""
    factor = min(CELL.width / picture.width, CELL.height / picture.height)
    return picture.resize((round(picture.width * factor), round(picture.height * factor)), Image.Resampling.LANCZOS)


def with_pose(cell: Image.Image, pose: Pose) -> Image.Image:
    """The cell with the target pose small in its corner."""
    height = cell.height // 5
    size = Size(height, max(1, round(pose.size.width * height / pose.size.height)))
    cell.paste(draw_skeleton(pose.resize(size)), (0, 0))
    return cell


def grid(rows: list[list[Image.Image]], labels: list[str]) -> Image.Image:
    heights = [max(cell.height for cell in cells) for cells in rows]
    width = len(labels) * (CELL.width + GAP) - GAP
    sheet = Image.new("RGB", (width, LABEL_PX + sum(heights) + GAP * (len(rows) - 1)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=16)
    for column, label in enumerate(labels):
        left, top = column * (CELL.width + GAP), LABEL_PX
        pen.text((left + CELL.width / 2, LABEL_PX / 2), label, fill="black", font=font, anchor="mm")
        for cells, height in zip(rows, heights, strict=True):
            cell = cells[column]
            sheet.paste(cell, (left + (CELL.width - cell.width) // 2, top))
            top += height + GAP
    return sheet


if __name__ == "__main__":
    main()
