"""Losses as functions: each gives a scalar, unweighted unless it says so. Families weigh them as their papers do."""

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


def style_loss(
    features: Sequence[Float[Tensor, "n _ _ _"]], wanted: Sequence[Float[Tensor, "n _ _ _"]]
) -> Float[Tensor, ""]:
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
) -> dict[str, Float[Tensor, ""]]:
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


def least_squares_loss(score: Float[Tensor, "*shape"], *, real: bool) -> Float[Tensor, ""]:
    """The mean squared distance of the scores to 1 (`real`) or 0 (Mao et al., 2017). The generator asks for real."""
    return (score - float(real)).square().mean()


def least_squares_judgement(
    discriminator: nn.Module, real: Float[Tensor, "n c h w"], generated: Float[Tensor, "n c h w"]
) -> dict[str, Float[Tensor, ""]]:
    """What a discriminator minimises: half the least-squares loss of real pictures, and half that of generated ones,
    cut off from their generator's graph."""
    return {
        "real": 0.5 * least_squares_loss(discriminator(real), real=True),
        "generated": 0.5 * least_squares_loss(discriminator(generated.detach()), real=False),
    }


def logistic_discriminator_loss(real: Float[Tensor, "*shape"], generated: Float[Tensor, "*other"]) -> Float[Tensor, ""]:
    """Cross entropy of the scores as logits (Goodfellow et al., 2014): softplus(-real) + softplus(generated)."""
    return functional.softplus(-real).mean() + functional.softplus(generated).mean()


def nonsaturating_generator_loss(generated: Float[Tensor, "*shape"]) -> Float[Tensor, ""]:
    """softplus(-generated): its gradient does not fade when the discriminator is confident."""
    return functional.softplus(-generated).mean()


def r1_penalty(score: Float[Tensor, "*shape"], image: Float[Tensor, "n 3 h w"]) -> Float[Tensor, ""]:
    """The mean over pictures of the squared length of the scores' gradient (Mescheder et al., 2018), without gamma / 2.

    `image` are the real pictures that were scored, with requires_grad.
    """
    (gradient,) = torch.autograd.grad(score.sum(), image, create_graph=True)
    return gradient.square().sum((1, 2, 3)).mean()


def _total(losses: Iterable[Tensor]) -> Tensor:
    return torch.stack(list(losses)).sum()
