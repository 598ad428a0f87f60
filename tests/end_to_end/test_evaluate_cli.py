"""posable evaluate and posable benchmark from end to end, on a model that has learned nothing and four small pairs."""

import hashlib
import json
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from miniatures import drawn_people, write_market, write_patn
from typer.testing import CliRunner, Result

from posable.cli.app import app
from posable.data.renderer_code import renderer_fingerprint
from posable.evaluation.pairs import open_pairs
from posable.evaluation.protocol import PROTOCOLS
from posable.models.pise import PiseConfig, PiseGenerator
from posable.zoo.checkpoint import save_checkpoint

FOUR = ("--pairs", "4", "--size", "64x48")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder in which the mean picture is grey: drawing 200 people for it takes too long here."""
    folder = tmp_path_factory.mktemp("cache")
    (folder / "pairs").mkdir()
    grey = {"image": np.zeros((3, 64, 48), np.float32), "mask": np.zeros((1, 64, 48), np.float32)}
    np.savez(folder / "pairs" / f"mean-64x48-200-{renderer_fingerprint()}.npz", **grey)
    return folder


@pytest.fixture(autouse=True)
def _own_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSABLE_CACHE", str(cache))
    monkeypatch.delenv("POSABLE_WEIGHTS_DIR", raising=False)


def run(*arguments: object, exit_code: int = 0) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == exit_code, result.output
    return result


def test_evaluate_needs_no_corpus_and_writes_report_page_and_pictures(tiny_model: Path, tmp_path: Path) -> None:
    out, page, pictures = tmp_path / "report.json", tmp_path / "report.html", tmp_path / "pictures"
    printed = run("evaluate", tiny_model, *FOUR, "-o", out, "--html", page, "--save-pictures", pictures).stdout
    assert "tiny under people-1, at 64x48, 4 pairs" in printed
    assert "asked 4 of 8,570 listed pairs, drawn 4" in printed

    report = json.loads(out.read_text())
    assert (report["format"], report["version"]) == ("posable-evaluation", 1)
    assert report["counts"] == {
        "listed": 8570,
        "left_out": {},
        "not_asked": 8566,
        "asked": 4,
        "drawn": 4,
        "failed": [],
    }
    assert report["model"]["weights_sha256"] == json.loads((tiny_model / "model.json").read_text())["weights_sha256"]
    assert report["measures"]["ssim_in_mask"]["judged"] == 4
    assert report["measures"]["ssim_in_mask"]["low"] <= report["measures"]["ssim_in_mask"]["value"]
    assert len(report["per_pair"]["values"]["pd"]) == 4
    assert "posable weights fetch" in report["measures"]["lpips"]["absent"]
    assert {"torch", "numpy", "pillow"} <= set(report["run"]["packages"])

    text = page.read_text()
    assert text.count("data:image/jpeg;base64,") == 3 * 4
    assert not re.search(r"(?:src|href)='(?!data:)", text), "the page loads nothing"
    assert sorted(path.suffix for path in pictures.iterdir() if path.is_file()) == [".json", *[".png"] * 4]


def test_reports_as_json_on_standard_output_too(tiny_model: Path) -> None:
    told = json.loads(run("evaluate", tiny_model, *FOUR, "--json").stdout)
    assert told["protocol"]["title"] == "people-1, at 64x48, 4 pairs"
    assert told["written"] == []


def test_nothing_stays_in_the_cache_but_the_people(tiny_model: Path, cache: Path) -> None:
    run("evaluate", tiny_model, *FOUR)
    assert list((cache / "evaluations").iterdir()) == []


def test_benchmark_compares_with_the_baselines_and_writes_its_page(tiny_model: Path, tmp_path: Path) -> None:
    out, page = tmp_path / "benchmark.json", tmp_path / "benchmark.html"
    printed = run("benchmark", tiny_model, *FOUR, "-o", out, "--html", page).stdout
    for word in ("copy-source", "part-warp", "mean-picture", "ms further pose", "GFLOP picture"):
        assert word in printed
    record = json.loads(out.read_text())
    names = [row["evaluation"]["model"]["name"] for row in record["rows"]]
    assert names == ["tiny", "copy-source", "part-warp", "mean-picture"]
    cost = record["rows"][0]["cost"]
    assert cost["parameters"] == record["rows"][0]["evaluation"]["model"]["parameters"]
    assert min(cost["gflops_source"], cost["gflops_pose"], cost["seconds_picture"], cost["seconds_pose"]) > 0
    assert {(gain["of"], gain["over"]) for gain in record["gains"]} == {("tiny", name) for name in names[1:]}
    text = page.read_text()
    assert "tiny: its own worst and best" in text
    assert not re.search(r"(?:src|href)='(?!data:)", text)


def test_dptns_protocol_saves_jpeg_pads_and_says_what_is_absent(tiny_model: Path, tmp_path: Path) -> None:
    data = write_patn(tmp_path / "data", drawn_people())
    out, page, pictures = tmp_path / "report.json", tmp_path / "report.html", tmp_path / "pictures"
    options = ("--protocol", "dptn-2022", "--data", data, "--pairs", 4)
    run("evaluate", tiny_model, *options, "-o", out, "--save-pictures", pictures, "--html", page)
    report = json.loads(out.read_text())
    assert_states_what_numbers_depend_on(report, page.read_text(), tiny_model)
    assert report["protocol"]["white_canvas"] == [256, 256]
    assert report["model"]["drawn_through"] == "letterbox, lanczos"
    assert len(list(pictures.glob("*_2_*_vis.jpg"))) == 4
    assert report["measures"]["ssim"]["judged"] == 4
    assert report["measures"]["fid"]["left_out"] == {
        "last batch of 64 not full, left out as in the published script": 4
    }
    assert report["measures"]["fid"]["value"] is None
    assert report["reference"]["set"] == "training pictures"


def assert_states_what_numbers_depend_on(report: dict[str, Any], page: str, model: Path) -> None:
    """Size, kernels, file format, counts, lists, weights, model and versions: in the file and on the page."""
    protocol, card = report["protocol"], json.loads((model / "model.json").read_text())
    assert protocol["size"] == [256, 176]
    assert (protocol["resize_kernel"], protocol["model_resize_kernel"]) == ("bicubic", "lanczos")
    assert (protocol["file_format"], protocol["jpeg_quality"], protocol["rounding"]) == ("jpeg", 75, "floor")
    assert report["counts"] == {"listed": 12, "left_out": {}, "not_asked": 8, "asked": 4, "drawn": 4, "failed": []}
    weights = hashlib.sha256((model / "model.safetensors").read_bytes()).hexdigest()
    described = json.dumps({"family": card["family"], "config": card["config"]}, sort_keys=True)
    assert report["model"]["weights_sha256"] == weights
    assert report["model"]["config_sha256"] == hashlib.sha256(described.encode()).hexdigest()
    names = [[Path(name).stem for name in pair] for pair in report["per_pair"]["names"]]
    listed = "".join(f"{source},{target}\n" for source, target in names)
    assert report["pairs"]["list_sha256"] == hashlib.sha256(listed.encode()).hexdigest()
    assert (report["reference"]["pictures"], report["reference"]["left_out"]) == (0, 6)
    libraries = ("torch", "torchmetrics", "numpy", "scipy", "numba", "pillow")
    assert all(report["run"]["packages"][name] == version(name) for name in libraries)
    for told in (
        protocol["hash"],
        "256x176 px",
        "bicubic, letterbox",
        "letterbox, lanczos",
        "JPEG of quality 75",
        weights,
        report["model"]["config_sha256"],
        report["pairs"]["list_sha256"],
        report["reference"]["list_sha256"],
        f"torchmetrics {version('torchmetrics')}",
    ):
        assert told in page, told


@pytest.mark.parametrize("command", ["evaluate", "benchmark"])
def test_a_damaged_picture_is_named_and_the_command_ends_with_1(command: str, tiny_model: Path, tmp_path: Path) -> None:
    data = write_patn(tmp_path / "data", drawn_people())
    pairs = open_pairs(PROTOCOLS["dptn-2022"].with_pairs(4), str(data), tmp_path)
    (data / "test" / pairs.names[0].target).write_bytes(b"broken")
    out = tmp_path / "report.json"
    options = ("--protocol", "dptn-2022", "--data", data, "--pairs", 4, "--size", "64x48", "-o", out)
    result = run(command, tiny_model, *options, exit_code=1)
    assert re.search(r"\d of 4 pairs could not be drawn", result.stderr)
    report = json.loads(out.read_text())
    counts = (report if command == "evaluate" else report["rows"][0]["evaluation"])["counts"]
    assert counts["asked"] == counts["drawn"] + len(counts["failed"]) == 4
    assert any(pairs.names[0].target in reason for _, _, reason in counts["failed"])


def test_markets_protocol_has_mask_ssim(tiny_model: Path, tmp_path: Path) -> None:
    data = write_market(tmp_path / "data", drawn_people())
    out = tmp_path / "report.json"
    run("evaluate", tiny_model, "--protocol", "market-1501", "--data", data, "--pairs", 2, "-o", out)
    measured = json.loads(out.read_text())["measures"]["mask_ssim"]
    assert measured["judged"] == 2
    assert 0 <= measured["value"] <= 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("weave", "--protocol", "dptn"), "there is no protocol 'dptn'; choose one of dptn-2022, nted-2022,"),
        (("nobody", *FOUR), "'nobody' is no model; give a folder with model.safetensors, or a shipped model"),
        (("weave", "--protocol", "nted-2022"), "the protocol nted-2022 needs a corpus: add --data"),
        (("weave", "--data", "nowhere"), "'nowhere' does not exist; give the folder of a corpus."),
        (("weave", "--pairs", "9000"), "9000 pairs were asked for, and the list has 8,570; ask for at most that many."),
        (("weave", "--size", "big"), "'big' is not a size; write height x width in pixels"),
        (("weave", "-o", "report.txt"), "cannot write 'report.txt'; end the name in .json."),
    ],
)
def test_mistakes_are_sentences(arguments: tuple[str, ...], told: str) -> None:
    result = run("evaluate", *arguments, exit_code=2)
    assert told in " ".join(result.stderr.split())
    assert "Traceback" not in result.output


def test_a_model_that_needs_parsing_says_so_where_there_is_none(tmp_path: Path) -> None:
    data = write_patn(tmp_path / "data", drawn_people())
    config = PiseConfig(height=64, width=48, channels=4, parsing_channels=4)
    model = save_checkpoint(tmp_path / "pise", PiseGenerator(config), {})
    result = run("evaluate", model, "--protocol", "dptn-2022", "--data", data, exit_code=2)
    assert "pise (pise) needs the parsing map of each source" in " ".join(result.stderr.split())


def test_an_unfinished_run_says_how_to_end_it(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    result = run("evaluate", tmp_path, *FOUR, exit_code=2)
    assert "has no finished model yet; end it with posable train" in " ".join(result.stderr.split())


@pytest.mark.parametrize("command", ["evaluate", "benchmark"])
def test_help_fits_a_screen(command: str) -> None:
    lines = run(command, "--help").stdout.splitlines()
    assert len(lines) <= 24
    assert max(len(line) for line in lines) <= 80
