"""The papers' headlines as small controlled experiments: each family whole, and without the part that a claim is about.

    python benchmarks/claims.py                         # all of them; hours
    python benchmarks/claims.py dptn gfla --pairs 2000  # two, with the same budget for each run
    python benchmarks/claims.py --print                 # the tables of what is there already

All runs of a claim see the same pairs in the same order, start from the same seeds (three of them), and are measured
on the same 100 validation people, one pair each, who are never trained on. Numbers are means over seeds with their
standard deviation; beside them stands the difference from the first row, seed by seed: its mean, least and largest.
Three seeds say how far chance moves a number, not more; and what narrow networks learn from so few pairs at 64x48 need
not be what the papers' sizes do.

A run that is finished leaves its numbers in a file of --out, and is not repeated; one that was stopped goes on.
"""

import argparse
import hashlib
import json
import shutil
import statistics
import time
from pathlib import Path
from typing import Any

import torch

from claim_variants import CLAIMS, Claim, Variant, recipe_of
from posable.batch import PersonPair
from posable.data.rendered_pairs import RenderedPeople
from posable.files import cache_folder
from posable.metrics.judged import JudgedPictures
from posable.metrics.mask_metrics import ParsingIou
from posable.metrics.pd_efflite0 import pd_efflite0_metric
from posable.metrics.pixel_metrics import ssim_metric
from posable.models import FAMILIES
from posable.models.catn import CatnConfig
from posable.models.generator import Generator
from posable.parsing import LIP_20, PISE_8, translate
from posable.pose import PoseBatch
from posable.recipes.settings import small_people
from posable.size import Size
from posable.train.loop import train
from posable.train.people_batches import PeoplePairs
from posable.train.recipe import Recipe, described
from run_record import progress_bars, write_record

PEOPLE, BATCH = 100, 20
"""Of the validation people behind those that training's own samples show."""
FIRST_PERSON = 1100
PUBLISHED_PATN_PARAMETERS = 41.36e6
HIGHER_IS_BETTER = {"ssim_in_box": True, "pd_efflite0_in_box": False, "parsing_iou": True}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("claims", nargs="*", metavar="NAME", help=f"of {', '.join(CLAIMS)}; all if left out")
    parser.add_argument("--pairs", type=int, default=2000, help="that each run learns from")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--print", action="store_true", dest="only_print", help="train nothing")
    parser.add_argument("--cache", type=Path, default=cache_folder() / "rendered", help="of rendered people")
    parser.add_argument("--runs", type=Path, default=Path("runs") / "claims", help="folder of the runs")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "claims")
    options = parser.parse_args()
    unknown = set(options.claims) - set(CLAIMS)
    if unknown:
        parser.error(f"there is no claim {', '.join(sorted(unknown))}; choose of {', '.join(CLAIMS)}")
    chosen = options.claims or list(CLAIMS)
    jobs = [(name, v, seed) for name in chosen for seed in range(options.seeds) for v in CLAIMS[name].variants]
    missing = [job for job in jobs if finished(options.out, *job, options.pairs) is None]
    if missing and not options.only_print:
        with progress_bars() as bars:
            runs = bars.add_task("runs", total=len(jobs), completed=len(jobs) - len(missing))
            pairs = bars.add_task("pairs of this run")
            for name, variant, seed in missing:
                bars.update(pairs, description=f"{name}: {variant.name}, seed {seed}", completed=0, total=options.pairs)
                told = lambda now: bars.update(pairs, completed=now.done, total=now.total)  # noqa: E731
                run_one(options, name, variant, seed, told)
                bars.advance(runs)
    for name in chosen:
        print(table(CLAIMS[name], options.out, options.pairs, options.seeds), end="\n\n")
        if name == "catn":
            print(sizes(), end="\n\n")


# ---- one run


