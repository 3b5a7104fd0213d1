"""Text files to tables of fields, and the exact line where one of them is wrong.

Polars reads a sound file at the speed of the disk. What it stumbles over, or what fails the checks after it, is read
again line by line in plain Python, slowly, to say which line it is and what is wrong with it.
"""

import bz2
import csv
import gzip
import io
import lzma
import mmap
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import polars as pl

from kgdrug.errors import BadInputError, close_words, first_line

PACKED = (".gz", ".zst", ".bz2", ".xz")
_RETURN, _END = "\udc0d", "\udc0e"  # stand for a carriage return, which the csv module refuses, and for the end
csv.field_size_limit(2**31 - 1)
_NOT_OURS = ("line", "record", "file")  # columns of a table that no file has, besides those that start with _


@dataclass(frozen=True)
class BadLine:
    """A line that was set aside: where it stood, what kind of problem it has, and what came."""

    file: str
    line: int | None
    kind: str
    message: str
    text: str


@dataclass
class Reading:
    """What happened while files were read.

    skip_bad_lines: set lines that do not fit aside, in `bad_lines`, where otherwise the first is a BadInputError.
    duplicates: lines that said what an earlier one had said.
    """

    skip_bad_lines: bool = False
    bad_lines: list[BadLine] = field(default_factory=list)
    duplicates: int = 0

    def bad(self, file: Path, line: int | None, kind: str, message: str, text: str) -> None:
        """Take note of a bad line; without `skip_bad_lines` it is raised."""
        if not self.skip_bad_lines:
            raise BadInputError(file, message, line)
        self.bad_lines.append(BadLine(str(file), line, kind, message, text))

    @property
    def kinds(self) -> dict[str, int]:
        """How many lines were set aside, by kind."""
        return dict(sorted(Counter(bad.kind for bad in self.bad_lines).items()))

    def drop(
        self,
        table: pl.DataFrame,
        wrong: np.ndarray,
        file: Path,
        kind: str,
        message: str | Callable[[dict[str, Any]], str],
    ) -> pl.DataFrame:
        """The table without its wrong rows `(rows,)`, each of which is noted by its `line`, or its `record`.

        file: where the rows stand, unless a column `file` says it of each.
        message: made from the row, or a text with the names of columns in braces.
        """
        if not wrong.any():
            return table
        for row in table.filter(wrong).iter_rows(named=True):
            ours = (v for k, v in row.items() if k not in _NOT_OURS and not k.startswith("_") and v is not None)
            said = message.format_map(row) if isinstance(message, str) else message(row)
            self.bad(Path(row.get("file", file)), row.get("line"), kind, located(row, said), "\t".join(map(str, ours)))
        return table.filter(~wrong)


def read_table(
    path: Path,
    reading: Reading,
    columns: Sequence[str],
    optional: Sequence[str] = (),
    *,
    header: bool,
    separator: str = "\t",
    quoted: bool | None = None,
    known_headers: Sequence[Sequence[str]] = (),
    may_be_empty: bool = False,
) -> pl.DataFrame:
    """The named columns of a file as text, and `line`, the number of each row's line; `.gz`, `.zst` and so on too.

    header: the first line names the columns, in any order and among others; without, fields stand in the order of
    `columns` and then `optional`. An empty field of `columns` makes a bad line; a missing or empty one of `optional`
    is "". quoted: whether quotes hold a field together; by default where commas separate. known_headers: first lines
    that are passed over where none is needed. A file without any line is a BadInputError, unless it `may_be_empty`.
    """
    quoted = separator == "," if quoted is None else quoted
    first = first_fields(path, separator, quoted)
    if header:
        places = _places(path, first, columns, optional)
        width, start = len(first), 2
    else:
        width = len(columns) + len(optional)
        start = 2 if tuple(f.strip().lower() for f in first) in {tuple(h) for h in known_headers} else 1
        places = {name: i for i, name in enumerate([*columns, *optional])}
    table = _read_fast(path, separator, quoted, width, start, places, columns)
    if table is None:
        table = _read_slowly(path, reading, separator, quoted, width, start, places, columns)
    if header:
        again = table.select(pl.all_horizontal(pl.col(name) == name for name in columns)).to_series().to_numpy()
        table = reading.drop(table, again, path, "header", "the header stands here again; join files without theirs")
    if table.is_empty() and not may_be_empty:
        left = "only bad lines" if reading.bad_lines else "only a header" if start == 2 else "no lines"
        raise BadInputError(path, f"holds {left}")
    missing = [pl.lit("").alias(name) for name in optional if name not in places]
    return table.with_columns(pl.col(name).fill_null("") for name in optional if name in places).with_columns(missing)


def write_bad_lines(reading: Reading, path: Path) -> None:
    """Write the lines that were set aside: `file line kind message text`, with tabs in the text as spaces."""
    rows = ["file\tline\tkind\tmessage\ttext\n"]
    for bad in reading.bad_lines:
        fields = (bad.file, "" if bad.line is None else str(bad.line), bad.kind, bad.message, bad.text)
        rows.append("\t".join(" ".join(field.split("\t")).replace("\n", " ") for field in fields) + "\n")
    path.write_text("".join(rows), encoding="utf-8", newline="\n")


