"""Does the print on a shirt survive a moderate pose change? A picture for the documentation, and a number.

    python benchmarks/print_keeps.py                     # the shipped model
    python benchmarks/print_keeps.py --model runs/weave

The pairs are chosen by rule, not by hand: of each test person whose shirt has a print, the first ordered pair of views
in which the print covers at least 0.5 % of both pictures, at least 80 % of it is seen in the source, and the pose
change is moderate: the keypoints, moved and scaled so that the trunks coincide, differ by 0.03 to 0.15 of the person's
height on average. The picture shows the first of them by seed.

The number is the correlation of generated and true colours over the print and the cloth around it, 4 px wide: 1 for
the same picture, 0 for one that has nothing to do with it; a uniform tint does not count.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from posable import people
from posable.baselines.simple import copy_source, warp_source
from posable.batch import PoseCondition
from posable.evaluation.network_size import Draw
from posable.imaging.image import save_image, to_pil, to_tensor
from posable.imaging.size import Size
from posable.metrics.bootstrap import mean_interval
from posable.people.correspondence import SEEN
from posable.people.render import View
from posable.people.wardrobe.materials import Cloth, Print
from posable.pose.pose import OPENPOSE_18, Pose, PoseBatch
from posable.zoo.checkpoint import load_checkpoint
from run_record import progress_bars, step, write_record

SIZE = Size(256, 176)
VIEWS = 6
MIN_SHARE_OF_PICTURE = 0.005
MIN_SEEN = 0.8
POSE_CHANGE = (0.03, 0.15)
PICTURED = 8
AROUND_PX = 4
GAP_PX = 6


@dataclass(frozen=True, eq=False)
class PrintPair:
    """One person in two views, and where the print is in the target."""

    seed: int
    source: View
    target: View
    region: NDArray[np.bool_]
    """(h, w) of the target: the print and what is around it, where the source shows it too."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="weave", help="name of a shipped model, or a folder")
    parser.add_argument("--people", type=int, default=300, help="test people to look through")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--picture", type=Path, default=Path("docs/pictures/print-keeps.png"))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "print_keeps.json")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = load_checkpoint(options.model)
    answers: dict[str, Draw] = {"copy the source": copy_source, "warp part by part": warp_source, "model": model}

    correlations: dict[str, list[float]] = {name: [] for name in answers}
    strips: list[Image.Image] = []
    seeds: list[int] = []
    with progress_bars() as bars:
        tell = step(bars, "look through test people")
        for done in range(options.people):
            tell(done, options.people)
            pair = chosen_pair(people.TEST_SEEDS[done])
            if pair is None:
                continue
            seeds.append(pair.seed)
            drawn = {name: generated(draw, pair) for name, draw in answers.items()}
            for name, picture in drawn.items():
                correlations[name].append(correlation(np.asarray(picture), pair.target.image, pair.region))
            if len(strips) < PICTURED:
                source, truth = Image.fromarray(pair.source.image), Image.fromarray(pair.target.image)
                strips.append(strip([source, drawn["model"], truth]))
        tell(options.people, options.people)

    intervals = {name: mean_interval(np.array(values)) for name, values in correlations.items()}
    print(f"| {len(seeds)} people with a print | correlation over the print |\n|---|---|")
    for name, interval in intervals.items():
        print(f"| {name} | {interval.mean:.3f} [{interval.low:.3f}, {interval.high:.3f}] |")
    options.picture.parent.mkdir(parents=True, exist_ok=True)
    save_image(sheet(strips), options.picture)
    record = {"benchmark": "print_keeps", "model": options.model, "seeds": seeds, "correlations": correlations}
    write_record(options.out, record | {"mean_low_high": intervals})
    print(f"\npictures: {options.picture} (source, generated, truth; the first {len(strips)})\nwritten: {options.out}")


def chosen_pair(seed: int) -> PrintPair | None:
    """The person's first pair of views that fits the rule, if any."""
    person = people.make_person(seed)
    if not any(isinstance(material, Cloth) and material.print is not None for material in person.mesh.materials):
        return None
    views = people.render_views(person, VIEWS, SIZE)
    regions = [print_region(view, person) for view in views]
    shown = [index for index, region in enumerate(regions) if region.mean() >= MIN_SHARE_OF_PICTURE]
    for i in shown:
        for j in shown:
            if i == j or not POSE_CHANGE[0] <= pose_change(views[i], views[j]) <= POSE_CHANGE[1]:
                continue
            _, state = people.correspondence(views[j], views[i], stride=1)
            seen = state == SEEN
            if (regions[j] & seen).sum() >= MIN_SEEN * regions[j].sum():
                surroundings = ndimage.binary_dilation(regions[j], iterations=AROUND_PX)
                return PrintPair(seed, views[i], views[j], surroundings & seen)
    return None


