"""Any corpus into the prepared layout (prepared.py), picture by picture, so that an interrupted run can go on.

While it runs, OUT/.prepare holds what was asked for and a line for each finished picture; every file appears whole or
not at all, and corpus.json comes last.
"""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from posable.data.corpus_index import CorpusImage, CorpusIndex, Pair, Problem, Split
from posable.data.export_tables import pairs_table
from posable.data.prepare_images import ImageJob, index_line, is_outdated, stem_of, write_image
from posable.data.prepared import (
    ABOUT,
    FORMAT,
    INDEX,
    PROBLEMS,
    UNFINISHED,
    VERSION,
    image_of,
    pairs_file,
    scheme_of,
)
from posable.errors import ConfigError, InputError
from posable.files import write_atomically
from posable.imaging.frame import Fit
from posable.imaging.size import Size
from posable.people.io.folder_lock import LOCK_NAME, only_writer
from posable.progress import ProgressCallback

__all__ = ["Prepared", "prepare_corpus"]

_REQUEST, _DONE = "request.json", "done.jsonl"
# A process needs two seconds to start; below this many pictures one process is faster.
_POOL_FROM = 200
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Prepared:
    """What `prepare_corpus` wrote."""

    folder: Path
    images: int
    pairs: dict[str, int]
    """By split."""
    problems: tuple[Problem, ...]
    """What was left out or is questionable; also in problems.jsonl."""


def prepare_corpus(
    index: CorpusIndex,
    out: str | os.PathLike[str],
    size: Size | None = None,
    *,
    fit: Fit = "letterbox",
    workers: int = 1,
    progress: ProgressCallback | None = None,
) -> Prepared:
    """Writes the corpus at `size` (by default its own) to the folder `out`, validating every picture on the way.

    Pictures that cannot be used, and pairs that name them, are left out and told. A run that was interrupted, or that
    ran out of disk, goes on when it is called again with the same arguments; pictures that are newer than what was made
    of them are done again, and tables are always read anew. Scripts that ask for more than one worker
    need Python's usual `if __name__ == "__main__":`.
    Raises InputError when the disk is full, ConfigError when `out` holds something else.
    """
    if workers < 1:
        raise ConfigError(f"workers is {workers}; give 1 or more.")
    out, size = Path(out), Size(*(size or index.size))
    stems = Counter(stem_of(name) for name in index.images)
    shared = frozenset(stem for stem, count in stems.items() if count > 1)
    job = ImageJob(out, size, fit, scheme_of(index), shared)
    try:
        _make_folder(out, _request(index, job))
        with only_writer(out):
            return _prepare(index, job, workers, progress)
    except OSError as error:
        raise _told_full(error, out, 0, len(index.images)) from None


def _prepare(index: CorpusIndex, job: ImageJob, workers: int, progress: ProgressCallback | None) -> Prepared:
    out, told = job.out, progress or (lambda _done, _total: None)
    finished: dict[str, dict[str, Any]] = {}
    try:
        records = _open(out, _request(index, job))
        finished = {
            name: index_line(image, job, out / records[name]["file"], records[name]["parsing"])
            for name, image in index.images.items()
            if name in records and not is_outdated(image, records[name], out)
        }
        told(len(finished), len(index.images))
        missing = [image for image in index.images.values() if image.name not in finished]
        with (out / UNFINISHED / _DONE).open("a", encoding="utf-8") as log:
            for record in _written(missing, job, workers):
                log.write(json.dumps(record) + "\n")
                log.flush()
                finished[record["name"]] = record
                told(len(finished), len(index.images))
        return _close(index, job, [finished[name] for name in index.images])
    except OSError as error:
        raise _told_full(error, out, len(finished), len(index.images)) from None


def _told_full(error: OSError, out: Path, finished: int, total: int) -> Exception:
    """The error itself, unless it says that the disk is full."""
    if error.errno not in _FULL:
        return error
    return InputError(
        f"the disk of '{out}' is full; {finished} of {total} pictures are finished and kept: "
        "make room, and run the same command again."
    )


def _request(index: CorpusIndex, job: ImageJob) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "corpus": index.corpus,
        "size": list(job.size),
        "fit": job.fit,
        "parsing": job.scheme.name if job.scheme is not None else None,
    }


