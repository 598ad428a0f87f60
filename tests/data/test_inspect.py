"""The data doctor: each thing that is broken on purpose is found, named and counted; what is sound is called sound."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from miniatures import (
    drawn_people,
    read_annotation_rows,
    write_dtd,
    write_gfla,
    write_highres,
    write_lmdb,
    write_market,
    write_patn,
    write_pise,
)
from PIL import Image

from posable.data.corpus_index import CorpusImage, CorpusIndex, Problem
from posable.data.doctor.inspect import inspect_corpus, inspect_index
from posable.data.doctor.kinds import KINDS
from posable.data.doctor.report import Report
from posable.errors import InputError
from posable.imaging.size import Size
from posable.pose.pose import Pose

WEB_PAGE = "<!DOCTYPE html><html><title>Quota exceeded</title><body>Sorry, you can't view this file.</body></html>"


def wrong(report: Report) -> dict[str, list[Problem]]:
    """What is wrong, without notes."""
    return {finding.kind: list(finding.problems) for finding in report.findings if not finding.is_note}


def notes(report: Report) -> dict[str, list[Problem]]:
    return {finding.kind: list(finding.problems) for finding in report.findings if finding.is_note}


@pytest.mark.parametrize("write", [write_patn, write_gfla, write_pise, write_highres, write_lmdb, write_market])
def test_nothing_is_wrong_with_a_sound_corpus_of_any_layout(write: Callable[..., Path], tmp_path: Path) -> None:
    if write is write_lmdb:
        pytest.importorskip("lmdb")
    report = inspect_corpus(write(tmp_path / "corpus", drawn_people()))
    assert wrong(report) == {}
    assert report.healthy
    assert {split: (counts.images, counts.people, counts.pairs) for split, counts in report.splits.items()} == {
        "train": (6, 2, 12),
        "test": (6, 2, 12),
    }


def test_textures_are_inspected_by_class(tmp_path: Path) -> None:
    root = write_dtd(tmp_path)
    report = inspect_corpus(root)
    assert (report.index.corpus, report.people_are) == ("dtd", "classes")
    assert wrong(report) == {}
    assert {split: counts.people for split, counts in report.splits.items()} == {"train": 3, "val": 3, "test": 3}
    first = min((root / "images" / "banded").iterdir())
    first.unlink()
    (root / "images" / "woven" / "woven_0001.jpg").write_text(WEB_PAGE)
    with (root / "labels" / "test1.txt").open("a") as listed:
        listed.write("dotted/dotted_0001.jpg\n")
    found = wrong(inspect_corpus(root))
    assert {kind: [problem.name for problem in problems] for kind, problems in found.items()} == {
        "missing-image": ["banded/banded_0001.jpg"],
        "failed-download": ["woven/woven_0001.jpg"],
        "name-in-two-splits": ["dotted/dotted_0001.jpg"],
    }


@pytest.fixture
def patn(tmp_path: Path) -> Path:
    return write_patn(tmp_path / "fashion_data", drawn_people(), parsing=True)


def first_picture(root: Path, split: str = "train", place: int = 0) -> Path:
    return sorted((root / split).glob("*.jpg"))[place]


def delete_picture(root: Path) -> None:
    first_picture(root).unlink()


def web_page_as_picture(root: Path) -> None:
    first_picture(root).write_text(WEB_PAGE)


def pointer_as_picture(root: Path) -> None:
    first_picture(root).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12345\n")


def truncate_picture(root: Path) -> None:
    path = first_picture(root)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty_picture(root: Path) -> None:
    first_picture(root).write_bytes(b"")


def blank_picture(root: Path) -> None:
    Image.new("RGB", (176, 256), "white").save(first_picture(root))


def squash_picture(root: Path) -> None:
    path = first_picture(root)
    Image.open(path).resize((256, 192)).save(path)


def delete_map(root: Path) -> None:
    (root / "trainSPL8" / f"{first_picture(root).stem}.png").unlink()


def web_page_as_map(root: Path) -> None:
    (root / "trainSPL8" / f"{first_picture(root).stem}.png").write_text(WEB_PAGE)


def background_as_map(root: Path) -> None:
    Image.new("L", (176, 256)).save(root / "trainSPL8" / f"{first_picture(root).stem}.png")


def move_keypoints_out(root: Path) -> None:
    table = root / "fasion-resize-annotation-train.csv"
    name = first_picture(root).name
    ys, xs = read_annotation_rows(table)[name]
    moved = [x + 150 if x >= 0 else x for x in xs]
    lines = [f"{name}: {ys}: {moved}" if line.startswith(name) else line for line in table.read_text().splitlines()]
    table.write_text("\n".join(lines))


def hide_all_keypoints(root: Path) -> None:
    table = root / "fasion-resize-annotation-train.csv"
    name = first_picture(root).name
    gone = f"{name}: {[-1] * 18}: {[-1] * 18}"
    table.write_text("\n".join(gone if line.startswith(name) else line for line in table.read_text().splitlines()))


def forget_keypoints(root: Path) -> None:
    table = root / "fasion-resize-annotation-train.csv"
    name = first_picture(root).name
    table.write_text("\n".join(line for line in table.read_text().splitlines() if not line.startswith(name)))


def copy_over_the_split(root: Path) -> None:
    # The person of training's first picture, so that the test pictures stay readable.
    shutil.copy(first_picture(root), first_picture(root, "test"))


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (delete_picture, "missing-image"),
        (web_page_as_picture, "failed-download"),
        (pointer_as_picture, "failed-download"),
        (truncate_picture, "unreadable-image"),
        (empty_picture, "unreadable-image"),
        (blank_picture, "blank-image"),
        (squash_picture, "wrong-size"),
        (delete_map, "missing-parsing"),
        (web_page_as_map, "unreadable-parsing"),
        (background_as_map, "empty-parsing"),
        (move_keypoints_out, "keypoints-outside-frame"),
        (hide_all_keypoints, "no-visible-keypoint"),
        (forget_keypoints, "missing-keypoints"),
        (copy_over_the_split, "duplicate-picture"),
    ],
)
def test_one_broken_thing_is_the_one_thing_found(spoil: Callable[[Path], None], kind: str, patn: Path) -> None:
    name = first_picture(patn).name
    spoil(patn)
    found = wrong(inspect_corpus(patn))
    # A squashed picture no longer fits its parsing map either, which is a second problem of the same kind.
    assert list(found) == [kind]
    assert {problem.name for problem in found[kind]} == {name}
    assert all(problem.detail.endswith(".") for problem in found[kind])


def test_pairs_are_checked(patn: Path) -> None:
    train, test = (sorted(path.name for path in (patn / split).glob("*.jpg")) for split in ("train", "test"))
    with (patn / "fasion-resize-pairs-train.csv").open("a") as table:
        table.write(f"{train[0]},{train[0]}\n")
        table.write(f"{train[0]},{train[-1]}\n")
        table.write(f"{test[0]},{test[1]}\n")
        table.write(f"{train[0]},fashionWOMENNobodyid0000000001_1front.jpg\n")
        table.write(f"{train[0]},{train[1]}\n")
    report = inspect_corpus(patn)
    found = wrong(report)
    assert list(found) == ["unknown-file-in-pairs", "self-pair", "pair-of-two-people", "pair-across-splits"]
    assert [problem.name for problem in found["self-pair"]] == [f"{train[0]} -> {train[0]}"]
    assert [problem.name for problem in found["pair-of-two-people"]] == [f"{train[0]} -> {train[-1]}"]
    assert "the test split" in found["pair-across-splits"][0].detail
    assert [problem.name for problem in notes(report)["repeated-pair"]] == [f"{train[0]} -> {train[1]}"]


def textured(seed: int, size: Size = Size(128, 96)) -> Image.Image:
    """A smooth random picture, which another seed makes quite different."""
    cells = np.random.default_rng(seed).integers(0, 256, (8, 6, 3)).astype(np.uint8)
    return Image.fromarray(cells).resize((size.width, size.height), Image.Resampling.BICUBIC)


def folder_index(root: Path, people: dict[str, tuple[str, str]]) -> CorpusIndex:
    """An index of pictures by name, with the split and the person of each; pictures that exist are left alone."""
    size = Size(128, 96)
    pose = Pose(np.full((18, 2), 40.0, np.float32), np.ones(18, bool), size)
    images: dict[str, CorpusImage] = {}
    for seed, (name, (split, person)) in enumerate(people.items()):
        if not (root / name).exists():
            textured(seed).save(root / name)
        images[name] = CorpusImage(name, split, person, root / name, size, pose)  # type: ignore[arg-type]
    return CorpusIndex("folder", root, size, images, {})


def test_a_person_in_two_splits_is_a_leak_and_one_with_a_single_picture_a_note(tmp_path: Path) -> None:
    where = {"a1.png": ("train", "anna"), "a2.png": ("test", "anna"), "b1.png": ("test", "ben")}
    report = inspect_index(folder_index(tmp_path, where))
    (leak,) = wrong(report)["identity-leak"]
    assert leak.name == "anna"
    assert "1 in train and 1 in test" in leak.detail
    assert [problem.name for problem in notes(report)["single-picture-person"]] == ["ben"]


def test_copies_are_found_to_the_pixel_whatever_their_format(tmp_path: Path) -> None:
    picture = textured(99)
    picture.save(tmp_path / "one.png")
    picture.save(tmp_path / "two.bmp")
    report = inspect_index(
        folder_index(tmp_path, dict.fromkeys(("one.png", "two.bmp", "three.png"), ("train", "anna")))
    )
    (copies,) = wrong(report)["duplicate-picture"]
    assert (copies.name, copies.detail) == ("one.png", "is the same as 'two.bmp'.")


def test_recompressed_and_resized_copies_look_the_same_and_other_pictures_do_not(tmp_path: Path) -> None:
    picture = textured(99)
    picture.save(tmp_path / "one.png")
    picture.save(tmp_path / "low.jpg", quality=40)
    picture.resize((192, 256)).save(tmp_path / "large.png")
    names = ["one.png", "low.jpg", "large.png", *(f"other{number}.png" for number in range(20))]
    report = inspect_index(folder_index(tmp_path, dict.fromkeys(names, ("train", "anna"))))
    found = {frozenset((problem.name, *problem.others)) for problem in notes(report)["near-duplicate"]}  # type: ignore[attr-defined]
    assert found == {
        frozenset(pair) for pair in (("one.png", "low.jpg"), ("one.png", "large.png"), ("low.jpg", "large.png"))
    }
    assert report.healthy


def test_what_is_accepted_becomes_a_note(patn: Path) -> None:
    delete_picture(patn)
    report = inspect_corpus(patn, accepted=["missing-image"])
    assert report.healthy
    assert len(notes(report)["missing-image"]) == 1


def test_progress_counts_every_picture(patn: Path) -> None:
    told: list[tuple[str, int, int]] = []
    inspect_corpus(patn, progress=lambda stage, done, total: told.append((stage, done, total)))
    assert [each for each in told if each[0] == "pictures"] == [("pictures", done, 12) for done in range(1, 13)]
    assert told[-1] == ("copies", 12, 12)


def test_worker_processes_find_what_one_process_finds(patn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    truncate_picture(patn)
    alone = inspect_corpus(patn, workers=1)
    monkeypatch.setattr("posable.data.doctor.pictures._POOL_FROM", 1)
    assert inspect_corpus(patn, workers=2).facts == alone.facts


def test_a_folder_without_a_corpus_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing here")
    with pytest.raises(InputError, match="no corpus that is known"):
        inspect_corpus(tmp_path)


def test_every_kind_says_what_to_do() -> None:
    for slug, kind in KINDS.items():
        assert slug == slug.lower()
        assert kind.advice.endswith("."), slug
        assert kind.title[0].isupper(), slug
