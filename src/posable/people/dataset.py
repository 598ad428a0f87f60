"""Writes synthetic people to a folder, in the field's own layout; an interrupted run goes on where it stopped.

OUT/dataset.json                 what was asked for; a folder holds one data set
OUT/images/SEED_VIEW.png         pictures
OUT/parsing/SEED_VIEW.png        LIP-20 classes, as an indexed picture
OUT/people/SEED.json             description and views of a finished person
OUT/correspondence/SEED_T_S.npz  flow and state of target view T and source view S, when asked for
OUT/annotation.csv               name:keypoints_y:keypoints_x, pixel indices, -1 for points out of frame
OUT/views.jsonl                  one line per view: yaw, crop, pose, keypoints with 0 / 1 / 2 for visibility
OUT/pairs.csv                    from,to: all ordered pairs of views of the same person
"""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import permutations
from pathlib import Path

import numpy as np
from PIL import Image

from posable.errors import ConfigError, InputError
from posable.files import write_atomically
from posable.people.correspondence import pairwise_correspondence
from posable.people.labels import LIP_PALETTE, OUT_OF_FRAME
from posable.people.person import make_person
from posable.people.render import View, check_size, render_views
from posable.size import Size

GENERATOR_VERSION = 1
"""Grows whenever the same seed gives other pictures."""
_CORRESPONDENCE_STRIDE = 2
_FOLDERS = ("images", "parsing", "people", "correspondence")


