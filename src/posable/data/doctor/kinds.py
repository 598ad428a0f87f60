"""What can be wrong with a corpus: for each kind of problem its title, and what to do about it."""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    """One kind of problem. A note is worth knowing, but nothing is wrong because of it."""

    title: str
    advice: str
    is_note: bool = False


KINDS: dict[str, Kind] = {
    "bad-table": Kind(
        "Lines that cannot be used", "Correct these lines in the file, or download it again; they are left out."
    ),
    "missing-image": Kind(
        "Missing pictures", "The tables name these files; unpack the whole archive beside the tables."
    ),
    "failed-download": Kind(
        "Failed downloads", "These files hold something else than a picture; fetch them again, logged in if need be."
    ),
    "unreadable-image": Kind("Unreadable pictures", "Empty, damaged or cut short; fetch them again."),
    "blank-image": Kind("Blank pictures", "Every pixel has nearly the same colour; leave these out."),
    "wrong-size": Kind(
        "Wrong sizes", "Keypoints and pixels do not fit together; use the pictures that the annotations were made for."
    ),
    "wrong-lmdb-length": Kind("LMDB folders of another length", "They were not written to the end; get them whole."),
    "missing-keypoints": Kind("Missing keypoints", "Pairs with these pictures are left out; get the full annotations."),
    "no-visible-keypoint": Kind("All keypoints missing", "No person was found in these; leave them out of the pairs."),
    "keypoints-outside-frame": Kind(
        "Keypoints outside the frame", "The annotations may be for another size or crop of the pictures."
    ),
    "nobody-found": Kind("Photos in which nobody was found", "Show the whole person, upright; or leave them out."),
    "no-person-in-name": Kind("Names that name nobody", "Rename these, or give another --person pattern."),
    "missing-parsing": Kind("Missing parsing maps", "Run the parser on these, or train without parsing."),
    "unreadable-parsing": Kind(
        "Unreadable parsing maps", "Make them again; a map is an 8-bit picture of label numbers."
    ),
    "unknown-label": Kind(
        "Labels outside the scheme", "The maps are of another label scheme; choose the right one by its name."
    ),
    "empty-parsing": Kind("Parsing maps without a person", "Only background in them; make them again."),
    "unknown-file-in-pairs": Kind("Pairs that name unknown files", "These pairs are left out; compare the name lists."),
    "self-pair": Kind("Pairs of a picture with itself", "They teach copying; leave them out."),
    "pair-of-two-people": Kind("Pairs of two people", "Source and target must show the same person; leave them out."),
    "pair-across-splits": Kind(
        "Pairs that reach into another split", "A test picture must not be trained on; leave these pairs out."
    ),
    "name-in-two-splits": Kind("Names in two splits", "One of them counts; correct the lists."),
    "identity-leak": Kind(
        "People in more than one split", "The test would measure memory; move each person to one split."
    ),
    "duplicate-picture": Kind("Duplicated pictures", "The same to the pixel under several names; keep one of each."),
    "near-duplicate": Kind(
        "Pictures that look the same", "Recompressed or resized copies; worth a look.", is_note=True
    ),
    "repeated-pair": Kind(
        "Pairs given more than once", "They count more than once in training and tests.", is_note=True
    ),
    "left-out": Kind(
        "Questionable when it was prepared", "Mend the raw corpus, and run the same command again.", is_note=True
    ),
    "unlabelled-image": Kind("Pictures without keypoints in no pair", "They are not used.", is_note=True),
    "single-picture-person": Kind("People with one picture only", "They are in no pair.", is_note=True),
    "empty-class": Kind("Parsing classes that never occur", "Fine when nobody wears such a thing.", is_note=True),
}
"""By slug, in the order of reports."""


def kind_of(slug: str) -> Kind:
    """The kind, also of a slug that only a reader of one layout knows."""
    return KINDS.get(slug) or Kind(slug.replace("-", " ").capitalize(), "See the sentences below.")
