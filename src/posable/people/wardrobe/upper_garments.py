"""Tops, dresses, jackets and coats."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from posable.body.geometry import smoothstep
from posable.parsing.lip_labels import Lip
from posable.people.wardrobe import cuts
from posable.people.wardrobe.cloth_prints import make_print
from posable.people.wardrobe.hanging import Panel, cut_panel, front_gap_angle, sew
from posable.people.wardrobe.layers import Cutout, Dummy, Layer, cut_garment, smoothed_distance
from posable.people.wardrobe.materials import Cloth, Print
from posable.people.wardrobe.outfits import LAYER_GAP, Level, Outfit, make_cloth, pick
from posable.people.wardrobe.patterns import ClothPattern, choose_pattern, make_pattern

FloatArray = NDArray[np.float32]
_PRINTABLE = ("solid", "mottled", "tie_dye", "stripes_across", "fine_stripes")
_SEAM = 0.165
"""Template height at which a panel is sewn to an upper part."""
_PANEL_TOP = 0.13
_NECKS = {"crew": 0.4, "v": 0.16, "scoop": 0.14, "boat": 0.08, "turtle": 0.08, "collar": 0.14}


@dataclass(frozen=True, eq=False)
class _Bodice:
    """The part of a garment over shoulders and chest, before its hem is known."""

    pattern: ClothPattern
    cloth: Cloth
    keep: list[FloatArray]


def wear_top(outfit: Outfit, female: bool, fit: str, rng: np.random.Generator) -> None:
    """A shirt: "tucked" into what is worn below, "untucked", or a "tunic" that hangs over the hips."""
    bodice = _bodice(outfit, female, {"tank": 0.14, "short": 0.42, "elbow": 0.1, "long": 0.34}, rng)
    looseness = float(rng.uniform(*[(0.05, 0.4), (0.5, 0.9), (1.0, 1.6)][rng.choice(3, p=[0.4, 0.35, 0.25])]))
    if fit == "tunic":
        looseness = max(looseness, 0.5)
        hem = rng.uniform(-0.2, -0.06)
        panel = Panel(
            top=_PANEL_TOP,
            hem=float(hem),
            offset=np.array([0.0, 0.012 + 0.01 * looseness], np.float32),
            flare=float(rng.uniform(0.0, 0.25)),
            folds=int(rng.integers(5, 10)),
            depth=0.008,
        )
        _wear_sewn(outfit, Level.TOP, bodice, panel, looseness, Lip.UPPER_CLOTHES, "top")
        outfit.top_hem, outfit.tunic_hem = 0.1, float(hem)
    else:
        hem = rng.uniform(0.0, 0.06)
        if fit == "tucked":
            hem = 0.06
        elif female and rng.random() < 0.14:
            hem = rng.uniform(0.15, 0.22)
        level = Level.TUCKED_TOP if fit == "tucked" else Level.TOP
        keep = [*bodice.keep, cuts.above(outfit.dummy.body, hem)]
        cutout = _upper_cutout(outfit.dummy, keep, looseness, fit == "tucked")
        outfit.top_distance, outfit.top_hem = smoothed_distance(outfit.dummy, cutout), float(hem)
        outfit.wear(level, cutout, bodice.cloth, Lip.UPPER_CLOTHES, "top")
    outfit.description.update(fit=fit, loose=round(looseness, 2), top_hem=round(float(hem), 2))


def wear_dress(outfit: Outfit, rng: np.random.Generator) -> None:
    """A dress; its skirt is one with the bodice."""
    bodice = _bodice(outfit, True, {"tank": 0.4, "short": 0.33, "elbow": 0.07, "long": 0.2}, rng)
    hem = float(rng.choice([-0.13, -0.25, -0.38, -0.52, -0.65], p=[0.15, 0.3, 0.25, 0.15, 0.15]))
    panel = Panel(
        top=_PANEL_TOP,
        hem=hem + float(rng.uniform(-0.03, 0.04)),
        offset=np.array([0.003, 0.012], np.float32),
        flare=float(rng.uniform(0, 0.6)),
        folds=int(rng.integers(6, 13)),
        depth=float(rng.uniform(0.004, 0.018)),
    )
    _wear_sewn(outfit, Level.TOP, bodice, panel, float(rng.uniform(0.05, 0.4)), Lip.DRESS, "dress")
    outfit.top_hem = 0.1
    outfit.description.update(skirt=bodice.pattern.kind, hem=round(panel.hem, 2))


def wear_jacket(outfit: Outfit, over_skirt: bool, rng: np.random.Generator) -> None:
    """An open jacket, or a coat, open or closed."""
    body = outfit.dummy.body
    pattern = make_pattern(pick(rng, {"solid": 0.5, "denim": 0.16, "mottled": 0.14, "plaid": 0.1, "tweed": 0.1}), rng)
    cloth = make_cloth(pattern, (0.06, 0.12), rng)
    is_coat = not over_skirt and rng.random() < 0.4
    gap = int(rng.choice([0, 1, 2, 3], p=[0.35, 0.25, 0.25, 0.15]) if is_coat else rng.integers(1, 4))
    keep = [cuts.sleeves(body, rng.uniform(0.42, 0.5)), cuts.jacket_collar(body)]
    if gap:
        keep.append(cuts.front_gap(body, front_gap_angle(gap) / 1.3))
    if is_coat:
        hem = float(rng.uniform(-0.6, -0.14))
        panel = Panel(
            top=_PANEL_TOP,
            hem=hem,
            offset=np.array([0.022, 0.026 + outfit.trouser_room(hem)], np.float32),
            flare=float(rng.uniform(0.05, 0.3)),
            folds=int(rng.integers(3, 7)),
            depth=0.008,
            gap=gap,
            clearance=0.02 + outfit.trouser_room(hem),
        )
        upper = _jacket_cutout(outfit, [*keep, cuts.above(body, _SEAM)])

        def cut(more: list[FloatArray]) -> Layer:
            torso = cut_garment(outfit.dummy, upper, cloth, Lip.COAT, "coat")
            return sew(torso, cut_panel(outfit.dummy, panel, cloth, Lip.COAT, "coat"), _SEAM)

        sides = keep[2] if gap else np.float32(1)
        outfit.add(Level.JACKET, _panel_cover(outfit.dummy, [*keep[:2], sides + 0 * keep[0]], hem), cut)
        outfit.description.update(coat_hem=round(hem, 2), coat_open=bool(gap))
    else:
        # Skirts stand off the hips, farther than a longer jacket.
        hem = rng.uniform(0.15, 0.19) if over_skirt else rng.uniform(0.0, 0.06)
        jacket = _jacket_cutout(outfit, [*keep, cuts.above(body, hem)])
        outfit.wear(Level.JACKET, jacket, cloth, Lip.COAT, "jacket")
    outfit.description["jacket"] = pattern.kind


def _bodice(outfit: Outfit, female: bool, sleeves: dict[str, float], rng: np.random.Generator) -> _Bodice:
    body = outfit.dummy.body
    pattern = make_pattern(choose_pattern(rng), rng)
    picture: Print | None = None
    if pattern.kind in _PRINTABLE and rng.random() < 0.6:
        picture = make_print(pattern, rng)
    sleeve, neck = pick(rng, sleeves), pick(rng, _NECKS)
    if sleeve == "tank" and female and rng.random() < 0.4:
        neck = "strap"
    lengths = {"tank": (0.0, 0.0), "short": (0.12, 0.2), "elbow": (0.24, 0.32), "long": (0.44, 0.5)}
    length = rng.uniform(*lengths[sleeve])
    arms = cuts.sleeveless(body) if sleeve == "tank" else cuts.sleeves(body, length)
    outfit.description.update(top=pattern.kind, sleeve=sleeve, neck=neck, printed=picture is not None)
    return _Bodice(pattern, make_cloth(pattern, (0.05, 0.13), rng, picture), [arms, cuts.neckline(body, neck)])


def _wear_sewn(
    outfit: Outfit, level: Level, bodice: _Bodice, panel: Panel, looseness: float, label: int, garment: str
) -> None:
    """A bodice and the panel below it, in one piece."""
    dummy = outfit.dummy
    cutout = _upper_cutout(dummy, [*bodice.keep, cuts.above(dummy.body, _SEAM)], looseness, False)
    outfit.top_distance = smoothed_distance(dummy, cutout)
    at_seam = (np.abs(dummy.body.template[:, 2] - _SEAM) < 0.04) & (outfit.top_distance > 0)
    rise = float(outfit.top_distance[at_seam & (dummy.body.regions.arm < 0.2)].mean())
    offset = np.array([max(panel.offset[0], rise), max(panel.offset[1], rise)], np.float32)
    panel = replace(panel, offset=offset)

    def cut(more: list[FloatArray]) -> Layer:
        upper = cut_garment(dummy, cutout, bodice.cloth, label, garment)
        room = outfit.trouser_room(panel.hem)
        below = np.array([offset[0], max(offset[1], room + 0.006)], np.float32)
        over_legs = replace(panel, offset=below, clearance=0.008 + room)
        return sew(upper, cut_panel(dummy, over_legs, bodice.cloth, label, garment), _SEAM)

    outfit.add(level, _panel_cover(dummy, bodice.keep, panel.hem), cut)


def _panel_cover(dummy: Dummy, keep: list[FloatArray], hem: float) -> FloatArray:
    """What a sewn garment hides: hanging cloth lets one look a hand's breadth under its hem."""
    z = dummy.body.template[:, 2]
    hips = np.minimum(np.minimum(z + 0.07, z - hem - 0.04), 0.05)
    below = np.maximum(z - (hem + 0.12), hips)
    return np.min([*keep, np.maximum(below, 2 * dummy.body.regions.arm - 0.5)], axis=0)


