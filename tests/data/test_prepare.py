"""Preparing, going on after an interruption, reading what was prepared, and giving the field its files back."""

import errno
import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import miniatures
import numpy as np
import pytest
from miniatures import TEST_PAIRS, TRAIN_PAIRS
from PIL import Image

from posable.data.corpora import read_corpus
from posable.data.corpus_index import CorpusIndex
from posable.data.deepfashion import DeepFashion
from posable.data.export import export_corpus
from posable.data.framing import Framing
from posable.data.prepare import prepare_corpus
from posable.data.prepared import PreparedCorpus, read_prepared
from posable.errors import ConfigError, InputError
from posable.imaging.size import Size

DRAWN = miniatures.drawn_people()
FRAME = Size(256, 176)
WRITERS: dict[str, Callable[[Path], Path]] = {
    "patn": lambda at: miniatures.write_patn(at, DRAWN),
    "patn-uncropped": lambda at: miniatures.write_patn(at, DRAWN, uncropped=True),
    "gfla": lambda at: miniatures.write_gfla(at, DRAWN),
    "pise": lambda at: miniatures.write_pise(at, DRAWN),
    "highres": lambda at: miniatures.write_highres(at, DRAWN),
    "lmdb": lambda at: miniatures.write_lmdb(at, DRAWN),
    "market": lambda at: miniatures.write_market(at, DRAWN),
}


@pytest.fixture
def patn(tmp_path: Path) -> CorpusIndex:
    return read_corpus(miniatures.write_patn(tmp_path / "raw", DRAWN, parsing=False))


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("layout", WRITERS)
def test_a_prepared_corpus_gives_the_same_pairs_poses_and_pictures(layout: str, tmp_path: Path) -> None:
    index = read_corpus(WRITERS[layout](tmp_path / "raw"))
    done = prepare_corpus(index, tmp_path / "out")
    assert done.problems == ()
    assert (done.images, done.pairs) == (12, {"train": TRAIN_PAIRS, "test": TEST_PAIRS})
    prepared = read_corpus(tmp_path / "out")
    assert (prepared.corpus, prepared.size, prepared.pairs) == ("prepared", index.size, index.pairs)
    assert prepared.parsing_labels == index.parsing_labels
    assert list(prepared.images) == list(index.images)
    for name, image in index.images.items():
        copy = prepared.images[name]
        assert (copy.split, copy.person) == (image.split, image.person)
        assert image.keypoints is not None
        assert copy.keypoints is not None
        expected = Framing(image.size_of_keypoint_frame, index.size).pose(image.keypoints)
        assert np.array_equal(copy.keypoints.visible, expected.visible)
        assert np.allclose(copy.keypoints.keypoints, expected.keypoints, atol=1e-4)
    from posable.data.pair_dataset import PairDataset

    before, after = PairDataset(index, "test")[3], PreparedCorpus(tmp_path / "out", "test")[3]
    assert before.target_image.equal(after.target_image)
    assert before.condition.source_image.equal(after.condition.source_image)
    if layout == "pise":
        assert before.target_parsing is not None
        assert after.target_parsing is not None
        assert before.target_parsing.equal(after.target_parsing)


def test_pictures_that_fit_are_copied_byte_by_byte(patn: CorpusIndex, tmp_path: Path) -> None:
    prepare_corpus(patn, tmp_path / "out")
    for name, image in patn.images.items():
        assert (tmp_path / "out" / "images" / name).read_bytes() == Path(str(image.picture)).read_bytes()


def test_another_size_is_prepared_when_asked_for(tmp_path: Path) -> None:
    index = read_corpus(miniatures.write_highres(tmp_path / "raw", DRAWN))
    prepare_corpus(index, tmp_path / "out", Size(512, 352))
    prepared = read_prepared(tmp_path / "out")
    first = next(iter(prepared.images.values()))
    with Image.open(str(first.picture)) as picture:
        assert picture.size == (352, 512)
    assert first.keypoints is not None
    known = index.images[first.name].keypoints
    assert known is not None
    assert np.allclose(first.keypoints.keypoints, known.keypoints * 2, atol=1e-3)


