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
from kgdrug.sources import reading as reading_module
from kgdrug.sources.bad_lines import Reading, write_bad_lines
from kgdrug.sources.forms.triples import read_lines
from kgdrug.sources.packed import packed, packed_or_plain, read_bytes
from kgdrug.sources.reading import read_table

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


def test_a_file_of_bad_lines_alone_is_an_error_that_says_how_many_are_bad_in_which_way(write):
    with pytest.raises(BadInputError, match=r"holds only bad lines: 2 columns, 1 empty field$"):
        read_lines(write("a.tsv", "x\ty\nz\nx\t\ty\n"), Reading(skip_bad_lines=True))


def test_the_bad_lines_of_another_file_are_not_those_of_one_that_has_a_header_alone(write):
    reading = Reading(skip_bad_lines=True)
    read_lines(write("a.tsv", LINES + "x\ty\n"), reading)
    with pytest.raises(BadInputError, match="holds only a header"):
        read(write("a.csv", "id,kind\n"), reading)


def test_bad_lines_are_written_one_a_line_with_file_number_kind_and_reason(write, tmp_path):
    path, reading = write("a.tsv", LINES + "x\ty\n" + LINES), Reading(skip_bad_lines=True)
    read_lines(path, reading)
    write_bad_lines(reading, tmp_path / "bad_lines.tsv")
    header, row, end = (tmp_path / "bad_lines.tsv").read_text().split("\n")
    assert (header, end) == ("file\tline\tkind\tmessage\ttext", "")
    file, line, kind, message, text = row.split("\t")
    assert (file, line, kind, text) == (str(path), "3", "columns", r"x\ty")
    assert message == r"2 fields where 3 tab-separated ones are expected: 'x\ty'"


def unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda sign: {"t": "\t", "n": "\n", "r": "\r"}.get(sign[1], sign[1]), text)


@pytest.mark.parametrize("ending", PACK)
@pytest.mark.parametrize(
    ("name", "header", "line"),
    [
        ("a.csv", "x,kind,id", 'a "b",\\t\t,Fe,metal,5'),
        ("a.csv", "x,kind,id", '"1\n2\n3",,"Fe"'),
        ("a.tsv", "x\tkind\tid", "back\\slash\tmetal"),
    ],
)
def test_a_line_that_was_set_aside_stands_there_as_it_stood_in_its_file(write, tmp_path, name, header, line, ending):
    path, reading = write(name + ending, PACK[ending](f"{header}\n{line}\n".encode())), Reading(skip_bad_lines=True)
    read(path, reading, separator="," if name == "a.csv" else "\t", may_be_empty=True)
    write_bad_lines(reading, tmp_path / "bad.tsv")
    _, row, end = (tmp_path / "bad.tsv").read_text().split("\n")
    assert (unescaped(row.split("\t")[4]), end) == (line, "")


def test_what_is_set_aside_after_its_line_was_read_is_written_as_the_line_too(write, tmp_path):
    path, reading = (
        write("a.csv", 'x,kind,id,name\n1,gas,He,\n7,metal,"Fe","iron\n\tferrum"\n'),
        Reading(skip_bad_lines=True),
    )
    table = read(path, reading)
    reading.drop(table, (table["id"] == "Fe").to_numpy(), path, "toy", "{id} does not fit")
    reading.bad(path, None, "toy", "a record", "no\tline")
    write_bad_lines(reading, tmp_path / "bad.tsv")
    rows = [row.split("\t")[1:] for row in (tmp_path / "bad.tsv").read_text().splitlines()[1:]]
    assert [[*row[:-1], unescaped(row[-1])] for row in rows] == [
        ["3", "toy", "Fe does not fit", '7,metal,"Fe","iron\n\tferrum"'],
        ["", "toy", "a record", "no\tline"],
    ]


def test_bad_lines_of_a_file_that_is_gone_are_written_as_they_were_read(write, tmp_path):
    path, reading = write("a.tsv", LINES + "x\ty\n"), Reading(skip_bad_lines=True)
    read_lines(path, reading)
    path.unlink()
    write_bad_lines(reading, tmp_path / "bad.tsv")
    assert (tmp_path / "bad.tsv").read_text().endswith("\tx\\ty\n")


def test_a_bad_line_of_commas_is_shown_as_it_came(write):
    with pytest.raises(
        BadInputError, match=re.escape("""4 fields where 2 comma-separated ones are expected: 'a,"b, c",,d'""")
    ):
        read(write("a.csv", 'id,kind\na,"b, c",,d\n'))


def test_a_line_end_in_a_header_is_shown_as_a_sign(write):
    with pytest.raises(BadInputError, match=r"\(it is: a 'b\\rc'\)"):
        read(write("a.csv", "a,b\rc\n1,2\n"))
    with pytest.raises(BadInputError, match="a quote in the header is opened and not closed"):
        read(write("a.csv", 'id,kind,"b\nc"\n1,2,3\n'))


