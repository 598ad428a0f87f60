"""Pairs come from the lists that protocols name, in any copy of a corpus; a subset is the same for everybody."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from miniatures import drawn_people, write_highres, write_market, write_patn

from posable.errors import ConfigError, InputError
from posable.evaluation.pairs import PairName, check_names, list_hash, open_pairs, subset
from posable.evaluation.protocol import PROTOCOLS
from posable.evaluation.rendered_views import RenderedViews
from posable.imaging.size import Size
from posable.people import make_person, render_views
from posable.people.benchmark import PEOPLE_1
from posable.progress import silent

NAMES = [PairName(f"{i}_a.png", f"{i}_b.png") for i in range(50)]


def test_a_subset_is_nested_seeded_and_keeps_the_order() -> None:
    ten, twenty = subset(NAMES, 10, 0), subset(NAMES, 20, 0)
    assert set(ten) < set(twenty)
    assert ten == [name for name in NAMES if name in set(ten)]
    assert subset(NAMES, 10, 1) != ten
    assert subset(NAMES, None, 0) == NAMES


def test_a_subset_is_what_the_documents_formula_says() -> None:
    ranked = sorted(
        NAMES, key=lambda n: hashlib.sha256(f"posable/0/{n.source[:-4]}/{n.target[:-4]}".encode()).hexdigest()
    )
    assert set(subset(NAMES, 7, 0)) == set(ranked[:7])


def test_a_subset_larger_than_the_list_is_refused() -> None:
    with pytest.raises(ConfigError, match="51 pairs were asked for, and the list has 50"):
        subset(NAMES, 51, 0)


def test_copies_of_a_corpus_in_png_and_jpeg_have_one_list_hash() -> None:
    as_jpeg = [PairName(*(name.replace(".png", ".jpg") for name in pair)) for pair in NAMES]
    assert list_hash(name.stems for name in NAMES) == list_hash(name.stems for name in as_jpeg)
    assert (
        list_hash(name.stems for name in NAMES)
        == hashlib.sha256("".join(f"{i}_a,{i}_b\n" for i in range(50)).encode()).hexdigest()
    )


def test_generated_pictures_are_named_as_the_scripts_of_the_field_do() -> None:
    assert PairName("img/WOMEN/id_1/02_1_front.jpg", "img/WOMEN/id_1/02_2_side.jpg").file_stem == (
        "img-WOMEN-id_1-02_1_front_2_img-WOMEN-id_1-02_2_side_vis"
    )


def test_people_1_is_drawn_in_the_order_of_the_benchmark(tmp_path: Path) -> None:
    pairs = open_pairs(PROTOCOLS["people-1"], None, tmp_path)
    assert len(pairs.names) == 8570
    assert [(int(p), int(n.source[6]), int(n.target[6])) for p, n in zip(pairs.people, pairs.names, strict=True)] == (
        PEOPLE_1.pairs("test")
    )
    assert pairs.about.corpus == "people-1"


def test_a_drawn_pair_has_the_pixels_of_the_renderer(tmp_path: Path) -> None:
    size = Size(64, 48)
    views = RenderedViews(size, tmp_path)
    views.render([(3, 0), (3, 4)], 1, silent)
    pair = views.pair((3, 0), (3, 4))
    source, target = render_views(make_person(3), [0, 4], size)
    as_levels = pair.target_image.add(1).mul(127.5).round().to(torch.uint8)[0].permute(1, 2, 0)
    assert (as_levels.numpy() == target.image).all()
    assert pair.condition.source_parsing is not None
    assert (pair.condition.source_parsing[0].numpy() == source.parsing).all()
    before = {path: path.stat().st_mtime_ns for path in views.folder.iterdir()}
    views.render([(3, 0), (3, 4)], 1, silent)
    assert {path: path.stat().st_mtime_ns for path in views.folder.iterdir()} == before


@pytest.mark.parametrize(
    ("name", "write"), [("dptn-2022", write_patn), ("nted-2022", write_highres), ("market-1501", write_market)]
)
def test_each_published_protocol_reads_its_corpus(name: str, write, tmp_path: Path) -> None:
    write(tmp_path / "data", drawn_people())
    pairs = open_pairs(PROTOCOLS[name].with_pairs(3), str(tmp_path / "data"), tmp_path)
    assert pairs.about.listed == 12
    assert len(pairs.names) == 3
    assert tuple(pairs[0].target_image.shape[-2:]) == PROTOCOLS[name].size
    assert len(pairs.training_pictures) == 6
    assert tuple(pairs.training_picture(pairs.training_pictures[0]).shape) == (3, *PROTOCOLS[name].size)


def test_a_subset_needs_only_its_own_pictures_on_disk(tmp_path: Path) -> None:
    root = write_patn(tmp_path / "data", drawn_people())
    protocol = PROTOCOLS["dptn-2022"].with_pairs(1)
    (asked,) = open_pairs(protocol, str(root), tmp_path).names
    for path in (root / "test").iterdir():
        if path.name not in asked:
            path.unlink()
    pairs = open_pairs(protocol, str(root), tmp_path)
    assert pairs[0].target_image.shape[0] == 1


def test_two_pairs_that_would_be_drawn_into_one_file_are_refused() -> None:
    names = [PairName("a/1.png", "a/2.png"), PairName("a/1.png", "a/2.png"), PairName("a/1.jpg", "a/2.png")]
    check_names(Path("data"), names[:2])
    with pytest.raises(InputError, match=r"'data' lists a/1.png with a/2.png and a/1.jpg with .* into one file; "):
        check_names(Path("data"), names)


def test_another_corpus_than_the_protocols_is_refused(tmp_path: Path) -> None:
    root = write_market(tmp_path / "data", drawn_people())
    with pytest.raises(InputError, match="holds market-1501, but the protocol dptn-2022 is for deepfashion-patn or"):
        open_pairs(PROTOCOLS["dptn-2022"], str(root), tmp_path)


def test_a_published_protocol_without_data_says_what_it_needs(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match="nted-2022 needs a corpus: add --data with a folder in the layout deepfashion-hi"
    ):
        open_pairs(PROTOCOLS["nted-2022"], None, tmp_path)


def test_a_split_that_is_not_there_is_told(tmp_path: Path) -> None:
    root = write_patn(tmp_path / "data", drawn_people())
    with pytest.raises(InputError, match="has no pairs of the split val"):
        open_pairs(replace(PROTOCOLS["dptn-2022"], split="val"), str(root), tmp_path)
