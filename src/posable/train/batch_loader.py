"""Reads batches by position, in this process or ahead of time in others."""

from collections.abc import Iterator, Sequence
from typing import Any

from torch.utils.data import DataLoader, Dataset

from posable.train.recipe import Batches


class _ByPosition(Dataset[Any]):
    def __init__(self, batches: Batches) -> None:
        self.batches = batches

    def __getitem__(self, position: int) -> Any:
        return self.batches.batch(position)


def load_batches(batches: Batches, positions: Sequence[int], loaders: int) -> Iterator[Any]:
    """The batches at `positions`, in order; `loaders` processes read ahead (0: each is read when it is wanted)."""
    if loaders == 0 or not positions:
        return (batches.batch(position) for position in positions)
    return iter(
        DataLoader(
            _ByPosition(batches),
            sampler=positions,
            batch_size=None,
            num_workers=loaders,
            multiprocessing_context="spawn",
            collate_fn=_as_it_is,
        )
    )


def _as_it_is(batch: Any) -> Any:
    return batch
