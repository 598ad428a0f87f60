"""Maps show keypoints where they are, whoever else is in the batch, and keypoints are read back from them."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from posable.imaging.size import Size
from posable.pose import maps as pose_maps
from posable.pose.pose import OPENPOSE_18, Pose, PoseBatch

SIZE = Size(64, 48)


def batch_of(count: int, seed: int = 0, size: Size = SIZE) -> PoseBatch:
    rng = np.random.default_rng(seed)
    poses = [
        Pose((rng.random((18, 2)) * [size.width, size.height]).astype(np.float32), rng.random(18) > 0.2, size)
        for _ in range(count)
    ]
    return PoseBatch.from_poses(poses)


def only(size: Size = SIZE, **points: tuple[float, float]) -> PoseBatch:
    return PoseBatch.from_poses([Pose.from_named(points, size)])


DRAWINGS = {
    "heatmaps": lambda pose: pose_maps.heatmaps(pose, sigma_px=3),
    "bone_maps": lambda pose: pose_maps.bone_maps(pose, sigma_px=2),
    "skeleton_image": pose_maps.skeleton_image,
    "nted_skeleton": pose_maps.nted_skeleton,
}


def test_on_pixels_peaks_are_whole_pixel_indices_with_the_fraction_cut_off():
    maps = pose_maps.heatmaps_on_pixels(only(nose=(20.4, 30.7), neck=(10.5, 11.5)), sigma_px=3)
    nose, neck = (maps[0, OPENPOSE_18.index(name)] for name in ("nose", "neck"))
    # (20.4, 30.7) is column 19.9, row 30.2 of pixel indices; their fractions are cut off.
    assert nose[30, 19] == nose.max() == 1
    assert neck[11, 10] == neck.max() == 1


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_person_in_a_batch_equals_the_person_alone(name: str):
    poses = batch_of(3)
    together = DRAWINGS[name](poses)
    assert together.shape[-2:] == SIZE
    for index in range(3):
        alone = DRAWINGS[name](PoseBatch.from_poses([poses[index]]))
        assert torch.allclose(together[index], alone[0], atol=1e-6)


@pytest.mark.parametrize("name", DRAWINGS)
def test_hidden_keypoints_leave_no_trace(name: str):
    poses = batch_of(2)
    moved = PoseBatch(torch.where(poses.visible[..., None], poses.keypoints, 17.0), poses.visible, poses.size)
    assert torch.equal(DRAWINGS[name](poses), DRAWINGS[name](moved))


def test_a_keypoint_on_a_pixel_centre_gives_a_peak_of_one_there():
    maps = pose_maps.heatmaps(only(neck=(10.5, 20.5)), sigma_px=3)[0]
    neck = OPENPOSE_18.index("neck")
    assert maps[neck, 20, 10] == 1
    assert torch.allclose(maps[neck, 20, 13], torch.tensor(np.exp(-0.5), dtype=torch.float32))
    assert torch.allclose(maps[neck, 23, 10], torch.tensor(np.exp(-0.5), dtype=torch.float32))
    assert maps.sum() == maps[neck].sum()


def test_a_keypoint_between_pixels_is_shared_evenly():
    maps = pose_maps.heatmaps(only(neck=(10, 20)), sigma_px=3)[0, 1]
    assert maps[19, 9] == maps[19, 10] == maps[20, 9] == maps[20, 10] == maps.max()


def test_a_bone_is_as_thick_as_sigma_says_and_ends_at_its_keypoints():
    limb = OPENPOSE_18.limbs.index((OPENPOSE_18.index("right_elbow"), OPENPOSE_18.index("right_wrist")))
    maps = pose_maps.bone_maps(only(right_elbow=(10.5, 30.5), right_wrist=(30.5, 30.5)), sigma_px=2)[0]
    assert torch.allclose(maps[limb, 30, 10:31], torch.ones(21))
    assert torch.allclose(maps[limb, 32, 20], torch.tensor(np.exp(-0.5), dtype=torch.float32))
    assert torch.allclose(maps[limb, 30, 32], torch.tensor(np.exp(-0.5), dtype=torch.float32))
    others = [index for index in range(19) if index != limb]
    assert maps[others].max() == 0


def test_bone_maps_agree_with_a_distance_transform():
    poses = batch_of(1, seed=3)
    maps = pose_maps.bone_maps(poses, sigma_px=4)[0]
    fine = np.linspace(0, 1, 2000)[:, None]
    for limb, (start, end) in enumerate(OPENPOSE_18.limbs):
        if not poses.visible[0, [start, end]].all():
            continue
        line = (1 - fine) * poses.keypoints[0, start].numpy() + fine * poses.keypoints[0, end].numpy()
        rows, columns = np.mgrid[0 : SIZE.height, 0 : SIZE.width] + 0.5
        distance = np.hypot(columns[..., None] - line[:, 0], rows[..., None] - line[:, 1]).min(-1)
        assert np.abs(maps[limb].numpy() - np.exp(-(distance**2) / 32)).max() < 1e-3


def test_a_bone_of_no_length_is_a_dot():
    maps = pose_maps.bone_maps(only(nose=(10.5, 20.5), neck=(10.5, 20.5)), sigma_px=2)[0]
    assert torch.isfinite(maps).all()
    assert maps[12, 20, 10] == 1


def test_a_skeleton_picture_is_black_with_coloured_limbs():
    picture = pose_maps.skeleton_image(only(Size(256, 176), neck=(88, 60), left_shoulder=(120, 60)))
    assert picture.min() == -1
    limb_color = picture[0, :, 60, 100] / 2 + 0.5
    assert torch.allclose(limb_color, torch.tensor(pose_maps.PALETTE[1]), atol=1e-5)
    assert (picture[0, :, 100, 100] == -1).all()


def test_nted_distances_are_city_block_distances_to_the_limb():
    maps = pose_maps.nted_skeleton(batch_of(1, seed=5))[0, 3:]
    assert maps.shape == (17, *SIZE)
    for limb in maps.numpy():
        if (limb == 1).all():
            continue
        steps = ndimage.distance_transform_cdt(limb != 0, metric="taxicab")
        # Pixels within three steps of the limb round down to it, so the map may lag by that much.
        assert np.abs(limb * 255 - steps / 3).max() <= 2


def test_nted_limbs_with_a_hidden_end_are_infinitely_far():
    maps = pose_maps.nted_skeleton(only(neck=(20, 20), left_shoulder=(30, 20)))[0, 3:]
    assert (maps[1] == 0).any()
    assert (maps[[0, *range(2, 17)]] == 1).all()


def test_nted_draws_discs_and_mixes_limbs_over_them():
    drawing = pose_maps.nted_skeleton(only(neck=(20.5, 20.5), left_shoulder=(40.5, 20.5)))[0, :3]
    neck, limb = torch.tensor(pose_maps.PALETTE[1]), torch.tensor(pose_maps.PALETTE[1])
    shoulder = torch.tensor(pose_maps.PALETTE[5])
    assert torch.allclose(drawing[:, 20, 17], neck)
    assert torch.allclose(drawing[:, 20, 30], 0.6 * limb)
    assert torch.allclose(drawing[:, 20, 39], 0.4 * shoulder + 0.6 * limb)
    assert torch.allclose(drawing[:, 20, 44], shoulder)
    assert drawing[:, 20, 46].max() == 0
    assert drawing[:, 24, 30].max() > 0
    assert drawing[:, 25, 30].max() == 0
