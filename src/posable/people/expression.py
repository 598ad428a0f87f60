"""A smile, as an offset of the face's vertices in the rest pose; each view draws its own amount."""

from __future__ import annotations

import numpy as np

from posable.people.geometry import FloatArray

_LIFTS: tuple[tuple[tuple[float, float], float, tuple[float, float, float]], ...] = (
    ((0.026, 0.6545), 0.0095, (0.0045, 0.0030, 0.0062)),  # corners of the mouth: outwards, back and up
    ((0.043, 0.6800), 0.0150, (0.0010, -0.0028, 0.0030)),  # cheeks: forwards and up
)
"""Centres (|x|, z) on the template, radii, and offsets (outwards, y, z) of a full smile; all in metres."""
_FACE_FRONT_Y = -0.095


def smile_offsets(template: FloatArray) -> FloatArray:
    """How vertices (v, 3) of the template move, in metres, when the face smiles fully; 0 away from the face."""
    x, y, z = template.T
    offsets = np.zeros_like(template)
    face = (y < _FACE_FRONT_Y) & (np.abs(x) < 0.08) & (z > 0.6) & (z < 0.74)
    for (centre_x, centre_z), radius, (outwards, back, up) in _LIFTS:
        distance = ((np.abs(x[face]) - centre_x) ** 2 + (z[face] - centre_z) ** 2) / np.float32(2 * radius**2)
        amount = np.exp(-distance)[:, None]
        outward = np.sign(x[face]) * np.float32(outwards)
        offsets[face] += amount * np.stack([outward, np.full_like(outward, back), np.full_like(outward, up)], 1)
    return offsets


def sample_smile(rng: np.random.Generator) -> float:
    """An amount in [0, 1]; one person in ten or so keeps a straight face."""
    return float(np.clip(rng.normal(0.55, 0.4), 0, 1))
