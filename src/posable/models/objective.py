"""What training a family minimises: losses of the generator, and of the discriminators that it plays against."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, cast

from jaxtyping import Float
from torch import Tensor, nn
from typing_extensions import TypeVar

from posable.batch import PersonPair
from posable.models.generator import Generator, Rendering

GeneratorT = TypeVar("GeneratorT", bound=Generator[Any])
DrawnT = TypeVar("DrawnT", bound=Rendering)
BatchT = TypeVar("BatchT", default=PersonPair)


@dataclass(frozen=True, eq=False)
class ParameterGroup:
    """Weights that learn at `lr_scale` times the stage's learning rate."""

    parameters: list[nn.Parameter]
    lr_scale: float = 1.0


class Objective(nn.Module, ABC, Generic[GeneratorT, DrawnT, BatchT]):
    """The losses of one stage of training. Its parameters that need gradients are those of the discriminators; what is
    frozen (a VGG) has `requires_grad` off.

    One step: `drawn = draw(...)`; the discriminators learn from `discriminator_losses`, then the generator from
    `generator_losses` of the same drawing. All losses come weighted, one scalar a name: their sum is minimised.
    """

    @abstractmethod
    def draw(self, generator: GeneratorT, batch: BatchT) -> DrawnT:
        """What the generator draws for the batch in training: a `Rendering` with whatever else the losses look at
        (self-reconstruction, attention logits, flows)."""

    @abstractmethod
    def generator_losses(self, generator: GeneratorT, drawn: DrawnT, batch: BatchT) -> dict[str, Float[Tensor, ""]]:
        """The generator's weighted losses."""

    def discriminator_losses(self, drawn: DrawnT, batch: BatchT, step: int) -> dict[str, Float[Tensor, ""]]:
        """The discriminators' weighted losses, of drawings cut off from the generator's graph; none by default.
        `step` counts from 0, for penalties that come only every so often (lazy regularisation)."""
        return {}

    def parameter_groups(self, generator: GeneratorT) -> list[ParameterGroup]:
        """The generator's weights that this stage trains: by default all that need gradients."""
        return [ParameterGroup([p for p in generator.parameters() if p.requires_grad])]

    def shown(self, batch: BatchT) -> PersonPair:
        """The batch as pairs, for sheets of samples."""
        return cast(PersonPair, batch)