def _upper_cutout(dummy: Dummy, keep: list[FloatArray], looseness: float, tucked: bool) -> Cutout:
    z, regions = dummy.body.template[:, 2], dummy.body.regions
    on_sleeve = regions.arm > 0.3
    offset = np.full(len(z), 0.006, np.float32)
    offset += looseness * 0.006 * smoothstep(0.5, 0.1, z) * (regions.arm < 0.4)
    offset += looseness * 0.018 * on_sleeve * smoothstep(-0.02, 0.15, regions.arm_distance)
    if tucked:
        offset = np.where(z < 0.2, np.minimum(offset, 0.006), offset)
    else:
        offset += looseness * hanging_room(dummy)
    return Cutout(
        helper="tights",
        keep=keep,
        offset=offset,
        smoothing=int(4 + 10 * min(looseness, 1)),
        least_offset=0.004,
        most_offset=0.12,
        chart="torso",
    )


def hanging_room(dummy: Dummy) -> FloatArray:
    """Metres (n,) between the torso and cloth that falls straight from chest, shoulder blades and belly."""
    body = dummy.body
    vertices = np.unique(body.helper_faces["tights"])
    template = body.template[vertices]
    torso = vertices[(body.regions.arm[vertices] < 0.3) & (template[:, 2] > -0.06) & (template[:, 2] < 0.42)]
    z = body.template[torso, 2]
    points = dummy.shape.rest[torso]
    radius = np.sqrt(points[:, 0] ** 2 + (points[:, 1] + np.float32(0.02)) ** 2)
    angle = body.regions.torso_angle[torso]
    apart = np.abs(angle[:, None] - angle)
    aside = np.minimum(apart, 2 * np.pi - apart) / 0.22
    # Cloth draws in a little as it falls.
    candidates = np.where(
        (z > z[:, None]) & (aside < 1), radius - (z - z[:, None]) * 0.07 - 0.02 * aside**2, radius[:, None]
    )
    room = np.zeros(len(body.template), np.float32)
    room[torso] = (candidates.max(1) - radius) * smoothstep(0.42, 0.3, z)
    return room


def _jacket_cutout(outfit: Outfit, keep: list[FloatArray]) -> Cutout:
    regions, top = outfit.dummy.body.regions, outfit.top_distance
    on_torso, on_arm = np.maximum(top + 0.010, 0.022), np.maximum(top + 0.006, 0.014)
    return Cutout(
        helper="tights",
        keep=keep,
        offset=np.where(regions.arm > 0.3, on_arm, on_torso),
        smoothing=10,
        least_offset=np.maximum(top + LAYER_GAP, 0.012),
        most_offset=0.14,
        chart="torso",
    )
