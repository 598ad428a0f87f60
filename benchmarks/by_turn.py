"""A benchmark of people-1, for pairs whose views are turned by little and for the others.

    posable benchmark puppet weave part-warp --pairs 100 -o benchmark.json
    python benchmarks/by_turn.py benchmark.json --turn 60

Prints the mean of each measure for each model, and the first model's gain over the others with its 95 % interval over
people; positive is better. A view's turn is the yaw that the renderer gave it.
"""

import argparse
import json
import math
import statistics
from pathlib import Path
from typing import Any

from posable import Size
from posable.evaluation.intervals import mean_over_people
from posable.people import make_person, render_views
from run_record import progress_bars, step, write_record

MEASURES = {"ssim_in_box": 1, "mask_iou": 1, "keypoints": 1, "pd_in_box": -1, "psnr_in_box": 1}
"""Whether larger is better, by the report's column."""
SMALL = Size(32, 32)


def turns(names: list[list[str]]) -> list[float]:
    """Degrees between the views of each pair, 0 to 180."""
    found: list[float] = []
    with progress_bars() as bars:
        told = step(bars, "turns")
        for done, pair in enumerate(names, start=1):
            (seed, one), (_, other) = (name.removesuffix(".png").split("_") for name in pair)
            views = render_views(make_person(int(seed)), [int(one), int(other)], SMALL)
            found.append(abs((views[0].camera.yaw - views[1].camera.yaw + 180) % 360 - 180))
            told(done, len(names))
    return found


def table(rows: list[dict[str, Any]], chosen: list[int]) -> dict[str, dict[str, Any]]:
    """By model: means over some of the pairs, and gains of the first model over it as (mean, low, high)."""
    first, result = rows[0]["evaluation"]["per_pair"], dict[str, dict[str, Any]]()
    people = [first["people"][index] for index in chosen]
    for row in rows:
        values = row["evaluation"]["per_pair"]["values"]
        means, gains = dict[str, float](), dict[str, list[float]]()
        for measure, sign in MEASURES.items():
            ours, theirs = first["values"].get(measure), values.get(measure)
            if ours is None or theirs is None:
                continue
            known = [theirs[index] for index in chosen if theirs[index] is not None]
            means[measure] = statistics.fmean(known)
            if row is not rows[0]:
                apart = [
                    math.nan if None in (ours[index], theirs[index]) else sign * (ours[index] - theirs[index])
                    for index in chosen
                ]
                gains[measure] = list(mean_over_people(apart, people))
        result[row["evaluation"]["model"]["name"]] = {"means": means, "gains": gains}
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("benchmark", type=Path, help="what posable benchmark --out wrote")
    parser.add_argument("--turn", type=float, default=60.0, help="degrees")
    parser.add_argument("--out", type=Path, help="JSON")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = [
        row for row in json.loads(options.benchmark.read_text())["rows"] if row["evaluation"].get("per_pair")
    ]
    names = rows[0]["evaluation"]["per_pair"]["names"]
    rows = [row for row in rows if row["evaluation"]["per_pair"]["names"] == names]
    turned = turns(names)
    parts = {
        f"below {options.turn:g}": [index for index, turn in enumerate(turned) if turn < options.turn],
        f"{options.turn:g} and more": [index for index, turn in enumerate(turned) if turn >= options.turn],
        "all": list(range(len(turned))),
    }
    found = {name: table(rows, chosen) for name, chosen in parts.items() if chosen}
    for name, models in found.items():
        print(f"\n{name}: {len(parts[name])} pairs")
        for model, values in models.items():
            print(f"  {model:14}" + "".join(f"{measure} {mean:.3f}   " for measure, mean in values["means"].items()))
            for measure, (mean, low, high) in values["gains"].items():
                print(f"{'':16}gain in {measure:14}{mean:+.3f} ({low:+.3f} to {high:+.3f})")
    if options.out:
        drawn = rows[0]["evaluation"]["run"]
        write_record(
            options.out,
            {"benchmark_run": drawn, "turn": options.turn, "pairs": {k: len(v) for k, v in parts.items()}, **found},
        )


if __name__ == "__main__":
    main()
