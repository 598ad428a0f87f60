"""Hair styles: how thick hair lies on the head, and which locks grow from it, on the template."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from posable.body.geometry import smoothstep
from posable.people.head.hair_locks import Comb, Strands, braid, curl, grow, ribbons, tubes
from posable.people.head.hairline import Hairline
from posable.people.head.scalp import Array, scalp_grid, template_scalp, unit

FEMALE_STYLES = {
    "long": 0.2,
    "long_fringe": 0.08,
    "wavy": 0.12,
    "bob": 0.1,
    "bob_fringe": 0.06,
    "pixie": 0.06,
    "tail": 0.11,
    "bun": 0.08,
    "braid": 0.05,
    "braids": 0.05,
    "curls": 0.05,
    "afro": 0.04,
}
MALE_STYLES = {
    "short": 0.24,
    "side_part": 0.17,
    "back": 0.1,
    "quiff": 0.08,
    "fringe": 0.08,
    "buzz": 0.1,
    "receding": 0.07,
    "bald": 0.04,
    "curls": 0.05,
    "afro": 0.03,
    "long": 0.03,
    "bun": 0.01,
}
UNDER_HATS = {"short", "side_part", "fringe", "buzz", "receding", "bald", "long", "wavy", "bob", "braid", "braids"}
"""Styles that leave room for a hat."""
_CROWN = np.array([0.012, 0.0, 0.852])
_STEPS_SHORT, _STEPS_LONG = 6, 12


@dataclass
class Style:
    """Hair on the template."""

    name: str
    hairline: Hairline
    thickness: float
    """Metres of the layer on the head; 0 for none."""
    frizz: float = 0.0
    """Metres by which the layer's surface is lumpy."""
    strands: list[Strands] = field(default_factory=list)
    ties: list[Strands] = field(default_factory=list)
    """Bands around tails and braids."""
    falls: bool = False
    """Whether locks reach the shoulders."""


def style_hair(name: str, female: bool, rng: np.random.Generator) -> Style:
    """A hair style out of FEMALE_STYLES or MALE_STYLES, drawn in detail."""
    hairline = Hairline(
        forehead=float(rng.uniform(-0.008, 0.01)),
        temples=float(rng.uniform(0.0, 0.006) if female else rng.uniform(0, 0.02)),
        sideburns=float(0 if female else rng.uniform(-0.02, 0.02)),
        nape=float(rng.uniform(-0.005, 0.01)),
    )
    makers = {
        "long": _long,
        "long_fringe": _long,
        "wavy": _long,
        "bob": _long,
        "bob_fringe": _long,
        "tail": _tied,
        "bun": _tied,
        "braid": _tied,
        "braids": _tied,
        "curls": _curls,
        "afro": _afro,
        "buzz": _shaved,
        "receding": _receding,
        "bald": _shaved,
    }
    return makers.get(name, _short)(name, hairline, rng)


def _roots(hairline: Hairline, spacing: float, rng: np.random.Generator, least: float = 0.003) -> tuple[Array, Array]:
    """About evenly spread points (n, 3) on the hairy scalp and how far (n,) they lie inside the hairline."""
    points, _, faces = scalp_grid()
    corner = points[faces]
    area = np.sqrt((np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]) ** 2).sum(1))
    chosen = corner[np.searchsorted(np.cumsum(area) / area.sum(), rng.random(3000)).clip(0, len(area) - 1)]
    share = np.sort(rng.random((len(chosen), 2)), 1)
    weight = np.stack([share[:, 0], share[:, 1] - share[:, 0], 1 - share[:, 1]], 1)
    found = (chosen * weight[..., None]).sum(1)
    inside = hairline.above(found).astype(np.float64)
    found, inside = found[inside > least], inside[inside > least]
    cells = np.floor(found / spacing).astype(np.int64) + 1000
    _, first = np.unique((cells[:, 0] * 2000 + cells[:, 1]) * 2000 + cells[:, 2], return_index=True)
    return found[first], inside[first]


def _part(x: float, back: float, down: float = -0.25) -> Comb:
    """Away from a parting at template x, and by `back` towards the back."""

    def comb(points: Array) -> Array:
        side = np.tanh((points[:, 0] - x) / 0.006)
        steep = np.clip(np.abs(points[:, 0]) / 0.07, 0, 1) ** 3
        return np.stack([side * (1 - steep), back * (1 - 0.6 * steep), down - 1.5 * steep], 1)

    return comb


def _whorl(points: Array) -> Array:
    away = unit(points - _CROWN)
    return away + 0.25 * np.cross(away, [0.0, 0.0, 1.0])


def _backwards(points: Array) -> Array:
    return np.stack([points[:, 0] * 2, np.full(len(points), 1.0), np.full(len(points), -0.25)], 1)


