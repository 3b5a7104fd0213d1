"""Tables of every form, read back with the tools people read them with."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgdrug.errors import KgdrugError, UsageError
from kgdrug.sources import sheets
from kgdrug.sources.sheets import FORMS, Column, about_text, sheet

COLUMNS = (
    Column("id", about="what it is"),
    Column("rank", "whole"),
    Column("score", "number"),
    Column("fit", "single"),
)
ABOUT = {"model": "small", "licences": {"CC0 1.0": ["CbG", "CtD"], "CC BY 4.0": ["DaG"]}}
# what a spreadsheet may take for a formula, a number or a link, and what a CSV has to quote
NAMES = ["=1+1", "+1", "-carotene", "@sum", "http://a", '5\'-N, "x"', "naïve #2", "007", ""]
BLOCKS = [
    {
        "id": NAMES[:4],
        "rank": [1, 2, 3, 4],
        "score": [0.1, 1 / 3, None, -1e-9],
        "fit": np.array([0.1, 5, -0.5, 1e9], np.float32),
    },
    {"id": NAMES[4:], "rank": [5, 6, 7, 8, None], "score": [0.5] * 5, "fit": np.full(5, 1 / 3, np.float32)},
]
ROWS = [row for block in BLOCKS for row in zip(*(list(block[c.name]) for c in COLUMNS), strict=True)]


def written(path: Path, form: str, blocks: Iterable[dict] = BLOCKS, force: bool = False) -> Path:
    with sheet(path, form, COLUMNS, ABOUT, force) as write:
        for block in blocks:
            write(block)
    return path


def same(found: object, expected: object) -> bool:
    """Whether a value reads back; nothing and no text are one in a table."""
    if expected in (None, ""):
        return found in (None, "") or found != found
    return np.float32(found) == expected if isinstance(expected, np.float32) else found == expected


@pytest.mark.parametrize("form", ["csv", "tsv"])
def test_a_text_reads_back_with_nothing_but_a_header_above(tmp_path: Path, form: str) -> None:
    path, separator = written(tmp_path / "a.table", form), {"csv": ",", "tsv": "\t"}[form]
    table = pandas.read_csv(path, sep=separator, keep_default_na=False, dtype=str, quoting=0 if form == "csv" else 3)
    assert list(table.columns) == [column.name for column in COLUMNS]
    assert table["id"].tolist() == NAMES
    for name, kind in (("rank", int), ("score", float), ("fit", np.float32)):
        place = [column.name for column in COLUMNS].index(name)
        texts = table[name].tolist()
        assert [kind(text) if text else None for text in texts] == [row[place] for row in ROWS]
    assert table["fit"][0] == "0.1"  # no digits that a float32 does not have


@pytest.mark.parametrize("form", ["csv", "tsv"])
def test_what_a_text_is_of_stands_beside_it(tmp_path: Path, form: str) -> None:
    path = written(tmp_path / f"a.{form}", form)
    beside = json.loads((tmp_path / f"a.{form}-metadata.json").read_text())
    assert (beside["@context"], beside["url"]) == ("http://www.w3.org/ns/csvw", path.name)
    assert beside["notes"] == [ABOUT]
    schema = beside["tableSchema"]["columns"]
    assert [(c["titles"], c["datatype"]) for c in schema] == [
        ("id", "string"), ("rank", "integer"), ("score", "double"), ("fit", "float"),
    ]  # fmt: skip
    assert schema[0]["dc:description"] == "what it is"
    assert ("dialect" in beside) == (form == "tsv")
    assert {p.name for p in tmp_path.iterdir()} == {path.name, path.name + "-metadata.json"}


@pytest.mark.parametrize(("rows", "groups"), [(1, 2), (5, 1), (100, 1)])
def test_parquet_has_its_types_few_row_groups_and_what_it_is_of(
    tmp_path: Path, rows: int, groups: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheets, "GROUP", rows)
    file = pyarrow.parquet.ParquetFile(written(tmp_path / "a.parquet", "parquet"))
    assert [str(field.type) for field in file.schema_arrow] == ["string", "int64", "double", "float"]
    assert file.num_row_groups == groups
    assert json.loads(file.metadata.metadata[b"kgdrug"]) == ABOUT
    found = [tuple(row.values()) for row in file.read().to_pylist()]
    assert [row[:3] for row in found] == [row[:3] for row in ROWS]
    assert [np.float32(row[3]) for row in found] == [row[3] for row in ROWS]
    assert list(tmp_path.iterdir()) == [tmp_path / "a.parquet"]


def test_a_workbook_keeps_every_text_a_text_and_says_what_it_is_of(tmp_path: Path) -> None:
    pytest.importorskip("xlsxwriter")
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.load_workbook(written(tmp_path / "a.xlsx", "xlsx"))
    assert book.sheetnames == ["table", "about"]
    header, *rows = book["table"].iter_rows()
    assert [cell.value for cell in header] == [column.name for column in COLUMNS]
    for cells, expected in zip(rows, ROWS, strict=True):
        values = [cell.value for cell in cells]
        assert all(same(found, value) for found, value in zip(values, expected, strict=True)), values
        assert cells[0].data_type == ("s" if expected[0] else "n")  # no formula
        assert cells[0].hyperlink is None
        assert cells[0].quotePrefix or not expected[0]  # and none when somebody edits the cell
    said = {row[0].value: row[1].value for row in book["about"].iter_rows()}
    assert said == {"model": "small", "licences": "CC0 1.0: CbG, CtD; CC BY 4.0: DaG", "id": "what it is"}


def test_numbers_that_are_none_are_said_in_a_workbook(tmp_path: Path) -> None:
    pytest.importorskip("xlsxwriter")
    openpyxl = pytest.importorskip("openpyxl")
    block = {"id": ["a", "b"], "rank": [1, 2], "score": [float("nan"), float("-inf")], "fit": np.zeros(2, np.float32)}
    rows = openpyxl.load_workbook(written(tmp_path / "a.xlsx", "xlsx", [block]))["table"].iter_rows(values_only=True)
    assert [row[2] for row in rows] == ["score", "nan", "-inf"]


@pytest.mark.parametrize(("rows", "letters"), [(4, 1), (1, 32768)])
def test_what_excel_has_no_room_for_is_refused(
    tmp_path: Path, rows: int, letters: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("xlsxwriter")
    monkeypatch.setattr(sheets, "EXCEL_ROWS", 4)  # with the header
    block = {"id": ["x" * letters] * rows, "rank": [1] * rows, "score": [0.0] * rows, "fit": [0.0] * rows}
    with pytest.raises(UsageError, match=r"of Excel holds .*; write csv or parquet"):
        written(tmp_path / "a.xlsx", "xlsx", [block])
    assert list(tmp_path.iterdir()) == []


def test_without_xlsxwriter_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "xlsxwriter", None)
    with pytest.raises(KgdrugError, match=r"pip install 'kgdrug\[excel\]'"):
        written(tmp_path / "a.xlsx", "xlsx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["a\tb", "a\nb", "a\rb"])
def test_a_tab_or_line_end_has_no_room_between_tabs(tmp_path: Path, text: str) -> None:
    block = {"id": [text], "rank": [1], "score": [0.0], "fit": [0.0]}
    with pytest.raises(KgdrugError, match=r"no room; write \.csv"):
        written(tmp_path / "a.tsv", "tsv", [block])
    assert list(tmp_path.iterdir()) == []
    assert list(csv.reader(written(tmp_path / "a.csv", "csv", [block]).open(newline="")))[1][0] == text


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("before", ["", "mine"])
def test_what_stops_in_the_middle_leaves_all_as_it_was(tmp_path: Path, form: str, before: str) -> None:
    if form == "xlsx":
        pytest.importorskip("xlsxwriter")
    path = tmp_path / f"a.{form}"
    if before:
        path.write_text(before)

    def blocks() -> Iterator[dict]:
        yield BLOCKS[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        written(path, form, blocks(), force=True)
    assert [p.read_text() for p in tmp_path.iterdir()] == ([before] if before else [])


@pytest.mark.parametrize("there", ["a.csv", "a.csv-metadata.json"])
def test_a_file_that_is_there_is_replaced_with_force_alone(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("mine")
    with pytest.raises(UsageError, match=f"{there} exists"):
        written(tmp_path / "a.csv", "csv")
    assert (tmp_path / there).read_text() == "mine"
    written(tmp_path / "a.csv", "csv", [], force=True)
    assert (tmp_path / "a.csv").read_text() == "id,rank,score,fit\n"


@pytest.mark.parametrize("place", ["", "no/folder/a.csv"])
def test_a_place_that_holds_no_file_is_named(tmp_path: Path, place: str) -> None:
    with pytest.raises(UsageError, match=place or "is a folder"), sheet(tmp_path / place, "csv", COLUMNS, ABOUT, True):
        pass


def test_a_form_that_does_not_exist_names_those_that_do(tmp_path: Path) -> None:
    for out in (tmp_path / "a", io.StringIO()):
        with (
            pytest.raises(UsageError, match="unknown form 'abc'; choose from csv, tsv, parquet, xlsx"),
            sheet(out, "abc", COLUMNS, ABOUT),
        ):
            pass


def test_a_stream_takes_text_alone() -> None:
    stream = io.StringIO()
    with sheet(stream, "csv", COLUMNS[:1], ABOUT) as write:
        write({"id": ["a", "b,c"]})
    assert stream.getvalue() == 'id\na\n"b,c"\n'
    with pytest.raises(UsageError, match="to a file alone"), sheet(stream, "parquet", COLUMNS, ABOUT):
        pass


@given(st.lists(st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0")), min_size=1))
def test_any_text_reads_back_from_csv(texts: list[str]) -> None:
    stream = io.StringIO()
    with sheet(stream, "csv", [Column("id"), Column("rank", "whole")], ABOUT) as write:
        write({"id": texts, "rank": range(len(texts))})
    rows = list(csv.reader(io.StringIO(stream.getvalue(), newline="")))
    assert rows == [["id", "rank"], *([text, str(i)] for i, text in enumerate(texts))]


def test_about_a_table_in_words() -> None:
    assert about_text({"a": ["b", 1], "c": 0.5}) == "a: b, 1; c: 0.5"
    assert about_text("as it is") == "as it is"
