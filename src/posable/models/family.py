"""The record of a family: everything that the rest of the house must know of it, at the end of its file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import torch

from posable.models import editing
from posable.models.generator import Generator

NON_COMMERCIAL = "non-commercial use only, as the authors ask of their published weights"

Description = Literal["ours", "public", "paper", "abstract"]
"""Where the authors' own description of the network ends: in public code, in the paper, or in its abstract."""

EDITS: Mapping[str, type[Any]] = {
    "garment": editing.MixesGarments,
    "texture": editing.TakesTextures,
    "regions": editing.DrawsRegions,
    "explain": editing.Explains,
}
"""What a family's own network may do beyond pose transfer, and the interface of each."""


@dataclass(frozen=True, kw_only=True)
class PublishedWeights:
    """Weights that the authors made public, and how they become ours."""

    repository: str
    licence: str
    prefix: str
    """How names of weights begin that only this family's generator has."""
    settings: Mapping[str, Any]
    """The configs that there are weights for; the first that fits is taken."""
    key_of: Callable[[str], str | None]
    """Our name for one of theirs; None for what we do without: constants, and second names of the same weights."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Family:
    """A kind of model. `posable models`, `convert`, `train`, the contract tests, README's table and the index of the
    documents are read from it; docs/adding-a-model.md goes through the fields."""

    name: str
    title: str
    """The method's own name."""
    venue: str
    """Conference or journal with the year; "posable" for our own."""
    paper: str
    """The title of the paper, or what to read instead."""
    year: int
    described_in: Description
    weights: str
    """Which weights there are, in a few words."""
    config: type[Any]
    """A frozen dataclass with `height` and `width`."""
    generator: type[Generator[Any]]
    """Built from the config alone."""
    tiny: Any
    """A config for tests: pictures of 64x48, and as few channels as the network bears."""
    published: PublishedWeights | None = None
    recipes: str | None = None
    """The module that has `RECIPES`, the family's training runs by name; imported when one is asked for."""

    @property
    def system(self) -> str:
        """Name, place and year in one line."""
        return f"{self.title}, {self.venue}"

    @property
    def needs(self) -> tuple[str, ...]:
        """What it must be told about a source besides the picture."""
        return ("pose", "parsing") if self.generator.needs_parsing else ("pose",)

    @property
    def edits(self) -> tuple[str, ...]:
        """The words of `EDITS` that its network can do by itself."""
        return tuple(word for word, kind in EDITS.items() if issubclass(self.generator, kind))

    @property
    def settings(self) -> tuple[Any, ...]:
        """The configs of the published weights, else the default config."""
        return (self.config(),) if self.published is None else tuple(self.published.settings.values())

    @property
    def document(self) -> str:
        """Its page in the repository."""
        return f"docs/models/{self.name}.md"

    @cached_property
    def parameters(self) -> int:
        """Of the generator in its default config, counted on the meta device, where no memory is allocated."""
        return count_parameters(self.build_empty(self.config()))

    def build_empty(self, config: Any) -> Generator[Any]:
        """The generator without numbers in it: weights on the meta device, to be loaded."""
        with torch.device("meta"):
            return self.generator(config)


def count_parameters(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
