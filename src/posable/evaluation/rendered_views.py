"""Views of people-1 in the user's cache, one file each, so that an evaluation needs no corpus on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch

from posable.batch import PersonPair, PoseCondition
from posable.data.renderer_code import renderer_fingerprint
from posable.errors import InputError
from posable.files import write_atomically
from posable.imaging.image import to_tensor
from posable.imaging.size import Size
from posable.people.benchmark import Variant, variant_views
from posable.people.io.dataset_files import mask_bytes, rounded_keypoints
from posable.people.io.workers import in_processes
from posable.people.person import make_person
from posable.pose.pose import Pose, PoseBatch
from posable.progress import StageProgressCallback

_PERSON_VIEW = tuple[int, int]
# A process needs seconds to start; below this many people one process is as fast.
_POOL_FROM = 24


@dataclass(frozen=True)
class RenderedViews:
    """Views (seed, view) at one size; the same pixels as `posable people make --benchmark people-1` at that size."""

    size: Size
    cache: Path

    @property
    def folder(self) -> Path:
        """Named by the renderer's code too: pictures of another renderer are never taken for these."""
        return self.cache / "views" / f"{self.size}-{renderer_fingerprint()}"

    def render(self, views: Sequence[_PERSON_VIEW], workers: int, progress: StageProgressCallback) -> None:
        """Renders those that are missing, all of one person at once; an interrupted run goes on where it stopped."""
        missing: dict[int, list[int]] = {}
        for seed, view in views:
            if not self._file(seed, view).is_file():
                missing.setdefault(seed, []).append(view)
        if not missing:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        jobs = list(missing.items())
        work = partial(_render_person, folder=self.folder, size=self.size)
        for done, _ in enumerate(in_processes(work, jobs, workers if len(jobs) >= _POOL_FROM else 1), start=1):
            progress("draw people", done, len(jobs))

    def pair(self, source: _PERSON_VIEW, target: _PERSON_VIEW) -> PersonPair:
        """Two rendered views as a pair of batch size 1, with the parsing of both and the target's coverage."""
        one, other = self._view(source), self._view(target)
        return PersonPair(
            condition=PoseCondition(
                source_image=to_tensor(one["image"])[None],
                source_pose=self._pose(one["keypoints"]),
                target_pose=self._pose(other["keypoints"]),
                source_parsing=torch.from_numpy(one["parsing"])[None],
            ),
            target_image=to_tensor(other["image"])[None],
            target_parsing=torch.from_numpy(other["parsing"])[None],
            target_alpha=torch.from_numpy(other["mask"].astype(np.float32) / 255)[None, None],
        )

    def _view(self, view: _PERSON_VIEW) -> dict[str, np.ndarray]:
        path = self._file(*view)
        try:
            with np.load(path) as stored:
                return {name: stored[name] for name in ("image", "mask", "parsing", "keypoints")}
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            raise InputError(f"'{path}' is missing or damaged; remove it and run the same command again.") from None

    def _pose(self, points: np.ndarray) -> PoseBatch:
        return PoseBatch.from_poses([Pose(points[:, :2], points[:, 2] > 0, self.size)])

    def _file(self, seed: int, view: int) -> Path:
        return view_file(self.folder, seed, view)


def view_file(folder: Path, seed: int, view: int) -> Path:
    return folder / f"{seed:05d}_{view}.npz"


def _render_person(job: tuple[int, list[int]], folder: Path, size: Size) -> int:
    seed, wanted = job
    variant = Variant(str(size), size, "fashion", degraded=False, table_prefix="fasion-resize")
    for view in variant_views(make_person(seed), wanted, variant):
        with write_atomically(view_file(folder, view.seed, view.index)) as temporary:
            np.savez_compressed(
                temporary,
                image=view.image,
                mask=mask_bytes(view.alpha),
                parsing=view.parsing,
                keypoints=rounded_keypoints(view).astype(np.float32),
            )
    return seed
