"""Where the pairs of an evaluation come from: the folder of a corpus, or people-1 drawn when it is needed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple, Protocol

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from posable.batch import PersonPair
from posable.data.corpora import read_corpus
from posable.data.corpus_index import CorpusIndex
from posable.data.framing import Framing
from posable.data.pair_dataset import PairDataset
from posable.data.people1 import People1, is_people1
from posable.data.pictures import read_picture
from posable.errors import ConfigError, ImageError, InputError, SizeError
from posable.evaluation.protocol import EvaluationProtocol
from posable.evaluation.rendered_views import RenderedViews
from posable.people.benchmark import PEOPLE_1
from posable.progress import StageProgressCallback


class PairName(NamedTuple):
    source: str
    target: str

    @property
    def stems(self) -> tuple[str, str]:
        """Both names without the suffix, which differs between copies of a corpus."""
        return str(PurePosixPath(self.source).with_suffix("")), str(PurePosixPath(self.target).with_suffix(""))

    @property
    def file_stem(self) -> str:
        """As the field's scripts name generated pictures: SOURCE_2_TARGET_vis."""
        source, target = (stem.replace("/", "-").replace("\\", "-") for stem in self.stems)
        return f"{source}_2_{target}_vis"


@dataclass(frozen=True)
class PairsAbout:
    """What the report says of the pairs."""

    corpus: str
    split: str
    listed: int
    """Pairs of the split, before anything is left out."""
    left_out: dict[str, int]
    """How many of them cannot be used, by reason; what a subset does not ask for is not left out."""
    list_sha256: str
    """Of the asked pairs: see `list_hash`."""


class EvaluationPairs(Protocol):
    """The asked pairs of a protocol, in order."""

    @property
    def names(self) -> Sequence[PairName]: ...

    @property
    def people(self) -> Sequence[str]:
        """Whom each pair shows: pairs of one person are no independent witnesses."""
        ...

    @property
    def about(self) -> PairsAbout: ...

    @property
    def has_parsing(self) -> bool: ...

    @property
    def training_pictures(self) -> Sequence[str]:
        """Names of all pictures of the training split; empty when they are not there."""
        ...

    def prepare(self, workers: int, progress: StageProgressCallback) -> None:
        """Does what takes long, once, before the first pair is read."""
        ...

    def __getitem__(self, index: int) -> PersonPair:
        """One pair, as a batch of size 1; raises ImageError when a picture of it is damaged."""
        ...

    def training_picture(self, name: str) -> UInt8[Tensor, "3 h w"]:
        """Uint8 (3, h, w), RGB, at the protocol's size; raises ImageError when it is damaged."""
        ...

    def training_fingerprint(self, names: Sequence[str]) -> str:
        """Changes when one of these pictures does, or how it is brought to the protocol's size."""
        ...


def subset(names: Sequence[PairName], count: int | None, seed: int) -> list[PairName]:
    """The pairs whose SHA-256 of "posable/SEED/SOURCE/TARGET" comes first, in the order of `names`; None gives all.

    Names are taken without suffix. A smaller subset lies inside a larger one of the same seed. Raises ConfigError when
    there are fewer pairs.
    """
    if count is None:
        return list(names)
    if count > len(names):
        raise ConfigError(f"{count} pairs were asked for, and the list has {len(names):,}; ask for at most that many.")
    chosen = set(sorted(names, key=lambda name: _sha256("/".join(("posable", str(seed), *name.stems))))[:count])
    return [name for name in names if name in chosen]


def list_hash(names: Iterable[Sequence[str]]) -> str:
    """SHA-256 of one line for each entry, its names without suffix joined by a comma, each line ended by a newline."""
    return _sha256("".join(",".join(name) + "\n" for name in names))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def open_pairs(protocol: EvaluationProtocol, data: str | None, cache: Path) -> EvaluationPairs:
    """The protocol's pairs in the folder `data`; people-1's are drawn into `cache` when `data` is None or "people-1".

    Raises InputError or ConfigError when the folder is no corpus that the protocol is for.
    """
    if data is None or (data == PEOPLE_1.name and not Path(data).exists()):
        if protocol.corpora[0] != PEOPLE_1.name:
            raise InputError(
                f"the protocol {protocol.name} needs a corpus: add --data with a folder in the layout "
                f"{' or '.join(protocol.corpora)}."
            )
        return DrawnPeople(protocol, cache)
    return CorpusPairs(protocol, data)


