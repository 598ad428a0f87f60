"""people-1: the definition, the pair list, the pixels, and the layout that the field's code reads."""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import json
import platform
from collections import Counter
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from posable.errors import ConfigError, InputError
from posable.imaging.size import Size
from posable.parsing.schemes import LIP_20, PISE_8, translate
from posable.people import GENERATOR_VERSION, PEOPLE_1, make_benchmark
from posable.people.benchmark import variant_views
from posable.people.person import make_person

HASHES = Path(__file__).with_name("people1-hashes.json")
PAIRS_SHA256 = {
    "test": "dd2dff04553895f1",
    "val": "c404654a3f063594",
}


@pytest.fixture(scope="module")
def bake() -> ModuleType:
    path = Path(__file__).parents[2] / "scripts" / "bake_people1_hashes.py"
    spec = importlib.util.spec_from_file_location("bake_people1_hashes", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    """Two test people of the smallest variant, with one worker."""
    return make_benchmark("people-1", tmp_path_factory.mktemp("people-1") / "set", "test", "market", people=2)


def test_the_definition_is_frozen():
    assert GENERATOR_VERSION == PEOPLE_1.generator == 2
    assert PEOPLE_1.views == 6
    assert {name: (split.seeds, split.pairs) for name, split in PEOPLE_1.splits.items()} == {
        "train": (range(2000, 22000), 600_000),
        "val": (range(1000, 2000), 2_000),
        "test": (range(1000), 8_570),
    }
    assert {name: variant.size for name, variant in PEOPLE_1.variants.items()} == {
        "256x176": Size(256, 176),
        "512x352": Size(512, 352),
        "market": Size(128, 64),
    }


@pytest.mark.parametrize("split", ["test", "val", "train"])
def test_pairs_are_as_many_as_defined_and_of_one_person_each(split):
    pairs = PEOPLE_1.pairs(split)
    assert len(pairs) == len(set(pairs)) == PEOPLE_1.splits[split].pairs
    assert pairs == sorted(pairs)
    assert {seed for seed, _, _ in pairs} == set(PEOPLE_1.seeds(split))
    assert all(source != target for _, source, target in pairs)
    assert {view for _, source, target in pairs for view in (source, target)} == set(range(6))


@pytest.mark.parametrize("split", ["test", "val"])
def test_the_pair_list_is_this_one_and_no_other(split):
    text = "".join(f"{seed} {source} {target}\n" for seed, source, target in PEOPLE_1.pairs(split))
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == PAIRS_SHA256[split]


def test_everybody_has_eight_or_nine_test_pairs():
    counts = Counter(Counter(seed for seed, _, _ in PEOPLE_1.pairs("test")).values())
    assert counts == {8: 430, 9: 570}


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="measured on x86-64 alone")
def test_pixels_and_labels_are_those_that_were_frozen(bake):
    stored = json.loads(HASHES.read_text())
    if bake.numpy_line() not in stored["pixels"]:
        pytest.skip(f"digests are known for NumPy {', '.join(stored['pixels'])}")
    assert bake.pixel_digests() == stored["pixels"][bake.numpy_line()]


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="measured on x86-64 alone")
def test_files_have_the_bytes_that_were_frozen(bake):
    stored = json.loads(HASHES.read_text())
    if bake.compression() not in stored["files"]:
        pytest.skip(f"digests are known for {', '.join(stored['files'])}")
    assert bake.file_digest() == stored["files"][bake.compression()]