def _quiff(side: float) -> Comb:
    def comb(points: Array) -> Array:
        rise = smoothstep(-0.09, -0.12, points[:, 1])[:, None]
        return _backwards(points) * (1 - 0.5 * rise) + np.array([0.3 * side, 0.0, 0.9]) * rise

    return comb


def _swept(side: float) -> Comb:
    def comb(points: Array) -> Array:
        sweep = smoothstep(-0.07, -0.12, points[:, 1])[:, None]
        return _whorl(points) + np.array([0.5 * side, 0.0, -0.2]) * sweep

    return comb


def _towards(target: Array) -> Comb:
    return lambda points: unit(target - points)


def _short(name: str, hairline: Hairline, rng: np.random.Generator) -> Style:
    thickness = {"short": 0.009, "pixie": 0.011}.get(name, 0.01) * rng.uniform(0.7, 1.3)
    roots, inside = _roots(hairline, 0.018, rng)
    front = smoothstep(-0.085, -0.12, roots[:, 1]) * smoothstep(0.77, 0.79, roots[:, 2])
    high = smoothstep(0.77, 0.82, roots[:, 2]).astype(np.float64)
    lengths = rng.uniform(0.034, 0.046, len(roots)) + 0.022 * high
    side = float(rng.choice([-1, 1]))
    comb: Comb = _whorl
    volume = 0.004
    if name == "side_part":
        comb, volume = _part(side * 0.028, 0.45), 0.009
        lengths += 0.02 * high
    elif name == "back":
        comb, volume = _backwards, 0.006
    elif name == "quiff":
        comb, volume = _quiff(side), 0.006
    elif name in ("fringe", "pixie"):
        lengths = lengths + front * rng.uniform(0.012, 0.03)
        comb = _swept(side)
    share = np.linspace(0, 1, _STEPS_SHORT)
    near_edge = (0.25 + 0.75 * smoothstep(0, 0.03, inside))[:, None]
    crest = volume * np.sin(np.pi * np.minimum(share * 1.1 + 0.1, 1))
    tall = np.where(name == "quiff", 0.022, 0.0) * front[:, None] * np.sin(np.pi * np.minimum(share + 0.25, 1))
    heights = (thickness + crest + rng.uniform(0, 0.004, (len(roots), 1))) * near_edge + tall
    paths = grow(roots, lengths, comb, heights, 0.0, 0.85)
    strands = ribbons(paths, rng.uniform(0.009, 0.014, len(roots)), 0.2, 0.1)
    return Style(name, hairline, thickness, 0.0012, [strands])


def _long(name: str, hairline: Hairline, rng: np.random.Generator) -> Style:
    """Falling hair, from bobs to the waist, with or without a fringe."""
    bob, fringe, wavy = name.startswith("bob"), name.endswith("fringe"), name == "wavy"
    thickness = rng.uniform(0.007, 0.012)
    part = float(rng.choice([0, 0, 0.03, -0.03, 0.045, -0.045]))
    roots, inside = _roots(hairline, 0.026, rng)
    end = rng.uniform(0.565, 0.63) if bob else rng.uniform(0.34, 0.52)
    if fringe:
        part = 0.0
    ragged = rng.normal(0, 0.006 if bob else 0.014, len(roots))
    lengths = (roots[:, 2] - end) * 1.02 + 0.045 + ragged
    lengths += 0.03 * smoothstep(0.79, 0.84, roots[:, 2])
    in_front = (roots[:, 1] < -0.105) & (roots[:, 2] > 0.775) & (np.abs(roots[:, 0]) < 0.055)
    share = np.linspace(0, 1, _STEPS_LONG)
    volume = rng.uniform(0.002, 0.012)
    near_edge = (0.3 + 0.7 * smoothstep(0, 0.03, inside))[:, None]
    crest = volume * np.sin(np.pi * np.minimum(share * 1.4 + 0.05, 1))
    heights = (thickness + 0.001 + crest + rng.uniform(0, 0.004, (len(roots), 1))) * (
        near_edge + (1 - near_edge) * np.minimum(share * 3, 1)
    )
    back = rng.uniform(0.45, 0.8)
    falling = ~in_front if fringe else np.ones(len(roots), bool)
    paths = grow(roots[falling], lengths[falling], _part(part, back), heights[falling], 0.9, 0.9)
    if wavy:
        paths = curl(paths, rng.uniform(0.006, 0.012), rng.uniform(7, 14), rng)
    strands = [ribbons(paths, rng.uniform(0.024, 0.036, len(paths)), 0.3, 0.22)]
    if fringe:
        strands.append(_fringe(hairline, thickness, rng))
    return Style(name, hairline, thickness, 0.001, strands, falls=not bob or end < 0.61)


