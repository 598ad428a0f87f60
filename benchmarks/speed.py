"""How long posable takes on a CPU: to import, to draw the first picture, each picture, each further pose of one source.

    python benchmarks/speed.py                       # the shipped model, two threads
    python benchmarks/speed.py --model runs/weave --repeats 50

Every figure is the median of several runs. Importing and the first picture are timed in fresh processes.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from rich.progress import Progress

from posable import people
from posable.imaging.image import save_image, to_tensor
from posable.imaging.size import Size
from posable.pose.files import write_pose
from posable.pose.pose import Pose, PoseBatch
from posable.transfer.pipeline import PoseTransfer
from run_record import progress_bars, write_record

LIMITS = {
    "import posable, beyond torch": 0.3,
    "first picture, poses given": 10.0,
    "first picture, pose detected": 10.0,
    "one picture 256x176": 0.3,
    "a further pose 256x176": 0.15,
}
"""Seconds that must not be exceeded on two cores."""

IMPORT = """
import time, torch
start = time.perf_counter()
import posable
imported = time.perf_counter()
posable.PoseTransfer
print(imported - start, time.perf_counter() - start)
"""
DETECTED = """
import sys, torch
torch.set_num_threads(int(sys.argv[5]))
import posable
posable.PoseTransfer.from_pretrained(sys.argv[1], device="cpu")(sys.argv[2], "wave").save(sys.argv[4] + ".png")
"""
FIRST_PICTURE = """
import sys, time
start = time.perf_counter()
import torch
torch.set_num_threads(int(sys.argv[5]))
import posable
from posable.pose.files import read_pose
imported = time.perf_counter()
pipe = posable.PoseTransfer.from_pretrained(sys.argv[1], device="cpu")
loaded = time.perf_counter()
pipe(sys.argv[2], read_pose(sys.argv[4]), source_pose=read_pose(sys.argv[3])).save(sys.argv[4] + ".png")
print(imported - start, loaded - imported, time.perf_counter() - loaded)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="weave", help="name of a shipped model, or a folder")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--processes", type=int, default=7, help="fresh processes for importing and the first picture")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "speed.json")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    with progress_bars() as bars, tempfile.TemporaryDirectory() as folder:
        seconds = time_processes(options, bars, Path(folder))
        for size in (Size(256, 176), Size(512, 352)):
            seconds |= time_pipeline(options, bars, size) | time_network(options, bars, size)
    medians = {what: statistics.median(values) for what, values in seconds.items()}
    print(table(seconds, medians))
    write_record(
        options.out,
        {
            "benchmark": "speed",
            "model": options.model,
            "threads": options.threads,
            "median_seconds": medians,
            "limits_seconds": LIMITS,
            "seconds": seconds,
        },
    )
    print(f"\nwritten: {options.out}")


def time_processes(options: argparse.Namespace, bars: Progress, folder: Path) -> dict[str, list[float]]:
    """Importing, and the first picture with its parts, each in fresh processes; the first run only warms the disk."""
    view_a, view_b = people.render_views(people.make_person(people.TEST_SEEDS[0]), 2, Size(256, 176))
    source, source_pose, target_pose = folder / "source.png", folder / "source.json", folder / "target.json"
    save_image(Image.fromarray(view_a.image), source)
    for view, path in ((view_a, source_pose), (view_b, target_pose)):
        write_pose(visible_pose(view), path)
    arguments = [options.model, str(source), str(source_pose), str(target_pose), str(options.threads)]

    names = (
        "import posable, beyond torch",
        "import posable.PoseTransfer, beyond torch",
        "first picture, pose detected",
        "first picture, poses given",
        "- of which importing, torch too",
        "- of which loading the weights",
        "- of which drawing",
    )
    columns: dict[str, list[float]] = {name: [] for name in names}
    for run in bars.track(range(options.processes + 1), description="fresh processes"):
        importing, _ = fresh_python(IMPORT, [])
        _, detected = fresh_python(DETECTED, arguments)
        parts, given = fresh_python(FIRST_PICTURE, arguments)
        if run > 0:
            for name, value in zip(names, [*importing, detected, given, *parts], strict=True):
                columns[name].append(value)
    return columns


def time_network(options: argparse.Namespace, bars: Progress, size: Size) -> dict[str, list[float]]:
    """The generator alone, tensors in and out: both halves, only the source's, only the pose's."""
    generator = PoseTransfer.from_pretrained(options.model, device="cpu").generator
    view_a, view_b = people.render_views(people.make_person(people.TEST_SEEDS[0]), 2, size)
    image = to_tensor(view_a.image)[None]
    source, target = (PoseBatch.from_poses([visible_pose(view)]) for view in (view_a, view_b))
    with torch.inference_mode():
        encoded = generator.encode(image, source)
        return {
            f"network {size}, both": timed(
                lambda: generator.render(generator.encode(image, source), target), options, bars, f"network {size}"
            ),
            f"network {size}, encoding": timed(lambda: generator.encode(image, source), options, bars, "- encode"),
            f"network {size}, rendering": timed(lambda: generator.render(encoded, target), options, bars, "- render"),
        }


def time_pipeline(options: argparse.Namespace, bars: Progress, size: Size) -> dict[str, list[float]]:
    """Picture in, picture out, as a user calls it, poses given."""
    pipe = PoseTransfer.from_pretrained(options.model, device="cpu")
    view_a, view_b = people.render_views(people.make_person(people.TEST_SEEDS[0]), 2, size)
    source, source_pose, target_pose = view_a.image, visible_pose(view_a), visible_pose(view_b)
    encoded = pipe.encode(source, source_pose=source_pose)
    one, further = f"one picture {size}", f"a further pose {size}"
    return {
        one: timed(lambda: pipe(source, target_pose, source_pose=source_pose), options, bars, one),
        further: timed(lambda: pipe.render(encoded, target_pose), options, bars, further),
    }


def timed(draw: Callable[[], Any], options: argparse.Namespace, bars: Progress, what: str) -> list[float]:
    for _ in range(3):
        draw()
    seconds: list[float] = []
    for _ in bars.track(range(options.repeats), description=what):
        start = time.perf_counter()
        draw()
        seconds.append(time.perf_counter() - start)
    return seconds


def fresh_python(program: str, arguments: list[str]) -> tuple[list[float], float]:
    """The numbers that a program prints in a new interpreter, and the seconds from start to end of the process."""
    start = time.perf_counter()
    run = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(f"the timed program failed:\n{run.stderr}")
    return [float(word) for word in run.stdout.split()], time.perf_counter() - start


def visible_pose(view: people.View) -> Pose:
    return Pose(view.keypoints[:, :2], view.keypoints[:, 2] > 0, view.size)


def table(seconds: dict[str, list[float]], medians: dict[str, float]) -> str:
    """Medians with the fastest and slowest run, the limit, and the ratio to one whole pass at that size."""
    lines = ["| | median s | fastest - slowest | limit | of one picture |", "|---|---|---|---|---|"]
    for what, values in seconds.items():
        limit = LIMITS.get(what)
        verdict = "" if limit is None else f"{limit:g} {'kept' if medians[what] <= limit else 'EXCEEDED'}"
        whole = what.replace("a further pose", "one picture").replace("encoding", "both").replace("rendering", "both")
        ratio = f"{medians[what] / medians[whole]:.2f}" if whole != what else ""
        lines.append(f"| {what} | {medians[what]:.3f} | {min(values):.3f} - {max(values):.3f} | {verdict} | {ratio} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
