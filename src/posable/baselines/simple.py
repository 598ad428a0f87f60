"""Baselines of pose transfer, which a learned model has to beat: functions from a condition to a picture."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from posable import people
from posable.baselines.part_warp import warp_parts
from posable.batch import PoseCondition
from posable.data.renderer_code import renderer_fingerprint
from posable.errors import SizeError
from posable.files import cache_folder, write_atomically
from posable.imaging.size import Size
from posable.models.generator import Rendering
from posable.people.io.workers import in_processes
from posable.progress import ProgressCallback


def copy_source(condition: PoseCondition) -> Rendering:
    """The source image as it is, without a mask: the right person in the wrong pose."""
    return Rendering(condition.source_image)


def warp_source(condition: PoseCondition) -> Rendering:
    """The source person part by part, moved by similarity transforms: see `posable.baselines.part_warp`."""
    warped = [
        warp_parts(image, condition.source_pose[i], condition.target_pose[i])
        for i, image in enumerate(condition.source_image.cpu())
    ]
    return Rendering(torch.stack([one.image for one in warped]), torch.stack([one.mask for one in warped]))


def mean_picture(
    size: Size, people_count: int = 200, workers: int = 1, progress: ProgressCallback | None = None
) -> Callable[[PoseCondition], Rendering]:
    """The answer that ignores its input: the mean of one view each of the first training people.

    The mean is rendered once and kept in the user's cache folder.
    """
    path = cache_folder() / "pairs" / f"mean-{size}-{people_count}-{renderer_fingerprint()}.npz"
    if not path.is_file():
        _render_mean(path, size, people_count, workers, progress)
    with np.load(path) as stored:
        image, mask = torch.from_numpy(stored["image"]), torch.from_numpy(stored["mask"])

    def answer(condition: PoseCondition) -> Rendering:
        n, _, height, width = condition.source_image.shape
        if (height, width) != size:
            raise SizeError(f"the source image is {height}x{width}, but this mean picture is {size}; make one for it.")
        return Rendering(image.expand(n, -1, -1, -1), mask.expand(n, -1, -1, -1))

    return answer


def _render_mean(path: Path, size: Size, people_count: int, workers: int, progress: ProgressCallback | None) -> None:
    seeds = range(people.FIRST_TRAINING_SEED, people.FIRST_TRAINING_SEED + people_count)
    views: dict[int, tuple[NDArray[np.uint8], NDArray[np.float32]]] = {}
    for seed, image, alpha in in_processes(partial(_first_view, size=size), seeds, workers):
        views[seed] = image, alpha
        if progress is not None:
            progress(len(views), people_count)
    # Added up by seed, not as workers finish: sums depend on the order in their last digits.
    image, mask = np.zeros((*size, 3)), np.zeros(size)
    for seed in seeds:
        image += views[seed][0]
        mask += views[seed][1]
    path.parent.mkdir(parents=True, exist_ok=True)
    with write_atomically(path) as temporary:
        np.savez_compressed(
            temporary,
            image=(image / people_count / 127.5 - 1).transpose(2, 0, 1).astype(np.float32),
            mask=(mask / people_count)[None].astype(np.float32),
        )


def _first_view(seed: int, size: Size) -> tuple[int, NDArray[np.uint8], NDArray[np.float32]]:
    view = people.render_views(people.make_person(seed), 1, size)[0]
    return seed, view.image, view.alpha