def test_an_interrupted_run_goes_on_where_it_stopped(
    patn: CorpusIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    prepare_corpus(patn, whole)

    def stop_at_five(done: int, _total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare_corpus(patn, cut, progress=stop_at_five)
    with pytest.raises(InputError, match="is not finished; run the same 'posable data prepare' command again"):
        read_corpus(cut)
    kept = {path: path.stat().st_mtime_ns for path in (cut / "images").iterdir()}
    seen: list[tuple[int, int]] = []
    prepare_corpus(patn, cut, progress=lambda done, total: seen.append((done, total)))
    assert (seen[0], seen[-1], len(seen)) == ((5, 12), (12, 12), 8)
    assert all(path.stat().st_mtime_ns == when for path, when in kept.items())
    assert files_of(cut) == files_of(whole)


def test_a_disk_that_fills_up_loses_nothing_that_is_finished(
    patn: CorpusIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    prepare_corpus(patn, whole)
    write_bytes, written = Path.write_bytes, [0]

    def full_after_four(self: Path, data: bytes) -> int:
        written[0] += 1
        if written[0] > 4:
            write_bytes(self, data[:100])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self))
        return write_bytes(self, data)

    monkeypatch.setattr(Path, "write_bytes", full_after_four)
    with pytest.raises(InputError, match=r"the disk of .* is full; 4 of 12 pictures are finished and kept: make room"):
        prepare_corpus(patn, cut)
    monkeypatch.undo()
    assert len(list((cut / "images").iterdir())) == 4
    # The log's last line, cut by the full disk, must not spoil the next run.
    with (cut / ".prepare" / "done.jsonl").open("a") as log:
        log.write('{"name": "fashionWOM')
    prepare_corpus(patn, cut)
    assert files_of(cut) == files_of(whole)


def test_two_processes_write_what_one_writes(
    patn: CorpusIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("posable.data.prepare._POOL_FROM", 2)
    prepare_corpus(patn, tmp_path / "one")
    prepare_corpus(patn, tmp_path / "two", workers=2)
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


def test_preparing_again_adds_only_what_has_come_since(patn: CorpusIndex, tmp_path: Path) -> None:
    name = DRAWN[0].views[0].flat
    picture = Path(str(patn.images[name].picture))
    data = picture.read_bytes()
    picture.write_bytes(b"<!DOCTYPE html><title>Sorry</title>")
    done = prepare_corpus(patn, tmp_path / "out")
    assert [(problem.kind, problem.name) for problem in done.problems] == [("unreadable-image", name)]
    assert "web page" in done.problems[0].detail
    assert done.pairs == {"train": TRAIN_PAIRS - 4, "test": TEST_PAIRS}
    told = [json.loads(line) for line in (tmp_path / "out" / "problems.jsonl").read_text().splitlines()]
    assert [problem["name"] for problem in told] == [name]
    picture.write_bytes(data)
    seen: list[int] = []
    done = prepare_corpus(patn, tmp_path / "out", progress=lambda count, _total: seen.append(count))
    assert seen == [11, 12]
    assert done.problems == ()
    assert done.pairs["train"] == TRAIN_PAIRS


def test_preparing_again_takes_in_corrected_tables_and_newer_pictures(patn: CorpusIndex, tmp_path: Path) -> None:
    out = prepare_corpus(patn, tmp_path / "out").folder
    name, other = DRAWN[0].views[0].flat, DRAWN[0].views[1].flat
    notes = patn.root / "fasion-resize-annotation-train.csv"
    lines = notes.read_text().splitlines()
    nose = DRAWN[0].views[0].points[0]
    assert lines[1].startswith(f"{name}: [{nose[1]}, ")
    notes.write_text("\n".join([lines[0], lines[1].replace(f"[{nose[1]}, ", "[7, ", 1), *lines[2:]]))
    picture = patn.root / "train" / other
    newer = Image.new("RGB", (176, 256), "red")
    newer.save(picture)
    later = (out / "images" / other).stat().st_mtime + 5
    os.utime(picture, (later, later))
    seen: list[int] = []
    prepare_corpus(read_corpus(patn.root), out, progress=lambda done, _total: seen.append(done))
    assert seen == [11, 12]
    assert (out / "images" / other).read_bytes() == picture.read_bytes()
    pose = read_prepared(out).images[name].keypoints
    assert pose is not None
    assert pose.named()["nose"] == (nose[0] + 0.5, 7.5)


def test_a_folder_with_something_else_is_not_touched(patn: CorpusIndex, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare_corpus(patn, out)
    before = files_of(out)
    with pytest.raises(
        ConfigError, match=r"was prepared with size \[256, 176\], not \[512, 352\]; give another folder"
    ):
        prepare_corpus(patn, out, Size(512, 352))
    assert files_of(out) == before
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match="is not empty and holds no prepared corpus; give a new folder"):
        prepare_corpus(patn, other)
    with pytest.raises(InputError, match="is a file; give a folder"):
        prepare_corpus(patn, other / "thesis.txt")
    assert files_of(other) == {"thesis.txt": b"mine"}


def test_two_runs_never_write_to_one_folder(patn: CorpusIndex, tmp_path: Path) -> None:
    def start_another(_done: int, _total: int) -> None:
        with pytest.raises(InputError, match="another run is writing to"):
            prepare_corpus(patn, tmp_path / "out")

    assert prepare_corpus(patn, tmp_path / "out", progress=start_another).images == 12


def test_a_missing_parsing_map_is_told(tmp_path: Path) -> None:
    root = miniatures.write_pise(tmp_path / "raw", DRAWN)
    name = DRAWN[0].views[1].flat
    (root / "trainSPL8" / name.replace(".jpg", ".png")).unlink()
    done = prepare_corpus(read_corpus(root), tmp_path / "out")
    assert [(problem.kind, problem.name) for problem in done.problems] == [("missing-parsing", name)]
    assert done.images == 12


def test_names_that_lead_out_of_the_folder_are_refused(tmp_path: Path) -> None:
    root = miniatures.write_patn(tmp_path / "raw", DRAWN)
    (root / "evil.jpg").write_bytes((root / "train" / DRAWN[0].views[0].flat).read_bytes())
    notes = root / "fasion-resize-annotation-train.csv"
    lines = notes.read_text().splitlines()
    evil = ["../evil.jpg", "/evil.jpg", "a/../../evil.jpg", "/", "..", "C:/evil.jpg"]
    evil_lines = [lines[1].replace(DRAWN[0].views[0].flat, f'"{name}"') for name in evil]
    notes.write_text("\n".join([*lines, *evil_lines]))
    done = prepare_corpus(read_corpus(root), tmp_path / "deep" / "out")
    assert [problem.name for problem in done.problems] == evil
    assert all("leads out of the folder" in problem.detail for problem in done.problems)
    assert not list((tmp_path / "deep").rglob("evil.jpg"))


@pytest.mark.parametrize(
    ("writer", "layout", "tables"),
    [
        ("patn", "patn", ["fasion-resize-*.csv", "*.lst"]),
        ("highres", "nted", ["*_pairs.txt", "pose/**/*.txt"]),
        ("market", "market", ["market-*.csv"]),
    ],
)
def test_the_exported_tables_are_the_original_ones_byte_by_byte(
    writer: str, layout: str, tables: list[str], tmp_path: Path
) -> None:
    raw = WRITERS[writer](tmp_path / "raw")
    prepare_corpus(read_corpus(raw), tmp_path / "prepared")
    out = export_corpus(tmp_path / "prepared", tmp_path / "out", layout)  # type: ignore[arg-type]
    for pattern in tables:
        originals = sorted(raw.glob(pattern))
        assert originals
        for original in originals:
            assert (out / original.relative_to(raw)).read_bytes() == original.read_bytes()
    expected, found = read_corpus(raw), read_corpus(out)
    assert (found.corpus, found.pairs, found.problems) == (expected.corpus, expected.pairs, ())
    assert {name: image.keypoints for name, image in found.images.items()} == {
        name: image.keypoints for name, image in expected.images.items()
    }


@pytest.mark.parametrize("writer", ["patn", "patn-uncropped", "gfla", "pise", "highres", "lmdb"])
def test_one_lineage_of_deepfashion_becomes_the_other(writer: str, tmp_path: Path) -> None:
    prepare_corpus(read_corpus(WRITERS[writer](tmp_path / "raw")), tmp_path / "prepared")
    patn = export_corpus(tmp_path / "prepared", tmp_path / "patn", "patn")
    nted = export_corpus(tmp_path / "prepared", tmp_path / "nted", "nted")
    rows = miniatures.read_annotation_rows(patn / "fasion-resize-annotation-train.csv")
    for view in DRAWN[0].views:
        assert rows[view.flat] == [view.points[:, 1].tolist(), view.points[:, 0].tolist()]
        with Image.open(patn / "train" / view.flat) as picture:
            assert (picture.size, picture.format) == ((176, 256), "JPEG")
            light = np.asarray(picture.convert("L")) > 128
        x, y = view.points[view.points[:, 0] >= 0][0].tolist()
        assert light[y - 1 : y + 2, x - 1 : x + 2].all()
        text = np.loadtxt(nted / view.path.replace("img/", "pose/").replace(".jpg", ".txt"))
        assert np.array_equal(text, np.where(view.points < 0, -1, view.points + np.array([40, 0])))
        with Image.open(nted / view.path) as picture:
            assert picture.size == (176, 256)
    assert (patn / "trainSPL8").is_dir() == (writer == "pise")
    if writer == "pise":
        again = DeepFashion(patn)
        assert again.load(DRAWN[0].views[0].flat).parsing is not None


@pytest.mark.parametrize("size", [FRAME, Size(512, 352)])
def test_an_lmdb_folder_is_written_as_nted_reads_it(
    size: Size, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import lmdb

    # Small enough to fill up several times on the way.
    monkeypatch.setattr("posable.data.lmdb_pictures._FIRST_MAP_SIZE", 2**15)
    monkeypatch.setattr("posable.data.lmdb_pictures._PER_TRANSACTION", 5)
    raw = read_corpus(WRITERS["highres"](tmp_path / "raw"))
    prepare_corpus(raw, tmp_path / "prepared", size)
    out = export_corpus(tmp_path / "prepared", tmp_path / "out", "lmdb")
    assert read_corpus(out, size=size).problems == ()
    # Again, over what was just read.
    export_corpus(tmp_path / "prepared", out, "lmdb")
    folder = str(out / f"{size.height}-{size.width}")
    with lmdb.open(folder, readonly=True, lock=False) as environment, environment.begin() as transaction:
        assert transaction.get(b"length") == b"12"
        stored = bytes(transaction.get(DRAWN[0].views[0].path.replace(".jpg", ".png").encode()))
    with Image.open(io.BytesIO(stored)) as picture:
        assert (picture.format, picture.size) == ("PNG", (size.width, size.height))
    found = read_corpus(out, size=size)
    assert (found.corpus, found.size, found.pairs, found.problems) == ("deepfashion-lmdb", size, raw.pairs, ())
    assert found.images.keys() == raw.images.keys()
    assert not (out / "img").exists()


def test_an_export_that_makes_no_sense_is_refused(tmp_path: Path) -> None:
    prepare_corpus(read_corpus(WRITERS["market"](tmp_path / "raw")), tmp_path / "prepared")
    with pytest.raises(ConfigError, match="wants the shape of 256x176; prepare the corpus with --size 256x176 first"):
        export_corpus(tmp_path / "prepared", tmp_path / "out", "patn")
    with pytest.raises(ConfigError, match="no layout 'coco' to export to; choose one of patn, nted, lmdb, market"):
        export_corpus(tmp_path / "prepared", tmp_path / "out", "coco")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="is the prepared corpus itself"):
        export_corpus(tmp_path / "prepared", tmp_path / "prepared", "market")
    with pytest.raises(InputError, match=r"holds no corpus\.json; give a folder that 'posable data prepare' wrote"):
        export_corpus(tmp_path / "raw", tmp_path / "out", "market")


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("corpus.json", "{", "is broken JSON"),
        ("corpus.json", '{"format": "other"}', "give a folder that posable prepared"),
        ("corpus.json", '{"format": "posable-corpus", "version": 9}', "has version 9, but only 1 is known"),
        ("index.jsonl", '{"name": "../a.jpg", "split": "test", "file": "a"}', "leads out of the folder"),
        ("index.jsonl", '{"name": "a.jpg"}', "is broken in line 1; prepare the corpus again"),
        ("pairs-train.csv", "from;to\n", "has no column 'from'"),
    ],
)
def test_a_damaged_prepared_corpus_is_named(
    patn: CorpusIndex, tmp_path: Path, file: str, content: str, said: str
) -> None:
    out = prepare_corpus(patn, tmp_path / "out").folder
    (out / file).write_text(content)
    with pytest.raises(InputError, match=said):
        read_prepared(out)
