"""Published data sets: where they are, which bytes they are, and how they come onto this machine."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kgdrug.errors import KgdrugError, UnknownNameError, first_line


class ProgressBar(Protocol):
    """What pooch asks of a progress bar; rich and tqdm can be made to fit."""

    total: int

    def update(self, n: int) -> None: ...
    def reset(self) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True)
class RemoteFile:
    """A file, its address, and its SHA-256 in hexadecimal."""

    name: str
    url: str
    sha256: str


@dataclass(frozen=True)
class Dataset:
    """A published data set; `files` are what is fetched for it."""

    name: str
    title: str
    licence: str
    files: tuple[RemoteFile, ...]


_HETIONET = "https://media.githubusercontent.com/media/hetio/hetionet/main/hetnet/tsv/"
DATASETS = {
    "hetionet": Dataset(
        "hetionet",
        "Hetionet v1.0: 47,031 entities, 2,250,197 triples, 24 metaedges",
        "mixed; original content CC0 1.0",
        (
            RemoteFile(
                "hetionet-v1.0-nodes.tsv",
                "https://raw.githubusercontent.com/hetio/hetionet/main/hetnet/tsv/hetionet-v1.0-nodes.tsv",
                "3ad9eb86c031df8bc7d5efefa6edc93562182eb9a6a71e5129d3f18b9d42c50e",
            ),
            RemoteFile(
                "hetionet-v1.0-edges.sif.gz",
                _HETIONET + "hetionet-v1.0-edges.sif.gz",
                "611f0411ac666be4e0270e54bbca67407e14720bfc3099311f0f5eec25c5a947",
            ),
        ),
    ),
}


def data_folder() -> Path | None:
    """The folder named by `KGDRUG_DATA`, which is looked into before any download."""
    folder = os.environ.get("KGDRUG_DATA")
    return Path(folder) if folder else None


def cache_folder() -> Path:
    """Where downloads are kept: `KGDRUG_CACHE`, else the system's cache folder for kgdrug."""
    if folder := os.environ.get("KGDRUG_CACHE"):
        return Path(folder)
    import pooch

    return Path(pooch.os_cache("kgdrug"))


def places(name: str) -> list[Path]:
    """Folders that may hold the data set of this name, first things first."""
    data = data_folder()
    return ([data / name] if data else []) + [cache_folder() / name]


def get_dataset(name: str, progress: Callable[[str], ProgressBar] | None = None) -> Path:
    """Download what is not in the cache yet, check it, and return the folder.

    progress makes a bar for a file name. A file that does not arrive, or is not the published one, is a
    KgdrugError; nothing half-written stays behind.
    """
    if name not in DATASETS:
        raise UnknownNameError("data set", name, list(DATASETS))
    import pooch

    pooch.get_logger().setLevel("WARNING")
    folder = cache_folder() / name
    for file in DATASETS[name].files:
        store = pooch.create(
            folder,
            base_url="",
            registry={file.name: f"sha256:{file.sha256}"},
            urls={file.name: file.url},
            retry_if_failed=2,
        )
        bar = progress(file.name) if progress else None
        try:
            store.fetch(
                file.name, downloader=pooch.HTTPDownloader(progressbar=False if bar is None else bar, timeout=60)
            )
        except (OSError, ValueError) as error:  # requests' errors are OSErrors; a wrong checksum is a ValueError
            hint = "check the network and try again, or point KGDRUG_DATA to a folder that holds the data"
            raise KgdrugError(f"{file.url}: {first_line(error)}; {hint}") from error
        finally:
            if bar is not None:
                bar.close()
    return folder
