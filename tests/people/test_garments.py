"""Garments: each layer knows what it is, hangs as cloth does, has no holes, and nothing comes through it."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from posable.body.geometry import rotation
from posable.body.model import body_model
from posable.body.skinning import forward_kinematics, linear_blend_skinning
from posable.imaging.size import Size
from posable.parsing.lip_labels import Lip
from posable.people import View, render_views
from posable.people.mesh import GARMENTS, PersonMesh
from posable.people.person import Person, make_person
from posable.people.wardrobe.draping import drape
from posable.people.wardrobe.glyphs import CHARACTERS, draw_text
from posable.people.wardrobe.layers import ARM_RADIUS, LEG_RADIUS, TORSO_RADIUS
from posable.people.wardrobe.materials import Cloth
from posable.people.wardrobe.patterns import PATTERN_SHARES, make_pattern

SEEDS = range(40, 76)
LABELS = {
    "lashes": {Lip.FACE},
    "hair": {Lip.HAIR},
    "top": {Lip.UPPER_CLOTHES},
    "dress": {Lip.DRESS},
    "skirt": {Lip.SKIRT},
    "trousers": {Lip.PANTS},
    "jacket": {Lip.COAT},
    "coat": {Lip.COAT},
    "socks": {Lip.SOCKS},
    "tights": {Lip.SOCKS},
    "shoes": {Lip.LEFT_SHOE, Lip.RIGHT_SHOE},
    "scarf": {Lip.SCARF},
    "belt": {Lip.DRESS, Lip.COAT, Lip.PANTS, Lip.SKIRT},
}
SITTING = {
    bone: turn
    for side in "LR"
    for bone, turn in (
        (f"upperleg01.{side}", rotation((1, 0, 0), -85)),
        (f"lowerleg01.{side}", rotation((1, 0, 0), 85)),
    )
}
STRIDING = {
    "upperleg01.L": rotation((1, 0, 0), -40),
    "lowerleg01.L": rotation((1, 0, 0), 25),
    "upperleg01.R": rotation((1, 0, 0), 22),
    "lowerleg01.R": rotation((1, 0, 0), 30),
}


@pytest.fixture(scope="module")
def people() -> list[Person]:
    return [make_person(seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def views(people: list[Person]) -> list[tuple[Person, View]]:
    return [(person, view) for person in people for view in render_views(person, 2, Size(128, 88))]


def faces_of(mesh: PersonMesh, *garments: str) -> np.ndarray:
    """Which faces (f,) belong to the garments."""
    return np.isin(np.array(mesh.garments), garments)[mesh.face_material]


def seen(view: View) -> np.ndarray:
    return view.face_ids[view.face_ids >= 0]


def posed(mesh: PersonMesh, rotations: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Vertices as skinned, and after the cloth was let down."""
    body = body_model()
    bones = forward_kinematics(body.bone_names, body.parents, mesh.bone_heads, rotations)
    skinned = linear_blend_skinning(mesh.rest, csr_matrix(mesh.skin_weights), bones)
    return skinned, drape(mesh.drapes, skinned, mesh.bone_heads, bones)


def test_every_material_is_worn_as_something(people):
    for person in people:
        mesh = person.mesh
        assert len(mesh.garments) == len(mesh.materials)
        assert set(mesh.garments) <= set(GARMENTS)
        assert mesh.garments[0] == "skin"


def test_garments_carry_their_classes(people):
    for person in people:
        mesh = person.mesh
        for index, garment in enumerate(mesh.garments):
            if garment in LABELS:
                assert set(mesh.face_label[mesh.face_material == index].tolist()) <= LABELS[garment], garment


def test_wardrobes_vary(people):
    worn = Counter(garment for person in people for garment in set(person.mesh.garments))
    assert {"top", "dress", "skirt", "trousers", "jacket", "coat", "socks", "belt", "scarf", "shoes"} <= set(worn)
    cuts = {person.description.get("trousers_cut") for person in people}
    assert {"slim", "straight", "wide"} <= cuts
    assert {"tucked", "untucked", "tunic"} <= {person.description.get("fit") for person in people}
    assert min(float(str(person.description.get("hem", 0))) for person in people) < -0.45


