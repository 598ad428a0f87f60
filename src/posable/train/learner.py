"""One stage's learning: its objective, its optimisers, and a step of the discriminators and the generator.

A step looks at one batch, or at several one after the other whose gradients are summed (accumulation) and which count
as one large batch: each loss is a mean over pairs, so the mean of the parts' gradients is the gradient of the whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from posable.models.objective import Objective
from posable.train.processes import Processes
from posable.train.recipe import Optimiser, Recipe, Stage
from posable.train.run_state import RunState, learning_state

AnyObjective = Objective[Any, Any, Any]
_Losses = tuple[dict[str, Tensor], dict[str, Tensor]]
"""Of the generator and of the discriminators."""


@dataclass(frozen=True)
class StepLosses:
    """Weighted losses of one step, means over its pairs and over the processes."""

    generator: dict[str, float]
    discriminators: dict[str, float]

    @property
    def all(self) -> dict[str, float]:
        return self.discriminators | self.generator


@dataclass(frozen=True)
class Part:
    """One batch of a step, on the device, and the place of its noise: inside `noise()` random numbers depend on the
    batch's position in the stage alone."""

    batch: Any
    noise: Callable[[], AbstractContextManager[None]]


class Learner:
    """Adam over groups of parameters, on the stage's schedule."""

    def __init__(self, how: Optimiser, groups: Iterable[tuple[list[nn.Parameter], float]], stage: Stage) -> None:
        self.how, self.stage = how, stage
        chosen = [(parameters, lr_scale) for parameters, lr_scale in groups if parameters]
        self.lr_scales = [lr_scale for _, lr_scale in chosen]
        self.parameters: list[nn.Parameter] = [p for parameters, _ in chosen for p in parameters]
        self.adam = torch.optim.AdamW(
            [{"params": parameters} for parameters, _ in chosen],
            lr=how.learning_rate,
            betas=how.betas,
            weight_decay=how.weight_decay,
            # One kernel for all tensors: a narrow network's own loop over hundreds of them costs as much as its layers.
            fused=all(p.device.type in ("cpu", "cuda") for p in self.parameters),
        )

    def zero_grad(self) -> None:
        """Drops the gradients."""
        self.adam.zero_grad(set_to_none=True)

    def step(self, pairs_done: int, processes: Processes) -> None:
        """Moves the parameters along their gradients, averaged over the processes."""
        processes.average_gradients(self.parameters)
        if self.how.clip_norm:
            nn.utils.clip_grad_norm_(self.parameters, self.how.clip_norm)
        for group, lr_scale in zip(self.adam.param_groups, self.lr_scales, strict=True):
            group["lr"] = lr_scale * learning_rate(self.how, pairs_done, self.stage.pairs)
        self.adam.step()


def learning_rate(how: Optimiser, pairs_done: int, pairs: int) -> float:
    """The rate of `how` after `pairs_done` of a stage's `pairs`."""
    warm = min(1.0, (pairs_done + 1) / how.warmup_pairs) if how.warmup_pairs else 1.0
    share = min(1.0, pairs_done / pairs)
    if how.schedule == "cosine":
        return how.learning_rate * warm * (0.505 + 0.495 * math.cos(math.pi * share))
    if how.schedule == "linear":
        return how.learning_rate * warm * min(1.0, 2 * (1 - share))
    if how.schedule == "late-linear":
        return how.learning_rate * warm * min(1.0, 3 * (1 - share))
    return how.learning_rate * warm


