"""Photographs of a folder: the own pose, faces, sizes and seconds, for each model.

    python benchmarks/photographs.py FOLDER --upright STEM... --out numbers.json

- own pose: the person drawn in the pose that they have, without the photograph's own pixels over it (background
  "drawn"); PSNR of the pixels whose matte is above 0.9, at the photo's size.
- faces: of the pictures as users get them, in front-facing shipped poses, the share in which a face is found, and in
  which its 468 landmarks (x and y), moved, turned and scaled onto the source's, are off by at most 4 % of the face's
  width in the mean. Photos in which no face is found are left out. Also the median error.
- area: the drawn person's mask against the source's matte, both divided by the area of the body fitted to the source
  as it stands in that pose: raised arms show more of a person. Bodies wear no clothes, so half of a wide dress's
  change remains in the number.
- widths: straight across the limbs at 35, 50 and 65 % of their length, across the trunk at 30, 50 and 70 %, in the
  drawn mask against the source's matte. Left out is what cannot be measured: where the fitted body has another limb
  beside or before it, where the run ends nearer to another limb, at the picture's border, or not within twice the
  body's own width (1.3 times for the source's trunk: arms touch it); and trunks turned by
  more than 20 degrees against the source's.
- seconds: `posable transfer PHOTO --pose wave` as a process of its own; then further poses of the photo scaled to
  256 px and to 1024 px of height. Beside the seconds on the clock those of the processor, of all threads: other
  work on the machine lengthens the first alone.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from posable import OPENPOSE_18, EncodedSource, PosableError, PoseTransfer, fit_body, read_image
from posable.body.fitted import Body
from posable.body.outline import fit_girth
from posable.body.rasterize import rasterize
from posable.body.reduced import reduced_body
from posable.detect.face import face_landmarks
from posable.detect.matting import matte
from posable.surface.limbs import trunk_yaw
from run_record import progress_bars, step, write_record

FRONT_POSES = ("stand-front", "arms-out", "hands-on-hips", "wave", "walk-front")
INSIDE = 0.9
NEAR_FACE = 0.04
FACE_SIDES = 234, 454
"""The landmarks at the face's sides."""
LIMBS = (
    ("right_shoulder", "right_elbow"),
    ("right_elbow", "right_wrist"),
    ("left_shoulder", "left_elbow"),
    ("left_elbow", "left_wrist"),
    ("right_hip", "right_knee"),
    ("right_knee", "right_ankle"),
    ("left_hip", "left_knee"),
    ("left_knee", "left_ankle"),
)
TRUNK = "trunk"
SEGMENTS = {
    TRUNK: (0, 1),
    **{f"{start}-{end}": (segment,) for (start, end), segment in zip(LIMBS, (3, 5, 2, 4, 7, 9, 6, 8), strict=True)},
}
"""Of the body's vertices, by limb."""
LIMB_PLACES, TRUNK_PLACES = (0.35, 0.5, 0.65), (0.3, 0.5, 0.7)
SAME_TURN_DEGREES = 20.0
MOST_TIMES_BODY = 2.0
MOST_TIMES_SOURCE_TRUNK = 1.3
"""Of the body's own width; wider trunks of photographs have arms that touch them."""
MOST_BESIDE = 1.1
"""Where the body's outline is wider than the limb's own by more, another limb is beside it."""

Mask = npt.NDArray[np.bool_]
Place = tuple[str, float]
"""A limb and how far along it."""


@dataclass
class Drawn:
    """One photo in one pose. None is what could not be measured."""

    pose: str
    face_error: float | None = None
    """Of the face's width; None without a face in the result."""
    area: float | None = None
    """Drawn to source, 1 is right."""
    limb_width: float | None = None
    """Median over the places."""
    trunk_width: float | None = None
    failed: str | None = None


@dataclass
class Photo:
    name: str
    own_psnr: float | None = None
    has_face: bool = False
    drawn: list[Drawn] = field(default_factory=list[Drawn])
    failed: str | None = None


