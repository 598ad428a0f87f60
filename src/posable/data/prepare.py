"""Any corpus into the prepared layout (prepared.py), picture by picture, so that an interrupted run can go on.

While it runs, OUT/.prepare holds what was asked for and a line for each finished picture; every file appears whole or
not at all, and corpus.json comes last.
"""

from __future__ import annotations

import errno
import io
import json
import multiprocessing
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from posable.data.corpus_index import CorpusImage, CorpusIndex, Pair, Problem, Split
from posable.data.export_tables import pairs_table
from posable.data.framing import Fit, Framing
from posable.data.pictures import read_bytes, read_parsing, read_picture
from posable.data.prepared import (
    ABOUT,
    FORMAT,
    IMAGES,
    INDEX,
    PARSING,
    PROBLEMS,
    UNFINISHED,
    VERSION,
    image_of,
    line_of,
    pairs_file,
    scheme_of,
)
from posable.errors import ConfigError, ImageError, InputError, SizeError
from posable.files import write_atomically
from posable.image import size_of
from posable.parsing import ParsingLabels, check_values, palette
from posable.people.folder_lock import LOCK_NAME, only_writer
from posable.size import Size

__all__ = ["Prepared", "prepare_corpus"]

Progress = Callable[[int, int], None]
_REQUEST, _DONE = "request.json", "done.jsonl"
_KEPT_FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}
# Three times as fast as Pillow's own level, for files 13 % larger.
_PNG_LEVEL = 3
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


@dataclass(frozen=True)
class _Job:
    """What every worker needs to know."""

    out: Path
    size: Size
    fit: Fit
    labels: ParsingLabels | None
    shared_stems: frozenset[str]