def _make_folder(out: Path, request: dict[str, Any]) -> None:
    """Makes the folder; raises an error, and leaves it alone, when it holds something else."""
    if out.exists() and not out.is_dir():
        raise InputError(f"'{out}' is a file; give a folder for the prepared corpus.")
    request_file = out / UNFINISHED / _REQUEST
    present = request_file if request_file.is_file() else out / ABOUT
    if present.is_file():
        _check_same(present, request)
    elif out.is_dir() and any(path.name not in (UNFINISHED, LOCK_NAME) for path in out.iterdir()):
        raise ConfigError(f"'{out}' is not empty and holds no prepared corpus; give a new folder.")
    out.mkdir(parents=True, exist_ok=True)


def _open(out: Path, request: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Gives the records of the pictures that are finished in the folder, by name."""
    request_file, log = out / UNFINISHED / _REQUEST, out / UNFINISHED / _DONE
    (out / UNFINISHED).mkdir(parents=True, exist_ok=True)
    if (out / ABOUT).is_file():
        # Prepared before: its index tells what is finished, and pictures that have come since are added.
        (out / INDEX).replace(log)
        (out / ABOUT).unlink()
    with write_atomically(request_file) as temporary:
        temporary.write_text(json.dumps(request, indent=2) + "\n", encoding="utf-8")
    return _finished(log, out, Size(*request["size"]))


def _check_same(present: Path, request: dict[str, Any]) -> None:
    try:
        found: Any = json.loads(present.read_text(encoding="utf-8"))
    except json.JSONDecodeError:
        raise ConfigError(f"'{present}' is broken; remove the folder and prepare the corpus again.") from None
    for key, asked in request.items():
        if not isinstance(found, dict) or found.get(key) != asked:
            there = found.get(key) if isinstance(found, dict) else None
            raise ConfigError(
                f"'{present.parent.parent if present.name == _REQUEST else present.parent}' was prepared with "
                f"{key} {there!r}, not {asked!r}; give another folder, or the same arguments."
            )


def _finished(log: Path, out: Path, size: Size) -> dict[str, dict[str, Any]]:
    """The records of a log; a last line that was cut by a full disk is taken away, as are pictures that are gone."""
    if not log.is_file():
        return {}
    data = log.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        with log.open("r+b") as stream:
            stream.truncate(len(whole))
    records: dict[str, dict[str, Any]] = {}
    for line in whole.decode("utf-8").splitlines():
        record = json.loads(line)
        if "file" in record:
            image = image_of(record, out, size)
            assert isinstance(image.picture, Path)
            if not image.picture.is_file() or (image.parsing is not None and not image.parsing.is_file()):
                continue
            records[record["name"]] = record
    return records


def _written(images: Sequence[CorpusImage], job: ImageJob, workers: int) -> Iterator[dict[str, Any]]:
    write = partial(write_image, job=job)
    if workers == 1 or len(images) < _POOL_FROM:
        yield from map(write, images)
        return
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        try:
            yield from pool.map(write, images, chunksize=16)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _close(index: CorpusIndex, job: ImageJob, records: list[dict[str, Any]]) -> Prepared:
    """Writes the index and the tables, corpus.json last, and takes the log away."""
    lines = [record for record in records if "file" in record]
    usable = {line["name"] for line in lines}
    problems = [*index.problems]
    problems += [Problem(r["kind"], r["name"], r["detail"]) for r in records if "kind" in r]
    if job.scheme is not None:
        problems += [
            Problem("missing-parsing", line["name"], "has no parsing map.") for line in lines if not line["parsing"]
        ]
    pairs: dict[Split, list[Pair]] = {
        split: [pair for pair in listed if usable.issuperset(pair)] for split, listed in index.pairs.items()
    }
    _write_text(job.out / INDEX, "".join(json.dumps(line) + "\n" for line in lines))
    for split in pairs:
        _write_text(job.out / pairs_file(split), pairs_table(pairs[split]))
    told = [{"kind": each.kind, "name": each.name, "detail": each.detail} for each in problems]
    _write_text(job.out / PROBLEMS, "".join(json.dumps(each) + "\n" for each in told))
    images = Counter(line["split"] for line in lines)
    counts = {split: {"images": images[split], "pairs": len(pairs.get(split, []))} for split in index.splits}
    about = {**_request(index, job), "counts": counts, "left_out": len(records) - len(lines)}
    _write_text(job.out / ABOUT, json.dumps(about, indent=2) + "\n")
    shutil.rmtree(job.out / UNFINISHED)
    return Prepared(job.out, len(lines), {split: len(listed) for split, listed in pairs.items()}, tuple(problems))


def _write_text(path: Path, text: str) -> None:
    with write_atomically(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
