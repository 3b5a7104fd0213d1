import gzip

import pytest
import zstandard

from kgdrug.errors import BadInputError
from kgdrug.sources import Reading, load_graph, load_parts

GOOD = "metformin\ttreats\tdiabetes\naspirin\ttreats\tpain\n"
PACK = {".gz": gzip.compress, ".zst": zstandard.compress}


def test_lines_are_facts_and_whatever_stands_in_them_is_an_entity(write, facts_of):
    graph = load_graph(write("mine.tsv", GOOD + "aspirin\tis like\tmetformin\n"))
    assert facts_of(graph) == {
        ("metformin", "treats", "diabetes"),
        ("aspirin", "treats", "pain"),
        ("aspirin", "is like", "metformin"),
    }
    assert [(t.name, len(t)) for t in graph.entity_types] == [("Entity", 4)]
    assert (graph.treats, graph.made["form"], graph.name) == ((), "triples", "mine")


@pytest.mark.parametrize("header", ["head\trelation\ttail", "Head\tMetaedge\tTail", "source\tmetaedge\ttarget"])
def test_a_usual_header_is_passed_over(write, header):
    assert load_graph(write("a.tsv", f"{header}\n{GOOD}")).digest == load_graph(write("b.tsv", GOOD)).digest


def test_a_fact_that_stands_twice_is_counted(write):
    graph = load_graph(write("mine.tsv", GOOD * 3))
    assert (len(graph.triples), graph.made["duplicates"]) == (2, 4)


BAD = [
    ("a\tr", "columns", "2 fields where 3 tab-separated"),
    ("a r b", "columns", "1 field where 3 tab-separated"),
    ("a\tr\tb\tc", "columns", "4 fields where 3"),
    ("a\t\tb", "empty field", "an empty field"),
    ("", "columns", "1 field where 3"),
    ("Sj\udcf6gren\tr\tb", "encoding", "is not UTF-8 text (byte 0xf6); save the file as UTF-8"),
    ("a\tr\tb\0", "NUL", "holds a NUL"),
]


@pytest.mark.parametrize(("row", "kind", "message"), BAD)
@pytest.mark.parametrize("place", [1, 2, 3])
def test_a_bad_line_is_named_or_set_aside_wherever_it_stands(write, row, kind, message, place):
    lines = GOOD.splitlines(keepends=True)
    lines.insert(place - 1, row + "\n")
    path = write("bad.tsv", "".join(lines).encode("utf-8", "surrogateescape"))
    with pytest.raises(BadInputError) as caught:
        load_graph(path)
    assert message in str(caught.value)
    assert (caught.value.file, caught.value.line) == (path, place)
    reading = Reading(skip_bad_lines=True)
    graph = load_graph(path, reading=reading)
    assert [(bad.file, bad.line, bad.kind) for bad in reading.bad_lines] == [(str(path), place, kind)]
    assert graph.digest == load_graph(write("good.tsv", GOOD)).digest
    assert graph.made["bad_lines"] == {kind: 1}


@pytest.mark.parametrize("ending", PACK)
def test_a_packed_file_is_read_and_one_cut_short_is_an_error_in_any_case(write, ending):
    plain = load_graph(write("mine.tsv", GOOD))
    packed = PACK[ending](GOOD.encode())
    assert load_graph(write("mine.tsv" + ending, packed)).digest == plain.digest
    for skip in (False, True):
        with pytest.raises(BadInputError, match="is cut short"):
            load_graph(write("mine.tsv" + ending, packed[:-4]), reading=Reading(skip))


@pytest.mark.parametrize("content", ["", "head\trelation\ttail\n", "a\tb\nc\n"])
def test_a_file_without_a_fact_is_an_error_even_where_bad_lines_are_set_aside(write, content):
    path = write("mine.tsv", content)
    with pytest.raises(BadInputError, match=r"is empty|only a header|only bad lines") as caught:
        load_graph(path, reading=Reading(skip_bad_lines=True))
    assert caught.value.file == path


def test_bad_lines_of_parts_are_set_aside_with_the_file_that_they_stand_in(write, tmp_path):
    for part in ("train", "valid", "test"):
        write(f"toy/{part}.tsv", f"a\tr\t{part}\n" + "x\ty\n" * (part != "train"))
    reading = Reading(skip_bad_lines=True)
    graph, parts = load_parts(tmp_path / "toy", reading)
    assert [(bad.file, bad.line) for bad in reading.bad_lines] == [
        (str(tmp_path / "toy" / "valid.tsv"), 2),
        (str(tmp_path / "toy" / "test.tsv"), 2),
    ]
    assert {part: graph.text(triples[0]) for part, triples in parts.items()} == {
        "train": "a r train",
        "valid": "a r valid",
        "test": "a r test",
    }
