"""Pictures and poses of any size go into a network's frame and come back in place."""

import pytest
import torch

from posable.imaging.size import Size
from posable.models.network_frame import at_least, shrinking, stretching
from posable.pose.pose import PoseBatch

TRAINED = Size(64, 44)


@pytest.mark.parametrize("picture", [Size(64, 44), Size(50, 37), Size(128, 88), Size(7, 90)])
@pytest.mark.parametrize("network", [Size(64, 44), Size(64, 64)])
def test_a_frame_is_on_the_grid_and_holds_the_whole_picture(picture: Size, network: Size) -> None:
    frame = stretching(picture, TRAINED, network, 16)
    image = torch.rand(2, 3, *picture)
    placed = frame.image(image)
    assert placed.shape == (2, 3, *frame.size)
    assert placed.shape[-2] % 16 == placed.shape[-1] % 16 == 0
    assert frame.image_back(placed).shape == image.shape


def test_without_stretching_the_pixels_come_back_untouched() -> None:
    frame = stretching(Size(50, 37), TRAINED, TRAINED, 32)
    image = torch.rand(1, 3, 50, 37)
    assert frame.size == (64, 64)
    assert torch.equal(frame.image_back(frame.image(image)), image)
    assert torch.equal(frame.image(image)[0, :, 0, 0], image[0, :, 0, 0])


def test_a_size_that_fits_is_left_alone() -> None:
    frame = stretching(Size(64, 48), Size(64, 48), Size(64, 48), 16)
    image = torch.rand(1, 3, 64, 48)
    assert frame.image(image) is image


def test_stretched_pictures_keep_smooth_content() -> None:
    frame = stretching(TRAINED, TRAINED, Size(64, 64), 8)
    ramp = torch.linspace(-1, 1, 44).expand(1, 3, 64, 44)
    assert (frame.image_back(frame.image(ramp)) - ramp).abs().max() < 0.03


@pytest.mark.parametrize("network", [Size(64, 44), Size(64, 64)])
def test_a_keypoint_stays_on_the_pixel_that_it_marks(network: Size) -> None:
    frame = stretching(Size(64, 44), TRAINED, network, 32)
    image = torch.zeros(1, 1, 64, 44)
    image[0, 0, 40, 30] = 1
    pose = PoseBatch(torch.tensor([[[30.5, 40.5]] * 18]), torch.ones(1, 18, dtype=torch.bool), Size(64, 44))
    placed, point = frame.image(image)[0, 0], frame.poses(pose).keypoints[0, 0]
    ys, xs = torch.meshgrid(torch.arange(placed.shape[0]), torch.arange(placed.shape[1]), indexing="ij")
    centre = torch.stack([(placed * (xs + 0.5)).sum(), (placed * (ys + 0.5)).sum()]) / placed.sum()
    torch.testing.assert_close(point, centre, atol=0.02, rtol=0)


def test_poses_of_another_size_of_the_picture_are_scaled() -> None:
    frame = stretching(Size(64, 44), TRAINED, TRAINED, 32)
    pose = PoseBatch(torch.full((1, 18, 2), 11.0), torch.ones(1, 18, dtype=torch.bool), Size(32, 22))
    placed = frame.poses(pose)
    assert placed.size == (64, 64)
    assert placed.keypoints[0, 0].tolist() == [22 + 10, 22]


def test_a_picture_of_one_cell_gets_a_second_one() -> None:
    assert stretching(Size(8, 8), Size(64, 64), Size(64, 64), 8).size == (16, 16)


@pytest.mark.parametrize(("picture", "kept"), [((64, 44), (64, 44)), ((127, 200), (127, 200)), ((130, 95), (65, 48))])
def test_a_picture_is_shrunk_by_whole_factors_and_padded_on(picture: tuple[int, int], kept: tuple[int, int]) -> None:
    frame = shrinking(Size(*picture), TRAINED, 16)
    assert frame.content == kept
    wider = at_least(frame, Size(256, 16))
    assert wider.size == (256, frame.size.width)
    assert wider.content == frame.content
