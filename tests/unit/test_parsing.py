"""The label schemes against what their authors wrote, and the way between them."""

import numpy as np
import pytest

from posable.errors import ConfigError, InputError
from posable.parsing.schemes import (
    ADGAN_8,
    ATR_18,
    CIHP_20,
    LIP_20,
    LIP_20_JUMPSUITS,
    PARSING_LABELS,
    PISE_8,
    PISE_8_AUTHOR,
    ParsingLabels,
    labels_named,
    palette,
    translate,
)

LIP_AS_PUBLISHED = """Background Hat Hair Glove Sunglasses Upper-clothes Dress Coat Socks Pants Jumpsuits Scarf Skirt
Face Left-arm Right-arm Left-leg Right-leg Left-shoe Right-shoe""".lower().split()
ATR_AS_PUBLISHED = """Background Hat Hair Sunglasses Upper-clothes Skirt Pants Dress Belt Left-shoe Right-shoe Face
Left-leg Right-leg Left-arm Right-arm Bag Scarf""".lower().split()


def test_the_schemes_are_those_that_their_authors_published() -> None:
    assert list(LIP_20_JUMPSUITS.classes) == LIP_AS_PUBLISHED
    assert list(ATR_18.classes) == ATR_AS_PUBLISHED
    cihp = [name if name != "jumpsuits" else "torso-skin" for name in LIP_AS_PUBLISHED]
    assert list(CIHP_20.classes) == cihp == list(LIP_20.classes)


def test_our_people_are_labelled_by_the_same_numbers() -> None:
    from posable.parsing.lip_labels import Lip

    spoken = {label.name.lower().replace("_", "-"): int(label) for label in Lip}
    assert spoken == {name: value for value, name in enumerate(LIP_20.classes)}


def test_cihp_becomes_pise_as_issue_2_maps_it() -> None:
    published = [0, 1, 1, 0, 0, 2, 3, 2, 7, 3, 6, 0, 3, 5, 6, 6, 7, 7, 4, 4]
    assert translate(np.arange(20), CIHP_20, PISE_8).tolist() == published


def test_the_author_of_pise_states_another_order() -> None:
    def becomes(name: str) -> int:
        return int(translate(np.array(CIHP_20.index(name)), CIHP_20, PISE_8_AUTHOR))

    assert [becomes(name) for name in ("background", "hat", "hair", "upper-clothes", "coat")] == [0, 1, 2, 3, 3]
    assert {becomes("pants"), becomes("skirt")} == {4, 5}
    assert {becomes(name) for name in ("left-arm", "right-arm", "left-leg", "right-leg")} == {6}
    assert becomes("face") == 7


def test_adgans_order_is_background_pants_hair_skirt_face_upper_arm_leg() -> None:
    names = ["background", "pants", "hair", "skirt", "face", "upper-clothes", "left-arm", "right-leg"]
    values = np.array([LIP_20.index(name) for name in names], np.uint8)
    assert translate(values, LIP_20, ADGAN_8).tolist() == [0, 1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("name", sorted(PARSING_LABELS))
def test_going_to_lip_and_back_keeps_every_class_that_lip_has(name: str) -> None:
    labels = PARSING_LABELS[name]
    values = np.arange(len(labels), dtype=np.uint8)
    back = translate(translate(values, labels, LIP_20), LIP_20, labels)
    without_a_place = {"bag": "background", "belt": "pants", "jumpsuits": "dress"}
    expected = [labels.index(without_a_place.get(each, each)) for each in labels.classes]
    assert back.tolist() == expected


@pytest.mark.parametrize("name", sorted(PARSING_LABELS))
def test_a_class_of_the_same_name_keeps_its_name(name: str) -> None:
    labels = PARSING_LABELS[name]
    for lip, class_name in enumerate(LIP_20.classes):
        if class_name in labels.classes:
            assert int(translate(np.array(lip), LIP_20, labels)) == labels.index(class_name)


def test_translation_keeps_the_shape_and_gives_bytes() -> None:
    image = np.random.default_rng(0).integers(0, 20, (7, 5))
    translated = translate(image, LIP_20, PISE_8)
    assert translated.shape == (7, 5)
    assert translated.dtype == np.uint8


def test_a_value_that_the_scheme_does_not_have_is_named() -> None:
    with pytest.raises(InputError, match="value 20, but LIP-20 has 0 to 19"):
        translate(np.array([[3, 20]]), LIP_20, ATR_18)


def test_schemes_are_found_by_name() -> None:
    assert labels_named("pise-8") is PISE_8
    with pytest.raises(ConfigError, match="no parsing scheme 'coco'; choose one of LIP-20"):
        labels_named("coco")
    with pytest.raises(ConfigError, match="PISE-8 has no class 'hat'"):
        PISE_8.index("hat")


def test_things_keep_their_colour_between_schemes() -> None:
    from posable.people.labels import LIP_PALETTE

    assert np.array_equal(palette(LIP_20), LIP_PALETTE)
    assert palette(PISE_8)[PISE_8.index("face")].tolist() == palette(LIP_20)[LIP_20.index("face")].tolist()
    for labels in PARSING_LABELS.values():
        colors = palette(labels)
        assert len(colors) == len(labels)
        assert len({tuple(color) for color in colors.tolist()}) == len(labels)


def test_every_scheme_begins_with_the_background() -> None:
    def check(labels: ParsingLabels) -> None:
        assert labels.classes[0] == "background"
        assert labels.to_lip[0] == labels.from_lip[0] == 0

    for labels in PARSING_LABELS.values():
        check(labels)
