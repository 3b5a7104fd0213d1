"""Tables that are written block by block, in bounded memory, and say what they are of.

Parquet has room for that in its own metadata, and a workbook in a second sheet. A CSV has none: most readers take a
line above the header for the header, and those that pass over lines with `#` cut a name in two that has one (as
happened to SSSOM's reader: https://github.com/mapping-commons/sssom-py/issues/31). So the table stays plain, and what
it is of stands beside it, where W3C's CSV on the Web looks for it: `answers.csv-metadata.json`
(https://www.w3.org/TR/tabular-data-model/#standard-file-metadata).

pyarrow and XlsxWriter load when a file of theirs is begun.
"""

import csv
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, TextIO

import numpy as np
from numpy.typing import NDArray

from kgdrug.errors import KgdrugError, UnknownNameError, UsageError
from kgdrug.graph.store import fresh_file, write_json

Kind = Literal["text", "whole", "number", "single"]
Values = Sequence[Any] | NDArray[Any]
Block = Mapping[str, Values]  # columns by name, all as long
Write = Callable[[Block], None]
BESIDE = "-metadata.json"  # what is added to a table's name
GROUP = 50_000  # rows that make a row group of Parquet
EXCEL_ROWS = 1_048_576  # the most that a sheet holds
_TOO_LONG = -2  # what XlsxWriter says of a text that it cuts
# each kind as Arrow and as CSV on the Web call it
_ARROW = {"text": "string", "whole": "int64", "number": "float64", "single": "float32"}
_CSVW = {"text": "string", "whole": "integer", "number": "double", "single": "float"}


@dataclass(frozen=True)
class Column:
    """A column: its name, what kind its values are (single: float32), and what they mean."""

    name: str
    kind: Kind = "text"
    about: str = ""


@contextmanager
def sheet(
    out: str | Path | TextIO, form: str, columns: Sequence[Column], about: Mapping[str, object], force: bool = False
) -> Iterator[Write]:
    """Takes the rows of a table, block by block; a file has its name when all went well, and is not there otherwise.

    form: one of FORMS; csv and tsv can go to a stream too, which has no room for `about`.
    """
    if form not in FORMS:
        raise UnknownNameError("form", form, choices=list(FORMS))
    if not isinstance(out, str | Path):
        with _text_writer(out, form, columns) as write:
            yield write
        return
    out = Path(out)
    beside = (out.name + BESIDE,) if form in SEPARATORS else ()
    with fresh_file(out, force, beside) as path:
        with FORMS[form](path, columns, about) as write:
            yield write
        for name in beside:
            write_json(path.with_name(name), _described(out.name, form, columns, about))


def about_text(value: object) -> str:
    """What is said about a table as text: `CC0 1.0: CbG, CtD; CC BY 4.0: DaG`."""
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {about_text(of)}" for key, of in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


SEPARATORS = {"csv": ",", "tsv": "\t"}


@contextmanager
def _text_writer(file: TextIO, form: str, columns: Sequence[Column]) -> Iterator[Write]:
    if form not in SEPARATORS:
        raise UsageError(f"{form} is written to a file alone")
    # as kgdrug reads them: quotes hold a field together where commas separate, and mean nothing between tabs
    quoting: dict[str, Any] = {} if form == "csv" else {"quoting": csv.QUOTE_NONE, "quotechar": None}
    usual = csv.writer(file, delimiter=SEPARATORS[form], lineterminator="\n", **quoting)
    careful = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
    texts = [column.name for column in columns if column.kind == "text"]

    def write(block: Block) -> None:
        rows = zip(*(_shortest(block[column.name]) for column in columns), strict=True)
        returns = any("\r" in text for name in texts for text in block[name] if text)  # which `usual` does not quote
        try:
            if returns and form == "tsv":
                raise csv.Error
            (careful if returns else usual).writerows(rows)
        except csv.Error:
            raise KgdrugError("a field holds a tab or a line end, for which a .tsv has no room; write .csv") from None

    write({column.name: [column.name] for column in columns})
    yield write


@contextmanager
def _text_file(form: str, path: Path, columns: Sequence[Column], about: Mapping[str, object]) -> Iterator[Write]:
    with path.open("w", encoding="utf-8", newline="") as file, _text_writer(file, form, columns) as write:
        yield write


