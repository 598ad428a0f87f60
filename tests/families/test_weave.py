"""weave's own claims: what is copied, how the levels join, what the losses measure."""

import math
from dataclasses import replace

import pytest
import torch
from tiny import CONFIGS

from posable.errors import ConfigError
from posable.imaging.size import Size
from posable.models.weave import (
    Layers,
    SourceFeatures,
    Truth,
    WeaveConfig,
    WeaveGenerator,
    WeaveSource,
    compose,
    facing,
    fill_in,
    flow_loss,
)
from posable.pose.maps import body_mask_logits
from posable.pose.pose import OPENPOSE_18, PoseBatch

TINY = CONFIGS["weave"]


def identity_flow(n: int, h: int, w: int) -> torch.Tensor:
    ys = (torch.arange(h) + 0.5) / h * 2 - 1
    xs = (torch.arange(w) + 0.5) / w * 2 - 1
    return torch.stack([xs[None].expand(h, w), ys[:, None].expand(h, w)])[None].repeat(n, 1, 1, 1)


def features(mask_logit: float) -> SourceFeatures:
    nothing = torch.zeros(1, 8, 16, 12)
    logits = torch.full((1, 1, 16, 12), mask_logit)
    return SourceFeatures(nothing, nothing, nothing, logits, torch.zeros(1, 3), torch.full((1, 3, 16, 12), 0.25))


def layers(flow: torch.Tensor, visibility: float, mask: float) -> Layers:
    n, _, h, w = flow.shape
    flat = torch.zeros(n, 3, h, w)
    logits = lambda value: torch.full((n, 1, 2 * h, 2 * w), value)  # noqa: E731
    return Layers(flat, flow, logits(visibility), logits(mask), torch.zeros(n, 3, 2 * h, 2 * w), flat, flat, (), ())


def test_identity_flow_copies_the_source_exactly_at_its_own_resolution() -> None:
    source = torch.rand(1, 3, 128, 96, generator=torch.Generator().manual_seed(0)) * 2 - 1
    drawn = compose(source, features(-30.0), layers(identity_flow(1, 32, 24), visibility=30.0, mask=30.0))
    inner = (..., slice(4, -4), slice(4, -4))  # bilinear upsampling of the flow bends at the rim
    torch.testing.assert_close(drawn.image[inner], source[inner], atol=2e-3, rtol=0)


def test_background_is_kept_where_the_source_shows_it_and_filled_where_it_does_not() -> None:
    source = torch.rand(1, 3, 64, 48, generator=torch.Generator().manual_seed(0))
    bare = layers(identity_flow(1, 32, 24), visibility=30.0, mask=-30.0)
    assert torch.allclose(compose(source, features(-30.0), bare).image, source, atol=1e-6)
    assert torch.allclose(compose(source, features(30.0), bare).image, torch.tensor(0.25), atol=1e-6)


def test_fill_in_keeps_what_is_known_and_continues_a_flat_wall() -> None:
    wall = torch.full((1, 3, 16, 11), 0.5)
    known = torch.ones(1, 1, 16, 11)
    known[..., 5:12, 3:8] = 0
    picture = torch.where(known > 0, wall, torch.tensor(-1.0))
    assert torch.allclose(fill_in(picture, known), wall, atol=2e-2)


def test_the_fine_level_starts_as_the_coarse_one() -> None:
    torch.manual_seed(0)
    generator = WeaveGenerator(TINY).eval()
    source = torch.rand(1, 3, 64, 48) * 2 - 1
    pose = PoseBatch(torch.rand(1, 18, 2) * 48, torch.ones(1, 18, dtype=torch.bool), generator.size)
    with torch.inference_mode():
        encoded = generator.encode(source, pose)
        target = generator.coarse.encode_target(pose)
        coarse = generator.coarse.match(encoded.coarse, target)
        fine = generator.refine(encoded, target)
    up = torch.nn.functional.interpolate(coarse.mask_logits, scale_factor=2, mode="bilinear")
    assert torch.equal(fine.mask_logits, up)


@torch.inference_mode()
def test_twice_the_size_is_the_same_picture_only_larger() -> None:
    torch.manual_seed(0)
    generator = WeaveGenerator(TINY).eval()
    small = torch.nn.functional.interpolate(torch.rand(1, 3, 8, 6) * 2 - 1, (64, 48), mode="bicubic").clamp(-1, 1)
    large = torch.nn.functional.interpolate(small, (128, 96), mode="bicubic").clamp(-1, 1)
    pose = PoseBatch(torch.rand(1, 18, 2) * 48, torch.ones(1, 18, dtype=torch.bool), generator.size)
    a = generator.render(generator.encode(small, pose), pose)
    b = generator.render(generator.encode(large, pose), pose)
    assert b.image.shape == (1, 3, 128, 96)
    shrunk = torch.nn.functional.avg_pool2d(b.image, 2)
    assert (shrunk - a.image).abs().mean() < 0.02
    assert (torch.nn.functional.avg_pool2d(b.flow, 2) / 2 - a.flow).abs().mean() < 0.1


