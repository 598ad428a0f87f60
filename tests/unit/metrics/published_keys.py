"""The entries of the published files, written down from what is known of the architectures, not from our code."""

CONVOLUTIONS = {
    "alexnet": {0: (64, 3, 11, 11), 3: (192, 64, 5, 5), 6: (384, 192, 3, 3), 8: (256, 384, 3, 3), 10: (256, 256, 3, 3)},
    "vgg16": {
        0: (64, 3, 3, 3), 2: (64, 64, 3, 3), 5: (128, 64, 3, 3), 7: (128, 128, 3, 3),
        10: (256, 128, 3, 3), 12: (256, 256, 3, 3), 14: (256, 256, 3, 3),
        17: (512, 256, 3, 3), 19: (512, 512, 3, 3), 21: (512, 512, 3, 3),
        24: (512, 512, 3, 3), 26: (512, 512, 3, 3), 28: (512, 512, 3, 3),
    },
    "vgg19": {
        0: (64, 3, 3, 3), 2: (64, 64, 3, 3), 5: (128, 64, 3, 3), 7: (128, 128, 3, 3),
        10: (256, 128, 3, 3), 12: (256, 256, 3, 3), 14: (256, 256, 3, 3), 16: (256, 256, 3, 3),
        19: (512, 256, 3, 3), 21: (512, 512, 3, 3), 23: (512, 512, 3, 3), 25: (512, 512, 3, 3),
        28: (512, 512, 3, 3), 30: (512, 512, 3, 3), 32: (512, 512, 3, 3), 34: (512, 512, 3, 3),
    },
}  # fmt: skip
PARAMETERS_OF_FEATURES = {"alexnet": 2_469_696, "vgg16": 14_714_688, "vgg19": 20_024_384}

_A = (
    "1x1 {i}-64-1x1, 5x5_1 {i}-48-1x1, 5x5_2 48-64-5x5, 3x3dbl_1 {i}-64-1x1, 3x3dbl_2 64-96-3x3, "
    "3x3dbl_3 96-96-3x3, _pool {i}-{p}-1x1"
)
_C = (
    "1x1 768-192-1x1, 7x7_1 768-{c}-1x1, 7x7_2 {c}-{c}-1x7, 7x7_3 {c}-192-7x1, 7x7dbl_1 768-{c}-1x1, "
    "7x7dbl_2 {c}-{c}-7x1, 7x7dbl_3 {c}-{c}-1x7, 7x7dbl_4 {c}-{c}-7x1, 7x7dbl_5 {c}-192-1x7, _pool 768-192-1x1"
)
_E = (
    "1x1 {i}-320-1x1, 3x3_1 {i}-384-1x1, 3x3_2a 384-384-1x3, 3x3_2b 384-384-3x1, 3x3dbl_1 {i}-448-1x1, "
    "3x3dbl_2 448-384-3x3, 3x3dbl_3a 384-384-1x3, 3x3dbl_3b 384-384-3x1, _pool {i}-192-1x1"
)
_STEM = {
    "Conv2d_1a_3x3": "3-32-3x3", "Conv2d_2a_3x3": "32-32-3x3", "Conv2d_2b_3x3": "32-64-3x3",
    "Conv2d_3b_1x1": "64-80-1x1", "Conv2d_4a_3x3": "80-192-3x3",
}  # fmt: skip
_MIXED = {
    "5b": _A.format(i=192, p=32),
    "5c": _A.format(i=256, p=64),
    "5d": _A.format(i=288, p=64),
    "6a": "3x3 288-384-3x3, 3x3dbl_1 288-64-1x1, 3x3dbl_2 64-96-3x3, 3x3dbl_3 96-96-3x3",
    "6b": _C.format(c=128),
    "6c": _C.format(c=160),
    "6d": _C.format(c=160),
    "6e": _C.format(c=192),
    "7a": "3x3_1 768-192-1x1, 3x3_2 192-320-3x3, 7x7x3_1 768-192-1x1, 7x7x3_2 192-192-1x7, "
    "7x7x3_3 192-192-7x1, 7x7x3_4 192-192-3x3",
    "7b": _E.format(i=1280),
    "7c": _E.format(i=2048),
}
INCEPTION_PARAMETERS_WITHOUT_CLASSIFIER = 23_834_568 - 1000 * 2048 - 1000


def convolutional(name: str) -> dict[str, tuple[int, ...]]:
    """Of AlexNet, VGG16 or VGG19, without the classifier."""
    found: dict[str, tuple[int, ...]] = {}
    for index, shape in CONVOLUTIONS[name].items():
        found |= {f"features.{index}.weight": shape, f"features.{index}.bias": shape[:1]}
    return found


def inception() -> dict[str, tuple[int, ...]]:
    """Of Inception-v3, without its two classifiers and without the counters of batches."""
    layers = dict(_STEM)
    for block, branches in _MIXED.items():
        for branch in branches.split(", "):
            name, shape = branch.split()
            layers[f"Mixed_{block}.branch{name}"] = shape
    found: dict[str, tuple[int, ...]] = {}
    for layer, described in layers.items():
        inputs, outputs, kernel = described.split("-")
        found[f"{layer}.conv.weight"] = (int(outputs), int(inputs), *map(int, kernel.split("x")))
        found |= {f"{layer}.bn.{part}": (int(outputs),) for part in ("weight", "bias", "running_mean", "running_var")}
    return found
