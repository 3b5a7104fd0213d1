"""What is wrong with the lines of files that are read: raised, or set aside and written down."""

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from kgdrug.errors import BadInputError
from kgdrug.sources.lines import BOM, csv_line, separator_of, text_of
from kgdrug.sources.packed import open_binary, unpacking_errors

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
                    raws = [raw.removeprefix(BOM) if number == 1 else raw]
                    if wanted[number]:
                        next(csv.reader(_collected(raws, numbered), delimiter=separator_of(path)), None)
                    texts[number] = text_of(b"".join(raws))
                if number >= last:
                    break
    except unpacking_errors():
        pass
    return texts


def _collected(raws: list[bytes], numbered: Iterator[tuple[int, bytes]]) -> Iterator[str]:
    """The lines that the csv module takes for one record, each of which is kept."""
    yield csv_line(raws[0])
    for _, raw in numbered:
        raws.append(raw)
        yield csv_line(raw)


def located(row: Mapping[str, Any], message: str) -> str:
    """The message with the number of the record in front, where a file has records and no lines."""
    return f"record {row['record']}: {message}" if row.get("record") is not None else message
