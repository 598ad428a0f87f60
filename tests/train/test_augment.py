"""Augmentation must not break the correspondence: what the flow says before must be true of the pictures after."""

import pytest
import torch
from torch.nn import functional

from posable.data.rendered_pairs import ViewGroup
from posable.imaging.size import Size
from posable.pose.pose import OPENPOSE_18
from posable.train.augment import (
    NO_AUGMENTATION,
    Augmentation,
    augment,
    degrade,
    noisy_poses,
    procedural_backgrounds,
)

H, W = 64, 48


def smooth(rng: torch.Generator) -> torch.Tensor:
    return functional.interpolate(torch.rand(1, 3, 8, 6, generator=rng) * 2 - 1, (H, W), mode="bicubic").clamp(-1, 1)


def shifted_views() -> ViewGroup:
    """One person, a textured box; the second view is the first moved by (6, -4) px, so the flow is known."""
    rng = torch.Generator().manual_seed(5)
    texture = smooth(rng)
    moved = torch.roll(texture, (-4, 6), (2, 3))
    alpha = torch.zeros(2, 1, H, W)
    alpha[0, :, 20:50, 12:32] = 1
    alpha[1, :, 16:46, 18:38] = 1
    wall = torch.full((2, 3, H, W), 0.3)
    image = torch.cat([texture, moved]) * alpha + wall * (1 - alpha)
    ys, xs = torch.meshgrid(torch.arange(1, H, 2.0), torch.arange(1, W, 2.0), indexing="ij")
    cells = functional.avg_pool2d(alpha, 2)[:, 0] > 0.99
    flow = torch.stack([torch.stack([xs - 6, ys + 4]), torch.stack([xs + 6, ys - 4])])
    keypoints = torch.rand(2, 18, 3, generator=rng) * torch.tensor([W, H, 0]) + torch.tensor([0, 0, 2])
    return ViewGroup(
        image=image,
        background=wall,
        alpha=alpha,
        parsing=(alpha[:, 0] * 5).to(torch.uint8),
        keypoints=keypoints,
        person=torch.zeros(2, dtype=torch.long),
        source=torch.tensor([0, 1]),
        target=torch.tensor([1, 0]),
        flow=flow,
        state=torch.stack([cells[1], cells[0]]).to(torch.uint8) * 2,
    )


def mismatch(group: ViewGroup) -> float:
    """Mean distance between the targets and the sources read where the flow points, on visible cells."""
    grid = group.flow / torch.tensor([W, H]).view(1, 2, 1, 1) * 2 - 1
    copied = functional.grid_sample(group.image[group.source], grid.permute(0, 2, 3, 1), align_corners=False)
    wanted = functional.avg_pool2d(group.image[group.target], 2)
    visible = group.visible & (functional.avg_pool2d(group.alpha[group.target], 2) > 0.99)
    assert visible.sum() > 50
    return float(((copied - wanted).abs() * visible).sum() / visible.sum() / 3)


STEPS = {
    "nothing": NO_AUGMENTATION,
    "flip": Augmentation(flip=1, new_background=0, colour=0),
    "move": Augmentation(flip=0, new_background=1, colour=0),
    "recolour": Augmentation(flip=0, new_background=0, colour=0.2),
    "all": Augmentation(flip=1, new_background=1, colour=0.2),
}


@pytest.mark.parametrize("name", sorted(STEPS))
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_flow_still_finds_the_surface_after(name: str, seed: int) -> None:
    after = augment(shifted_views(), STEPS[name], torch.Generator().manual_seed(seed))
    assert mismatch(after) < 0.04


def test_the_mismatch_would_show_a_wrong_flow() -> None:
    group = shifted_views()
    group.flow.add_(torch.tensor([4.0, 4.0]).view(1, 2, 1, 1))
    assert mismatch(group) > 0.1


def test_flipping_swaps_left_and_right_and_twice_is_nothing() -> None:
    group = shifted_views()
    once = augment(group, STEPS["flip"], torch.Generator().manual_seed(0))
    wrist = OPENPOSE_18.index("left_wrist"), OPENPOSE_18.index("right_wrist")
    assert torch.equal(once.keypoints[:, wrist[0], 0], W - group.keypoints[:, wrist[1], 0])
    twice = augment(once, STEPS["flip"], torch.Generator().manual_seed(0))
    torch.testing.assert_close(twice.keypoints, group.keypoints)
    torch.testing.assert_close(twice.flow, group.flow)
    assert torch.equal(twice.image, group.image)


def test_keypoints_move_with_the_person() -> None:
    group = shifted_views()
    group.keypoints[0, 0] = torch.tensor([22.0, 35.0, 2.0])  # the middle of the box
    moved = augment(group, STEPS["move"], torch.Generator().manual_seed(3))
    box = moved.alpha[0, 0] > 0.5
    ys, xs = torch.nonzero(box, as_tuple=True)
    centre = torch.stack([xs.float().mean(), ys.float().mean()]) + 0.5
    assert (moved.keypoints[0, 0, :2] - centre).abs().max() < 1.0


def test_degrading_spares_the_pictures_that_were_not_drawn() -> None:
    rng = torch.Generator().manual_seed(0)
    image = torch.rand(64, 3, 16, 16, generator=rng) * 2 - 1
    changed = (degrade(image, 0.5, rng) != image).flatten(1).any(1)
    assert 16 < int(changed.sum()) < 48
    assert torch.equal(degrade(image, 0.0, rng), image)


def test_a_strong_degradation_stays_recognisable() -> None:
    rng = torch.Generator().manual_seed(0)
    image = smooth(rng).expand(16, -1, -1, -1)
    assert (degrade(image, 1.0, rng) - image).abs().mean() < 0.15


def test_poses_lose_some_keypoints_and_wobble_a_little() -> None:
    keypoints = torch.rand(200, 18, 3) * torch.tensor([W, H, 0.0]) + torch.tensor([0.0, 0.0, 2.0])
    keypoints[:100, 14, 2] = 1  # right eye hidden by the person's own head
    poses = noisy_poses(keypoints, Size(H, W), Augmentation(), torch.Generator().manual_seed(0))
    kept = poses.visible.float().mean()
    assert 0.9 < kept < 0.99
    assert 0.2 < poses.visible[:100, 14].float().mean() < 0.6
    offset = (poses.keypoints - keypoints[..., :2]).std() / H
    assert 0.004 < offset < 0.008


def test_backgrounds_are_varied_and_in_range() -> None:
    pictures = procedural_backgrounds(8, Size(H, W), torch.Generator().manual_seed(0))
    assert pictures.abs().max() <= 1
    assert pictures.mean((2, 3)).std(0).min() > 0.1
