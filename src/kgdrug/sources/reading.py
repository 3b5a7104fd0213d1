"""Text files to tables of fields, and the exact line where one of them is wrong.

Polars reads a sound file at the speed of the disk. What it stumbles over, or what fails the checks after it, is read
again line by line in plain Python, slowly, to say which line it is and what is wrong with it.
"""

import csv
import io
import mmap
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import IO

import numpy as np
import polars as pl

from kgdrug.errors import BadInputError, close_words
from kgdrug.sources.bad_lines import Reading
from kgdrug.sources.lines import BOM, RETURN, Look, csv_line, good_lines, good_records, not_utf8, problem_of
from kgdrug.sources.packed import PACKED as PACKED
from kgdrug.sources.packed import open_binary, read_bytes, unpacking_errors

_CHUNK = 1 << 24


def read_table(
    path: Path,
    reading: Reading,
    columns: Sequence[str],
    optional: Sequence[str] = (),
    *,
    header: bool,
    separator: str = "\t",
    quoted: bool | None = None,
    known_headers: Collection[Sequence[str]] = (),
    repeated: Sequence[Sequence[str]] = (),
    may_be_empty: bool = False,
) -> pl.DataFrame:
    """The named columns of a file as text, and `line`, the number of each row's line; `.gz`, `.zst` and so on too.

    header: the first line names the columns, in any order and among others; without, fields stand in the order of
    `columns` and then `optional`. An empty field of `columns` makes a bad line; a missing or empty one of `optional`
    is "". quoted: whether quotes hold a field together; by default where commas separate. known_headers: first lines
    that are passed over where none is needed. repeated: groups of columns whose texts repeat much; they may come as
    categories that a group shares, which takes half the time and memory. A file without any line is a BadInputError,
    unless it `may_be_empty`.
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
    kinds: dict[str, pl.DataType] = {}
    for group in repeated:
        kinds |= dict.fromkeys(group, pl.Categorical(pl.Categories.random()))
    table = _read_fast(path, separator, quoted, width, start, places, columns, kinds)
    if table is None:
        table = _read_slowly(path, reading, separator, quoted, width, start, places, columns)
    if header and columns:
        again = table.select(pl.all_horizontal(pl.col(name) == name for name in columns)).to_series().to_numpy()
        table = reading.drop(table, again, path, "header", "the header stands here again; join files without theirs")
    if table.is_empty() and not may_be_empty:
        if any(bad.file == str(path) for bad in reading.bad_lines):
            raise BadInputError(path, reading.only_bad_lines(path))
        raise BadInputError(path, f"holds {'only a header' if start == 2 else 'no lines'}")
    missing = [pl.lit("").alias(name) for name in optional if name not in places]
    return table.with_columns(pl.col(name).fill_null("") for name in optional if name in places).with_columns(missing)


def read_utf8(path: Path, may_be_empty: bool = False) -> str:
    """The text of a file, unpacked, without the mark that some editors set before it.

    One that is not UTF-8, or holds a NUL, is a BadInputError, and so is an empty one, unless it `may_be_empty`.
    """
    content = read_bytes(path)
    if not content.strip() and not may_be_empty:
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
        came = " ".join(name if name.isprintable() else repr(name) for name in first[:12]) + (
            " …" if len(first) > 12 else ""
        )
        close = close_words(missing[0], [name for name in first if name not in columns])
        hint = f"; is {close[0]!r} meant?" if close else ""
        message = f"the first line should be a header with {' '.join(columns)}; {missing[0]} is not in it{hint}"
        raise BadInputError(path, f"{message} (it is: {came})", 1)
    twice = next((name for name in [*columns, *optional] if list(first).count(name) > 1), None)
    if twice:
        raise BadInputError(path, f"the header names {twice} twice", 1)
    return {name: list(first).index(name) for name in [*columns, *optional] if name in first}


def _read_fast(
    path: Path,
    separator: str,
    quoted: bool,
    width: int,
    start: int,
    places: dict[str, int],
    columns: Sequence[str],
    kinds: Mapping[str, pl.DataType] = MappingProxyType({}),
) -> pl.DataFrame | None:
    """What polars makes of a sound file; None where a line is in doubt."""
    # what holds quotes is looked at before, so it is unpacked here; else polars does it
    unpacked = path.suffix in (".bz2", ".xz") or (quoted and path.suffix in PACKED)
    content = read_bytes(path) if unpacked else None
    by_polars = content is None and path.suffix in PACKED
    if not by_polars and _is_in_doubt(path if content is None else content, separator, quoted, start):
        return None
    try:
        by_place = {places[name]: kind for name, kind in kinds.items()}
        table = _parse(path if content is None else io.BytesIO(content), separator, quoted, width, start, by_place)
    except (pl.exceptions.PolarsError, OSError):
        return None
    if quoted and table.select(pl.any_horizontal(pl.all().str.contains("\n", literal=True).any())).item():
        return None  # every later line's number depends on it
    table = table.select(pl.col(f"column_{place + 1}").alias(name) for name, place in places.items())
    empty = pl.col(columns).is_null().any()  # only quotes make a field that is there and empty
    if columns and table.select(pl.any_horizontal(empty | (pl.col(columns) == "").any() if quoted else empty)).item():
        return None
    if by_polars and any(texts_of(column).str.contains("\0", literal=True).any() for column in table):
        return None
    return table.with_columns(line=pl.int_range(start, start + pl.len(), dtype=pl.Int64))


def texts_of(column: pl.Series) -> pl.Series:
    """The texts of a column; of categories, each once."""
    return column.unique().cast(pl.String) if isinstance(column.dtype, pl.Categorical) else column


def _parse(
    source: Path | IO[bytes],
    separator: str,
    quoted: bool,
    width: int,
    start: int = 1,
    kinds: Mapping[int, pl.DataType] = MappingProxyType({}),
) -> pl.DataFrame:
    """The fields from the line `start` on, as text but where kinds says otherwise; named as polars numbers them."""
    schema = {f"column_{i + 1}": kinds.get(i, pl.String()) for i in range(width)}
    return pl.read_csv(
        source,
        separator=separator,
        has_header=False,
        skip_lines=start - 1,  # skip_rows would pass over all lines between the quotes of a header
        quote_char='"' if quoted else None,
        schema=schema,  # all of them: with some alone, polars passes over fields too many
        missing_columns="insert",
        raise_if_empty=False,
        glob=False,
    )


def _is_in_doubt(source: Path | bytes, separator: str, quoted: bool, start: int) -> bool:
    """Whether a file, or its content, holds what polars and others make different things of.

    That is a NUL, a separator as the very last byte, and quotes within a field.
    """
    if not isinstance(source, bytes):
        with source.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return _holds_doubt(content, separator, quoted, start)
    return _holds_doubt(source, separator, quoted, start)


def _holds_doubt(content: bytes | mmap.mmap, separator: str, quoted: bool, start: int) -> bool:
    if content.find(b"\0") >= 0 or content[-1:] == separator.encode():
        return True
    return quoted and _has_odd_quotes(content, separator, start)


def _has_odd_quotes(content: bytes | mmap.mmap, separator: str, start: int) -> bool:
    """Whether a quote stands elsewhere than around a whole field or, doubled, within one; or a return within a line."""
    if content.find(b"\r") >= 0 and _has_lone_return(content):
        return True  # polars takes it off the end of a field
    begin = 0 if start == 1 else content.find(b"\n") + 1 or len(content)
    if content.find(b'"', begin) < 0:
        return False
    view = np.frombuffer(content, np.uint8)
    opens, closes = (
        np.isin(np.arange(256), list(signs.encode())) for signs in (separator + '\n"', separator + '\n\r"')
    )
    within = 0  # 1 where a quote is open
    for place in range(begin, len(view), _CHUNK):
        quotes = np.flatnonzero(view[place : place + _CHUNK] == ord('"')) + place
        opening, closing = quotes[within::2], quotes[1 - within :: 2]
        within ^= len(quotes) & 1
        if not opens[view[opening[opening > 0] - 1]].all():
            return True
        after = closing[closing < len(view) - 1] + 1
        if not closes[view[after]].all():
            return True
    return bool(within)


def _has_lone_return(content: bytes | mmap.mmap) -> bool:
    view = np.frombuffer(content, np.uint8)
    for place in range(0, len(view), _CHUNK):
        after = np.flatnonzero(view[place : place + _CHUNK] == ord("\r")) + place + 1
        if (after >= len(view)).any() or (view[after] != ord("\n")).any():
            return True
    return False


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
    """The rows that are right; each other is noted. What is right is kept as text, and polars makes the table of it."""
    content = read_bytes(path).removeprefix(BOM)
    needed = [places[name] for name in columns]
    look = Look(path, reading, separator, width, start, needed)
    lines: Sequence[int] | np.ndarray
    if quoted:
        good, lines = good_records(content, look, list(places.values()))
        names = dict(zip(places, range(len(places)), strict=True))
        separator, width = ",", len(places)
    else:
        good, lines = good_lines(content, look)
        names = places
    if not len(lines):
        return pl.DataFrame(schema={**dict.fromkeys(places, pl.String), "line": pl.Int64})
    table = _parse(good, separator, quoted, width)
    table = table.select(pl.col(f"column_{place + 1}").fill_null("").alias(name) for name, place in names.items())
    return table.with_columns(line=pl.Series(lines, dtype=pl.Int64))


def first_fields(path: Path, separator: str, quoted: bool | None = None) -> list[str]:
    """The fields of the first line."""
    try:
        with open_binary(path) as file:
            line = file.readline()
    except FileNotFoundError:
        raise BadInputError(path, "is missing") from None
    except unpacking_errors():
        line = read_bytes(path).partition(b"\n")[0]  # says what is wrong with the file
    line = line.removeprefix(BOM).rstrip(b"\r\n")
    if not line and not read_bytes(path):
        raise BadInputError(path, "is empty")
    quoted = separator == "," if quoted is None else quoted
    if not quoted:
        return line.decode("utf-8", "surrogateescape").split(separator)
    fields = next(csv.reader([csv_line(line)], delimiter=separator), [""])
    return [field.replace(RETURN, "\r") for field in fields]


def header_fields(path: Path, separator: str) -> list[str]:
    """The fields of the first line, which is a header; one that is no text is a BadInputError."""
    first = first_fields(path, separator)
    _check_header(path, first)
    return first


def _check_header(path: Path, first: Sequence[str]) -> None:
    problem = problem_of(first, len(first), [], "", "\t".join(first))
    if problem is not None:
        raise BadInputError(path, problem[1], 1)
    if first and first[-1].endswith("\n"):
        raise BadInputError(path, f"a quote in the header is opened and not closed: {first[-1][:200]!r}", 1)
