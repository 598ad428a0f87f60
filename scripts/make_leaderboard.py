"""Evaluates trained runs and the baselines under people-1, all on the same pairs, and writes the leaderboard.

    python scripts/make_leaderboard.py runs/*.small                # tables, JSON and pictures, at the runs' own size
    python scripts/make_leaderboard.py runs/*.small --pairs 100    # sooner, with wider intervals

Writes the tables between two marks of docs/leaderboard.md, benchmarks/results/leaderboard.json and
docs/pictures/leaderboard.png (rows: pairs; columns: source, target pose, truth, and what each model drew).
"""

import argparse
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont

from posable.cli.terminal import ProgressBars
from posable.evaluation.benchmark import BenchmarkReport, Row, SharedCase, gains, run_benchmark
from posable.evaluation.benchmark_page import best_of, disturbance, strongest_of, write_benchmark_page
from posable.evaluation.evaluate import Settings
from posable.evaluation.evaluated_model import checkpoint_folder
from posable.evaluation.formatting import absences, arrow, name_of, number
from posable.evaluation.judging import Measured
from posable.evaluation.protocol import EvaluationProtocol, protocol_named
from posable.evaluation.report import write_json, write_text
from posable.imaging.image import save_image
from posable.imaging.size import Size
from posable.pose.drawing import draw_skeleton
from posable.zoo.checkpoint import load_checkpoint

REPOSITORY = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- written by scripts/make_leaderboard.py -->", "<!-- end -->"
COLUMNS = (
    "pd_in_mask",
    "ssim_in_mask",
    "ssim_in_box",
    "pd",
    "ssim",
    "lpips",
    "keypoints",
    "mask_iou",
    "parsing_iou",
    "fd",
)
"""Of the main table, in order; a column without any value is left out, and named below with the reason."""
CELL_HEIGHT, GAP, LABEL = 192, 6, 26
PAPER, INK = "white", "#1d1f23"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", help="run folders, or folders of models, all of one size")
    parser.add_argument("--pairs", type=int, default=500, help="pairs of people-1's test list")
    parser.add_argument("--workers", type=int, default=1, help="processes that draw people the first time")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--document", type=Path, default=REPOSITORY / "docs" / "leaderboard.md")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "benchmarks" / "results" / "leaderboard.json")
    parser.add_argument("--picture", type=Path, default=REPOSITORY / "docs" / "pictures" / "leaderboard.png")
    parser.add_argument("--html", type=Path, help="also write the benchmark's page")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    protocol = protocol_named("people-1").at_size(size_of_all(options.runs)).with_pairs(options.pairs)
    with ProgressBars() as progress:
        settings = Settings(torch.device("cpu"), workers=options.workers, progress=progress.show)
        report = sorted_by_quality(run_benchmark(options.runs, protocol, settings=settings))
    tables = document_part(report, protocol, options)
    print(tables)
    for path in (options.out, options.picture, options.document):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_json(report.to_json(), options.out)
    save_image(strip(report), options.picture)
    write_text(with_part(options.document, tables), options.document)
    written = [options.out, options.picture, options.document]
    if options.html is not None:
        written.append(write_benchmark_page(report, options.html))
    for path in written:
        print(f"written: {path}", file=sys.stderr)


def size_of_all(runs: Sequence[str]) -> Size:
    """The frame that all models were trained in; ends the script when they differ."""
    sizes = {run: load_checkpoint(checkpoint_folder(run)).size for run in runs}
    if len(set(sizes.values())) != 1:
        told = ", ".join(f"{run}: {size}" for run, size in sizes.items())
        raise SystemExit(f"the runs draw pictures of different sizes ({told}); give runs of one size.")
    return next(iter(sizes.values()))


def sorted_by_quality(report: BenchmarkReport) -> BenchmarkReport:
    """The same with the models in order of the measure that pairs are ranked by, best first; baselines last."""
    by = report.ranked_by
    assert by is not None, "people-1 has measures of pairs"

    def place(row: int) -> tuple[bool, float]:
        measured = report.rows[row].report.measured_of(by.measure.column)
        value = math.inf if measured is None or measured.value is None else measured.value
        return report.rows[row].is_baseline, -value if by.higher_is_better else value

    order = sorted(range(len(report.rows)), key=place)
    shared = tuple(
        SharedCase(
            case.place,
            case.name,
            case.source,
            case.target_pose,
            case.truth,
            tuple(case.generated[row] for row in order),
            tuple(case.values[row] for row in order),
        )
        for case in report.shared
    )
    return BenchmarkReport(report.protocol, tuple(report.rows[row] for row in order), shared)


def document_part(report: BenchmarkReport, protocol: EvaluationProtocol, options: argparse.Namespace) -> str:
    """What stands between the marks: what was measured, the tables, and what is absent."""
    first = report.rows[0].report
    run = first.run

    def link(path: Path) -> str:
        return Path(os.path.relpath(path.resolve(), options.document.resolve().parent)).as_posix()

    lines = [
        f"![Test pairs: source, target pose, truth, and what each family drew]({link(options.picture)})",
        "",
        "Rows: pairs that the models drew well, in the middle, and badly, by their mean; columns as in the table.",
        "",
        f"{protocol.title} (protocol `{protocol.hash}`): {first.counts.drawn:,} pairs of {len(set(first.people)):,} "
        f"test people, on {run.device}, {run.threads} threads, posable {run.posable}, {run.date[:10]}. ± half of "
        "the 95 % bootstrap interval over people; the best value of each column is bold.",
        "",
        *quality_table(report),
        "",
        *gain_table(report),
        "",
        *cost_table(report),
        "",
        f"All values, pair by pair: [{options.out.name}]({link(options.out)}).",
    ]
    if note := disturbance(report):
        lines += ["", note]
    if absent := measured_by_nobody(report):
        lines += ["", "Not measured:", "", *(f"- {'; '.join(names)}: {reason}" for reason, names in absent.items())]
    return "\n".join(lines)


