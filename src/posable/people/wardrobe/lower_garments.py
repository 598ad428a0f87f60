"""Skirts, trousers, shoes, boots, socks and tights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from posable.body.geometry import sin, smoothstep
from posable.parsing.lip_labels import Lip
from posable.people.wardrobe import cuts
from posable.people.wardrobe.colors import cloth_color
from posable.people.wardrobe.hanging import Panel, cut_panel
from posable.people.wardrobe.layers import Cutout, Layer, smoothed_distance
from posable.people.wardrobe.materials import Shoe
from posable.people.wardrobe.outfits import LAYER_GAP, Level, Outfit, make_cloth, pick
from posable.people.wardrobe.patterns import choose_pattern, make_pattern

FloatArray = NDArray[np.float32]
_WAISTBAND = 0.14


def wear_skirt(outfit: Outfit, rng: np.random.Generator) -> None:
    """A skirt from the waist, mini to ankle-length; now and then tights below."""
    dummy, body = outfit.dummy, outfit.dummy.body
    hem = float(rng.choice([-0.12, -0.25, -0.38, -0.52, -0.65], p=[0.17, 0.3, 0.23, 0.15, 0.15]))
    pattern = make_pattern(choose_pattern(rng), rng)
    cloth = make_cloth(pattern, (0.06, 0.14), rng)
    panel = Panel(
        top=_WAISTBAND,
        hem=hem + float(rng.uniform(-0.03, 0.04)),
        offset=np.array([0.012, 0.014], np.float32),
        flare=float(rng.uniform(0, 0.7)),
        folds=int(rng.integers(6, 13)),
        depth=float(rng.uniform(0.003, 0.02)),
        tiles=3,
    )

    def cut(more: list[FloatArray]) -> Layer:
        return cut_panel(dummy, panel, cloth, Lip.SKIRT, "skirt")

    z = body.template[:, 2]
    inside = np.minimum(np.maximum(z - (hem + 0.12), np.minimum(z + 0.04, 0.02)), _WAISTBAND - 0.02 - z)
    outfit.add(Level.BOTTOM, np.minimum(inside, 0.3 - body.regions.arm), cut)
    outfit.waist = _WAISTBAND
    outfit.description.update(skirt=pattern.kind, hem=round(panel.hem, 2))
    if rng.random() < 0.15:
        _wear_hosiery(outfit, 0.1, "tights", (0.005, 0.01), rng)


def wear_trousers(outfit: Outfit, tucked: bool, rng: np.random.Generator) -> None:
    """Trousers or shorts, from slim to wide; over the shirt where it is tucked in."""
    body, z = outfit.dummy.body, outfit.dummy.body.template[:, 2]
    length = pick(rng, {"full": 0.68, "knee": 0.14, "short": 0.1, "capri": 0.08})
    ranges = {"full": (-0.74, -0.69), "knee": (-0.4, -0.3), "short": (-0.16, -0.08), "capri": (-0.6, -0.5)}
    hem = float(rng.uniform(*ranges[length]))
    cut = pick(rng, {"slim": 0.3, "straight": 0.4, "wide": 0.3})
    width = float(rng.uniform(*{"slim": (0, 0.2), "straight": (0.3, 0.8), "wide": (1.1, 2.2)}[cut]))
    kind = pick(rng, {"denim": 0.42, "solid": 0.38, "patterned": 0.2})
    pattern = make_pattern(choose_pattern(rng) if kind == "patterned" else kind, rng)
    waist = rng.uniform(0.09, 0.16)
    outside = smoothstep(-0.8, 0.2, sin(body.regions.leg_angle))
    offset = 0.004 + width * 0.007 * smoothstep(0.1, -0.2, z)
    offset += width * 0.03 * smoothstep(0.08, max(hem, -0.6), z) * (0.4 + 0.6 * outside)
    offset = np.minimum(offset, np.where(z > outfit.tunic_hem, 0.012, 1))
    covered = z > outfit.top_hem - 0.01
    under, over = covered & (not tucked), covered & tucked
    over_shoes = np.where(z < -0.66, 0.014, 0.004)
    cutout = Cutout(
        helper="tights",
        keep=[cuts.below(body, waist), cuts.above(body, hem)],
        offset=offset.astype(np.float32),
        smoothing=int(3 + 5 * min(width, 1)),
        least_offset=np.where(under, 0.001, np.where(over, outfit.top_distance + LAYER_GAP, over_shoes)),
        most_offset=np.where(under, np.maximum(outfit.top_distance - LAYER_GAP, 0.001), 0.09),
        chart="leg",
    )
    outfit.leg_distance, outfit.trouser_hem = smoothed_distance(outfit.dummy, cutout), hem
    outfit.wear(Level.BOTTOM, cutout, make_cloth(pattern, (0.05, 0.13), rng), Lip.PANTS, "trousers")
    if tucked:
        outfit.waist = float(waist)
    outfit.description.update(trousers=length, trousers_cut=cut, trousers_cloth=pattern.kind)


def wear_shoes(outfit: Outfit, rng: np.random.Generator) -> None:
    """Shoes or boots, and socks with some; boots go over narrow trousers."""
    body = outfit.dummy.body
    y, z = body.template[:, 1], body.template[:, 2]
    top = float(rng.choice([-0.755, -0.735, -0.70, -0.6, -0.45], p=[0.35, 0.37, 0.12, 0.1, 0.06]))
    plain = np.array([0.9, 0.9, 0.9] if rng.random() < 0.5 else [0.05, 0.05, 0.05], np.float32)
    color = cloth_color(rng) if rng.random() < 0.6 else plain
    sole = np.array([0.9, 0.9, 0.88] if rng.random() < 0.5 else [0.08, 0.07, 0.06], np.float32)
    offset = 0.005 + 0.006 * smoothstep(-0.78, -0.81, z) + 0.004 * smoothstep(-0.10, -0.16, y) * (z < -0.7)
    over_trousers = top > outfit.trouser_hem + 0.03 and outfit.description.get("trousers_cut") == "slim"
    least = np.where(z > outfit.trouser_hem - 0.02, outfit.leg_distance + LAYER_GAP, 0.004) if over_trousers else 0.004
    shoes = Cutout(
        helper="tights",
        keep=[cuts.below(body, top)],
        offset=np.maximum(offset, least).astype(np.float32),
        smoothing=3,
        least_offset=least,
        chart="leg",
    )
    level = Level.BOOTS if over_trousers else Level.SHOES
    outfit.wear(level, shoes, Shoe(color, sole), Lip.LEFT_SHOE, "shoes")
    if rng.random() < 0.4:
        _wear_hosiery(outfit, float(rng.uniform(-0.72, -0.52)), "socks", (0.01, 0.02), rng)
        outfit.description["socks"] = True


def _wear_hosiery(
    outfit: Outfit, top: float, garment: str, fold: tuple[float, float], rng: np.random.Generator
) -> None:
    body = outfit.dummy.body
    count = len(body.template)
    cutout = Cutout(
        helper="tights",
        keep=[cuts.below(body, top)],
        offset=np.full(count, 0.0015, np.float32),
        smoothing=0,
        least_offset=0,
        chart="leg",
    )
    cloth = make_cloth(make_pattern("solid", rng), fold, rng)
    outfit.wear(Level.HOSIERY, cutout, cloth, Lip.SOCKS, garment)
