"""The tables of a data set of people, collected from the records of those who are finished."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

from posable.errors import InputError
from posable.files import write_atomically
from posable.people.io.dataset_files import record_file
from posable.people.labels import OUT_OF_FRAME

ANNOTATION_HEADER = "name:keypoints_y:keypoints_x"
PAIRS_HEADER = "from,to"


def read_record(folder: Path, seed: int) -> dict[str, Any]:
    """What was stored about a finished person; raises InputError for a record that is no JSON."""
    path = record_file(folder, seed)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"'{path}' is damaged ({error}); remove it and run the same command again.") from None


def view_lines(record: dict[str, Any], **more: object) -> Iterator[str]:
    """One JSON line per view of a person: what describes the view, then the person."""
    person = {"garments": record["garments"], "description": record["description"]}
    for view in record["views"]:
        yield json.dumps(view | more | person)


def annotation_line(view: dict[str, Any]) -> str:
    """A view's keypoints as the field's tables have them: rows, then columns, of pixel indices, -1 out of frame."""
    marked = [(-1, -1) if mark == OUT_OF_FRAME else (int(y), int(x)) for x, y, mark in view["keypoints"]]
    return f"{view['name']}: {[row for row, _ in marked]}: {[column for _, column in marked]}"


def write_plain_tables(folder: Path, seeds: Iterable[int]) -> None:
    """annotation.csv, views.jsonl and pairs.csv (all ordered pairs of views of the same person)."""
    annotation, lines, pairs = [ANNOTATION_HEADER], list[str](), [PAIRS_HEADER]
    for seed in seeds:
        record = read_record(folder, seed)
        annotation += map(annotation_line, record["views"])
        lines += view_lines(record)
        pairs += [f"{source['name']},{target['name']}" for source, target in permutations(record["views"], 2)]
    write_lines(folder / "annotation.csv", annotation)
    write_lines(folder / "pairs.csv", pairs)
    write_lines(folder / "views.jsonl", lines)


def write_split_tables(
    folder: Path, split: str, prefix: str, seeds: Iterable[int], pairs: Iterable[tuple[int, int, int]]
) -> None:
    """The field's tables of a split: PREFIX-pairs-SPLIT.csv, PREFIX-annotation-SPLIT.csv and SPLIT.lst."""
    annotation, names = [ANNOTATION_HEADER], dict[tuple[int, int], str]()
    for seed in seeds:
        for view in read_record(folder, seed)["views"]:
            annotation.append(annotation_line(view))
            names[seed, view["view"]] = view["name"]
    listed = [f"{names[seed, source]},{names[seed, target]}" for seed, source, target in pairs]
    write_lines(folder / f"{prefix}-annotation-{split}.csv", annotation)
    write_lines(folder / f"{split}.lst", names.values())
    write_lines(folder / f"{prefix}-pairs-{split}.csv", [PAIRS_HEADER, *listed])


def write_views(folder: Path, people: Iterable[tuple[str, int]]) -> None:
    """views.jsonl of people, given as (split, seed)."""
    write_lines(
        folder / "views.jsonl",
        (line for split, seed in people for line in view_lines(read_record(folder, seed), split=split)),
    )


def write_lines(path: Path, lines: Iterable[str]) -> None:
    with write_atomically(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(f"{line}\n" for line in lines)
