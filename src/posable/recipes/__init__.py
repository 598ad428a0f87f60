"""Named training runs. Each is a function that returns a Recipe; `RECIPES` is what the command line offers."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, MutableMapping

from posable.models import FAMILIES
from posable.train.recipe import Recipe

__all__ = ["RECIPES"]


class Recipes(MutableMapping[str, Callable[[], Recipe]]):
    """The recipes of all families by name, FAMILY or FAMILY.RUN; a family's module is imported when it is needed."""

    def __init__(self) -> None:
        self._added: dict[str, Callable[[], Recipe]] = {}

    def __getitem__(self, name: str) -> Callable[[], Recipe]:
        family = name.partition(".")[0]
        if name in self._added or family not in FAMILIES:
            return self._added[name]
        return _recipes_of(family)[name]

    def __setitem__(self, name: str, recipe: Callable[[], Recipe]) -> None:
        self._added[name] = recipe

    def __delitem__(self, name: str) -> None:
        del self._added[name]

    def __iter__(self) -> Iterator[str]:
        for family in FAMILIES:
            yield from _recipes_of(family)
        yield from self._added

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _recipes_of(family: str) -> Mapping[str, Callable[[], Recipe]]:
    module = FAMILIES[family].recipes
    return {} if module is None else importlib.import_module(module).RECIPES


RECIPES = Recipes()
