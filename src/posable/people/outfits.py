"""Random outfits: tops, dresses, skirts, trousers, jackets, coats, socks and shoes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from posable.people import cuts
from posable.people.cloth_prints import make_print
from posable.people.colors import cloth_color
from posable.people.geometry import sin, smoothstep
from posable.people.layers import Cutout, Dummy, Layer, cut_garment, smoothed_distance
from posable.people.lip_labels import Lip
from posable.people.materials import Cloth, Print, Shoe
from posable.people.patterns import Pattern, choose_pattern, make_pattern

FloatArray = NDArray[np.float32]
_PRINTABLE = ("solid", "mottled", "tie_dye", "stripes_across")
_LAYER_GAP = 0.005
"""Metres between two layers of cloth."""
_HIDDEN_MARGIN = 0.012
"""Skin this far (metres) inside a garment's edge is left out of the mesh."""


@dataclass
class Outfit:
    """The garments on a dummy so far, and the skin they hide."""

    dummy: Dummy
    layers: list[Layer] = field(default_factory=list)
    description: dict[str, object] = field(default_factory=dict)
    hidden: NDArray[np.bool_] = field(init=False)
    """(n,) asset vertices under cloth."""
    top_distance: FloatArray = field(init=False)
    """(n,) metres that the top stands off, for what is worn over or under it."""
    top_hem: float = 0.0
    """Template height."""

    def __post_init__(self) -> None:
        count = len(self.dummy.body.template)
        self.hidden = np.zeros(count, bool)
        self.top_distance = np.zeros(count, np.float32)

    def wear(self, cutout: Cutout, material: Cloth | Shoe, label: int, garment: str, hide: bool = True) -> Layer:
        """Puts a garment on and hides the skin under it."""
        layer = cut_garment(self.dummy, cutout, material, label, garment)
        self.layers.append(layer)
        if hide:
            self.hidden |= np.all([keep > _HIDDEN_MARGIN for keep in cutout.keep], axis=0)
        return layer


def dress_up(dummy: Dummy, female: bool, rng: np.random.Generator) -> Outfit:
    """A whole random outfit."""
    outfit = Outfit(dummy)
    kind = "trousers"
    if female:
        kind = str(rng.choice(["dress", "skirt", "trousers"], p=[0.28, 0.22, 0.5]))
    tucked = kind == "skirt" or rng.random() < 0.2
    pattern = _wear_top(outfit, kind, female, bool(tucked), rng)
    if kind == "trousers":
        _wear_trousers(outfit, bool(tucked), rng)
    else:
        _wear_skirt(outfit, pattern if kind == "dress" else None, rng)
    if kind != "dress" and rng.random() < 0.22:
        _wear_jacket(outfit, kind == "skirt", rng)
    _wear_shoes(outfit, rng)
    return outfit


def _cloth(
    pattern: Pattern, fold: tuple[float, float], rng: np.random.Generator, picture: Print | None = None
) -> Cloth:
    return Cloth(
        tile=pattern.tile,
        metres_per_tile=pattern.metres_per_tile,
        fold=float(rng.uniform(*fold)),
        specular=0.04,
        print=picture,
        seed=int(rng.integers(1 << 30)),
    )


def _pick(rng: np.random.Generator, shares: dict[str, float]) -> str:
    return str(rng.choice(list(shares), p=list(shares.values())))


def _wear_top(outfit: Outfit, kind: str, female: bool, tucked: bool, rng: np.random.Generator) -> Pattern:
    """A shirt, or the upper half of a dress."""
    body, is_dress = outfit.dummy.body, kind == "dress"
    pattern = make_pattern(choose_pattern(rng), rng)
    printed = pattern.kind in _PRINTABLE and rng.random() < 0.55
    picture = make_print(pattern, rng) if printed else None
    shares = {"tank": 0.14, "short": 0.42, "elbow": 0.1, "long": 0.34}
    if is_dress:
        shares = {"tank": 0.4, "short": 0.35, "elbow": 0.05, "long": 0.2}
    sleeve = _pick(rng, shares)
    neck = _pick(rng, {"crew": 0.4, "v": 0.16, "scoop": 0.14, "boat": 0.08, "turtle": 0.08, "collar": 0.14})
    if sleeve == "tank" and female and rng.random() < 0.4:
        neck = "strap"
    lengths = {"tank": (0.0, 0.0), "short": (0.12, 0.2), "elbow": (0.24, 0.32), "long": (0.44, 0.5)}
    length = rng.uniform(*lengths[sleeve])
    arms = cuts.sleeveless(body) if sleeve == "tank" else cuts.sleeves(body, length)
    loose = float(rng.uniform(0.1, 0.5) if is_dress else rng.uniform(0.25, 1))
    hem = rng.uniform(-0.015, 0.06)
    cropped = female and rng.random() < 0.12
    if tucked:
        hem = 0.166 if kind == "skirt" else 0.06
    elif cropped:
        hem = rng.uniform(0.15, 0.22)
    if is_dress:
        hem = 0.12
    cutout = Cutout(
        helper="tights",
        keep=[arms, cuts.above(body, hem), cuts.neckline(body, neck)],
        offset=_top_offset(outfit, loose, tucked),
        smoothing=int(4 + 14 * loose),
        least_offset=0.004,
        chart="torso",
    )
    outfit.top_distance, outfit.top_hem = smoothed_distance(outfit.dummy, cutout), float(hem)
    label, garment = (Lip.DRESS, "dress") if is_dress else (Lip.UPPER_CLOTHES, "top")
    outfit.wear(cutout, _cloth(pattern, (0.05, 0.13), rng, picture), label, garment)
    outfit.description.update(kind=kind, top=pattern.kind, sleeve=sleeve, neck=neck, printed=bool(printed))
    return pattern


