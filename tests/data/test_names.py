"""Names of DeepFashion and Market-1501, against names that the published lists contain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posable.data.deepfashion_names import DeepFashionName, flatten, identity, parse_name, unflatten
from posable.data.market1501 import parse_market_name
from posable.errors import InputError

PUBLISHED = {
    "img/WOMEN/Blouses_Shirts/id_00000479/02_2_side.jpg": "fashionWOMENBlouses_Shirtsid0000047902_2side.jpg",
    "img/MEN/Denim/id_00000080/01_7_additional.jpg": "fashionMENDenimid0000008001_7additional.jpg",
    "img/WOMEN/Rompers_Jumpsuits/id_00004304/04_1_front.jpg": "fashionWOMENRompers_Jumpsuitsid0000430404_1front.jpg",
    "img/WOMEN/Dresses/id_00000012/03_additional.jpg": "fashionWOMENDressesid0000001203_additional.jpg",
}


@pytest.mark.parametrize(("tree", "flat"), PUBLISHED.items())
def test_published_names_are_flattened_and_back(tree: str, flat: str) -> None:
    assert flatten(tree) == flat
    assert unflatten(flat) == tree
    assert flatten(flat) == flat


@given(
    name=st.builds(
        DeepFashionName,
        gender=st.sampled_from(["WOMEN", "MEN"]),
        category=st.sampled_from(["Dresses", "Tees_Tanks", "Jackets_Vests", "Sweatshirts_Hoodies", "Suiting"]),
        item=st.integers(0, 99_999_999).map("{:08d}".format),
        colour=st.integers(1, 99).map("{:02d}".format),
        view=st.sampled_from(["1", "2", "3", "4", "6", "7"]),
        side=st.sampled_from(["front", "side", "back", "full", "flat", "additional"]),
    )
)
def test_every_name_survives_both_ways(name: DeepFashionName) -> None:
    assert parse_name(name.tree) == name == parse_name(name.flat)


def test_the_identity_is_the_item_in_whatever_colour() -> None:
    first, second = "fashionMENDenimid0000008001_1front.jpg", "img_highres/MEN/Denim/id_00000080/02_3_back.jpg"
    assert identity(first) == identity(second) == "MEN/Denim/id_00000080"
    assert identity("fashionWOMENDenimid0000008001_1front.jpg") != identity(first)


def test_names_of_other_corpora_still_have_an_identity() -> None:
    assert identity("000123_04.jpg") == "000123"


def test_a_foreign_name_is_no_name_of_deepfashion() -> None:
    with pytest.raises(InputError, match=r"'dress\.jpg' is no name of DeepFashion In-shop; expected img/WOMEN/"):
        flatten("dress.jpg")


def test_a_market_name_tells_person_camera_sequence_frame_and_box() -> None:
    name = parse_market_name("0002_c1s1_000451_03.jpg")
    assert (name.person, name.camera, name.sequence, name.frame, name.box) == ("0002", 1, 1, 451, 3)
    with pytest.raises(InputError, match=r"is no name of Market-1501; expected one like 0002_c1s1_000451_03\.jpg"):
        parse_market_name("2_c1s1.jpg")
