"""How good the model is on the fixed pairs of test people, beside three naive answers: a table, and a JSON file.

    python benchmarks/quality.py                       # 500 pairs, the shipped model
    python benchmarks/quality.py --model runs/weave    # a folder with model.safetensors and model.json
    python benchmarks/quality.py --pairs 50 --no-keypoints

The pairs are rendered the first time and kept in the user's cache folder.
"""

import argparse
from pathlib import Path

import torch

from posable.baselines import copy_source, mean_picture, warp_source
from posable.checkpoint import load_checkpoint
from posable.data.fixed_pairs import fixed_test_pairs
from posable.evaluate import COLUMNS, LOWER_IS_BETTER, Draw, Report, evaluate, markdown_table
from posable.keypoint_judge import KeypointJudge
from posable.metrics.perceptual import StageFeatures
from posable.size import Size
from run_record import progress_bars, step, write_record

NOTES = """\
Means over {pairs} fixed pairs of test people at {size}, ± half of the bootstrap 95 % interval. SSIM: Gaussian window
11, sigma 1.5, data range fixed; the box is the tightest one around the true person. Perceptual distance:
EfficientNet-Lite0 features of unit length, five stages. Mask IoU: the mask that the answer gives itself, cut at 0.5,
against the true person's coverage; copying has none. Keypoints: within 0.1 of the person's height of the target, of
those that the label says can be seen and that the detector finds, as near, in the true picture ({detected})."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="weave", help="name of a shipped model, or a folder")
    parser.add_argument("--pairs", type=int, default=500)
    parser.add_argument("--size", type=Size.parse, default=Size(256, 176))
    parser.add_argument("--mean-people", type=int, default=200, help="people in the mean training picture")
    parser.add_argument("--workers", type=int, default=2, help="processes that render the pairs the first time")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--no-keypoints", action="store_true", help="do without the detector")
    parser.add_argument("--no-model", action="store_true", help="measure the naive answers alone")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "quality.json")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    with progress_bars() as bars:
        pairs = fixed_test_pairs(options.size, options.pairs, options.workers, step(bars, "render test people"))
        tell_mean = step(bars, "render the mean picture")
        mean = mean_picture(options.size, options.mean_people, options.workers, tell_mean)
        answers: dict[str, Draw] = {
            "copy the source": copy_source,
            "mean training picture": mean,
            "warp part by part": warp_source,
        }
        if not options.no_model:
            answers[options.model] = load_model(options.model)
        features = StageFeatures()
        judge = None if options.no_keypoints else KeypointJudge(pairs)
        detected = judge.look_at_true_pictures(step(bars, "detect in true pictures")) if judge else None
        reports = [
            evaluate(draw, pairs, name, features=features, judge=judge, progress=step(bars, name))
            for name, draw in answers.items()
        ]
    share = "not measured" if detected is None else f"{detected:.1%} of the visible ones"
    print(markdown_table(reports))
    print()
    print(NOTES.format(pairs=options.pairs, size=options.size, detected=share))
    gains = {} if options.no_model else gains_of_last(reports)
    for line in gain_lines(gains):
        print(line)
    write_record(
        options.out,
        {
            "benchmark": "quality",
            "model": None if options.no_model else options.model,
            "size": str(options.size),
            "seeds": list(pairs.seeds),
            "keypoints_detected_in_true_pictures": detected,
            "gains_of_the_model": gains,
            "reports": [report.to_json() for report in reports],
        },
    )
    print(f"\nwritten: {options.out}")


def load_model(name_or_folder: str) -> Draw:
    """The generator of a shipped model or of a folder, ready to draw."""
    return load_checkpoint(name_or_folder).eval()


def gains_of_last(reports: list[Report]) -> dict[str, dict[str, list[float]]]:
    """By how much the last report is better than each other one: mean, low, high of the paired difference."""
    *others, model = reports
    columns = [column for column in COLUMNS if column in ("ssim_in_box", "ssim", "perceptual")]
    return {
        other.name: {column: [round(v, 6) for v in model.gain_over(other, column)] for column in columns}
        for other in others
    }


def gain_lines(gains: dict[str, dict[str, list[float]]]) -> list[str]:
    lines: list[str] = []
    for name, columns in gains.items():
        for column, (mean, low, high) in columns.items():
            verdict = "better" if low > 0 else "worse" if high < 0 else "no clear difference"
            direction = "lower" if column in LOWER_IS_BETTER else "higher"
            lines.append(f"model vs {name}, {column}: {mean:+.4f} {direction} [{low:+.4f}, {high:+.4f}] {verdict}")
    return lines


if __name__ == "__main__":
    main()
