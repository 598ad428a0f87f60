"""Draws what trained models make of people that they learned from, and of test people that they never saw.

    posable train dptn.tiny --out runs/dptn.tiny
    python scripts/make_family_strips.py runs/dptn.tiny               # writes docs/pictures/families/dptn.png

One picture a run: source, target pose, truth, what is drawn, the parsing map where the family predicts one, and what
its network looks at (the family's `explain`). Real output of the run's checkpoint, enlarged, nothing retouched.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from posable import people
from posable.batch import PoseCondition
from posable.data.rendered_pairs import RenderedPeople
from posable.imaging.image import save_image, to_pil, to_tensor
from posable.imaging.size import Size
from posable.models.editing import Explains
from posable.models.generator import Generator
from posable.parsing.schemes import PARSING_LABELS, palette
from posable.pose.drawing import draw_skeleton
from posable.pose.pose import Pose, PoseBatch
from posable.recipes import RECIPES
from posable.train.people_batches import PeoplePairs
from posable.train.textured_pairs import TexturedPairs
from posable.train.weave_objective import WeaveGroups
from posable.zoo.checkpoint import load_checkpoint

FAMILIES = Path(__file__).parent.parent / "docs" / "pictures" / "families"
EXPLAINED = {
    "catn": {
        "attended_source_1": "attended source",
        "source_positions_1": "source positions",
        "position_key": "their key",
    },
    "dptn": {"attended_source": "attended source", "source_positions": "source positions", "position_key": "their key"},
    "gfla": {"warped_source": "source by the flow", "flow_4": "flow at 1/4", "copied_4": "copied at 1/4"},
    "nted": {
        "extraction_2_second": "extracted where",
        "distribution_2_second": "distributed where",
        "painted_2_second": "mean colours there",
    },
    "pise": {"source_positions": "light from where", "position_key": "their key"},
    "rsagan": {"aligned_source": "aligned source", "source_positions": "source positions", "position_key": "their key"},
    "tfjr": {"predicted_parsing": "parsing before", "carried_layout": "mean colours carried"},
    "weave": {"source_positions": "source positions", "position_key": "their key", "copied": "copied"},
}
"""What is shown of a family's `explain`, with its label; docs/models/FAMILY.md says what it means."""
CELL_HEIGHT, GAP, LABEL_PX = 192, 4, 26


@dataclass(frozen=True)
class Pair:
    source: people.View
    target: people.View


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="a folder that posable train wrote")
    parser.add_argument("--learned", type=int, default=4, help="people that the run learned from")
    parser.add_argument("--test", type=int, default=2, help="test people, from seed 0 on")
    parser.add_argument("--out", "-o", type=Path, default=FAMILIES, help="folder of the pictures, named by the family")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for run in options.runs:
        generator = load_checkpoint(run / "checkpoint").eval()
        learned = learned_people(run)
        seeds = range(learned.first_seed, learned.first_seed + min(options.learned, learned.people))
        groups = {
            f"people that {run_name(run)} learned from": pairs_of(seeds, generator.size),
            "test people, never seen in training": pairs_of(range(options.test), generator.size),
        }
        out = options.out / f"{generator.family}.png"
        save_image(strip(generator, groups), out)
        print(f"written: {out}")


def run_name(run: Path) -> str:
    return json.loads((run / "run.json").read_text())["recipe"]["name"]


def learned_people(run: Path) -> RenderedPeople:
    """The people of the run's last stage."""
    data = RECIPES[run_name(run)]().stages[-1].data
    pairs = data.pairs if isinstance(data, TexturedPairs) else data
    assert isinstance(pairs, (PeoplePairs, WeaveGroups)), f"{run} learned from a corpus; name a run on rendered people"
    return pairs.people


def pairs_of(seeds: Sequence[int], size: Size) -> list[Pair]:
    """Each person's first view as a source for the second."""
    return [Pair(*people.render_views(people.make_person(seed), 2, size)) for seed in seeds]


def strip(generator: Generator[Any], groups: dict[str, list[Pair]]) -> Image.Image:
    """A row of labels, then for each group its name and a row for each of its pairs."""
    cells = {name: drawn(generator, pairs) for name, pairs in groups.items() if pairs}
    labels = list(next(iter(cells.values()))[0])
    width = enlarged(generator.size).width
    rows = sum(len(rows) for rows in cells.values())
    height = LABEL_PX * (1 + len(cells)) + rows * (CELL_HEIGHT + GAP)
    sheet = Image.new("RGB", (len(labels) * (width + GAP) - GAP, height), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=14)
    for column, label in enumerate(labels):
        pen.text((column * (width + GAP) + width / 2, LABEL_PX / 2), label, fill="black", font=font, anchor="mm")
    top = LABEL_PX
    for name, group in cells.items():
        pen.text((2, top + LABEL_PX / 2), name, fill=(90, 90, 90), font=font, anchor="lm")
        top += LABEL_PX
        for row in group:
            for column, picture in enumerate(row.values()):
                whole = picture.resize((width, CELL_HEIGHT), Image.Resampling.BICUBIC)
                sheet.paste(whole, (column * (width + GAP), top))
            top += CELL_HEIGHT + GAP
    return sheet


@torch.inference_mode()
def drawn(generator: Generator[Any], pairs: list[Pair]) -> list[dict[str, Image.Image]]:
    """For each pair its pictures by their labels; the first three are what is given and what is wanted."""
    condition = PoseCondition(
        source_image=torch.stack([to_tensor(Image.fromarray(pair.source.image)) for pair in pairs]),
        source_pose=PoseBatch.from_poses([pose_of(pair.source) for pair in pairs]),
        target_pose=PoseBatch.from_poses([pose_of(pair.target) for pair in pairs]),
        source_parsing=torch.from_numpy(np.stack([pair.source.parsing for pair in pairs])),
    )
    encoded = generator.encode(condition.source_image, condition.source_pose, condition.source_parsing)
    rendering = generator.render(encoded, condition.target_pose)
    assert isinstance(generator, Explains)
    explained = generator.explain(encoded, condition.target_pose)
    rows: list[dict[str, Image.Image]] = []
    for k, pair in enumerate(pairs):
        row = {
            "source": Image.fromarray(pair.source.image),
            "target pose": draw_skeleton(pose_of(pair.target).resize(enlarged(generator.size))),
            "truth": Image.fromarray(pair.target.image),
            "drawn": to_pil(rendering.image[k]),
        }
        if rendering.parsing is not None:
            row["predicted parsing"] = colored(rendering.parsing[k].argmax(0), rendering.parsing.shape[1])
        row |= {label: to_pil(explained[name][k]) for name, label in EXPLAINED[generator.family].items()}
        rows.append(row)
    return rows


def enlarged(size: Size) -> Size:
    return Size(CELL_HEIGHT, round(CELL_HEIGHT * size.width / size.height))


def pose_of(view: people.View) -> Pose:
    return Pose(view.keypoints[:, :2], view.keypoints[:, 2] > 0, view.size)


def colored(classes: torch.Tensor, count: int) -> Image.Image:
    labels = next(labels for labels in PARSING_LABELS.values() if len(labels.classes) == count)
    return Image.fromarray(palette(labels)[classes.numpy()])


if __name__ == "__main__":
    main()
