"""Draws docs/pictures/body.jpg: rendered test people, the body fitted to their keypoints, and the camera turned.

    python scripts/make_body_pictures.py

Nobody is picked: the first view of every eighth test person; the last row shows the same people cut at the hips, of
whom the fit is given nothing below.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from posable.body.drawing import draw_body
from posable.body.fit import fit_body
from posable.imaging.image import save_image
from posable.imaging.size import Size
from posable.people import TEST_SEEDS, make_person, render_views
from posable.pose.drawing import draw_skeleton
from posable.pose.pose import OPENPOSE_18, Pose

SIZE, GAP = Size(320, 220), 3
PEOPLE = list(TEST_SEEDS)[:64:8]
TURNS = (60, 180)
HIPS = [OPENPOSE_18.index("right_hip"), OPENPOSE_18.index("left_hip")]


def column(seed: int) -> Image.Image:
    """Photo with skeleton, body over it, body from elsewhere, and the body of the upper half alone."""
    view = render_views(make_person(seed), 1, SIZE)[0]
    photo = Image.fromarray(view.image)
    pose = Pose(view.keypoints[:, :2], view.keypoints[:, 2] > 0, SIZE)
    body = fit_body(pose)
    shown = [draw_skeleton(pose, photo), draw_body(body, photo, 0.85)]
    shown += [draw_body(body.turned(degrees)) for degrees in TURNS]
    cut = pose.keypoints[HIPS, 1].max() + 12
    half = fit_body(Pose(pose.keypoints, pose.visible & (pose.keypoints[:, 1] < cut), SIZE))
    photo.paste((255, 255, 255), (0, round(float(cut)), SIZE.width, SIZE.height))
    shown.append(draw_body(half, photo, 0.85))
    sheet = Image.new("RGB", (SIZE.width, len(shown) * (SIZE.height + GAP) - GAP), "white")
    for row, picture in enumerate(shown):
        sheet.paste(picture, (0, row * (SIZE.height + GAP)))
    return sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "docs" / "pictures" / "body.jpg")
    options = parser.parse_args()
    columns = [np.asarray(column(seed)) for seed in PEOPLE]
    gap = np.full((columns[0].shape[0], GAP, 3), 255, np.uint8)
    joined = np.concatenate([part for column in columns for part in (column, gap)][:-1], axis=1)
    save_image(Image.fromarray(joined), options.out)
    print(options.out)


if __name__ == "__main__":
    main()
