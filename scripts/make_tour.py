"""Runs examples/tour.ipynb anew, top to bottom, and writes it with what its cells show.

    pip install -e '.[evaluate,notebook]'
    python scripts/make_tour.py

Pictures are kept small: photographs as JPEG, drawings as PNG. The cache folder is a fresh one, as a newcomer's.
"""

import argparse
import base64
import io
import os
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

TOUR = Path(__file__).parent.parent / "examples" / "tour.ipynb"
LARGEST_BYTES, JPEG_QUALITY = 1_500_000, 82


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=TOUR)
    options = parser.parse_args()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as cache:
        os.environ["POSABLE_CACHE"] = cache
        notebook = executed(TOUR)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            shrink(output.get("data", {}))
    text = nbformat.writes(notebook) + "\n"
    size = len(text.encode())
    if size > LARGEST_BYTES:
        raise SystemExit(f"the notebook would have {size:,} bytes, more than {LARGEST_BYTES:,}; show smaller pictures.")
    options.out.write_text(text, encoding="utf-8")
    print(f"{options.out.name}: {size:,} bytes, {time.perf_counter() - started:.0f} s")


def executed(path: Path) -> nbformat.NotebookNode:
    """The notebook with the outputs of a run in its own folder; raises CellExecutionError."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(path.parent)}}).execute()
    return notebook


def shrink(data: dict[str, str]) -> None:
    """Leaves one form of each result: a photograph as JPEG, a drawing as PNG, a table as HTML; none of them with the
    text beside it, which holds addresses in memory."""
    if len(data) > 1:
        data.pop("text/plain", None)
    if "image/png" not in data:
        return
    with Image.open(io.BytesIO(base64.b64decode(data["image/png"]))) as picture:
        is_drawing = picture.mode == "P" or picture.getcolors(4096) is not None
        kind, values = ("png", {"optimize": True}) if is_drawing else ("jpeg", {"quality": JPEG_QUALITY})
        file = io.BytesIO()
        (picture if is_drawing else picture.convert("RGB")).save(file, format=kind, **values)
    data.pop("image/png")
    data.pop("image/jpeg", None)
    data[f"image/{kind}"] = base64.b64encode(file.getvalue()).decode()


if __name__ == "__main__":
    main()
