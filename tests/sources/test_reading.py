import bz2
import gzip
import lzma
import re
import tempfile
from pathlib import Path

import polars as pl
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from kgdrug.errors import BadInputError
from kgdrug.sources.forms.triples import read_lines
from kgdrug.sources.reading import Reading, read_table, write_bad_lines

LINES = "a\tlikes\tb\nb\thates\tc\n"
ROWS = [("a", "likes", "b"), ("b", "hates", "c")]
PACK = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


def rows_of(table: pl.DataFrame) -> list[tuple[str, ...]]:
    return table.drop("line").rows()


@pytest.mark.parametrize("ending", PACK)
@pytest.mark.parametrize(
    "header", ["", "head\trelation\ttail\n", "head\tmetaedge\ttail\n", "Source\tMetaedge\tTarget\n"]
)
def test_triples_are_read_packed_or_not_with_a_header_or_without(write, ending, header):
    path = write("triples.tsv" + ending, PACK[ending]((header + LINES).encode()))
    table = read_lines(path, Reading())
    assert table.columns == ["head", "relation", "tail", "line"]
    assert rows_of(table) == ROWS
    assert table["line"].to_list() == ([2, 3] if header else [1, 2])


@pytest.mark.parametrize("ending", PACK)
def test_windows_line_ends_read_as_plain_ones(write, ending):
    content = ("head\trelation\ttail\n" + LINES).replace("\n", "\r\n").encode()
    assert rows_of(read_lines(write("triples.tsv" + ending, PACK[ending](content)), Reading())) == ROWS


def test_the_last_line_needs_no_line_end(write):
    assert rows_of(read_lines(write("a.tsv", LINES.rstrip("\n")), Reading())) == ROWS
    assert rows_of(read_lines(write("b.tsv", LINES.replace("\n", "\r\n").rstrip("\r\n")), Reading())) == ROWS


def test_a_byte_order_mark_is_no_part_of_the_first_field(write):
    assert rows_of(read_lines(write("a.tsv", "\ufeff" + LINES), Reading())) == ROWS
    assert rows_of(read_lines(write("b.tsv", "\ufeffhead\trelation\ttail\n" + LINES), Reading())) == ROWS


def test_a_file_packed_in_pieces_is_read_to_its_end(write):
    first, second = (line.encode() for line in LINES.splitlines(keepends=True))
    for ending in (".gz", ".zst"):
        path = write("triples.tsv" + ending, PACK[ending](first) + PACK[ending](second))
        assert rows_of(read_lines(path, Reading())) == ROWS


fields = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\t\n\r\ufeff\0"), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(fields, fields, fields), min_size=1, max_size=6), st.sampled_from(list(PACK)))
def test_every_field_comes_back_as_it_was_written(rows, ending):
    content = "".join("\t".join(row) + "\n" for row in rows)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("triples.tsv" + ending)
        path.write_bytes(PACK[ending](content.encode()))
        table = read_table(path, Reading(), ("head", "relation", "tail"), header=False)
    assert rows_of(table) == rows


@pytest.mark.parametrize("header", ["", "head\trelation\ttail\n"])
@pytest.mark.parametrize("ending", PACK)
@pytest.mark.parametrize(
    ("line", "came"),
    [("x\ty", "2 fields"), ("x\ty\tz\tx", "4 fields"), ("x\t\tz", "an empty field"), ("x\ty\t", "an empty field")],
)
def test_a_line_that_does_not_have_three_filled_fields_is_named(write, header, ending, line, came):
    lines = LINES * 2 + line + "\n" + LINES
    path = write("triples.tsv" + ending, PACK[ending]((header + lines).encode()))
    with pytest.raises(BadInputError, match=f"{came} where 3 tab-separated") as caught:
        read_lines(path, Reading())
    assert (caught.value.file, caught.value.line) == (path, 6 if header else 5)
    assert str(caught.value).startswith(f"{path}, line {caught.value.line}: ")


