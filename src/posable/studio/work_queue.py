"""The one thread that runs networks, and the bounded queue before it; drawings that wait together are drawn together.

One thread, because a second would only share the same cores or the same GPU, and because what is waiting then can be
batched.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from posable.errors import PosableError
from posable.models.generator import Rendering
from posable.pose.pose import Pose
from posable.studio.http_errors import HttpError
from posable.studio.joined_sources import draw_together
from posable.studio.service_metrics import ServiceMetrics
from posable.studio.settings import Limits
from posable.transfer.background import BackgroundKind
from posable.transfer.encoded_source import EncodedSource

_SMOOTHING = 0.1
_LONGEST_RETRY_SECONDS = 60.0


@dataclass(eq=False)
class _Job:
    expires: float
    future: Future[Any] = field(default_factory=Future[Any])


@dataclass(eq=False)
class _Call(_Job):
    function: Callable[[], Any] = lambda: None


@dataclass(frozen=True, eq=False)
class Drawing:
    """One source in one pose, which lies in the source's picture."""

    source: EncodedSource
    pose: Pose
    background: BackgroundKind | None = None

    def fits_with(self, other: Drawing) -> bool:
        """Whether one call of a network can draw both."""
        same_network = self.source.generator is other.source.generator
        return same_network and self.source.frame.size == other.source.frame.size


@dataclass(frozen=True, eq=False)
class Drawn:
    drawing: Drawing
    rendering: Rendering
    seconds: float
    """The network's time for the batch, shared evenly."""

    def picture(self, background: BackgroundKind | None) -> Image.Image:
        """What was drawn, in the source picture's size."""
        return self.drawing.source.finished(self.rendering, self.drawing.pose, background)


@dataclass(eq=False)
class _DrawJob(_Job):
    drawing: Drawing | None = None


class WorkQueue:
    """Takes calls and drawings from any thread and gives futures back. `start` it before, `close` it after."""

    def __init__(self, limits: Limits, metrics: ServiceMetrics) -> None:
        self._limits = limits
        self._metrics = metrics
        self._waiting: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._seconds_per_job = 0.1
        self._thread = threading.Thread(target=self._work, name="posable-studio", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self, patience_seconds: float) -> bool:
        """Takes no more work, finishes what is waiting; False when that took longer than `patience_seconds`."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(patience_seconds)
        return not self._thread.is_alive()

    def __len__(self) -> int:
        return len(self._waiting)

    def call(self, function: Callable[[], Any]) -> Future[Any]:
        """Runs a function on the thread; raises HttpError (429, 503) when it may not wait here."""
        return self._add([_Call(self._deadline(), function=function)])[0]

    def draw(self, drawings: Sequence[Drawing]) -> list[Future[Any]]:
        """A future `Drawn` for each, or a HttpError for all of them; a sequence may fill the queue by itself alone."""
        return self._add([_DrawJob(self._deadline(), drawing=drawing) for drawing in drawings])

    def _deadline(self) -> float:
        return time.monotonic() + self._limits.seconds

    def _add(self, jobs: Sequence[_Job]) -> list[Future[Any]]:
        with self._changed:
            if self._closing:
                raise HttpError(503, "closing", "the service is shutting down; try again in a moment.", retry_after=5)
            if self._waiting and len(self._waiting) + len(jobs) > self._limits.waiting:
                seconds = min(_LONGEST_RETRY_SECONDS, len(self._waiting) * self._seconds_per_job)
                raise HttpError(
                    429,
                    "busy",
                    f"{len(self._waiting)} pieces of work are waiting already; try again in {max(1, seconds):.0f} s.",
                    retry_after=seconds,
                )
            self._waiting.extend(jobs)
            self._metrics.queue_length.set(len(self._waiting))
            self._changed.notify()
        return [job.future for job in jobs]

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closing:
                    self._changed.wait()
                if not self._waiting:
                    return
                jobs = self._take()
                self._metrics.queue_length.set(len(self._waiting))
            started = time.perf_counter()
            live = [job for job in jobs if _begins(job)]
            if live:
                self._run(live)
                share = (time.perf_counter() - started) / len(live)
                self._seconds_per_job += _SMOOTHING * (share - self._seconds_per_job)

    def _take(self) -> list[_Job]:
        """The first job and, if it is a drawing, all waiting ones that one call of the network can draw with it."""
        first = self._waiting.popleft()
        jobs = [first]
        if isinstance(first, _DrawJob) and first.drawing is not None:
            others: deque[_Job] = deque()
            for job in self._waiting:
                joins = isinstance(job, _DrawJob) and job.drawing is not None and job.drawing.fits_with(first.drawing)
                (jobs if joins and len(jobs) < self._limits.batch else others).append(job)
            self._waiting = others
        return jobs

    def _run(self, jobs: Sequence[_Job]) -> None:
        try:
            results = self._results(jobs)
        except BaseException as error:  # noqa: BLE001 (whatever it is belongs to those who wait for the result)
            for job in jobs:
                job.future.set_exception(error)
            return
        for job, result in zip(jobs, results, strict=True):
            if isinstance(result, PosableError):
                job.future.set_exception(result)
            else:
                job.future.set_result(result)

    def _results(self, jobs: Sequence[_Job]) -> list[Any]:
        if isinstance(jobs[0], _Call):
            return [jobs[0].function()]
        drawings = [job.drawing for job in jobs if isinstance(job, _DrawJob) and job.drawing is not None]
        started = time.perf_counter()
        renderings = draw_together([one.source for one in drawings], [one.pose for one in drawings])
        problems = [_mask_problem(one, drawn) for one, drawn in zip(drawings, renderings, strict=True)]
        seconds = time.perf_counter() - started
        self._metrics.batch_size.observe(len(drawings))
        self._metrics.network_seconds.observe(seconds)
        share = seconds / len(drawings)
        drawn = [Drawn(one, rendering, share) for one, rendering in zip(drawings, renderings, strict=True)]
        return [problem or one for problem, one in zip(problems, drawn, strict=True)]


def _mask_problem(drawing: Drawing, rendering: Rendering) -> PosableError | None:
    """Has the source's mask drawn and kept, where it is needed, while the network is at hand."""
    try:
        background = drawing.background or drawing.source.default_background(rendering)
        if background != "drawn":
            drawing.source.person_mask(rendering)
        if background == "keep":
            _ = drawing.source.source_mask
    except PosableError as error:
        return error
    return None


def _begins(job: _Job) -> bool:
    """False for a job that nobody waits for any more, or that has waited too long."""
    if not job.future.set_running_or_notify_cancel():
        return False
    if time.monotonic() > job.expires:
        job.future.set_exception(
            HttpError(503, "too_slow", "the service did not come to it in time; try again later.", retry_after=10)
        )
        return False
    return True