class StageLearner:
    """A stage's objective and optimisers around the run's generator."""

    def __init__(self, state: RunState, stage: Stage, recipe: Recipe, processes: Processes) -> None:
        self.stage, self.processes, self.network = stage, processes, state.generator
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed + 1)
            self.objective: AnyObjective = stage.objective.build(recipe.config).to(processes.device).train()
        groups = self.objective.parameter_groups(state.generator)
        self.generator = Learner(stage.generator, [(group.parameters, group.lr_scale) for group in groups], stage)
        self.discriminator_parameters = [p for p in self.objective.parameters() if p.requires_grad]
        assert bool(self.discriminator_parameters) == (stage.discriminators is not None), (
            f"stage {stage.name}: discriminators need rates"
        )
        self.discriminators = (
            Learner(stage.discriminators, [(self.discriminator_parameters, 1.0)], stage)
            if stage.discriminators
            else None
        )
        if state.stage_state:
            self.restore(state.stage_state)

    def state(self) -> dict[str, Any]:
        return {
            "generator": self.generator.adam.state_dict(),
            "discriminators": self.discriminators.adam.state_dict() if self.discriminators else None,
            "objective": learning_state(self.objective),
        }

    def restore(self, saved: dict[str, Any]) -> None:
        self.generator.adam.load_state_dict(saved["generator"])
        if self.discriminators is not None:
            self.discriminators.adam.load_state_dict(saved["discriminators"])
        self.objective.load_state_dict(saved["objective"], strict=False)

    def step(self, parts: Sequence[Part], step: int, pairs: int) -> StepLosses:
        """One step of the discriminators and the generator after `pairs` pairs of the stage."""
        if len(parts) == 1:
            with parts[0].noise():
                return self._numbers(*self._step_of_one(parts[0].batch, step, pairs))
        return self._numbers(*self._step_of_many(parts, step, pairs))

    def _step_of_one(self, batch: Any, step: int, pairs: int) -> _Losses:
        with self.processes.autocast():
            drawn = self.objective.draw(self.network, batch)
        discriminator_losses: dict[str, Tensor] = {}
        if self.discriminators is not None:
            self.discriminators.zero_grad()
            with self.processes.autocast():
                discriminator_losses = self.objective.discriminator_losses(drawn, batch, step)
            _backward(discriminator_losses)
            self.discriminators.step(pairs, self.processes)
        with self._discriminators_frozen():
            self.generator.zero_grad()
            with self.processes.autocast():
                generator_losses = self.objective.generator_losses(self.network, drawn, batch)
            _backward(generator_losses)
            self.generator.step(pairs, self.processes)
        return generator_losses, discriminator_losses

    def _step_of_many(self, parts: Sequence[Part], step: int, pairs: int) -> _Losses:
        """Draws each part twice, for the discriminators and again for the generator: the drawings of all parts together
        would need the memory of the large batch. Buffers (the vectors of spectral norms) are put back before each part,
        so that they move once a step."""
        network_before, objective_before = _buffers(self.network), _buffers(self.objective)
        discriminator_losses: dict[str, Tensor] = {}
        if self.discriminators is not None:
            self.discriminators.zero_grad()
            for part in parts:
                _put_back(network_before + objective_before)
                with part.noise():
                    with torch.no_grad(), self.processes.autocast():
                        drawn = self.objective.draw(self.network, part.batch)
                    with self.processes.autocast():
                        losses = _share(self.objective.discriminator_losses(drawn, part.batch, step), len(parts))
                    _backward(losses)
                _add(discriminator_losses, losses)
            self.discriminators.step(pairs, self.processes)
            objective_before = _buffers(self.objective)
        generator_losses: dict[str, Tensor] = {}
        with self._discriminators_frozen():
            self.generator.zero_grad()
            for part in parts:
                _put_back(network_before + objective_before)
                with part.noise():
                    with self.processes.autocast():
                        drawn = self.objective.draw(self.network, part.batch)
                        losses = _share(self.objective.generator_losses(self.network, drawn, part.batch), len(parts))
                    _backward(losses)
                _add(generator_losses, losses)
            self.generator.step(pairs, self.processes)
        return generator_losses, discriminator_losses

    @contextmanager
    def _discriminators_frozen(self) -> Generator[None]:
        for parameter in self.discriminator_parameters:
            parameter.requires_grad_(False)
        try:
            yield
        finally:
            for parameter in self.discriminator_parameters:
                parameter.requires_grad_(True)

    def _numbers(self, generator: dict[str, Tensor], discriminators: dict[str, Tensor]) -> StepLosses:
        means = self.processes.means([value.detach() for value in (*generator.values(), *discriminators.values())])
        count = len(generator)
        return StepLosses(
            dict(zip(generator, means[:count], strict=True)), dict(zip(discriminators, means[count:], strict=True))
        )


def _backward(losses: dict[str, Tensor]) -> None:
    if losses:
        torch.stack(list(losses.values())).sum().backward()


def _share(losses: dict[str, Tensor], parts: int) -> dict[str, Tensor]:
    return {name: value / parts for name, value in losses.items()}


def _add(sums: dict[str, Tensor], losses: dict[str, Tensor]) -> None:
    for name, value in losses.items():
        sums[name] = sums[name] + value.detach() if name in sums else value.detach()


def _buffers(module: nn.Module) -> list[tuple[Tensor, Tensor]]:
    return [(buffer, buffer.clone()) for buffer in module.buffers()]


def _put_back(values: Sequence[tuple[Tensor, Tensor]]) -> None:
    for buffer, value in values:
        buffer.copy_(value)