def test_a_bad_line_far_down_is_named(write):
    path = write("triples.tsv", LINES * 10_000 + "x\ty\n" + LINES)
    with pytest.raises(BadInputError) as caught:
        read_lines(path, Reading())
    assert caught.value.line == 20_001


@pytest.mark.parametrize(
    ("content", "line"), [("x\ty\n", 1), ("x\ty\n" + LINES, 1), (LINES + "\n" + LINES, 3), ("\n" + LINES, 1), ("\n", 1)]
)
def test_a_line_is_named_where_it_is_the_first_or_empty(write, content, line):
    with pytest.raises(BadInputError) as caught:
        read_lines(write("triples.tsv", content), Reading())
    assert caught.value.line == line


@pytest.mark.parametrize("ending", PACK)
def test_an_empty_file_is_an_error(write, ending):
    with pytest.raises(BadInputError, match="is empty"):
        read_lines(write("triples.tsv" + ending, PACK[ending](b"") if ending else b""), Reading())


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(BadInputError, match="is missing") as caught:
        read_lines(tmp_path / "triples.tsv", Reading())
    assert caught.value.file == tmp_path / "triples.tsv"


@pytest.mark.parametrize("ending", [".gz", ".zst"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.999])
def test_a_packed_file_cut_short_is_an_error_even_where_its_lines_are_whole(write, ending, share):
    packed = PACK[ending]("".join(f"e{i}\tr\te{i * 7919 % 1009}\n" for i in range(5000)).encode())
    path = write("triples.tsv" + ending, packed[: int(len(packed) * share)])
    with pytest.raises(BadInputError, match="is cut short"):
        read_lines(path, Reading())


def test_a_packed_file_with_a_wrong_checksum_is_an_error(write):
    packed = bytearray(gzip.compress(LINES.encode()))
    packed[-6] ^= 255
    with pytest.raises(BadInputError, match="cannot be unpacked"):
        read_lines(write("triples.tsv.gz", bytes(packed)), Reading())


def test_text_that_is_not_utf_8_is_an_error(write):
    with pytest.raises(BadInputError, match="is not UTF-8 text"):
        read_lines(write("triples.tsv", "Sjögren\tr\tb\n".encode("latin-1")), Reading())


@pytest.mark.parametrize("name", ["a[1].tsv", "run[b]/a.tsv", "a*.tsv", "a?.tsv", "a?.tsv.gz"])
def test_a_path_with_signs_that_shells_expand_is_taken_as_it_is(write, name):
    write("ab.tsv", "other\tother\tother\n")
    write("ab.tsv.gz", gzip.compress(b"other\tother\tother\n"))
    content = LINES.encode()
    assert (
        rows_of(read_lines(write(name, gzip.compress(content) if name.endswith(".gz") else content), Reading())) == ROWS
    )


def test_quotes_hashes_and_words_for_nothing_are_text(write):
    rows = [('"a', "likes", 'b"'), ("#b", "NA", "null"), ("None", " ", "-")]
    content = "".join("\t".join(row) + "\n" for row in rows)
    assert rows_of(read_lines(write("triples.tsv", content), Reading())) == rows


def read(path: Path, reading: Reading | None = None, **options: object) -> pl.DataFrame:
    settings = {"header": True, "separator": ","} | options
    return read_table(path, reading or Reading(), ("id", "kind"), ("name",), **settings)  # type: ignore[arg-type]


def test_a_header_names_the_columns_in_any_order_and_among_others(write):
    path = write("a.csv", 'name,x,kind,id\n"Fe, iron",1,metal,Fe\n,2,gas,He\n')
    assert read(path).to_dicts() == [
        {"id": "Fe", "kind": "metal", "name": "Fe, iron", "line": 2},
        {"id": "He", "kind": "gas", "name": "", "line": 3},
    ]


