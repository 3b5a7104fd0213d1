"""Arrays that take long to make, kept in kgdrug's cache folder; where that cannot be written they are made each time.

A file is named by a digest of everything that its content depends on, and takes its name when it is whole.
"""

import contextlib
import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kgdrug.errors import first_line
from kgdrug.models.progress import Progress
from kgdrug.sources.downloads import cache_folder

log = logging.getLogger(__name__)
Single = NDArray[np.float32]
KEPT = 4  # files; one of Hetionet takes 1 GB
FORMAT = 1  # changes with the meaning of what is kept


def cached_rows(
    about: object, shape: tuple[int, ...], rows: Iterator[tuple[int, NDArray[np.floating]]], what: str, times: int = 1
) -> Generator[Progress, None, Single]:
    """The array of this shape whose rows come in any order; from the cache, with no row made, where it is there.

    about: all that it depends on, JSON-able; what: is said of the rows while they are made. In the cache it is mapped,
    not read. A row may be shorter; one that comes again, as each does `times` times, takes the place of itself.
    """
    text = json.dumps([FORMAT, about], sort_keys=True)
    path = cache_folder() / "metapaths" / f"{hashlib.sha256(text.encode()).hexdigest()[:40]}.npy"
    kept = _mapped(path, shape)
    if kept is not None:
        return kept
    with _array(path, shape) as made:
        for done, (place, row) in enumerate(rows, 1):
            made[place][: len(row)] = row
            yield Progress(what, done, shape[0] * times)
    kept = _mapped(path, shape)
    return made if kept is None else kept


def _mapped(path: Path, shape: tuple[int, ...]) -> Single | None:
    try:
        kept: Single = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):  # not there, or not whole
        return None
    if kept.shape != shape or kept.dtype != np.float32:
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # used now: others are older
    return kept


def _forget_oldest(folder: Path) -> None:
    """Remove all files but those used last, `KEPT` of them; who has one of the others mapped keeps what it holds."""
    with contextlib.suppress(OSError):
        for old in sorted(folder.glob("*.npy"), key=lambda path: path.stat().st_mtime, reverse=True)[KEPT:]:
            old.unlink(missing_ok=True)


@contextmanager
def _array(path: Path, shape: tuple[int, ...]) -> Iterator[Single]:
    """An array of zeros to be filled, which is the file when the block ends well; in memory where none can be made."""
    writing, array = None, None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(suffix=".writing", dir=path.parent)
        writing = Path(name)
        with os.fdopen(handle, "r+b") as file:
            header = {"descr": np.lib.format.dtype_to_descr(np.dtype(np.float32)), "fortran_order": False}
            np.lib.format.write_array_header_1_0(file, {**header, "shape": shape})
            start = file.tell()
            size = start + 4 * int(np.prod(shape))
            if hasattr(os, "posix_fallocate"):  # a full disk is met now, not as a signal when a page is written
                os.posix_fallocate(file.fileno(), 0, size)
            file.truncate(size)
        array = np.memmap(writing, np.float32, "r+", start, shape)
    except OSError as error:
        log.warning("path counts are not kept, as %s cannot be written: %s", path.parent, first_line(error))
    try:
        yield np.zeros(shape, np.float32) if array is None else array
        if array is not None and writing is not None:
            array.flush()
            writing.replace(path)
            _forget_oldest(path.parent)
    finally:
        if writing is not None:
            with contextlib.suppress(OSError):
                writing.unlink(missing_ok=True)
