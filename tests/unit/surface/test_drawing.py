"""The textured person, drawn: the own pose gives the picture, z-buffers agree, bad inputs give true sentences."""

from dataclasses import replace

import numpy as np
import pytest
from rendered import photograph

from posable.body.fit import fit_body
from posable.body.rasterize import rasterize_numpy
from posable.errors import ImageError
from posable.imaging.size import Size
from posable.surface import kernels_compiled as kernels
from posable.surface.background import filled_background, over
from posable.surface.build import build_surface
from posable.surface.drawing import draw, with_seen_face
from posable.surface.field_types import MESH
from posable.surface.limbs import head_yaw
from posable.surface.surface import Kind, Surface


def surface(seed: int = 4, view: int = 0) -> Surface:
    p = photograph(seed, view)
    return build_surface(p.image, p.matte, p.labels, p.body)


def psnr(image: np.ndarray, other: np.ndarray, where: np.ndarray) -> float:
    return float(10 * np.log10(4 / np.mean((image - other)[where] ** 2)))


def is_finite(drawn: object) -> bool:
    return all(np.isfinite(getattr(drawn, name)).all() for name in ("color", "alpha", "confidence"))


@pytest.mark.parametrize("seed", [4, 7, 12])
def test_the_own_pose_gives_the_picture_back(seed: int) -> None:
    p = photograph(seed)
    made = surface(seed)
    drawn = draw(made, p.body)
    image = p.image.astype(np.float32) / 127.5 - 1
    inside = p.matte > 0.9
    assert psnr(over(drawn.color, drawn.alpha, image), image, inside) >= 30
    overlap = (drawn.alpha > 0.5) & (p.matte > 0.5)
    assert overlap.sum() / ((drawn.alpha > 0.5) | (p.matte > 0.5)).sum() > 0.96


def test_pixels_of_the_own_pose_come_from_where_they_are() -> None:
    drawn = draw(surface(), photograph().body)
    y, x = np.indices(drawn.alpha.shape) + 0.5
    front = drawn.kind == Kind.FRONT
    assert front.sum() > 1000
    assert np.median(np.hypot(drawn.source[..., 0] - x, drawn.source[..., 1] - y)[front]) < 0.1


def test_a_larger_target_draws_the_same_person_larger() -> None:
    p = photograph()
    made = surface()
    small, large = draw(made, p.body), draw(made, p.body.resized(Size(512, 352)))
    halved = large.alpha.reshape(256, 2, 176, 2).mean((1, 3))
    assert np.abs(halved - small.alpha).mean() < 0.01


def test_the_mirrored_picture_gives_the_mirrored_drawing() -> None:
    p = photograph()
    flipped_labels = np.array([*range(14), 15, 14, 17, 16, 19, 18], np.uint8)[p.labels[:, ::-1]]
    pose, target = p.pose.flip(), photograph(4, 1).pose
    there = draw(surface(), fit_body(target, like=p.body))
    body = fit_body(pose)
    mirrored = build_surface(p.image[:, ::-1].copy(), p.matte[:, ::-1].copy(), flipped_labels, body)
    here = draw(mirrored, fit_body(target.flip(), like=body))
    both = (there.alpha > 0.5) & (here.alpha[:, ::-1] > 0.5)
    assert both.sum() / ((there.alpha > 0.5) | (here.alpha[:, ::-1] > 0.5)).sum() > 0.9


def test_the_z_buffer_sees_what_an_independent_one_sees() -> None:
    rng = np.random.default_rng(3)
    count = 60
    screen = np.concatenate([rng.random((3 * count, 2)) * 40, 2 + rng.random((3 * count, 1))], 1).astype(np.float32)
    triangles = np.arange(3 * count, dtype=np.int32).reshape(count, 3)
    screen[:, 2] = np.repeat(screen[::3, 2], 3)  # parallel to the picture: perspective does not matter
    depth, winner = np.full((40, 40), np.inf, np.float32), np.full((40, 40), -1, np.int32)
    zeros = np.zeros(len(screen), np.float32)
    kernels.rasterize_sheets(
        screen,
        triangles,
        np.full(count, MESH, np.uint8),
        np.full(count, 1e6, np.float32),
        np.zeros(count, np.float32),
        np.zeros(count, np.bool_),
        np.zeros((len(screen), 2), np.float32),
        zeros,
        np.zeros((4, 4), np.float32),
        1,
        0,
        depth,
        winner,
        np.full((40, 40), np.inf, np.float32),
        np.full((40, 40), -1, np.int32),
        np.zeros((40, 40), np.float32),
        False,
    )
    witness = rasterize_numpy(screen, triangles, Size(40, 40)).face_ids
    assert (winner == witness).mean() > 0.995
    assert (winner >= 0).any()