def _fringe(hairline: Hairline, thickness: float, rng: np.random.Generator) -> Strands:
    roots, _ = _roots(hairline, 0.0125, rng)
    roots = roots[(roots[:, 1] < -0.095) & (roots[:, 2] > 0.775) & (np.abs(roots[:, 0]) < 0.06)]
    lengths = np.maximum(roots[:, 2] - rng.uniform(0.757, 0.772), 0.012) * 1.12 + rng.uniform(0, 0.006, len(roots))
    heights = np.full((len(roots), 7), thickness * 0.55 + 0.002) + rng.uniform(0, 0.002, (len(roots), 1))
    slant = rng.normal(0, 0.15)

    def comb(points: Array) -> Array:
        return np.stack([points[:, 0] * 1.5 + slant, np.full(len(points), -0.8), np.full(len(points), -0.8)], 1)

    paths = grow(roots, lengths, comb, heights, 0.2, 0.95)
    return ribbons(paths, rng.uniform(0.011, 0.017, len(roots)), 0.25, 0.15)


def _tied(name: str, hairline: Hairline, rng: np.random.Generator) -> Style:
    """Hair combed tightly to one knot or two: ponytail, bun, braids."""
    thickness = rng.uniform(0.005, 0.009)
    roots, inside = _roots(hairline, 0.022, rng)
    high = bool(rng.random() < 0.5)
    knots = [np.array([0.0, 0.05, 0.815] if high else [0.0, 0.052, 0.715])]
    if name == "bun" and high:
        knots = [np.array([0.0, 0.005, 0.868])]
    elif name == "braid":
        knots = [np.array([0.0, 0.05, 0.7])]
    elif name == "braids":
        knots = [np.array([side * 0.062, 0.012, 0.672]) for side in (-1.0, 1.0)]
    before_ears = (np.abs(roots[:, 0]) > 0.064) & (roots[:, 2] < 0.775) & (roots[:, 1] < -0.045)
    roots, inside = roots[~before_ears], inside[~before_ears]
    _, scalp = template_scalp()
    for knot in knots:
        height, normal = scalp.height(knot[None])
        knot -= normal[0] * (height[0] - thickness - 0.004)
    of = (roots[:, 0] > 0).astype(int) * (len(knots) > 1)
    share = np.linspace(0, 1, 8)
    heights = (thickness + rng.uniform(0, 0.0025, (len(roots), 1))) * (0.3 + 0.7 * smoothstep(0, 0.03, inside))[:, None]
    heights = heights + (thickness + 0.004 - heights) * share
    pieces: list[Strands] = []
    ties: list[Strands] = []
    for number, knot in enumerate(knots):
        own = of == number
        lengths = np.sqrt(((roots[own] - knot) ** 2).sum(1)) * 1.18
        paths = grow(roots[own], lengths, _towards(knot), heights[own], 0.0, 1.0)
        pieces.append(ribbons(paths, rng.uniform(0.015, 0.024, int(own.sum())), 0.4, 0.18))
        if name == "bun":
            pieces += _bun(knot, rng)
        elif name == "tail":
            pieces.append(_tail(knot, high, rng))
            ties.append(_tie(knot + np.array([0.0, 0.008, 0.0]), np.array([0.0, 1.0, -0.5]), 0.014))
        else:
            outward = unit(knot - np.array([0.0, -0.05, 0.75])) * [1.0, 0.6, 0.0]
            cord = _hanging_path(knot, outward, rng.uniform(0.2, 0.34))
            pieces.append(braid(cord, rng.uniform(0.013, 0.018)))
            ties.append(_tie(cord[int(0.885 * len(cord))], cord[-1] - cord[-4], 0.0085))
    return Style(name, hairline, thickness, 0.0008, pieces, ties, falls=name != "bun")


def _hanging_path(start: Array, outward: Array, length: float) -> Array:
    share = np.linspace(0, 1, 40)[:, None]
    bow = outward * 0.03 * np.sin(np.pi * np.minimum(share * 0.9 + 0.08, 1))
    return start + bow + np.array([0, 0, -1.0]) * length * (share + 0.02 * np.sin(np.pi * share))


def _tail(knot: Array, high: bool, rng: np.random.Generator) -> Strands:
    count, steps = 26, 14
    share = np.linspace(0, 1, steps)
    length = rng.uniform(0.2, 0.36)
    angle, spread = rng.uniform(0, 2 * np.pi, count), np.sqrt(rng.random(count))
    radius = 0.03 * np.sin(np.pi * np.clip(0.1 + 0.8 * share, 0, 1)) + 0.004
    offset = np.stack([np.cos(angle), np.sin(angle) * 0.7, np.zeros(count)], 1) * spread[:, None]
    arch = (0.05 if high else 0.03) * np.sin(np.pi * np.minimum(share * 0.8 + 0.12, 1))
    rise = (0.025 if high else 0.005) * np.sin(np.pi * np.minimum(share * 2.2, 1))
    spine = np.stack([np.zeros(steps), arch, rise - length * share**1.15], 1) + knot
    ends = 1 - 0.14 * rng.random(count)
    paths = spine[None] + offset[:, None] * radius[:, None]
    paths = knot + (paths - knot) * ends[:, None, None]
    if rng.random() < 0.4:
        paths = curl(paths, rng.uniform(0.004, 0.01), rng.uniform(8, 14), rng)
    return ribbons(paths, rng.uniform(0.016, 0.026, count), 0.2, 0.3)


