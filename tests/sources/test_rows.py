"""A user's tables, read with all their columns and written again."""

import csv
import io
import json
from datetime import date
from pathlib import Path

import polars as pl
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgdrug.errors import BadInputError, UsageError
from kgdrug.sources.rows import Rows, read_rows, write_rows
from kgdrug.sources.sheets import Column

ADDED = {
    Column("score", "number"): [0.5, None],
    Column("known"): ["CtD (train)", ""],
    Column("rank", "whole"): [3, None],
}
ABOUT = {"model": "small"}


def read(folder: Path, name: str, text: str) -> Rows:
    (folder / name).write_text(text, encoding="utf-8", newline="")
    return read_rows(folder / name, ["score", "rank"])


@pytest.mark.parametrize(
    ("name", "text", "asked"),
    [
        ("a.tsv", "compound\tdisease\nC0\tD0\nC1\tD1\n", [("C0", "D0"), ("C1", "D1")]),
        ("a.tsv", "note\tdrugbank_id\tdoid_id\n\tDB1\tDOID:1\n", [("DB1", "DOID:1")]),
        ("a.tsv", "head\tmetaedge\trelation\ttail\nC0\tCtD\ttreats\tD0\n", [("C0", "CtD", "D0")]),
        ("a.tsv", "Tail\tRELATION\thead\nD0\tCtD\tC0\n", [("C0", "CtD", "D0")]),
        ("a.tsv", "head\ttail\nC0\tD0\n\n", [("C0", "D0")]),  # a pair: no relation; and an empty line
        ("a.csv", 'Disease,Compound\n" D0","C,0"\n', [("C,0", "D0")]),
    ],
)
def test_the_columns_that_ask_are_found(tmp_path: Path, name: str, text: str, asked: list[tuple[str, ...]]) -> None:
    assert read(tmp_path, name, text).asked == asked


def test_a_row_knows_its_line(tmp_path: Path) -> None:
    rows = read(tmp_path, "a.csv", 'compound,disease,note\nC0,D0,"two\nlines"\n\nC1,D1,\n')
    assert [rows.where(i) for i in range(2)] == ["line 2", "line 5"]
    assert str(rows.error(1, "is wrong")).endswith("a.csv, line 5: is wrong")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.tsv", "drug\tgene\nC0\tG0\n", "line 1: the columns should be head relation tail, or compound disease"),
        ("a.tsv", "compound\tdisease\tscore\nC0\tD0\t1\n", "has a column score, a name that is needed here"),
        ("a.tsv", "compound\tdisease\tline\nC0\tD0\t1\n", "has a column line, a name that is needed here"),
        ("a.tsv", "compound\tdisease\nC0\n", "line 2"),
        ("a.tsv", "compound\tdisease\n\tD0\n", "line 2: an empty field"),
        ("a.tsv", "compound\tdisease\n", "holds only a header"),
        ("a.tsv", "", "is empty"),
        ("a.parquet", "no parquet", "cannot be read as Parquet"),
    ],
)
def test_a_table_that_does_not_fit_is_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(BadInputError, match=message) as error:
        read(tmp_path, name, text)
    assert name in str(error.value)


def test_a_table_that_is_not_there_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        read_rows(tmp_path / "none.tsv", [])


def test_an_empty_parquet_table_is_named(tmp_path: Path) -> None:
    pl.DataFrame({"compound": [], "disease": []}).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(BadInputError, match="holds no rows"):
        read_rows(tmp_path / "a.parquet", [])


@given(st.lists(st.tuples(*[st.text(st.characters(categories=("L", "N", "P", "Z")), min_size=1)] * 2), min_size=1))
def test_every_column_stays_as_it_was_and_new_ones_come_after(fields: list[tuple[str, str]]) -> None:
    import tempfile

    table = [("C0", "D0", *row) for row in fields]
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows([("compound", "disease", "note", "more"), *table])
    with tempfile.TemporaryDirectory() as folder:
        rows = read(Path(folder), "a.csv", stream.getvalue())
    out, numbers = io.StringIO(), list(range(len(table)))
    write_rows(rows, {Column("rank", "whole"): numbers}, "csv", ABOUT, out)
    header, *found = csv.reader(io.StringIO(out.getvalue(), newline=""))
    assert header == ["compound", "disease", "note", "more", "rank"]
    assert found == [[*row, str(i)] for i, row in enumerate(table)]


@pytest.fixture
def typed(tmp_path: Path) -> Rows:
    """A Parquet table with columns of many types."""
    table = pl.DataFrame(
        {
            "disease": ["D0", None],
            "compound": ["C0", "C1"],
            "count": [1, 2**60],
            "share": [0.1, None],
            "day": [date(2020, 1, 2), None],
            "names": [["a", "b"], []],
            "yes": [True, None],
        }
    )
    table.write_parquet(tmp_path / "mine.parquet")
    return read_rows(tmp_path / "mine.parquet", ["score"])


def test_parquet_keeps_its_types_and_says_what_the_new_columns_are_of(typed: Rows, tmp_path: Path) -> None:
    assert typed.asked == [("C0", "D0"), ("C1", "")]
    assert str(typed.error(1, "is wrong")).endswith("mine.parquet: record 2: is wrong")
    write_rows(typed, ADDED, "parquet", ABOUT, tmp_path / "b.parquet")
    found = pl.read_parquet(tmp_path / "b.parquet")
    before = pl.read_parquet(tmp_path / "mine.parquet")
    assert found.select(before.columns).equals(before)
    assert found.schema == before.schema | {"score": pl.Float64, "known": pl.String, "rank": pl.Int64}
    assert found.select("score", "known", "rank").rows() == [(0.5, "CtD (train)", 3), (None, "", None)]
    assert json.loads(pyarrow.parquet.read_metadata(tmp_path / "b.parquet").metadata[b"kgdrug"]) == ABOUT


def test_what_is_no_number_is_text_elsewhere(typed: Rows, tmp_path: Path) -> None:
    write_rows(typed, ADDED, "csv", ABOUT, tmp_path / "b.csv")
    rows = list(csv.DictReader((tmp_path / "b.csv").open(newline="")))
    assert rows[0] == {
        "disease": "D0", "compound": "C0", "count": "1", "share": "0.1", "day": "2020-01-02", "names": "['a', 'b']",
        "yes": "True", "score": "0.5", "known": "CtD (train)", "rank": "3",
    }  # fmt: skip
    assert (rows[1]["count"], rows[1]["share"], rows[1]["yes"]) == (str(2**60), "", "")
    beside = json.loads((tmp_path / "b.csv-metadata.json").read_text())["tableSchema"]["columns"]
    assert {c["titles"]: c["datatype"] for c in beside}["count"] == "integer"
    with pytest.raises(UsageError, match="to a file alone"):
        write_rows(typed, ADDED, "parquet", ABOUT, io.StringIO())
