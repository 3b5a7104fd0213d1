"""Text files to tables of fields, and the exact line where one of them is wrong.

Polars reads a sound file at the speed of the disk. What it stumbles over, or what fails the checks after it, is read
again line by line in plain Python, slowly, to say which line it is and what is wrong with it.
"""

import csv
import io
import mmap
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

import numpy as np
import polars as pl

from kgdrug.errors import BadInputError, close_words
from kgdrug.sources.packed import PACKED as PACKED
from kgdrug.sources.packed import open_binary, read_bytes, unpacking_errors

_RETURN, _END = "\udc0d", "\udc0e"  # stand for a carriage return, which the csv module refuses, and for the end
csv.field_size_limit(2**31 - 1)
_BOM = b"\xef\xbb\xbf"
_CHUNK = 1 << 24
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_NOT_OURS = ("line", "record", "file")  # columns of a table that no file has, besides those that start with _


@dataclass(frozen=True)
class BadLine:
    """A line that was set aside: where it stood, what kind of problem it has, and what came.

    text: what was read of it; the line itself is fetched from the file when it is written down.
    """

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

    def only_bad_lines(self, file: Path) -> str:
        """That nothing in a file was right, with how many lines were wrong and how."""
        kinds = sorted(Counter(bad.kind for bad in self.bad_lines if bad.file == str(file)).items())
        return "holds only bad lines" + (f": {', '.join(f'{n} {kind}' for kind, n in kinds)}" if kinds else "")

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


def write_bad_lines(reading: Reading, path: Path) -> None:
    r"""Write the lines that were set aside, one a line: `file line kind message text`, separated by tabs.

    The text is the line as it stands in its file, so that it can be repaired and read again. In it a tab is written
    `\\t`, a backslash `\\\\`, and a line end within quotes `\\n`. A record that has no line is written as it was read.
    """
    wanted: dict[str, dict[int, bool]] = defaultdict(dict)
    for bad in reading.bad_lines:
        if bad.line is not None:
            wanted[bad.file][bad.line] = wanted[bad.file].get(bad.line, False) or "\n" in bad.text
    texts = {file: _lines_at(Path(file), lines) for file, lines in wanted.items()}
    with path.open("w", encoding="utf-8", newline="\n") as out:
        out.write("file\tline\tkind\tmessage\ttext\n")
        for bad in reading.bad_lines:
            fields = [bad.file, "" if bad.line is None else str(bad.line), bad.kind, bad.message]
            text = bad.text if bad.line is None else texts[bad.file].get(bad.line, bad.text)
            row = [" ".join(field.split("\t")).replace("\n", " ") for field in fields]
            out.write("\t".join([*row, text.translate(_ESCAPES)]) + "\n")


def _lines_at(path: Path, wanted: Mapping[int, bool]) -> dict[int, str]:
    """The lines of a file with these numbers; none where it can't be read any more.

    wanted: whether the record that begins in this line goes on in the next.
    """
    texts: dict[int, str] = {}
    last = max(wanted)
    try:
        with open_binary(path) as file:
            numbered = enumerate(file, 1)
            for number, raw in numbered:
                if number in wanted:
                    raws = [raw.removeprefix(_BOM) if number == 1 else raw]
                    if wanted[number]:
                        next(csv.reader(_collected(raws, numbered), delimiter=separator_of(path)), None)
                    texts[number] = _text(b"".join(raws))
                if number >= last:
                    break
    except unpacking_errors():
        pass
    return texts


def _collected(raws: list[bytes], numbered: Iterator[tuple[int, bytes]]) -> Iterator[str]:
    """The lines that the csv module takes for one record, each of which is kept."""
    yield _csv_line(raws[0])
    for _, raw in numbered:
        raws.append(raw)
        yield _csv_line(raw)


def _text(raw: bytes, errors: str = "replace") -> str:
    """A line without its end; `errors` says what becomes of bytes that are no UTF-8, as in bytes.decode."""
    return raw.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", errors)


def located(row: Mapping[str, Any], message: str) -> str:
    """The message with the number of the record in front, where a file has records and no lines."""
    return f"record {row['record']}: {message}" if row.get("record") is not None else message


def separator_of(path: Path) -> str:
    """A comma for `.csv`, whatever packs it, else a tab."""
    return "," if ".csv" in path.suffixes[-2:] else "\t"


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
    content = read_bytes(path).removeprefix(_BOM)
    needed = [places[name] for name in columns]
    look = _Look(path, reading, separator, width, start, needed)
    lines: Sequence[int] | np.ndarray
    if quoted:
        good, lines = _good_records(content, look, list(places.values()))
        names = dict(zip(places, range(len(places)), strict=True))
        separator, width = ",", len(places)
    else:
        good, lines = _good_lines(content, look)
        names = places
    if not len(lines):
        return pl.DataFrame(schema={**dict.fromkeys(places, pl.String), "line": pl.Int64})
    table = _parse(good, separator, quoted, width)
    table = table.select(pl.col(f"column_{place + 1}").fill_null("").alias(name) for name, place in names.items())
    return table.with_columns(line=pl.Series(lines, dtype=pl.Int64))


