"""Every layout, read from a miniature: where keypoints land, pair counts, names, what is recognised."""

import shutil
from collections.abc import Callable
from pathlib import Path

import miniatures
import numpy as np
import pytest
import torch
from miniatures import TEST_PAIRS, TRAIN_PAIRS, MiniView
from PIL import Image
from torch.utils.data import DataLoader

from posable.batch import collate
from posable.data.corpora import read_corpus
from posable.data.deepfashion import DeepFashion
from posable.data.deepfashion_highres import DeepFashionHighRes, DeepFashionLmdb
from posable.data.market1501 import Market1501
from posable.data.pair_dataset import PairDataset
from posable.errors import ConfigError, InputError
from posable.imaging.size import Size
from posable.parsing.schemes import LIP_20, PISE_8, PISE_8_AUTHOR, translate

DRAWN = miniatures.drawn_people()
VIEWS = [view for person in DRAWN for view in person.views]
WIDE = Size(512, 352)

Writer = Callable[[Path], Path]
LAYOUTS: dict[str, tuple[Writer, Callable[[Path], PairDataset]]] = {
    "patn": (lambda at: miniatures.write_patn(at, DRAWN, picture_format="PNG"), DeepFashion),
    "patn-uncropped": (lambda at: miniatures.write_patn(at, DRAWN, uncropped=True, picture_format="PNG"), DeepFashion),
    "patn-doubled": (
        lambda at: miniatures.write_patn(at, DRAWN, picture_format="PNG"),
        lambda at: DeepFashion(at, size=WIDE),
    ),
    "patn-stretched": (
        lambda at: miniatures.write_patn(at, DRAWN, picture_format="PNG"),
        lambda at: DeepFashion(at, size=Size(256, 256), fit="stretch"),
    ),
    "patn-letterboxed": (
        lambda at: miniatures.write_patn(at, DRAWN, picture_format="PNG"),
        lambda at: DeepFashion(at, size=Size(256, 256)),
    ),
    "gfla": (lambda at: miniatures.write_gfla(at, DRAWN, picture_format="PNG"), DeepFashion),
    "pise": (lambda at: miniatures.write_pise(at, DRAWN, picture_format="PNG"), DeepFashion),
    "pise-unpadded": (lambda at: miniatures.write_pise(at, DRAWN, padded=False, picture_format="PNG"), DeepFashion),
    "highres": (lambda at: miniatures.write_highres(at, DRAWN, picture_format="PNG"), DeepFashionHighRes),
    "highres-512": (
        lambda at: miniatures.write_highres(at, DRAWN, folder="img_highres", picture_format="PNG"),
        lambda at: DeepFashionHighRes(at, size=WIDE),
    ),
    "lmdb": (lambda at: miniatures.write_lmdb(at, DRAWN), DeepFashionLmdb),
    "lmdb-512": (lambda at: miniatures.write_lmdb(at, DRAWN), lambda at: DeepFashionLmdb(at, size=WIDE)),
    "market": (lambda at: miniatures.write_market(at, DRAWN, picture_format="PNG"), Market1501),
}


def view_named(name: str, dataset: PairDataset) -> MiniView:
    names = {view.flat: view for view in VIEWS} | {view.path: view for view in VIEWS}
    for number, person in enumerate(DRAWN):
        names |= {miniatures.market_name(number, index): view for index, view in enumerate(person.views)}
    return names[name]


def centre_of_light(image: torch.Tensor, x: float, y: float, reach: float) -> tuple[float, float]:
    """Centroid of the light within `reach` px of a place, (x, y), in the pixel-centre convention."""
    light = (image.mean(0).double() + 1).numpy() / 2
    rows, columns = np.indices(light.shape) + 0.5
    near = (abs(columns - x) <= reach) & (abs(rows - y) <= reach)
    weight = light * near
    return float((weight * columns).sum() / weight.sum()), float((weight * rows).sum() / weight.sum())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_square_drawn_at_a_keypoint_is_at_the_keypoint_after_loading(layout: str, tmp_path: Path) -> None:
    write, open_dataset = LAYOUTS[layout]
    dataset = open_dataset(write(tmp_path))
    scale = dataset.size.height / 256
    scale_x = scale * (256 / 176 if dataset.fit == "stretch" else 1)
    # Market's annotations are whole pixels of a picture less than half as wide.
    tolerance = 0.75 if layout == "market" else 0.05 if "patn" in layout or "pise" in layout else 0.15
    # White padding would count as light, so the corpus of padded squares is looked at with it taken away.
    for name in {name for pair in dataset.pairs[:4] for name in pair}:
        loaded, view = dataset.load(name), view_named(name, dataset)
        assert tuple(loaded.image.shape[1:]) == tuple(dataset.size) == tuple(loaded.pose.size)
        assert loaded.pose.visible.tolist() == (view.points[:, 0] >= 0).tolist()
        image = loaded.image.clone()
        if "pise" in layout:
            assert (image[:, :, :40] == 1).all()
            assert (image[:, :, 216:] == 1).all()
            image[:, :, :40] = image[:, :, 216:] = -1
        for x, y in loaded.pose.keypoints[loaded.pose.visible].tolist():
            found = centre_of_light(image, x, y, reach=6 * max(scale, scale_x))
            assert found == pytest.approx((x, y), abs=tolerance * max(scale, scale_x, 1))


