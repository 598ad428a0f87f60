"""Miniatures of the field's corpora in their exact layouts, of synthetic people: 4 people, 3 views each.

Two people are for training and two for testing; all ordered pairs of a person's views are listed. `people()` renders
them once per process; `drawn_people()` draws crosses at known places instead, for tests of coordinates.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import permutations
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from posable.imaging.size import Size
from posable.people import make_person, render_views

SPLITS = ("train", "test")
TRAIN_PAIRS = TEST_PAIRS = 12
FRAME = Size(256, 176)
VIEWS = ("1_front", "2_side", "7_additional")

# As DeepFashion's folders name them: gender, category, item, colour.
_ITEMS = (
    ("WOMEN", "Blouses_Shirts", 479, 2),
    ("MEN", "Denim", 80, 1),
    ("WOMEN", "Dresses", 12, 3),
    ("MEN", "Jackets_Vests", 7084, 1),
)


@dataclass(frozen=True, eq=False)
class MiniView:
    """One picture, uint8 (256, 176, 3), with int (18, 2) pixel indices x, y (-1 missing) and LIP-20 parsing."""

    path: str
    """As in the high-resolution lineage: img/WOMEN/Blouses_Shirts/id_00000479/02_1_front.jpg."""
    image: npt.NDArray[np.uint8]
    points: npt.NDArray[np.int64]
    parsing: npt.NDArray[np.uint8]

    @property
    def flat(self) -> str:
        """As the PATN lineage flattens it, written out by hand here: first '_' of the file name kept, others gone."""
        _, gender, category, item, file = self.path.split("/")
        colour, *rest = file.split("_")
        return f"fashion{gender}{category}{item.replace('_', '')}{colour}_{''.join(rest)}"


@dataclass(frozen=True, eq=False)
class MiniPerson:
    split: str
    views: tuple[MiniView, ...]


@cache
def people() -> tuple[MiniPerson, ...]:
    """Rendered people; the last keypoint of each first view is missing, whatever it shows."""

    def person(number: int) -> MiniPerson:
        views: list[MiniView] = []
        for index, view in enumerate(render_views(make_person(number), len(VIEWS), FRAME)):
            points = np.floor(view.keypoints[:, :2]).astype(np.int64)
            points[view.keypoints[:, 2] == 0] = -1
            if index == 0:
                points[17] = -1
            views.append(MiniView(_path(number, index), view.image, points, view.parsing))
        return MiniPerson("train" if number < 2 else "test", tuple(views))

    return tuple(person(number) for number in range(len(_ITEMS)))


@cache
def drawn_people() -> tuple[MiniPerson, ...]:
    """Nobody: a white square of 5 px around the pixel of each keypoint on black; parsing 5 there and 0 elsewhere."""
    rng = np.random.default_rng(7)

    def view(number: int, index: int) -> MiniView:
        # Far enough apart to be told from each other, and from the frame.
        cells = rng.permutation(6 * 9)[:18]
        points = np.stack([cells % 6 * 28 + 18, cells // 6 * 27 + 18], axis=1) + rng.integers(-5, 6, (18, 2))
        points[rng.integers(18)] = -1
        image, parsing = np.zeros((*FRAME, 3), np.uint8), np.zeros(FRAME, np.uint8)
        for x, y in points[points[:, 0] >= 0]:
            image[y - 2 : y + 3, x - 2 : x + 3] = 255
            parsing[y - 2 : y + 3, x - 2 : x + 3] = 5
        return MiniView(_path(number, index), image, points, parsing)

    return tuple(
        MiniPerson("train" if number < 2 else "test", tuple(view(number, index) for index in range(len(VIEWS))))
        for number in range(len(_ITEMS))
    )


def _path(number: int, view: int) -> str:
    gender, category, item, colour = _ITEMS[number]
    return f"img/{gender}/{category}/id_{item:08d}/{colour:02d}_{VIEWS[view]}.jpg"


def write_patn(
    root: Path,
    cast: Sequence[MiniPerson] | None = None,
    *,
    uncropped: bool = False,
    parsing: bool = False,
    picture_format: str = "JPEG",
) -> Path:
    """The PATN / DPTN lineage: train/ and test/ with 176x256 crops, or, `uncropped`, the 256x256 originals."""
    cast = cast or people()
    for person in cast:
        for view in person.views:
            image = _with_margins(view.image, 40, 230) if uncropped else view.image
            _save(image, root / person.split / view.flat, picture_format)
            if parsing:
                _save_map(view.parsing, root / f"{person.split}SPL8" / view.flat.replace(".jpg", ".png"))
    _write_tables(root, cast, "fasion-resize-pairs", "fasion-resize-annotation")
    for split in SPLITS:
        names = [view.flat for person in cast if person.split == split for view in person.views]
        (root / f"{split}.lst").write_text("".join(f"{name}\n" for name in names))
    return root


def write_gfla(root: Path, cast: Sequence[MiniPerson] | None = None, *, picture_format: str = "JPEG") -> Path:
    """GFLA's: high-resolution pictures (750x1101) in train/ and test/, annotations still in the 176x256 frame."""
    cast = cast or people()
    for person in cast:
        for view in person.views:
            _save(_resized(view.image, Size(1101, 750)), root / person.split / view.flat, picture_format)
    _write_tables(root, cast, "fasion-pairs", "fasion-annotation")
    return root