@dataclass(frozen=True)
class _Look:
    """What is expected of the lines of a file."""

    path: Path
    reading: Reading
    separator: str
    width: int
    start: int
    needed: Sequence[int]

    def is_good(self, line: int, fields: Sequence[str], text: str, closed: bool = True) -> bool:
        """Whether a line is right; one that is not is noted."""
        problem = _problem(fields, self.width, self.needed, "comma" if self.separator == "," else "tab", text)
        if not closed:
            problem = "quotes", f"a quote is opened and not closed: {text[:200]!r}"
        if problem is not None:
            shown = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            self.reading.bad(self.path, line, *problem, shown)
        return problem is None


def _good_lines(content: bytes, look: _Look) -> tuple[IO[bytes], np.ndarray]:
    """The lines that are right, and their numbers."""
    sign, least = re.escape(look.separator), max(look.needed, default=0) + 1
    fields = [f"[^{sign}\0\r]{'+' if i in look.needed else '*'}" for i in range(least)]
    more = f"(?:{sign}[^{sign}\0\r]*){{0,{look.width - least}}}"
    usual = re.compile((sign.join(fields) + more).encode()).fullmatch  # most lines need no closer look
    bad: list[int] = []
    pieces, kept, place = [_BOM], 0, 0
    number = 0
    for number, raw in enumerate(io.BytesIO(content), 1):
        line = raw.removesuffix(b"\n").removesuffix(b"\r")
        passed = number < look.start
        if passed or not usual(line) or not (line.isascii() or _is_utf8(line)):
            text = line.decode("utf-8", "surrogateescape")
            parts = raw.removesuffix(b"\n").decode("utf-8", "surrogateescape").split(look.separator)
            parts = [part.removesuffix("\r") for part in parts]  # as polars does
            if passed or not look.is_good(number, parts, text):
                bad.append(number)
                pieces.append(content[kept:place])
                kept = place + len(raw)
        place += len(raw)
    good = io.BytesIO(b"".join([*pieces, content[kept:]]))
    return good, np.delete(np.arange(1, number + 1), np.array(bad, np.int64) - 1)


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _good_records(content: bytes, look: _Look, places: Sequence[int]) -> tuple[IO[bytes], list[int]]:
    """The fields in these places of the records that are right, all quoted, and the lines where they begin."""
    good, lines = io.BytesIO(), []
    out = io.TextIOWrapper(good, "utf-8", newline="")
    write = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow
    for line, fields, text, closed in _records(content, look.separator):
        if line >= look.start and look.is_good(line, fields, text, closed):
            write([fields[i] if i < len(fields) else "" for i in places])
            lines.append(line)
    out.flush()
    out.detach()  # else it would close what it writes to
    good.seek(0)
    return good, lines


def _problem(
    fields: Sequence[str], width: int, needed: Sequence[int], separator: str, line: str
) -> tuple[str, str] | None:
    """The kind of problem that a line has, and the message."""
    try:
        line.encode()
    except UnicodeEncodeError as error:
        return "encoding", not_utf8(line[error.start].encode("utf-8", "surrogateescape"))
    shown = repr(line[:200])
    if "\0" in line:
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


def _records(content: bytes, separator: str) -> Iterator[tuple[int, list[str], str, bool]]:
    """Where each record begins, its fields, its text, and whether its quotes are closed; else it is one line.

    Bytes that are no UTF-8 stand as lone surrogates.
    """
    file, line = io.BytesIO(content), 1
    while True:
        reader, before, place = csv.reader(_csv_lines(file), delimiter=separator), line, file.tell()
        for fields in reader:
            if fields and _END in fields[-1]:
                break
            text = _text(content[place : file.tell()], "surrogateescape")
            yield line, [field.replace(_RETURN, "\r") for field in fields] or [""], text, True
            line, place = before + reader.line_num, file.tell()
        if place == len(content):
            return
        # a quote reaches to the end: its line is bad, and what follows is read anew
        file.seek(place)
        text = _text(file.readline(), "surrogateescape")
        yield line, [text], text, False
        line += 1


def _csv_lines(file: IO[bytes]) -> Iterator[str]:
    """The lines as the csv module takes them, and a last one that shows a quote that is still open."""
    for raw in file:
        yield _csv_line(raw)
    yield _END


def _csv_line(raw: bytes) -> str:
    return _text(raw, "surrogateescape").replace("\r", _RETURN) + "\n"


def first_fields(path: Path, separator: str, quoted: bool | None = None) -> list[str]:
    """The fields of the first line."""
    try:
        with open_binary(path) as file:
            line = file.readline()
    except FileNotFoundError:
        raise BadInputError(path, "is missing") from None
    except unpacking_errors():
        line = read_bytes(path).partition(b"\n")[0]  # says what is wrong with the file
    line = line.removeprefix(_BOM).rstrip(b"\r\n")
    if not line and not read_bytes(path):
        raise BadInputError(path, "is empty")
    quoted = separator == "," if quoted is None else quoted
    if not quoted:
        return line.decode("utf-8", "surrogateescape").split(separator)
    fields = next(csv.reader([_csv_line(line)], delimiter=separator), [""])
    return [field.replace(_RETURN, "\r") for field in fields]


def header_fields(path: Path, separator: str) -> list[str]:
    """The fields of the first line, which is a header; one that is no text is a BadInputError."""
    first = first_fields(path, separator)
    _check_header(path, first)
    return first


def _check_header(path: Path, first: Sequence[str]) -> None:
    problem = _problem(first, len(first), [], "", "\t".join(first))
    if problem is not None:
        raise BadInputError(path, problem[1], 1)
    if first and first[-1].endswith("\n"):
        raise BadInputError(path, f"a quote in the header is opened and not closed: {first[-1][:200]!r}", 1)