def truth(flow: torch.Tensor, visible: bool) -> Truth:
    n, _, h, w = flow.shape
    flag = torch.full((n, 1, h, w), visible)
    picture, alpha = torch.zeros(n, 3, 2 * h, 2 * w), torch.ones(n, 1, 2 * h, 2 * w)
    return Truth(picture, alpha, alpha, flow, flag, torch.ones_like(flag), alpha)


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_flow_loss_is_zero_for_the_truth_at_every_level(factor: int) -> None:
    flow = identity_flow(1, 32, 24) * 0.8
    coarse = torch.nn.functional.avg_pool2d(flow, factor)
    assert flow_loss(coarse, truth(flow, visible=True)) < 1e-6


def test_flow_loss_is_the_mean_distance_and_counts_only_what_lies_in_the_source_frame() -> None:
    flow = torch.zeros(1, 2, 32, 24)
    assert math.isclose(float(flow_loss(flow + 0.1, truth(flow, visible=True))), 0.2, rel_tol=1e-2)
    assert flow_loss(flow, truth(flow + 1.5, visible=False)) == 0


@pytest.mark.parametrize("change", [{"height": 250}, {"channels": 12}, {"num_heads": 3}])
def test_a_config_that_cannot_work_says_so(change: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="weave's"):
        WeaveConfig(**change)


def test_facing_tells_front_from_back_and_knows_nothing_from_the_side() -> None:
    keypoints, size = torch.zeros(4, 18, 2), Size(64, 48)
    left, right = OPENPOSE_18.index("left_shoulder"), OPENPOSE_18.index("right_shoulder")
    keypoints[:, left, 0], keypoints[:, right, 0] = (
        torch.tensor([30.0, 10.0, 20.0, 30.0]),
        torch.tensor([10.0, 30.0, 20.0, 10.0]),
    )
    visible = torch.zeros(4, 18, dtype=torch.bool)
    visible[:3, [left, right]] = True
    shoulders = facing(PoseBatch(keypoints, visible, size))[:, 0]
    assert shoulders[0] > 0.9
    assert shoulders[1] < -0.9
    assert shoulders[2:].tolist() == [0, 0]


@torch.inference_mode()
def test_sharpening_keeps_the_outline_and_takes_the_blur() -> None:
    drawn = {}
    for sharpness in (1.0, 3.0):
        torch.manual_seed(0)
        generator = WeaveGenerator(replace(TINY, mask_sharpness=sharpness)).eval()
        source = torch.rand(1, 3, 64, 48) * 2 - 1
        pose = PoseBatch(torch.rand(1, 18, 2) * 48, torch.ones(1, 18, dtype=torch.bool), generator.size)
        drawn[sharpness] = generator.render(generator.encode(source, pose), pose).mask
    assert torch.equal(drawn[1.0] > 0.5, drawn[3.0] > 0.5)
    assert (drawn[3.0] - 0.5).abs().mean() > 1.5 * (drawn[1.0] - 0.5).abs().mean()


def test_arms_are_covered_to_the_fingertips_and_hidden_limbs_cover_nothing() -> None:
    size, index = Size(64, 48), OPENPOSE_18.index
    keypoints, visible = torch.zeros(2, 18, 2), torch.zeros(2, 18, dtype=torch.bool)
    for name, point in {"neck": (24, 16), "left_hip": (26, 40), "left_elbow": (32, 24), "left_wrist": (32, 34)}.items():
        keypoints[:, index(name)] = torch.tensor(point, dtype=torch.float32)
        visible[0, index(name)] = True
    logits = body_mask_logits(PoseBatch(keypoints, visible, size), size)
    assert logits[0, 0, 40, 32] > 0  # six px below the wrist, on the fingers
    assert logits[0, 0, 40, 40] < 0
    assert (logits[1] < 0).all()


@torch.inference_mode()
def test_wall_between_arm_and_body_is_not_copied_onto_the_person() -> None:
    generator = WeaveGenerator(TINY).eval()
    source = torch.full((1, 3, 64, 48), -0.5)
    source[..., :24] = 0.8  # the left half looks like the wall, the right half like cloth
    unsure = replace(features(0.0), background=torch.full((1, 3, 16, 12), 0.8))
    encoded = WeaveSource(source, source, unsure, torch.zeros(1, 20, 32, 24), unsure.mask_logits)
    drawn = generator.for_drawing(encoded, layers(identity_flow(1, 32, 24), visibility=2.0, mask=2.0))
    seen = torch.sigmoid(drawn.visibility_logits)
    assert seen[..., :20].max() < 0.01
    assert seen[..., 28:].min() > 0.8
