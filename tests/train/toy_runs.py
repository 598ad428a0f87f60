"""A recipe whose runs take a second: a very narrow DPTN with its discriminator on eight pairs made of noise.

Run as a program it is posable's command line with that recipe among the others.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from posable.batch import PersonPair, PoseCondition
from posable.imaging.size import Size
from posable.models.dptn import DptnConfig, DptnDrawing, DptnGenerator
from posable.models.objective import Objective
from posable.nn.losses import least_squares_loss
from posable.nn.patch_discriminator import PatchDiscriminator
from posable.pose.pose import PoseBatch
from posable.recipes import dptn
from posable.train.recipe import DataNeeds, Optimiser, Recipe, Stage

SIZE = Size(32, 32)
PAIRS = 8


@dataclass(frozen=True)
class NoisePairs:
    """Pair i of batch b is number (b * pairs_per_batch + i) modulo 8."""

    pairs_per_batch: int = 2

    def prepare(self, cache: Path, workers: int, tell: object) -> None: ...

    def open(self, cache: Path, seed: int) -> "NoisePairs":
        return self

    def validation(self) -> "NoisePairs":
        return self

    def in_batches_of(self, pairs: int) -> "NoisePairs":
        return NoisePairs(pairs)

    def on_corpus(self, root: str, size: Size, parsing: bool) -> "NoisePairs":
        return self

    @property
    def needs(self) -> DataNeeds:
        return DataNeeds()

    def provenance(self) -> dict[str, object]:
        return {"kind": "noise", "licence": "none", "photographs": False}

    def batch(self, position: int) -> PersonPair:
        numbers = [(position * self.pairs_per_batch + i) % PAIRS for i in range(self.pairs_per_batch)]
        streams = [torch.Generator().manual_seed(100 + number) for number in numbers]
        small = torch.stack([torch.rand(2, 3, 4, 4, generator=rng) * 2 - 1 for rng in streams])
        source, target = (functional.interpolate(picture, tuple(SIZE), mode="bilinear") for picture in small.unbind(1))
        joints = torch.stack([torch.rand(2, 18, 2, generator=rng) * SIZE.height for rng in streams])
        seen = torch.ones(len(numbers), 18, dtype=torch.bool)
        return PersonPair(
            condition=PoseCondition(
                source_image=source,
                source_pose=PoseBatch(joints[:, 0], seen, SIZE),
                target_pose=PoseBatch(joints[:, 1], seen, SIZE),
            ),
            target_image=target,
        )


@dataclass(frozen=True)
class ToyLosses:
    def build(self, config: DptnConfig) -> "ToyObjective":
        return ToyObjective()


class ToyObjective(Objective[DptnGenerator, DptnDrawing]):
    """L1 and least squares; all means over pairs."""

    def __init__(self) -> None:
        super().__init__()
        self.discriminator = PatchDiscriminator(2, activate_image=False, channels=4, max_channels=8)

    def draw(self, generator: DptnGenerator, batch: PersonPair) -> DptnDrawing:
        condition = batch.condition
        encoded = generator.encode(condition.source_image, condition.source_pose)
        drawn = generator.draw_maps(encoded, generator.pose_maps(encoded.frame, condition.target_pose))
        return DptnDrawing(image=drawn, frame=encoded.frame, transferred=drawn, reconstructed=drawn)

    def generator_losses(self, generator: DptnGenerator, drawn: DptnDrawing, batch: PersonPair) -> dict[str, Tensor]:
        score = self.discriminator(drawn.image)
        return {
            "l1": (drawn.image - batch.target_image).abs().mean(),
            "adversarial": 0.1 * least_squares_loss(score, real=True),
        }

    def discriminator_losses(self, drawn: DptnDrawing, batch: PersonPair, step: int) -> dict[str, Tensor]:
        real = least_squares_loss(self.discriminator(batch.target_image), real=True)
        return {"real": real, "generated": least_squares_loss(self.discriminator(drawn.image.detach()), real=False)}


def toy_recipe(pairs: int = 48, objective: Any = ToyLosses(), **changes: Any) -> Recipe:
    """Two stages on the same pairs, a step of two pairs."""
    stage = Stage(
        name="first",
        data=NoisePairs(),
        objective=objective,
        pairs=pairs,
        generator=Optimiser(learning_rate=1e-3),
        discriminators=Optimiser(learning_rate=1e-3, schedule="linear"),
    )
    recipe = Recipe(
        name="dptn.toy",
        family="dptn",
        config=DptnConfig(
            height=32,
            width=32,
            network_height=32,
            network_width=32,
            channels=4,
            max_channels=8,
            levels=2,
            num_attention_blocks=1,
            feed_forward_channels=8,
            num_residual_blocks=1,
            heatmap_sigma_px=2.0,
        ),
        stages=(stage, replace(stage, name="second", pairs=pairs // 2)),
        ema_half_life_pairs=16,
        save_every_pairs=8,
        sample_every_pairs=16,
        validation_batches=1,
    )
    return replace(recipe, **changes)


def weights(generator: torch.nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in generator.parameters()])


if __name__ == "__main__":
    from posable.cli.app import main

    torch.set_num_threads(1)
    dptn.RECIPES["dptn.toy"] = toy_recipe
    main()
