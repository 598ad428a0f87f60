"""Random colours of skin, lips, hair and eyes, in keeping with a body's phenotype."""

from __future__ import annotations

import numpy as np

from posable.people.mesh import Appearance

_LIGHT, _TAN, _DARK, _WARM = ((0.91, 0.74, 0.65), (0.80, 0.58, 0.44), (0.36, 0.23, 0.16), (0.90, 0.73, 0.58))
_BLACK_HAIR = [(0.04, 0.03, 0.03), (0.05, 0.04, 0.04)]
_DARK_HAIR = [*_BLACK_HAIR, (0.12, 0.07, 0.05)]
_ANY_HAIR = [
    (0.06, 0.045, 0.04),
    (0.2, 0.12, 0.07),
    (0.32, 0.2, 0.11),
    (0.55, 0.4, 0.22),
    (0.42, 0.2, 0.1),
    (0.66, 0.5, 0.3),
]
_GREY_HAIR = [(0.22, 0.21, 0.2), (0.4, 0.39, 0.38), (0.55, 0.55, 0.55), (0.72, 0.71, 0.69)]
_DYED_HAIR = [(0.78, 0.66, 0.42), (0.5, 0.1, 0.12), (0.75, 0.35, 0.5), (0.2, 0.35, 0.6)]
_LIPSTICKS = [(0.6, 0.08, 0.1), (0.72, 0.25, 0.28), (0.78, 0.42, 0.42), (0.45, 0.08, 0.16), (0.8, 0.35, 0.3)]
_IRISES = [(0.25, 0.14, 0.07), (0.16, 0.09, 0.05), (0.25, 0.38, 0.5), (0.3, 0.36, 0.2)]


def sample_appearance(phenotype: dict[str, float], female: bool, rng: np.random.Generator) -> Appearance:
    """Colours for a body; `phenotype` as in Shape."""
    shares = np.clip([phenotype[name] for name in ("caucasian", "asian", "african")], 0.001, 1)
    shares /= shares.sum()
    tanned = rng.random() * 0.5
    tones = np.array(
        [
            np.array(_LIGHT) * (1 - tanned) + np.array(_TAN) * tanned,
            np.array(_WARM) * (1 - tanned * 0.6) + np.array(_TAN) * tanned * 0.6,
            np.array(_DARK) * (1 - tanned * 0.5) + np.array(_TAN) * tanned * 0.5,
        ]
    )
    skin = (shares[:, None] * tones).sum(0) * rng.uniform(0.88, 1.06) * (1 + rng.normal(0, [0.012, 0.015, 0.02]))
    skin = np.clip(skin, 0.12, 0.95)
    hair = list(_BLACK_HAIR if shares[2] > 0.5 else _DARK_HAIR if shares[1] > 0.5 else _ANY_HAIR)
    if phenotype["age"] > 0.82:
        hair += _GREY_HAIR
    if rng.random() < 0.07:
        hair = _DYED_HAIR
    iris = _IRISES[int(rng.choice(4, p=[0.45, 0.3, 0.15, 0.1]))]
    lip = np.array([0.9, 0.68, 0.66]) * rng.uniform(0.95, 1.05)
    made_up = female and bool(rng.random() < 0.45)
    lip_color = skin * lip
    if made_up:
        shade = np.array(_LIPSTICKS[int(rng.integers(len(_LIPSTICKS)))])
        lip_color += (shade - lip_color) * rng.uniform(0.3, 0.75)
    freckled = rng.random() < 0.25 * shares[0]
    tints = ((0.5, 0.6, 0.6), (0.35, 0.55, 0.7), (0.55, 0.5, 0.3), (0.7, 0.7, 0.7))
    return Appearance(
        skin=skin.astype(np.float32),
        lip=lip_color.astype(np.float32),
        hair=(np.array(hair[int(rng.integers(len(hair)))]) * rng.uniform(0.85, 1.15)).astype(np.float32),
        iris=np.array(iris, np.float32),
        brow=float(rng.uniform(0.6, 1.0) if female else rng.uniform(0.85, 1.3)),
        beard=0.0 if female else float(rng.choice([0, 0.12, 0.3, 0.7], p=[0.4, 0.2, 0.2, 0.2])),
        beard_shape=str(rng.choice(["full", "goatee", "moustache"], p=[0.7, 0.2, 0.1])),
        freckles=float(rng.uniform(0.3, 0.9) if freckled else 0),
        blush=float(rng.uniform(0.04, 0.2) + 0.1 * made_up),
        eye_shadow=float(rng.uniform(0.3, 0.9) if made_up else 0),
        eye_shadow_tint=tints[int(rng.integers(len(tints)))],
        brow_arch=float(rng.uniform(0.002, 0.0065) if female else rng.uniform(0.0005, 0.004)),
        female=female,
        age=phenotype["age"],
    )
