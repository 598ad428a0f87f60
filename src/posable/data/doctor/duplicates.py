"""Which pictures are the same: to the pixel, by a hash of them, or to the eye, by a perceptual fingerprint."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

_CELLS = 16
_COLOR_CELLS = 8
# Below this many grey levels a difference between neighbours is noise of the compression, as in a white background.
_LEAST_STEP = 4
# Of 256 bits: another JPEG quality or size moves up to 8, another pose of the same person 29 and more; colours move
# up to 6 levels, and 41 and more (measured on 32 views of synthetic people and on photographs of scikit-image).
_MOST_BITS_APART = 14
_MOST_COLOR_APART = 12
_MOST_BRIGHTNESS_APART = 2.0
_ROWS_AT_ONCE = 512


class Fingerprint(NamedTuple):
    """What is kept of a picture to find its copies."""

    pixels: str
    """Hash of the size and of every pixel."""
    edges: bytes
    """256 bits: is the picture, in a 16x16 grid, clearly brighter than its neighbour to the left?"""
    colors: bytes
    """RGB of an 8x8 grid."""


def fingerprint(picture: Image.Image) -> Fingerprint:
    """Of an RGB picture of any size."""
    digest = hashlib.blake2b(f"{picture.size}".encode(), digest_size=16)
    digest.update(picture.tobytes())
    grey = picture.convert("L").resize((_CELLS + 1, _CELLS), Image.Resampling.BOX)
    steps = np.diff(np.asarray(grey).astype(np.int16), axis=1) >= _LEAST_STEP
    colors = picture.resize((_COLOR_CELLS, _COLOR_CELLS), Image.Resampling.BOX)
    return Fingerprint(digest.hexdigest(), np.packbits(steps).tobytes(), colors.tobytes())


def same_pixels(fingerprints: Mapping[str, Fingerprint]) -> list[tuple[str, ...]]:
    """Groups of names whose pictures are the same to the pixel, whatever their file format."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name, each in fingerprints.items():
        groups[each.pixels].append(name)
    return [tuple(names) for names in groups.values() if len(names) > 1]


def alike(
    fingerprints: Mapping[str, Fingerprint], progress: Callable[[int, int], None] | None = None
) -> list[tuple[str, str]]:
    """Pairs of names whose pictures look the same without being so to the pixel: recompressed or resized copies."""
    first_of: dict[str, str] = {}
    for name, each in fingerprints.items():
        first_of.setdefault(each.pixels, name)
    names = list(first_of.values())
    if len(names) < 2:
        return []
    edges, colors = _unpacked([fingerprints[name] for name in names])
    brightness = colors.mean(axis=1)
    # Copies are about equally bright, so that only neighbours in this order need to be compared.
    order = np.argsort(brightness, kind="stable")
    edges, colors, brightness = edges[order], colors[order], brightness[order]
    ends = np.searchsorted(brightness, brightness + _MOST_BRIGHTNESS_APART, side="right")
    bits = edges.sum(axis=1)
    found: list[tuple[str, str]] = []
    for start in range(0, len(names), _ROWS_AT_ONCE):
        stop = min(start + _ROWS_AT_ONCE, len(names))
        end = int(ends[stop - 1])
        apart = bits[start:stop, None] + bits[None, start:end] - 2 * edges[start:stop] @ edges[start:end].T
        for row, column in np.argwhere(apart <= _MOST_BITS_APART).tolist():
            one, other = start + row, start + column
            if one < other < ends[one] and np.abs(colors[one] - colors[other]).max() <= _MOST_COLOR_APART:
                first, second = sorted((int(order[one]), int(order[other])))
                found.append((names[first], names[second]))
        if progress is not None:
            progress(stop, len(names))
    return sorted(found)


def _unpacked(
    fingerprints: list[Fingerprint],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Edges (n, 256) of 0 and 1, colours (n, 192) of 0 to 255."""
    edges = np.frombuffer(b"".join(each.edges for each in fingerprints), np.uint8).reshape(len(fingerprints), -1)
    colors = np.frombuffer(b"".join(each.colors for each in fingerprints), np.uint8).reshape(len(fingerprints), -1)
    return np.unpackbits(edges, axis=1).astype(np.float32), colors.astype(np.float32)
