"""Networks that LiteRT runs on the CPU: a picture in, named arrays out."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from posable.errors import MissingExtraError


class LiteRtNetwork:
    """One LiteRT model: a picture (h, w, 3) in, its outputs (without the batch axis) out, in the model's own order.

    May be used from several threads, which then take turns.
    """

    def __init__(self, path: Path, num_threads: int = 1) -> None:
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise MissingExtraError(
                f"looking for people needs the package ai-edge-litert, which does not load ({error}); "
                "run 'pip install ai-edge-litert', or find the pose with the detector 'rtmlib'."
            ) from None
        with _native_log_silenced():
            self._interpreter: Any = Interpreter(str(path), num_threads=num_threads)
            self._interpreter.allocate_tensors()
        self._input: int = self._interpreter.get_input_details()[0]["index"]
        self._outputs = [int(output["index"]) for output in self._interpreter.get_output_details()]
        self._lock = threading.Lock()

    def __call__(self, picture: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
        with self._lock:
            self._interpreter.set_tensor(self._input, np.ascontiguousarray(picture[None], np.float32))
            self._interpreter.invoke()
            return [self._interpreter.get_tensor(index)[0] for index in self._outputs]


@contextmanager
def _native_log_silenced() -> Generator[None]:
    """Keeps what C++ writes to standard error away while inside: LiteRT announces itself there and has no switch."""
    try:
        kept = os.dup(2)
    except OSError:  # A process without standard error has nothing to keep clean.
        yield
        return
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
