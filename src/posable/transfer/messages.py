"""Where sentences go that a user should know of and that are no errors."""

from __future__ import annotations

import logging
from collections.abc import Callable

Tell = Callable[[str], None]


def to_log(sentence: str) -> None:
    """Writes the sentence to the log of the name "posable"."""
    logging.getLogger("posable").warning(sentence)
