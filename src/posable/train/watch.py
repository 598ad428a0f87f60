"""Watches the losses of a stage, and says when training has gone wrong.

What counts as diverged, and why so:

- *NaN*: any loss that is NaN or infinite, at once.
- *Exploded*: the sum of the generator's or of the discriminators' losses has a median, over each of two stretches of
  steps in a row, of more than 20 times the running median of the stretches before, and 5 times what it was at the
  start. Medians over stretches pass over the spikes of single hard batches and of lazy penalties; the start is there
  because losses fall by orders of magnitude: discriminators that come back to guessing are well, not diverged.
- *Won by the discriminators*: over each of two stretches in a row the discriminators' losses are below a hundredth of
  their largest stretch, and the generator's adversarial losses are above ten times all its other losses together and
  ten times what they were at the start. Confident discriminators are no harm alone: with least squares the
  generator's adversarial loss then stays at a constant, and the other losses go on teaching. The unbounded ones
  (logistic, hinge) grow without end, and drown the rest: that is when the pictures fall apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any

from posable.train.learner import StepLosses

STEPS_OF_A_STRETCH = 50
_HISTORY, _MEMORY = 4, 100
"""Stretches that must have passed before a stage's losses are judged by their past, and how many are remembered."""
_EXPLODED, _ABOVE_START = 20.0, 5.0
_BEATEN, _DROWNED = 0.01, 10.0
_IN_A_ROW = 2


@dataclass(frozen=True)
class Trouble:
    what: str
    """The middle of a sentence: 'the losses of the generator ...'."""
    since_step: int
    """Steps of the stage that were done when it began."""


class Watch:
    """Takes the losses of each step; a function of those losses alone, so that a resumed run stops where the straight
    one does."""

    def __init__(self, steps_of_a_stretch: int = STEPS_OF_A_STRETCH) -> None:
        self._length = steps_of_a_stretch
        self._start: list[float] = []
        """Of the first step or the first stretch, whichever is larger."""
        self._steps: list[list[float]] = []
        self._stretches: list[list[float]] = []
        self._bad: list[str] = []

    def state(self) -> dict[str, Any]:
        return {"start": self._start, "steps": self._steps, "stretches": self._stretches, "bad": self._bad}

    def restore(self, saved: dict[str, Any]) -> None:
        self._start, self._steps = list(saved["start"]), list(saved["steps"])
        self._stretches, self._bad = list(saved["stretches"]), list(saved["bad"])

    def add(self, losses: StepLosses, step: int) -> Trouble | None:
        """Judges after the losses of the step numbered `step` (from 0); None while all is well."""
        broken = sorted(name for name, value in losses.all.items() if not math.isfinite(value))
        if broken:
            return Trouble(f"the losses {', '.join(broken)} are NaN or infinite", step)
        adversarial = {name: value for name, value in losses.generator.items() if name.startswith("adversarial")}
        others = (value for name, value in losses.generator.items() if name not in adversarial)
        self._steps.append([_size(others), _size(adversarial.values()), _size(losses.discriminators.values())])
        self._start = self._start or self._steps[0]
        if len(self._steps) < self._length:
            return None
        stretch = [median(column) for column in zip(*self._steps, strict=True)]
        self._steps = []
        if not self._stretches:
            self._start = [max(pair) for pair in zip(self._start, stretch, strict=True)]
        wrong = self._judge(stretch) if len(self._stretches) >= _HISTORY else None
        if wrong is None:
            self._bad = []
            self._stretches = [*self._stretches, stretch][-_MEMORY:]
            return None
        self._bad.append(wrong)
        if len(self._bad) < _IN_A_ROW:
            return None
        return Trouble(self._bad[0], step + 1 - self._length * len(self._bad))

    def _judge(self, stretch: list[float]) -> str | None:
        others, adversarial, discriminators = stretch
        past = list(zip(*self._stretches, strict=True))
        sums = median(a + b for a, b in zip(past[0], past[1], strict=True))
        for name, value, usual, start in (
            ("generator", others + adversarial, sums, self._start[0] + self._start[1]),
            ("discriminators", discriminators, median(past[2]), self._start[2]),
        ):
            if value > max(_EXPLODED * usual, _ABOVE_START * start) > 0:
                return f"the losses of the {name} have grown from {usual:.3g} to {value:.3g}"
        beaten = discriminators < _BEATEN * max(self._start[2], *past[2])
        if beaten and adversarial > _DROWNED * max(others, self._start[1]):
            return (
                f"the discriminators have won: their losses have fallen to {discriminators:.2g}, and the generator's "
                f"adversarial losses have grown from {self._start[1]:.3g} to {adversarial:.3g}, beside {others:.3g} "
                "of all its others"
            )
        return None


def _size(losses: Iterable[float]) -> float:
    return sum(abs(value) for value in losses)
