"""Losses against slow forms written from their definitions, one pixel or patch after the other."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from posable.models.gfla import affine_residual, gaussian_resampled, sampling_correctness_loss
from posable.nn.losses import (
    content_loss,
    gram_matrix,
    least_squares_judgement,
    least_squares_loss,
    logistic_discriminator_loss,
    nonsaturating_generator_loss,
    picture_losses,
    r1_penalty,
    style_loss,
)
from posable.nn.perceptual_features import FeatureMaps, PerceptualFeatures


class Colors(PerceptualFeatures):
    name = "colours"

    def forward(self, image: Tensor) -> FeatureMaps:
        return FeatureMaps((image,), (image,), image, image)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_a_gram_matrix_counts_which_channels_fire_together() -> None:
    features = noise(2, 3, 4, 5)
    gram = gram_matrix(features)
    for n, a, b in np.ndindex(2, 3, 3):
        expected = sum(float(features[n, a, y, x] * features[n, b, y, x]) for y in range(4) for x in range(5)) / 60
        assert float(gram[n, a, b]) == pytest.approx(expected, abs=1e-5)


def test_weights_of_picture_losses_multiply_the_loss_that_they_name() -> None:
    picture, truth = noise(2, 3, 8, 6), noise(2, 3, 8, 6, seed=1)
    found = picture_losses(Colors(), picture, truth, l1=2.0, content=3.0, style=0.0)
    distance = (picture - truth).abs().mean()
    torch.testing.assert_close(found["l1"], 2 * distance)
    torch.testing.assert_close(found["content"], 3 * distance)
    assert found["style"] == 0


def test_a_discriminator_is_judged_by_both_sides_and_teaches_no_generator() -> None:
    generated = torch.full((2, 1, 3, 3), 0.5, requires_grad=True)
    judged = least_squares_judgement(torch.nn.Identity(), torch.full((2, 1, 3, 3), 0.8), generated)
    assert {name: round(float(loss), 4) for name, loss in judged.items()} == {"real": 0.02, "generated": 0.125}
    assert not judged["generated"].requires_grad


def test_style_does_not_see_where_and_content_does() -> None:
    features = [noise(2, 3, 4, 6), noise(2, 5, 2, 3, seed=1)]
    flipped = [f.flip(-1) for f in features]
    assert float(style_loss(features, flipped)) < 1e-6
    assert float(content_loss(features, flipped)) > 0.5


def test_losses_of_layers_add_up() -> None:
    features, others = [noise(1, 3, 4, 4), noise(1, 3, 4, 4, seed=1)], [noise(1, 3, 4, 4, seed=2)] * 2
    for loss in (content_loss, style_loss):
        parts = [loss([a], [b]) for a, b in zip(features, others, strict=True)]
        torch.testing.assert_close(loss(features, others), parts[0] + parts[1])


def test_a_gram_matrix_survives_half_precision() -> None:
    features = 200 * noise(1, 4, 64, 64).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        gram = gram_matrix(features)
    assert gram.dtype == torch.float32
    torch.testing.assert_close(gram, gram_matrix(features.float()))


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (lambda real, generated: least_squares_loss(real, real=True), (0.25 + 9) / 2),
        (lambda real, generated: least_squares_loss(generated, real=False), (4 + 0.25) / 2),
        (
            logistic_discriminator_loss,
            (softplus(-0.5) + softplus(2)) / 2 + (softplus(2) + softplus(-0.5)) / 2,
        ),
        (
            lambda real, generated: nonsaturating_generator_loss(generated),
            (math.log1p(math.exp(-2)) + math.log1p(math.exp(0.5))) / 2,
        ),
    ],
)
def test_adversarial_losses_are_their_formulas(loss, expected: float) -> None:
    assert float(loss(torch.tensor([0.5, -2.0]), torch.tensor([2.0, -0.5]))) == pytest.approx(expected, rel=1e-5)


def test_r1_is_the_squared_gradient_of_the_score() -> None:
    image = noise(2, 3, 4, 4).requires_grad_()
    slope = noise(3, 4, 4, seed=1)
    penalty = r1_penalty((slope * image).sum((1, 2, 3)), image)
    assert float(penalty) == pytest.approx(float(slope.square().sum()), rel=1e-5)


def test_r1_can_be_minimised() -> None:
    image, slope = noise(2, 3, 4, 4).requires_grad_(), noise(3, 4, 4, seed=1).requires_grad_()
    r1_penalty((slope * image).sum((1, 2, 3)), image).backward()
    torch.testing.assert_close(slope.grad, 2 * slope.detach())


def slowly_resampled(features: Tensor, flow: Tensor, sigma: float) -> Tensor:
    n, c, h, w = features.shape
    out = torch.zeros_like(features)
    for k, y, x in np.ndindex(n, h, w):
        px, py = x + float(flow[k, 0, y, x]), y + float(flow[k, 1, y, x])
        total, weights = torch.zeros(c), 0.0
        for row in range(math.floor(py) - 1, math.floor(py) + 3):
            for column in range(math.floor(px) - 1, math.floor(px) + 3):
                weight = math.exp(-((px - column) ** 2 + (py - row) ** 2) / (2 * sigma**2))
                total += weight * features[k, :, min(max(row, 0), h - 1), min(max(column, 0), w - 1)]
                weights += weight
        out[k, :, y, x] = total / weights
    return out


def test_gaussian_resampling_is_the_weighted_mean_of_sixteen_pixels() -> None:
    features, flow = noise(2, 3, 5, 7), 4 * noise(2, 2, 5, 7, seed=1)
    torch.testing.assert_close(gaussian_resampled(features, flow, 2.0), slowly_resampled(features, flow, 2.0))


def test_gaussian_resampling_has_the_true_gradient_of_the_flow() -> None:
    features = noise(1, 2, 4, 5).double()
    flow = (0.3 + 0.2 * noise(1, 2, 4, 5, seed=1).clamp(-1, 1)).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda f: gaussian_resampled(features, f), (flow,))


def slow_correctness(source: Tensor, target: Tensor, flow: Tensor) -> float:
    reached = slowly_resampled(source, flow, 2.0)
    total = 0.0
    for k, y, x in np.ndindex(source.shape[0], *source.shape[-2:]):
        t = target[k, :, y, x]
        cosine = lambda v, t=t: float(v @ t / (v.norm() * t.norm()))  # noqa: E731
        best = max(cosine(source[k, :, i, j]) for i, j in np.ndindex(*source.shape[-2:]))
        total += math.exp(-cosine(reached[k, :, y, x]) / best)
    return total / target[:, 0].numel() - math.exp(-1)


def test_sampling_correctness_compares_with_the_best_place() -> None:
    source, target = noise(2, 6, 4, 3).abs(), noise(2, 6, 4, 3, seed=1).abs()
    flow = noise(2, 2, 4, 3, seed=2)
    assert float(sampling_correctness_loss(source, target, flow)) == pytest.approx(
        slow_correctness(source, target, flow), abs=1e-5
    )


def test_sampling_correctness_prefers_the_true_flow() -> None:
    rng = torch.Generator().manual_seed(0)
    smooth = torch.nn.functional.interpolate(torch.rand(1, 8, 4, 4, generator=rng), (16, 16), mode="bicubic")
    shifted = torch.roll(smooth, 3, dims=-1)
    flow = torch.zeros(1, 2, 16, 16)
    flow[:, 0] = -3
    assert sampling_correctness_loss(smooth, shifted, flow) < 0.7 * sampling_correctness_loss(smooth, shifted, 0 * flow)


def slow_affine_residual(flow: Tensor, size: int) -> float:
    n, _, h, w = flow.shape
    places = np.array([[x, y, 1] for y in range(size) for x in range(size)], float)
    losses = []
    for k, y, x in np.ndindex(n, h - size + 1, w - size + 1):
        loss = 0.0
        for axis in range(2):
            patch = flow[k, axis, y : y + size, x : x + size].reshape(-1).double().numpy()
            fit, *_ = np.linalg.lstsq(places, patch, rcond=None)
            loss += float(((places @ fit - patch) ** 2).sum())
        losses.append(loss)
    return float(np.mean(losses))


@pytest.mark.parametrize("size", [3, 5])
def test_the_affine_residual_is_that_of_a_least_squares_fit(size: int) -> None:
    flow = noise(2, 2, 7, 8)
    assert float(affine_residual(flow, size)) == pytest.approx(slow_affine_residual(flow, size), rel=1e-4)


def test_an_affine_flow_costs_nothing() -> None:
    ys, xs = torch.meshgrid(torch.arange(8.0), torch.arange(6.0), indexing="ij")
    flow = torch.stack([0.3 * xs - 2 * ys + 1, 0.1 * xs + 0.7 * ys - 4])[None]
    assert float(affine_residual(flow, 5)) < 1e-6
    assert float(affine_residual(flow.square(), 5)) > 1


def test_the_flow_s_losses_are_the_same_under_autocast() -> None:
    source, target, flow = noise(1, 6, 8, 8), noise(1, 6, 8, 8, seed=1), noise(1, 2, 8, 8, seed=2)
    exact = sampling_correctness_loss(source, target, flow), affine_residual(flow, 3)
    with torch.autocast("cpu", torch.bfloat16):
        assert (sampling_correctness_loss(source, target, flow), affine_residual(flow, 3)) == exact