def test_cloth_patterns_meet_behind_the_back():
    """Whole tiles around torso and limbs; else a vertical line would show where the chart closes."""
    for kind in [*PATTERN_SHARES, "denim", "tweed"]:
        metres = make_pattern(kind, np.random.default_rng(3)).metres_per_tile
        for radius in (TORSO_RADIUS, LEG_RADIUS, ARM_RADIUS):
            assert 2 * np.pi * radius / metres == pytest.approx(round(2 * np.pi * radius / metres), abs=1e-6)


def openings(mesh: PersonMesh, garment: str) -> int:
    """Closed lines of boundary edges of a garment, where vertices at one place count as one."""
    faces = mesh.faces[faces_of(mesh, garment)]
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    unique, counts = np.unique(edges, axis=0, return_counts=True)
    assert counts.max() <= 2
    border = unique[counts == 1]
    used, local = np.unique(border, return_inverse=True)
    start, end = local.reshape(-1, 2).T
    graph = csr_matrix((np.ones(len(start)), (start, end)), (len(used), len(used)))
    return connected_components(graph, directed=False)[0]


def test_dresses_and_tunics_have_no_holes_but_neck_arms_and_hem(people):
    """The seam between bodice and skirt is where one would gape."""
    checked = 0
    for person in people:
        if person.description["kind"] == "dress":
            assert openings(person.mesh, "dress") == 4, person.seed
            checked += 1
        elif person.description.get("fit") == "tunic":
            assert openings(person.mesh, "top") == 4, person.seed
            checked += 1
        elif "coat_open" in person.description:
            expected = 3 if person.description["coat_open"] else 4
            assert openings(person.mesh, "coat") == expected, person.seed
            checked += 1
    assert checked > 8


def test_skirts_and_trousers_have_no_holes(people):
    for person in people:
        if "skirt" in person.mesh.garments:
            assert openings(person.mesh, "skirt") == 2, person.seed
        if "trousers" in person.mesh.garments and "coat" not in person.mesh.garments:
            assert openings(person.mesh, "trousers") == 3, person.seed


def test_legs_do_not_come_through_skirts(views):
    """Skin seen well above the hem, of all that is seen of skirts; what remains is seen from below the hem."""
    through = cloth = 0
    for person, view in views:
        mesh = person.mesh
        if "hem" not in person.description:
            continue
        hem = float(str(person.description["hem"]))
        middle = mesh.template[mesh.faces].mean(1)
        leg = faces_of(mesh, "skin", "tights") & (mesh.face_segment != 1) & (np.abs(middle[:, 0]) < 0.25)
        above = leg & (middle[:, 2] > hem + 0.03) & (middle[:, 2] < 0.1)
        through += above[seen(view)].sum()
        cloth += faces_of(mesh, "skirt", "dress")[seen(view)].sum()
    assert cloth > 4000
    assert through / cloth < 0.02


def test_cloth_under_other_cloth_is_not_seen(views):
    """Shirts through the backs of jackets, shirts through trousers that they are tucked into."""
    through = worn = 0
    for person, view in views:
        mesh = person.mesh
        middle = mesh.template[mesh.faces].mean(1)
        if {"jacket", "coat"} & set(mesh.garments):
            back = (middle[:, 1] > 0.0) & (middle[:, 2] > 0.2) & (middle[:, 2] < 0.5) & (np.abs(middle[:, 0]) < 0.13)
            through += (faces_of(mesh, "top") & back)[seen(view)].sum()
            worn += faces_of(mesh, "jacket", "coat")[seen(view)].sum()
        if person.description.get("fit") == "tucked" and "trousers" in mesh.garments:
            through += (faces_of(mesh, "top") & (middle[:, 2] < 0.07))[seen(view)].sum()
            worn += faces_of(mesh, "trousers")[seen(view)].sum()
    assert worn > 4000
    assert through / worn < 0.004


def test_nobody_is_hollow(views):
    """The inside of skin is seen where skin was left out and nothing covers the place."""
    inside = body = 0
    for person, view in views:
        faces = seen(view)
        skin = faces[faces_of(person.mesh, "skin")[faces] & (person.mesh.face_segment[faces] != 1)]
        corners = view.screen_vertices[view.faces[skin]]
        first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
        inside += (first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0] > 0).sum()
        body += len(skin)
    assert inside / body < 0.01


def test_cloth_hangs_at_rest_as_it_was_cut(people):
    for person in people:
        mesh = person.mesh
        skinned, vertices = posed(mesh, {})
        for cloth in mesh.drapes:
            moved = np.linalg.norm(vertices[cloth.vertices] - skinned[cloth.vertices], axis=2)
            assert moved[: cloth.anchored].max() == 0
            assert moved.max() < 0.14


