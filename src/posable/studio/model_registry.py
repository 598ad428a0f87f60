"""The models that the service offers, loaded when first asked for; a few are kept in memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posable.errors import InputError
from posable.transfer.pipeline import PoseTransfer
from posable.zoo.checkpoint import model_folder, read_card, shipped_models


@dataclass(frozen=True)
class OfferedModel:
    """A model by the name that requests use; its folder is the server's own business."""

    name: str
    folder: Path
    card: dict[str, Any]


class ModelRegistry:
    """`names` are shipped models or folders, of which the first is the default; shipped models are always offered.

    Making one reads the cards alone. Raises CheckpointError, and InputError when two folders have the same name.
    """

    def __init__(
        self, names: Sequence[str], device: str | None, most_loaded: int, let_go: Callable[[str], None]
    ) -> None:
        self._device, self._most_loaded, self._let_go = device, most_loaded, let_go
        self.offered: dict[str, OfferedModel] = {}
        for given in [*names, *(name for name in shipped_models() if name not in names)]:
            folder = model_folder(given).resolve()
            known = self.offered.setdefault(folder.name, OfferedModel(folder.name, folder, read_card(folder)))
            if known.folder != folder:
                raise InputError(f"'{folder}' and '{known.folder}' have one name; rename one of the two folders.")
        self.default = model_folder(names[0]).resolve().name
        self._loaded: OrderedDict[str, PoseTransfer] = OrderedDict()
        self._lock = threading.Lock()

    def checked_name(self, name: str | None) -> str:
        """The name, or the default's; raises InputError for a model that is not offered."""
        if name is None:
            return self.default
        if name not in self.offered:
            raise InputError(f"there is no model '{name}' here; choose one of {', '.join(self.offered)}.")
        return name

    def is_loaded(self, name: str) -> bool:
        return name in self._loaded

    def pipe(self, name: str) -> PoseTransfer:
        """The model, loaded if need be (seconds); call it on the thread that runs networks. Raises CheckpointError."""
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = PoseTransfer.from_pretrained(self.offered[name].folder, device=self._device)
            self._loaded.move_to_end(name)
            while len(self._loaded) > self._most_loaded:
                gone, _ = self._loaded.popitem(last=False)
                self._let_go(gone)
            return self._loaded[name]
