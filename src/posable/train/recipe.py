"""What a training run is: plain frozen values, made by the functions in posable.recipes."""

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from posable.imaging.size import Size
from posable.models.objective import Objective


class Batches(Protocol):
    """Batches by their position in an endless, seeded sequence, so that a run can be resumed anywhere."""

    def batch(self, position: int) -> Any: ...


class TrainingData(Protocol):
    """A frozen description of what a stage learns from; `open` reads it."""

    @property
    def pairs_per_batch(self) -> int: ...

    def prepare(self, cache: Path, workers: int, tell: Callable[[int, int], None]) -> None:
        """Renders or checks what has to be on disk; `tell` gets (done, in all) of people."""
        ...

    def open(self, cache: Path, seed: int) -> Batches: ...

    def validation(self) -> "TrainingData":
        """A few people that are never trained on, without augmentation."""
        ...

    def in_batches_of(self, pairs: int) -> "TrainingData":
        """The same data in batches of `pairs` pairs; raises ConfigError where that cannot be."""
        ...

    def on_corpus(self, root: str, size: Size, parsing: bool) -> "TrainingData":
        """Pairs of the corpus in the folder `root` in place of these, batches as large as before; of `size`, with
        parsing maps if `parsing`. Raises ConfigError for data that holds what no corpus has."""
        ...

    @property
    def needs(self) -> "DataNeeds":
        """What somebody who wants to train on it must have or wait for."""
        ...

    def provenance(self) -> dict[str, Any]:
        """Where the pictures come from, as plain JSON values for the model's card: kind, root, hash of the index."""
        ...


@dataclass(frozen=True, kw_only=True)
class DataNeeds:
    """What training data asks of the user."""

    corpus: bool = False
    """A folder that the user must name."""
    rendered_people: int = 0
    """How many people are rendered first."""


class ObjectiveSettings(Protocol):
    """A frozen description of an objective."""

    def build(self, config: Any) -> Objective[Any, Any, Any]:
        """The objective for a generator of this config."""
        ...


@dataclass(frozen=True, kw_only=True)
class Optimiser:
    """Adam (AdamW with weight decay), and its learning rate over a stage: a linear warm-up, then constant, a half
    cosine down to a hundredth, constant for the first half and linear to zero in the second, or the same with two
    thirds constant (late-linear)."""

    learning_rate: float
    betas: tuple[float, float] = (0.5, 0.999)
    weight_decay: float = 0.0
    schedule: Literal["constant", "cosine", "linear", "late-linear"] = "constant"
    warmup_pairs: int = 0
    clip_norm: float = 0.0
    """Gradients are scaled down to this norm; 0 leaves them."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stretch of training on one set of data. All lengths are counted in pairs, so the batch size may change."""

    name: str
    data: TrainingData
    objective: ObjectiveSettings
    pairs: int
    generator: Optimiser
    discriminators: Optimiser | None = None
    """None for objectives without discriminators."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    name: str
    family: str
    config: Any
    """The family's frozen config."""
    stages: tuple[Stage, ...]
    seed: int = 0
    ema_half_life_pairs: int = 10_000
    save_every_pairs: int = 3000
    sample_every_pairs: int = 6000
    validation_batches: int = 4
    data_licence: str | None = None
    """Of the corpus that it trains on, as the user states it; None where nothing was said."""


def in_batches_of(recipe: Recipe, pairs: int) -> Recipe:
    """The recipe with batches of `pairs` pairs in all stages. Lengths stay as they are, being counted in pairs; so do
    the learning rates."""
    stages = tuple(replace(stage, data=stage.data.in_batches_of(pairs)) for stage in recipe.stages)
    return replace(recipe, stages=stages)


def described(value: Any) -> Any:
    """A recipe, or a part of one, as plain JSON values that say what they are."""
    if is_dataclass(value) and not isinstance(value, type):
        parts = {field.name: described(getattr(value, field.name)) for field in fields(value)}
        return {"kind": type(value).__name__, **parts}
    if isinstance(value, (tuple, list)):
        return [described(part) for part in value]
    return str(value) if isinstance(value, Path) else value
