"""Renders the example people of the studio page and writes their exact poses: python scripts/make_studio_people.py

They are test people of people-1, which no shipped model has seen; chosen because their whole body shows.
"""

import json
from pathlib import Path

from PIL import Image

from posable import people
from posable.imaging.size import Size
from posable.pose.files import write_pose
from posable.pose.pose import Pose

PICKED = {"Robin": (54, 0), "Kim": (44, 0), "Noa": (60, 0), "Sam": (50, 0), "Ida": (51, 0), "Lou": (62, 0)}
"""Name on the page -> seed and view."""
PAGE = Path(__file__).parent.parent / "src" / "posable" / "studio" / "page" / "people"


def main() -> None:
    PAGE.mkdir(parents=True, exist_ok=True)
    listed = []
    for name, (seed, number) in PICKED.items():
        view = people.render_views(people.make_person(seed), number + 1, Size(512, 352))[number]
        file = f"{name.lower()}.jpg"
        Image.fromarray(view.image).save(PAGE / file, quality=92)
        write_pose(Pose(view.keypoints[:, :2], view.keypoints[:, 2] > 0, view.size), PAGE / f"{name.lower()}.json")
        listed.append({"name": name, "picture": f"people/{file}", "pose": f"people/{name.lower()}.json"})
    (PAGE / "people.json").write_text(json.dumps(listed, indent=2) + "\n", encoding="utf-8")
    print(f"written: {len(listed)} people in {PAGE}")


if __name__ == "__main__":
    main()
