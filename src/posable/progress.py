"""How long work tells its caller how far it is: one type for each form of callback."""

from collections.abc import Callable

ProgressCallback = Callable[[int, int], None]
"""Called with (done, total)."""
StageProgressCallback = Callable[[str, int, int], None]
"""Called with (what is being done, done, total); work of several stages uses a name for each."""


def silent(_what: str, _done: int, _total: int) -> None:
    """A `StageProgressCallback` that does nothing."""
