"""What an inspection found: counts, and problems grouped by kind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from posable.data.corpus_index import CorpusIndex, Problem
from posable.data.doctor.kinds import KINDS, kind_of
from posable.data.doctor.pictures import PictureFacts
from posable.data.doctor.textures import DTD


@dataclass(frozen=True)
class Comparison(Problem):
    """A problem of several images together."""

    others: tuple[str, ...] = ()
    """The images to compare `name` with; all of them, when `name` is no image."""


@dataclass(frozen=True)
class Finding:
    """All problems of one kind."""

    kind: str
    problems: tuple[Problem, ...]
    is_note: bool
    """Worth knowing, but nothing is wrong because of it."""

    @property
    def title(self) -> str:
        return kind_of(self.kind).title

    @property
    def advice(self) -> str:
        return kind_of(self.kind).advice


@dataclass(frozen=True)
class SplitCounts:
    """How much one split holds."""

    images: int
    people: int
    pairs: int
    with_keypoints: int
    with_parsing: int


@dataclass(frozen=True)
class Report:
    """What `inspect_corpus` gives back."""

    index: CorpusIndex
    facts: dict[str, PictureFacts]
    """What each picture was found to be, by its name in the index."""
    findings: tuple[Finding, ...]
    """In the order of the catalogue: what is wrong first, then notes."""

    @property
    def healthy(self) -> bool:
        """Nothing is wrong; there may be notes."""
        return all(finding.is_note for finding in self.findings)

    @property
    def people_are(self) -> str:
        """What the corpus means by a person: DeepFashion tells items of clothing apart, DTD classes of textures."""
        if self.index.corpus == DTD:
            return "classes"
        return "items" if self.index.corpus.startswith("deepfashion") else "people"

    @property
    def splits(self) -> dict[str, SplitCounts]:
        """Counts by split, in the order of the index."""
        found: dict[str, SplitCounts] = {}
        for split in self.index.splits:
            images = self.index.images_of(split)
            found[split] = SplitCounts(
                images=len(images),
                people=len({image.person for image in images}),
                pairs=len(self.index.pairs.get(split, [])),
                with_keypoints=sum(image.keypoints is not None for image in images),
                with_parsing=sum(image.parsing is not None for image in images),
            )
        return found

    def as_dict(self, examples: int) -> dict[str, Any]:
        """Plain values for JSON, with up to `examples` problems of each kind."""
        return {
            "corpus": self.index.corpus,
            "folder": str(self.index.root),
            "size": str(self.index.size),
            "healthy": self.healthy,
            "splits": {split: vars(counts) for split, counts in self.splits.items()},
            "findings": [
                {
                    "kind": finding.kind,
                    "title": finding.title,
                    "is_note": finding.is_note,
                    "count": len(finding.problems),
                    "advice": finding.advice,
                    "first": [{"name": each.name, "detail": each.detail} for each in finding.problems[:examples]],
                }
                for finding in self.findings
            ],
        }


def grouped(problems: Iterable[Problem], accepted: Collection[str] = ()) -> tuple[Finding, ...]:
    """The problems by kind, without repetitions; kinds that the caller accepts become notes."""
    by_kind: defaultdict[str, dict[tuple[str, str], Problem]] = defaultdict(dict)
    for problem in problems:
        by_kind[problem.kind].setdefault((problem.name, problem.detail), problem)
    order = {slug: place for place, slug in enumerate(KINDS)}
    findings = [
        Finding(slug, tuple(found.values()), kind_of(slug).is_note or slug in accepted)
        for slug, found in by_kind.items()
    ]
    return tuple(sorted(findings, key=lambda finding: (finding.is_note, order.get(finding.kind, len(order)))))
