"""How many synthetic people a machine draws: images a second by size, rasterising engine and number of workers.

    python benchmarks/throughput.py                           # all sizes and engines, one and two workers
    python benchmarks/throughput.py --workers 1 4 16 --seconds 60
    python benchmarks/throughput.py --sizes 256x176 --engines numba

Measured is what `posable people make` does: rendering and writing pictures with all labels (parsing in two schemes,
keypoints, depth, mask, garments), with --correspondence also the matches of all pairs of views. Workers are started
and warmed up before the clock runs; every one gets people of its own until the time is over.
"""

import argparse
import multiprocessing
import os
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from posable import people
from posable.body import rasterize
from posable.people.benchmark import PEOPLE_1
from posable.people.io.dataset_files import FileLayout, PersonJob, write_person
from posable.people.io.workers import single_threaded_children
from run_record import progress_bars, write_record

FIRST_SEED = 30_000
"""Behind people-1's own."""
PLACES_PER_WORKER = 100_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=list(PEOPLE_1.variants), choices=list(PEOPLE_1.variants))
    parser.add_argument("--engines", nargs="+", default=["numba", "numpy"], choices=["numba", "numpy"])
    parser.add_argument("--workers", nargs="+", type=int, default=sorted({1, min(2, os.cpu_count() or 1)}))
    parser.add_argument("--seconds", type=float, default=30, help="for each measurement; full people are counted")
    parser.add_argument("--correspondence", action="store_true", help="write pixel matches of all pairs too")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "throughput.json")
    options = parser.parse_args()
    engines = [name for name in options.engines if name == "numpy" or find_spec("numba") is not None]

    rows: list[dict[str, Any]] = []
    settings = [(size, engine, count) for size in options.sizes for engine in engines for count in options.workers]
    with progress_bars() as bars:
        for size, engine, count in bars.track(settings, description="settings"):
            measured = measure(size, engine, count, options.seconds, options.correspondence)
            rows.append({"size": size, "engine": engine, "workers": count, **measured})
    print(table(rows, options.workers))
    write_record(
        options.out,
        {
            "benchmark": "throughput",
            "generator": people.GENERATOR_VERSION,
            "views_per_person": PEOPLE_1.views,
            "correspondence": options.correspondence,
            "seconds_each": options.seconds,
            "load_average_at_end": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
            "rows": rows,
        },
    )
    print(f"\nwritten: {options.out}")


def measure(size: str, engine: str, workers: int, seconds: float, correspondence: bool) -> dict[str, Any]:
    """Images a second of `workers` processes together: the sum of their rates, each over its own whole people."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, single_threaded_children():
        layout = FileLayout("train", "trainSPL8", "png", correspondence)
        for name in ("people", *layout.folders()):
            (Path(folder) / name).mkdir()
        ready, results = context.Barrier(workers), context.Queue()
        arguments = (engine, Path(folder), layout, size, seconds, ready, results)
        processes = [context.Process(target=_work, args=(number, *arguments)) for number in range(workers)]
        for process in processes:
            process.start()
        rates = [results.get() for _ in processes]
        for process in processes:
            process.join()
        written = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        pictures = sum(1 for _ in (Path(folder) / "train").iterdir())
    return {
        "images_per_second": round(sum(rate for rate, _ in rates), 2),
        "images_per_cpu_second": round(sum(cpu for _, cpu in rates) / workers, 2),
        "kib_per_image": round(written / pictures / 1024, 1),
    }


def _work(
    number: int, engine: str, folder: Path, layout: FileLayout, size: str, seconds: float, ready: Any, results: Any
) -> None:
    if engine == "numpy":
        rasterize.find_spec = lambda _name: None
    first = FIRST_SEED + number * PLACES_PER_WORKER
    variant, views = PEOPLE_1.variant(size), PEOPLE_1.views
    write_person(PersonJob(folder, layout, variant, views, first))
    ready.wait()
    start, cpu_start, done = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - start < seconds:
        done += 1
        write_person(PersonJob(folder, layout, variant, views, first + done))
    elapsed, cpu = time.perf_counter() - start, time.process_time() - cpu_start
    results.put((done * views / elapsed, done * views / cpu))


def table(rows: list[dict[str, Any]], workers: list[int]) -> str:
    """Images a second by size and engine, a column for each number of workers."""
    lines = [
        "| size | engine | "
        + " | ".join(f"{count} worker{'s' * (count > 1)}" for count in workers)
        + " | KiB an image |",
        "|---|---|" + "---|" * (len(workers) + 1),
    ]
    for size, engine in dict.fromkeys((row["size"], row["engine"]) for row in rows):
        mine = [row for row in rows if (row["size"], row["engine"]) == (size, engine)]
        rates = " | ".join(f"{row['images_per_second']:.1f}/s" for row in mine)
        lines.append(f"| {size} | {engine} | {rates} | {mine[-1]['kib_per_image']:.0f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