@dataclass(frozen=True)
class _Request:
    """What a data set folder holds; stored as dataset.json."""

    generator: int
    people: int
    views: int
    size: str
    seed: int
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
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Writes `views` pictures each of the people with seeds `seed` to `seed + people - 1` and gives back the folder.

    The same arguments give the same files, whatever the number of worker processes; people that are finished in
    `out` are kept. With `correspondence`, the flow of all pairs of views is stored at half resolution. `progress` is
    called with the finished and the total number of people. Scripts that ask for more than one worker need Python's
    usual `if __name__ == "__main__":`. Raises ConfigError or SizeError for impossible arguments, and ConfigError when
    `out` holds a data set of other arguments.
    """
    for name, value, least in (("people", people, 1), ("views", views, 1), ("seed", seed, 0), ("workers", workers, 1)):
        if value < least:
            raise ConfigError(f"{name} is {value}; give {least} or more.")
    if picture_format not in ("png", "jpg"):
        raise ConfigError(f"picture_format is '{picture_format}'; give png or jpg.")
    check_size(size, multiple=_CORRESPONDENCE_STRIDE if correspondence else 1)
    request = _Request(GENERATOR_VERSION, people, views, str(Size(*size)), seed, picture_format, correspondence)
    folder = Path(out)
    _open_folder(folder, request)

    seeds = range(seed, seed + people)
    missing = [each for each in seeds if not _person_file(folder, each).exists()]
    finished = people - len(missing)
    if progress is not None:
        progress(finished, people)
    for _ in _write_people(folder, request, missing, workers):
        finished += 1
        if progress is not None:
            progress(finished, people)
    _write_tables(folder, seeds)
    return folder


def _open_folder(folder: Path, request: _Request) -> None:
    """Makes the folder, or checks that it holds what is asked for."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"'{folder}' is a file; give a folder for the data set.")
    for name in _FOLDERS:
        if name != "correspondence" or request.correspondence:
            (folder / name).mkdir(parents=True, exist_ok=True)
    description = folder / "dataset.json"
    if not description.exists():
        _write_text(description, json.dumps(asdict(request), indent=2) + "\n")
        return
    try:
        present = json.loads(description.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise InputError(f"'{description}' is not valid JSON ({error}); remove it or choose another folder.") from error
    for name, asked in asdict(request).items():
        if present.get(name) != asked:
            raise ConfigError(
                f"'{folder}' holds a data set with {name} = {present.get(name)}, and {name} = {asked} was asked for; "
                "choose another folder, or the same arguments to go on."
            )


def _write_people(folder: Path, request: _Request, seeds: list[int], workers: int) -> Iterator[None]:
    """Yields once for each person that is written."""
    if workers == 1 or len(seeds) <= 1:
        for seed in seeds:
            _write_person(folder, request, seed)
            yield
        return
    # Spawned, not forked: the caller may hold threads, which a fork would leave in an unusable state.
    context = multiprocessing.get_context("spawn")
    with _single_threaded_children(), ProcessPoolExecutor(min(workers, len(seeds)), mp_context=context) as pool:
        jobs = [pool.submit(_write_person, folder, request, seed) for seed in seeds]
        try:
            for job in as_completed(jobs):
                job.result()
                yield
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


@contextmanager
def _single_threaded_children() -> Generator[None]:
    """Lets worker processes use one thread each: their number is how the user chooses the cores."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _write_person(folder: Path, request: _Request, seed: int) -> None:
    """Writes all files of one person; the JSON file comes last and marks the person as finished."""
    person = make_person(seed)
    views = render_views(person, request.views, Size.parse(request.size))
    for view in views:
        name = f"{seed}_{view.index}"
        with write_atomically(folder / "images" / f"{name}.{request.picture_format}") as path:
            _save_picture(view, path)
        parsing = Image.fromarray(view.parsing)
        parsing.putpalette(LIP_PALETTE.ravel().tolist())
        with write_atomically(folder / "parsing" / f"{name}.png") as path:
            parsing.save(path)
    if request.correspondence:
        flow, state = pairwise_correspondence(views, _CORRESPONDENCE_STRIDE)
        for target, source in permutations(range(len(views)), 2):
            with write_atomically(folder / "correspondence" / f"{seed}_{target}_{source}.npz") as path:
                np.savez_compressed(path, flow=flow[target, source].astype(np.float16), state=state[target, source])
    record = {
        "seed": seed,
        "description": person.description,
        "views": [_describe(view, request.picture_format) for view in views],
    }
    _write_text(_person_file(folder, seed), json.dumps(record) + "\n")


def _save_picture(view: View, path: Path) -> None:
    image = Image.fromarray(view.image)
    if path.suffix == ".jpg":
        image.save(path, quality=95, subsampling=0)
    else:
        # Sensor noise hardly compresses: level 1 costs 15 % in size and a fifth of the time.
        image.save(path, compress_level=1)


def _describe(view: View, picture_format: str) -> dict[str, object]:
    return {
        "name": f"{view.seed}_{view.index}.{picture_format}",
        "seed": view.seed,
        "view": view.index,
        "yaw": round(view.camera.yaw, 2),
        "crop": view.camera.crop,
        "legs": view.pose.legs,
        "arms": list(view.pose.arms),
        "keypoints": [[round(x, 2), round(y, 2), int(mark)] for x, y, mark in view.keypoints.tolist()],
    }


def _write_tables(folder: Path, seeds: range) -> None:
    """Collects the people's files into annotation.csv, views.jsonl and pairs.csv."""
    annotation, lines, pairs = ["name:keypoints_y:keypoints_x"], list[str](), ["from,to"]
    for seed in seeds:
        record = json.loads(_person_file(folder, seed).read_text(encoding="utf-8"))
        for view in record["views"]:
            indices = [(-1, -1) if mark == OUT_OF_FRAME else (int(y), int(x)) for x, y, mark in view["keypoints"]]
            rows, columns = [row for row, _ in indices], [column for _, column in indices]
            annotation.append(f"{view['name']}:{rows}:{columns}")
            lines.append(json.dumps(view | {"description": record["description"]}))
        pairs += [f"{source['name']},{target['name']}" for source, target in permutations(record["views"], 2)]
    _write_text(folder / "annotation.csv", "\n".join(annotation) + "\n")
    _write_text(folder / "views.jsonl", "\n".join(lines) + "\n")
    _write_text(folder / "pairs.csv", "\n".join(pairs) + "\n")


def _person_file(folder: Path, seed: int) -> Path:
    return folder / "people" / f"{seed}.json"


def _write_text(path: Path, text: str) -> None:
    with write_atomically(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
