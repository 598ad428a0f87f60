"""What every family of generators promises. A new family inherits these tests by its line in FAMILIES."""

from dataclasses import dataclass
from typing import Any

import pytest
import torch

from posable.batch import PoseCondition
from posable.models import FAMILIES
from posable.models.generator import Generator
from posable.models.weave import WeaveConfig
from posable.pose import PoseBatch

TINY = {"weave": WeaveConfig(height=64, width=48, channels=8, fine_channels=8, match_channels=8, num_heads=2)}


@dataclass(frozen=True)
class Case:
    generator: Generator[Any]
    condition: PoseCondition


def random_poses(n: int, generator: Generator[Any], seed: int) -> PoseBatch:
    rng = torch.Generator().manual_seed(seed)
    h, w = generator.size
    xy = torch.rand(n, 18, 2, generator=rng) * torch.tensor([w, h])
    return PoseBatch(xy, torch.rand(n, 18, generator=rng) > 0.2, generator.size)


@pytest.fixture(params=sorted(FAMILIES))
def case(request: pytest.FixtureRequest) -> Case:
    torch.manual_seed(3)
    generator = FAMILIES[request.param].generator(TINY[request.param]).eval()
    for parameter in generator.parameters():  # zero-initialised layers would hide mistakes
        parameter.data.add_(0.02 * torch.randn(parameter.shape))
    rng = torch.Generator().manual_seed(0)
    source = torch.rand(3, 3, *generator.size, generator=rng) * 2 - 1
    condition = PoseCondition(
        source_image=source,
        source_pose=random_poses(3, generator, 1),
        target_pose=random_poses(3, generator, 2),
    )
    return Case(generator, condition)


@torch.inference_mode()
def test_the_generated_image_has_the_source_s_frame_and_range(case: Case) -> None:
    drawn = case.generator(case.condition)
    h, w = case.generator.size
    assert drawn.image.shape == (3, 3, h, w)
    assert drawn.mask.shape == drawn.visibility.shape == (3, 1, h, w)
    assert drawn.flow.shape == (3, 2, h, w)
    assert drawn.image.abs().max() <= 1
    assert drawn.mask.min() >= 0
    assert drawn.mask.max() <= 1


@torch.inference_mode()
def test_a_person_in_a_batch_is_drawn_as_alone(case: Case) -> None:
    together = case.generator(case.condition).image
    c = case.condition
    one = lambda pose: PoseBatch(pose.keypoints[1:2], pose.visible[1:2], pose.size)  # noqa: E731
    alone = case.generator(
        PoseCondition(source_image=c.source_image[1:2], source_pose=one(c.source_pose), target_pose=one(c.target_pose))
    ).image
    torch.testing.assert_close(together[1:2], alone, atol=2e-5, rtol=0)


@torch.inference_mode()
def test_hidden_keypoints_do_not_matter(case: Case) -> None:
    c = case.condition
    moved = PoseBatch(
        torch.where(c.target_pose.visible[..., None], c.target_pose.keypoints, torch.tensor(37.0)),
        c.target_pose.visible,
        c.target_pose.size,
    )
    other = PoseCondition(source_image=c.source_image, source_pose=c.source_pose, target_pose=moved)
    assert torch.equal(case.generator(c).image, case.generator(other).image)


@torch.inference_mode()
def test_an_encoded_source_can_be_rendered_again_and_gives_the_same_bytes(case: Case) -> None:
    c = case.condition
    encoded = case.generator.encode(c.source_image, c.source_pose)
    first = case.generator.render(encoded, c.target_pose).image
    case.generator.render(encoded, c.source_pose)
    assert torch.equal(first, case.generator.render(encoded, c.target_pose).image)
    assert torch.equal(first, case.generator(c).image)


@torch.inference_mode()
def test_the_target_pose_matters(case: Case) -> None:
    c = case.condition
    encoded = case.generator.encode(c.source_image, c.source_pose)
    difference = (
        case.generator.render(encoded, c.target_pose).image - case.generator.render(encoded, c.source_pose).image
    )
    assert difference.abs().max() > 1e-3


def test_every_parameter_gets_a_gradient(case: Case) -> None:
    drawn = case.generator(case.condition)
    (drawn.image.square().mean() + drawn.mask.mean() + drawn.visibility.mean()).backward()
    without = [name for name, p in case.generator.named_parameters() if p.grad is None]
    assert without == []


@torch.inference_mode()
def test_the_source_mask_covers_the_source_s_frame(case: Case) -> None:
    c = case.condition
    mask = case.generator.source_mask(case.generator.encode(c.source_image, c.source_pose))
    assert mask.shape == (3, 1, *case.generator.size)
    assert mask.min() >= 0
    assert mask.max() <= 1
