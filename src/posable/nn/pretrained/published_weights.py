"""Networks that others published and no package ships: finding, fetching and loading the files of their weights.

A file is looked for at a path that is given, in the folder that POSABLE_WEIGHTS_DIR names, and where torch.hub keeps
its downloads. Nothing is ever fetched but by `fetch_weights`. The first eight digits of a file's SHA-256 are part of
its published name; they are checked after a download.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import pickle
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, TypeVar

import torch
from torch import Tensor, nn

from posable.errors import CheckpointError, ConfigError, DownloadError, InputError
from posable.files import write_atomically
from posable.progress import ProgressCallback

FOLDER_VARIABLE = "POSABLE_WEIGHTS_DIR"
Network = TypeVar("Network", bound=nn.Module)


_CHUNK_BYTES = 1 << 20
_PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class PublishedFile:
    """One file of weights as its authors publish it."""

    name: str
    """What `posable weights` calls it."""
    file: str
    folder: str
    """The address that the file lies under."""
    megabytes: int
    licence: str
    use: str
    aliases: tuple[str, ...] = ()
    """Other names under which the same network is published."""

    @property
    def url(self) -> str:
        return f"{self.folder}/{self.file}"

    @property
    def sha256_prefix(self) -> str:
        """The eight digits in the file's name."""
        found = re.search(r"-([0-9a-f]{8})\.pth$", self.file)
        assert found is not None
        return found[1]


_TORCH = "https://download.pytorch.org/models"
_FID = "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights"
_FILES = (
    PublishedFile(
        name="fid-inception",
        file="pt_inception-2015-12-05-6726825d.pth",
        folder=_FID,
        megabytes=96,
        licence="Apache-2.0",
        use="fid, kid",
        aliases=("weights-inception-2015-12-05-6726825d.pth",),
    ),
    PublishedFile(
        name="inception",
        file="inception_v3_google-0cc3c7bd.pth",
        folder=_TORCH,
        megabytes=109,
        licence="BSD-3-Clause",
        use="fid_torchvision (DPTN's and NTED's tables)",
        aliases=("inception_v3_google-1a9a5a14.pth",),
    ),
    PublishedFile(
        name="alexnet",
        file="alexnet-owt-7be5be79.pth",
        folder=_TORCH,
        megabytes=244,
        licence="BSD-3-Clause",
        use="lpips",
        aliases=("alexnet-owt-4df8aa71.pth",),
    ),
    PublishedFile(
        name="vgg16",
        file="vgg16-397923af.pth",
        folder=_TORCH,
        megabytes=553,
        licence="BSD-3-Clause",
        use="lpips_vgg",
    ),
    PublishedFile(
        name="vgg19",
        file="vgg19-dcbb9e9d.pth",
        folder=_TORCH,
        megabytes=575,
        licence="BSD-3-Clause",
        use="the papers' training losses",
    ),
)
PUBLISHED = {file.name: file for file in _FILES}


def published(name: str) -> PublishedFile:
    """The entry of that name; raises ConfigError when there is none."""
    if name not in PUBLISHED:
        raise ConfigError(f"there are no weights called '{name}'; there are {', '.join(PUBLISHED)}.")
    return PUBLISHED[name]


def find_weights(name: str, given: str | os.PathLike[str] | None = None) -> Path | None:
    """The file of these weights on this machine, or None.

    `given` is a file, taken as it is, or a folder to look in first. Raises InputError when it, or the folder that the
    environment names, does not exist: what a user points at is never passed over.
    """
    wanted = published(name)
    folders: list[Path] = []
    if given is not None:
        place = Path(given).expanduser()
        if place.is_file():
            return place
        folders.append(_folder(place, f"'{place}'"))
    if chosen := os.environ.get(FOLDER_VARIABLE):
        place = Path(chosen).expanduser()
        folders.append(_folder(place, f"{FOLDER_VARIABLE} names '{place}', which"))
    for folder in (*folders, download_folder()):
        for file in (wanted.file, *wanted.aliases):
            if (folder / file).is_file():
                return folder / file
    return None