def test_a_picture_of_the_working_size_is_copied_pixel_by_pixel(tmp_path: Path) -> None:
    for uncropped in (False, True):
        root = miniatures.write_patn(tmp_path / str(uncropped), DRAWN, uncropped=uncropped, picture_format="PNG")
        dataset = DeepFashion(root, "test")
        for name in {name for pair in dataset.pairs for name in pair}:
            loaded, view = dataset.load(name), view_named(name, dataset)
            assert torch.equal((loaded.image + 1) * 127.5, torch.from_numpy(view.image.transpose(2, 0, 1)).float())
            assert np.array_equal(loaded.pose.keypoints[loaded.pose.visible] - 0.5, view.points[loaded.pose.visible])


@pytest.mark.parametrize("padded", [True, False])
def test_parsing_follows_its_picture(padded: bool, tmp_path: Path) -> None:
    root = miniatures.write_pise(tmp_path, DRAWN, padded=padded, picture_format="PNG")
    dataset = DeepFashion(root)
    loaded = dataset.load(dataset.pairs[0][0])
    assert loaded.parsing is not None
    # The squares are upper clothes, LIP-20's 5; the maps hold PISE's 2.
    inside = (loaded.image[0, :, 40:216] > 0).numpy()
    assert np.array_equal(loaded.parsing.numpy()[:, 40:216] == LIP_20.index("upper-clothes"), inside)
    assert (loaded.parsing[:, :40] == 0).all()


def test_the_scheme_of_the_maps_can_be_named(tmp_path: Path) -> None:
    root = miniatures.write_pise(tmp_path, DRAWN)
    as_stated = DeepFashion(root, scheme=PISE_8_AUTHOR)
    parsing = as_stated.load(as_stated.pairs[0][0]).parsing
    assert parsing is not None
    hair = int(translate(np.array(PISE_8.index("upper-clothes")), PISE_8_AUTHOR, LIP_20))
    assert set(parsing.unique().tolist()) == {0, hair}


@pytest.mark.parametrize("layout", ["patn", "gfla", "pise", "highres", "lmdb", "market"])
def test_every_layout_is_recognised_and_has_its_pairs(layout: str, tmp_path: Path) -> None:
    write, open_dataset = LAYOUTS[layout]
    index = read_corpus(write(tmp_path))
    assert index.corpus == ("market-1501" if layout == "market" else f"deepfashion-{layout}")
    assert {split: len(pairs) for split, pairs in index.pairs.items()} == {"train": TRAIN_PAIRS, "test": TEST_PAIRS}
    assert len(index.images) == len(VIEWS)
    assert index.problems == ()
    for split in ("train", "test"):
        people = [{index.images[name].person for name in pair} for pair in index.pairs[split]]
        assert all(len(person) == 1 for person in people)
        assert len(set.union(*people)) == 2
    assert len({image.person for image in index.images.values()}) == 4
    dataset = open_dataset(tmp_path)
    assert (len(dataset), dataset.skipped) == (TRAIN_PAIRS, 0)
    batch = collate([dataset[0], dataset[5]])
    assert tuple(batch.target_image.shape) == (2, 3, *index.size)
    assert batch.target_image.min() >= -1
    assert batch.target_image.max() <= 1
    assert (batch.condition.source_parsing is not None) == (layout == "pise")


@pytest.mark.parametrize("padded", [True, False])
def test_pises_squares_are_cut_and_not_shrunk_for_other_methods(padded: bool, tmp_path: Path) -> None:
    root = miniatures.write_pise(tmp_path, DRAWN, padded=padded, picture_format="PNG")
    dataset = DeepFashion(root, size=Size(256, 176))
    name = dataset.pairs[0][0]
    loaded, view = dataset.load(name), view_named(name, dataset)
    assert torch.equal((loaded.image + 1) * 127.5, torch.from_numpy(view.image.transpose(2, 0, 1)).float())
    assert np.array_equal(loaded.pose.keypoints[loaded.pose.visible] - 0.5, view.points[loaded.pose.visible])
    assert loaded.parsing is not None
    assert np.array_equal(loaded.parsing.numpy() == LIP_20.index("upper-clothes"), view.parsing == 5)
    assert read_corpus(root, size=WIDE).size == Size(256, 176)


def test_the_frame_of_the_annotations_tells_gfla_from_pise(tmp_path: Path) -> None:
    pise = miniatures.write_pise(tmp_path / "pise", DRAWN)
    for split in ("train", "test"):
        shutil.rmtree(pise / f"{split}SPL8")
    assert read_corpus(pise).corpus == "deepfashion-pise"
    gfla = miniatures.write_gfla(tmp_path / "gfla", DRAWN)
    (gfla / "trainSPL8").mkdir()
    assert read_corpus(gfla).corpus == "deepfashion-gfla"