def prepare_corpus(
    index: CorpusIndex,
    out: str | os.PathLike[str],
    size: Size | None = None,
    *,
    fit: Fit = "letterbox",
    workers: int = 1,
    progress: Progress | None = None,
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
    stems = Counter(_stem(name) for name in index.images)
    shared = frozenset(stem for stem, count in stems.items() if count > 1)
    job = _Job(out, size, fit, scheme_of(index), shared)
    try:
        _make_folder(out, _request(index, job))
        with only_writer(out):
            return _prepare(index, job, workers, progress)
    except OSError as error:
        raise _told_full(error, out, 0, len(index.images)) from None


def _prepare(index: CorpusIndex, job: _Job, workers: int, progress: Progress | None) -> Prepared:
    out, told = job.out, progress or (lambda _done, _total: None)
    finished: dict[str, dict[str, Any]] = {}
    try:
        records = _open(out, _request(index, job))
        finished = {
            name: _line(image, job, out / records[name]["file"], records[name]["parsing"])
            for name, image in index.images.items()
            if name in records and not _is_outdated(image, records[name], out)
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


def _request(index: CorpusIndex, job: _Job) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "corpus": index.corpus,
        "size": list(job.size),
        "fit": job.fit,
        "parsing": job.labels.name if job.labels is not None else None,
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


def _written(images: Sequence[CorpusImage], job: _Job, workers: int) -> Iterator[dict[str, Any]]:
    write = partial(_write_image, job=job)
    if workers == 1 or len(images) < _POOL_FROM:
        yield from map(write, images)
        return
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        try:
            yield from pool.map(write, images, chunksize=16)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _write_image(image: CorpusImage, job: _Job) -> dict[str, Any]:
    """Writes the picture and the map of one image; gives its line of the index, or a problem's fields."""
    try:
        _check_name(image.name)
        data, suffix = _prepared_bytes(image, job)
        labels = _prepared_map(image, job)
    except InputError as error:
        kind = _kind_of(image)
        return {"name": image.name, "kind": kind, "detail": str(error)}
    stem = _stem(image.name)
    picture = job.out / IMAGES / (image.name + ("" if suffix is None else suffix))
    if suffix is not None and stem not in job.shared_stems:
        picture = job.out / IMAGES / f"{stem}{suffix}"
    _write_bytes(picture, data)
    parsing = None
    if labels is not None and job.labels is not None:
        name = image.name if stem in job.shared_stems else stem
        parsing = job.out / PARSING / f"{name}.png"
        _write_bytes(parsing, _png_of_map(labels, job.labels))
    return _line(image, job, picture, parsing.relative_to(job.out).as_posix() if parsing is not None else None)


def _line(image: CorpusImage, job: _Job, picture: Path, parsing: str | None) -> dict[str, Any]:
    """The line of the index for a picture that is written, with the labels that the corpus has now."""
    framing = Framing(image.size_of_keypoint_frame, job.size, job.fit)
    pose = framing.pose(image.keypoints) if image.keypoints is not None else None
    place = job.out / parsing if parsing is not None else None
    return line_of(CorpusImage(image.name, image.split, image.person, picture, job.size, pose, place), job.out)


def _is_outdated(image: CorpusImage, record: dict[str, Any], out: Path) -> bool:
    """A file of the corpus is newer than what was made of it, or a map has come since."""
    made = [(image.picture, out / record["file"])]
    if image.parsing is not None and image.parsing.is_file():
        if record["parsing"] is None:
            return True
        made.append((image.parsing, out / record["parsing"]))
    return any(
        isinstance(source, Path) and source.is_file() and source.stat().st_mtime_ns > product.stat().st_mtime_ns
        for source, product in made
    )


def _kind_of(image: CorpusImage) -> str:
    missing = isinstance(image.picture, Path) and not image.picture.exists()
    return "missing-image" if missing else "unreadable-image"


def _check_name(name: str) -> None:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or ".." in parts or parts[0] == "/" or ":" in parts[0] or "\0" in name:
        raise InputError(f"'{name}' leads out of the folder; correct the table that names it.")


def _prepared_bytes(image: CorpusImage, job: _Job) -> tuple[bytes, str | None]:
    """The bytes of the working picture, and its suffix where that is not the name's; unchanged pictures are copied."""
    picture = read_picture(image.picture)
    if image.size_of_keypoint_frame == job.size == size_of(picture):
        data = read_bytes(image.picture)
        kind = _format_of(data)
        suffix = PurePosixPath(image.name).suffix.lower()
        if kind is not None:
            return data, None if _KEPT_FORMATS.get(suffix) == kind else {"JPEG": ".jpg", "PNG": ".png"}[kind]
    try:
        working = Framing(image.size_of_keypoint_frame, job.size, job.fit).picture(picture)
    except SizeError as error:
        raise ImageError(f"'{image.picture}' {error}") from None
    buffer = io.BytesIO()
    working.save(buffer, "PNG", compress_level=_PNG_LEVEL)
    return buffer.getvalue(), None if image.name.lower().endswith(".png") else ".png"


def _format_of(data: bytes) -> str | None:
    """JPEG or PNG when the picture is stored plainly: 8-bit RGB, upright."""
    with Image.open(io.BytesIO(data)) as picture:
        plain = picture.mode == "RGB" and "transparency" not in picture.info and not picture.getexif().get(0x0112)
        return picture.format if plain and picture.format in ("JPEG", "PNG") else None


def _prepared_map(image: CorpusImage, job: _Job) -> npt.NDArray[np.uint8] | None:
    if image.parsing is None or job.labels is None or not image.parsing.is_file():
        return None
    values = read_parsing(image.parsing)
    try:
        check_values(values, job.labels)
        return Framing(image.size_of_keypoint_frame, job.size, job.fit).parsing(values)
    except InputError as error:
        raise ImageError(f"'{image.parsing}' {error}") from None


def _png_of_map(values: npt.NDArray[np.uint8], labels: ParsingLabels) -> bytes:
    picture = Image.fromarray(values).convert("P")
    picture.putpalette(palette(labels).tobytes())
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def _write_bytes(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with write_atomically(path) as temporary:
        temporary.write_bytes(data)


def _close(index: CorpusIndex, job: _Job, records: list[dict[str, Any]]) -> Prepared:
    """Writes the index and the tables, corpus.json last, and takes the log away."""
    lines = [record for record in records if "file" in record]
    usable = {line["name"] for line in lines}
    problems = [*index.problems]
    problems += [Problem(r["kind"], r["name"], r["detail"]) for r in records if "kind" in r]
    if job.labels is not None:
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


def _stem(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))
