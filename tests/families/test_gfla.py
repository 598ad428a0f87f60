"""GFLA's own parts: the local attention against its published form, its flow's frame, and its two stages."""

import pytest
import torch
from tiny import CONFIGS, network, noise, pair
from torch import Tensor
from torch.nn import functional

from posable.batch import PersonPair, PoseCondition
from posable.errors import ConfigError
from posable.imaging.size import Size
from posable.models.gfla import (
    GflaConfig,
    GflaFlowObjective,
    GflaFlowWeights,
    GflaGenerator,
    GflaLayers,
    GflaObjective,
    GflaWeights,
    LocalAttention,
    window_sum,
)
from posable.nn.perceptual_features import EfficientNetFeatures

TINY = CONFIGS["gfla"]


def windows(features: Tensor, flow: Tensor, kernel: int) -> Tensor:
    """The kernel x kernel samples around each point that the flow gives, laid out as a picture (the published form)."""
    n, _, h, w = features.shape
    offsets = torch.arange(kernel) - kernel // 2
    xs = flow[:, 0, :, :, None] + torch.arange(w)[None, None, :, None] + offsets
    ys = flow[:, 1, :, :, None] + torch.arange(h)[None, :, None, None] + offsets
    xs = xs[:, :, None].expand(n, h, kernel, w, kernel).reshape(n, h * kernel, w * kernel)
    ys = ys.permute(0, 1, 3, 2)[..., None].expand(n, h, kernel, w, kernel).reshape(n, h * kernel, w * kernel)
    grid = torch.stack([xs / (w - 1) * 2 - 1, ys / (h - 1) * 2 - 1], -1)
    return functional.grid_sample(features, grid, align_corners=True, padding_mode="border")


def published(attention: LocalAttention, target: Tensor, source: Tensor, flow: Tensor, mask: Tensor) -> Tensor:
    k = attention.kernel
    both = torch.cat([windows(target, torch.zeros_like(flow), k), windows(source, flow, k)], 1)
    answers = functional.conv2d(both, attention.match.weight, attention.match.bias, stride=k)
    weights = functional.pixel_shuffle(torch.softmax(attention.weigh(answers), 1), k)
    picked = functional.avg_pool2d(windows(source, flow, k) * weights, k)
    return target * (1 - mask) + picked * mask


def one_window(features: Tensor, flow: Tensor, weights: Tensor, k: int, i: int, y: int, x: int) -> Tensor:
    """Bilinear samples added one by one, for one target place."""
    _, c, h, w = features.shape
    pixel = lambda py, px: features[i, :, min(max(py, 0), h - 1), min(max(px, 0), w - 1)]  # noqa: E731
    total = torch.zeros(c)
    for place in range(k * k):
        px = x + float(flow[i, 0, y, x]) + place % k - k // 2
        py = y + float(flow[i, 1, y, x]) + place // k - k // 2
        left, top = int(px // 1), int(py // 1)
        right, down = px - left, py - top
        upper = (1 - right) * pixel(top, left) + right * pixel(top, left + 1)
        lower = (1 - right) * pixel(top + 1, left) + right * pixel(top + 1, left + 1)
        total += weights[i, place, y, x] * ((1 - down) * upper + down * lower)
    return total


@pytest.mark.parametrize("kernel", [3, 5])
def test_a_window_sum_adds_bilinear_samples(kernel: int) -> None:
    features, flow = noise(2, 3, 5, 4), 3 * noise(2, 2, 5, 4, seed=1)
    weights = noise(2, kernel * kernel, 5, 4, seed=2)
    drawn = window_sum(features, flow, weights)
    for i in range(2):
        for y in range(5):
            for x in range(4):
                torch.testing.assert_close(
                    drawn[i, :, y, x], one_window(features, flow, weights, kernel, i, y, x), atol=1e-5, rtol=1e-4
                )


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("reach", [0.3, 4.0, 40.0])
def test_the_local_attention_is_the_published_one(kernel: int, reach: float) -> None:
    torch.manual_seed(0)
    attention = LocalAttention(6, kernel, hidden=16)
    target, source = noise(2, 6, 8, 7), noise(2, 6, 8, 7, seed=1)
    flow, mask = reach * noise(2, 2, 8, 7, seed=2), torch.rand(2, 1, 8, 7)
    with torch.no_grad():
        got = attention(target, source, attention.key(source), flow, mask)
        want = published(attention, target, source, flow, mask)
    torch.testing.assert_close(got, want, atol=2e-6, rtol=1e-5)


def test_the_local_attention_has_the_published_gradients() -> None:
    torch.manual_seed(0)
    attention = LocalAttention(6, 3, hidden=16)
    gradients = []
    for fast in (True, False):
        target, source = noise(1, 6, 8, 7).requires_grad_(), noise(1, 6, 8, 7, seed=1).requires_grad_()
        # Where a border clamps a sample its gradient is not defined, so the flow stays inside.
        flow = (0.4 * noise(1, 2, 8, 7, seed=2)).requires_grad_()
        mask = torch.zeros(1, 1, 8, 7)
        mask[..., 3:-3, 3:-3] = 0.7
        attention.zero_grad()
        drawn = (
            attention(target, source, attention.key(source), flow, mask)
            if fast
            else published(attention, target, source, flow, mask)
        )
        (drawn * noise(1, 6, 8, 7, seed=3)).sum().backward()
        gradients.append([target.grad, source.grad, flow.grad, attention.match.weight.grad.clone()])
    for got, want in zip(*gradients, strict=True):
        torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-3)


