"""Renders the synthetic person of examples/ and writes the exact pose beside it: python scripts/make_examples.py"""

from pathlib import Path

from PIL import Image

from posable import people
from posable.imaging.image import save_image
from posable.imaging.size import Size
from posable.pose.files import write_pose
from posable.pose.pose import Pose

SEED, VIEW = 54, 0
EXAMPLES = Path(__file__).parent.parent / "examples"


def main() -> None:
    view = people.render_views(people.make_person(SEED), VIEW + 1, Size(512, 352))[VIEW]
    save_image(Image.fromarray(view.image), EXAMPLES / "person.png")
    write_pose(Pose(view.keypoints[:, :2], view.keypoints[:, 2] > 0, view.size), EXAMPLES / "person.json")
    print(f"written: {EXAMPLES / 'person.png'}, {EXAMPLES / 'person.json'}")


if __name__ == "__main__":
    main()
