"""The parametric adult body: baked arrays, shapes by phenotype, and where on the body each vertex lies.

Frame of the template: x to the person's left, -y where it faces, z up, metres. See assets/README.md for the arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from posable.body.regions import Regions, find_regions

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]

COCO_KEYPOINTS = (
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
)
_SHAPE_LIMIT = 2.5
"""Shape coefficients are kept within this many standard deviations."""


@dataclass(frozen=True, eq=False)
class Shape:
    """One body in the rest pose."""

    rest: FloatArray
    """(n, 3) all asset vertices, garment helpers included, metres."""
    heads: FloatArray
    """(bones, 3) joint positions."""
    phenotype: dict[str, float]
    """Read off the shape: gender (0 male, 1 female), age (0.62 to 0.95), height, weight, muscle, african, ..."""


@dataclass(frozen=True, kw_only=True, eq=False)
class BodyModel:
    """n vertices: skin first, then eyes, lashes and the helper meshes that garments are cut from; b = 104 bones."""

    bone_names: tuple[str, ...]
    parents: NDArray[np.int16]
    """(b,), -1 for the root; parents come before children."""
    template: FloatArray
    """(n, 3)."""
    template_heads: FloatArray
    """(b, 3)."""
    skin_weights: csr_matrix
    """(n, b), rows sum to 1."""
    skin_faces: IntArray
    eye_faces: IntArray
    lash_faces: dict[str, IntArray]
    """"upper" and "lower"."""
    helper_faces: dict[str, IntArray]
    """"tights", a suit over the whole body, and "skirt", down to the ankles."""
    lips: FloatArray
    """(n,) in [0, 1]."""
    eyelids: FloatArray
    """(n,) in [0, 1]."""
    keypoints: tuple[tuple[IntArray, FloatArray], ...]
    """COCO keypoints as (vertices, weights that sum to 1)."""
    shape_mean: FloatArray
    shape_basis: FloatArray
    phenotype_names: tuple[str, ...]
    phenotype_regression: NDArray[np.float64]
    """(p, components + 1): phenotypes from coefficients and 1."""
    regions: Regions

    def sample_shape(self, wanted: dict[str, float], rng: np.random.Generator) -> Shape:
        """A random body given some phenotypes: Gaussian coefficients, conditioned linearly on `wanted`."""
        coefficients = np.clip(rng.normal(size=len(self.shape_basis)), -_SHAPE_LIMIT, _SHAPE_LIMIT)
        rows = [self.phenotype_names.index(name) for name in wanted]
        weights, offset = self.phenotype_regression[rows, :-1], self.phenotype_regression[rows, -1]
        missing = np.array(list(wanted.values())) - weights @ coefficients - offset
        # The three origins sum to 1, so one direction of the eight says nothing: it is left out, not divided by.
        coefficients = coefficients + np.linalg.pinv(weights, rcond=1e-3) @ missing
        return self.shape(np.clip(coefficients, -_SHAPE_LIMIT, _SHAPE_LIMIT))

    def shape(self, coefficients: NDArray[np.floating]) -> Shape:
        """The body of shape coefficients (components,), each about N(0, 1)."""
        flat = self.shape_mean.copy()
        # One after the other: the order in which BLAS adds depends on the processor.
        for coefficient, direction in zip(coefficients.astype(np.float32), self.shape_basis, strict=True):
            flat += coefficient * direction
        points = flat.reshape(-1, 3)
        return Shape(points[: len(self.template)], points[len(self.template) :], self.phenotype(coefficients))

    def phenotype(self, coefficients: NDArray[np.floating]) -> dict[str, float]:
        """Gender, age and so on of a shape, by linear regression."""
        values = self.phenotype_regression[:, :-1] @ coefficients + self.phenotype_regression[:, -1]
        return dict(zip(self.phenotype_names, map(float, values), strict=True))


@lru_cache(maxsize=1)
def body_model() -> BodyModel:
    """The body asset, read once."""
    with files("posable.body").joinpath("assets/body.npz").open("rb") as stream, np.load(stream) as stored:
        arrays = {name: stored[name] for name in stored.files}
    names = tuple(map(str, arrays["bone_names"]))
    skin_weights = _sparse_weights(arrays["weight_bones"], arrays["weights"], len(names))
    template, heads = arrays["template"], arrays["template_heads"]
    regions = find_regions(template, heads, names, skin_weights)

    def faces(name: str) -> IntArray:
        return arrays[f"{name}_faces"].astype(np.int32)

    def keypoint(name: str) -> tuple[IntArray, FloatArray]:
        return arrays[f"keypoint_vertices_{name}"].astype(np.int32), arrays[f"keypoint_weights_{name}"]

    on_head = regions.head > 0.5
    return BodyModel(
        bone_names=names,
        parents=arrays["bone_parents"],
        template=template,
        template_heads=heads,
        skin_weights=skin_weights,
        skin_faces=faces("skin"),
        eye_faces=faces("eye"),
        lash_faces={"upper": faces("upper_lash"), "lower": faces("lower_lash")},
        helper_faces={"tights": faces("tights"), "skirt": faces("skirt")},
        lips=(arrays["lips_mask"] / np.float32(255)) * on_head,
        eyelids=(arrays["eyelids_mask"] / np.float32(255)) * on_head,
        keypoints=tuple(keypoint(name) for name in COCO_KEYPOINTS),
        shape_mean=arrays["shape_mean"],
        shape_basis=arrays["shape_basis"].astype(np.float32),
        phenotype_names=tuple(map(str, arrays["phenotype_names"])),
        phenotype_regression=arrays["phenotype_regression"].astype(np.float64),
        regions=regions,
    )


def _sparse_weights(bones: NDArray[np.uint8], weights: NDArray[np.float16], bone_count: int) -> csr_matrix:
    values = weights.astype(np.float32)
    values /= values.sum(1, keepdims=True)
    rows = np.repeat(np.arange(len(values)), values.shape[1])
    matrix = csr_matrix((values.ravel(), (rows, bones.ravel().astype(np.int32))), (len(values), bone_count))
    matrix.eliminate_zeros()
    return matrix
