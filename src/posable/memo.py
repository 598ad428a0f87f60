"""The last of a kind that was made, kept while it is asked for again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

ValueT = TypeVar("ValueT")


@dataclass(eq=False)
class Last(Generic[ValueT]):
    """Holds one value and the key that it was made for."""

    key: object = None
    value: ValueT | None = None

    def get(self, key: object, make: Callable[[], ValueT]) -> ValueT:
        """What `make` gave for this key when it was the last one asked for; else what it gives now."""
        if self.value is None or (self.key is not key and self.key != key):
            self.key, self.value = key, make()
        return self.value
