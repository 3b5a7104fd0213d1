"""JSON text to values, and records to tables of text."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from kgdrug.sources.bad_lines import Reading


def parse_json(text: str) -> Any:
    """What a JSON text says, numbers as they are written; a ValueError where it says nothing."""
    try:
        return json.loads(text, parse_int=str, parse_float=str)
    except RecursionError:
        raise ValueError("nested too deep") from None


def table_of(rows: Iterable[tuple[Any, ...]], columns: Sequence[str], file: Path, reading: Reading) -> pl.DataFrame:
    """Rows of text as a table; the last column is the `line` (a number) or the `record` (text) that a row came from.

    JSON can write what no text holds, half a character or a NUL: a row with one is bad.
    """
    schema = dict.fromkeys(columns, pl.String) | ({"line": pl.Int64} if columns[-1] == "line" else {})
    rows = list(rows)
    try:
        table = pl.DataFrame(rows, schema=schema, orient="row")
    except UnicodeEncodeError:
        sound = [tuple(_replaced(value) for value in row) for row in rows]
        table = pl.DataFrame(sound, schema=schema, orient="row")
        half = pl.Series([one != other for one, other in zip(rows, sound, strict=True)]).to_numpy()
        table = reading.drop(table, half, file, "encoding", "holds half a character (a lone surrogate)")
    nul = table.select(pl.any_horizontal(pl.col(pl.String).str.contains("\0", literal=True))).to_series()
    return reading.drop(table, nul.to_numpy(), file, "NUL", "holds a NUL, which no text has")


def _replaced(value: Any) -> Any:
    """The value with lone surrogates as question marks."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
