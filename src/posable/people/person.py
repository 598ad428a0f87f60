"""A synthetic person, made whole from a seed: body, complexion, clothes and hair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import vstack

from posable.body.model import BodyModel, Shape, body_model
from posable.errors import ConfigError
from posable.parsing.lip_labels import Lip
from posable.people.head.complexion import sample_appearance
from posable.people.head.face import face_model, teeth_layer
from posable.people.head.hair import grow_hair
from posable.people.mesh import Appearance, KeypointRegressor, PersonMesh
from posable.people.wardrobe.bags import carry_bag
from posable.people.wardrobe.glasses import wear_glasses
from posable.people.wardrobe.hats import choose_hat, wear_hat
from posable.people.wardrobe.layers import Dummy, Layer, skin_layer
from posable.people.wardrobe.materials import Eye, Flat, Skin
from posable.people.wardrobe.wardrobe import dress_up


class _Concern(IntEnum):
    """Each has its own random stream, so that a change in one leaves the others as they are."""

    SHAPE = 11
    COMPLEXION = 12
    OUTFIT = 13
    HAIR = 14
    TRIMMINGS = 17
    FACE = 15
    HAT = 21
    GLASSES = 22
    BAG = 23


@dataclass(frozen=True, eq=False)
class Person:
    """Someone to render."""

    seed: int
    mesh: PersonMesh
    description: dict[str, object]
    """What was drawn by lot: garment kinds, hair style, colours; plain JSON values."""


def make_person(seed: int) -> Person:
    """The person of a seed >= 0, always the same; raises ConfigError for a negative seed."""
    if seed < 0:
        raise ConfigError(f"seed is {seed}; people have seeds from 0 upwards.")

    def stream(concern: _Concern) -> np.random.Generator:
        return np.random.default_rng([seed, concern])

    body = body_model()
    shape, female = _sample_shape(body, stream(_Concern.SHAPE))
    dummy = Dummy.of(body, face_model().vary(shape, stream(_Concern.FACE)))
    appearance = sample_appearance(shape.phenotype, female, stream(_Concern.COMPLEXION))
    outfit = dress_up(dummy, female, stream(_Concern.OUTFIT), stream(_Concern.TRIMMINGS))
    garments = outfit.layers
    clothes = [layer for layer in garments if layer.garment in ("top", "dress", "jacket", "coat", "scarf")]
    hat = choose_hat(stream(_Concern.HAT))
    hairdo = grow_hair(dummy, clothes, appearance.hair, female, stream(_Concern.HAIR), hat.line if hat else None)
    glasses, worn = wear_glasses(dummy, stream(_Concern.GLASSES))
    worn = [*hairdo.layers, *(wear_hat(dummy, hat) if hat else []), *worn]
    appearance = replace(appearance, hairline=hairdo.hairline)
    under_cloth = outfit.hidden() & (body.regions.head < 0.5)
    bag = carry_bag(dummy, [layer for layer in garments if layer.garment != "shoes"], female, stream(_Concern.BAG))
    skin = _skin_layers(dummy, under_cloth | hairdo.hidden, appearance)
    mesh = replace(_assemble(dummy, [*skin, *garments, *worn, *bag.layers], appearance), pendant=bag.pendant)
    description = {
        "female": female,
        "skin": [round(float(channel), 2) for channel in appearance.skin],
        "hair": hairdo.style,
        "hat": hat.kind if hat else "none",
        "glasses": glasses,
        "bag": bag.kind,
        **outfit.description,
    }
    return Person(seed, mesh, description)


def _sample_shape(body: BodyModel, rng: np.random.Generator) -> tuple[Shape, bool]:
    female = bool(rng.random() < 0.5)
    african, asian, caucasian = rng.dirichlet([0.5, 0.5, 0.5])
    wanted = {
        "gender": abs(float(female) - rng.uniform(0, 0.17)),
        "age": rng.uniform(0.62, 0.95),
        "muscle": rng.uniform(0.3, 0.75),
        "weight": rng.uniform(0.25, 0.75),
        "height": rng.uniform(0.25, 0.75),
        "african": float(african),
        "asian": float(asian),
        "caucasian": float(caucasian),
    }
    return body.sample_shape(wanted, rng), female


def _skin_layers(dummy: Dummy, hidden: NDArray[np.bool_], appearance: Appearance) -> list[Layer]:
    """Bare skin without the `hidden` (n,) vertices' faces, eyes and lashes."""
    body = dummy.body
    masks = np.stack([body.lips, body.eyelids], 1)
    lashes = [body.lash_faces["upper"]] + [body.lash_faces["lower"]] * appearance.female
    seen = body.skin_faces[~hidden[body.skin_faces].all(1)]
    return [
        skin_layer(dummy, seen, Skin(), uv=masks),
        skin_layer(dummy, body.eye_faces, Eye(), Lip.FACE),
        teeth_layer(dummy),
        skin_layer(dummy, np.concatenate(lashes), Flat(appearance.hair * np.float32(0.25)), Lip.FACE, garment="lashes"),
    ]


def _assemble(dummy: Dummy, layers: Sequence[Layer], appearance: Appearance) -> PersonMesh:
    starts = np.cumsum([0] + [len(layer.rest) for layer in layers[:-1]])
    counts = [len(layer.faces) for layer in layers]
    return PersonMesh(
        rest=np.concatenate([layer.rest for layer in layers]),
        skin_weights=vstack([layer.skin_weights for layer in layers]).toarray().astype(np.float32, copy=False),
        template=np.concatenate([layer.template for layer in layers]),
        faces=np.concatenate([layer.faces + start for layer, start in zip(layers, starts, strict=True)]).astype(
            np.int32
        ),
        face_material=np.repeat(np.arange(len(layers), dtype=np.int16), counts),
        face_uv=np.concatenate([layer.face_uv for layer in layers]),
        face_label=np.concatenate([layer.face_label for layer in layers]),
        face_segment=np.concatenate([layer.face_segment for layer in layers]),
        materials=tuple(layer.material for layer in layers),
        garments=tuple(layer.garment for layer in layers),
        drapes=tuple(
            layer.drape.shifted(int(start)) for layer, start in zip(layers, starts, strict=True) if layer.drape
        ),
        bone_heads=dummy.shape.heads,
        keypoint_regressors=tuple(_keypoint_regressor(dummy, *keypoint) for keypoint in dummy.body.keypoints),
        appearance=appearance,
    )


def _keypoint_regressor(dummy: Dummy, vertices: NDArray[np.int32], weights: NDArray[np.float32]) -> KeypointRegressor:
    """The keypoint with one point per bone instead of per vertex: skinning is linear, so it moves the same."""
    per_bone = dummy.body.skin_weights[vertices].multiply(weights[:, None]).tocsr()
    shares = np.asarray(per_bone.sum(0)).ravel()
    used = np.flatnonzero(np.abs(shares) > 1e-6)
    points = (per_bone.T @ dummy.shape.rest[vertices].astype(np.float64))[used] / shares[used, None]
    return KeypointRegressor(
        weights=(shares[used] / shares[used].sum()).astype(np.float32),
        rest=points.astype(np.float32),
        skin_weights=np.eye(len(shares), dtype=np.float32)[used],
    )
