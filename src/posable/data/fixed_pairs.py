"""The fixed pairs of test people that every number in the documentation is measured on.

Pair i shows the test person with the i-th of evenly spread seeds: view 0 is the source, view 1 the target. Nobody
occurs twice, so pairs are independent and confidence intervals honest. The pictures are rendered once and kept in the
user's cache folder.
"""

import hashlib
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TypeVar, overload

import numpy as np
import torch
from numpy.typing import NDArray

from posable import people
from posable.batch import PersonPair, PoseCondition, collate
from posable.errors import ConfigError
from posable.files import cache_folder, write_atomically
from posable.image import to_tensor
from posable.pose import Pose, PoseBatch
from posable.size import Size

Progress = Callable[[int, int], None]
"""Told (done, in all) after each step."""

_VISIBLE = 2
Rendered = TypeVar("Rendered")


@dataclass(frozen=True, eq=False)
class FixedPairs(Sequence[PersonPair]):
    """n pairs, as pictures of 8 bits; an item is a `PersonPair` of batch size 1."""

    seeds: tuple[int, ...]
    source_image: NDArray[np.uint8]
    """(n, h, w, 3), RGB."""
    source_keypoints: NDArray[np.float32]
    """(n, 18, 3): x and y in px, and 0 out of frame, 1 hidden by the person's own body, 2 visible."""
    target_image: NDArray[np.uint8]
    target_keypoints: NDArray[np.float32]
    target_alpha: NDArray[np.uint8]
    """(n, h, w): the person's share of each pixel, 255 for all of it."""

    @property
    def size(self) -> Size:
        return Size(*self.target_alpha.shape[1:])

    @property
    def target_visible(self) -> NDArray[np.bool_]:
        """(n, 18): the keypoints that one can see in the target image, as the label says."""
        return self.target_keypoints[..., 2] == _VISIBLE

    def source_pose(self, index: int) -> Pose:
        """All keypoints inside the frame, those that the body hides too."""
        return _pose(self.source_keypoints[index], self.size)

    def target_pose(self, index: int) -> Pose:
        """All keypoints inside the frame, those that the body hides too."""
        return _pose(self.target_keypoints[index], self.size)

    def batch(self, indices: Sequence[int]) -> PersonPair:
        """The pairs with these indices as one batch."""
        return collate([self[i] for i in indices])

    def __len__(self) -> int:
        return len(self.seeds)

    @overload
    def __getitem__(self, index: int) -> PersonPair: ...

    @overload
    def __getitem__(self, index: slice) -> "FixedPairs": ...

    def __getitem__(self, index: int | slice) -> "PersonPair | FixedPairs":
        if isinstance(index, slice):
            return FixedPairs(self.seeds[index], *(getattr(self, name)[index] for name in _ARRAYS))
        condition = PoseCondition(
            source_image=to_tensor(self.source_image[index])[None],
            source_pose=PoseBatch.from_poses([self.source_pose(index)]),
            target_pose=PoseBatch.from_poses([self.target_pose(index)]),
        )
        return PersonPair(
            condition=condition,
            target_image=to_tensor(self.target_image[index])[None],
            target_alpha=torch.from_numpy(self.target_alpha[index, None, None].astype(np.float32) / 255),
        )


_ARRAYS = ("source_image", "source_keypoints", "target_image", "target_keypoints", "target_alpha")


def fixed_test_pairs(size: Size, count: int = 500, workers: int = 1, progress: Progress | None = None) -> FixedPairs:
    """The `count` fixed pairs at `size`; rendered by `workers` processes once, read from the cache afterwards.

    The same for everybody: a function of the size, the count and the renderer's code. Raises ConfigError when
    there are fewer test people than `count`.
    """
    available = people.TEST_SEEDS
    if not 1 <= count <= len(available):
        raise ConfigError(f"{count} pairs were asked for; there are {len(available)} test people, one pair each.")
    seeds = tuple(available[i * len(available) // count] for i in range(count))
    path = cache_folder() / "pairs" / f"test-{size}-{count}-{renderer_fingerprint()}.npz"
    if not path.is_file():
        _render(path, seeds, size, workers, progress)
    with np.load(path) as stored:
        return FixedPairs(seeds, *(stored[name] for name in _ARRAYS))


@cache
def renderer_fingerprint() -> str:
    """Changes with any file of the renderer, so that pictures of an older one are never taken for those of this one."""
    digest = hashlib.sha256()
    folder = Path(people.__file__).parent
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".py", ".npz"):
            digest.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def map_seeds(
    render: Callable[[int], Rendered], seeds: Sequence[int], workers: int, progress: Progress | None
) -> Iterator[Rendered]:
    """`render(seed)` of each seed, in order, on `workers` processes (1: this one)."""
    if workers > 1:
        with multiprocessing.get_context("spawn").Pool(workers) as pool:
            yield from _counted(pool.imap(render, seeds, chunksize=4), len(seeds), progress)
    else:
        yield from _counted(map(render, seeds), len(seeds), progress)


def _counted(results: Iterator[Rendered], total: int, progress: Progress | None) -> Iterator[Rendered]:
    for done, result in enumerate(results, start=1):
        if progress is not None:
            progress(done, total)
        yield result


def _render(path: Path, seeds: tuple[int, ...], size: Size, workers: int, progress: Progress | None) -> None:
    rows = list(map_seeds(partial(_render_pair, size=size), seeds, workers, progress))
    columns = [np.stack(column) for column in zip(*rows, strict=True)]
    path.parent.mkdir(parents=True, exist_ok=True)
    with write_atomically(path) as temporary:
        np.savez(temporary, allow_pickle=False, **dict(zip(_ARRAYS, columns, strict=True)))


def _render_pair(seed: int, size: Size) -> tuple[NDArray[np.uint8] | NDArray[np.float32], ...]:
    source, target = people.render_views(people.make_person(seed), 2, size)
    alpha = np.rint(target.alpha * 255).astype(np.uint8)
    return source.image, source.keypoints, target.image, target.keypoints, alpha


def _pose(keypoints: NDArray[np.float32], size: Size) -> Pose:
    return Pose(keypoints[:, :2], keypoints[:, 2] > 0, size)
