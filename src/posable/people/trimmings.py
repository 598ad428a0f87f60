"""Belts and scarves."""

from __future__ import annotations

import numpy as np

from posable.people.outfits import Outfit


def wear_belt(outfit: Outfit, rng: np.random.Generator) -> None:
    """A belt around the waist."""


def wear_scarf(outfit: Outfit, rng: np.random.Generator) -> None:
    """A scarf around the neck."""