def _tie(centre: Array, direction: Array, radius: float) -> Strands:
    along = unit(direction)
    path = centre + along * np.linspace(-0.005, 0.005, 5)[:, None]
    return tubes(path[None], np.array([[0.6, 1.0, 1.1, 1.0, 0.6]]) * radius, 10)


def _bun(knot: Array, rng: np.random.Generator) -> list[Strands]:
    """A ball wound of thick cords around a core."""
    radius = rng.uniform(0.026, 0.036)
    out = unit(knot - np.array([0.0, -0.05, 0.76]))
    centre = knot + out * radius * 0.55
    side = unit(np.cross(out, [1.0, 0.0, 0.2]))
    third = np.cross(out, side)
    turn = np.linspace(0, 2 * np.pi * 3.2, 46)
    share = np.linspace(0, 1, 46)
    ring = radius * np.cos(share * np.pi / 2 * 0.98)
    height = radius * 0.85 * np.sin(share * np.pi / 2)
    path = (
        centre + (np.cos(turn) * ring)[:, None] * side + (np.sin(turn) * ring)[:, None] * third + height[:, None] * out
    )
    thick = 0.0125 * (1 - 0.25 * share)
    core = centre + out * np.linspace(-radius * 0.9, radius * 0.9, 8)[:, None]
    bulge = radius * np.sqrt(np.maximum(1 - np.linspace(-1, 1, 8) ** 2, 0.02)) * 0.98
    return [tubes(path[None], thick[None], 6), tubes(core[None], bulge[None], 10)]


def _curls(name: str, hairline: Hairline, rng: np.random.Generator) -> Style:
    thickness = rng.uniform(0.012, 0.02)
    roots, inside = _roots(hairline, 0.018, rng)
    length = rng.uniform(0.03, 0.075)
    lengths = rng.uniform(0.8, 1.2, len(roots)) * length * (0.55 + 0.45 * smoothstep(0.0, 0.03, inside))
    near_edge = (0.3 + 0.7 * smoothstep(0, 0.03, inside))[:, None]
    heights = (thickness + np.linspace(0, 0.012, 9)) * near_edge
    paths = grow(roots, lengths, _whorl, heights, 0.15, 0.7)
    paths = curl(paths, rng.uniform(0.004, 0.0065), rng.uniform(20, 30), rng)
    return Style(name, hairline, thickness, 0.004, [ribbons(paths, rng.uniform(0.013, 0.018, len(roots)), 0.5, 0.5)])


def _afro(name: str, hairline: Hairline, rng: np.random.Generator) -> Style:
    thickness = rng.uniform(0.022, 0.06)
    roots, inside = _roots(hairline, 0.0135, rng, 0.012)
    heights = thickness * smoothstep(0, 0.055, inside)[:, None] * 0.94 + np.linspace(0, 0.007, 4)
    wild = rng.normal(size=(len(roots), 3))
    paths = grow(roots, np.full(len(roots), 0.016), lambda points: wild[: len(points)], heights, 0.0, 1.0)
    return Style(name, hairline, thickness, 0.005, [ribbons(paths, np.full(len(roots), 0.014), 0.3, 0.5)])


def _shaved(name: str, hairline: Hairline, rng: np.random.Generator) -> Style:
    """Millimetres of hair, painted on the scalp."""
    density = rng.uniform(0.4, 0.7) if name == "buzz" else rng.uniform(0, 0.12)
    line = Hairline(
        forehead=hairline.forehead,
        temples=hairline.temples + (0.02 if name == "bald" else 0.0),
        nape=hairline.nape + 0.015,
        density=float(density),
    )
    return Style(name, line, 0.0)


def _receding(name: str, hairline: Hairline, rng: np.random.Generator) -> Style:
    crown = float(rng.choice([0.0, rng.uniform(0.04, 0.075)]))
    line = Hairline(
        forehead=float(rng.uniform(0.01, 0.03)), temples=float(rng.uniform(0.025, 0.05)), bald_crown=crown, density=0.85
    )
    style = _short("short", line, rng)
    return Style(name, line, style.thickness * 0.6, 0.0008, style.strands)
