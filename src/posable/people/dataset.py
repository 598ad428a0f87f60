"""Writes synthetic people to a folder; an interrupted run goes on where it stopped, and a folder can be extended.

    make_dataset("out", people=100, views=4, size=Size(256, 176), seed=2000)
    make_benchmark("people-1", "out", split="test", variant="256x176")

Both write the same files of each view:

OUT/dataset.json                       what the folder holds
OUT/parsing/NAME.png                   LIP-20 classes, as an indexed picture
OUT/depth/NAME.png                     millimetres along the optical axis, 16 bits, 0 off the person
OUT/mask/NAME.png                      the person's share of each pixel, 0 to 255
OUT/garments/NAME.png                  0 for nothing, k + 1 for piece k of "garments" in views.jsonl
OUT/correspondence/NAME_SOURCEVIEW.npz "flow" (in 1/16 px) and "state" of a target and a source view, when asked for
OUT/views.jsonl                        one line per view: keypoints with visibility, yaw, crop, pose, garments, ...
OUT/people/SEED.json                   the record of a finished person

`make_dataset` adds images/SEED_VIEW.png, parsing8/ (PISE's 8 classes), annotation.csv and pairs.csv. `make_benchmark`
writes the field's layout: train/, val/ and test/ with the pictures, trainSPL8/, ... with PISE's 8 classes, train.lst,
..., and the tables fasion-resize-pairs-*.csv and fasion-resize-annotation-*.csv (market-* for the Market-like variant).
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from posable.errors import ConfigError, InputError
from posable.files import write_atomically
from posable.imaging.size import Size
from posable.people.benchmark import GENERATOR_VERSION, SPLITS, Benchmark, Split, Variant, benchmark_named
from posable.people.io.dataset_files import STRIDE, FileLayout, PersonJob, record_file, write_person
from posable.people.io.dataset_tables import write_plain_tables, write_split_tables, write_views
from posable.people.io.folder_lock import only_writer
from posable.people.io.workers import in_processes
from posable.people.render import check_size
from posable.progress import ProgressCallback


@dataclass(frozen=True)
class _Content:
    """What a folder holds, whoever is in it; stored as dataset.json."""

    benchmark: str | None
    generator: int
    views: int
    size: str
    variant: str
    picture_format: str
    correspondence: bool


def make_dataset(
    out: str | os.PathLike[str],
    people: int,
    views: int,
    size: Size,
    seed: int,
    workers: int = 1,
    *,
    picture_format: str = "png",
    correspondence: bool = False,
    progress: ProgressCallback | None = None,
) -> Path:
    """Writes `views` pictures each of the people with seeds `seed` to `seed + people - 1` and gives back the folder.

    The same arguments give the same files, whatever the number of worker processes; people that are finished in `out`
    are kept, those asked for are added. With `correspondence`, the flow of all pairs of views is stored at half
    resolution. Scripts that ask for more than one worker need Python's usual `if __name__ == "__main__":`. Raises
    ConfigError or SizeError for impossible arguments, ConfigError when `out` holds another kind of data set, and
    InputError when another run is writing there or when the disk is full.
    """
    for name, value, least in (("people", people, 1), ("views", views, 1), ("seed", seed, 0), ("workers", workers, 1)):
        if value < least:
            raise ConfigError(f"{name} is {value}; give {least} or more.")
    if picture_format not in ("png", "jpg"):
        raise ConfigError(f"picture_format is '{picture_format}'; give png or jpg.")
    check_size(size, multiple=STRIDE if correspondence else 1)
    size = Size(*size)
    folder = Path(out)
    layout = FileLayout("images", "parsing8", picture_format, correspondence)
    variant = Variant(str(size), size, "fashion", degraded=False, table_prefix="")
    content = _Content(None, GENERATOR_VERSION, views, str(size), variant.name, picture_format, correspondence)
    jobs = [PersonJob(folder, layout, variant, views, each) for each in range(seed, seed + people)]
    _make_folders(folder)
    with only_writer(folder):
        _check_content(folder, content)
        _make_folders(folder, layout)
        _write_missing(folder, jobs, workers, progress)
        _guarded(folder, lambda: write_plain_tables(folder, _finished_seeds(folder)))
    return folder


def make_benchmark(
    name: str,
    out: str | os.PathLike[str],
    split: str = "all",
    variant: str = "256x176",
    workers: int = 1,
    *,
    correspondence: bool = False,
    people: int | None = None,
    progress: ProgressCallback | None = None,
) -> Path:
    """Writes a benchmark (people-1), or one of its splits, in the field's layout and gives back the folder.

    `variant` is one of its sizes: 256x176, 512x352 or market. A folder takes one variant; splits can be added to it
    later. `people` makes only the first so many of each split, to try it out. Raises as `make_dataset`.
    """
    benchmark = benchmark_named(name)
    kind, folder = benchmark.variant(variant), Path(out)
    splits: tuple[Split, ...] = SPLITS if split == "all" else tuple(each for each in SPLITS if each == split)
    if not splits:
        raise ConfigError(f"{name} has no split '{split}'; choose all or one of {', '.join(benchmark.splits)}.")
    for what, value in (("workers", workers), ("people", people)):
        if value is not None and value < 1:
            raise ConfigError(f"{what} is {value}; give 1 or more.")
    content = _Content(
        name, benchmark.generator, benchmark.views, str(kind.size), variant, "png", correspondence=correspondence
    )
    chosen: dict[Split, range] = {each: benchmark.seeds(each)[:people] for each in splits}
    total = sum(map(len, chosen.values()))
    before = 0
    _make_folders(folder)
    with only_writer(folder):
        _check_content(folder, content)
        for each in splits:
            layout = _layout(each, content)
            _make_folders(folder, layout)
            jobs = [PersonJob(folder, layout, kind, benchmark.views, seed) for seed in chosen[each]]
            _write_missing(folder, jobs, workers, progress, before, total)
            _guarded(folder, lambda each=each: _write_benchmark_tables(folder, benchmark, each, kind))
            before += len(jobs)
    return folder


def _layout(split: Split, content: _Content) -> FileLayout:
    return FileLayout(split, f"{split}SPL8", content.picture_format, content.correspondence, digits=5)


def _write_benchmark_tables(folder: Path, benchmark: Benchmark, split: Split, variant: Variant) -> None:
    finished = _finished_seeds(folder)
    here = [seed for seed in finished if seed in benchmark.seeds(split)]
    known = set(here)
    pairs = (pair for pair in benchmark.pairs(split) if pair[0] in known)
    write_split_tables(folder, split, variant.table_prefix, here, pairs)
    present = (each for each in SPLITS if (folder / f"{each}.lst").exists())
    write_views(folder, ((each, seed) for each in present for seed in finished if seed in benchmark.seeds(each)))


def _make_folders(folder: Path, layout: FileLayout | None = None) -> None:
    """Makes the data set's folder and, with a layout, those in it."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"'{folder}' is a file; give a folder for the data set.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("people", *layout.folders()) if layout else ():
            (folder / name).mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make folders in '{folder}' ({error.strerror}); choose another place.") from None


