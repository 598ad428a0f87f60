"""people-1 without a disk: pairs rendered when they are asked for, the same pixels as in the written set.

    pairs = RenderedPeoplePairs("test")                                 # a Dataset: pair i of the benchmark's list
    stream = PeopleStream("train", people_per_batch=4, seed=1)          # an endless IterableDataset of batches
    loader = DataLoader(stream, batch_size=None, num_workers=8)         # rendered in eight processes

Batch n of a stream is a function of its arguments and n alone, so the number of workers changes the speed and nothing
else, and a run goes on with `first_batch=` the number of batches that it has used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import permutations

import numpy as np
import torch
from torch.utils.data import Dataset, IterableDataset, get_worker_info

from posable.batch import Correspondence, PersonPair, PoseCondition, collate
from posable.data.people1 import correspondence_of
from posable.errors import ConfigError
from posable.imaging.image import to_tensor
from posable.people.benchmark import Variant, benchmark_named, variant_views
from posable.people.correspondence import correspondence as find_correspondence
from posable.people.io.dataset_files import STRIDE, flow_steps, mask_bytes, rounded_keypoints
from posable.people.person import make_person
from posable.people.render import View
from posable.pose.pose import Pose, PoseBatch

__all__ = ["PeopleStream", "RenderedPeoplePairs", "pair_of_views"]

_PEOPLE_KEPT = 2
_ORDER, _VIEWS = 1, 2


def pair_of_views(source: View, target: View, *, correspondence: bool = True) -> PersonPair:
    """Two views of a person as a pair of batch size 1, rounded as the written set is."""
    condition = PoseCondition(
        source_image=to_tensor(source.image)[None],
        source_pose=PoseBatch.from_poses([_pose(source)]),
        target_pose=PoseBatch.from_poses([_pose(target)]),
        source_parsing=torch.from_numpy(source.parsing)[None],
    )
    return PersonPair(
        condition=condition,
        target_image=to_tensor(target.image)[None],
        target_parsing=torch.from_numpy(target.parsing)[None],
        target_alpha=torch.from_numpy(mask_bytes(target.alpha).astype(np.float32) / 255)[None, None],
        correspondence=_correspondence(source, target) if correspondence else None,
    )


def _pose(view: View) -> Pose:
    points = rounded_keypoints(view).astype(np.float32)
    return Pose(points[:, :2], points[:, 2] > 0, view.size)


def _correspondence(source: View, target: View) -> Correspondence:
    flow, state = find_correspondence(target, source, STRIDE)
    return correspondence_of(flow_steps(flow), state)


class RenderedPeoplePairs(Dataset[PersonPair]):
    """The pairs of a split of people-1 in the benchmark's order; an item is a `PersonPair` of batch size 1.

    The same as `People1` reads from the written set, rendered when asked for. Neighbours are of the same person, and
    the last people are kept, so read it in order; `PeopleStream` is the one to train with. Raises ConfigError for an
    unknown split or variant.
    """

    def __init__(
        self, split: str, variant: str = "256x176", *, benchmark: str = "people-1", correspondence: bool = True
    ) -> None:
        definition = benchmark_named(benchmark)
        self.variant = definition.variant(variant)
        self.pairs: list[tuple[int, int, int]] = definition.pairs(split)
        self._views = definition.views
        self._with_correspondence = correspondence

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, position: int) -> PersonPair:
        seed, source, target = self.pairs[position]
        views = _kept_views(seed, self._views, self.variant)
        return pair_of_views(views[source], views[target], correspondence=self._with_correspondence)


@lru_cache(maxsize=_PEOPLE_KEPT)
def _kept_views(seed: int, count: int, variant: Variant) -> list[View]:
    return variant_views(make_person(seed), count, variant)


class PeopleStream(IterableDataset[PersonPair]):
    """Batches of pairs for training, without end: `people_per_batch` people, all ordered pairs of some of their views.

    People come in an order that `seed` decides, everybody once before anybody comes again. Of each, `views_per_person`
    of the benchmark's views are drawn and rendered, which gives v (v - 1) pairs per person. With several processes in
    distributed training give each its `rank` of `world_size`; the workers of a `DataLoader` share the work by
    themselves, and need `batch_size=None`, as the batches are made here. Raises ConfigError for impossible arguments.
    """

    def __init__(
        self,
        split: str = "train",
        variant: str = "256x176",
        *,
        people_per_batch: int = 2,
        views_per_person: int = 2,
        seed: int = 0,
        first_batch: int = 0,
        rank: int = 0,
        world_size: int = 1,
        benchmark: str = "people-1",
        correspondence: bool = True,
    ) -> None:
        definition = benchmark_named(benchmark)
        self.variant = definition.variant(variant)
        self.seeds = definition.seeds(split)
        for name, value, least, most in (
            ("people_per_batch", people_per_batch, 1, len(self.seeds)),
            ("views_per_person", views_per_person, 2, definition.views),
            ("first_batch", first_batch, 0, None),
            ("rank", rank, 0, world_size - 1),
        ):
            if value < least or (most is not None and value > most):
                limits = f"from {least} to {most}" if most is not None else f"{least} or more"
                raise ConfigError(f"{name} is {value}; give {limits}.")
        self.people_per_batch = people_per_batch
        self.views_per_person = views_per_person
        self.first_batch = first_batch
        self._seed = seed
        self._rank, self._world_size = rank, world_size
        self._views = definition.views
        self._with_correspondence = correspondence

    def __iter__(self) -> Iterator[PersonPair]:
        worker = get_worker_info()
        # A DataLoader takes from its workers in turn, so this hands the batches out in order.
        start, step = (worker.id, worker.num_workers) if worker is not None else (0, 1)
        number = self.first_batch + start
        while True:
            yield self.batch(number)
            number += step

    def batch(self, number: int) -> PersonPair:
        """Batch `number` of this rank, counted from 0."""
        position = number * self._world_size + self._rank
        rng = np.random.default_rng([self._seed, _VIEWS, position])
        pairs: list[PersonPair] = []
        for seed in self._people(position):
            chosen = rng.permutation(self._views)[: self.views_per_person].tolist()
            pairs += self._pairs_of(seed, chosen)
        return collate(pairs)

    def _pairs_of(self, seed: int, chosen: Sequence[int]) -> list[PersonPair]:
        views = variant_views(make_person(seed), chosen, self.variant)
        return [
            pair_of_views(source, target, correspondence=self._with_correspondence)
            for source, target in permutations(views, 2)
        ]

    def _people(self, position: int) -> list[int]:
        """The people of a batch: the next ones in an endless series of shuffles."""
        first = position * self.people_per_batch
        return [self._person(place) for place in range(first, first + self.people_per_batch)]

    def _person(self, place: int) -> int:
        turn, within = divmod(place, len(self.seeds))
        return self.seeds[int(_shuffle(self._seed, turn, len(self.seeds))[within])]


@lru_cache(maxsize=4)
def _shuffle(seed: int, turn: int, count: int) -> np.ndarray:
    return np.random.default_rng([seed, _ORDER, turn]).permutation(count)
