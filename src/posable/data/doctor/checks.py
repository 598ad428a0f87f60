"""Checks of a corpus: given what its reader and its pictures told, what is questionable about it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence

from posable.data.corpus_index import CorpusImage, CorpusIndex, Problem
from posable.data.doctor.duplicates import alike, same_pixels
from posable.data.doctor.pictures import PictureFacts
from posable.data.doctor.report import Comparison
from posable.data.doctor.textures import DTD
from posable.data.framing import frame_in_picture

# Layouts whose pictures are what the networks see, to the pixel; others are cropped or scaled when they are loaded.
_EXACT = {"deepfashion-lmdb", "market-1501", "people-1", "prepared"}
_POSE_TOLERANCE_PX = 0.51


def problems_of(
    index: CorpusIndex, facts: dict[str, PictureFacts], comparing: Callable[[int, int], None] | None = None
) -> Iterator[Problem]:
    """All that is questionable, notes included; `facts` has an entry for each image of the index.

    `comparing` is called with the pictures that were compared with others and all pictures.
    """
    yield from index.problems
    missing = {problem.name for problem in index.problems if problem.kind == "missing-image"}
    used = {name for pairs in index.pairs.values() for pair in pairs for name in pair}
    # Where keypoints are found in the pictures, an unreadable one, or one with nobody in it, has been told.
    told = {problem.name for problem in index.problems if problem.kind == "nobody-found"}
    if index.corpus == "folder":
        told |= {name for name, found in facts.items() if found.fault is not None}
    for name, image in index.images.items():
        if name not in missing:
            yield from _picture_problems(index, image, facts[name])
        yield from _parsing_problems(index, image, facts[name])
        if index.corpus != DTD and name not in told:
            yield from _keypoint_problems(image, used)
    if index.corpus != DTD:
        yield from _people_problems(index)
    yield from _pair_problems(index)
    yield from _copies(index, facts, comparing)
    yield from _empty_classes(index, facts)


def _picture_problems(index: CorpusIndex, image: CorpusImage, found: PictureFacts) -> Iterator[Problem]:
    if found.fault is not None:
        kind, sentence = found.fault
        yield Problem(kind, image.name, sentence)
    if found.is_blank:
        yield Problem("blank-image", image.name, "every pixel has nearly the same colour.")
    if found.size is None:
        return
    if index.corpus in _EXACT:
        if found.size != index.size:
            yield Problem("wrong-size", image.name, f"is {found.size}; this corpus has {index.size}.")
    elif index.corpus != DTD and frame_in_picture(found.size, image.size_of_keypoint_frame) is None:
        yield Problem(
            "wrong-size",
            image.name,
            f"is {found.size}, which has not the shape of its keypoints' frame of {image.size_of_keypoint_frame}.",
        )


def _parsing_problems(index: CorpusIndex, image: CorpusImage, found: PictureFacts) -> Iterator[Problem]:
    if index.parsing_labels is None:
        return
    if image.parsing is None:
        yield Problem("missing-parsing", image.name, "has no parsing map.")
        return
    if found.parsing_fault is not None:
        kind, sentence = found.parsing_fault
        yield Problem(kind, image.name, sentence)
    if (
        found.parsing_size is not None
        and found.size is not None
        and frame_in_picture(found.parsing_size, found.size) is None
    ):
        yield Problem(
            "wrong-size", image.name, f"has a parsing map of {found.parsing_size}, but is {found.size} itself."
        )
    if found.labels is None:
        return
    unknown = sorted(set(found.labels) - set(range(len(index.parsing_labels))))
    if unknown:
        yield Problem(
            "unknown-label",
            image.name,
            f"its parsing map holds {unknown[-1]}; the last label of {index.parsing_labels.name} is "
            f"{len(index.parsing_labels) - 1}.",
        )
    if set(found.labels) == {0}:
        yield Problem("empty-parsing", image.name, "its parsing map is all background.")


def _keypoint_problems(image: CorpusImage, used: set[str]) -> Iterator[Problem]:
    if image.keypoints is None:
        if image.name in used:
            yield Problem("missing-keypoints", image.name, "is named in pairs and has no keypoints.")
        else:
            yield Problem("unlabelled-image", image.name, "has no keypoints and is in no pair.")
        return
    if not image.keypoints.visible.any():
        yield Problem("no-visible-keypoint", image.name, "all of its keypoints are marked as missing.")
        return
    size = image.keypoints.size
    outside = [
        f"{name.replace('_', ' ')} at ({x:.0f}, {y:.0f})"
        for name, (x, y) in image.keypoints.named().items()
        if not (-_POSE_TOLERANCE_PX <= x <= size.width + _POSE_TOLERANCE_PX)
        or not (-_POSE_TOLERANCE_PX <= y <= size.height + _POSE_TOLERANCE_PX)
    ]
    if outside:
        more = f" and {len(outside) - 1} more" if len(outside) > 1 else ""
        yield Problem("keypoints-outside-frame", image.name, f"{outside[0]}{more}, in a frame of {size}.")


def _pair_problems(index: CorpusIndex) -> Iterator[Problem]:
    for split, pairs in index.pairs.items():
        for (source, target), count in Counter(pairs).items():
            title = f"{source} -> {target}"
            if count > 1:
                yield Problem("repeated-pair", title, f"is given {count} times in the {split} pairs.")
            if source == target:
                yield Problem("self-pair", title, f"source and target of this {split} pair are one picture.")
            if source not in index.images or target not in index.images:
                continue
            one, other = index.images[source], index.images[target]
            if one.person != other.person:
                detail = f"this {split} pair shows {one.person} and {other.person}."
                yield Comparison("pair-of-two-people", title, detail, (source, target))
            strangers = sorted({image.split for image in (one, other)} - {split})
            if strangers:
                yield Problem(
                    "pair-across-splits", title, f"this {split} pair has a picture of the {strangers[0]} split."
                )


def _people_problems(index: CorpusIndex) -> Iterator[Problem]:
    by_person: defaultdict[str, list[CorpusImage]] = defaultdict(list)
    for image in index.images.values():
        by_person[image.person].append(image)
    for person, images in by_person.items():
        counts = Counter(image.split for image in images)
        if len(counts) > 1:
            told = " and ".join(f"{count} in {split}" for split, count in counts.items())
            first = tuple(next(image.name for image in images if image.split == split) for split in counts)
            yield Comparison("identity-leak", person, f"has pictures in several splits: {told}.", first)
        if len(images) == 1:
            yield Problem("single-picture-person", person, f"has only '{images[0].name}'.")


def _copies(
    index: CorpusIndex, facts: dict[str, PictureFacts], comparing: Callable[[int, int], None] | None
) -> Iterator[Problem]:
    fingerprints = {
        name: found.fingerprint for name, found in facts.items() if found.fingerprint and not found.is_blank
    }
    for names in same_pixels(fingerprints):
        yield Comparison("duplicate-picture", names[0], _told_copies("is the same as", names, index), names[1:])
    for first, second in alike(fingerprints, comparing):
        sentence = _told_copies("looks the same as", (first, second), index)
        yield Comparison("near-duplicate", first, sentence, (second,))


def _told_copies(how: str, names: Sequence[str], index: CorpusIndex) -> str:
    splits = {index.images[name].split for name in names}
    people = {index.images[name].person for name in names}
    where = f"; they are in {' and '.join(sorted(splits))}" if len(splits) > 1 else ""
    whose = "; they count as different people" if len(people) > 1 else ""
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return f"{how} '{names[1]}'{more}{where}{whose}."


def _empty_classes(index: CorpusIndex, facts: dict[str, PictureFacts]) -> Iterator[Problem]:
    maps = [found.labels for found in facts.values() if found.labels is not None]
    if index.parsing_labels is None or not maps:
        return
    present = set().union(*maps)
    for label, name in enumerate(index.parsing_labels.classes):
        if label not in present:
            yield Problem("empty-class", name, f"no pixel of {len(maps):,} parsing maps has the label {label}.")
