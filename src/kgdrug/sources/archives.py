"""Archives: some of their files beside them, whole or not at all.

Only what is wanted is unpacked, and only plain files of the archive's own folder: nothing in it can lie elsewhere.
"""

import gzip
import json
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from kgdrug.errors import BadInputError, first_line
from kgdrug.sources.transfer import CHUNK, checksum, write_whole_json

# Python below 3.11.4 has no filters; only plain files of the archive's own folder are ever extracted here
_FILTER: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}


def unpack(archive: Path, wanted: Sequence[str], expected: str) -> None:
    """Put the wanted files and folders of a `.tar.gz` or `.zip` archive with this checksum beside it.

    They are unpacked aside and take their places one by one, each whole, in the order of `wanted`: where the last is,
    all are. An archive that is damaged, lacks one, or holds one that isn't a plain file or would lie elsewhere is a
    BadInputError, and nothing takes its place.
    """
    folder, aside = archive.parent, archive.with_name(archive.name + ".unpacking")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    try:
        _extract(archive, wanted, aside)
        files = {p.relative_to(aside).as_posix(): checksum(p) for p in sorted(aside.rglob("*")) if p.is_file()}
        for item in reversed(wanted):
            _remove(folder / item)
        for item in wanted:
            (folder / item).parent.mkdir(parents=True, exist_ok=True)
            (aside / item).rename(folder / item)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    write_whole_json(_contents(archive), {"archive": expected, "wanted": list(wanted), "files": files})


def _contents(archive: Path) -> Path:
    """Where it is noted what was unpacked."""
    return archive.with_name(archive.name + ".unpacked.json")


def is_unpacked(archive: Path, wanted: Sequence[str], expected: str) -> bool:
    """Whether all that is wanted of the archive with this checksum lies beside its place, unchanged."""
    try:
        noted = json.loads(_contents(archive).read_bytes())
        files = noted["files"].items() if (noted["archive"], noted["wanted"]) == (expected, list(wanted)) else []
        return bool(files) and all(checksum(archive.parent / name) == known for name, known in files)
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _extract(archive: Path, wanted: Sequence[str], into: Path) -> None:
    """The wanted files and folders of an archive, into an empty folder, all or a BadInputError."""
    broken = (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, RuntimeError)
    try:
        (_unzip if archive.suffix == ".zip" else _untar)(archive, wanted, into)
    except broken as error:
        raise BadInputError(archive, f"cannot be unpacked: {first_line(error)}") from error
    missing = [item for item in wanted if not (into / item).exists()]
    if missing:
        raise BadInputError(archive, f"has no {missing[0]}")


def _untar(archive: Path, wanted: Sequence[str], into: Path) -> None:
    with gzip.open(archive) as plain, tarfile.open(fileobj=plain, mode="r:") as packed:
        for member in packed:  # in its own order: a compressed tar can't go back
            if _is_wanted(archive, member.name, wanted) and not member.isdir():
                _refuse_unless(member.isreg(), archive, member.name)
                packed.extract(member, into, **_FILTER)
        while plain.read(CHUNK):  # to the end, where gzip's own checksum is
            pass


def _unzip(archive: Path, wanted: Sequence[str], into: Path) -> None:
    with zipfile.ZipFile(archive) as packed:
        for member in packed.infolist():
            if _is_wanted(archive, member.filename, wanted) and not member.is_dir():
                kind = stat.S_IFMT(member.external_attr >> 16)  # 0 where the archive was not made on Unix
                _refuse_unless(kind in (0, stat.S_IFREG), archive, member.filename)
                packed.extract(member, into)


def _is_wanted(archive: Path, name: str, wanted: Sequence[str]) -> bool:
    """Whether a member is one of the wanted files or lies in a wanted folder."""
    path = PurePosixPath(name)
    if not any(path.is_relative_to(item) for item in wanted):
        return False
    _refuse_unless(".." not in path.parts, archive, name)
    return True


def _refuse_unless(harmless: bool, archive: Path, name: str) -> None:
    if not harmless:
        raise BadInputError(archive, f"holds {name!r}, which is no plain file of its own folder; nothing was unpacked")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