def _plain(values: Values) -> Sequence[Any]:
    """Values as Python has them."""
    return values.tolist() if isinstance(values, np.ndarray) else values


def _shortest(values: Values) -> Sequence[Any]:
    """The same, with no more digits of a float32 than it takes to read it back."""
    return _plain(values.astype(str) if isinstance(values, np.ndarray) and values.dtype == np.float32 else values)


def _described(name: str, form: str, columns: Sequence[Column], about: Mapping[str, object]) -> dict[str, object]:
    """A table's metadata as W3C's CSV on the Web has it."""
    described: dict[str, object] = {"@context": "http://www.w3.org/ns/csvw", "url": name}
    if form == "tsv":
        described["dialect"] = {"delimiter": "\t", "quoteChar": None}
    schema = [
        {"titles": column.name, "datatype": _CSVW[column.kind]}
        | ({"dc:description": column.about} if column.about else {})
        for column in columns
    ]
    return described | {"tableSchema": {"columns": schema}, "notes": [dict(about)]}


@contextmanager
def _parquet(path: Path, columns: Sequence[Column], about: Mapping[str, object]) -> Iterator[Write]:
    """The metadata's key `kgdrug` holds what the table is of, as JSON.

    Blocks are kept until they are worth a row group: the writer remembers each group to the end.
    """
    import pyarrow
    from pyarrow.parquet import ParquetWriter

    fields = [(column.name, getattr(pyarrow, _ARROW[column.kind])()) for column in columns]
    schema = pyarrow.schema(fields, {"kgdrug": json.dumps(dict(about), ensure_ascii=False)})
    waiting: list[Any] = []
    with ParquetWriter(path, schema) as file:

        def write(block: Block) -> None:
            waiting.append(pyarrow.table({name: block[name] for name, _ in fields}, schema))
            if sum(map(len, waiting)) >= GROUP:
                file.write_table(pyarrow.concat_tables(waiting))
                waiting.clear()

        yield write
        if waiting:
            file.write_table(pyarrow.concat_tables(waiting))


@contextmanager
def _workbook(path: Path, columns: Sequence[Column], about: Mapping[str, object]) -> Iterator[Write]:
    """A workbook whose texts stay texts, whatever they begin with: a name is never a formula or a link."""
    try:
        import xlsxwriter
    except ImportError:
        raise KgdrugError("Excel files need XlsxWriter: pip install 'kgdrug[excel]'") from None
    options = {"constant_memory": True, "tmpdir": str(path.parent)}
    book = xlsxwriter.Workbook(path, options)
    table, notes = book.add_worksheet("table"), book.add_worksheet("about")
    bold, text = book.add_format({"bold": True}), book.add_format({"quote_prefix": True})
    row = 1

    def put(page: Any, place: tuple[int, int], value: object) -> None:
        if isinstance(value, int | float) and math.isfinite(value):
            page.write_number(*place, value)
        elif value not in (None, "") and page.write_string(*place, str(value), text) == _TOO_LONG:
            raise UsageError("a cell of Excel holds 32,767 letters, and one here has more; write csv or parquet")

    def write(block: Block) -> None:
        nonlocal row
        for values in zip(*(_plain(block[column.name]) for column in columns), strict=True):
            if row == EXCEL_ROWS:
                raise UsageError(f"a sheet of Excel holds {EXCEL_ROWS:,} rows; write csv or parquet")
            for i, value in enumerate(values):
                put(table, (row, i), value)
            row += 1

    for i, column in enumerate(columns):
        table.write_string(0, i, column.name, bold)
    table.freeze_panes(1, 0)
    said = [*about.items(), *((column.name, column.about) for column in columns if column.about)]
    for i, (name, value) in enumerate(said):
        notes.write_string(i, 0, name, bold)
        put(notes, (i, 1), about_text(value))
    yield write
    table.autofilter(0, 0, row - 1, len(columns) - 1)
    book.close()


FORMS: dict[str, Callable[..., AbstractContextManager[Write]]] = {
    "csv": partial(_text_file, "csv"),
    "tsv": partial(_text_file, "tsv"),
    "parquet": _parquet,
    "xlsx": _workbook,
}