def test_a_column_that_may_be_missing_is_empty(write):
    assert read(write("a.csv", "id,kind\nFe,metal\n")).to_dicts() == [
        {"id": "Fe", "kind": "metal", "name": "", "line": 2}
    ]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("id,type", "kind is not in it"),
        ("id,Kind", "is 'Kind' meant?"),
        ("Fe,metal", "should be a header with id kind; id is not in it"),
        ("id,kind,id", "names id twice"),
        ("id\0,kind", "holds a NUL"),
    ],
)
def test_a_header_that_lacks_a_column_says_what_it_has(write, header, message):
    with pytest.raises(BadInputError, match=re.escape(message)) as caught:
        read(write("a.csv", header + "\nFe,metal\n"), Reading(skip_bad_lines=True))
    assert caught.value.line == 1


def test_a_file_of_a_header_alone_is_an_error_unless_it_may_be_empty(write):
    path = write("a.csv", "id,kind\n")
    with pytest.raises(BadInputError, match="holds only a header"):
        read(path)
    assert read(path, may_be_empty=True).is_empty()


def test_a_quoted_field_may_hold_line_ends(write):
    path = write("a.csv", 'id,kind,name\nFe,metal,"iron\nferrum"\nHe,gas,helium\n')
    assert read(path)["name"].to_list() == ["iron\nferrum", "helium"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1", "cp1252"])
def test_text_in_another_encoding_is_an_error_of_its_first_line_that_is_not_utf_8(write, encoding):
    path = write("a.tsv", "Sjögren\tr\tb\n".encode(encoding))
    with pytest.raises(BadInputError, match=r"UTF-8|NUL") as caught:
        read_lines(path, Reading())
    assert caught.value.line == 1


BAD = {
    "x\ty": "columns",
    "x\ty\tz\tx": "columns",
    "": "columns",
    "x\t\tz": "empty field",
    "x\ty\t": "empty field",
    "x\0\ty\tz": "NUL",
    "x\ty\tSj\udcf6gren": "encoding",
}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(list(BAD)), st.tuples(fields, fields, fields)), min_size=1, max_size=8))
def test_lines_that_do_not_fit_are_set_aside_with_their_number_and_kind(lines):
    texts = [line if isinstance(line, str) else "\t".join(line) for line in lines]
    good = [(i, line) for i, line in enumerate(lines, 1) if not isinstance(line, str)]
    with tempfile.TemporaryDirectory() as folder:
        path, reading = Path(folder) / "triples.tsv", Reading(skip_bad_lines=True)
        path.write_bytes("".join(text + "\n" for text in texts).encode("utf-8", "surrogateescape"))
        names = ("head", "relation", "tail")
        table = read_table(path, reading, names, header=False, may_be_empty=True)
    assert rows_of(table) == [line for _, line in good]
    assert table["line"].to_list() == [i for i, _ in good]
    expected = [(i, BAD[line]) for i, line in enumerate(lines, 1) if isinstance(line, str)]
    assert [(bad.line, bad.kind) for bad in reading.bad_lines] == expected


def test_a_file_of_bad_lines_alone_is_an_error(write):
    with pytest.raises(BadInputError, match="holds only bad lines"):
        read_lines(write("a.tsv", "x\ty\nz\n"), Reading(skip_bad_lines=True))


def test_bad_lines_are_written_one_a_line_with_file_number_kind_and_reason(write, tmp_path):
    path, reading = write("a.tsv", LINES + "x\ty\n" + LINES), Reading(skip_bad_lines=True)
    read_lines(path, reading)
    write_bad_lines(reading, tmp_path / "bad_lines.tsv")
    header, row, end = (tmp_path / "bad_lines.tsv").read_text().split("\n")
    assert (header, end) == ("file\tline\tkind\tmessage\ttext", "")
    file, line, kind, message, text = row.split("\t")
    assert (file, line, kind, text) == (str(path), "3", "columns", "x y")
    assert message == r"2 fields where 3 tab-separated ones are expected: 'x\ty'"