def absence(name: str) -> str:
    """Why a metric that needs these weights is absent, and the command that brings them."""
    wanted = published(name)
    return f"the weights {wanted.file} are not on this machine; run: posable weights fetch {name}"


def download_folder() -> Path:
    """Where torch.hub, and so `fetch_weights`, keeps files; not made here."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def fetch_weights(name: str, url: str | None = None, progress: ProgressCallback | None = None) -> Path:
    """Downloads these weights, from `url` if one is given, checks their hash and keeps them where torch.hub would.

    A file that is there and whole is not fetched again. Raises DownloadError when the file cannot be had or kept, or
    is not the one that its name promises; then nothing is left behind.
    """
    wanted = published(name)
    path = download_folder() / wanted.file
    if path.is_file() and sha256_of(path).startswith(wanted.sha256_prefix):
        return path
    address = url or wanted.url
    by_hand = f"or put {wanted.file} into a folder and let {FOLDER_VARIABLE} name it"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with write_atomically(path) as temporary:
            request = urllib.request.Request(address, headers={"User-Agent": "posable"})
            with urllib.request.urlopen(request, timeout=_PATIENCE_SECONDS) as answer, temporary.open("wb") as file:
                in_all = int(answer.headers.get("Content-Length") or 0)
                digest, length = _copy(answer, file, in_all, progress)
            if length < in_all:
                raise DownloadError(f"'{address}' broke off after {length} of {in_all} bytes; try again, {by_hand}.")
            if not digest.startswith(wanted.sha256_prefix):
                raise DownloadError(
                    f"'{address}' is not {wanted.file}: its SHA-256 begins with {digest[:8]}, not "
                    f"{wanted.sha256_prefix}; try another --url, {by_hand}."
                )
    except ValueError:
        raise DownloadError(f"'{address}' is no address; give one that begins with https:// or file://.") from None
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        # An HTTP error names its number only as a whole.
        reason = error.reason if type(error) is urllib.error.URLError else error
        raise DownloadError(f"could not fetch '{address}' ({reason}); connect to the internet, {by_hand}.") from None
    except OSError as error:
        raise DownloadError(
            f"could not keep {wanted.file} in '{path.parent}' ({error.strerror or error}); free some space there, or "
            "let TORCH_HOME name another folder."
        ) from None
    return path


def load_published(make: Callable[[], Network], path: str | os.PathLike[str], what: str) -> Network:
    """A network with the weights in `path`, frozen and in eval mode; entries that it has no place for are left aside.

    Raises CheckpointError, naming the file, when it cannot be read or lacks an entry of the right shape.
    """
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError):
        raise CheckpointError(f"'{path}' is no readable file of weights; give the published file of {what}.") from None
    network = make()
    wanted = network.state_dict()
    given: dict[str, Tensor] = {}
    for key, value in wanted.items():
        # Counts batches in training; older files have none, and evaluation does not look at it.
        if key.endswith("num_batches_tracked"):
            given[key] = value
            continue
        entry = found.get(key) if isinstance(found, dict) else None
        if not isinstance(entry, Tensor) or entry.shape != value.shape:
            raise CheckpointError(
                f"'{path}' has no '{key}' of shape {tuple(value.shape)}; give the published file of {what}."
            )
        given[key] = entry
    network.load_state_dict(given)
    return network.eval().requires_grad_(False)


def sha256_of(path: Path) -> str:
    """The file's hash, to be written beside numbers; read again only when the file has changed."""
    status = path.stat()
    return _sha256(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=16)
def _sha256(path: Path, changed_ns: int, size: int) -> str:
    del changed_ns, size
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _copy(answer: IO[bytes], file: IO[bytes], in_all: int, progress: ProgressCallback | None) -> tuple[str, int]:
    """Copies all bytes; gives their SHA-256 and their number."""
    digest, done = hashlib.sha256(), 0
    while chunk := answer.read(_CHUNK_BYTES):
        digest.update(chunk)
        file.write(chunk)
        done += len(chunk)
        if progress is not None:
            progress(done, in_all)
    return digest.hexdigest(), done


def _folder(place: Path, what: str) -> Path:
    if not place.is_dir():
        raise InputError(f"{what} does not exist; name a file of weights or a folder that holds some.")
    return place
