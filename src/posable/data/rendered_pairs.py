"""Rendered people on disk, read back as pairs with exact correspondence.

Rendering costs more than a training step, so a recipe renders its people once into a folder of shards (plain .npy
files, memory-mapped) and trains on those for as many pairs as it likes. One shard holds `PEOPLE_PER_SHARD` people; a
shard is written under a temporary name and renamed, so an interrupted rendering goes on where it stopped.
"""

import json
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from numpy.typing import NDArray
from torch import Tensor

from posable import people
from posable.batch import Correspondence, PersonPair, PoseCondition
from posable.data.shuffled import shuffled_slice
from posable.errors import ConfigError
from posable.imaging.size import Size
from posable.pose.pose import PoseBatch

PEOPLE_PER_SHARD = 50
_SECONDS_BETWEEN_REPORTS = 0.5
_ARRAYS = ("image", "alpha", "background", "parsing", "keypoints", "flow", "state")


@dataclass(frozen=True, kw_only=True)
class RenderedPeople:
    """Which people a cache holds: seeds first_seed ... first_seed + people - 1, `views` views each."""

    first_seed: int
    people: int
    views: int
    size: Size

    def shards(self) -> list[range]:
        end = self.first_seed + self.people
        return [range(a, min(a + PEOPLE_PER_SHARD, end)) for a in range(self.first_seed, end, PEOPLE_PER_SHARD)]

    def shard_folder(self, folder: Path, seeds: range) -> Path:
        kind = f"people-{people.GENERATOR_VERSION}-{self.size}-{self.views}views"
        return folder / kind / f"{seeds.start:07d}-{seeds.stop:07d}"


def render_cache(
    what: RenderedPeople, folder: Path, workers: int, progress: Callable[[int, int], None] | None = None
) -> None:
    """Renders the missing shards of `what` with `workers` processes; `progress` gets (people done, people in all)
    again and again, and may raise to stop it."""
    missing = [(what, folder, seeds) for seeds in what.shards() if not what.shard_folder(folder, seeds).is_dir()]
    done = what.people - sum(len(seeds) for _, _, seeds in missing)
    tell = progress or (lambda _done, _total: None)
    tell(done, what.people)
    if not missing:
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(missing)), context, initializer=_work_alone) as pool:
        pending = {pool.submit(_render_shard, job) for job in missing}
        try:
            while pending:
                finished, pending = wait(pending, _SECONDS_BETWEEN_REPORTS, FIRST_COMPLETED)
                done += sum(future.result() for future in finished)
                tell(done, what.people)
        except BaseException:
            # A shard takes a minute; whoever stops need not wait for those that are begun.
            pool.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                child.terminate()
            raise


