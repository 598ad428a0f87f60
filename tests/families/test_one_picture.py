"""One photo gives one picture, whoever asks: the pipeline, the evaluation and an edited encoding."""

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import CONFIGS, SIZE, network

from posable.batch import PoseCondition
from posable.evaluation.network_size import drawn_in_frame
from posable.imaging.image import to_pil, to_tensor
from posable.imaging.size import Size
from posable.pose.library import shipped_pose
from posable.pose.pose import Pose, PoseBatch
from posable.transfer.pipeline import PoseTransfer

SIZES = (SIZE, Size(128, 96), Size(256, 176), Size(90, 200))
"""Of the model's own frame, its double, the field's usual one, and a landscape in which the person is small."""


def photo(size: Size) -> Image.Image:
    rng = np.random.default_rng(3)
    coarse = Image.fromarray(rng.integers(0, 256, (9, 7, 3), np.uint8))
    return coarse.resize((size.width, size.height), Image.Resampling.BICUBIC)


def standing(name: str, size: Size) -> Pose:
    """A shipped pose in the middle of a picture, as tall as it."""
    pose = shipped_pose(name)
    scale = size.height / pose.size.height
    shift = np.array([(size.width - pose.size.width * scale) / 2, 0])
    return Pose((pose.keypoints * scale + shift).astype(np.float32), pose.visible, size)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("family", sorted(CONFIGS))
def test_pipeline_and_evaluation_draw_the_same_picture(family: str, size: Size) -> None:
    generator: Any = network(CONFIGS[family], seed=1)
    picture, source, target = photo(size), standing("stand-front", size), standing("wave", size)
    labels = np.zeros(size, np.uint8)
    labels[size.height // 5 : size.height // 2, size.width // 3 : size.width // 2] = 5
    condition = PoseCondition(
        source_image=to_tensor(picture)[None],
        source_pose=PoseBatch.from_poses([source]),
        target_pose=PoseBatch.from_poses([target]),
        source_parsing=torch.from_numpy(labels)[None],
    )
    with torch.inference_mode():
        evaluated = to_pil(drawn_in_frame(generator, size)(condition).image[0])
    encoded = PoseTransfer(generator).encode(picture, source_pose=source, source_parsing=labels)
    there = encoded.for_pose(target)
    drawn = there.frame.picture_back(to_pil(there.draw(target).image[0]), onto=picture)
    np.testing.assert_array_equal(np.asarray(drawn), np.asarray(evaluated))


@pytest.mark.parametrize("family", sorted(CONFIGS))
def test_a_family_that_copies_nothing_draws_in_the_frame_of_its_training(family: str) -> None:
    generator: Any = network(CONFIGS[family], seed=1)
    size = generator.frame_for(Size(1024, 704)).size
    # weave copies pixels at up to four times its size, puppet's geometry draws at the photo's own.
    assert size == {"weave": Size(256, 192), "puppet": Size(1024, 704)}.get(family, SIZE)


@pytest.mark.parametrize("family", sorted(set(CONFIGS) - {"puppet"}))  # whose frames have nothing around the picture
def test_maps_are_background_around_the_picture(family: str) -> None:
    generator: Any = network(CONFIGS[family], seed=1)
    labels = np.full((30, 200), 5, np.uint8)
    placed = generator.frame_for(Size(30, 200)).labels(labels)
    assert not placed[0].any()
    assert (placed[len(placed) // 2] == 5).all()
