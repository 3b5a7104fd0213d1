"""The lines and records of a text file, one by one: which are right, and what is wrong with each that is not."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from kgdrug.sources.bad_lines import Reading

BOM = b"\xef\xbb\xbf"
RETURN, _END = "\udc0d", "\udc0e"  # stand for a carriage return, which the csv module refuses, and for the end
csv.field_size_limit(2**31 - 1)


@dataclass(frozen=True)
class Look:
    """What is expected of the lines of a file."""

    path: Path
    reading: "Reading"
    separator: str
    width: int
    start: int
    needed: Sequence[int]

    def is_good(self, line: int, fields: Sequence[str], text: str, closed: bool = True) -> bool:
        """Whether a line is right; one that is not is noted."""
        problem = problem_of(fields, self.width, self.needed, "comma" if self.separator == "," else "tab", text)
        if not closed:
            problem = "quotes", f"a quote is opened and not closed: {text[:200]!r}"
        if problem is not None:
            shown = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            self.reading.bad(self.path, line, *problem, shown)
        return problem is None


def good_lines(content: bytes, look: Look) -> tuple[IO[bytes], np.ndarray]:
    """The lines that are right, and their numbers."""
    sign, least = re.escape(look.separator), max(look.needed, default=0) + 1
    fields = [f"[^{sign}\0\r]{'+' if i in look.needed else '*'}" for i in range(least)]
    more = f"(?:{sign}[^{sign}\0\r]*){{0,{look.width - least}}}"
    usual = re.compile((sign.join(fields) + more).encode()).fullmatch  # most lines need no closer look
    bad: list[int] = []
    pieces, kept, place = [BOM], 0, 0
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


def good_records(content: bytes, look: Look, places: Sequence[int]) -> tuple[IO[bytes], list[int]]:
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


def problem_of(
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
            text = text_of(content[place : file.tell()], "surrogateescape")
            yield line, [field.replace(RETURN, "\r") for field in fields] or [""], text, True
            line, place = before + reader.line_num, file.tell()
        if place == len(content):
            return
        # a quote reaches to the end: its line is bad, and what follows is read anew
        file.seek(place)
        text = text_of(file.readline(), "surrogateescape")
        yield line, [text], text, False
        line += 1


def _csv_lines(file: IO[bytes]) -> Iterator[str]:
    """The lines as the csv module takes them, and a last one that shows a quote that is still open."""
    for raw in file:
        yield csv_line(raw)
    yield _END


def csv_line(raw: bytes) -> str:
    return text_of(raw, "surrogateescape").replace("\r", RETURN) + "\n"


def text_of(raw: bytes, errors: str = "replace") -> str:
    """A line without its end; `errors` says what becomes of bytes that are no UTF-8, as in bytes.decode."""
    return raw.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", errors)


def separator_of(path: Path) -> str:
    """A comma for `.csv`, whatever packs it, else a tab."""
    return "," if ".csv" in path.suffixes[-2:] else "\t"
