"""Tables as Windows, spreadsheets and failed downloads leave them; pictures and LMDB folders that are broken."""

import sys
from pathlib import Path

import miniatures
import numpy as np
import pytest

from posable.data.corpora import read_corpus
from posable.data.deepfashion import DeepFashion
from posable.data.deepfashion_highres import DeepFashionLmdb, read_deepfashion_lmdb
from posable.data.tables import read_annotations, read_pairs, read_target_first_pairs
from posable.errors import ImageError, InputError, MissingExtraError
from posable.imaging.size import Size

FRAME = Size(256, 176)
DRAWN = miniatures.drawn_people()
PAIRS, NOTES = "fasion-resize-pairs-train.csv", "fasion-resize-annotation-train.csv"


@pytest.fixture
def patn(tmp_path: Path) -> Path:
    return miniatures.write_patn(tmp_path / "patn", DRAWN, picture_format="PNG")


@pytest.mark.parametrize("ends", [b"\r\n", b"\r", b"\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_byte_order_marks_change_nothing(patn: Path, ends: bytes, mark: bytes) -> None:
    expected = read_corpus(patn)
    for path in (*patn.glob("*.csv"), *patn.glob("*.lst")):
        path.write_bytes(mark + path.read_bytes().replace(b"\n", ends))
    found = read_corpus(patn)
    assert found.pairs == expected.pairs
    assert found.images == expected.images
    assert found.problems == ()


def test_a_quoted_comma_is_part_of_the_name(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text('from,to\n"a,1.jpg",b.jpg\n"c.jpg","d ""x"".jpg"\n')
    assert read_pairs(path) == ([("a,1.jpg", "b.jpg"), ("c.jpg", 'd "x".jpg')], [])


def test_columns_may_stand_in_any_order_and_among_others(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text(",to,from\n0,b.jpg,a.jpg\n")
    assert read_pairs(path)[0] == [("a.jpg", "b.jpg")]
    x, y = list(range(18)), list(range(20, 38))
    path.write_text(f"name:keypoints_x:keypoints_y\na.jpg: {x}: {y}\n")
    poses, _ = read_annotations(path, FRAME)
    assert np.array_equal(poses["a.jpg"].keypoints, np.stack([x, y], axis=1) + np.float32(0.5))


@pytest.mark.parametrize(
    ("table", "column", "header"), [(PAIRS, "to", "from,target"), (NOTES, "keypoints_y", "name:keypoints_x")]
)
def test_a_missing_column_is_named_with_its_file(patn: Path, table: str, column: str, header: str) -> None:
    lines = (patn / table).read_text().splitlines()
    (patn / table).write_text("\n".join([header, *lines[1:]]))
    with pytest.raises(InputError, match=f"{table}' has no column '{column}'; its first line must be"):
        read_corpus(patn)


def test_a_wrong_separator_shows_in_the_message(patn: Path) -> None:
    (patn / NOTES).write_text((patn / NOTES).read_text().replace(":", ";"))
    with pytest.raises(
        InputError, match="must be 'name:keypoints_y:keypoints_x', but is 'name;keypoints_y;keypoints_x'"
    ):
        read_corpus(patn)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<!DOCTYPE html><html>Sign in</html>", "is a web page \\(HTML\\), not a table: its download failed"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "is no UTF-8 text, so it is no table"),
        (b"from,to\na\0.jpg,b.jpg\n", "is no UTF-8 text"),
        (b" \n", "is empty; download it again"),
        (b'from,to\n"' + b"a" * 200_000 + b'",b\n', "is no table that can be read"),
    ],
)
def test_what_is_no_table_is_named(patn: Path, content: bytes, said: str) -> None:
    (patn / PAIRS).write_bytes(content)
    with pytest.raises(InputError, match=f"{PAIRS}' {said}"):
        read_corpus(patn)


def test_lines_that_cannot_be_used_are_left_out_and_told(patn: Path) -> None:
    name = DRAWN[0].views[0].flat
    notes = (patn / NOTES).read_text().splitlines()
    notes[1] = f"{name}: [1, 2]: [3, 4]"
    notes[2] = notes[2].replace("[", "[NaN, ", 1).rsplit(",", 1)[0] + "]"
    (patn / NOTES).write_text("\n".join([*notes, notes[3]]))
    (patn / PAIRS).write_text((patn / PAIRS).read_text() + f"{name}\nnobody.jpg,{name}\n")
    index = read_corpus(patn)
    told = {(problem.kind, problem.name): problem.detail for problem in index.problems}
    details = [problem.detail for problem in index.problems]
    assert f"line 2 has 2 numbers where a list of 18 numbers belongs, for '{name}'." in details
    assert any(detail.startswith("line 3 has") for detail in details)
    assert any(detail.startswith(f"line 8 names '{DRAWN[0].views[2].flat}' a second time") for detail in details)
    assert ("bad-table", PAIRS) in told
    assert "nobody.jpg" in told["unknown-file-in-pairs", "nobody.jpg"]
    assert index.images[name].keypoints is None
    dataset = DeepFashion(patn)
    # The 3 views of the first person make 6 pairs; two of the views lost their keypoints.
    assert (len(dataset), dataset.skipped) == (6, 7)


def test_a_split_with_one_of_its_two_tables_is_refused(patn: Path) -> None:
    (patn / NOTES).unlink()
    with pytest.raises(InputError, match=f"{NOTES}' is missing, though the other table of train is there"):
        read_corpus(patn)


def test_nted_lines_without_a_source_are_told(tmp_path: Path) -> None:
    path = tmp_path / "train_pairs.txt"
    path.write_text("t.jpg,a.jpg,b.jpg\nlonely.jpg\n\n")
    pairs, problems = read_target_first_pairs(path)
    assert pairs == [("a.jpg", "t.jpg"), ("b.jpg", "t.jpg")]
    assert [problem.detail for problem in problems] == ["line 2 has a target and no source; it needs `target,source`."]


def test_a_pose_file_that_is_none_is_told_and_the_picture_has_no_keypoints(tmp_path: Path) -> None:
    root = miniatures.write_highres(tmp_path, DRAWN, size=FRAME)
    first = sorted((root / "pose").rglob("*.txt"))[0]
    first.write_text("1 2\n3 4\n")
    (problem,) = read_corpus(root).problems
    assert problem.kind == "bad-table"
    assert "it needs 18 rows of two finite numbers" in problem.detail


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<html><title>Quota exceeded</title></html>", "is a web page \\(HTML\\), not a picture: its download failed"),
        (b"", "is empty"),
        (b"GIF", "is not a picture"),
    ],
)
def test_what_is_no_picture_is_named_when_it_is_loaded(patn: Path, content: bytes, said: str) -> None:
    dataset = DeepFashion(patn)
    name = dataset.pairs[0][1]
    (patn / "train" / name).write_bytes(content)
    with pytest.raises(ImageError, match=f"{name}' {said}"):
        _ = dataset[0]