def test_what_is_drawn_is_all_of_known_kinds() -> None:
    p = photograph()
    drawn = draw(surface(), fit_body(photograph(4, 1).pose, like=p.body))
    assert ((drawn.kind > 0) == (drawn.layer < 5)).all()
    assert ((drawn.kind > 0) == np.isfinite(drawn.source).all(2)).all()
    assert drawn.confidence.min() >= 0
    assert drawn.confidence.max() <= 1


def test_an_empty_matte_is_refused_with_a_sentence() -> None:
    p = photograph()
    with pytest.raises(ImageError, match="nobody in the picture"):
        build_surface(p.image, np.zeros_like(p.matte), p.labels, p.body)


def test_a_matte_of_another_size_is_refused() -> None:
    p = photograph()
    with pytest.raises(ImageError, match="all three in one size"):
        build_surface(p.image, p.matte[:-1], p.labels, p.body)


@pytest.mark.parametrize("what", ["full matte", "no labels", "nan matte", "cut on three sides", "60 px"])
def test_strange_pictures_are_drawn_in_numbers(what: str) -> None:
    p = photograph()
    image, matte, labels, body = p.image, p.matte, p.labels, p.body
    if what == "full matte":
        matte = np.ones_like(matte)
    elif what == "no labels":
        labels = np.zeros_like(labels)
    elif what == "nan matte":
        matte = np.where(np.indices(matte.shape)[0] % 50 == 0, np.nan, matte)
    elif what == "cut on three sides":
        rows, columns = np.flatnonzero((matte > 0.5).any(1)), np.flatnonzero((matte > 0.5).any(0))
        top, left, right = rows[0] + 20, columns[0] + 8, columns[-1] - 8
        bottom = rows[0] + 110
        part = np.s_[top:bottom, left:right]
        image, matte, labels = image[part], matte[part], labels[part]
        body = body.moved(1, (-left, -top), Size(*matte.shape))
    else:
        scale = 60 / 256
        size = Size(60, 41)
        rows, columns = (np.arange(60) / scale).astype(int), (np.arange(41) / scale).astype(int)
        image, matte, labels = (x[rows[:, None], columns[None]] for x in (image, matte, labels))
        body = body.moved(scale, (0, 0), size)
    made = build_surface(image, matte, labels, body)
    target = fit_body(photograph(4, 1).pose, like=body)
    assert is_finite(draw(made, body))
    assert is_finite(draw(made, target))
    assert np.isfinite(filled_background(image.astype(np.float32) / 127.5 - 1, np.nan_to_num(matte))).all()


def test_a_target_out_of_the_frame_draws_nobody() -> None:
    p = photograph()
    drawn = draw(surface(), p.body.moved(1, (5000, 0), p.body.size))
    assert not drawn.alpha.any()


def test_the_report_speaks_when_the_body_is_not_understood() -> None:
    made = surface()
    folded = replace(made, report=replace(made.report, hip_bend=90.0))
    assert not folded.upright
    assert any("sits, crouches or jumps" in sentence for sentence in folded.report.sentences)
    assert 0 <= made.report.outline_agreement <= 1
    assert made.report.copied + made.report.mirrored + made.report.painted == pytest.approx(1, abs=1e-6)


def test_heads_turn_a_little_less_than_asked_and_not_at_all_for_the_own_pose() -> None:
    body = photograph().body
    assert with_seen_face(body, body) is body
    for degrees in (10.0, 30.0, 60.0, 170.0):
        target = body.turned(degrees)
        held = (head_yaw(target) - head_yaw(with_seen_face(body, target)) + 180) % 360 - 180
        assert -0.1 <= held <= 14.1
        assert held < degrees
    assert held == pytest.approx(0, abs=1e-3)
