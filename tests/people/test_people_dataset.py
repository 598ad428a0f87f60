"""Data sets of synthetic people: layout, resuming, the same bytes every time."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from posable.errors import ConfigError, InputError, SizeError
from posable.imaging.size import Size
from posable.parsing.schemes import LIP_20, PISE_8, translate
from posable.people import correspondence, make_dataset, make_person, render_views

SIZE = Size(64, 44)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    return make_dataset(tmp_path_factory.mktemp("people") / "set", 2, 3, SIZE, seed=5, correspondence=True)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_files_hold_the_views(dataset):
    for seed in (5, 6):
        for view in render_views(make_person(seed), 3, SIZE):
            name = f"{seed}_{view.index}.png"
            assert np.array_equal(np.asarray(Image.open(dataset / "images" / name)), view.image)
            for folder, expected in (
                ("parsing", view.parsing),
                ("parsing8", translate(view.parsing, LIP_20, PISE_8)),
                ("garments", view.garments),
            ):
                with Image.open(dataset / folder / name) as stored:
                    assert stored.mode == "P"
                    assert np.array_equal(np.asarray(stored), expected)
            with Image.open(dataset / "mask" / name) as stored:
                assert np.array_equal(np.asarray(stored), np.rint(view.alpha * 255))
            with Image.open(dataset / "depth" / name) as stored:
                depth = np.asarray(stored)
            on_person = np.isfinite(view.depth)
            assert (depth[~on_person] == 0).all()
            assert np.abs(depth[on_person] / 1000 - view.depth[on_person]).max() <= 0.00051


def test_annotation_table_has_pixel_indices_and_minus_one_for_missing(dataset):
    lines = (dataset / "annotation.csv").read_text().splitlines()
    assert lines[0] == "name:keypoints_y:keypoints_x"
    assert len(lines) == 1 + 6
    views = {f"5_{view.index}.png": view for view in render_views(make_person(5), 3, SIZE)}
    for line in lines[1:4]:
        name, rows, columns = line.split(":")
        for (x, y, mark), row, column in zip(views[name].keypoints, json.loads(rows), json.loads(columns), strict=True):
            assert (row, column) == ((-1, -1) if mark == 0 else (int(y), int(x)))


def test_pairs_are_all_ordered_pairs_of_a_person(dataset):
    lines = (dataset / "pairs.csv").read_text().splitlines()
    expected = [f"{seed}_{a}.png,{seed}_{b}.png" for seed in (5, 6) for a, b in permutations(range(3), 2)]
    assert lines == ["from,to", *expected]


def test_views_are_described(dataset):
    views = [json.loads(line) for line in (dataset / "views.jsonl").read_text().splitlines()]
    assert [view["name"] for view in views] == [f"{seed}_{k}.png" for seed in (5, 6) for k in range(3)]
    assert {"seed", "view", "yaw", "crop", "legs", "arms", "keypoints", "description"} <= views[0].keys()


def test_correspondence_is_stored_at_half_resolution(dataset):
    views = render_views(make_person(6), 3, SIZE)
    flow, state = correspondence(views[2], views[0])
    with np.load(dataset / "correspondence" / "6_2_0.npz") as stored:
        assert np.abs(stored["flow"] / 16 - flow).max() <= 1 / 32 + 1e-4
        assert np.array_equal(stored["state"], state)


def test_an_interrupted_run_goes_on_and_ends_with_the_same_bytes(dataset, tmp_path):
    class Stopped(Exception):
        pass

    def stop_after_one(finished: int, total: int) -> None:
        if finished == 1:
            raise Stopped

    with pytest.raises(Stopped):
        make_dataset(tmp_path / "set", 2, 3, SIZE, seed=5, correspondence=True, progress=stop_after_one)
    first = tmp_path / "set" / "images" / "5_0.png"
    written = first.stat().st_mtime_ns
    seen: list[tuple[int, int]] = []
    make_dataset(tmp_path / "set", 2, 3, SIZE, 5, correspondence=True, progress=lambda *state: seen.append(state))
    assert seen == [(1, 2), (2, 2)]
    assert first.stat().st_mtime_ns == written
    assert contents(tmp_path / "set") == contents(dataset)


def test_two_workers_write_the_same_bytes(dataset, tmp_path):
    make_dataset(tmp_path / "set", 2, 3, SIZE, seed=5, workers=2, correspondence=True)
    assert contents(tmp_path / "set") == contents(dataset)


def test_other_arguments_in_the_same_folder_are_refused(dataset):
    with pytest.raises(ConfigError, match="holds a data set with views = 3, and views = 4 was asked for"):
        make_dataset(dataset, 2, 4, SIZE, seed=5, correspondence=True)


def test_pictures_can_be_jpeg(tmp_path):
    make_dataset(tmp_path, 1, 1, SIZE, seed=5, picture_format="jpg")
    with Image.open(tmp_path / "images" / "5_0.jpg") as picture:
        assert picture.size == (SIZE.width, SIZE.height)


def test_impossible_arguments_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="people is 0"):
        make_dataset(tmp_path, 0, 3, SIZE, seed=5)
    with pytest.raises(ConfigError, match="png or jpg"):
        make_dataset(tmp_path, 1, 3, SIZE, seed=5, picture_format="gif")
    with pytest.raises(SizeError):
        make_dataset(tmp_path, 1, 3, Size(4, 4), seed=5)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        make_dataset(tmp_path / "file", 1, 1, SIZE, seed=5)