def test_a_picture_of_a_foreign_shape_is_refused(patn: Path) -> None:
    dataset = DeepFashion(patn)
    name = dataset.pairs[0][0]
    from PIL import Image

    Image.new("RGB", (300, 100)).save(patn / "train" / name)
    with pytest.raises(ImageError, match="is 100x300, which cannot show its keypoints' frame of 256x176"):
        _ = dataset[0]


def test_missing_pictures_are_told_before_the_first_is_read(patn: Path) -> None:
    name = DRAWN[0].views[1].flat
    (patn / "train" / name).unlink()
    with pytest.raises(ImageError, match=rf"1 of 6 pictures of .* are missing, the first is '.*{name}'; 'posable data"):
        DeepFashion(patn)
    assert len(DeepFashion(patn, "test")) == 12


def test_missing_parsing_maps_are_told_before_the_first_is_read(tmp_path: Path) -> None:
    root = miniatures.write_pise(tmp_path, DRAWN)
    name = DRAWN[0].views[1].flat.replace(".jpg", ".png")
    (root / "trainSPL8" / name).unlink()
    with pytest.raises(ImageError, match=rf"1 of 6 parsing maps of .* are missing, the first is '.*{name}'"):
        DeepFashion(root)
    assert DeepFashion(root, parsing=False)[0].target_parsing is None


@pytest.mark.parametrize("kept", [0.0, 0.02, 0.5, 0.95])
def test_an_lmdb_that_is_cut_short_is_refused_before_it_is_read(tmp_path: Path, kept: float) -> None:
    root = miniatures.write_lmdb(tmp_path, DRAWN, sizes=(FRAME,))
    path = root / "256-176" / "data.mdb"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(InputError, match=r"data\.mdb' is (cut short|no LMDB file that can be read)"):
        DeepFashionLmdb(root)


def test_an_lmdb_of_garbage_is_refused(tmp_path: Path) -> None:
    root = miniatures.write_lmdb(tmp_path, DRAWN, sizes=(FRAME,))
    (root / "256-176" / "data.mdb").write_bytes(b"<html>" * 5000)
    with pytest.raises(InputError, match=r"data\.mdb' is no LMDB file that can be read .*download it again"):
        DeepFashionLmdb(root)


def test_keys_that_an_lmdb_lacks_are_told(tmp_path: Path) -> None:
    import lmdb

    root = miniatures.write_lmdb(tmp_path, DRAWN, sizes=(FRAME,))
    gone = DRAWN[0].views[0].path
    with lmdb.open(str(root / "256-176"), map_size=2**26) as environment, environment.begin(write=True) as transaction:
        transaction.delete(gone.replace(".jpg", ".png").encode())
    index = read_deepfashion_lmdb(root)
    assert [(problem.kind, problem.name) for problem in index.problems] == [
        ("missing-image", gone),
        ("wrong-lmdb-length", "256-176"),
    ]
    with pytest.raises(ImageError, match=f"1 of 6 pictures of .* are missing, the first is '{gone}'"):
        DeepFashionLmdb(root)


def test_without_the_lmdb_package_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = miniatures.write_lmdb(tmp_path, DRAWN, sizes=(FRAME,))
    monkeypatch.setitem(sys.modules, "lmdb", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'posable\[data\]'"):
        read_corpus(root)
