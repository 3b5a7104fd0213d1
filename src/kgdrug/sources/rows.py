"""A user's table of triples or pairs, with all its columns, so that something can be said of each row."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

import polars as pl

from kgdrug.errors import BadInputError, first_line
from kgdrug.graph.store import fresh_file
from kgdrug.sources.lines import separator_of
from kgdrug.sources.pairs import COLUMNS, PastEmptyLines
from kgdrug.sources.pipes import reread
from kgdrug.sources.reading import header_fields, read_table
from kgdrug.sources.sheets import Column, sheet

# what a column of a triple may be called, in any case; the first that is there counts
TRIPLE = {"head": ("head",), "relation": ("metaedge", "relation"), "tail": ("tail",)}
_KINDS = {"text": pl.String, "whole": pl.Int64, "number": pl.Float64, "single": pl.Float32}


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a table, and what each asks about.

    asked: of each row `(head, relation, tail)`, or `(compound, disease)`, as the table writes them; lines: of each row
    its number; table: all columns, text but in Parquet; form: `csv`, `tsv` or `parquet`.
    """

    path: Path
    asked: Sequence[tuple[str, ...]]
    lines: Sequence[int]
    table: pl.DataFrame
    form: str

    def where(self, row: int) -> str:
        """The place of a row in the file: `line 3`, or `record 2` where there are no lines."""
        return f"{'record' if self.form == 'parquet' else 'line'} {self.lines[row]}"

    def error(self, row: int, message: str) -> BadInputError:
        """What is wrong with a row, by its place in the file."""
        if self.form == "parquet":
            return BadInputError(self.path, f"{self.where(row)}: {message}")
        return BadInputError(self.path, message, self.lines[row])


def read_rows(path: Path, added: Sequence[str]) -> Rows:
    """A table with columns `head relation tail` (or `metaedge`), or `compound disease` (or what `read_pairs` takes).

    Tab-separated, or `.csv`, whatever packs it, or `.parquet`; a pipe is one as well. A table that has a column called
    as one that is to be `added` is a BadInputError, as is one without a row.
    """
    with reread(path) as file:
        return replace(_read_rows(file, added), path=path)


def _read_rows(path: Path, added: Sequence[str]) -> Rows:
    if path.suffix == ".parquet":
        table, form = _read_parquet(path), "parquet"
        columns = _columns(path, table.columns, added)
        lines: Sequence[int] = range(1, len(table) + 1)
    else:
        separator = separator_of(path)
        header, form = header_fields(path, separator), "csv" if separator == "," else "tsv"
        columns = _columns(path, header, [*added, "line"])
        others = [name for name in header if name not in columns]
        table = read_table(path, PastEmptyLines(), columns, others, header=True, separator=separator)
        lines, table = table["line"].to_list(), table.select(header)
    asked = table.select(pl.col(column).cast(pl.String).fill_null("").str.strip_chars() for column in columns)
    return Rows(path, asked.rows(), lines, table, form)


def write_rows(
    rows: Rows,
    added: Mapping[Column, Sequence[Any]],
    form: str,
    about: Mapping[str, object],
    out: Path | TextIO,
    force: bool = False,
) -> None:
    """Write the rows with columns after their own; all keep their types in Parquet, numbers alone in other forms."""
    if form == "parquet" and isinstance(out, Path):
        new = [pl.Series(column.name, values, _KINDS[column.kind]) for column, values in added.items()]
        with fresh_file(out, force) as path:
            said = {"kgdrug": json.dumps(dict(about), ensure_ascii=False)}
            rows.table.with_columns(new).write_parquet(path, metadata=said)
        return
    own = {_column(values): _values(values) for values in rows.table}
    with sheet(out, form, [*own, *added], about, force) as write:
        write({column.name: values for column, values in (own | dict(added)).items()})


def _column(values: pl.Series) -> Column:
    return Column(
        values.name, "whole" if values.dtype.is_integer() else "number" if values.dtype.is_float() else "text"
    )


def _values(values: pl.Series) -> list[Any]:
    listed = values.to_list()
    if values.dtype == pl.String or values.dtype.is_numeric():
        return listed
    return [None if value is None else str(value) for value in listed]


def _columns(path: Path, header: Sequence[str], added: Sequence[str]) -> list[str]:
    """The columns that say what a row asks about."""
    clash = next((name for name in header if name in added), None)
    if clash is not None:
        raise BadInputError(path, f"has a column {clash}, a name that is needed here; call it otherwise")
    plain = {name.strip().casefold().replace(" ", "_"): name for name in reversed(header)}
    for names in (TRIPLE, COLUMNS):
        found = [next((plain[name] for name in known if name in plain), None) for known in names.values()]
        if None not in found:
            return [name for name in found if name is not None]
    words = f"the columns should be head relation tail, or compound disease, among others; they are: {' '.join(header)}"
    raise BadInputError(path, words, None if path.suffix == ".parquet" else 1)


def _read_parquet(path: Path) -> pl.DataFrame:
    try:
        table = pl.read_parquet(path, glob=False)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise BadInputError(path, f"cannot be read as Parquet: {first_line(error)}") from None
    if table.is_empty():
        raise BadInputError(path, "holds no rows")
    return table