def test_tables_are_the_field_s(written):
    with (written / "market-pairs-test.csv").open(newline="") as stream:
        pairs = [(row["from"], row["to"]) for row in csv.DictReader(stream)]
    assert pairs == [
        (f"{seed:05d}_{source}.png", f"{seed:05d}_{target}.png")
        for seed, source, target in PEOPLE_1.pairs("test")
        if seed < 2
    ]
    names = (written / "test.lst").read_text().split()
    assert names == [f"{seed:05d}_{view}.png" for seed in (0, 1) for view in range(6)]
    lines = (written / "market-annotation-test.csv").read_text().splitlines()
    assert lines[0] == "name:keypoints_y:keypoints_x"
    views = {
        f"{seed:05d}_{view.index}.png": view
        for seed in (0, 1)
        for view in variant_views(make_person(seed), 6, PEOPLE_1.variant("market"))
    }
    assert len(lines) == 1 + len(views)
    for line in lines[1:]:
        name, rows, columns = line.split(":")
        for (x, y, mark), row, column in zip(views[name].keypoints, json.loads(rows), json.loads(columns), strict=True):
            if mark == 0:
                assert (row, column) == (-1, -1)
            else:
                assert abs(row + 0.5 - y) <= 0.51
                assert abs(column + 0.5 - x) <= 0.51


def test_pictures_and_labels_lie_where_the_field_looks(written):
    view = variant_views(make_person(1), [4], PEOPLE_1.variant("market"))[0]
    expected = {
        "test": view.image,
        "parsing": view.parsing,
        "testSPL8": translate(view.parsing, LIP_20, PISE_8),
        "garments": view.garments,
        "mask": np.rint(view.alpha * 255),
        "depth": np.where(np.isfinite(view.depth), np.rint(np.nan_to_num(view.depth, posinf=0) * 1000.0), 0),
    }
    for folder, array in expected.items():
        with Image.open(written / folder / "00001_4.png") as stored:
            assert np.abs(np.asarray(stored).astype(float) - array).max() <= (1 if folder == "depth" else 0), folder


def test_views_tell_garments_and_split(written):
    views = [json.loads(line) for line in (written / "views.jsonl").read_text().splitlines()]
    assert len(views) == 12
    assert {view["split"] for view in views} == {"test"}
    for view in views:
        with Image.open(written / "garments" / view["name"]) as stored:
            assert np.asarray(stored).max() <= len(view["garments"])
    assert {"skin", "shoes"} <= set(views[0]["garments"])


def test_a_split_is_added_to_a_folder_that_holds_another(written, tmp_path):
    make_benchmark("people-1", tmp_path, "test", "market", people=1)
    first = (tmp_path / "test" / "00000_0.png").stat().st_mtime_ns
    make_benchmark("people-1", tmp_path, "val", "market", people=1)
    make_benchmark("people-1", tmp_path, "test", "market", people=2)
    assert (tmp_path / "test" / "00000_0.png").stat().st_mtime_ns == first
    assert (tmp_path / "test.lst").read_text() == (written / "test.lst").read_text()
    assert (tmp_path / "val.lst").read_text().split()[0] == "01000_0.png"
    splits = Counter(json.loads(line)["split"] for line in (tmp_path / "views.jsonl").read_text().splitlines())
    assert splits == {"test": 12, "val": 6}


def test_what_cannot_be_is_refused_in_a_sentence(written, tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="no benchmark 'people-2'"):
        make_benchmark("people-2", tmp_path)
    with pytest.raises(ConfigError, match="no split 'dev'; choose all or one of train, val, test"):
        make_benchmark("people-1", tmp_path, "dev")
    with pytest.raises(ConfigError, match="no size '256x256'; choose one of 256x176, 512x352, market"):
        make_benchmark("people-1", tmp_path, "test", "256x256")
    with pytest.raises(ConfigError, match="holds a data set with size = 128x64, and size = 256x176 was asked for"):
        make_benchmark("people-1", written, "test", people=1)
    monkeypatch.setattr("posable.people.benchmark.GENERATOR_VERSION", 3)
    with pytest.raises(ConfigError, match="drawn by generator version 2, and this posable has version 3"):
        make_benchmark("people-1", tmp_path)
    (tmp_path / "dataset.json").write_text("[]")
    monkeypatch.undo()
    with pytest.raises(InputError, match="is not the description of a data set"):
        make_benchmark("people-1", tmp_path)