@pytest.fixture(scope="module")
def generator() -> GflaGenerator:
    return network(TINY, noisier=0.0)


def constant_flow(generator: GflaGenerator, right: float, down: float) -> GflaLayers:
    flow = torch.tensor([right, down]).view(1, 2, 1, 1).expand(1, 2, 16, 16)
    return GflaLayers(torch.zeros(1, 3, 64, 64), (flow,), (torch.ones(1, 1, 16, 16),))


def test_the_flow_of_a_rendering_is_the_source_s_place_in_pixels(generator: GflaGenerator) -> None:
    condition = pair(1).condition
    encoded = generator.encode(condition.source_image, condition.source_pose)
    rendering = generator.rendering(encoded, constant_flow(generator, right=2, down=-1))
    assert rendering.flow[0, :, 10, 20].tolist() == [20.5 + 2 * 4, 10.5 - 1 * 4]
    assert rendering.visibility.min() == 1


def test_a_stretched_frame_s_flow_comes_back_in_the_picture_s_pixels() -> None:
    generator = GflaGenerator(GflaConfig(height=64, width=32, network_height=64, network_width=64, channels=8))
    frame = generator.frame(Size(64, 32))
    rendering = generator.rendering(
        generator.encode_maps(torch.zeros(1, 3, 64, 64), torch.zeros(1, 18, 64, 64), frame),
        constant_flow(generator, right=2, down=0),
    )
    assert rendering.flow[0, :, 10, 20].tolist() == [20.5 + 4, 10.5]


def test_warping_by_a_constant_flow_moves_the_source(generator: GflaGenerator) -> None:
    source = noise(1, 3, 64, 64)
    warped = generator.warped(source, constant_flow(generator, right=1, down=2))
    torch.testing.assert_close(warped[..., :56, :60], source[..., 8:, 4:], atol=1e-4, rtol=0)


def test_the_first_stage_trains_the_flow_network_alone(generator: GflaGenerator) -> None:
    objective = GflaFlowObjective(GflaFlowWeights(), EfficientNetFeatures())
    drawn = objective.draw(generator, pair())
    losses = objective.generator_losses(generator, drawn, pair())
    generator.zero_grad()
    sum(losses.values()).backward()
    (group,) = objective.parameter_groups(generator)
    trained = {id(p) for p in group.parameters}
    others = [name for name, p in generator.named_parameters() if id(p) not in trained and p.grad is not None]
    assert set(losses) == {"correctness", "regularisation"}
    assert others == []
    # The masks are learned in the second stage.
    reached = [name for name, p in generator.flow_network.named_parameters() if p.grad is not None]
    assert any("flows" in name for name in reached)
    assert drawn.image.shape == (2, 3, 64, 48)


def test_the_second_stage_s_losses_reach_generator_and_discriminator(generator: GflaGenerator) -> None:
    objective = GflaObjective(GflaWeights(), EfficientNetFeatures())
    drawn = objective.draw(generator, pair())
    assert drawn.image.shape == (2, 3, 64, 48)
    generator.zero_grad()
    sum(objective.generator_losses(generator, drawn, pair()).values()).backward()
    assert all(p.grad is not None for p in generator.parameters())
    objective.zero_grad()
    sum(objective.discriminator_losses(drawn, pair(), 0).values()).backward()
    assert all(p.grad is not None for p in objective.discriminator.parameters())
    assert all(not p.requires_grad for p in objective.features.parameters())


def test_the_flow_alone_learns_a_shift() -> None:
    """The sampling correctness pulls the flow to where the source matches, with a whole stage's machinery."""
    torch.manual_seed(0)
    generator, objective = GflaGenerator(TINY), GflaFlowObjective(GflaFlowWeights(), EfficientNetFeatures())
    given = pair(1)
    coarse = torch.rand(1, 3, 9, 7, generator=torch.Generator().manual_seed(5)) * 2 - 1
    source = functional.interpolate(coarse, (64, 48), mode="bilinear", align_corners=False)
    condition = PoseCondition(
        source_image=source, source_pose=given.condition.source_pose, target_pose=given.condition.target_pose
    )
    given = PersonPair(condition=condition, target_image=torch.roll(source, 6, dims=-1))
    (group,) = objective.parameter_groups(generator)
    optimizer = torch.optim.Adam(group.parameters, 3e-3)
    losses = []
    for _ in range(15):
        loss = sum(objective.generator_losses(generator, objective.draw(generator, given), given).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.9 * losses[0]


def test_a_frame_of_256x176_is_padded_to_the_grid_of_32() -> None:
    with torch.device("meta"):
        generator = GflaGenerator(GflaConfig(network_width=176))
    assert generator.frame(Size(256, 176)).size == (256, 192)


def test_settings_that_cannot_work_are_refused() -> None:
    for wrong in ({"quarter_kernel": 4}, {"eighth_kernel": 0, "quarter_kernel": 0}, {"height": 16}, {"flow_levels": 3}):
        with pytest.raises(ConfigError, match="gfla"):
            GflaConfig(**wrong)