def located(row: Mapping[str, Any], message: str) -> str:
    """The message with the number of the record in front, where a file has records and no lines."""
    return f"record {row['record']}: {message}" if row.get("record") is not None else message


def separator_of(path: Path) -> str:
    """A comma for `.csv`, whatever packs it, else a tab."""
    return "," if ".csv" in path.suffixes[-2:] else "\t"


def read_bytes(path: Path) -> bytes:
    """The content of a file, unpacked; one that is missing or cut short is a BadInputError."""
    try:
        if path.suffix == ".zst":
            return _unpack_zstandard(path)
        with open_binary(path) as file:
            return file.read()
    except FileNotFoundError:
        raise BadInputError(path, "is missing") from None
    except EOFError:
        raise BadInputError(path, "is cut short: the packed data end before their end; get the file again") from None
    except (OSError, lzma.LZMAError, zlib.error) as error:
        raise BadInputError(path, f"cannot be unpacked: {first_line(error)}") from None


def read_utf8(path: Path) -> str:
    """The text of a file, unpacked; one that is not UTF-8, or holds a NUL, is a BadInputError."""
    content = read_bytes(path)
    if not content.strip():
        raise BadInputError(path, "is empty")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise BadInputError(path, not_utf8(content[error.start : error.start + 1]), line) from None
    if "\0" in text:
        raise BadInputError(path, "holds a NUL, which no text has", text[: text.index("\0")].count("\n") + 1)
    return text


def _places(path: Path, first: Sequence[str], columns: Sequence[str], optional: Sequence[str]) -> dict[str, int]:
    """Where each column stands in a header."""
    _check_header(path, first)
    missing = [name for name in columns if name not in first]
    if missing:
        came = " ".join(first[:12]) + (" …" if len(first) > 12 else "")
        close = close_words(missing[0], [name for name in first if name not in columns])
        hint = f"; is {close[0]!r} meant?" if close else ""
        message = f"the first line should be a header with {' '.join(columns)}; {missing[0]} is not in it{hint}"
        raise BadInputError(path, f"{message} (it is: {came})", 1)
    twice = next((name for name in [*columns, *optional] if list(first).count(name) > 1), None)
    if twice:
        raise BadInputError(path, f"the header names {twice} twice", 1)
    return {name: list(first).index(name) for name in [*columns, *optional] if name in first}


def _read_fast(
    path: Path, separator: str, quoted: bool, width: int, start: int, places: dict[str, int], columns: Sequence[str]
) -> pl.DataFrame | None:
    """What polars makes of a sound file; None where a line is in doubt."""
    names = [f"column_{i}" for i in range(1, width + 1)]  # as polars numbers them
    source = path if path.suffix not in (".bz2", ".xz") else io.BytesIO(read_bytes(path))
    try:
        table = pl.read_csv(
            source,
            separator=separator,
            has_header=False,
            skip_rows=start - 1,
            quote_char='"' if quoted else None,
            schema=dict.fromkeys(names, pl.String),  # all of them: with some alone, polars passes over fields too many
            missing_columns="insert",
            raise_if_empty=False,
            glob=False,
        )
    except (pl.exceptions.PolarsError, OSError):
        return None
    if quoted and table.select(pl.any_horizontal(pl.all().str.contains("\n", literal=True).any())).item():
        return None  # every later line's number depends on it
    table = table.select(pl.col(names[place]).alias(name) for name, place in places.items())
    if table.select(pl.any_horizontal((pl.col(columns).fill_null("") == "").any())).item():
        return None
    if _holds_nul(path, table):
        return None
    return table.with_columns(line=pl.int_range(start, start + pl.len(), dtype=pl.Int64))


def _holds_nul(path: Path, table: pl.DataFrame) -> bool:
    """Whether a file that is not packed, or else a field of its table, holds a NUL."""
    if path.suffix in PACKED:
        return bool(table.select(pl.any_horizontal(pl.all().str.contains("\0", literal=True).any())).item())
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(b"\0") >= 0


def _read_slowly(
    path: Path,
    reading: Reading,
    separator: str,
    quoted: bool,
    width: int,
    start: int,
    places: dict[str, int],
    columns: Sequence[str],
) -> pl.DataFrame:
    """The rows that are right, one by one; each other is noted."""
    rows: list[list[str]] = []
    lines: list[int] = []
    needed = [places[name] for name in columns]
    for line, fields, closed in _fields(path, separator, quoted):
        if line < start:
            continue
        fields = [field.removesuffix("\r") for field in fields]  # as polars does
        problem = _problem(fields, width, needed, "comma" if separator == "," else "tab")
        if not closed:
            problem = "quotes", f"a quote is opened and not closed: {fields[0][:200]!r}"
        if problem is None:
            rows.append([fields[i] if i < len(fields) else "" for i in places.values()])
            lines.append(line)
        else:
            shown = separator.join(fields).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            reading.bad(path, line, *problem, shown)
    table = pl.DataFrame(rows, schema=dict.fromkeys(places, pl.String), orient="row")
    return table.with_columns(line=pl.Series(lines, dtype=pl.Int64))


