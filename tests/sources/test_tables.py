import gzip
import re
import tempfile
from pathlib import Path

import polars as pl
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from kgdrug.errors import BadInputError
from kgdrug.graph import Metaedge
from kgdrug.sources.tables import GraphBuilder, read_table, read_triples, untyped_builder

LINES = "a\tlikes\tb\nb\thates\tc\n"
ROWS = [("a", "likes", "b"), ("b", "hates", "c")]
PACK = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress}


@pytest.mark.parametrize("ending", PACK)
@pytest.mark.parametrize(
    "header", ["", "head\trelation\ttail\n", "head\tmetaedge\ttail\n", "Source\tMetaedge\tTarget\n"]
)
def test_triples_are_read_packed_or_not_with_a_header_or_without(write, ending, header):
    path = write("triples.tsv" + ending, PACK[ending]((header + LINES).encode()))
    table, first_line = read_triples(path)
    assert table.columns == ["head", "relation", "tail"]
    assert table.rows() == ROWS
    assert first_line == (2 if header else 1)


@pytest.mark.parametrize("ending", PACK)
def test_windows_line_ends_read_as_plain_ones(write, ending):
    content = ("head\trelation\ttail\n" + LINES).replace("\n", "\r\n").encode()
    assert read_triples(write("triples.tsv" + ending, PACK[ending](content)))[0].rows() == ROWS


def test_the_last_line_needs_no_line_end(write):
    assert read_triples(write("a.tsv", LINES.rstrip("\n")))[0].rows() == ROWS
    assert read_triples(write("b.tsv", LINES.replace("\n", "\r\n").rstrip("\r\n")))[0].rows() == ROWS


def test_a_byte_order_mark_is_no_part_of_the_first_field(write):
    assert read_triples(write("a.tsv", "\ufeff" + LINES))[0].rows() == ROWS
    assert read_triples(write("b.tsv", "\ufeffhead\trelation\ttail\n" + LINES))[0].rows() == ROWS


def test_a_file_packed_in_pieces_is_read_to_its_end(write):
    first, second = (line.encode() for line in LINES.splitlines(keepends=True))
    for ending in (".gz", ".zst"):
        path = write("triples.tsv" + ending, PACK[ending](first) + PACK[ending](second))
        assert read_triples(path)[0].rows() == ROWS


fields = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\t\n\r\ufeff"), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(fields, fields, fields), min_size=1, max_size=6), st.sampled_from(list(PACK)))
def test_every_field_comes_back_as_it_was_written(rows, ending):
    content = "".join("\t".join(row) + "\n" for row in rows)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("triples.tsv" + ending)
        path.write_bytes(PACK[ending](content.encode()))
        assert read_table(path, ("head", "relation", "tail")).rows() == rows


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
        read_triples(path)
    assert (caught.value.file, caught.value.line) == (path, 6 if header else 5)
    assert str(caught.value).startswith(f"{path}, line {caught.value.line}: ")


def test_a_bad_line_far_down_is_named(write):
    path = write("triples.tsv", LINES * 10_000 + "x\ty\n" + LINES)
    with pytest.raises(BadInputError) as caught:
        read_triples(path)
    assert caught.value.line == 20_001


@pytest.mark.parametrize(
    ("content", "line"), [("x\ty\n", 1), ("x\ty\n" + LINES, 1), (LINES + "\n" + LINES, 3), ("\n" + LINES, 1), ("\n", 1)]
)
def test_a_line_is_named_where_it_is_the_first_or_empty(write, content, line):
    with pytest.raises(BadInputError) as caught:
        read_triples(write("triples.tsv", content))
    assert caught.value.line == line


@pytest.mark.parametrize("ending", PACK)
def test_an_empty_file_is_an_error(write, ending):
    with pytest.raises(BadInputError, match="is empty"):
        read_triples(write("triples.tsv" + ending, PACK[ending](b"") if ending else b""))


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(BadInputError, match="is missing") as caught:
        read_triples(tmp_path / "triples.tsv")
    assert caught.value.file == tmp_path / "triples.tsv"


