"""Forward kinematics and linear blend skinning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from posable.body.geometry import product


def forward_kinematics(
    bone_names: Sequence[str],
    bone_parents: NDArray[np.integer],
    heads: NDArray[np.float32],
    rotations: Mapping[str, NDArray[np.floating]],
) -> NDArray[np.float32]:
    """Affine maps (bones, 3, 4) from rest to posed space, metres.

    `heads` (bones, 3) are the rest joint positions; `rotations` gives 3x3 matrices in *world axes of the rest pose*,
    each turning its bone about its head after which the parents' turns follow; missing bones don't turn. Parents
    come before children.
    """
    transforms = np.zeros((len(bone_names), 3, 4), np.float32)
    for bone, name in enumerate(bone_names):
        parent = int(bone_parents[bone])
        rotation = rotations.get(name)
        if rotation is None:
            transforms[bone] = np.eye(3, 4, dtype=np.float32) if parent < 0 else transforms[parent]
            continue
        local_shift = heads[bone] - product(rotation, heads[bone])
        if parent < 0:
            transforms[bone, :, :3], transforms[bone, :, 3] = rotation, local_shift
        else:
            linear = transforms[parent, :, :3]
            transforms[bone, :, :3] = product(linear, rotation)
            transforms[bone, :, 3] = product(linear, local_shift) + transforms[parent, :, 3]
    return transforms


def linear_blend_skinning(
    rest: NDArray[np.float32], skin_weights: NDArray[np.float32] | csr_matrix, transforms: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Posed positions (v, 3) of the rest positions (v, 3): each vertex moved by its blend of the bones' maps.

    `skin_weights` (v, bones) are fastest sparse.
    """
    # In float64, for the reason that `product` gives.
    blended = (skin_weights @ transforms.reshape(len(transforms), 12).astype(np.float64)).astype(np.float32)
    blended = blended.reshape(-1, 3, 4)
    return np.einsum("vij,vj->vi", blended[:, :, :3], rest) + blended[:, :, 3]