@pytest.mark.parametrize("ending", PACK)
def test_a_quote_in_a_header_takes_no_line_with_it(write, ending):
    content = 'id,height 5",kind\nFe,1,metal\nHe,2,gas\nNe,3,gas\n'
    table = read(write("a.csv" + ending, PACK[ending](content.encode())))
    assert table.drop("name").rows() == [("Fe", "metal", 2), ("He", "gas", 3), ("Ne", "gas", 4)]


pieces = st.sampled_from(
    [
        "a",
        "é",
        ",",
        ",",
        "\n",
        "\n",
        "\r\n",
        "\r",
        '"',
        '""',
        '"x, y"',
        'the "best" one',
        '"the ""best"" one"',
        '5"',
        " ",
    ]
)


@settings(max_examples=600, deadline=None)
@given(st.lists(pieces, max_size=20), st.booleans(), st.integers(1, 3), st.sampled_from(["", ".gz"]))
def test_what_is_read_fast_is_what_is_read_line_by_line(content, header, width, ending):
    text = ('k 5"\n' if header else "") + "".join(content)
    columns, start = ["id", "kind", "name"][:width], 2 if header else 1
    places = {name: i for i, name in enumerate(columns)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("a.csv" + ending)
        path.write_bytes(PACK[ending]((text or "\n").encode()))
        fast = reading_module._read_fast(path, ",", True, width, start, places, columns[:1])
        if fast is not None:
            slow = reading_module._read_slowly(path, Reading(), ",", True, width, start, places, columns[:1])
            assert fast.with_columns(pl.col(pl.String).fill_null("")).rows() == slow.rows()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(fields, st.sampled_from(['"', '""', 'a"b', "x, y", "a\nb", ""])), min_size=1, max_size=9))
def test_quoted_fields_are_read_as_they_were_written_by_either_way(names):
    text = "".join('"' + f'{i}","{name.replace(chr(34), chr(34) * 2)}"\n' for i, name in enumerate(names))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        path.write_text(text, "utf-8", newline="")
        table = read_table(path, Reading(), ("id",), ("name",), header=False, separator=",")
        fast = reading_module._read_fast(path, ",", True, 2, 1, {"id": 0, "name": 1}, ["id"])
    assert table["name"].to_list() == names
    assert (fast is None) == any("\n" in name for name in names)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "", "\r", "\t", "\t", "\n", "\n", "\r\n", "é", "\ufeff", '"']), max_size=14))
def test_lines_without_quotes_are_read_alike_by_either_way(content):
    places = {"id": 0, "kind": 1, "name": 2}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.tsv"
        path.write_bytes(("".join(content) or "\n").encode())
        fast = reading_module._read_fast(path, "\t", False, 3, 1, places, ["kind"])
        reading = Reading(skip_bad_lines=True)
        slow = reading_module._read_slowly(path, reading, "\t", False, 3, 1, places, ["kind"])
        expected = []
        for line, text in enumerate(path.read_bytes().decode("utf-8-sig").split("\n"), 1):
            row = [field.removesuffix("\r") for field in text.split("\t")]  # as polars does
            if 2 <= len(row) <= 3 and row[1]:
                expected.append((*row, *[""] * (3 - len(row)), line))
    assert slow.rows() == expected
    if fast is not None:
        assert fast.with_columns(pl.col(pl.String).fill_null("")).rows() == slow.rows()


@pytest.mark.parametrize(
    "header", ["h\tr\tt", "Subject\tpredicate\tObject", "node_1\tedge\tnode_2", "source\trel\ttarget"]
)
def test_a_usual_header_of_triples_is_passed_over_in_any_of_its_spellings(write, header):
    table = read_lines(write("a.tsv", header + "\n" + LINES), Reading())
    assert (rows_of(table), table["line"].to_list()) == (ROWS, [2, 3])


def test_the_first_of_several_names_is_found_packed_or_not(write, tmp_path):
    assert packed(tmp_path, ["a.tsv", "b.tsv"]) is None
    assert packed_or_plain(tmp_path, "a.tsv") == tmp_path / "a.tsv"
    assert packed(tmp_path, ["a" * 300]) is None
    other = write("b.tsv", "")
    for ending in reversed(PACK):
        path = write("a.tsv" + ending, "")
        assert packed(tmp_path, ["a.tsv", "b.tsv"]) == packed_or_plain(tmp_path, "a.tsv") == path
    assert packed(tmp_path, ["c.tsv", "b.tsv"]) == other


@pytest.mark.parametrize("cut", [0, 1, 5])
def test_many_small_frames_are_unpacked_to_the_last_one(write, cut):
    frames = [zstandard.compress(f"{i}\n".encode()) for i in range(8000)]
    whole = b"".join(frames)
    path = write("a.zst", whole[: len(whole) - cut])
    if cut:
        with pytest.raises(BadInputError, match="is cut short"):
            read_bytes(path)
    else:
        assert read_bytes(path) == b"".join(b"%d\n" % i for i in range(8000))
