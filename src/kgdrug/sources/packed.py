"""Packed files: the endings they have, how one is found by its name, opened and unpacked."""

import bz2
import gzip
import io
import lzma
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from kgdrug.errors import BadInputError, first_line

PACKED = (".gz", ".zst", ".bz2", ".xz")
ENDINGS = ("", *PACKED)
_CHUNK = 1 << 16


def packed(folder: Path, names: Sequence[str]) -> Path | None:
    """The first of these names, packed or not, that a file in a folder has; None where there is none."""
    paths = (folder / (name + ending) for name in names for ending in ENDINGS)
    return next((path for path in paths if os.path.isfile(path)), None)  # noqa: PTH113 a name too long is no file to it


def packed_or_plain(folder: Path, name: str) -> Path:
    """The file of this name in a folder, packed or not; the plain name where there is none."""
    return packed(folder, [name]) or folder / name


def read_bytes(path: Path) -> bytes:
    """The content of a file, unpacked; one that is missing or cut short is a BadInputError."""
    try:
        if path.suffix == ".zst":
            return b"".join(_frames(path))
        with open_binary(path) as file:
            return file.read()
    except FileNotFoundError:
        raise BadInputError(path, "is missing") from None
    except EOFError:
        raise BadInputError(path, "is cut short: the packed data end before their end; get the file again") from None
    except (OSError, lzma.LZMAError, zlib.error) as error:
        raise BadInputError(path, f"cannot be unpacked: {first_line(error)}") from None


def open_binary(path: Path) -> IO[bytes]:
    """A file opened for reading, unpacked on the way."""
    openers: dict[str, Callable[[Path], Any]] = {
        ".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open, ".zst": _open_zstandard,
    }  # fmt: skip
    file: IO[bytes] = openers[path.suffix](path) if path.suffix in openers else path.open("rb")
    return file


def unpacking_errors() -> tuple[type[Exception], ...]:
    """What reading from `open_binary` can raise where the packed data are damaged."""
    return OSError, EOFError, lzma.LZMAError, zlib.error, zstandard_error()


def zstandard_error() -> type[Exception]:
    import zstandard

    return zstandard.ZstdError


def _open_zstandard(path: Path) -> IO[bytes]:
    import zstandard

    reader = zstandard.ZstdDecompressor().stream_reader(path.open("rb"), read_across_frames=True, closefd=True)
    return io.BufferedReader(reader)


def _frames(path: Path) -> Iterator[bytes]:
    """All frames, piece by piece; EOFError where the last is not whole, which a stream reader passes over in silence.

    A chunk is small, since the rest of it is copied for each frame in it.
    """
    import zstandard

    unpacker, frame = zstandard.ZstdDecompressor(), None
    with path.open("rb") as file:
        while rest := file.read(_CHUNK):
            while rest:
                frame = frame or unpacker.decompressobj()
                try:
                    yield frame.decompress(rest)
                except zstandard.ZstdError as error:
                    raise OSError(str(error)) from None
                rest, frame = (frame.unused_data, None) if frame.eof else (b"", frame)
    if frame is not None:
        raise EOFError
