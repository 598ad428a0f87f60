"""Hair, faces and what heads wear, as people have them: a test for each kind of defect that was once seen."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from posable.body.mesh_editing import vertex_normals
from posable.body.model import body_model
from posable.body.skinning import linear_blend_skinning
from posable.parsing.lip_labels import Lip
from posable.people.head.expression import MOODS, expression_basis, sample_expression
from posable.people.head.face import face_model
from posable.people.head.hair import grow_hair
from posable.people.head.hair_styles import FEMALE_STYLES, MALE_STYLES, UNDER_HATS, style_hair
from posable.people.head.hairline import Hairline, HatLine
from posable.people.head.scalp import HeadFit, scalp_grid, template_scalp
from posable.people.person import Person, make_person
from posable.people.wardrobe.hats import choose_hat, wear_hat
from posable.people.wardrobe.layers import Dummy, Layer

ALL_STYLES = sorted(set(FEMALE_STYLES) | set(MALE_STYLES))
FALLING = {"long", "long_fringe", "wavy", "bob", "bob_fringe", "tail", "braid", "braids"}


@pytest.fixture(scope="module")
def people() -> list[Person]:
    return [make_person(seed) for seed in range(300, 312)]


@pytest.fixture(scope="module")
def dummy() -> Dummy:
    body = body_model()
    return Dummy.of(body, body.shape(np.zeros(len(body.shape_basis))))


def in_pieces(layers: list[Layer]) -> list[np.ndarray]:
    """Points of each connected piece of the layers."""
    pieces: list[np.ndarray] = []
    for layer in layers:
        edges = layer.faces[:, [0, 1, 1, 2]].reshape(-1, 2)
        graph = csr_matrix((np.ones(len(edges)), edges.T), (len(layer.rest), len(layer.rest)))
        _, number = connected_components(graph, directed=False)
        used = np.unique(layer.faces)
        pieces += [layer.rest[used[number[used] == k]] for k in np.unique(number[used])]
    return pieces


def hair_of(style: str, dummy: Dummy, monkeypatch: pytest.MonkeyPatch, hat_line: HatLine | None = None) -> list[Layer]:
    monkeypatch.setattr("posable.people.head.hair._choose", lambda *_: style)
    female = style in FEMALE_STYLES
    color = np.array([0.2, 0.1, 0.05], np.float32)
    return grow_hair(dummy, [], color, female, np.random.default_rng(3), hat_line).layers


@pytest.mark.parametrize("style", ALL_STYLES)
def test_no_hair_floats(style, dummy, monkeypatch):
    """Every lock, knot and band touches the head or hair that does."""
    pieces = in_pieces(hair_of(style, dummy, monkeypatch))
    skin = dummy.shape.rest[np.unique(dummy.body.skin_faces)]
    thick = 0.075 if style == "afro" else 0.035
    if not pieces:
        assert style in ("bald", "buzz")
        return
    starts = np.cumsum([0] + [len(piece) for piece in pieces[:-1]])
    nearest = np.minimum.reduceat(KDTree(skin).query(np.concatenate(pieces))[0], starts)
    attached = [piece for piece, near in zip(pieces, nearest, strict=True) if near < thick]
    for piece, near in zip(pieces, nearest, strict=True):
        assert near < thick or KDTree(np.concatenate(attached)).query(piece)[0].min() < 0.012, style


@pytest.mark.parametrize("style", ALL_STYLES)
def test_hair_stays_out_of_the_face(style, dummy, monkeypatch):
    """Nothing lies before eyes, nose and mouth; fringes end above the eyes."""
    eyes = dummy.shape.rest[np.unique(dummy.body.eye_faces)]
    for layer in hair_of(style, dummy, monkeypatch):
        x, y, z = layer.rest[np.unique(layer.faces)].T
        before = (np.abs(x) < 0.04) & (y < eyes[:, 1].min() + 0.02) & (z > eyes[:, 2].mean() - 0.1)
        assert not (before & (z < eyes[:, 2].mean() + 0.006)).any(), style


@pytest.mark.parametrize("style", [name for name in ALL_STYLES if name not in ("bald", "buzz")])
def test_no_scalp_shows_through_hair(style, dummy, monkeypatch):
    """Well inside the hairline a layer of hair lies over every point of the scalp."""
    points, normals, _ = scalp_grid()
    line = style_hair(style, style in FEMALE_STYLES, np.random.default_rng(4)).hairline
    monkeypatch.setattr(
        "posable.people.head.hair.style_hair", lambda name, female, rng: _with_line(name, female, rng, line)
    )
    layers = hair_of(style, dummy, monkeypatch)
    inside = line.above(points.astype(np.float32)) > 0.02
    scalp = HeadFit.of(dummy)(points[inside])
    hair = np.concatenate([layer.rest for layer in layers])
    over = KDTree(hair).query(scalp)[0]
    assert np.quantile(over, 0.99) < (0.08 if style == "afro" else 0.03)
    shell = layers[0]
    gap = KDTree(shell.rest).query(scalp)[1]
    height = ((shell.rest[gap] - scalp) * normals[inside]).sum(1)
    assert (height > 0).mean() > (0.96 if style == "afro" else 0.99)


def _with_line(name, female, rng, line):
    style = style_hair(name, female, rng)
    style.hairline = line
    return style


def test_scalp_under_hair_is_painted_like_hair(people):
    for person in people:
        line = person.mesh.appearance.hairline
        assert line.density > 0.5 or person.description["hair"] in ("bald", "buzz")


def test_hairlines_leave_ears_and_face_bare():
    line = Hairline()
    face = np.array([[0, -0.16, 0.70], [0.04, -0.14, 0.74], [0.086, -0.04, 0.715], [0.0, -0.15, 0.78]], np.float32)
    scalp = np.array([[0, -0.05, 0.849], [0, 0.038, 0.76], [0.075, -0.03, 0.80]], np.float32)
    assert (line.above(face) < 0).all()
    assert (line.above(scalp) > 0.02).all()


def test_receding_hair_leaves_more_forehead():
    temple = np.array([[0.05, -0.125, 0.81]], np.float32)
    assert Hairline(temples=0.045).above(temple) < 0 < Hairline().above(temple)


@pytest.mark.parametrize("style", sorted(UNDER_HATS - {"bald", "buzz"}))
def test_hair_does_not_come_through_hats(style, dummy, monkeypatch):
    line = HatLine(0.79, 0.772, 0.75)
    _, scalp = template_scalp()
    for layer in hair_of(style, dummy, monkeypatch, line):
        used = np.unique(layer.faces)
        points = layer.template[used].astype(np.float64)
        covered = line.above(layer.template[used]) > 0.004
        assert covered.mean() < 0.6
        assert (scalp.height(points[covered])[0] < 0.0095).all(), style


def test_hats_sit_on_heads(dummy):
    """Crowns surround the head closely, none hovers, and no skin comes through."""
    kinds = set()
    skin = dummy.shape.rest[np.unique(dummy.body.skin_faces)]
    normals = vertex_normals(dummy.shape.rest, dummy.body.skin_faces)[np.unique(dummy.body.skin_faces)]
    rng = np.random.default_rng(6)
    for _ in range(120):
        hat = choose_hat(rng)
        if hat is None:
            continue
        kinds.add(hat.kind)
        crown = wear_hat(dummy, hat)[0]
        assert set(crown.face_label) == {Lip.HAT}
        distance, near = KDTree(skin).query(crown.rest)
        height = ((crown.rest - skin[near]) * normals[near]).sum(1)
        assert np.quantile(height, 0.02) > 0.004, hat.kind
        assert distance.min() < 0.02
        edge = hat.line.above(crown.template) < 0.004
        assert distance[edge].max() < 0.03
        assert np.quantile(distance, 0.98) < 0.085
    assert kinds == {"cap", "beanie", "brimmed"}


def test_crowns_face_outwards(dummy):
    """Cloth seen from within is drawn dark: hats once were."""
    hat = None
    rng = np.random.default_rng(6)
    while hat is None:
        hat = choose_hat(rng)
    crown = wear_hat(dummy, hat)[0]
    away = crown.rest - crown.rest.mean(0)
    assert ((vertex_normals(crown.rest, crown.faces) * away).sum(1) > 0).mean() > 0.95


def test_faces_differ(dummy):
    first, second = (face_model().vary(dummy.shape, np.random.default_rng(seed)).rest for seed in (1, 2))
    moved = np.linalg.norm(first - second, axis=1)
    head = dummy.body.regions.head > 0.5
    assert moved[head].max() > 0.003
    assert moved[head].max() < 0.04
    assert moved[dummy.body.regions.arm > 0.5].max() == 0


def strengths(**wanted: float) -> np.ndarray:
    names = face_model().action_names
    values = np.zeros(len(names), np.float32)
    for name, strength in wanted.items():
        values[names.index(name)] = strength
    return values


def test_smiles_raise_the_corners_of_the_mouth(people):
    body, mesh = body_model(), people[0].mesh
    basis = expression_basis(mesh.template)
    moved = basis.apply(mesh.rest, strengths(smile=1.0)) - mesh.rest
    corner = np.flatnonzero(np.linalg.norm(mesh.template - [0.024, -0.14, 0.6545], axis=1) < 0.006)
    assert moved[corner, 2].mean() > 0.003
    assert len(basis.vertices) > 3000
    assert np.abs(moved[mesh.template[:, 2] < 0.5]).max() == 0
    assert len(body.template) > len(basis.vertices)


def test_open_mouths_show_teeth_and_closed_ones_hide_them(people):
    """Teeth lie behind the lips at rest; an open jaw parts the lips by a centimetre and more."""
    model = face_model()
    for person in people[:6]:
        mesh = person.mesh
        basis = expression_basis(mesh.template)
        is_teeth = np.isin(mesh.template[:, 2], model.teeth[:, 2]) & (np.abs(mesh.template[:, 0]) < 0.03)
        teeth = np.flatnonzero(is_teeth & (KDTree(model.teeth).query(mesh.template)[0] < 1e-6))
        lips = np.flatnonzero(np.linalg.norm(mesh.template - [0, -0.165, 0.6545], axis=1) < 0.012)
        assert mesh.rest[teeth, 1].min() > mesh.rest[lips, 1].min() + 0.002
        opened = basis.apply(mesh.rest, strengths(open=1.0))
        assert np.ptp(opened[lips, 2]) > np.ptp(mesh.rest[lips, 2]) + 0.01


def test_blinks_cover_the_eyes(people):
    mesh = people[0].mesh
    basis = expression_basis(mesh.template)
    shut = basis.apply(mesh.rest, strengths(blink_left=1.0, blink_right=1.0))
    lid = np.linalg.norm(mesh.template - [0.031, -0.14, 0.738], axis=1) < 0.006
    assert (shut - mesh.rest)[lid, 2].mean() < -0.002


def test_expressions_vary_and_stay_within_reach():
    drawn = np.stack([sample_expression(np.random.default_rng(seed)) for seed in range(200)])
    names = face_model().action_names
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    smiling = (drawn[:, names.index("smile")] > 0.4).mean()
    closed = (drawn[:, names.index("blink_left")] > 0.7).mean()
    assert 0.35 < smiling < 0.75
    assert 0.01 < closed < 0.12
    assert abs(sum(share for share, _ in MOODS.values()) - 1) < 1e-9


def test_ears_are_never_cut_off(people):
    """Wide necklines once counted ears as covered."""
    body = body_model()
    ears = np.flatnonzero(
        (np.abs(body.template[:, 0]) > 0.0795) & (body.template[:, 2] > 0.69) & (body.regions.head > 0.5)
    )
    for person in people:
        kept = KDTree(person.mesh.template).query(body.template[ears])[0]
        assert (kept < 1e-6).all(), person.seed


def test_eyes_are_inside_their_sockets(people):
    """Eyeballs move with the face's shape: the lids' rims stay around them."""
    for person in people:
        eyes = person.mesh.rest[np.linalg.norm(person.mesh.template - [0.031, -0.139, 0.7285], axis=1) < 0.004]
        lids = person.mesh.rest[np.linalg.norm(person.mesh.template - [0.031, -0.137, 0.737], axis=1) < 0.008]
        assert len(eyes)
        assert len(lids)
        assert abs(eyes[:, 1].mean() - lids[:, 1].mean()) < 0.012


def test_hair_moves_with_the_head(people):
    from posable.body.geometry import rotation
    from posable.body.skinning import forward_kinematics

    body = body_model()
    for person in people[:4]:
        mesh = person.mesh
        bones = forward_kinematics(body.bone_names, body.parents, mesh.bone_heads, {"head": rotation((0, 0, 1), 30)})
        posed = linear_blend_skinning(mesh.rest, csr_matrix(mesh.skin_weights), bones)
        worn = np.isin(np.array(mesh.garments)[mesh.face_material], ("hair", "hat", "glasses"))
        high = np.unique(mesh.faces[worn])
        high = high[mesh.template[high, 2] > 0.75]
        head = bones[body.bone_names.index("head")]
        expected = mesh.rest[high] @ head[:, :3].T + head[:, 3]
        np.testing.assert_allclose(posed[high], expected, atol=0.002)