class DrawnPeople:
    """people-1's pairs, drawn by the generator when `prepare` is called; kept in the cache folder, view by view."""

    has_parsing = True
    training_pictures: Sequence[str] = ()

    def __init__(self, protocol: EvaluationProtocol, cache: Path) -> None:
        every = [
            PairName(f"{seed:05d}_{source}.png", f"{seed:05d}_{target}.png")
            for seed, source, target in PEOPLE_1.pairs(protocol.split)
        ]
        self.names = subset(every, protocol.pairs, protocol.subset_seed)
        self.people = [name.source.partition("_")[0] for name in self.names]
        self.about = PairsAbout(
            PEOPLE_1.name, protocol.split, len(every), {}, list_hash(name.stems for name in self.names)
        )
        self._views = RenderedViews(protocol.size, cache)

    def prepare(self, workers: int, progress: StageProgressCallback) -> None:
        self._views.render(sorted({_view(name) for pair in self.names for name in pair}), workers, progress)

    def __getitem__(self, index: int) -> PersonPair:
        source, target = self.names[index]
        return self._views.pair(_view(source), _view(target))

    def training_picture(self, name: str) -> UInt8[Tensor, "3 h w"]:
        raise AssertionError(f"'{name}' is no training picture: none are drawn")

    def training_fingerprint(self, names: Sequence[str]) -> str:
        return list_hash([name] for name in names)


def _view(name: str) -> tuple[int, int]:
    person, _, view = PurePosixPath(name).stem.partition("_")
    return int(person), int(view)


class CorpusPairs:
    """The pairs of a corpus in a folder."""

    def __init__(self, protocol: EvaluationProtocol, data: str) -> None:
        root = Path(data)
        index = read_corpus(root, size=protocol.size)
        _check_corpus(protocol, index)
        self._index = index
        whole = index.pairs.get(protocol.split, [])
        usable = [PairName(*pair) for pair in index.usable_pairs(protocol.split)]
        self.names = subset(usable, protocol.pairs, protocol.subset_seed)
        shown = {name for pair in self.names for name in pair}
        check_names(root, self.names)
        parsing = index.parsing_labels is not None and all(index.images[name].parsing for name in shown)
        # Only what is asked has to be on disk: a subset can be judged on part of a corpus.
        asked = replace(index, pairs={protocol.split: list(self.names)})
        if is_people1(root):
            self._data: PairDataset = People1(root, protocol.split, correspondence=False)
            self._data.pairs = list(self.names)
        else:
            self._data = PairDataset(asked, protocol.split, protocol.size, fit=protocol.fit, parsing=parsing)
        self.people = [index.images[name.source].person for name in self.names]
        left_out = {"without keypoints, or of unknown pictures": len(whole) - len(usable)}
        self.about = PairsAbout(
            index.corpus,
            protocol.split,
            len(whole),
            {reason: count for reason, count in left_out.items() if count},
            list_hash(name.stems for name in self.names),
        )
        self.has_parsing = parsing
        self.training_pictures = sorted(image.name for image in index.images_of("train"))
        self._protocol = protocol

    def prepare(self, workers: int, progress: StageProgressCallback) -> None:
        """Nothing takes long."""

    def __getitem__(self, index: int) -> PersonPair:
        return self._data[index]

    def training_picture(self, name: str) -> UInt8[Tensor, "3 h w"]:
        image = self._index.images[name]
        framing = Framing(image.size_of_keypoint_frame, self._protocol.size, self._protocol.fit, image.any_shape)
        try:
            pixels = np.array(framing.picture(read_picture(image.picture)))
        except SizeError as error:
            raise ImageError(f"'{image.picture}' {error}") from None
        return torch.from_numpy(pixels).permute(2, 0, 1)

    def training_fingerprint(self, names: Sequence[str]) -> str:
        lines = [[str(self._index.root.resolve()), self._protocol.fit]]
        for name in names:
            picture = self._index.images[name].picture
            told = picture.stat() if isinstance(picture, Path) and picture.is_file() else None
            lines.append([name, str(picture), f"{told.st_size} {told.st_mtime_ns}" if told else ""])
        return list_hash(lines)


def check_names(root: Path, names: Sequence[PairName]) -> None:
    """Raises InputError when two pairs would be drawn into one file: one of them would be judged by the other's."""
    first: dict[str, PairName] = {}
    for name in names:
        other = first.setdefault(name.file_stem, name)
        if other != name:
            raise InputError(
                f"'{root}' lists {other.source} with {other.target} and {name.source} with {name.target}, which would "
                "be drawn into one file; rename pictures that differ in a suffix or a separator alone."
            )


def _check_corpus(protocol: EvaluationProtocol, index: CorpusIndex) -> None:
    if index.corpus not in protocol.corpora:
        raise InputError(
            f"'{index.root}' holds {index.corpus}, but the protocol {protocol.name} is for "
            f"{' or '.join(protocol.corpora)}; give another folder or another protocol."
        )
    if index.corpus == PEOPLE_1.name and index.size != protocol.size:
        raise InputError(
            f"'{index.root}' holds pictures of {index.size}, and {protocol.title} judges {protocol.size}; give a "
            f"folder of that size, or leave --data out to have {PEOPLE_1.name} drawn."
        )
    if not index.pairs.get(protocol.split):
        known = ", ".join(split for split, pairs in index.pairs.items() if pairs) or "none"
        raise InputError(
            f"'{index.root}' has no pairs of the split {protocol.split}, which {protocol.name} judges (it has {known})."
        )