def test_cloth_does_not_stretch(people):
    for person in people:
        for rotations in (SITTING, STRIDING):
            _, vertices = posed(person.mesh, rotations)
            for cloth in person.mesh.drapes:
                grid = vertices[cloth.vertices]
                hanging = np.linalg.norm(np.diff(grid, axis=0), axis=2)[cloth.anchored :]
                lengths = np.linalg.norm(cloth.links, axis=2)[cloth.anchored :]
                if hanging.size:
                    assert np.quantile(hanging / lengths, 0.98) < 1.35, person.seed


def test_long_skirts_fall_from_the_knees_of_those_who_sit(people):
    """Skinning alone would take the front of the skirt along the shins; hanging cloth ends below the knees."""
    checked = 0
    for person in people:
        if float(str(person.description.get("hem", 0))) > -0.55:
            continue
        _, vertices = posed(person.mesh, SITTING)
        grid = vertices[person.mesh.drapes[0].vertices]
        front = grid[:, 0]
        assert front[-1, 2] < front[:, 2].max() - 0.2
        assert front[:, 1].min() < grid[0, 0, 1] - 0.25
        checked += 1
    assert checked


def test_nothing_hangs_through_the_floor(people):
    for person in people:
        if person.mesh.drapes:
            skinned, vertices = posed(person.mesh, SITTING)
            draped = np.concatenate([cloth.vertices.ravel() for cloth in person.mesh.drapes])
            others = np.setdiff1d(np.arange(len(skinned)), draped)
            assert vertices[draped, 2].min() > min(vertices[others, 2].min(), skinned[:, 2].min()) - 1e-3


def test_belts_lie_on_what_they_are_worn_on(people):
    checked = 0
    for person in people:
        mesh = person.mesh
        if "belt" not in mesh.garments:
            continue
        belt = np.unique(mesh.faces[mesh.face_material == mesh.garments.index("belt")])
        below = np.unique(mesh.faces[faces_of(mesh, "dress", "coat", "trousers", "skirt")])
        for vertex in mesh.rest[belt][::7]:
            near = mesh.rest[below][np.argsort(((mesh.rest[below] - vertex) ** 2).sum(1))[:4]]
            assert np.linalg.norm(near - vertex, axis=1).min() < 0.05, person.seed
        checked += 1
    assert checked >= 3


def test_letters_differ_and_need_no_font():
    """Pillow's built-in font differs between its versions; people must not."""
    drawn = [draw_text(character, 24, 0.15).tobytes() for character in CHARACTERS]
    assert len(set(drawn)) == len(CHARACTERS)
    source = Path(__file__).parents[2] / "src/posable/people"
    for path in source.glob("*.py"):
        if path.name in ("cloth_prints.py", "glyphs.py", "patterns.py", "albedo.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                assert not (isinstance(node, ast.ImportFrom) and node.module == "PIL"), path.name


def test_prints_are_legible():
    """A word covers a sensible share of its square, and its rows differ from one another."""
    word = draw_text("OCEAN", 40, 0.16)
    assert 0.1 < word.mean() < 0.6
    assert word.max() == 1
    assert len(np.unique(word.round(1), axis=0)) > 8


def test_fine_patterns_are_fine():
    tile = make_pattern("fine_stripes", np.random.default_rng(5)).tile.mean(2)
    changes = max(np.abs(np.diff(tile, axis=axis)).mean() for axis in (0, 1))
    assert changes > 0.01


def test_tiles_are_periodic():
    """The step across the tile's edge is no larger than the largest inside."""
    for kind in ("fine_stripes", "houndstooth", "argyle", "lettering", "tweed"):
        tile = make_pattern(kind, np.random.default_rng(1)).tile
        for axis in (0, 1):
            inside = np.abs(np.diff(tile, axis=axis)).mean((1 - axis, 2)).max()
            across = np.abs(np.take(tile, 0, axis) - np.take(tile, -1, axis)).mean()
            assert across <= inside * 1.1 + 0.02, kind


def test_cloth_materials_come_from_their_own_stream(people):
    """A person's cloth stays the same when made again."""
    again = make_person(SEEDS[0]).mesh
    for one, other in zip(again.materials, people[0].mesh.materials, strict=True):
        if isinstance(one, Cloth) and isinstance(other, Cloth):
            assert one.tile.tobytes() == other.tile.tobytes()
