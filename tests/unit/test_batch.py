"""Batches are their samples one after the other, and a condition cannot hold the ground truth."""

from dataclasses import fields

import numpy as np
import pytest
import torch

from posable.batch import Correspondence, PersonPair, PoseCondition, collate
from posable.errors import SizeError
from posable.imaging.size import Size
from posable.pose.pose import Pose, PoseBatch


def pair(seed: int, *, full: bool = True, size: Size = Size(32, 24)) -> PersonPair:
    rng = torch.Generator().manual_seed(seed)
    keypoints = np.random.default_rng(seed).random((18, 2), np.float32) * 20
    poses = PoseBatch.from_poses([Pose(keypoints, np.ones(18, bool), size)])
    height, width = size
    return PersonPair(
        condition=PoseCondition(
            source_image=torch.rand(1, 3, height, width, generator=rng),
            source_pose=poses,
            target_pose=poses.flip(),
            source_parsing=torch.full((1, height, width), seed, dtype=torch.uint8) if full else None,
        ),
        target_image=torch.rand(1, 3, height, width, generator=rng),
        target_alpha=torch.rand(1, 1, height, width, generator=rng) if full else None,
        correspondence=Correspondence(
            flow=torch.rand(1, 2, height // 2, width // 2, generator=rng),
            visible=torch.ones(1, 1, height // 2, width // 2, dtype=torch.bool),
            foreground=torch.ones(1, 1, height // 2, width // 2, dtype=torch.bool),
        )
        if full
        else None,
    )


def test_a_condition_has_no_place_for_the_target_image():
    names = {field.name for field in fields(PoseCondition)}
    assert names == {"source_image", "source_pose", "target_pose", "source_parsing", "texture"}


def test_a_batch_holds_its_pairs_in_order():
    batch = collate([pair(1), pair(2), pair(3)])
    assert len(batch) == 3
    assert torch.equal(batch.target_image[1:2], pair(2).target_image)
    assert torch.equal(batch.condition.source_image[2:], pair(3).condition.source_image)
    assert batch.condition.target_pose[0] == pair(1).condition.target_pose[0]
    assert batch.condition.source_parsing is not None
    assert batch.condition.source_parsing[:, 0, 0].tolist() == [1, 2, 3]
    assert batch.correspondence is not None
    assert batch.correspondence.flow.shape == (3, 2, 16, 12)


def test_absent_parts_stay_absent():
    batch = collate([pair(1, full=False), pair(2, full=False)])
    assert batch.correspondence is None
    assert batch.target_alpha is None
    assert batch.condition.source_parsing is None
    assert batch.to("meta").target_alpha is None


def test_pictures_of_different_sizes_are_refused():
    with pytest.raises(SizeError, match="32x24 and 64x48"):
        collate([pair(1), pair(2, size=Size(64, 48))])


def test_all_parts_move_to_the_device():
    moved = pair(1).to("meta")
    assert moved.correspondence is not None
    tensors = [
        moved.target_image,
        moved.target_alpha,
        moved.condition.source_image,
        moved.condition.source_pose.keypoints,
        moved.condition.target_pose.visible,
        moved.condition.source_parsing,
        moved.correspondence.flow,
        moved.correspondence.visible,
        moved.correspondence.foreground,
    ]
    assert {tensor.device.type for tensor in tensors if tensor is not None} == {"meta"}
