"""The sources that the service holds: pictures with their poses, and what each network made of them.

Bounded in number, memory and time; what was used longest ago goes first.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from PIL import Image

from posable.detect import Detection
from posable.imaging.size import Size
from posable.memory import memory_of
from posable.pose.pose import Pose
from posable.studio.http_errors import HttpError
from posable.studio.service_metrics import ServiceMetrics
from posable.studio.settings import Limits
from posable.transfer.encoded_source import EncodedSource

_MOST_ENCODINGS = 4

EncodingKey = tuple[str, int | None]
"""The model's name, and the longest side that the picture was brought down to (None: as it came)."""


@dataclass(frozen=True, eq=False)
class Seen:
    """A picture as the service keeps it, and who is in it."""

    picture: Image.Image
    pose: Pose
    people_found: int
    messages: tuple[str, ...]
    name: str
    """What errors call it."""
    sent_size: Size
    """Of the picture as it came."""
    found: Detection | None = None
    """What the detector said, when the pose is its own."""


@dataclass(eq=False)
class Source:
    """A picture that was sent, and the encodings made of it so far. Only the store changes it."""

    id: str
    seen: Seen
    encodings: OrderedDict[EncodingKey, EncodedSource] = field(default_factory=OrderedDict[EncodingKey, EncodedSource])
    used: float = 0.0

    @property
    def held_bytes(self) -> int:
        return memory_of([self.seen.picture, *self.encodings.values()])


class SourceStore:
    """Sources by id; ids cannot be guessed, so who knows one may use it."""

    def __init__(self, limits: Limits, metrics: ServiceMetrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits, self._metrics, self._clock = limits, metrics, clock
        self._sources: OrderedDict[str, Source] = OrderedDict()
        self._lock = threading.RLock()
        metrics.watch_sources(lambda: len(self._sources), lambda: self.held_bytes)

    @property
    def held_bytes(self) -> int:
        with self._lock:
            return sum(source.held_bytes for source in self._sources.values())

    def __len__(self) -> int:
        return len(self._sources)

    def add(self, seen: Seen) -> Source:
        source = Source(secrets.token_urlsafe(12), seen, used=self._clock())
        with self._lock:
            self._sources[source.id] = source
            self._make_room(source)
        return source

    def get(self, source_id: str) -> Source:
        """Raises HttpError (404) for one that is not, or no longer, held."""
        with self._lock:
            self._forget_the_old()
            source = self._sources.get(source_id)
            if source is None:
                raise HttpError(
                    404,
                    "no_source",
                    "there is no such source here (any more); send the picture to /v1/sources again.",
                )
            source.used = self._clock()
            self._sources.move_to_end(source_id)
            return source

    def remove(self, source_id: str) -> None:
        """Raises HttpError (404)."""
        with self._lock:
            self.get(source_id)
            del self._sources[source_id]

    def set_pose(self, source_id: str, pose: Pose) -> Source:
        """Another pose for the source's person, so that all must be encoded anew; raises HttpError (404)."""
        with self._lock:
            source = self.get(source_id)
            source.seen = replace(source.seen, pose=pose)
            source.encodings.clear()
            return source

    def encoding(self, source: Source, key: EncodingKey) -> EncodedSource | None:
        with self._lock:
            found = source.encodings.get(key)
            if found is not None:
                source.encodings.move_to_end(key)
            return found

    def keep(self, source: Source, key: EncodingKey, encoded: EncodedSource, pose: Pose) -> None:
        """Keeps an encoding that was made for `pose`, unless the source has got another one since."""
        with self._lock:
            if source.seen.pose is not pose or source.id not in self._sources:
                return
            source.encodings[key] = encoded
            while len(source.encodings) > _MOST_ENCODINGS:
                source.encodings.popitem(last=False)
            self._make_room(source)

    def make_room(self, source: Source) -> None:
        """Forgets others until what this one has grown to, by edits, fits."""
        with self._lock:
            if source.id in self._sources:
                self._make_room(source)

    def forget_model(self, name: str) -> None:
        """Drops what the model `name` made, which keeps the model itself in memory."""
        with self._lock:
            for source in self._sources.values():
                for key in [key for key in source.encodings if key[0] == name]:
                    del source.encodings[key]

    def forget_the_old(self) -> None:
        with self._lock:
            self._forget_the_old()

    def _forget_the_old(self) -> None:
        oldest_allowed = self._clock() - self._limits.source_seconds
        for source in list(self._sources.values()):
            if source.used >= oldest_allowed:
                return
            self._forget(source, "unused")

    def _make_room(self, kept: Source) -> None:
        self._forget_the_old()
        while len(self._sources) > 1 and (
            len(self._sources) > self._limits.sources or self.held_bytes > self._limits.sources_bytes
        ):
            oldest = next(source for source in self._sources.values() if source is not kept)
            self._forget(oldest, "full")

    def _forget(self, source: Source, reason: str) -> None:
        del self._sources[source.id]
        self._metrics.forgotten.labels(reason).inc()