def _work_alone() -> None:
    """One thread a process; Ctrl-C is the parent's to answer."""
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _render_shard(job: tuple[RenderedPeople, Path, range]) -> int:
    what, folder, seeds = job
    final = what.shard_folder(folder, seeds)
    shard = _empty_shard(len(seeds), what)
    for i, seed in enumerate(seeds):
        views = people.render_views(people.make_person(seed), what.views, what.size)
        for j, view in enumerate(views):
            shard["image"][i, j] = view.image
            shard["alpha"][i, j] = np.rint(view.alpha * 255)
            shard["background"][i, j] = view.background[::2, ::2]
            shard["parsing"][i, j] = view.parsing
            shard["keypoints"][i, j] = view.keypoints
            for k, source in enumerate(views):
                if k != j:
                    shard["flow"][i, j, k], shard["state"][i, j, k] = people.correspondence(view, source)
    temporary = final.with_name(f"{final.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    for name, array in shard.items():
        np.save(temporary / f"{name}.npy", array)
    (temporary / "about.json").write_text(json.dumps({"generator": people.GENERATOR_VERSION, "first": seeds.start}))
    temporary.rename(final)
    return len(seeds)


def _empty_shard(n: int, what: RenderedPeople) -> dict[str, NDArray[Any]]:
    v, (h, w) = what.views, what.size
    return {
        "image": np.zeros((n, v, h, w, 3), np.uint8),
        "alpha": np.zeros((n, v, h, w), np.uint8),
        "background": np.zeros((n, v, h // 2, w // 2, 3), np.uint8),
        "parsing": np.zeros((n, v, h, w), np.uint8),
        "keypoints": np.zeros((n, v, 18, 3), np.float32),
        "flow": np.zeros((n, v, v, h // 2, w // 2, 2), np.float16),
        "state": np.zeros((n, v, v, h // 2, w // 2), np.uint8),
    }


@dataclass(frozen=True)
class ViewGroup:
    """Several people, several views of each; `source` and `target` say which views make the pairs.

    m views of h x w pixels, p pairs. Images are RGB in [-1, 1]; keypoints are (x, y, label) with label 0 out of frame,
    1 hidden by the person's own body, 2 visible; flow is in source px; state is 0 background, 1 person but hidden in
    the source, 2 visible in the source."""

    image: Float[Tensor, "m 3 h w"]
    background: Float[Tensor, "m 3 h w"]
    alpha: Float[Tensor, "m 1 h w"]
    parsing: UInt8[Tensor, "m h w"]
    keypoints: Float[Tensor, "m 18 3"]
    person: Int[Tensor, " m"]
    source: Int[Tensor, " p"]
    target: Int[Tensor, " p"]
    flow: Float[Tensor, "p 2 h/2 w/2"]
    state: UInt8[Tensor, "p h/2 w/2"]

    @property
    def visible(self) -> Bool[Tensor, "p 1 h/2 w/2"]:
        return self.state[:, None] == 2

    @property
    def foreground(self) -> Bool[Tensor, "p 1 h/2 w/2"]:
        return self.state[:, None] > 0


class RenderedPairs:
    """Random access to a cache; every group is a function of its index and the seed alone, so a run can be resumed."""

    def __init__(self, what: RenderedPeople, folder: Path) -> None:
        self.what = what
        paths = [what.shard_folder(folder, seeds) for seeds in what.shards()]
        absent = [path for path in paths if not path.is_dir()]
        if absent:
            raise ConfigError(
                f"{len(absent)} of {len(paths)} shards are missing, the first is {absent[0]}; render them first."
            )
        self._shards = [{name: np.load(path / f"{name}.npy", mmap_mode="r") for name in _ARRAYS} for path in paths]

    def group(self, index: int, seed: int, people_per_group: int, views_per_person: int) -> ViewGroup:
        """`people_per_group` people with `views_per_person` views each; all ordered pairs of one person's views."""
        rng = np.random.default_rng([seed, index])
        who = shuffled_slice(self.what.people, seed, index, people_per_group)
        views = [rng.permutation(self.what.views)[:views_per_person] for _ in who]
        return self._gather(who, views)

    def person_pairs(self, index: int, seed: int, count: int) -> PersonPair:
        """`count` pairs of different people as one batch, with parsing maps and correspondence at half resolution."""
        rng = np.random.default_rng([seed, index])
        who = shuffled_slice(self.what.people, seed, index, count)
        group = self._gather(who, [rng.permutation(self.what.views)[:2] for _ in who])
        size = Size(*group.image.shape[-2:])
        poses = PoseBatch(group.keypoints[..., :2], group.keypoints[..., 2] > 0, size)
        chosen = group.source % 2 == 0
        source, target = group.source[chosen], group.target[chosen]
        return PersonPair(
            condition=PoseCondition(
                source_image=group.image[source],
                source_pose=PoseBatch(poses.keypoints[source], poses.visible[source], size),
                target_pose=PoseBatch(poses.keypoints[target], poses.visible[target], size),
                source_parsing=group.parsing[source],
            ),
            target_image=group.image[target],
            target_parsing=group.parsing[target],
            target_alpha=group.alpha[target],
            correspondence=Correspondence(
                flow=group.flow[chosen], visible=group.visible[chosen], foreground=group.foreground[chosen]
            ),
        )

    def _gather(self, who: list[int], views: list[NDArray[np.int64]]) -> ViewGroup:
        columns: dict[str, list[NDArray[Any]]] = {name: [] for name in _ARRAYS}
        source, target = [], []
        k = len(views[0])
        for n, (person, chosen) in enumerate(zip(who, views, strict=True)):
            shard, row = self._shards[person // PEOPLE_PER_SHARD], person % PEOPLE_PER_SHARD
            for name in ("image", "alpha", "background", "parsing", "keypoints"):
                columns[name].append(shard[name][row][chosen])
            for a, b in _ordered_pairs(k):
                source.append(n * k + a)
                target.append(n * k + b)
                columns["flow"].append(shard["flow"][row, chosen[b], chosen[a]][None])
                columns["state"].append(shard["state"][row, chosen[b], chosen[a]][None])
        stacked = {name: torch.from_numpy(np.concatenate(parts)) for name, parts in columns.items()}
        background = _picture(stacked["background"])
        return ViewGroup(
            image=_picture(stacked["image"]),
            background=torch.nn.functional.interpolate(
                background, scale_factor=2, mode="bilinear", align_corners=False
            ),
            alpha=stacked["alpha"][:, None].float() / 255,
            parsing=stacked["parsing"],
            keypoints=stacked["keypoints"],
            person=torch.arange(len(who)).repeat_interleave(k),
            source=torch.tensor(source),
            target=torch.tensor(target),
            flow=stacked["flow"].permute(0, 3, 1, 2).float(),
            state=stacked["state"],
        )


def _picture(pixels: Tensor) -> Float[Tensor, "m 3 h w"]:
    return pixels.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def _ordered_pairs(views: int) -> Iterator[tuple[int, int]]:
    return ((a, b) for a in range(views) for b in range(views) if a != b)
