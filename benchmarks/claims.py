"""The papers' headlines as small controlled experiments: each family whole, and without the part that a claim is about.

    python benchmarks/claims.py                         # all of them; an hour and more of two cores
    python benchmarks/claims.py dptn gfla --pairs 2000  # two, with another budget for each run
    python benchmarks/claims.py --print                 # the tables of what is there already, and docs/claims.md

All runs of a claim see the same pairs in the same order, start from the same seeds (three of them), and are measured
on the same 100 validation people, one pair each, who are never trained on. What networks this narrow learn from so few
pairs at 64x48 need not be what the papers' sizes do.

A run that is finished leaves its numbers in a file of --out, and is not repeated; one that was stopped goes on. Several
processes may share the work, each with claims of its own. --print writes tables and picture into docs/claims.md.
"""

import argparse
import hashlib
import json
import shutil
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from claim_variants import CLAIMS, Variant, recipe_of
from claims_report import Found, table, write_document
from posable.batch import PersonPair
from posable.data.rendered_pairs import RenderedPeople
from posable.files import cache_folder
from posable.metrics.judged import JudgedPictures
from posable.metrics.mask_metrics import ParsingIou
from posable.metrics.pd_efflite0 import pd_efflite0_metric
from posable.metrics.pixel_metrics import ssim_metric
from posable.models.generator import Generator
from posable.parsing.schemes import LIP_20, PISE_8, translate
from posable.pose.pose import PoseBatch
from posable.recipes.settings import small_people
from posable.train.loop import train
from posable.train.people_batches import PeoplePairs
from posable.train.recipe import Recipe, described
from run_record import progress_bars, write_record

PEOPLE, BATCH = 100, 20
"""Of the validation people behind those that training's own samples show."""
FIRST_PERSON = 1100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("claims", nargs="*", metavar="NAME", help=f"of {', '.join(CLAIMS)}; all if left out")
    parser.add_argument("--pairs", type=int, help="that each run learns from; else the claim's own number")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--print", action="store_true", dest="only_print", help="train nothing, write the document")
    parser.add_argument("--cache", type=Path, default=cache_folder() / "rendered", help="of rendered people")
    parser.add_argument("--runs", type=Path, default=Path("runs") / "claims", help="folder of the runs")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "claims")
    options = parser.parse_args()
    unknown = set(options.claims) - set(CLAIMS)
    if unknown:
        parser.error(f"there is no claim {', '.join(sorted(unknown))}; choose of {', '.join(CLAIMS)}")
    chosen = options.claims or list(CLAIMS)
    jobs = [
        Job(name, variant, seed, options.pairs or CLAIMS[name].pairs)
        for seed in range(options.seeds)
        for name in chosen
        for variant in CLAIMS[name].variants
    ]
    missing = [job for job in jobs if finished(options.out, job) is None]
    if missing and not options.only_print:
        with progress_bars() as bars:
            runs = bars.add_task("runs", total=len(jobs), completed=len(jobs) - len(missing))
            pairs = bars.add_task("pairs of this run")
            for job in missing:
                words = f"{job.claim}: {job.variant.name}, seed {job.seed}"
                bars.update(pairs, description=words, completed=0, total=job.pairs)
                told = lambda now: bars.update(pairs, completed=now.done, total=now.total)  # noqa: E731
                run_one(options, job, told)
                bars.advance(runs)
    found = {
        name: Found(CLAIMS[name], {job.variant.name: [] for job in jobs if job.claim == name}, options.seeds)
        for name in chosen
    }
    for job in jobs:
        run = finished(options.out, job)
        if run is not None:
            found[job.claim].runs[job.variant.name].append(run)
    for one in found.values():
        print(table(one), end="\n\n")
    if options.only_print:
        for path in write_document(list(found.values())):
            print(f"written: {path}")


# ---- one run


@dataclass(frozen=True)
class Job:
    claim: str
    variant: Variant
    seed: int
    pairs: int

    @property
    def name(self) -> str:
        words = "".join(letter if letter.isalnum() else " " for letter in self.variant.name).split()
        return f"{self.claim}-{'-'.join(words)}-{self.pairs}-{self.seed}"

    def recipe(self) -> Recipe:
        return recipe_of(CLAIMS[self.claim], self.variant, self.pairs, self.seed)