def write_pise(
    root: Path, cast: Sequence[MiniPerson] | None = None, *, padded: bool = True, picture_format: str = "JPEG"
) -> Path:
    """PISE's: 256x256 pictures padded white (or still 176 wide), annotations in 256x256, maps in *SPL8/*.png."""
    cast = cast or people()
    for person in cast:
        for view in person.views:
            image = _with_margins(view.image, 40, 255) if padded else view.image
            _save(image, root / person.split / view.flat, picture_format)
            labels = np.pad(_to_pise_8(view.parsing), ((0, 0), (40, 40)))
            _save_map(labels, root / f"{person.split}SPL8" / view.flat.replace(".jpg", ".png"))
    _write_tables(root, cast, "fasion-pairs", "fasion-annotation", shift_x=40)
    return root


def write_highres(
    root: Path,
    cast: Sequence[MiniPerson] | None = None,
    *,
    folder: str = "img",
    size: Size = Size(1101, 750),
    picture_format: str = "JPEG",
) -> Path:
    """NTED's and PIDM's: the img/ tree, *_pairs.txt (target first), pose/*.txt with x + 40 in a 256x256 frame."""
    cast = cast or people()
    for person in cast:
        for view in person.views:
            _save(_resized(view.image, size), root / view.path.replace("img/", f"{folder}/", 1), picture_format)
    _write_txt_lists(root, cast)
    return root


def write_lmdb(
    root: Path,
    cast: Sequence[MiniPerson] | None = None,
    sizes: Sequence[Size] = (FRAME, Size(512, 352)),
) -> Path:
    """The same lists beside LMDB folders 256-176 and 512-352: PNG bytes under the path with .png, and `length`."""
    import lmdb

    cast = cast or people()
    _write_txt_lists(root, cast)
    for size in sizes:
        folder = root / f"{size.height}-{size.width}"
        folder.mkdir(parents=True, exist_ok=True)
        views = [view for person in cast for view in person.views]
        with lmdb.open(str(folder), map_size=2**26) as environment, environment.begin(write=True) as transaction:
            for view in views:
                buffer = io.BytesIO()
                Image.fromarray(_resized(view.image, size)).save(buffer, "PNG")
                transaction.put(view.path.replace(".jpg", ".png").encode(), buffer.getvalue())
            transaction.put(b"length", str(len(views)).encode())
    return root


def market_name(number: int, view: int) -> str:
    return f"{number + 2:04d}_c{view + 1}s1_{451 + 50 * view:06d}_0{view + 1}.jpg"


def write_market(
    root: Path,
    cast: Sequence[MiniPerson] | None = None,
    *,
    raw_names: bool = False,
    picture_format: str = "JPEG",
) -> Path:
    """Market-1501: 64x128 pictures in train/ and test/ (or bounding_box_*), and the market-*.csv tables."""
    cast = cast or people()
    named: list[tuple[str, str, npt.NDArray[np.int64]]] = []
    for number, person in enumerate(cast):
        folder = f"bounding_box_{person.split}" if raw_names else person.split
        for index, view in enumerate(person.views):
            name = market_name(number, index)
            _save(_resized(view.image, Size(128, 64)), root / folder / name, picture_format)
            scaled = np.floor((view.points + 0.5) * [64 / 176, 128 / 256]).astype(np.int64)
            named.append((person.split, name, np.where(view.points < 0, -1, scaled)))
    for split in SPLITS:
        own = [(name, points) for where, name, points in named if where == split]
        _write_annotations(root / f"market-annotation-{split}.csv", own)
        listed = [(a, b) for (a, _), (b, _) in permutations(own, 2) if a[:4] == b[:4]]
        _write_pairs(root / f"market-pairs-{split}.csv", listed)
    return root


