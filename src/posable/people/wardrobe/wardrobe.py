"""Dressing a person: the choice of garments and the order in which they are put on."""

from __future__ import annotations

import numpy as np

from posable.people.wardrobe.layers import Dummy
from posable.people.wardrobe.lower_garments import wear_shoes, wear_skirt, wear_trousers
from posable.people.wardrobe.outfits import Outfit, pick
from posable.people.wardrobe.trimmings import make_belt, make_scarf
from posable.people.wardrobe.upper_garments import wear_dress, wear_jacket, wear_top


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
    outfit.cut_all()
    _wear_trimmings(outfit, trimmings)
    return outfit


def _wear_trimmings(outfit: Outfit, rng: np.random.Generator) -> None:
    """Now and then a belt, where there is a waist to see it at, and a scarf."""
    layers = {layer.garment: layer for layer in outfit.layers}
    belt_height = {"dress": 0.19, "coat": 0.19}
    if outfit.waist is not None:
        belt_height |= {"trousers": outfit.waist - 0.028, "skirt": outfit.waist - 0.028}
    worn_on = next((layers[name] for name in ("coat", "dress", "trousers", "skirt") if name in layers), None)
    beltless = worn_on is None or worn_on.garment not in belt_height or "jacket" in layers
    beltless = beltless or outfit.description.get("coat_open", False)
    if rng.random() < 0.42 and not beltless:
        assert worn_on is not None
        outfit.layers += make_belt(worn_on, belt_height[worn_on.garment], rng)
        outfit.description["belt"] = True
    if rng.random() < 0.1:
        upper = [layer for name, layer in layers.items() if name in ("top", "dress", "jacket", "coat")]
        outfit.layers.append(make_scarf(outfit.dummy, upper, rng))
        outfit.description["scarf"] = True