def measured(transfer: PoseTransfer, path: Path, poses: Sequence[str], upright: bool) -> Photo:
    photo = Photo(path.stem)
    try:
        source = transfer.encode(path)
    except PosableError as error:
        photo.failed = str(error)
        return photo
    cover = matte(source.picture, source.pose, source.found.landmarks if source.found else None)
    photo.own_psnr = psnr(source, cover)
    face = face_landmarks(source.picture, source.pose)
    photo.has_face = face is not None
    if not upright:
        return photo
    body = fit_girth(fit_body(source.pose), cover)
    widths = dict(widths_of(cover > 0.5, body, MOST_TIMES_SOURCE_TRUNK))
    for name in poses:
        photo.drawn.append(in_pose(source, name, body, cover > 0.5, widths, None if face is None else face.points))
    return photo


def in_pose(
    source: EncodedSource, name: str, body: Body, cover: Mask, widths: dict[Place, float], face: Any | None
) -> Drawn:
    result = Drawn(name)
    target = source.place(name)
    try:
        there = source.for_pose(target)
        rendering = there.draw(target)
        picture = there.finished(rendering, target)
        person = np.asarray(there.person_mask(rendering)) > 127
        moved = fit_body(target, like=body)
    except PosableError as error:
        result.failed = str(error)
        return result
    found = face_landmarks(picture, target)
    if face is not None and found is not None:
        result.face_error = face_error(face, found.points)
    result.area = float((person.sum() / silhouette(moved).sum()) / (cover.sum() / silhouette(body).sum()))
    now = dict(widths_of(person, moved))
    ratios = {place: now[place] / widths[place] for place in now if place in widths}
    turn = abs((trunk_yaw(moved) - trunk_yaw(body) + 180) % 360 - 180)
    limbs = [ratio for (limb, _), ratio in ratios.items() if limb != TRUNK]
    trunk = [ratio for (limb, _), ratio in ratios.items() if limb == TRUNK and turn <= SAME_TURN_DEGREES]
    result.limb_width, result.trunk_width = (statistics.median(part) if part else None for part in (limbs, trunk))
    return result


def psnr(source: EncodedSource, cover: npt.NDArray[np.floating]) -> float | None:
    inside = cover > INSIDE
    if not inside.any():
        return None
    drawn = source.finished(source.draw(source.pose), source.pose, "drawn")
    apart = np.asarray(drawn, np.float64)[inside] - np.asarray(source.picture, np.float64)[inside]
    return float(10 * np.log10(255**2 / max(float((apart**2).mean()), 1e-9)))


def face_error(source: npt.NDArray[np.floating], found: npt.NDArray[np.floating]) -> float:
    """Mean distance of the landmarks (468, 3) after the best similarity in the picture's plane, of the face's width."""
    ours, theirs = (points[:, 0].astype(np.float64) + 1j * points[:, 1] for points in (found, source))
    width = float(np.abs(theirs[FACE_SIDES[0]] - theirs[FACE_SIDES[1]]))
    ours, theirs = ours - ours.mean(), theirs - theirs.mean()
    factor = np.vdot(ours, theirs) / np.vdot(ours, ours)
    return float(np.abs(factor * ours - theirs).mean() / max(width, 1.0))


def silhouette(body: Body, segments: tuple[int, ...] | None = None) -> Mask:
    """(h, w): where the body is, or some segments of it, in its frame."""
    model = reduced_body()
    faces = model.faces if segments is None else model.faces[np.isin(model.segment[model.faces], segments).any(1)]
    return rasterize(body.screen_vertices, faces, body.size).face_ids >= 0


