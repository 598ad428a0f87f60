"""The data doctor: reads a corpus of any layout, decodes every picture, and says what is wrong with it.

report = inspect_corpus("fashion_data")
report.healthy, report.findings, report.splits
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from posable.data.corpora import read_corpus
from posable.data.corpus_index import CorpusIndex, existing_folder
from posable.data.inspect_checks import problems_of
from posable.data.inspect_pictures import PictureFacts, Progress, examine
from posable.data.inspect_report import Report, grouped
from posable.data.inspect_textures import DTD, is_dtd, texture_index
from posable.parsing import PISE_8, ParsingLabels


def inspect_corpus(
    root: str | os.PathLike[str],
    corpus: str = "auto",
    progress: Progress | None = None,
    *,
    labels: ParsingLabels = PISE_8,
    accepted: Collection[str] = (),
    workers: int | None = None,
    reading: Progress | None = None,
) -> Report:
    """Reads the corpus in the folder `root` and looks at every picture and parsing map of it.

    `corpus` names the layout, or is "auto"; it may also be "dtd". `labels` is the scheme of DeepFashion's *SPL8 maps.
    Kinds of problems in `accepted` become notes. `progress` is called with the pictures done and all pictures,
    `reading` likewise where keypoints come in many small files, or are detected. Raises InputError when the folder
    holds no corpus that is known, or a table of it cannot be used at all.
    """
    if corpus == DTD or (corpus == "auto" and is_dtd(Path(root))):
        index = texture_index(existing_folder(Path(root)))
    else:
        index = read_corpus(root, corpus, labels=labels, progress=reading)
    return inspect_index(index, progress, accepted=accepted, workers=workers)


def inspect_index(
    index: CorpusIndex,
    progress: Progress | None = None,
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
            progress(len(facts), len(images))
    return Report(index, facts, grouped(problems_of(index, facts), accepted))