@pytest.mark.parametrize("ending", [".gz", ".zst"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.999])
def test_a_packed_file_cut_short_is_an_error_even_where_its_lines_are_whole(write, ending, share):
    packed = PACK[ending]("".join(f"e{i}\tr\te{i * 7919 % 1009}\n" for i in range(5000)).encode())
    path = write("triples.tsv" + ending, packed[: int(len(packed) * share)])
    with pytest.raises(BadInputError, match="cannot be read"):
        read_triples(path)


def test_a_packed_file_with_a_wrong_checksum_is_an_error(write):
    packed = bytearray(gzip.compress(LINES.encode()))
    packed[-6] ^= 255
    with pytest.raises(BadInputError, match="cannot be read"):
        read_triples(write("triples.tsv.gz", bytes(packed)))


def test_text_that_is_not_utf_8_is_an_error(write):
    with pytest.raises(BadInputError, match="utf-8"):
        read_triples(write("triples.tsv", "Sjögren\tr\tb\n".encode("latin-1")))


@pytest.mark.parametrize("name", ["a[1].tsv", "run[b]/a.tsv", "a*.tsv", "a?.tsv", "a?.tsv.gz"])
def test_a_path_with_signs_that_shells_expand_is_taken_as_it_is(write, name):
    write("ab.tsv", "other\tother\tother\n")
    write("ab.tsv.gz", gzip.compress(b"other\tother\tother\n"))
    content = LINES.encode()
    assert read_triples(write(name, gzip.compress(content) if name.endswith(".gz") else content))[0].rows() == ROWS


def test_quotes_hashes_and_words_for_nothing_are_text(write):
    rows = [('"a', "likes", 'b"'), ("#b", "NA", "null"), ("None", " ", "-")]
    content = "".join("\t".join(row) + "\n" for row in rows)
    assert read_triples(write("triples.tsv", content))[0].rows() == rows


NODES = [
    ("Gene::2", "TF", "Gene"),
    ("Compound::DB00331", "Metformin", "Compound"),
    ("Disease::1", "diabetes", "Disease"),
    ("Compound::DB00945", "Aspirin", "Compound"),
    ("Gene::1", "INS", "Gene"),
]
METAEDGES = [Metaedge("DaG", "Disease", "associates", "Gene"), Metaedge("CtD", "Compound", "treats", "Disease")]


def nodes_of(rows: list[tuple[str, str, str]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["id", "name", "type"], orient="row")


def triples_of(*lines: str) -> pl.DataFrame:
    return pl.DataFrame([line.split() for line in lines], schema=["head", "relation", "tail"], orient="row")


@pytest.fixture
def builder() -> GraphBuilder:
    return GraphBuilder(nodes_of(NODES), METAEDGES, Path("nodes.tsv"))


METFORMIN = "Compound::DB00331"
GOOD = f"{METFORMIN} CtD Disease::1"
UNFIT = ", which does not fit the metaedge CtD (Compound treats Disease)"


def test_entities_are_grouped_by_type_and_metaedges_sorted(builder):
    assert builder.entities.ids == ("Compound::DB00331", "Compound::DB00945", "Disease::1", "Gene::1", "Gene::2")
    assert builder.entities.names == ("Metformin", "Aspirin", "diabetes", "INS", "TF")
    assert [(t.name, t.start, t.stop) for t in builder.entity_types] == [
        ("Compound", 0, 2), ("Disease", 2, 3), ("Gene", 3, 5),
    ]  # fmt: skip
    assert [e.abbreviation for e in builder.metaedges] == ["CtD", "DaG"]


def test_triples_become_indices_in_the_order_of_the_file(builder):
    table = triples_of("Disease::1 DaG Gene::2", GOOD, "Disease::1 DaG Gene::2")
    assert builder.triples(table, Path("edges.tsv")).tolist() == [[2, 1, 4], [0, 0, 2], [2, 1, 4]]


def test_the_graph_drops_triples_that_stand_twice(builder):
    table = triples_of("Disease::1 DaG Gene::2", GOOD, "Disease::1 DaG Gene::2")
    graph = builder.graph(builder.triples(table, Path("edges.tsv")), "mine", ["CtD"])
    assert graph.triples.tolist() == [[0, 0, 2], [2, 1, 4]]
    assert (graph.name, graph.treats) == ("mine", ("CtD",))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        pytest.param("Compound::DB1 CtD Disease::1", "unknown entity 'Compound::DB1'", id="unknown head"),
        pytest.param(f"{METFORMIN}1 CtD Disease::1", f"did you mean Metformin ({METFORMIN})?", id="mistyped id"),
        pytest.param(
            f"{METFORMIN} CtD Diabetes", "unknown entity 'Diabetes'; did you mean diabetes (Disease::1)?", id="name"
        ),
        pytest.param(f"{METFORMIN} CtX Disease::1", "unknown metaedge 'CtX'; known are CtD, DaG", id="metaedge"),
        pytest.param("Disease::1 CtD Disease::1", f"'Disease::1' is a Disease{UNFIT}", id="head of another type"),
        pytest.param(f"{METFORMIN} CtD Gene::1", f"'Gene::1' is a Gene{UNFIT}", id="tail of another type"),
        pytest.param(f"Disease::1 CtD {METFORMIN}", UNFIT, id="reversed"),
    ],
)
def test_a_triple_that_does_not_fit_is_named_with_its_file_and_line(builder, bad, message):
    with pytest.raises(BadInputError, match=re.escape(message)) as caught:
        builder.triples(triples_of(GOOD, GOOD, bad, GOOD), Path("edges.tsv"), 2)
    assert (caught.value.file, caught.value.line) == (Path("edges.tsv"), 4)


