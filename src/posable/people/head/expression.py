"""Facial expressions: smiles, open mouths, blinks, brows and glances, drawn anew for each view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posable.body.geometry import FloatArray
from posable.body.model import body_model
from posable.people.head.face import face_model

MOODS: dict[str, tuple[float, dict[str, tuple[float, float]]]] = {
    "neutral": (0.26, {"smile": (0.0, 0.25), "press": (0.0, 0.2)}),
    "smile": (0.26, {"smile": (0.5, 1.0), "cheeks_up": (0.2, 0.7), "squint": (0.0, 0.3)}),
    "grin": (
        0.2,
        {
            "smile": (0.7, 1.0),
            "upper_up": (0.55, 1.0),
            "lower_down": (0.25, 0.6),
            "open": (0.04, 0.14),
            "cheeks_up": (0.4, 1.0),
            "squint": (0.1, 0.5),
        },
    ),
    "laugh": (
        0.07,
        {
            "smile": (0.8, 1.0),
            "upper_up": (0.6, 1.0),
            "open": (0.25, 0.45),
            "cheeks_up": (0.6, 1.0),
            "squint": (0.4, 0.9),
        },
    ),
    "talk": (0.07, {"open": (0.1, 0.3), "lower_down": (0.1, 0.5), "upper_up": (0.0, 0.3), "stretch": (0.0, 0.3)}),
    "surprise": (
        0.03,
        {"open": (0.25, 0.5), "wide": (0.5, 1.0), "brow_inner_up": (0.5, 1.0), "brow_outer_up": (0.5, 1.0)},
    ),
    "serious": (0.07, {"brow_down": (0.3, 0.9), "press": (0.2, 0.8), "frown": (0.0, 0.35), "squint": (0.0, 0.3)}),
    "pout": (0.04, {"pucker": (0.35, 0.8), "brow_outer_up": (0.0, 0.4)}),
}
"""Shares of all views, and ranges of strength of each action."""
_EYES_CLOSED_SHARE = 0.05


@dataclass(frozen=True, eq=False)
class ExpressionBasis:
    """How actions move the vertices of one person's mesh."""

    vertices: NDArray[np.int32]
    """(r,) vertices of the mesh."""
    offsets: FloatArray
    """(a, r, 3) metres at full strength."""

    def apply(self, rest: FloatArray, strengths: FloatArray) -> FloatArray:
        """`rest` (v, 3) with the face at the strengths (a,) of all actions."""
        moved = rest.copy()
        # One after the other: the order in which BLAS adds depends on the processor.
        for action in np.flatnonzero(strengths):
            moved[self.vertices] += strengths[action] * self.offsets[action]
        return moved


def expression_basis(template: FloatArray) -> ExpressionBasis:
    """The basis for a mesh with template points (v, 3): those on the asset's face and teeth move, others stay."""
    model = face_model()
    known = np.concatenate([body_model().template[model.action_vertices], model.teeth])
    offsets = np.concatenate([model.actions, model.teeth_actions], 1)
    keys, order = np.unique(_rows_as_keys(known), return_index=True)
    near = np.flatnonzero(template[:, 2] > known[:, 2].min() - 1e-6)
    wanted = _rows_as_keys(template[near])
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    found = keys[place] == wanted
    return ExpressionBasis(near[found].astype(np.int32), np.ascontiguousarray(offsets[:, order[place[found]]]))


def _rows_as_keys(points: FloatArray) -> NDArray[np.int64]:
    """One number per point (n, 3), equal for points equal to 2 micrometres."""
    steps = np.round(points.astype(np.float64) * 5e5).astype(np.int64) + (1 << 20)
    return (steps[:, 0] << 42) + (steps[:, 1] << 21) + steps[:, 2]


def sample_expression(rng: np.random.Generator) -> FloatArray:
    """Strengths (a,) in [0, 1] of the asset's facial actions."""
    names = face_model().action_names
    strengths = np.zeros(len(names), np.float32)
    moods = list(MOODS)
    mood = moods[int(rng.choice(len(moods), p=[MOODS[name][0] for name in moods]))]
    for action, (low, high) in MOODS[mood][1].items():
        strengths[names.index(action)] = rng.uniform(low, high)
    across, up, brows, mouth = rng.normal(0, (0.3, 0.15, 0.25, 0.12))
    for amount, positive, negative in (
        (across, "look_left", "look_right"),
        (up, "look_up", "look_down"),
        (brows, "brow_outer_up", "brow_down"),
        (mouth, "mouth_left", "mouth_right"),
    ):
        strengths[names.index(positive if amount > 0 else negative)] += min(abs(amount), 0.6)
    blink = rng.uniform(0.9, 1.0) if rng.random() < _EYES_CLOSED_SHARE else abs(rng.normal(0, 0.08))
    for side in ("left", "right"):
        action = names.index(f"blink_{side}")
        strengths[action] = np.clip(blink * (1 - strengths[names.index("squint")] * 0.4), 0, 1)
    return np.clip(strengths, 0, 1)
