"""Losses and times since the last look at them."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Summary:
    losses: dict[str, float]
    """Means over the steps."""
    waiting: float
    """The share of the time that was spent waiting for data."""
    pairs_per_second: float


class Window:
    """Counts from when it is made."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._steps = self._pairs = 0
        self._start = self._since = time.monotonic()
        self._waited = 0.0

    def wait(self) -> None:
        """Waiting for data begins."""
        self._since = time.monotonic()

    def loaded(self) -> None:
        """Waiting for data has ended."""
        self._waited += time.monotonic() - self._since

    def add(self, losses: dict[str, float], pairs: int) -> None:
        """A step of `pairs` pairs is done."""
        self._steps += 1
        self._pairs += pairs
        for name, value in losses.items():
            self._sums[name] = self._sums.get(name, 0.0) + value

    def summary(self) -> Summary:
        seconds = max(time.monotonic() - self._start, 1e-9)
        means = {name: value / self._steps for name, value in self._sums.items()}
        return Summary(means, self._waited / seconds, self._pairs / seconds)
