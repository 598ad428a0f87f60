"""One training step of weave: from a group of rendered views to named losses. Each view of a group is encoded once as a
source and once as a target; all ordered pairs of a person's views share that work."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from posable.data.rendered_pairs import ViewGroup
from posable.metrics.perceptual import StageFeatures
from posable.models.weave import Truth, WeaveGenerator, WeaveRendering, compose, weave_losses
from posable.pose import PoseBatch
from posable.size import Size
from posable.train.augment import FACE, Augmentation, augment, degrade, noisy_poses

HAND_KEYPOINTS = (4, 7)


@dataclass(frozen=True)
class TrainingBatch:
    """What the generator is given (sources, source_poses, target_poses: one per view) and the truth (one per pair)."""

    sources: Tensor
    source_poses: PoseBatch
    target_poses: PoseBatch
    source: Tensor
    target: Tensor
    truth: Truth


def prepare(group: ViewGroup, how: Augmentation, rng: torch.Generator) -> TrainingBatch:
    group = augment(group, how, rng)
    size = Size(*group.image.shape[-2:])
    weight = picture_weight(group)
    scale = torch.tensor([size.width, size.height]).view(1, 2, 1, 1)
    truth = Truth(
        image=group.image[group.target],
        alpha=group.alpha[group.target],
        weight=weight[group.target],
        flow=group.flow / scale * 2 - 1,
        visible=group.visible,
        foreground=group.foreground,
        source_alpha=group.alpha[group.source],
    )
    return TrainingBatch(
        sources=degrade(group.image, how.degrade, rng) if how.degrade else group.image,
        source_poses=noisy_poses(group.keypoints, size, how, rng),
        target_poses=noisy_poses(group.keypoints, size, how, rng),
        source=group.source,
        target=group.target,
        truth=truth,
    )


def picture_weight(group: ViewGroup) -> Tensor:
    """1 on the background, 4 on the person, 8 on the face, 6 around the wrists."""
    face = (group.parsing == FACE)[:, None].float()
    h, w = group.image.shape[-2:]
    ys, xs = torch.arange(h)[:, None] + 0.5, torch.arange(w)[None] + 0.5
    hands = group.keypoints[:, HAND_KEYPOINTS, :]
    x, y, label = (hands[..., i, None, None] for i in range(3))
    near = ((xs - x) ** 2 + (ys - y) ** 2 < (0.05 * h) ** 2) & (label > 0)
    return 1 + 3 * group.alpha + 4 * face + 2 * near.any(1, keepdim=True) * group.alpha


def coarse_losses(generator: WeaveGenerator, batch: TrainingBatch) -> tuple[dict[str, Tensor], WeaveRendering]:
    """Losses of the half-size model alone; `batch` holds pictures of half the working size."""
    coarse = generator.coarse
    encoded = coarse.encode(batch.sources, batch.source_poses)[batch.source]
    layers = coarse.match(encoded, coarse.encode_target(batch.target_poses)[batch.target])
    rendering = compose(batch.sources[batch.source], encoded, layers)
    return weave_losses(rendering, layers, encoded, batch.truth), rendering


def fine_losses(
    generator: WeaveGenerator, batch: TrainingBatch, features: StageFeatures | None, perceptual_weight: float
) -> tuple[dict[str, Tensor], WeaveRendering]:
    """Losses of the whole model at the working size, with a perceptual term on faces and whole pictures."""
    encoded = generator.features(batch.sources, batch.source_poses)[batch.source]
    layers = generator.refine(encoded, generator.coarse.encode_target(batch.target_poses)[batch.target])
    rendering = generator.draw(encoded, layers)
    losses = weave_losses(rendering, layers, encoded.coarse, batch.truth)
    if features is not None:
        losses["perceptual"] = perceptual_weight * perceptual_loss(features, rendering.image, batch.truth.image)
    return losses, rendering


def perceptual_loss(features: StageFeatures, image: Tensor, truth: Tensor) -> Tensor:
    """Mean L1 between stage features, each stage scaled by the truth's own mean magnitude."""
    with torch.no_grad():
        wanted = features(truth)
    total = image.new_zeros(())
    for got, want in zip(features(image), wanted, strict=True):
        total = total + functional.l1_loss(got, want) / want.abs().mean().clamp_min(1e-3)
    return total / len(wanted)
