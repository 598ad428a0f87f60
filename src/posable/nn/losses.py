"""Losses as functions: each gives a scalar, unweighted unless it says so. Families weigh them as their papers do."""

import math
from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from posable.nn.perceptual_features import PerceptualFeatures

# ---- pictures


def content_loss(features: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """The sum over layers of the mean absolute difference of features (n, c, h, w)."""
    return _total(functional.l1_loss(got, want) for got, want in zip(features, wanted, strict=True))


def gram_matrix(features: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c c"]:
    """Which channels fire together, wherever: F F^T / (c h w); in float32, as half precision would overflow."""
    _, c, h, w = features.shape
    with torch.autocast(features.device.type, enabled=False):
        flat = features.float().flatten(2)
        return flat @ flat.transpose(1, 2) / (c * h * w)


def style_loss(features: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """The sum over layers of the mean absolute difference of Gram matrices (Johnson et al., 2016, in L1)."""
    return _total(
        functional.l1_loss(gram_matrix(got), gram_matrix(want)) for got, want in zip(features, wanted, strict=True)
    )


def picture_losses(
    features: PerceptualFeatures,
    picture: Float[Tensor, "n 3 h w"],
    truth: Float[Tensor, "n 3 h w"],
    *,
    l1: float,
    content: float,
    style: float,
) -> dict[str, Tensor]:
    """The three losses that most families compare pictures by, `l1`, `content` and `style`, times the weights given."""
    with torch.no_grad():
        wanted = features(truth)
    got = features(picture)
    return {
        "l1": l1 * functional.l1_loss(picture, truth),
        "content": content * content_loss(got.content, wanted.content),
        "style": style * style_loss(got.style, wanted.style),
    }


# ---- adversaries; scores of any shape, higher for real


def least_squares_loss(score: Tensor, *, real: bool) -> Tensor:
    """The mean squared distance of the scores to 1 (`real`) or 0 (Mao et al., 2017). The generator asks for real."""
    return (score - float(real)).square().mean()


def least_squares_judgement(
    discriminator: nn.Module, real: Float[Tensor, "n c h w"], generated: Float[Tensor, "n c h w"]
) -> dict[str, Tensor]:
    """What a discriminator minimises: half the least-squares loss of real pictures, and half that of generated ones,
    cut off from their generator's graph."""
    return {
        "real": 0.5 * least_squares_loss(discriminator(real), real=True),
        "generated": 0.5 * least_squares_loss(discriminator(generated.detach()), real=False),
    }


def logistic_discriminator_loss(real: Tensor, generated: Tensor) -> Tensor:
    """Cross entropy of the scores as logits (Goodfellow et al., 2014): softplus(-real) + softplus(generated)."""
    return functional.softplus(-real).mean() + functional.softplus(generated).mean()


def nonsaturating_generator_loss(generated: Tensor) -> Tensor:
    """softplus(-generated): its gradient does not fade when the discriminator is confident."""
    return functional.softplus(-generated).mean()


def r1_penalty(score: Tensor, image: Float[Tensor, "n 3 h w"]) -> Tensor:
    """The mean over pictures of the squared length of the scores' gradient (Mescheder et al., 2018), without gamma / 2.

    `image` are the real pictures that were scored, with requires_grad.
    """
    (gradient,) = torch.autograd.grad(score.sum(), image, create_graph=True)
    return gradient.square().sum((1, 2, 3)).mean()


# ---- flows (GFLA); a flow is (n, 2, h, w): what target pixel (x, y) shows is at (x + flow 0, y + flow 1) of the source


def gaussian_resampled(
    features: Float[Tensor, "n c h w"], flow: Float[Tensor, "n 2 h w"], sigma: float = 2.0
) -> Float[Tensor, "n c h w"]:
    """`features` where the flow points: the mean of the 4x4 pixels around, weighed by exp(-d^2 / 2 sigma^2) of their
    distance d; beyond the border the border's pixels go on. Its gradient reaches further than a bilinear one's.
    Both in float32: half precision cannot tell neighbouring places apart."""
    n, c, h, w = features.shape
    offsets = torch.arange(-1, 3, device=flow.device)

    def taps(position: Tensor, length: int) -> tuple[Tensor, Tensor]:
        first = position.detach().floor()
        pixels = first[:, None] + offsets.view(1, 4, 1, 1)
        weights = torch.exp(-(position[:, None] - pixels).square() / (2 * sigma**2))
        return pixels.long().clamp(0, length - 1), weights / weights.sum(1, keepdim=True)

    xs = torch.arange(w, device=flow.device, dtype=flow.dtype)
    ys = torch.arange(h, device=flow.device, dtype=flow.dtype)
    columns, across = taps(flow[:, 0] + xs, w)
    rows, down = taps(flow[:, 1] + ys[:, None], h)
    flat, resampled = features.flatten(2), features.new_zeros(n, c, h, w)
    for i in range(4):
        for j in range(4):
            index = (rows[:, i] * w + columns[:, j]).view(n, 1, h * w).expand(n, c, h * w)
            resampled = resampled + (down[:, i] * across[:, j])[:, None] * flat.gather(2, index).view(n, c, h, w)
    return resampled


def sampling_correctness_loss(
    source: Float[Tensor, "n c h w"], target: Float[Tensor, "n c h w"], flow: Float[Tensor, "n 2 h w"]
) -> Tensor:
    """How much worse the flow's place fits than the source's best place (GFLA): the mean over target pixels of
    exp(-s / max s) - exp(-1), with s the cosine of the source's features there and the target's. 0 is the best."""
    with torch.autocast(flow.device.type, enabled=False):
        source, target = source.float(), target.float()
        reached = functional.cosine_similarity(gaussian_resampled(source, flow.float()), target, dim=1, eps=_EPSILON)
        with torch.no_grad():
            best = _unit(target).flatten(2).transpose(1, 2) @ _unit(source).flatten(2)
            best = best.amax(2).view_as(reached)
        return torch.exp(-reached / (best + _EPSILON)).mean() - math.exp(-1)


def affine_residual(flow: Float[Tensor, "n 2 h w"], size: int) -> Tensor:
    """How far the flow is from an affine map within each `size` x `size` patch (GFLA's regularisation): the
    mean over patches of the squared residuals of the least-squares fit, summed over the patch and both axes."""
    # On a grid around 0 the fit's three terms (constant, x, y) are orthogonal. An affine map of a place is affine in
    # the place, so displacements leave the same residuals as positions.
    steps = torch.arange(size, device=flow.device, dtype=torch.float32) - (size - 1) / 2
    terms = torch.stack([torch.ones_like(steps).repeat(size), steps.repeat(size), steps.repeat_interleave(size)])
    terms = functional.normalize(terms, dim=1)
    with torch.autocast(flow.device.type, enabled=False):
        residual = torch.eye(size * size, device=flow.device) - terms.T @ terms
        patches = functional.unfold(flow.float(), size).unflatten(1, (2, size * size))
        return torch.einsum("ab,ncbl->ncal", residual, patches).square().sum((1, 2)).mean()


_EPSILON = 1e-8


def _unit(features: Tensor) -> Tensor:
    return functional.normalize(features, dim=1, eps=_EPSILON)


def _total(losses: Iterable[Tensor]) -> Tensor:
    return torch.stack(list(losses)).sum()
