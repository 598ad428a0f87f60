"""Dressing a person: the choice of garments and the order in which they are put on."""

from __future__ import annotations

import numpy as np

from posable.people.layers import Dummy
from posable.people.lower_garments import wear_shoes, wear_skirt, wear_trousers
from posable.people.outfits import Outfit, pick
from posable.people.trimmings import wear_belt, wear_scarf
from posable.people.upper_garments import wear_dress, wear_jacket, wear_top


def dress_up(dummy: Dummy, female: bool, rng: np.random.Generator, trimmings: np.random.Generator) -> Outfit:
    """A whole random outfit; belts and scarves are drawn from a stream of their own."""
    outfit = Outfit(dummy)
    kind = pick(rng, {"dress": 0.26, "skirt": 0.22, "trousers": 0.52}) if female else "trousers"
    outfit.description["kind"] = kind
    if kind == "dress":
        wear_dress(outfit, rng)
    elif kind == "skirt":
        wear_top(outfit, female, "tucked", rng)
        wear_skirt(outfit, rng)
    else:
        fit = pick(rng, {"tucked": 0.2, "untucked": 0.62, "tunic": 0.18})
        wear_top(outfit, female, fit, rng)
        wear_trousers(outfit, fit == "tucked", rng)
    if kind != "dress" and outfit.description.get("fit") != "tunic" and rng.random() < 0.28:
        wear_jacket(outfit, kind == "skirt", rng)
    wear_shoes(outfit, rng)
    if trimmings.random() < 0.35:
        wear_belt(outfit, trimmings)
    if trimmings.random() < 0.1:
        wear_scarf(outfit, trimmings)
    return outfit
