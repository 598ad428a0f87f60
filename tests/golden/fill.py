"""Weights and inputs of the goldens in this folder, made from names alone.

A golden is what a published architecture draws when every entry of its state dict holds numbers that follow from the
entry's name and shape. Filled alike, our family must draw the same picture; then it would with the authors' checkpoint
too. NumPy promises that the streams of `RandomState` never change.

NAME.keys.json lists the entries that the authors publish with their shapes, NAME.npz what was drawn: on the CPU, in
float32, in evaluation mode, for two people, with seed 0.
"""

import json
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

FOLDER = Path(__file__).parent
PEOPLE, CLASSES = 2, 8

Array = npt.NDArray[np.float32]


def published_shapes(name: str) -> dict[str, list[int]]:
    return json.loads((FOLDER / f"{name}.keys.json").read_text())


def drawn(name: str) -> dict[str, Tensor]:
    with np.load(FOLDER / f"{name}.npz") as arrays:
        return {key: torch.from_numpy(arrays[key]) for key in arrays.files}


def entry(key: str, shape: list[int], *, unit_variance: bool = False) -> Tensor:
    """Numbers for one entry: matrices and filters of variance 1 / fan_in, or 1 for NTED, which scales them when they
    are used; small biases; other vectors around 1."""
    rng = _stream(key)
    if key.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    if key.endswith("running_var"):
        return _float32(1 + 0.2 * rng.rand(*shape))
    values = rng.standard_normal(shape)
    if key.endswith("running_mean"):
        return _float32(0.1 * values)
    if len(shape) > 1:
        return _float32(values if unit_variance else values / np.sqrt(np.prod(shape[1:])))
    return _float32(0.05 * values if key.endswith("bias") else 1 + 0.1 * values)


def published_state(name: str, *, unit_variance: bool = False) -> dict[str, Tensor]:
    """A state dict as the authors would publish it, whole: spectral norms have the exact largest singular value."""
    shapes = published_shapes(name)
    state: dict[str, Tensor] = {}
    for key, shape in shapes.items():
        if key.endswith(".kernel"):
            state[key] = torch.outer(*[torch.tensor([1.0, 3.0, 3.0, 1.0])] * 2) / (16 if _enlarges(key) else 64)
        elif not key.endswith(("weight_u", "weight_v")):
            state[key] = entry(key, shape, unit_variance=unit_variance)
    for key in [key for key in shapes if key.endswith("weight_u")]:
        stem = key.removesuffix("_u")
        weight = state[f"{stem}_orig"]
        rows = weight.transpose(0, 1) if _is_transposed(shapes, stem) else weight
        u, _, v = np.linalg.svd(rows.flatten(1).double().numpy(), full_matrices=False)
        state[key], state[f"{stem}_v"] = _float32(u[:, 0]), _float32(v[0])
    return state


def load(module: nn.Module, state: dict[str, Tensor], key_of: Callable[[str], str | None]) -> None:
    """Loads an authors' state dict through a family's map of names; every entry of either side must be met."""
    named = {key_of(key): tensor for key, tensor in state.items()}
    named.pop(None, None)
    module.load_state_dict(named, strict=True)


def picture(name: str, height: int, width: int) -> Tensor:
    """Smooth colour noise (2, 3, h, w) in [-1, 1]."""
    rng = _stream(name)
    coarse = rng.rand(PEOPLE, 3, height // 8, width // 8)
    fine = np.repeat(np.repeat(coarse, 8, axis=2), 8, axis=3) + 0.2 * rng.rand(PEOPLE, 3, height, width)
    return _float32(fine / 1.2 * 2 - 1)


def heatmaps(name: str, height: int, width: int, sigma_px: float = 6.0) -> Tensor:
    """Gaussians (2, 18, h, w) around random whole pixels; about one keypoint in six is missing."""
    rng = _stream(name)
    x, y = rng.randint(0, width, (PEOPLE, 18)), rng.randint(0, height, (PEOPLE, 18))
    visible = rng.rand(PEOPLE, 18) > 1 / 6
    rows, columns = np.mgrid[0:height, 0:width]
    squares = (columns - x[..., None, None]) ** 2 + (rows - y[..., None, None]) ** 2
    return _float32(np.exp(-squares / (2 * sigma_px**2)) * visible[..., None, None])


def parsing(name: str, height: int, width: int) -> Tensor:
    """Class ids (2, h, w) int64 in blocks of 8x8."""
    coarse = _stream(name).randint(0, CLASSES, (PEOPLE, height // 8, width // 8))
    return torch.from_numpy(np.repeat(np.repeat(coarse, 8, axis=1), 8, axis=2))


def skeleton(height: int, width: int) -> Tensor:
    """A stand-in for NTED's drawn skeletons: noise (2, 20, h, w) in blocks of 8x8."""
    coarse = np.random.RandomState(77).rand(PEOPLE, 20, height // 8, width // 8)
    return _float32(np.repeat(np.repeat(coarse, 8, axis=2), 8, axis=3))


def _enlarges(key: str) -> bool:
    return "conv0.blur" in key or "to_rgb.upsample" in key


def _is_transposed(shapes: dict[str, list[int]], stem: str) -> bool:
    """Whether a normed weight is of a transposed convolution: the last of a block that enlarges, or its shortcut."""
    block = stem.rsplit(".", 3)[0]
    return f"{block}.shortcut.0.weight_u" in shapes and stem.endswith((".model.5.weight", ".shortcut.0.weight"))


def _stream(name: str) -> np.random.RandomState:
    return np.random.RandomState(zlib.crc32(name.encode()))


def _float32(values: npt.NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))
