"""The data doctor: reads a corpus of any layout, decodes every picture, and says what is wrong with it.

report = inspect_corpus("fashion_data")
report.healthy, report.findings, report.splits
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from dataclasses import replace
from functools import partial
from pathlib import Path

from posable.data.corpora import read_corpus
from posable.data.corpus_index import CorpusIndex, Problem, existing_folder
from posable.data.doctor.checks import problems_of
from posable.data.doctor.pictures import PictureFacts, examine
from posable.data.doctor.report import Report, grouped
from posable.data.doctor.textures import DTD, is_dtd, texture_index
from posable.data.prepared import PROBLEMS
from posable.parsing.schemes import PISE_8, ParsingLabels
from posable.progress import StageProgressCallback


def inspect_corpus(
    root: str | os.PathLike[str],
    corpus: str = "auto",
    progress: StageProgressCallback | None = None,
    *,
    scheme: ParsingLabels = PISE_8,
    accepted: Collection[str] = (),
    workers: int | None = None,
) -> Report:
    """Reads the corpus in the folder `root` and looks at every picture and parsing map of it.

    `corpus` names the layout, or is "auto"; it may also be "dtd". `scheme` is the scheme of DeepFashion's *SPL8 maps.
    Kinds of problems in `accepted` become notes. `progress` is called with a stage (reading, pictures, copies) and
    how much of it is done and to do. Raises InputError when the folder holds no corpus that is known, or a table of it
    cannot be used at all.
    """
    if corpus == DTD or (corpus == "auto" and is_dtd(Path(root))):
        index = texture_index(existing_folder(Path(root)))
    else:
        reading = partial(progress, "reading") if progress is not None else None
        index = read_corpus(root, corpus, scheme=scheme, progress=reading)
        if index.corpus == "prepared":
            index = replace(index, problems=(*index.problems, *_left_out(index.root / PROBLEMS)))
    return inspect_index(index, progress, accepted=accepted, workers=workers)


def _left_out(path: Path) -> list[Problem]:
    """What `prepare` told about the raw corpus."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [_told(line, path.name) for line in lines]


def _told(line: str, file: str) -> Problem:
    try:
        entry = json.loads(line)
        return Problem("left-out", entry["name"], f"{entry['kind']}: {entry['detail']}")
    except (ValueError, KeyError, TypeError):
        return Problem("bad-table", file, "has a line that is not one of posable's.")


def inspect_index(
    index: CorpusIndex,
    progress: StageProgressCallback | None = None,
    *,
    accepted: Collection[str] = (),
    workers: int | None = None,
) -> Report:
    """As `inspect_corpus`, for a corpus that has been read."""
    images = list(index.images.values())
    facts: dict[str, PictureFacts] = {}
    for image, found in zip(images, examine(images, workers), strict=True):
        facts[image.name] = found
        if progress is not None:
            progress("pictures", len(facts), len(images))
    comparing = partial(progress, "copies") if progress is not None else None
    return Report(index, facts, grouped(problems_of(index, facts, comparing), accepted))
