"""What training a family minimises: losses of the generator, and of the discriminators that it plays against."""

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from torch import Tensor, nn

from posable.batch import PersonPair
from posable.models.generator import Generator, Rendering

GeneratorT = TypeVar("GeneratorT", bound=Generator[object])
DrawnT = TypeVar("DrawnT", bound=Rendering)


class Objective(nn.Module, ABC, Generic[GeneratorT, DrawnT]):
    """The losses of one stage of training. Its parameters, if any, are those of the discriminators; what is frozen
    (a VGG) is kept out of `parameters()` that need gradients.

    One step: `drawn = draw(...)`; the discriminators learn from `discriminator_losses`, then the generator from
    `generator_losses` of the same drawing. All losses come weighted, one scalar a name: their sum is minimised.
    """

    @abstractmethod
    def draw(self, generator: GeneratorT, pair: PersonPair) -> DrawnT:
        """What the generator draws for the batch in training: a `Rendering` with whatever else the losses look at
        (self-reconstruction, attention logits, flows)."""

    @abstractmethod
    def generator_losses(self, generator: GeneratorT, drawn: DrawnT, pair: PersonPair) -> dict[str, Tensor]:
        """The generator's weighted losses."""

    def discriminator_losses(self, drawn: DrawnT, pair: PersonPair, step: int) -> dict[str, Tensor]:
        """The discriminators' weighted losses, of drawings cut off from the generator's graph; none by default.
        `step` counts from 0, for penalties that come only every so often (lazy regularisation)."""
        return {}