def write_dtd(root: Path, classes: Sequence[str] = ("banded", "dotted", "woven"), each: int = 4) -> Path:
    """The Describable Textures Dataset: dtd/images/CLASS/CLASS_0001.jpg, dtd/labels/{train,val,test}1.txt."""
    rng = np.random.default_rng(3)
    listed: dict[str, list[str]] = {"train": [], "val": [], "test": []}
    for name in classes:
        for number in range(1, each + 1):
            height, width = rng.integers(60, 90, 2).tolist()
            file = f"{name}/{name}_{number:04d}.jpg"
            _save(rng.integers(0, 256, (height, width, 3), dtype=np.uint8), root / "dtd" / "images" / file)
            listed["test" if number == each else "val" if number == each - 1 else "train"].append(file)
    labels = root / "dtd" / "labels"
    labels.mkdir(parents=True, exist_ok=True)
    for split, files in listed.items():
        (labels / f"{split}1.txt").write_text("\n".join(files) + "\n")
    joint = "".join(f"{file} {file.split('/')[0]} \n" for files in listed.values() for file in files)
    (labels / "labels_joint_anno.txt").write_text(joint)
    return root / "dtd"


def write_photo_folder(root: Path, cast: Sequence[MiniPerson] | None = None) -> Path:
    """Somebody's own pictures: anna_1.jpg, anna_2.jpg, ben_1.jpg, ..."""
    for name, person in zip(("anna", "ben", "chloe", "dev"), cast or people(), strict=False):
        for number, view in enumerate(person.views, start=1):
            _save(view.image, root / f"{name}_{number}.jpg")
    return root


def _write_tables(root: Path, cast: Sequence[MiniPerson], pairs: str, annotation: str, shift_x: int = 0) -> None:
    for split in SPLITS:
        own = [person for person in cast if person.split == split]
        rows = [
            (view.flat, np.where(view.points < 0, -1, view.points + np.array([shift_x, 0])))
            for person in own
            for view in person.views
        ]
        _write_annotations(root / f"{annotation}-{split}.csv", rows)
        listed = [(a.flat, b.flat) for person in own for a, b in permutations(person.views, 2)]
        _write_pairs(root / f"{pairs}-{split}.csv", listed)


def _write_annotations(path: Path, rows: Sequence[tuple[str, npt.NDArray[np.int64]]]) -> None:
    lines = [f"{name}: {points[:, 1].tolist()}: {points[:, 0].tolist()}" for name, points in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["name:keypoints_y:keypoints_x", *lines]) + "\n")


def _write_pairs(path: Path, pairs: Sequence[tuple[str, str]]) -> None:
    path.write_text("from,to\n" + "".join(f"{source},{target}\n" for source, target in pairs))


def _write_txt_lists(root: Path, cast: Sequence[MiniPerson]) -> None:
    root.mkdir(parents=True, exist_ok=True)
    for split in SPLITS:
        lines = [
            ",".join([target.path, *(source.path for source in person.views if source is not target)])
            for person in cast
            if person.split == split
            for target in person.views
        ]
        (root / f"{split}_pairs.txt").write_text("\n".join(lines) + "\n")
    for view in (view for person in cast for view in person.views):
        path = root / view.path.replace("img/", "pose/", 1).replace(".jpg", ".txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        points = np.where(view.points < 0, -1, view.points + np.array([40, 0]))
        path.write_text("".join(f"{x} {y}\n" for x, y in points.tolist()))


def _to_pise_8(parsing: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.array([0, 1, 1, 0, 0, 2, 3, 2, 7, 3, 6, 0, 3, 5, 6, 6, 7, 7, 4, 4], np.uint8)[parsing]


def _with_margins(image: npt.NDArray[np.uint8], columns: int, level: int) -> npt.NDArray[np.uint8]:
    return np.pad(image, ((0, 0), (columns, columns), (0, 0)), constant_values=level)


def _resized(image: npt.NDArray[np.uint8], size: Size) -> npt.NDArray[np.uint8]:
    if image.shape[:2] == tuple(size):
        return image
    return np.asarray(Image.fromarray(image).resize((size.width, size.height), Image.Resampling.BICUBIC))


def _save(image: npt.NDArray[np.uint8], path: Path, picture_format: str = "JPEG") -> None:
    """In the given format, whatever the name says: the coordinate tests want .jpg names without JPEG's blur."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, picture_format, **({"quality": 92} if picture_format == "JPEG" else {}))


def _save_map(labels: npt.NDArray[np.uint8], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(labels).save(path)


def read_annotation_rows(path: Path) -> dict[str, list[list[int]]]:
    """Name to [ys, xs], as anybody's script would read the table."""
    rows = [line.split(":") for line in path.read_text().splitlines()[1:]]
    return {name: [json.loads(ys), json.loads(xs)] for name, ys, xs in rows}
