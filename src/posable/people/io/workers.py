"""Worker processes for rendering: one thread each, and none that outlives the run that started it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import connection
from typing import TypeVar

from posable.errors import ConfigError

Job = TypeVar("Job")
Result = TypeVar("Result")


def in_processes(work: Callable[[Job], Result], jobs: Sequence[Job], workers: int) -> Iterator[Result]:
    """`work(job)` of all jobs, on `workers` processes and in the order in which they finish; 1 is this process.

    Raises what `work` raises, and ConfigError when a worker is killed.
    """
    if workers == 1 or len(jobs) <= 1:
        yield from map(work, jobs)
        return
    # Spawned, not forked: the caller may hold threads, which a fork would leave in an unusable state.
    context = multiprocessing.get_context("spawn")
    with (
        single_threaded_children(),
        ProcessPoolExecutor(min(workers, len(jobs)), mp_context=context, initializer=_end_with_parent) as pool,
    ):
        try:
            for future in as_completed([pool.submit(work, job) for job in jobs]):
                yield future.result()
        except BrokenProcessPool:
            raise ConfigError(
                "a worker process was killed, perhaps for lack of memory; run the same command again, on fewer."
            ) from None
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


@contextmanager
def single_threaded_children() -> Generator[None]:
    """Lets processes started inside use one thread each: their number is how the user chooses the cores."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _end_with_parent() -> None:
    """Ends this process when its parent does: a killed run would leave workers behind that wait for ever."""
    # Ctrl-C goes to the whole group: the parent tells what happens, and workers finish the person that they are at.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None, "only workers are initialized"

    def watch(sentinel: int) -> None:
        connection.wait([sentinel])
        os._exit(1)

    threading.Thread(target=watch, args=(parent.sentinel,), daemon=True).start()