def print_region(view: View, person: people.Person) -> NDArray[np.bool_]:
    """(h, w): the pixels in which the opaque part of a print is seen."""
    mesh = person.mesh
    seen = view.face_ids >= 0
    region = np.zeros(seen.shape, np.bool_)
    faces = view.face_ids[seen]
    template = np.einsum("nk,nkc->nc", view.barycentrics[seen], mesh.template[mesh.faces[faces]])
    covered = np.zeros(len(faces), np.bool_)
    for index, material in enumerate(mesh.materials):
        if isinstance(material, Cloth) and material.print is not None:
            covered |= (mesh.face_material[faces] == index) & in_print(template, material.print)
    region[seen] = covered
    return region


def in_print(template: NDArray[np.float32], picture: Print) -> NDArray[np.bool_]:
    """Which template points (n, 3) lie under the opaque part of the print."""
    facing = -1.0 if picture.on_back else 1.0
    column = facing * template[:, 0] / picture.side + 0.5
    row = (picture.center_height - template[:, 2]) / picture.side + 0.5
    inside = (column > 0) & (column < 1) & (row > 0) & (row < 1) & (facing * (template[:, 1] + 0.02) < 0)
    cells = len(picture.rgba)
    alpha = picture.rgba[
        np.clip((row * cells).astype(int), 0, cells - 1), np.clip((column * cells).astype(int), 0, cells - 1), 3
    ]
    return inside & (alpha > 0.5)


def pose_change(a: View, b: View) -> float:
    """Mean distance of the keypoints in frame in both views, in heights, once neck and hips coincide."""
    body = [OPENPOSE_18.index(name) for name in ("neck", "right_hip", "left_hip")]
    both = (a.keypoints[:, 2] > 0) & (b.keypoints[:, 2] > 0)
    if not both[body].all():
        return float("inf")
    torso_to_height = 0.29
    aligned: list[NDArray[np.float32]] = []
    for view in (a, b):
        points = view.keypoints[:, :2]
        torso = float(np.linalg.norm(points[body[0]] - points[body[1:]].mean(axis=0)))
        aligned.append((points - points[body[0]]) / torso * torso_to_height)
    return float(np.linalg.norm(aligned[0] - aligned[1], axis=1)[both].mean())


def generated(draw: Draw, pair: PrintPair) -> Image.Image:
    source, target = (
        PoseBatch.from_poses([Pose(view.keypoints[:, :2], view.keypoints[:, 2] > 0, SIZE)])
        for view in (pair.source, pair.target)
    )
    condition = PoseCondition(source_image=to_tensor(pair.source.image)[None], source_pose=source, target_pose=target)
    with torch.inference_mode():
        return to_pil(draw(condition).image[0])


def correlation(picture: NDArray[np.uint8], truth: NDArray[np.uint8], region: NDArray[np.bool_]) -> float:
    """Pearson's correlation over the region's pixels, each colour channel freed of its mean there."""
    a, b = (image[region].astype(np.float64) for image in (picture, truth))
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()).clip(1e-9))


def strip(pictures: list[Image.Image]) -> Image.Image:
    whole = Image.new("RGB", (sum(picture.width for picture in pictures), pictures[0].height))
    for index, picture in enumerate(pictures):
        whole.paste(picture, (index * picture.width, 0))
    return whole


def sheet(strips: list[Image.Image]) -> Image.Image:
    """The strips in two columns on white."""
    width, height = strips[0].size
    rows = -(-len(strips) // 2)
    whole = Image.new("RGB", (2 * width + GAP_PX, rows * height + (rows - 1) * GAP_PX), "white")
    for index, picture in enumerate(strips):
        whole.paste(picture, (index % 2 * (width + GAP_PX), index // 2 * (height + GAP_PX)))
    return whole


if __name__ == "__main__":
    main()