def _top_offset(outfit: Outfit, loose: float, tucked: bool) -> FloatArray:
    z, regions = outfit.dummy.body.template[:, 2], outfit.dummy.body.regions
    on_torso, on_sleeve = regions.arm < 0.5, regions.arm > 0.3
    offset = np.full(len(z), 0.007, np.float32)
    offset += loose * 0.016 * smoothstep(0.5, 0.1, z) * (regions.arm < 0.4)
    offset += loose * 0.014 * on_sleeve * smoothstep(-0.02, 0.15, regions.arm_distance)
    offset += loose * 0.012 * smoothstep(0.15, -0.05, z) * on_torso
    return np.where(z < 0.2, np.minimum(offset, 0.006), offset) if tucked else offset


def _wear_skirt(outfit: Outfit, dress_pattern: Pattern | None, rng: np.random.Generator) -> None:
    """A skirt, or the lower half of a dress in the dress's pattern; now and then tights below."""
    dummy, body = outfit.dummy, outfit.dummy.body
    hem = rng.choice([-0.12, -0.25, -0.38, -0.55], p=[0.15, 0.35, 0.35, 0.15]) + rng.uniform(-0.04, 0.04)
    flare, folds = rng.uniform(0, 0.45), int(rng.integers(6, 12))
    center = dummy.shape.rest[np.unique(body.helper_faces["skirt"]), :2].mean(0)

    def flared(points: FloatArray, vertices: NDArray[np.int32]) -> FloatArray:
        down = np.clip((0.184 - body.template[vertices, 2]) / 0.5, 0, 1)
        ripple = 0.012 * down * sin(body.regions.torso_angle[vertices] * folds) * (0.4 + flare)
        outward = points[:, :2] - center
        radius = np.maximum(np.linalg.norm(outward, axis=1), 0.05)
        scale = 1 + flare * down + ripple / radius
        return np.concatenate([center + outward * scale[:, None], points[:, 2:]], 1).astype(np.float32)

    pattern = dress_pattern or make_pattern(choose_pattern(rng), rng)
    cutout = Cutout(
        helper="skirt",
        keep=[(body.template[:, 2] - hem).astype(np.float32)],
        offset=np.full(len(body.template), 0.009 if dress_pattern else 0.006, np.float32),
        smoothing=2,
        least_offset=0.004,
        chart="skirt",
        reshape=flared,
    )
    label, garment = (Lip.DRESS, "dress") if dress_pattern else (Lip.SKIRT, "skirt")
    outfit.wear(cutout, _cloth(pattern, (0.06, 0.14), rng), label, garment, hide=False)
    z = body.template[:, 2]
    outfit.hidden |= (z < 0.15) & (z > -0.05) & (body.regions.arm < 0.3)
    outfit.description.update(skirt=pattern.kind, hem=round(float(hem), 2))
    if rng.random() < 0.12:
        tights = Cutout(
            helper="tights",
            keep=[cuts.below(body, 0.1)],
            offset=np.full(len(z), 0.0015, np.float32),
            smoothing=0,
            least_offset=0,
            chart="leg",
        )
        outfit.wear(tights, _cloth(make_pattern("solid", rng), (0.005, 0.01), rng), Lip.SOCKS, "tights")


