"""DTD as something to inspect: textures by class, without people, keypoints or pairs."""

from __future__ import annotations

from pathlib import Path

from posable.data.corpus_index import SPLITS, CorpusImage, CorpusIndex, Problem, Split
from posable.data.tables import read_name_list
from posable.data.textures import DIVISIONS, Textures
from posable.imaging.size import Size

DTD = "dtd"
# Textures have sizes of their own; this stands for none.
_ANY_SIZE = Size(1, 1)


def is_dtd(root: Path) -> bool:
    """The folder is dtd/, or holds it."""
    return any((at / "images").is_dir() and any((at / "labels").glob("train*.txt")) for at in (root, root / "dtd"))


def texture_index(root: Path) -> CorpusIndex:
    """Every texture with its class as `person`, in the splits of the first division; lists are checked in all ten.

    Raises InputError when the folder is not DTD.
    """
    textures = Textures(root, "all")
    found = set(textures.names)
    split_of: dict[str, Split] = {}
    problems: list[Problem] = []
    missing: dict[str, Problem] = {}
    for division in DIVISIONS:
        place: dict[str, Split] = {}
        for split in SPLITS:
            path = textures.root / "labels" / f"{split}{division}.txt"
            for name in read_name_list(path) if path.is_file() else []:
                if name not in found:
                    detail = f"is named in '{path.name}', and there is no file."
                    missing.setdefault(name, Problem("missing-image", name, detail))
                if place.setdefault(name, split) != split:
                    detail = f"stands in {place[name]} and in {split} of division {division}."
                    problems.append(Problem("name-in-two-splits", name, detail))
        if division == DIVISIONS[0]:
            split_of = place
    images = {
        name: CorpusImage(
            name=name,
            split=split_of.get(name, "train"),
            person=name.split("/")[0],
            picture=textures.root / "images" / name,
            size_of_keypoint_frame=_ANY_SIZE,
        )
        for name in textures.names
    }
    return CorpusIndex(DTD, root, _ANY_SIZE, images, {}, None, (*missing.values(), *problems))
