import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from posable.detect.region import Region
from posable.imaging.size import Size

coordinates = st.floats(-500, 500)
regions = st.builds(
    Region, st.tuples(coordinates, coordinates), side=st.floats(1, 2000), angle=st.floats(-math.pi, math.pi)
)


@settings(deadline=None, derandomize=True)
@given(regions, st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=5))
def test_points_come_back_from_the_region(region: Region, points: list[tuple[float, float]]) -> None:
    assert np.allclose(region.to_image(region.to_unit(points)), points, atol=1e-6)


@settings(deadline=None, derandomize=True)
@given(st.tuples(coordinates, coordinates), st.floats(0, 2 * math.pi), st.floats(1, 300))
def test_the_rim_point_is_straight_above_the_centre(center: tuple[float, float], turn: float, radius: float) -> None:
    rim = (center[0] + radius * math.sin(turn), center[1] - radius * math.cos(turn))
    region = Region.from_alignment(center, rim, enlargement=1.25)
    assert np.allclose(region.to_unit(rim), [0.5, 0.5 - 0.5 / 1.25], atol=1e-6)
    assert region.side == pytest.approx(2.5 * radius)


def test_a_person_lying_to_the_right_is_turned_upright() -> None:
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[48:52, 70:74] = 255  # The head: to the right of the hips, which are in the middle.
    region = Region.from_alignment((50, 50), (90, 50), enlargement=1)
    rows, columns = np.nonzero(region.crop(Image.fromarray(picture), 80)[..., 0] > 0.5)
    assert rows.mean() + 0.5 == pytest.approx(40 - 22, abs=0.6)
    assert columns.mean() + 0.5 == pytest.approx(40, abs=0.6)


def test_the_whole_frame_is_cropped_without_a_shift() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    crop = Region.around_frame(Size(32, 32)).crop(Image.fromarray(picture), 32)
    assert np.array_equal(np.round(crop * 255), picture)


def test_a_large_picture_is_averaged_and_not_sampled() -> None:
    checks = ((np.indices((512, 512)).sum(axis=0) % 2) * 255).astype(np.uint8)
    crop = Region.around_frame(Size(512, 512)).crop(Image.fromarray(checks).convert("RGB"), 64)
    assert np.ptp(crop) < 0.02
    assert crop.mean() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("side", [40.0, 300.0])
def test_outside_the_picture_is_black_or_the_edge_goes_on(side: float) -> None:
    white = Image.new("RGB", (40, 20), "white")
    region = Region((20, 20), side)
    assert region.crop(white, 32)[-1].max() == 0
    assert region.crop(white, 32, outside="edge").min() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("side", [60.0, 400.0])
def test_the_edge_that_goes_on_does_not_move_the_picture(side: float) -> None:
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (50, 40, 3), dtype=np.uint8))
    picture = picture.resize((120, 150))
    region = Region((60, 75), side, angle=0.4)
    inside = (region.to_image((np.indices((64, 64))[::-1].transpose(1, 2, 0) + 0.5) / 64)) / [120, 150] - 0.5
    well_inside = (np.abs(inside) < 0.4).all(axis=-1)
    black, edge = region.crop(picture, 64), region.crop(picture, 64, outside="edge")
    assert np.abs(black - edge)[well_inside].max() < 0.02


def test_a_region_beside_the_picture_is_black() -> None:
    assert Region((500, 500), 20).crop(Image.new("RGB", (40, 40), "white"), 8).max() == 0


def test_a_map_pasted_back_lies_where_it_was_cropped() -> None:
    picture = np.zeros((80, 60, 3), np.uint8)
    picture[30:50, 20:30] = 255
    region = Region((25, 40), 70, angle=0.7)
    mask = region.crop(Image.fromarray(picture), 256)[..., 0]
    pasted = region.paste(np.ascontiguousarray(mask), Size(80, 60)) > 0.5
    truth = picture[..., 0] > 0
    assert (pasted & truth).sum() / (pasted | truth).sum() > 0.95