def _wear_trousers(outfit: Outfit, tucked: bool, rng: np.random.Generator) -> None:
    body, z = outfit.dummy.body, outfit.dummy.body.template[:, 2]
    length = _pick(rng, {"full": 0.68, "knee": 0.14, "short": 0.1, "capri": 0.08})
    ranges = {"full": (-0.74, -0.69), "knee": (-0.4, -0.3), "short": (-0.16, -0.08), "capri": (-0.6, -0.5)}
    hem = rng.uniform(*ranges[length])
    loose = rng.random() ** 1.5
    cloth = _pick(rng, {"denim": 0.42, "solid": 0.42, "patterned": 0.16})
    pattern = make_pattern(choose_pattern(rng) if cloth == "patterned" else cloth, rng)
    waist = rng.uniform(0.08, 0.17)
    offset = 0.004 + loose * 0.030 * smoothstep(-0.1, -0.6, z) + loose * 0.012 * smoothstep(0.1, -0.2, z)
    covered = z > outfit.top_hem - 0.01
    under, over = covered & (not tucked), covered & tucked
    cutout = Cutout(
        helper="tights",
        keep=[cuts.below(body, waist), cuts.above(body, hem)],
        offset=offset.astype(np.float32),
        smoothing=int(3 + 8 * loose),
        least_offset=np.where(under, 0.001, np.where(over, outfit.top_distance + _LAYER_GAP, 0.003)),
        most_offset=np.where(under, np.maximum(outfit.top_distance - _LAYER_GAP, 0.001), 0.06),
        chart="leg",
    )
    outfit.wear(cutout, _cloth(pattern, (0.05, 0.13), rng), Lip.PANTS, "trousers")
    outfit.description.update(trousers=length, trousers_cloth=pattern.kind)


def _wear_jacket(outfit: Outfit, over_skirt: bool, rng: np.random.Generator) -> None:
    """An open jacket, or a long coat."""
    body, regions = outfit.dummy.body, outfit.dummy.body.regions
    pattern = make_pattern(_pick(rng, {"solid": 0.55, "denim": 0.2, "mottled": 0.15, "plaid": 0.1}), rng)
    cloth = _cloth(pattern, (0.06, 0.12), rng)
    gap = cuts.front_gap(body, rng.uniform(0.12, 0.5))
    on_torso, on_arm = np.maximum(outfit.top_distance + 0.010, 0.022), np.maximum(outfit.top_distance + 0.006, 0.014)
    # A flared skirt would come through a longer jacket.
    hem = rng.uniform(0.11, 0.16) if over_skirt else rng.uniform(-0.015, 0.06)
    keep: Sequence[FloatArray] = [
        cuts.sleeves(body, rng.uniform(0.42, 0.5)),
        cuts.above(body, hem),
        cuts.jacket_collar(body),
        gap,
    ]
    offset = np.where(regions.arm > 0.3, on_arm, on_torso)
    jacket = Cutout(
        helper="tights",
        keep=keep,
        offset=offset,
        smoothing=10,
        least_offset=np.maximum(outfit.top_distance + _LAYER_GAP, 0.012),
        most_offset=0.075,
        chart="torso",
    )
    garment = "coat" if not over_skirt and rng.random() < 0.35 else "jacket"
    outfit.wear(jacket, cloth, Lip.COAT, garment)
    outfit.description["jacket"] = pattern.kind
    if garment == "coat":
        tails_hem = rng.uniform(-0.42, -0.15)
        tails = Cutout(
            helper="skirt",
            keep=[gap, (body.template[:, 2] - tails_hem).astype(np.float32)],
            offset=np.full(len(offset), 0.026, np.float32),
            smoothing=2,
            least_offset=0.02,
            chart="skirt",
        )
        outfit.wear(tails, cloth, Lip.COAT, garment, hide=False)
        outfit.description["coat_hem"] = round(float(tails_hem), 2)


def _wear_shoes(outfit: Outfit, rng: np.random.Generator) -> None:
    """Shoes or boots, and socks with some."""
    body = outfit.dummy.body
    y, z = body.template[:, 1], body.template[:, 2]
    top = rng.choice([-0.755, -0.735, -0.70, -0.6], p=[0.35, 0.4, 0.15, 0.1])
    plain = np.array([0.9, 0.9, 0.9] if rng.random() < 0.5 else [0.05, 0.05, 0.05], np.float32)
    color = cloth_color(rng) if rng.random() < 0.6 else plain
    sole = np.array([0.9, 0.9, 0.88] if rng.random() < 0.5 else [0.08, 0.07, 0.06], np.float32)
    offset = 0.005 + 0.006 * smoothstep(-0.78, -0.81, z) + 0.004 * smoothstep(-0.10, -0.16, y) * (z < -0.7)
    shoes = Cutout(
        helper="tights",
        keep=[cuts.below(body, float(top))],
        offset=offset.astype(np.float32),
        smoothing=3,
        least_offset=0.004,
        chart="leg",
    )
    layer = outfit.wear(shoes, Shoe(color, sole), Lip.LEFT_SHOE, "shoes")
    layer.face_label[layer.template[layer.faces, 0].mean(1) <= 0] = Lip.RIGHT_SHOE
    if rng.random() < 0.4:
        height = rng.uniform(-0.72, -0.58)
        socks = Cutout(
            helper="tights",
            keep=[cuts.below(body, height)],
            offset=np.full(len(z), 0.0015, np.float32),
            smoothing=0,
            least_offset=0,
            chart="leg",
        )
        outfit.wear(socks, _cloth(make_pattern("solid", rng), (0.01, 0.02), rng), Lip.SOCKS, "socks")
        outfit.description["socks"] = True