def _problem(fields: Sequence[str], width: int, needed: Sequence[int], separator: str) -> tuple[str, str] | None:
    """The kind of problem that a line has, and the message."""
    text = "".join(fields)
    shown = repr("\t".join(fields)[:200])
    if any("\udc80" <= c <= "\udcff" for c in text):
        byte = next(c for c in text if "\udc80" <= c <= "\udcff").encode("utf-8", "surrogateescape")
        return "encoding", not_utf8(byte)
    if "\0" in text:
        return "NUL", f"holds a NUL, which no text has: {shown}"
    least = max(needed, default=0) + 1
    if len(fields) > width or len(fields) < least:
        came = "1 field" if len(fields) == 1 else f"{len(fields)} fields"
        return "columns", f"{came} where {width} {separator}-separated ones are expected: {shown}"
    if not all(fields[i] for i in needed):
        return "empty field", f"an empty field where {width} {separator}-separated ones are expected: {shown}"
    return None


def not_utf8(byte: bytes) -> str:
    """What is wrong with a byte."""
    return f"is not UTF-8 text (byte 0x{byte.hex()}); save the file as UTF-8"


def _fields(path: Path, separator: str, quoted: bool) -> Iterator[tuple[int, list[str], bool]]:
    """The number of each line, its fields, and whether its quotes are closed; where they are not, it is one field.

    Bytes that are no UTF-8 stand as lone surrogates.
    """
    content = read_bytes(path).removeprefix(b"\xef\xbb\xbf")
    lines = content.split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    texts = [line.removesuffix(b"\r").decode("utf-8", "surrogateescape") for line in lines]
    if not quoted:
        yield from ((i, text.split(separator), True) for i, text in enumerate(texts, 1))
        return
    start = 0
    while start < len(texts):
        reader, done = _csv([*texts[start:], _END], separator), start
        for fields in reader:
            if _END in fields[-1:]:
                return
            if fields and _END in fields[-1]:
                break  # a quote reaches to the end: its line is bad, and what follows is read anew
            yield done + 1, [field.replace(_RETURN, "\r") for field in fields] or [""], True
            done = start + reader.line_num
        yield done + 1, [texts[done]], False
        start = done + 1


def _csv(texts: Sequence[str], separator: str) -> Any:
    return csv.reader((text.replace("\r", _RETURN) + "\n" for text in texts), delimiter=separator)


def first_fields(path: Path, separator: str, quoted: bool | None = None) -> list[str]:
    """The fields of the first line."""
    try:
        with open_binary(path) as file:
            line = file.readline()
    except FileNotFoundError:
        raise BadInputError(path, "is missing") from None
    except (OSError, EOFError, lzma.LZMAError, zlib.error, zstandard_error()):
        line = read_bytes(path).partition(b"\n")[0]  # says what is wrong with the file
    line = line.removeprefix(b"\xef\xbb\xbf").rstrip(b"\r\n")
    if not line and not read_bytes(path):
        raise BadInputError(path, "is empty")
    text = line.decode("utf-8", "surrogateescape")
    quoted = separator == "," if quoted is None else quoted
    if not quoted:
        return text.split(separator)
    return [field.replace(_RETURN, "\r") for field in next(_csv([text], separator), [""])]


def header_fields(path: Path, separator: str) -> list[str]:
    """The fields of the first line, which is a header; one that is no text is a BadInputError."""
    first = first_fields(path, separator)
    _check_header(path, first)
    return first


def _check_header(path: Path, first: Sequence[str]) -> None:
    problem = _problem(first, len(first), [], "")
    if problem is not None:
        raise BadInputError(path, problem[1], 1)


def open_binary(path: Path) -> IO[bytes]:
    """A file opened for reading, unpacked on the way."""
    openers: dict[str, Callable[[Path], Any]] = {
        ".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open, ".zst": _open_zstandard,
    }  # fmt: skip
    file: IO[bytes] = openers[path.suffix](path) if path.suffix in openers else path.open("rb")
    return file


def _open_zstandard(path: Path) -> IO[bytes]:
    import zstandard

    reader = zstandard.ZstdDecompressor().stream_reader(path.open("rb"), read_across_frames=True, closefd=True)
    return io.BufferedReader(reader)


def _unpack_zstandard(path: Path) -> bytes:
    """All frames of a file; EOFError where the last is not whole, which a stream reader passes over in silence."""
    import zstandard

    rest, parts = path.read_bytes(), []
    while rest:
        frame = zstandard.ZstdDecompressor().decompressobj()
        try:
            parts.append(frame.decompress(rest))
        except zstandard.ZstdError as error:
            raise OSError(str(error)) from None
        if not frame.eof:
            raise EOFError
        rest = frame.unused_data
    return b"".join(parts)


def zstandard_error() -> type[Exception]:
    import zstandard

    return zstandard.ZstdError
