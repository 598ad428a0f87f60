"""Writes down what people-1 looks like, or checks it: digests of a slice of every variant.

    python scripts/bake_people1_hashes.py             # compare with tests/people/people1-hashes.json
    python scripts/bake_people1_hashes.py --write     # write this NumPy's digests into it
    python scripts/bake_people1_hashes.py --all       # compare all views of the slice, not only those of the tests

Pixels and labels are a function of NumPy's release line (2.4, ...) on x86-64; bytes of PNG files also of Pillow's zlib.
The test that reads the file is tests/people/test_people1.py.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import features

from posable import people
from posable.people.benchmark import PEOPLE_1, variant_views
from posable.people.io.fingerprint import folder_digest, view_digests

FILE = Path(__file__).parent.parent / "tests" / "people" / "people1-hashes.json"
SLICE: dict[str, dict[int, int]] = {
    "256x176": {0: 2, 2000: 2},
    "512x352": {1000: 2},
    "market": {0: 6, 1999: 2, 21999: 2},
}
"""For each variant the people, with the number of views that the test renders."""
EVERYBODY = (0, 1, 499, 999, 1000, 1999, 2000, 21999)
FILES_OF = 1
"""How many test people of the Market-like variant are written to compare bytes of files."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the digests of this NumPy and Pillow")
    parser.add_argument("--all", action="store_true", help="also compare all six views of eight people")
    options = parser.parse_args()
    stored: dict[str, Any] = json.loads(FILE.read_text()) if FILE.is_file() else {}
    found = {"pixels": {numpy_line(): pixel_digests()}, "files": {compression(): file_digest()}}
    if options.all:
        found["all"] = {numpy_line(): all_digests()}
    if options.write:
        if stored.get("generator") != PEOPLE_1.generator:
            stored = {"benchmark": PEOPLE_1.name, "generator": PEOPLE_1.generator, "pixels": {}, "files": {}, "all": {}}
        for kind, digests in found.items():
            stored[kind] |= digests
        FILE.write_text(json.dumps(stored, indent=1) + "\n")
        print(f"written: {FILE}")
        return
    wrong = [f"{kind}, {line}" for kind in found for line in found[kind] if stored[kind].get(line) != found[kind][line]]
    print("the same" if not wrong else f"other than stored, or not stored: {'; '.join(wrong)}")
    sys.exit(1 if wrong else 0)


def numpy_line() -> str:
    """NumPy's release line, as in "2.4"."""
    return ".".join(np.__version__.split(".")[:2])


def compression() -> str:
    """What compresses PNG files here, and with which NumPy the pixels were made."""
    library = "zlib-ng" if features.check_feature("zlib_ng") else "zlib"
    version = features.version_feature("zlib_ng") if library == "zlib-ng" else features.version("zlib")
    return f"numpy {numpy_line()}, {library} {version}"


def pixel_digests() -> dict[str, Any]:
    """Digests of the slice, by variant and person."""
    return {
        name: {str(seed): _digests(seed, count, name) for seed, count in persons.items()}
        for name, persons in SLICE.items()
    }


def all_digests() -> dict[str, Any]:
    return {name: {str(seed): _digests(seed, PEOPLE_1.views, name) for seed in EVERYBODY} for name in PEOPLE_1.variants}


def _digests(seed: int, count: int, variant: str) -> dict[str, str]:
    return view_digests(variant_views(people.make_person(seed), count, PEOPLE_1.variant(variant)))


def file_digest() -> str:
    """The digest of a folder with the first test people of the Market-like variant, correspondences too."""
    with tempfile.TemporaryDirectory() as folder:
        out = people.make_benchmark("people-1", folder, "test", "market", correspondence=True, people=FILES_OF)
        return folder_digest(out)


if __name__ == "__main__":
    main()
