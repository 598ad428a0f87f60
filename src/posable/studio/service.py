"""What the endpoints share: models, held sources, the queue before the networks, and threads for work on pictures."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from posable.detect import Detection
from posable.errors import PosableError
from posable.imaging.image import Size, decode_image, size_of
from posable.pose.pose import Pose
from posable.studio.http_errors import HttpError
from posable.studio.model_registry import ModelRegistry
from posable.studio.pattern_store import PatternStore
from posable.studio.pictures import brought_down
from posable.studio.service_metrics import ServiceMetrics
from posable.studio.settings import Settings
from posable.studio.source_store import Seen, Source, SourceStore
from posable.studio.work_queue import Drawing, Drawn, WorkQueue
from posable.transfer.background import BackgroundKind
from posable.transfer.encoded_source import EncodedSource
from posable.transfer.pose_lookup import find_pose

_PICTURE_THREADS = 2
_MINUTE = 60.0

Result = TypeVar("Result")


class Service:
    """One running service. `start` and `stop` belong to the application's life; in between `state` is "loading",
    then "ready" or, with a sentence in `problem`, "failed"; "closing" at the end.

    Raises what `ModelRegistry` and `PatternStore` raise.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.limits = settings.limits
        self.metrics = ServiceMetrics()
        self.store = SourceStore(self.limits, self.metrics)
        self.models = ModelRegistry(settings.models, settings.device, self.limits.models, self.store.forget_model)
        self.patterns = PatternStore(self.limits.pixels, settings.dtd)
        self.queue = WorkQueue(self.limits, self.metrics)
        self.state = "loading"
        self.problem: str | None = None
        self._threads = ThreadPoolExecutor(_PICTURE_THREADS, thread_name_prefix="posable-pictures")
        self._looking = 0
        self._sweeper: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Starts the threads and loads the default model on one of them. Call it inside the event loop."""
        self.queue.start()
        self.queue.call(self._load)
        self._sweeper = asyncio.get_running_loop().create_task(self._sweep())

    def refuse_new_work(self) -> None:
        """From now on what is not waiting yet is refused (503); safe inside a signal handler."""
        self.state = "closing"

    async def stop(self) -> None:
        """Refuses new work, finishes what is waiting, ends the threads."""
        self.refuse_new_work()
        if self._sweeper is not None:
            self._sweeper.cancel()
        await asyncio.to_thread(self.queue.close, self.limits.seconds)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def check_ready(self) -> None:
        """Raises HttpError (503) unless pictures can be drawn now."""
        if self.state == "ready":
            return
        sentence, wait = {
            "loading": ("the model is still being loaded; try again in a moment.", 2.0),
            "closing": ("the service is shutting down; try again in a moment.", 5.0),
        }.get(self.state, (self.problem or "the model could not be loaded.", None))
        raise HttpError(503, self.state, sentence, retry_after=wait)

    async def on_pictures(self, function: Callable[[], Result]) -> Result:
        """Runs work on pictures beside the networks."""
        return await asyncio.wrap_future(self._threads.submit(function))

    async def look(self, data: bytes, name: str, pose: Callable[[Size], Pose] | None) -> Seen:
        """The picture in a file's bytes, and the pose of the person in it: `pose` of its size, or detected.

        Raises HttpError (429) when too many wait for this already, and what decoding and detection raise.
        """
        if self._looking >= self.limits.waiting:
            raise HttpError(
                429, "busy", f"{self._looking} pictures are being looked at already; try again.", retry_after=2
            )
        self._looking += 1
        try:
            return await self.on_pictures(lambda: self._looked_at(data, name, pose))
        finally:
            self._looking -= 1

    async def encoding(self, source: Source, model: str | None, max_side: int | None) -> EncodedSource:
        """The source encoded by a model, with its longer side at most `max_side`; kept for the next time."""
        name = self.models.checked_name(model)
        if max_side is not None and max_side >= max(source.seen.picture.size):
            max_side = None
        found = self.store.encoding(source, (name, max_side))
        if found is not None:
            return found
        seen = source.seen
        encoded = await self.on_network(lambda: self.encoded(name, seen, max_side))
        self.store.keep(source, (name, max_side), encoded, seen.pose)
        return encoded

    def encoded(self, model: str, seen: Seen, max_side: int | None) -> EncodedSource:
        """Encodes now; call it on the thread that runs networks."""
        smaller = seen.picture if max_side is None else brought_down(seen.picture, max_side)
        known: Detection | Pose = seen.pose.resize(size_of(smaller))
        if seen.found is not None and seen.found.pose is seen.pose:
            known = seen.found.resized(size_of(smaller))
        return self.models.pipe(model).encode(smaller, source_pose=known, name=seen.name)

    async def on_network(self, function: Callable[[], Result]) -> Result:
        """Runs something on the thread that runs networks; raises HttpError when it may not wait for that."""
        return await asyncio.wrap_future(self.queue.call(function))

    async def draw(
        self, source: EncodedSource, poses: Sequence[Pose], background: BackgroundKind | None
    ) -> list[Drawn]:
        """The source in each of the poses, which lie in its picture."""
        jobs = [Drawing(source.for_pose(pose), pose, background) for pose in poses]
        futures = [asyncio.wrap_future(future) for future in self.queue.draw(jobs)]
        return await asyncio.gather(*futures)

    def _load(self) -> None:
        try:
            self.models.pipe(self.models.default)
        except PosableError as error:
            self.state, self.problem = "failed", str(error)
            raise
        except Exception as error:
            # A bug, or a machine without memory: nobody must wait for a model that never comes.
            self.state, self.problem = "failed", f"the model could not be loaded ({type(error).__name__}: {error})."
            raise
        if self.state == "loading":
            self.state = "ready"

    def _looked_at(self, data: bytes, name: str, pose: Callable[[Size], Pose] | None) -> Seen:
        given = decode_image(data, name, self.limits.pixels)
        picture = brought_down(given, self.limits.side)
        messages: list[str] = []
        if picture.size != given.size:
            messages.append(f"{name} was brought down from {size_of(given)} to {size_of(picture)}.")
        if pose is not None:
            placed = pose(size_of(given)).resize(size_of(picture))
            return Seen(picture, placed, 1, tuple(messages), name, size_of(given))
        found = find_pose(picture, name, tell=messages.append)
        return Seen(picture, found.pose, found.people_found, tuple(messages), name, size_of(given), found)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(min(_MINUTE, self.limits.source_seconds))
            self.store.forget_the_old()


def timed(work: Callable[[], Result]) -> Callable[[], tuple[Result, float]]:
    """The same work, which also tells the seconds it took, wherever it runs."""

    def measured() -> tuple[Result, float]:
        started = time.perf_counter()
        result = work()
        return result, time.perf_counter() - started

    return measured