def test_the_first_of_a_pair_is_the_source(tmp_path: Path) -> None:
    patn = read_corpus(miniatures.write_patn(tmp_path / "patn", DRAWN)).pairs["train"]
    first, second = DRAWN[0].views[:2]
    assert patn[0] == (first.flat, second.flat)
    # NTED's lines begin with the target.
    nted = read_corpus(miniatures.write_highres(tmp_path / "nted", DRAWN)).pairs["train"]
    assert nted[0] == (second.path, first.path)


def test_pictures_are_found_in_the_original_archives_tree(tmp_path: Path) -> None:
    tables = miniatures.write_patn(tmp_path / "tables", DRAWN)
    root = miniatures.write_highres(tmp_path / "raw", DRAWN, size=Size(256, 176), picture_format="PNG")
    for table in (*tables.glob("*.csv"), *tables.glob("*.lst")):
        (root / table.name).write_bytes(table.read_bytes())
    dataset = DeepFashion(root, variant="patn")
    loaded, view = dataset.load(dataset.pairs[0][0]), DRAWN[0].views[0]
    assert torch.equal((loaded.image + 1) * 127.5, torch.from_numpy(view.image.transpose(2, 0, 1)).float())


def test_markets_own_folder_names_are_known_and_junk_is_left_out(tmp_path: Path) -> None:
    root = miniatures.write_market(tmp_path, DRAWN, raw_names=True)
    for junk in ("-1_c1s1_000401_03.jpg", "0000_c1s1_000151_01.jpg", "0042_c1s1_000151_01.jpg"):
        (root / "bounding_box_test" / junk).write_bytes(
            (root / "bounding_box_test" / "0004_c1s1_000451_01.jpg").read_bytes()
        )
    index = read_corpus(root)
    assert sorted(set(index.images) - {miniatures.market_name(n, v) for n in range(4) for v in range(3)}) == [
        "0042_c1s1_000151_01.jpg"
    ]
    assert index.images["0042_c1s1_000151_01.jpg"].keypoints is None


@pytest.mark.parametrize("layout", ["gfla", "highres"])
def test_high_resolution_pictures_of_another_shape_are_stretched_as_the_methods_do(layout: str, tmp_path: Path) -> None:
    write, open_dataset = LAYOUTS[layout]
    root = write(tmp_path)
    dataset = open_dataset(root)
    name = dataset.pairs[0][0]
    before = dataset.load(name)
    path = Path(str(dataset.index.images[name].picture))
    with Image.open(path) as picture:
        picture.resize((900, 1101)).save(path, "PNG")
    after = dataset.load(name)
    assert after.pose == before.pose
    assert (after.image - before.image).abs().mean() < 0.02


def test_loader_processes_read_the_same_pairs(tmp_path: Path) -> None:
    dataset = DeepFashionLmdb(miniatures.write_lmdb(tmp_path, DRAWN, sizes=(Size(256, 176),)), "test")
    # Read here first: an LMDB that is open must not be used in a process that was forked off.
    expected = collate([dataset[i] for i in range(4)])
    loader = DataLoader(dataset, batch_size=4, num_workers=1, collate_fn=collate)
    batch = next(iter(loader))
    assert batch.target_image.equal(expected.target_image)
    assert batch.condition.target_pose.keypoints.equal(expected.condition.target_pose.keypoints)


def test_half_a_corpus_is_not_taken_for_somebodys_photographs(tmp_path: Path) -> None:
    patn = miniatures.write_patn(tmp_path / "patn", DRAWN)
    highres = miniatures.write_highres(tmp_path / "highres", DRAWN, size=Size(256, 176))
    market = miniatures.write_market(tmp_path / "market", DRAWN, raw_names=True)
    dtd = miniatures.write_dtd(tmp_path)
    for table in [*patn.glob("*.csv"), *highres.glob("*.txt"), *market.glob("*.csv")]:
        table.unlink()
    for root in (patn, highres):
        with pytest.raises(InputError, match=r"looks like DeepFashion without its side files; add fasion-resize-pairs"):
            read_corpus(root)
    with pytest.raises(InputError, match=r"looks like Market-1501 without its tables; add market-pairs-train\.csv"):
        read_corpus(market)
    with pytest.raises(InputError, match="looks like DTD, which holds textures and nobody"):
        read_corpus(dtd)
    zipped = tmp_path / "zipped"
    zipped.mkdir()
    (zipped / "img_highres.zip").write_bytes(b"PK")
    with pytest.raises(InputError, match=r"holds archives and no corpus; unpack 'img_highres\.zip' first"):
        read_corpus(zipped)


def test_an_unknown_split_fit_or_layout_is_named(tmp_path: Path) -> None:
    root = miniatures.write_patn(tmp_path, DRAWN)
    with pytest.raises(ConfigError, match="no split 'val'; it has train, test"):
        DeepFashion(root, "val")
    with pytest.raises(ConfigError, match="fit is 'crop'; give letterbox or stretch"):
        DeepFashion(root, fit="crop")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="no corpus layout 'nted'; choose auto or one of deepfashion-patn"):
        read_corpus(root, "nted")
    with pytest.raises(InputError, match="does not exist; give the folder of a corpus"):
        read_corpus(tmp_path / "nowhere")