def widths_of(person: Mask, body: Body, trunk_limit: float = MOST_TIMES_BODY) -> Iterator[tuple[Place, float]]:
    """The widths, px, that can be measured in a mask (h, w) of the body's frame."""
    points = {name: body.keypoints[index].astype(np.float64) for index, name in enumerate(OPENPOSE_18.keypoints)}
    hips = (points["right_hip"] + points["left_hip"]) / 2
    lines = {f"{start}-{end}": (points[start], points[end]) for start, end in LIMBS}
    lines[TRUNK] = (points["neck"], hips)
    whole = silhouette(body)
    for limb, (start, end) in lines.items():
        along = end - start
        length = float(np.linalg.norm(along))
        if length < 8:
            continue
        across = np.array([-along[1], along[0]]) / length
        alone = silhouette(body, SEGMENTS[limb])
        for share in TRUNK_PLACES if limb == TRUNK else LIMB_PLACES:
            center = start + share * along
            width, full, usual = (run(mask, center, across) for mask in (person, whole, alone))
            if width is None or full is None or usual is None or extent(full) > MOST_BESIDE * extent(usual):
                continue
            ends = [center + side * across for side in width]
            apart = limb == TRUNK or all(nearest(point, lines) == limb for point in ends)
            limit = trunk_limit if limb == TRUNK else MOST_TIMES_BODY
            if apart and extent(width) <= limit * extent(usual):
                yield (limb, share), extent(width)


def extent(run: tuple[float, float]) -> float:
    return run[1] - run[0]


def run(person: Mask, center: npt.NDArray[np.float64], across: npt.NDArray[np.float64]) -> tuple[float, float] | None:
    """Where the person ends on both sides of a place in the person, px; None where the picture ends first."""
    ends: list[float] = []
    for sign in (-1, 1):
        steps = np.arange(0, max(person.shape), 0.25)
        x, y = (center[:, None] + sign * across[:, None] * steps).astype(int)
        inside = (x >= 0) & (y >= 0) & (x < person.shape[1]) & (y < person.shape[0])
        on = np.zeros(len(steps), np.bool_)
        on[inside] = person[y[inside], x[inside]]
        off = np.flatnonzero(~on)
        if not len(off) or off[0] == 0 or not inside[off[0]]:
            return None
        ends.append(sign * float(steps[off[0]]))
    return ends[0], ends[1]


def nearest(point: npt.NDArray[np.float64], lines: dict[str, tuple[Any, Any]]) -> str:
    """The limb, not the trunk, that a point is nearest to."""

    def distance(limb: str) -> float:
        start, end = lines[limb]
        along = end - start
        share = np.clip((point - start) @ along / max(float(along @ along), 1e-9), 0, 1)
        return float(np.linalg.norm(point - start - share * along))

    return min((limb for limb in lines if limb != TRUNK), key=distance)


# ---- seconds


def seconds(model: str, paths: Sequence[Path], poses: Sequence[str]) -> dict[str, float]:
    """Medians over the photos."""
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for path in paths:
            scaled = Path(folder) / "photo.png"
            at_height(read_image(path), 1024).save(scaled)
            command = [sys.executable, "-m", "posable", "transfer", str(scaled), "--pose", "wave", "--model", model]
            with timed(times, "first_picture_1024", resource.RUSAGE_CHILDREN):
                subprocess.run([*command, "-o", str(Path(folder) / "out.png")], check=True, capture_output=True)
    transfer = PoseTransfer.from_pretrained(model)
    for height in (256, 1024):
        for path in paths:
            source = transfer.encode(at_height(read_image(path), height))
            source.render(poses[0])
            for pose in poses[1:]:
                with timed(times, f"further_pose_{height}", resource.RUSAGE_SELF):
                    source.render(pose)
    return {name: statistics.median(values) for name, values in times.items()}


@contextmanager
def timed(times: dict[str, list[float]], name: str, who: int) -> Generator[None]:
    """Notes the seconds on the clock under `name`, and those of the processor."""
    before, started = resource.getrusage(who), time.perf_counter()
    yield
    elapsed, after = time.perf_counter() - started, resource.getrusage(who)
    times.setdefault(name, []).append(elapsed)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    times.setdefault(f"{name}_processor", []).append(used)