def run_one(options: Any, name: str, variant: Variant, seed: int, tell: Any) -> None:
    claim = CLAIMS[name]
    recipe = recipe_of(claim, variant, options.pairs, seed)
    folder = options.runs / file_name(name, variant, seed, options.pairs)
    start = time.monotonic()
    generator = train(recipe, folder, options.cache, workers=1, tell=tell)
    seconds = time.monotonic() - start
    write_record(
        options.out / f"{folder.name}.json",
        {
            "benchmark": "claims",
            "claim": name,
            "variant": variant.name,
            "seed": seed,
            "pairs": sum(stage.pairs for stage in recipe.stages),
            "recipe": fingerprint(recipe),
            "parameters": sum(p.numel() for p in generator.parameters()),
            "seconds": round(seconds, 1),
            "measures": {
                measure: round(value, 5) for measure, value in measured(generator.eval(), options.cache).items()
            },
        },
    )
    shutil.rmtree(folder / "states", ignore_errors=True)


def file_name(name: str, variant: Variant, seed: int, pairs: int) -> str:
    words = "".join(letter if letter.isalnum() else " " for letter in variant.name).split()
    return f"{name}-{'-'.join(words)}-{pairs}-{seed}"


def fingerprint(recipe: Recipe) -> str:
    return hashlib.sha256(json.dumps(described(recipe), sort_keys=True).encode()).hexdigest()[:16]


def finished(out: Path, name: str, variant: Variant, seed: int, pairs: int) -> dict[str, Any] | None:
    """The numbers of a run of this very recipe, if it is there."""
    path = out / f"{file_name(name, variant, seed, pairs)}.json"
    if not path.is_file():
        return None
    found = json.loads(path.read_text())
    return found if found["recipe"] == fingerprint(recipe_of(CLAIMS[name], variant, pairs, seed)) else None


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


# ---- tables


def table(claim: Claim, out: Path, pairs: int, seeds: int) -> str:
    rows = {
        variant.name: [finished(out, claim.family, variant, seed, pairs) for seed in range(seeds)]
        for variant in claim.variants
    }
    arrows = [f"{name} {'higher' if HIGHER_IS_BETTER[name.partition(',')[0]] else 'lower'}" for name in claim.measures]
    lines = [f"**{claim.family}.** {claim.says} {pairs:,} pairs a run, {seeds} seeds.", ""]
    lines += [f"| | {' | '.join(f'{name} is better' for name in arrows)} | parameters |"]
    lines += ["|---" * (len(claim.measures) + 2) + "|"]
    base = rows[claim.variants[0].name]
    for name, runs in rows.items():
        done = [run for run in runs if run is not None]
        if not done:
            lines.append(f"| {name} |" + " not run |" * (len(claim.measures) + 1))
            continue
        cells = [cell(measure, runs, base) for measure in claim.measures]
        lines.append(f"| {name} | {' | '.join(cells)} | {done[0]['parameters'] / 1e6:.2f} M |")
    return "\n".join(lines)


def cell(measure: str, runs: list[dict[str, Any] | None], base: list[dict[str, Any] | None]) -> str:
    values = [run["measures"][measure] for run in runs if run is not None]
    spread = f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else ""
    text = f"{statistics.fmean(values):.4f}{spread}"
    paired = [
        run["measures"][measure] - other["measures"][measure]
        for run, other in zip(runs, base, strict=True)
        if run is not None and other is not None
    ]
    if runs is base or not paired:
        return text
    return f"{text} ({statistics.fmean(paired):+.4f}: {min(paired):+.4f} to {max(paired):+.4f})"


def sizes() -> str:
    """CATN's parameters and speed at its full size, with and without context, beside PATN's published size."""
    picture = torch.zeros(1, 3, 256, 176)
    lines = ["| 256x176, one picture | parameters | pictures/s here |", "|---|---|---|"]
    for name, config in (("with multi-scale context", CatnConfig()), ("without", CatnConfig(dilations=()))):
        generator = FAMILIES["catn"].generator(config).eval()
        pose = PoseBatch(torch.rand(1, 18, 2) * 176, torch.ones(1, 18, dtype=torch.bool), Size(256, 176))
        times: list[float] = []
        with torch.no_grad():
            for _ in range(6):
                start = time.perf_counter()
                generator.render(generator.encode(picture, pose), pose)
                times.append(time.perf_counter() - start)
        parameters = sum(p.numel() for p in generator.parameters())
        lines.append(f"| {name} | {parameters / 1e6:.2f} M | {1 / statistics.median(times[1:]):.2f} |")
    lines.append(f"| PATN, as published | {PUBLISHED_PATN_PARAMETERS / 1e6:.2f} M | not measured |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