def measured_by_nobody(report: BenchmarkReport) -> dict[str, list[str]]:
    """Names of the measures that no row has, by the reason of the first."""
    lacking: list[Measured] = []
    for one in report.rows[0].report.measured:
        found = [row.report.measured_of(one.measure.column) for row in report.rows]
        if all(other is None or other.absent for other in found):
            lacking.append(one)
    return absences(lacking)


def quality_table(report: BenchmarkReport) -> list[str]:
    columns = [
        column for column in COLUMNS if best_of([row.report.measured_of(column) for row in report.rows]) is not None
    ]
    measured = [next(m for row in report.rows if (m := row.report.measured_of(column))) for column in columns]
    heads = " | ".join(f"{name_of(one.measure)} {arrow(one)}" for one in measured)
    lines = [f"| | {heads} |", "|---|" + "---|" * len(columns)]
    for row in report.rows:
        cells = " | ".join(quality_cell(report, row, column) for column in columns)
        lines.append(f"| {row.name} | {cells} |")
    return lines


def quality_cell(report: BenchmarkReport, row: Row, column: str) -> str:
    one = row.report.measured_of(column)
    if one is None or one.value is None:
        return "-"
    half = "" if one.low is None or one.high is None else f" ± {number((one.high - one.low) / 2, one.measure)}"
    text = number(one.value, one.measure)
    best = best_of([other.report.measured_of(column) for other in report.rows])
    return f"**{text}**{half}" if one.value == best else text + half


def gain_table(report: BenchmarkReport) -> list[str]:
    """By how much each model is better than the strongest baseline on the same pairs."""
    baselines = [row for row in report.rows if row.is_baseline]
    columns = [column for column in COLUMNS[:5] if strongest_of(baselines, column) is not None]
    strongest = {column: strongest_of(baselines, column) for column in columns}
    heads = " | ".join(f"{column}, over {row.name}" for column, row in strongest.items() if row)
    lines = [
        "By how much better than the strongest baseline, on the same pairs, with the 95 % interval of the paired",
        "difference (positive is better):",
        "",
        f"| | {heads} |",
        "|---|" + "---|" * len(columns),
    ]
    for row in report.rows:
        if row.is_baseline:
            continue
        cells: list[str] = []
        for column, other in strongest.items():
            assert other is not None
            gain = gains(row, other)[column]
            cells.append(f"{gain.mean:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]")
        lines.append(f"| {row.name} | {' | '.join(cells)} |")
    return lines


def cost_table(report: BenchmarkReport) -> list[str]:
    lines = [
        "What they cost, and what they learned from:",
        "",
        "| | pairs trained on | training, minutes | parameters | GFLOP a picture | ms a picture | ms a further pose |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in report.rows:
        trained, cost = row.report.model.trained, row.cost
        flops = (
            None if cost.gflops_source is None or cost.gflops_pose is None else cost.gflops_source + cost.gflops_pose
        )
        cells = [
            f"{trained['pairs']:,}" if "pairs" in trained else "-",
            f"{trained['training_seconds'] / 60:.0f}" if "training_seconds" in trained else "-",
            f"{cost.parameters:,}" if cost.parameters else "-",
            "-" if flops is None else f"{flops:.2f}",
            f"{1000 * cost.seconds_picture:.1f}",
            f"{1000 * cost.seconds_pose:.1f}",
        ]
        lines.append(f"| {row.name} | {' | '.join(cells)} |")
    return lines


def with_part(document: Path, part: str) -> str:
    """The document with its marked part replaced; ends the script when it has no marks."""
    text = document.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or END not in text.partition(BEGIN)[2]:
        raise SystemExit(f"'{document}' lacks the marks {BEGIN} and {END}; put them where the tables belong.")
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{part}\n\n{END}{rest.partition(END)[2]}"


def strip(report: BenchmarkReport) -> Image.Image:
    """Half of the shared pairs of each kind as rows, under the names of the columns."""
    rows = [row for row in report.rows if not row.is_baseline]
    heads = ["source", "target pose", "truth", *(row.name.partition(".")[0] for row in rows)]
    cases = [case for place in ("best", "middling", "worst") for case in report.shared if case.place == place]
    cases = [case for position, case in enumerate(cases) if position % 2 == 0]
    size = report.protocol.size
    width = round(CELL_HEIGHT * size.width / size.height)
    step = Size(CELL_HEIGHT + GAP, width + GAP)
    sheet = Image.new("RGB", (step.width * len(heads) + GAP, LABEL + step.height * len(cases) + GAP), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=15)
    for column, name in enumerate(heads):
        pen.text((GAP + column * step.width + width / 2, LABEL / 2 + 2), name, fill=INK, font=font, anchor="mm")
    for line, case in enumerate(cases):
        pose = draw_skeleton(case.target_pose.resize(Size(CELL_HEIGHT, width)))
        drawn = [picture for row, picture in zip(report.rows, case.generated, strict=True) if not row.is_baseline]
        for column, picture in enumerate([case.source, pose, case.truth, *drawn]):
            cell = picture.resize((width, CELL_HEIGHT), Image.Resampling.BICUBIC)
            sheet.paste(cell, (GAP + column * step.width, LABEL + line * step.height))
    return sheet


if __name__ == "__main__":
    main()