def run_one(options: Any, job: Job, tell: Any) -> None:
    recipe, folder = job.recipe(), options.runs / job.name
    start = time.monotonic()
    generator = train(recipe, folder, options.cache, workers=1, tell=tell)
    seconds = time.monotonic() - start
    measures = measured(generator.eval(), options.cache)
    write_record(
        options.out / f"{job.name}.json",
        {
            "benchmark": "claims",
            "claim": job.claim,
            "variant": job.variant.name,
            "seed": job.seed,
            "pairs": sum(stage.pairs for stage in recipe.stages),
            "recipe": fingerprint(recipe),
            "parameters": sum(p.numel() for p in generator.parameters()),
            "seconds": round(seconds, 1),
            "measures": {name: round(value, 5) for name, value in measures.items()},
        },
    )
    shutil.rmtree(folder, ignore_errors=True)


def fingerprint(recipe: Recipe) -> str:
    return hashlib.sha256(json.dumps(described(recipe), sort_keys=True).encode()).hexdigest()[:16]


def finished(out: Path, job: Job) -> dict[str, Any] | None:
    """The numbers of a run of this very recipe, if it is there."""
    path = out / f"{job.name}.json"
    if not path.is_file():
        return None
    found = json.loads(path.read_text())
    return found if found["recipe"] == fingerprint(job.recipe()) else None


def measured(generator: Generator[Any], cache: Path) -> dict[str, float]:
    people = RenderedPeople(first_seed=FIRST_PERSON, people=PEOPLE, views=2, size=small_people().size)
    data = PeoplePairs(people=people, pairs_per_batch=BATCH)
    data.prepare(cache, 1, lambda _done, _total: None)
    opened = data.open(cache, 0)
    metrics = [pd_efflite0_metric("box"), ssim_metric(region="box")]
    parsing = ParsingIou(PISE_8)
    changes: list[float] = []
    for index in range(PEOPLE // BATCH):
        pair = opened.batch(index)
        with torch.no_grad():
            drawn = generator(pair.condition)
        judged = JudgedPictures(
            generated=levels(drawn.image),
            truth=levels(pair.target_image),
            target_pose=pair.condition.target_pose,
            mask=pair.target_alpha,
            parsing=torch.from_numpy(translate(pair.target_parsing.numpy(), LIP_20, PISE_8)),
            predicted_parsing=None if drawn.parsing is None else drawn.parsing.argmax(1).to(torch.uint8),
        )
        for metric in metrics:
            metric.update(judged)
        if drawn.parsing is not None:
            parsing.update(judged)
        changes += pose_changes(pair).tolist()
    large = sorted(range(PEOPLE), key=lambda i: -changes[i])[: PEOPLE // 3]
    result: dict[str, float] = {}
    for metric in metrics:
        values = metric.result().per_pair
        result[metric.name] = statistics.fmean(values)
        result[f"{metric.name}, large changes"] = statistics.fmean(values[i] for i in large)
    if drawn.parsing is not None:
        result["parsing_iou"] = parsing.result().value
    return result


def levels(image: torch.Tensor) -> torch.Tensor:
    """As a file of 8 bits holds it."""
    return ((image.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def pose_changes(pair: PersonPair) -> torch.Tensor:
    """How far the keypoints move about their own middle, as a share of the person's height, (n,)."""
    source, target = pair.condition.source_pose, pair.condition.target_pose
    both = (source.visible & target.visible)[..., None].float()
    centred = [centred_on_common(pose, both) for pose in (source, target)]
    height = torch.maximum(*(points[..., 1].amax(1) - points[..., 1].amin(1) for points in centred))
    moved = ((centred[0] - centred[1]).norm(dim=2) * both[..., 0]).sum(1) / both[..., 0].sum(1).clamp_min(1)
    return moved / height.clamp_min(1)


def centred_on_common(pose: PoseBatch, both: torch.Tensor) -> torch.Tensor:
    points = torch.where(both > 0, pose.keypoints, 0.0)
    return (points - points.sum(1, keepdim=True) / both.sum(1, keepdim=True).clamp_min(1)) * both


if __name__ == "__main__":
    main()