def at_height(picture: Image.Image, height: int) -> Image.Image:
    """The picture in that height, in colour alone."""
    width = max(16, round(picture.width * height / picture.height))
    return picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)


# ---- the report


def medians(photos: Sequence[Photo]) -> dict[str, float | int | None]:
    """What the table shows; None is what no photo gave."""
    drawn = [one for photo in photos for one in photo.drawn]
    with_face = [one for photo in photos if photo.has_face for one in photo.drawn]
    errors = [one.face_error for one in with_face if one.face_error is not None]
    near = sum(error <= NEAR_FACE for error in errors)
    found = {
        "photos": len(photos),
        "failed": sum(photo.failed is not None for photo in photos) + sum(one.failed is not None for one in drawn),
        "own_psnr": median([photo.own_psnr for photo in photos]),
        "results_with_a_face_in_the_source": len(with_face),
        "faces_found": len(errors) / len(with_face) if with_face else None,
        "faces_near": near / len(with_face) if with_face else None,
        "face_error": median([one.face_error for one in with_face]),
    }
    for name in ("area", "limb_width", "trunk_width"):
        values = [getattr(one, name) for one in drawn if getattr(one, name) is not None]
        found[name] = median(values)
        found[f"{name}_mean_off"] = statistics.fmean(abs(value - 1) for value in values) if values else None
        found[f"{name}_within_5"] = sum(abs(value - 1) <= 0.05 for value in values) / len(values) if values else None
        found[f"{name}_measured"] = len(values)
    return found


def median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def shown(value: float | int | None) -> str:
    return "-" if value is None else f"{value:d}" if isinstance(value, int) else f"{value:.3f}"


def pictures_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", nargs="+", default=["puppet", "weave"])
    parser.add_argument("--poses", nargs="+", default=list(FRONT_POSES))
    parser.add_argument("--upright", nargs="+", metavar="STEM", help="photos for faces and sizes; by default all")
    parser.add_argument("--timed", type=int, default=3, help="photos to take the time of; 0 takes none")
    parser.add_argument("--out", type=Path, help="JSON with all numbers")
    options = parser.parse_args()
    paths = pictures_in(options.folder)
    found: dict[str, list[Photo]] = {}
    with progress_bars() as bars:
        for model in options.models:
            transfer, told = PoseTransfer.from_pretrained(model), step(bars, model)
            found[model] = []
            for done, path in enumerate(paths, start=1):
                upright = options.upright is None or path.stem in options.upright
                found[model].append(measured(transfer, path, options.poses, upright))
                told(done, len(paths))
    times = {model: seconds(model, paths[: options.timed], options.poses) for model in options.models if options.timed}
    for model, photos in found.items():
        print(f"\n{model:44}{'own pose':>9}{'face':>14}{'area':>14}{'limbs':>14}{'trunk':>14}")
        for photo in photos:
            parts = [
                shown(median([getattr(one, name) for one in photo.drawn]))
                for name in ("face_error", "area", "limb_width", "trunk_width")
            ]
            print(f"{photo.name[:43]:44}{shown(photo.own_psnr):>9}" + "".join(f"{part:>14}" for part in parts))
            for problem in (photo.failed, *(one.failed for one in photo.drawn)):
                if problem:
                    print(f"    {problem}")
    summary = {model: medians(photos) for model, photos in found.items()}
    print(f"\n{'':36}" + "".join(f"{model:>12}" for model in summary))
    for name in next(iter(summary.values())):
        print(f"{name:36}" + "".join(f"{shown(part[name]):>12}" for part in summary.values()))
    for name in next(iter(times.values()), {}):
        print(f"{'seconds, ' + name:36}" + "".join(f"{shown(part[name]):>12}" for part in times.values()))
    if options.out:
        photos = {model: [asdict(photo) for photo in photos] for model, photos in found.items()}
        write_record(options.out, {"poses": options.poses, "summary": summary, "seconds": times, "photos": photos})


if __name__ == "__main__":
    main()
