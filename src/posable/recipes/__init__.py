"""Named training runs. Each is a function that returns a Recipe; `RECIPES` is what the command line offers."""

from collections.abc import Callable

from posable.recipes.weave import weave, weave_tiny
from posable.train.recipe import Recipe

RECIPES: dict[str, Callable[[], Recipe]] = {"weave": weave, "weave-tiny": weave_tiny}
