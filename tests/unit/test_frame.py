"""Frames: images, label maps, masks, points and poses agree there and back, whatever the sizes."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from posable.errors import SizeError
from posable.imaging.frame import Frame, Window, resized, warped
from posable.imaging.image import size_of, to_pil, to_tensor
from posable.imaging.size import Size
from posable.pose.pose import Pose, PoseBatch

SIZE = Size(256, 176)
sides = st.integers(8, 90)
sizes = st.builds(Size, sides, sides)


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    picture, size = draw(sizes), draw(sizes)
    kind = draw(st.sampled_from(["letterbox", "stretch", "window", "sampled"]))
    if kind == "letterbox":
        return Frame.letterbox(picture, size)
    if kind == "stretch":
        return Frame.stretch(picture, size)
    left, top = draw(st.integers(0, picture.width - 6)), draw(st.integers(0, picture.height - 6))
    width, height = draw(st.integers(6, picture.width - left)), draw(st.integers(6, picture.height - top))
    if kind == "window":
        return Frame.letterbox(picture, size, Window(left, top, width, height))
    return Frame.sampled(picture, Window(left - 2.5, top + 0.25, width + 3, height + 1.5), size)


def ramp(size: Size) -> torch.Tensor:
    """An image whose two channels say where each pixel lies, (1, 2, h, w) in px."""
    ys, xs = torch.meshgrid(torch.arange(size.height) + 0.5, torch.arange(size.width) + 0.5, indexing="ij")
    return torch.stack([xs, ys])[None]


def inner(frame: Frame) -> np.ndarray:
    """Pixels of the frame, (n, 2) as (x, y), whose neighbourhood shows the picture: no padding, no border."""
    ys, xs = np.mgrid[0 : frame.size.height, 0 : frame.size.width] + 0.5
    places = np.stack([xs.ravel(), ys.ravel()], 1)
    reach = 1.5 / np.minimum(frame.scale, 1)
    shown = frame.points_back(places)
    picture = (shown >= reach) & (shown <= np.array([frame.picture_size.width, frame.picture_size.height]) - reach)
    low, reach_in_frame = np.array(frame.offset), 1.5 * np.maximum(frame.scale, 1)
    content = (places >= low + reach_in_frame) & (
        places <= low + np.array([frame.content.width, frame.content.height]) - reach_in_frame
    )
    return places[(picture & content).all(1)]


@given(frames())
def test_images_show_at_each_place_what_the_points_say(frame: Frame) -> None:
    placed = frame.image(ramp(frame.picture_size))[0].numpy()
    assert placed.shape == (2, *frame.size)
    places = inner(frame)
    found = placed[:, (places[:, 1] - 0.5).astype(int), (places[:, 0] - 0.5).astype(int)].T
    tolerance = 0.02 + 0.6 * np.maximum(1 / frame.scale - 1, 0).max()
    assert len(places) == 0 or np.abs(found - frame.points_back(places)).max() < tolerance


@given(frames())
def test_labels_are_those_of_the_nearest_pixel_and_background_beyond(frame: Frame) -> None:
    height, width = frame.picture_size
    numbered = (1 + np.arange(height * width)).reshape(height, width).astype(np.int64)
    placed = frame.labels(numbered)
    ys, xs = np.mgrid[0 : frame.size.height, 0 : frame.size.width] + 0.5
    shown = frame.points_back(np.stack([xs, ys], -1)).astype(np.float64)
    left, top, right, bottom = frame.margins
    known = placed > 0
    rows, columns = np.divmod(placed - 1, width)
    distance = np.abs(np.stack([columns + 0.5, rows + 0.5], -1) - shown)[known]
    assert known.any()
    assert distance.max() <= 0.51
    assert not placed[:top].any()
    assert not placed[frame.size.height - bottom :].any()
    assert not placed[:, :left].any()
    assert not placed[:, frame.size.width - right :].any()
    outside = (shown < -0.01).any(-1) | (shown > np.array([width, height]) + 0.01).any(-1)
    assert not placed[outside].any()


@given(frames())
def test_masks_are_zero_where_the_picture_is_not(frame: Frame) -> None:
    mask = frame.mask(torch.ones(1, 1, *frame.picture_size))[0, 0]
    left, top, right, bottom = frame.margins
    assert mask.shape == tuple(frame.size)
    assert torch.count_nonzero(mask[:top]) == torch.count_nonzero(mask[:, :left]) == 0
    assert torch.count_nonzero(mask[frame.size.height - bottom :]) == 0
    assert torch.count_nonzero(mask[:, frame.size.width - right :]) == 0
    ys, xs = np.mgrid[0 : frame.size.height, 0 : frame.size.width] + 0.5
    shown = frame.points_back(np.stack([xs, ys], -1))
    beyond = (shown < -0.01).any(-1) | (shown > np.array(frame.picture_size)[::-1] + 0.01).any(-1)
    assert torch.count_nonzero(mask[torch.from_numpy(beyond)]) == 0
    within = (shown > 0.01).all(-1) & (shown < np.array(frame.picture_size)[::-1] - 0.01).all(-1)
    there = frame.content_of(torch.from_numpy(within)[None, None])
    assert (frame.content_of(mask[None, None])[there] > 0.99).all()


@given(frames())
def test_points_and_poses_come_back(frame: Frame) -> None:
    rng = np.random.default_rng(0)
    low, high = [frame.window.left, frame.window.top], [frame.window.width, frame.window.height]
    points = (low + rng.random((18, 2)) * high).clip(0, [frame.picture_size.width, frame.picture_size.height])
    assert np.abs(frame.points_back(frame.points(points)) - points).max() < 1e-3
    pose = Pose(points.astype(np.float32), np.ones(18, bool), frame.picture_size)
    back = frame.pose_back(frame.pose(pose))
    assert np.abs(back.keypoints - pose.keypoints).max() < 2e-2
    batch = frame.poses(PoseBatch.from_poses([pose.resize(Size(640, 480))]))
    assert np.abs(batch.keypoints[0].numpy() - frame.pose(pose).keypoints).max() < 1e-2


@given(frames())
def test_what_goes_in_and_back_lies_where_it_was(frame: Frame) -> None:
    back = frame.image_back(frame.image(ramp(frame.picture_size)))[0].numpy()
    assert back.shape == (2, *frame.picture_size)
    margin = 2 + 2 / frame.scale
    ys, xs = np.mgrid[0 : frame.picture_size.height, 0 : frame.picture_size.width] + 0.5
    inside = np.ones(frame.picture_size, bool)
    for axis, places in enumerate((xs, ys)):
        start = max(0.0, frame.window[axis])
        end = min(frame.picture_size[1 - axis], frame.window[axis] + frame.window[axis + 2])
        inside &= (places >= start + margin[axis]) & (places <= end - margin[axis])
    error = np.abs(back - np.stack([xs, ys]))[:, inside]
    assert not error.size or error.max() < 0.1 + 1.1 * np.maximum(1 / frame.scale - 1, 0).max()


@given(frames())
def test_label_maps_that_go_in_and_back_keep_large_regions(frame: Frame) -> None:
    back = frame.labels_back(frame.labels(np.full(frame.picture_size, 7, np.uint8)))
    ys, xs = np.mgrid[0 : frame.picture_size.height, 0 : frame.picture_size.width] + 0.5
    shown = frame.window.holds(np.stack([xs, ys], -1))
    reach = np.array([1, 1, -2, -2]) * (1 + 1 / frame.scale[[0, 1, 0, 1]])
    inner_window = Window(*np.add(frame.window, reach))
    border = 1 + 1 / frame.scale
    limit = np.array(frame.picture_size)[::-1] - border
    places = np.stack([xs, ys], -1)
    deep = inner_window.holds(places) & (places > border).all(-1) & (places < limit).all(-1)
    assert (back[deep] == 7).all()
    assert not back[~shown].any()


@given(frames(), frames())
def test_flows_come_back_in_pixels_of_both_pictures(target: Frame, source: Frame) -> None:
    places = np.random.default_rng(1).random((5, 2)) * [source.picture_size.width, source.picture_size.height]
    for place in places:
        flow = torch.from_numpy(source.points(place)).view(1, 2, 1, 1).expand(1, 2, *target.size)
        back = target.flow_back(flow, source)[0].numpy()
        ys, xs = np.mgrid[0 : target.picture_size.height, 0 : target.picture_size.width] + 0.5
        inside = target.window.holds(np.stack([xs, ys], -1))
        assert np.abs(back[:, inside] - place[:, None]).max() < 0.05


def test_a_drawn_window_goes_back_into_the_picture_it_is_of() -> None:
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8))
    frame = Frame.letterbox(Size(90, 120), Size(64, 48), Window(10, 20, 48, 64))
    back = frame.picture_back(Image.new("RGB", (48, 64), (1, 2, 3)), onto=picture)
    expected = np.asarray(picture).copy()
    expected[20:84, 10:58] = (1, 2, 3)
    np.testing.assert_array_equal(np.asarray(back), expected)


def test_a_picture_that_a_window_shows_beyond_its_border_goes_on_or_is_white() -> None:
    picture = Image.new("RGB", (20, 30), (5, 5, 5))
    frame = Frame(Size(30, 20), Size(30, 40), Window(-10, 0, 40, 30), Size(30, 40), (0, 0))
    assert (np.asarray(frame.picture(picture)) == 5).all()
    white = np.asarray(frame.picture(picture, outside=255))
    assert (white[:, :10] == 255).all()
    assert (white[:, 10:30] == 5).all()


def test_warping_by_the_places_themselves_changes_nothing() -> None:
    image = torch.rand(1, 3, 20, 14)
    torch.testing.assert_close(warped(image, ramp(Size(20, 14))), image, atol=1e-4, rtol=0)


def test_an_image_of_its_own_size_is_not_resampled() -> None:
    image = torch.rand(1, 3, 20, 14)
    assert resized(image, Size(20, 14)) is image


def test_a_pose_of_another_size_is_refused() -> None:
    pose = Pose.from_named({"neck": (88, 128)}, SIZE)
    with pytest.raises(SizeError, match="256x176"):
        Frame.letterbox(Size(10, 10), SIZE).pose(pose)
    with pytest.raises(SizeError, match="256x176"):
        Frame.letterbox(SIZE, Size(10, 10)).pose_back(pose)


def test_keypoints_in_the_padding_are_not_in_the_source() -> None:
    frame = Frame.letterbox(Size(100, 300), SIZE)
    pose = Pose.from_named({"nose": (88, 10), "neck": (88, 128)}, SIZE)
    assert list(frame.pose_back(pose).named()) == ["neck"]


def test_labels_lie_where_the_framed_picture_shows_them() -> None:
    labels = np.zeros((60, 100), np.uint8)
    labels[:30] = 9
    frame = Frame.letterbox(Size(60, 100), Size(64, 48))
    colors = np.stack([labels * 20] * 3, -1).astype(np.uint8)
    shown = to_tensor(frame.picture(Image.fromarray(colors)))[0].numpy() > 90 / 127.5 - 1
    left, top, _, bottom = frame.margins
    content = np.s_[top : frame.size.height - bottom, left:]
    # Where the two parts meet, the antialiased picture shows a row of both.
    assert ((frame.labels(labels) == 9) == shown)[content].mean() > 0.95
    assert not frame.labels(labels)[:top].any()


def mean_difference(one: Image.Image, other: Image.Image) -> float:
    return float(np.abs(np.asarray(one, np.float64) - np.asarray(other, np.float64)).mean())


@pytest.fixture
def photo() -> Image.Image:
    return to_pil(torch.rand(3, 48, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1)


@pytest.mark.parametrize("source", [Size(256, 176), Size(512, 352), Size(100, 300), Size(301, 97), Size(750, 512)])
def test_letterboxed_pictures_come_back(source: Size):
    y, x = np.mgrid[0 : source.height, 0 : source.width] / max(source)
    picture = Image.fromarray((np.stack([x, y, np.sin(6 * x) * 0.5 + 0.5], -1) * 255).astype(np.uint8))
    frame = Frame.letterbox(source, Size(256, 176))
    framed = frame.picture(picture)
    assert size_of(framed) == Size(256, 176)
    back = frame.picture_back(framed)
    assert size_of(back) == source
    assert mean_difference(back, picture) < 2


def test_a_picture_of_the_right_size_is_not_resampled(photo: Image.Image):
    frame = Frame.letterbox(Size(48, 32), Size(48, 32))
    assert mean_difference(frame.picture(photo), photo) == 0
    assert mean_difference(frame.picture_back(photo), photo) == 0


def test_letterbox_keeps_the_aspect_and_centres():
    frame = Frame.letterbox(Size(100, 300), Size(256, 176))
    assert frame.content == Size(59, 176)
    assert frame.offset == (0, 98)


@pytest.mark.parametrize("source", [Size(512, 352), Size(200, 600), Size(800, 301)])
def test_letterbox_moves_points_as_it_moves_pixels(source: Size):
    spot = np.array([source.width * 0.7, source.height * 0.3])
    y, x = np.mgrid[0 : source.height, 0 : source.width] + 0.5
    blob = 255 * np.exp(-((x - spot[0]) ** 2 + (y - spot[1]) ** 2) / (2 * 15**2))
    frame = Frame.letterbox(source, Size(256, 176))
    framed = np.asarray(frame.picture(Image.fromarray(blob.astype(np.uint8)).convert("RGB")), np.float64)[..., 0]
    rows, columns = np.mgrid[0:256, 0:176] + 0.5
    centre = np.array([(framed * columns).sum(), (framed * rows).sum()]) / framed.sum()
    assert np.abs(centre - frame.points(spot)).max() < 0.1
    assert np.allclose(frame.points_back(frame.points(spot)), spot, atol=1e-3)


def test_letterbox_padding_repeats_the_edge():
    picture = Image.fromarray(np.repeat(np.array([[10, 200]], np.uint8), 40, 0).repeat(20, 1)).convert("RGB")
    framed = np.asarray(Frame.letterbox(Size(40, 40), Size(40, 100)).picture(picture))
    assert (framed[:, :31] == 10).all()
    assert (framed[:, 70:] == 200).all()


def test_letterbox_refuses_a_picture_of_another_size(photo: Image.Image):
    with pytest.raises(SizeError, match="48x32"):
        Frame.letterbox(Size(50, 50), Size(60, 60)).picture(photo)
    with pytest.raises(SizeError, match="48x32"):
        Frame.letterbox(Size(50, 50), Size(60, 60)).picture_back(photo)
