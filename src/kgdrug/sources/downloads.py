"""Published data sets: where they are, which bytes they are, and how they come onto this machine."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from kgdrug.errors import BadInputError, KgdrugError, UnknownNameError, first_line
from kgdrug.sources.archives import is_unpacked, unpack
from kgdrug.sources.transfer import ProgressBar, checksum, download, forget, write_whole_json

RECORDS = "checksums.json"


@dataclass(frozen=True)
class RemoteFile:
    """A file, its address, and its published checksum.

    checksum: `sha256:…` or `md5:…` in hexadecimal; None where none is published: then that of the first download
    is recorded. unpack: the files and folders that are unpacked from an archive, in the order in which they take
    their place.
    """

    name: str
    url: str
    checksum: str | None
    unpack: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """A published data set; `files` are what is fetched for it, `form` is the name of one of FORMS."""

    name: str
    title: str
    licence: str
    files: tuple[RemoteFile, ...]
    form: str = "hetionet"
    version: str = ""


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
                "sha256:3ad9eb86c031df8bc7d5efefa6edc93562182eb9a6a71e5129d3f18b9d42c50e",
            ),
            RemoteFile(
                "hetionet-v1.0-edges.sif.gz",
                _HETIONET + "hetionet-v1.0-edges.sif.gz",
                "sha256:611f0411ac666be4e0270e54bbca67407e14720bfc3099311f0f5eec25c5a947",
            ),
        ),
        form="hetionet",
        version="v1.0",
    ),
    "drkg": Dataset(
        "drkg",
        "DRKG: 97,238 entities, 5,874,261 triples, 107 metaedges",
        "mixed, in part non-commercial",
        (
            RemoteFile(
                "drkg.tar.gz",
                "https://dgl-data.s3-us-west-2.amazonaws.com/dataset/DRKG/drkg.tar.gz",
                None,
                ("embed", "drkg.tsv"),  # the file that the folder is known by comes last
            ),
        ),
        form="drkg",
    ),
    "primekg": Dataset(
        "primekg",
        "PrimeKG 2.1: 129,375 entities, 4,050,249 triples",
        "CC0 1.0; sources keep their terms",
        (
            RemoteFile(
                "kg.csv",
                "https://dataverse.harvard.edu/api/access/datafile/6180620",
                "md5:aac8191d4fbc5bf09cdf8c3c78b4e75f",
            ),
        ),
        form="primekg",
        version="2.1",
    ),
    "openbiolink": Dataset(
        "openbiolink",
        "OpenBioLink 2020, high quality, directed",
        "mixed: that of each source",
        (
            RemoteFile(
                "HQ_DIR.zip",
                "https://zenodo.org/record/3834052/files/HQ_DIR.zip",
                None,
                ("HQ_DIR/graph_files/nodes.csv", "HQ_DIR/graph_files/edges.csv"),
            ),
        ),
        form="openbiolink",
        version="2020",
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
    """Bring what is not whole in the cache yet, unpack it where it is an archive, and return the folder.

    progress makes a bar for the name of a file that is downloaded. What is in the cache is checked without a network.
    A file that doesn't arrive, or is not the published or recorded one, is a KgdrugError; what came of a file that
    doesn't arrive stays beside its place as `NAME.part`, and the next call goes on from there.
    """
    if name not in DATASETS:
        raise UnknownNameError("data set", name, choices=list(DATASETS))
    folder = cache_folder() / name
    for file in DATASETS[name].files:
        try:
            _get_file(file, folder, progress)
        except OSError as error:
            raise KgdrugError(f"{folder / file.name}: {error.strerror or first_line(error)}") from error
    return folder


def _get_file(file: RemoteFile, folder: Path, progress: Callable[[str], ProgressBar] | None) -> None:
    """Make sure that a file lies in the folder whole, unpacked, and with a checksum to compare with ever after."""
    path, record = folder / file.name, None if file.checksum else _records(folder).get(file.name)
    expected = file.checksum or (f"sha256:{record.sha256}" if record else None)
    if expected and file.unpack and is_unpacked(path, file.unpack, expected):
        return
    if expected and path.is_file() and checksum(path, expected) != expected:
        path.unlink()  # damaged since
    if not path.is_file():
        _fetch(file, folder, expected, progress)
    found = expected or checksum(path)
    if file.unpack:
        try:
            unpack(path, file.unpack, found)
        except BadInputError:
            if expected is None:
                path.unlink()  # nobody says that these are the right bytes
            raise
    if expected is None:
        _record(file, folder, found)


def _fetch(file: RemoteFile, folder: Path, expected: str | None, progress: Callable[[str], ProgressBar] | None) -> None:
    """Download a file into the folder; one with another checksum than the expected is an error and doesn't stay."""
    import pooch

    part = folder / f"{file.name}.part"

    def bring(url: str, output: str, _: object) -> None:
        bar, whole = progress(file.name) if progress else None, False
        try:
            download(url, part, expected is not None, bar)
            if expected and (found := checksum(part, expected)) != expected:
                forget(part)
                raise _wrong(file, folder, expected, found)
            part.replace(output)
            forget(part)
            whole = True
        finally:
            if bar is not None:
                bar.close(whole)

    pooch.get_logger().setLevel("WARNING")
    store = pooch.create(folder, base_url="", registry={file.name: None}, urls={file.name: file.url})
    store.fetch(file.name, downloader=bring)


def _wrong(file: RemoteFile, folder: Path, expected: str, found: str) -> KgdrugError:
    """What a download with another checksum is, and what to do about it."""
    sums = f"(expected {expected}, found {found}), and what came was deleted"
    if file.checksum:
        advice = f"run this again, or set KGDRUG_DATA to a folder that holds {folder.name}/ with the right file"
        return KgdrugError(f"{file.url}: this is not the published file {sums}; {advice}")
    recorded = f"this is not the file that was recorded on {_records(folder)[file.name].date}"
    advice = f"to accept it, delete {file.name} from {folder / RECORDS}, or that whole file, and run this again"
    return KgdrugError(f"{file.url}: {recorded} {sums}; the publisher has changed it: {advice}")


# Checksums recorded on first use


@dataclass(frozen=True)
class Record:
    """A file as it was first seen: its SHA-256 in hexadecimal, bytes, address, and the day."""

    sha256: str
    size: int
    url: str
    date: str


def _records(folder: Path) -> dict[str, Record]:
    """The records in a folder, by the name of the file; a damaged list of them is a BadInputError."""
    path = folder / RECORDS
    if not path.is_file():
        return {}
    try:
        return {name: Record(**about) for name, about in json.loads(path.read_bytes()).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise BadInputError(path, f"is no list of checksums ({first_line(error)}); delete it to record anew") from error


def _record(file: RemoteFile, folder: Path, found: str) -> None:
    """Record the checksum of a file in the folder, beside those recorded before."""
    size, today = (folder / file.name).stat().st_size, date.today().isoformat()
    records = _records(folder) | {file.name: Record(found.partition(":")[2], size, file.url, today)}
    write_whole_json(folder / RECORDS, {name: asdict(record) for name, record in records.items()})