def _check_content(folder: Path, content: _Content) -> None:
    """Writes down what the folder is to hold, or checks that it holds that."""
    path = folder / "dataset.json"
    if not path.exists():
        text = json.dumps(asdict(content), indent=2) + "\n"
        _guarded(folder, lambda: _write_text(path, text))
        return
    try:
        present = json.loads(path.read_text(encoding="utf-8"))
        differing = [name for name, asked in asdict(content).items() if present.get(name) != asked]
    except (ValueError, AttributeError) as error:
        raise InputError(f"'{path}' is not the description of a data set ({error}); choose another folder.") from None
    if differing:
        name = differing[0]
        raise ConfigError(
            f"'{folder}' holds a data set with {name} = {present.get(name)}, and {name} = {asdict(content)[name]} "
            "was asked for; choose another folder, or the same arguments to go on."
        )


def _finished_seeds(folder: Path) -> list[int]:
    return sorted(int(path.stem) for path in (folder / "people").glob("*.json") if path.stem.isdigit())


def _write_missing(
    folder: Path,
    jobs: Sequence[PersonJob],
    workers: int,
    progress: ProgressCallback | None,
    before: int = 0,
    total: int | None = None,
) -> None:
    """Writes those people whose files are not all there; `before` people of `total` were done in earlier calls."""
    missing = _unfinished(folder, jobs)
    total = len(jobs) if total is None else total
    finished = before + len(jobs) - len(missing)
    tell = progress or (lambda _finished, _total: None)
    tell(finished, total)
    try:
        for _ in in_processes(write_person, missing, workers):
            finished += 1
            tell(finished, total)
    except OSError as error:
        raise _disk_error(folder, error, f"{finished} of {total} people are finished and kept") from error


def _unfinished(folder: Path, jobs: Sequence[PersonJob]) -> list[PersonJob]:
    """The people without a record, or with a file that is missing or empty; half-written files are removed."""
    present: set[str] = set()
    for name in {"people", *(name for job in jobs[:1] for name in job.layout.folders())}:
        with os.scandir(folder / name) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    # Only this run writes here, so it is what a killed one left behind.
                    Path(entry.path).unlink(missing_ok=True)
                elif entry.stat().st_size:
                    present.add(f"{name}/{entry.name}")
    missing = [
        job
        for job in jobs
        if f"people/{job.seed}.json" not in present or not present.issuperset(job.layout.files(job.seed, job.views))
    ]
    for job in missing:
        record_file(folder, job.seed).unlink(missing_ok=True)
    return missing


def _guarded(folder: Path, write: Callable[[], None]) -> None:
    try:
        write()
    except OSError as error:
        raise _disk_error(folder, error, "all people are finished and kept") from error


def _disk_error(folder: Path, error: OSError, kept: str) -> InputError:
    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return InputError(
            f"the disk takes no more of '{folder}' ({reason}); {kept}: make room, then run the same command again."
        )
    return InputError(f"cannot write to '{folder}' ({reason}); {kept}: mend that, then run the same command again.")


def _write_text(path: Path, text: str) -> None:
    with write_atomically(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
