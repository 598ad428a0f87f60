"""Reads batches by position ahead of time: a thread of this process, or other processes."""

import signal
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from torch.utils.data import DataLoader, Dataset

from posable.train.recipe import Batches

_AHEAD = 2


class _ByPosition(Dataset[Any]):
    def __init__(self, batches: Batches) -> None:
        self.batches = batches

    def __getitem__(self, position: int) -> Any:
        return self.batches.batch(position)


def load_batches(batches: Batches, positions: Iterable[int], loaders: int) -> Iterator[Any]:
    """The batches at `positions`, in order, read while the network works: by `loaders` processes, or with 0 by a
    thread, which is enough where reading is quick beside a step."""
    if loaders == 0:
        return _read_ahead(batches, positions)
    return iter(
        DataLoader(
            _ByPosition(batches),
            sampler=positions,
            batch_size=None,
            num_workers=loaders,
            multiprocessing_context="spawn",
            collate_fn=_as_it_is,
            worker_init_fn=_leave_interrupts_to_the_parent,
        )
    )


def _read_ahead(batches: Batches, positions: Iterable[int]) -> Iterator[Any]:
    waiting: deque[Future[Any]] = deque()
    pool = ThreadPoolExecutor(1, "batches")
    try:
        for position in positions:
            waiting.append(pool.submit(batches.batch, position))
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _as_it_is(batch: Any) -> Any:
    return batch


def _leave_interrupts_to_the_parent(_worker: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
