"""Published weights: found where they lie, fetched only with the right hash, and named when they are missing."""

import dataclasses
import functools
import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from posable.cli.weights import weights_app
from posable.errors import ConfigError, DownloadError, InputError
from posable.nn.pretrained import published_weights
from posable.nn.pretrained.published_weights import PUBLISHED, absence, fetch_weights, find_weights, sha256_of

CONTENT = b"weights of a small network" * 1000
PREFIX = hashlib.sha256(CONTENT).hexdigest()[:8]


@pytest.fixture(autouse=True)
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """torch.hub's folder of downloads, empty."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv("POSABLE_WEIGHTS_DIR", raising=False)
    return tmp_path / "torch" / "hub" / "checkpoints"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """An address that serves `right` and `wrong`."""
    folder = tmp_path / "served"
    folder.mkdir()
    for name in ("right", f"small-{PREFIX}.pth"):
        (folder / name).write_bytes(CONTENT)
    (folder / "wrong").write_bytes(CONTENT[:-1] + b"!")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            return

        def do_GET(self) -> None:
            if self.path != "/short":
                super().do_GET()
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT[:100])

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()


@pytest.fixture
def small(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of an entry whose file is `CONTENT`."""
    entry = dataclasses.replace(PUBLISHED["alexnet"], file=f"small-{PREFIX}.pth", folder=server, aliases=())
    monkeypatch.setitem(published_weights.PUBLISHED, "alexnet", entry)
    return "alexnet"


def test_a_fetched_file_is_kept_under_its_published_name_and_not_fetched_again(small: str, hub: Path) -> None:
    told: list[tuple[int, int]] = []
    path = fetch_weights(small, progress=lambda done, in_all: told.append((done, in_all)))
    assert path == hub / f"small-{PREFIX}.pth"
    assert path.read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert find_weights(small) == path
    assert fetch_weights(small, url="http://127.0.0.1:9/nowhere") == path


def test_a_file_with_another_hash_is_refused_and_not_kept(small: str, server: str, hub: Path) -> None:
    with pytest.raises(DownloadError, match=f"SHA-256 begins with .* not {PREFIX}"):
        fetch_weights(small, url=f"{server}/wrong")
    assert list(hub.iterdir()) == []
    assert find_weights(small) is None


def test_a_damaged_file_in_the_cache_is_fetched_again(small: str, hub: Path) -> None:
    hub.mkdir(parents=True)
    (hub / f"small-{PREFIX}.pth").write_bytes(b"half a f")
    assert fetch_weights(small).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("where", "message"),
    [("/missing", "404"), ("/short", "broke off"), ("nonsense", "is no address")],
)
def test_what_goes_wrong_on_the_way_is_said_and_leaves_nothing(
    small: str, server: str, hub: Path, where: str, message: str
) -> None:
    with pytest.raises(DownloadError, match=message):
        fetch_weights(small, url=server + where if where.startswith("/") else where)
    assert list(hub.iterdir()) == []


def test_an_address_that_nobody_answers_names_what_to_do(small: str) -> None:
    with pytest.raises(DownloadError, match=r"connect to the internet, or put small-.* POSABLE_WEIGHTS_DIR"):
        fetch_weights(small, url="http://127.0.0.1:9/")


def test_a_mirror_may_be_a_file(small: str, server: str, tmp_path: Path) -> None:
    assert fetch_weights(small, url=(tmp_path / "served" / "right").as_uri()).read_bytes() == CONTENT


def test_a_given_path_comes_before_the_environment_and_that_before_the_cache(
    hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = PUBLISHED["vgg16"].file
    for folder in (hub, tmp_path / "named", tmp_path / "given"):
        folder.mkdir(parents=True)
        (folder / name).write_bytes(b"")
    assert find_weights("vgg16") == hub / name
    monkeypatch.setenv("POSABLE_WEIGHTS_DIR", str(tmp_path / "named"))
    assert find_weights("vgg16") == tmp_path / "named" / name
    assert find_weights("vgg16", tmp_path / "given") == tmp_path / "given" / name
    (tmp_path / "mine.pth").write_bytes(b"")
    assert find_weights("vgg16", tmp_path / "mine.pth") == tmp_path / "mine.pth"


def test_a_place_that_does_not_exist_is_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"gone.*does not exist"):
        find_weights("vgg16", tmp_path / "gone")
    monkeypatch.setenv("POSABLE_WEIGHTS_DIR", str(tmp_path / "gone"))
    with pytest.raises(InputError, match="POSABLE_WEIGHTS_DIR names"):
        find_weights("vgg16")


def test_the_other_published_name_of_a_file_is_found_too(hub: Path) -> None:
    hub.mkdir(parents=True)
    (hub / "weights-inception-2015-12-05-6726825d.pth").write_bytes(b"")
    assert find_weights("fid-inception") is not None


def test_absence_names_the_file_and_the_command() -> None:
    assert absence("fid-inception").endswith("run: posable weights fetch fid-inception")
    assert PUBLISHED["fid-inception"].file in absence("fid-inception")


def test_a_hash_is_read_again_when_the_file_changes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for content in (b"one", b"another"):
        path.write_bytes(content)
        assert sha256_of(path) == hashlib.sha256(content).hexdigest()


def test_the_command_line_lists_fetches_and_tells_damage(small: str, hub: Path) -> None:
    run = CliRunner()
    listed = json.loads(run.invoke(weights_app, ["list", "--json"]).stdout)["weights"]
    assert {row["name"] for row in listed} == set(PUBLISHED)
    assert all(row["path"] is None for row in listed)
    assert "absent" in run.invoke(weights_app, ["list"]).stdout
    fetched = run.invoke(weights_app, ["fetch", small, "--json"])
    assert json.loads(fetched.stdout) == {"written": [str(hub / f"small-{PREFIX}.pth")]}
    (row,) = [row for row in json.loads(run.invoke(weights_app, ["list", "--json"]).stdout)["weights"] if row["path"]]
    assert row["intact"] is True
    (hub / f"small-{PREFIX}.pth").write_bytes(b"half a f")
    assert "DAMAGED" in run.invoke(weights_app, ["list"]).stdout


def test_unknown_names_are_refused_before_anything_is_fetched(small: str, hub: Path) -> None:
    result = CliRunner().invoke(weights_app, ["fetch", small, "resnet"])
    assert isinstance(result.exception, ConfigError)
    assert "no weights called 'resnet'" in str(result.exception)
    assert not hub.exists()
