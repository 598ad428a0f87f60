"""weave's training: groups of a person's views as batches, and its losses. Each view of a group is encoded once as a
source and once as a target; all ordered pairs of a person's views share that work."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from posable.batch import PersonPair, PoseCondition
from posable.data.rendered_pairs import RenderedPairs, RenderedPeople, ViewGroup, render_cache
from posable.errors import ConfigError
from posable.imaging.size import Size
from posable.models.objective import Objective, ParameterGroup
from posable.models.weave import (
    Layers,
    SourceFeatures,
    Truth,
    WeaveConfig,
    WeaveGenerator,
    WeaveRendering,
    compose,
    weave_losses,
)
from posable.nn.pretrained.efficientnet_lite0 import StageFeatures
from posable.pose.pose import PoseBatch
from posable.train.augment import FACE, NO_AUGMENTATION, Augmentation, augment, degrade, noisy_poses
from posable.train.people_batches import check_training_people, rendered_provenance, rng_at, validation_people
from posable.train.recipe import DataNeeds

HAND_KEYPOINTS = (4, 7)


@dataclass(frozen=True, eq=False)
class TrainingBatch:
    """What the generator is given (sources, source_poses, target_poses: one per view) and the truth (one per pair)."""

    sources: Float[Tensor, "views 3 h w"]
    source_poses: PoseBatch
    target_poses: PoseBatch
    source: Int[Tensor, " pairs"]
    target: Int[Tensor, " pairs"]
    truth: Truth

    def to(self, device: torch.device | str) -> "TrainingBatch":
        return TrainingBatch(
            sources=self.sources.to(device),
            source_poses=self.source_poses.to(device),
            target_poses=self.target_poses.to(device),
            source=self.source.to(device),
            target=self.target.to(device),
            truth=Truth(**{name: getattr(self.truth, name).to(device) for name in Truth.__dataclass_fields__}),
        )


@dataclass(frozen=True, kw_only=True)
class WeaveGroups:
    """Views of a few people a step; every ordered pair of one person's views is a training pair."""

    people: RenderedPeople
    people_per_step: int
    views_per_person: int
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        check_training_people(self.people)
        if self.people_per_step > self.people.people or not 2 <= self.views_per_person <= self.people.views:
            raise ConfigError(
                f"a step takes {self.views_per_person} views of {self.people_per_step} people, but there are "
                f"{self.people.views} views of {self.people.people} people."
            )

    @property
    def pairs_per_batch(self) -> int:
        return self.people_per_step * self.views_per_person * (self.views_per_person - 1)

    def prepare(self, cache: Path, workers: int, tell: Callable[[int, int], None]) -> None:
        render_cache(self.people, cache, workers, tell)

    def open(self, cache: Path, seed: int) -> "_OpenGroups":
        return _OpenGroups(self, RenderedPairs(self.people, cache), seed)

    def validation(self) -> "WeaveGroups":
        return WeaveGroups(
            people=validation_people(self.people), people_per_step=3, views_per_person=2, augmentation=NO_AUGMENTATION
        )

    def on_corpus(self, root: str, size: Size, parsing: bool) -> "WeaveGroups":
        raise ConfigError(
            "this recipe learns from rendered people alone, whose correspondence no corpus has; leave --data out."
        )

    @property
    def needs(self) -> DataNeeds:
        return DataNeeds(rendered_people=self.people.people)

    def provenance(self) -> dict[str, Any]:
        return rendered_provenance(self.people)

    def in_batches_of(self, pairs: int) -> "WeaveGroups":
        each = self.pairs_per_batch // self.people_per_step
        if pairs < each or pairs % each:
            raise ConfigError(
                f"a batch of {pairs} pairs was asked for; here each person gives {each}, so give a multiple of {each}."
            )
        return replace(self, people_per_step=pairs // each)


@dataclass(frozen=True, eq=False)
class _OpenGroups:
    what: WeaveGroups
    pairs: RenderedPairs
    seed: int

    def batch(self, position: int) -> TrainingBatch:
        group = self.pairs.group(position, self.seed, self.what.people_per_step, self.what.views_per_person)
        return prepare(group, self.what.augmentation, rng_at(self.seed, position))


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


def picture_weight(group: ViewGroup) -> Float[Tensor, "n 1 h w"]:
    """1 on the background, 4 on the person, 8 on the face, 6 around the wrists."""
    face = (group.parsing == FACE)[:, None].float()
    h, w = group.image.shape[-2:]
    ys, xs = torch.arange(h)[:, None] + 0.5, torch.arange(w)[None] + 0.5
    hands = group.keypoints[:, HAND_KEYPOINTS, :]
    x, y, label = (hands[..., i, None, None] for i in range(3))
    near = ((xs - x) ** 2 + (ys - y) ** 2 < (0.05 * h) ** 2) & (label > 0)
    return 1 + 3 * group.alpha + 4 * face + 2 * near.any(1, keepdim=True) * group.alpha


@dataclass(frozen=True, kw_only=True)
class WeaveDrawn(WeaveRendering):
    """A drawing in training: not limited to [-1, 1], and with the layers that it was made of."""

    layers: Layers
    source: SourceFeatures


@dataclass(frozen=True, kw_only=True)
class WeaveLosses:
    """ "coarse" trains the half-size model alone on pictures of half the working size; "fine" trains everything."""

    level: Literal["coarse", "fine"]
    perceptual_weight: float = 0.0
    coarse_pace: float = 1.0
    """In a fine stage, the learning rate of the coarse weights relative to the others'."""

    def build(self, config: WeaveConfig) -> "WeaveObjective":
        return WeaveObjective(self)


class WeaveObjective(Objective[WeaveGenerator, WeaveDrawn, TrainingBatch]):
    """Exact correspondence, visibility and coverage as teachers, and pictures that look alike."""

    def __init__(self, losses: WeaveLosses) -> None:
        super().__init__()
        self.losses = losses
        self.features = StageFeatures().requires_grad_(False) if losses.perceptual_weight else None

    def parameter_groups(self, generator: WeaveGenerator) -> list[ParameterGroup]:
        coarse = ParameterGroup(list(generator.coarse.parameters()), self.losses.coarse_pace)
        fine = ParameterGroup(list(generator.fine.parameters()))
        return [coarse] if self.losses.level == "coarse" else [coarse, fine]

    def draw(self, generator: WeaveGenerator, batch: TrainingBatch) -> WeaveDrawn:
        coarse = generator.coarse
        if self.losses.level == "coarse":
            source = coarse.encode(batch.sources, batch.source_poses)[batch.source]
            layers = coarse.match(source, coarse.encode_target(batch.target_poses)[batch.target])
            drawn = compose(batch.sources[batch.source], source, layers)
        else:
            encoded = generator.features(batch.sources, batch.source_poses)[batch.source]
            source = encoded.coarse
            layers = generator.refine(encoded, coarse.encode_target(batch.target_poses)[batch.target])
            drawn = generator.draw(encoded, layers)
        return WeaveDrawn(
            image=drawn.image,
            mask=drawn.mask,
            visibility=drawn.visibility,
            flow=drawn.flow,
            layers=layers,
            source=source,
        )

    def generator_losses(
        self, generator: WeaveGenerator, drawn: WeaveDrawn, batch: TrainingBatch
    ) -> dict[str, Float[Tensor, ""]]:
        losses = weave_losses(drawn, drawn.layers, drawn.source, batch.truth)
        if self.features is not None:
            distance = perceptual_loss(self.features, drawn.image, batch.truth.image)
            losses["perceptual"] = self.losses.perceptual_weight * distance
        return losses

    def shown(self, batch: TrainingBatch) -> PersonPair:
        pick = lambda poses, index: PoseBatch(poses.keypoints[index], poses.visible[index], poses.size)  # noqa: E731
        condition = PoseCondition(
            source_image=batch.sources[batch.source],
            source_pose=pick(batch.source_poses, batch.source),
            target_pose=pick(batch.target_poses, batch.target),
        )
        return PersonPair(condition=condition, target_image=batch.truth.image)


def perceptual_loss(
    features: StageFeatures, image: Float[Tensor, "n 3 h w"], truth: Float[Tensor, "n 3 h w"]
) -> Float[Tensor, ""]:
    """Mean L1 between stage features, each stage scaled by the truth's own mean magnitude."""
    with torch.no_grad():
        wanted = features(truth)
    total = image.new_zeros(())
    for got, want in zip(features(image), wanted, strict=True):
        total = total + functional.l1_loss(got, want) / want.abs().mean().clamp_min(1e-3)
    return total / len(wanted)
