"""The tour notebook: every cell runs as it stands, and what the repository shows of it is what it gives."""

import ast
import base64
import io
import json
import re
import shutil
import socket
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image

ROOT = Path(__file__).parent.parent.parent
TOUR = ROOT / "examples" / "tour.ipynb"
LARGEST_BYTES = 1_500_000
Notebook = dict[str, Any]


@pytest.fixture(scope="module")
def tour() -> Notebook:
    return json.loads(TOUR.read_text(encoding="utf-8"))


def code_cells(notebook: Notebook) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def kinds(cell: dict[str, Any]) -> list[str]:
    """What a cell shows: text, and a picture or a table."""
    found: list[str] = []
    for output in cell["outputs"]:
        if output["output_type"] == "stream":
            found.append(output["name"])
        elif any(kind.startswith("image/") for kind in output["data"]):
            found.append("picture")
        else:
            found.append("table" if "text/html" in output["data"] else "text")
    return found


def run(cell: str, names: dict[str, Any]) -> Any:
    """The value of a cell's last line, as a notebook would show it; None when that is no expression."""
    tree = ast.parse(cell)
    last = tree.body[-1]
    if not isinstance(last, ast.Expr):
        exec(compile(tree, "cell", "exec"), names)
        return None
    tree.body.pop()
    exec(compile(tree, "cell", "exec"), names)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names)


def test_the_tour_runs_without_a_network_and_shows_what_it_promises(
    tour: Notebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_network(*_: object) -> None:
        raise AssertionError("the tour connects to something")

    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path / "examples")
    monkeypatch.setenv("POSABLE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(socket.socket, "connect", no_network)
    names: dict[str, Any] = {"__name__": "tour"}
    for cell in code_cells(tour):
        value, printed = run(source(cell), names), capsys.readouterr().out
        shown = ["stdout"] if printed else []
        if hasattr(value, "_repr_html_"):
            shown.append("table")
        elif hasattr(value, "_repr_svg_"):
            ElementTree.fromstring(value._repr_svg_())
            shown.append("picture")
        elif value is not None:
            with Image.open(io.BytesIO(value._repr_png_())) as picture:
                picture.load()
            shown.append("picture")
        assert shown == kinds(cell), source(cell)
    report = names["report"]
    assert report.counts.drawn == report.counts.asked == 3
    assert report.measured_of("pd_in_mask").value < 1.5


def test_the_stored_tour_was_run_from_top_to_bottom_without_an_error(tour: Notebook) -> None:
    assert [cell["execution_count"] for cell in code_cells(tour)] == list(range(1, len(code_cells(tour)) + 1))
    assert all(output["output_type"] != "error" for cell in code_cells(tour) for output in cell["outputs"])
    assert not [source(cell) for cell in code_cells(tour) if "stderr" in kinds(cell)]


def test_the_stored_tour_goes_through_transfer_editing_explain_and_evaluation(tour: Notebook) -> None:
    code = "\n".join(source(cell) for cell in code_cells(tour))
    for step in ("pipe.encode", "source.render", "source.sequence", "parse", "texture", "garment", "explain"):
        assert f"{step}(" in code
    assert "evaluate_model(" in code
    assert sum(kinds(cell).count("picture") for cell in code_cells(tour)) >= 8
    assert sum(kinds(cell).count("table") for cell in code_cells(tour)) == 1


def test_the_stored_tour_is_small_and_says_nothing_of_the_machine_it_ran_on(tour: Notebook) -> None:
    text = TOUR.read_text(encoding="utf-8")
    assert len(text.encode()) < LARGEST_BYTES
    for private in ("/wor" + "k/", "/ro" + "ot/", "/ho" + "me/", "/tm" + "p/", " at 0x"):
        assert private not in text
    for cell in code_cells(tour):
        for output in cell["outputs"]:
            for kind in set(output.get("data", {})) & {"image/png", "image/jpeg"}:
                with Image.open(io.BytesIO(base64.b64decode("".join(output["data"][kind])))) as picture:
                    picture.load()
                    assert max(picture.size) <= 1200


def test_links_of_the_tour_lead_somewhere(tour: Notebook) -> None:
    text = "\n".join(source(cell) for cell in tour["cells"] if cell["cell_type"] == "markdown")
    links = re.findall(r"\]\(([^)#\s]+)", text)
    assert links
    assert [link for link in links if "://" not in link and not (TOUR.parent / link).exists()] == []


@pytest.mark.slow
def test_a_jupyter_kernel_shows_what_is_stored(tour: Notebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.setenv("POSABLE_CACHE", str(tmp_path / "cache"))
    again = nbformat.read(TOUR, as_version=4)
    nbformat.validate(again)
    nbclient.NotebookClient(again, timeout=280, resources={"metadata": {"path": str(tmp_path / "examples")}}).execute()
    assert [kinds(cell) for cell in code_cells(again)] == [kinds(cell) for cell in code_cells(tour)]
