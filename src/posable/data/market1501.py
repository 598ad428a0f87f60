"""Market-1501: 64x128 pictures of pedestrians, with PATN's pairs and annotations (`market-*.csv`)."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from posable.data.corpus_index import CorpusIndex, Split
from posable.data.flat_layout import FlatLayout, read_flat_layout
from posable.data.pair_dataset import PairDataset
from posable.errors import InputError
from posable.imaging.frame import Fit
from posable.imaging.size import Size
from posable.progress import ProgressCallback

__all__ = ["MARKET_SIZE", "Market1501", "MarketName", "parse_market_name", "read_market1501"]

MARKET_SIZE = Size(128, 64)
_NAME = re.compile(r"(-1|\d{4})_c(\d)s(\d)_(\d{6})_(\d{2})\.jpg(?:\.jpg)?")


@dataclass(frozen=True)
class MarketName:
    """What the name of a picture tells, as in 0002_c1s1_000451_03.jpg."""

    person: str
    """Four digits; 0000 for distractors and -1 for junk."""
    camera: int
    sequence: int
    frame: int
    box: int


def parse_market_name(name: str) -> MarketName:
    """What the name tells; raises InputError when it is no name of Market-1501."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise InputError(f"'{name}' is no name of Market-1501; expected one like 0002_c1s1_000451_03.jpg.")
    return MarketName(found[1], *(int(found[part]) for part in range(2, 6)))


def _person(name: str) -> str:
    return name.split("_", 1)[0]


MARKET_LAYOUT = FlatLayout(
    corpus="market-1501",
    size=MARKET_SIZE,
    frame=MARKET_SIZE,
    pairs=("market-pairs-{split}.csv",),
    annotations=("market-annotation-{split}.csv",),
    folders=("{split}", "bounding_box_{split}"),
    person_of=_person,
)


def read_market1501(root: str | os.PathLike[str], progress: ProgressCallback | None = None) -> CorpusIndex:
    """The index of Market-1501 with its tables; pictures in train/ and test/ or bounding_box_train/ and _test/.

    Pictures of nobody (junk and distractors) are left out unless a table names them. Raises InputError.
    """
    index = read_flat_layout(Path(root), MARKET_LAYOUT, progress)
    named = {name for pairs in index.pairs.values() for pair in pairs for name in pair}
    images = {
        name: image
        for name, image in index.images.items()
        if image.keypoints is not None or name in named or _is_somebody(name)
    }
    return CorpusIndex(index.corpus, index.root, index.size, images, index.pairs, index.parsing_labels, index.problems)


def _is_somebody(name: str) -> bool:
    found = _NAME.fullmatch(name)
    return found is None or found[1] not in ("-1", "0000")


class Market1501(PairDataset):
    """Market-1501; see `PairDataset`."""

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: Split = "train",
        size: Size | None = None,
        *,
        fit: Fit = "letterbox",
    ) -> None:
        super().__init__(read_market1501(root), split, size, fit=fit, parsing=False)
