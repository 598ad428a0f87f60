"""Making layers of worn things that are not cut from the body: hats, glasses, bags."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from posable.people.wardrobe.colors import cloth_color
from posable.people.wardrobe.layers import Dummy, Layer
from posable.people.wardrobe.materials import Cloth, Color, Material

_LEATHERS = (
    *((0.05, 0.045, 0.04), (0.08, 0.06, 0.05), (0.22, 0.12, 0.07), (0.4, 0.24, 0.13), (0.62, 0.44, 0.28)),
    *((0.82, 0.74, 0.62), (0.5, 0.08, 0.09), (0.12, 0.16, 0.28)),
)


def leather_color(rng: np.random.Generator) -> Color:
    """Mostly blacks and browns."""
    if rng.random() < 0.3:
        return cloth_color(rng)
    base = np.array(_LEATHERS[int(rng.integers(len(_LEATHERS)))])
    return np.clip(base * rng.uniform(0.85, 1.15), 0, 1).astype(np.float32)


def plain(color: Color, specular: float, fold: float = 0.0, seed: int = 0) -> Cloth:
    """One colour with highlights, without a pattern."""
    tile = np.broadcast_to(color.astype(np.float32), (32, 32, 3)).copy()
    return Cloth(tile=tile, metres_per_tile=0.1, fold=fold, specular=specular, print=None, seed=seed)


def rigid_weights(dummy: Dummy, shares: dict[str, float], count: int) -> csr_matrix:
    """The same skin weights (count, bones) for all points; `shares` by bone name."""
    row = np.zeros((1, len(dummy.body.bone_names)), np.float32)
    for name, share in shares.items():
        row[0, dummy.body.bone_names.index(name)] = share
    return csr_matrix(np.repeat(row, count, 0))


def worn_layer(
    points: NDArray[np.floating],
    template: NDArray[np.floating],
    faces: NDArray[np.int32],
    corner_uv: NDArray[np.floating],
    weights: csr_matrix,
    material: Material,
    label: int,
    garment: str,
    segment: int = 0,
) -> Layer:
    """A layer of points (n, 3), template points (n, 3), triangles (f, 3) and chart corners (f, 3, 2) in metres."""
    return Layer(
        rest=points.astype(np.float32),
        template=template.astype(np.float32),
        skin_weights=weights,
        faces=faces.astype(np.int32),
        face_uv=corner_uv.astype(np.float32),
        face_label=np.full(len(faces), label, np.uint8),
        face_segment=np.full(len(faces), segment, np.int8),
        material=material,
        garment=garment,
    )