def test_the_first_of_several_bad_lines_is_named(builder):
    with pytest.raises(BadInputError, match="'x'") as caught:
        builder.triples(triples_of(GOOD, "x CtD Disease::1", "y CtD Disease::1"), Path("edges.tsv"))
    assert caught.value.line == 2


def test_an_id_that_stands_twice_is_named_with_both_lines():
    with pytest.raises(BadInputError, match="'Gene::2' stands in line 2 already") as caught:
        GraphBuilder(nodes_of([*NODES, ("Gene::2", "other", "Gene")]), METAEDGES, Path("nodes.tsv"))
    assert (caught.value.file, caught.value.line) == (Path("nodes.tsv"), 7)


def test_an_id_is_not_told_apart_by_its_type():
    with pytest.raises(BadInputError, match="'Gene::2' stands in line 2 already"):
        GraphBuilder(nodes_of([*NODES, ("Gene::2", "TF", "Disease")]), METAEDGES, Path("nodes.tsv"))


@pytest.mark.parametrize("end", ["head", "tail"])
def test_a_metaedge_whose_type_has_no_entity_is_named(end):
    types = ("Symptom", "Disease") if end == "head" else ("Disease", "Symptom")
    metaedge = Metaedge("DpS", types[0], "presents", types[1])
    with pytest.raises(BadInputError, match=r"nodes\.tsv: no entity is of type 'Symptom', which the metaedge DpS \("):
        GraphBuilder(nodes_of(NODES), [*METAEDGES, metaedge], Path("nodes.tsv"))


triple = st.tuples(st.sampled_from("abcdé"), st.sampled_from("rsT"), st.sampled_from("abcdé"))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(triple, min_size=1, max_size=10), min_size=1, max_size=3))
def test_without_types_entities_and_relations_are_what_stands_in_the_files(files):
    tables = [pl.DataFrame(rows, schema=["head", "relation", "tail"], orient="row") for rows in files]
    builder = untyped_builder(tables, Path("folder"))
    every = [t for rows in files for t in rows]
    assert builder.entities.ids == tuple(sorted({e for h, _, t in every for e in (h, t)}))
    assert [e.abbreviation for e in builder.metaedges] == sorted({r for _, r, _ in every})
    assert [t.name for t in builder.entity_types] == ["Entity"]
    for table, rows in zip(tables, files, strict=True):
        triples = builder.triples(table, Path("file")).tolist()
        ids, relations = builder.entities.ids, [e.relation for e in builder.metaedges]
        assert [(ids[h], relations[r], ids[t]) for h, r, t in triples] == rows
