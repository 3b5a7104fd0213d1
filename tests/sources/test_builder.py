import re
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgdrug.errors import BadInputError
from kgdrug.graph import KnowledgeGraph, Metaedge
from kgdrug.sources.bad_lines import Reading
from kgdrug.sources.builder import GraphBuilder
from kgdrug.sources.forms.triples import untyped_builder

NODES = [
    ("Gene::2", "TF", "Gene"),
    ("Compound::DB00331", "Metformin", "Compound"),
    ("Disease::1", "diabetes", "Disease"),
    ("Compound::DB00945", "Aspirin", "Compound"),
    ("Gene::1", "INS", "Gene"),
]
METAEDGES = [Metaedge("DaG", "Disease", "associates", "Gene"), Metaedge("CtD", "Compound", "treats", "Disease")]


KNOWN = {e.abbreviation: e for e in METAEDGES}
EDGES = Path("edges.tsv")


def nodes_of(rows: list[tuple[str, str, str]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["id", "name", "type"], orient="row").with_row_index("line", 2)


def facts(*lines: str, start: int = 1) -> pl.DataFrame:
    rows = [line.split() for line in lines]
    return pl.DataFrame(rows, schema=["head", "relation", "tail"], orient="row").with_row_index("line", start)


def builder(reading: Reading | None = None) -> GraphBuilder:
    return GraphBuilder(nodes_of(NODES), Path("nodes.tsv"), reading or Reading())


def in_words(graph: KnowledgeGraph) -> list[str]:
    ids = graph.entities.ids
    return [f"{ids[h]} {graph.metaedges[r].abbreviation} {ids[t]}" for h, r, t in graph.triples.tolist()]


METFORMIN = "Compound::DB00331"
GOOD = f"{METFORMIN} CtD Disease::1"
GENE = "Disease::1 DaG Gene::2"
UNFIT = ", which does not fit the metaedge CtD (Compound treats Disease)"


def test_entities_are_grouped_by_type_and_metaedges_sorted():
    made = builder()
    made.add(facts(GENE, GOOD), EDGES, KNOWN)
    graph = made.graph("mine")
    assert graph.entities.ids == ("Compound::DB00331", "Compound::DB00945", "Disease::1", "Gene::1", "Gene::2")
    assert graph.entities.names == ("Metformin", "Aspirin", "diabetes", "INS", "TF")
    assert [(t.name, t.start, t.stop) for t in graph.entity_types] == [
        ("Compound", 0, 2), ("Disease", 2, 3), ("Gene", 3, 5),
    ]  # fmt: skip
    assert graph.metaedges == (METAEDGES[1], METAEDGES[0])
    assert (graph.name, graph.treats) == ("mine", ("CtD",))


def test_parts_are_the_triples_of_each_table_in_its_order():
    made = builder()
    made.add(facts(GENE, GOOD, GENE), EDGES, KNOWN)
    made.add(facts(GOOD), EDGES, KNOWN)
    made.graph("mine")
    assert [part.tolist() for part in made.parts] == [[[2, 1, 4], [0, 0, 2], [2, 1, 4]], [[0, 0, 2]]]


def test_triples_that_stand_twice_are_dropped_and_counted():
    reading = Reading()
    made = builder(reading)
    made.add(facts(GENE, GOOD, GENE), EDGES, KNOWN)
    made.add(facts(GOOD), EDGES, KNOWN)
    assert in_words(made.graph("mine")) == [GOOD, GENE]
    assert reading.duplicates == 2


def test_a_metaedge_without_a_fact_is_left_out():
    made = builder()
    made.add(facts(GENE), EDGES, KNOWN)
    graph = made.graph("mine", ["CtD"])
    assert [e.abbreviation for e in graph.metaedges] == ["DaG"]
    assert graph.treats == ()


BAD = [
    pytest.param("Compound::DB1 CtD Disease::1", "unknown entity 'Compound::DB1'", "unknown entity", id="unknown head"),
    pytest.param(
        f"{METFORMIN}1 CtD Disease::1", f"did you mean Metformin ({METFORMIN})?", "unknown entity", id="mistyped id"
    ),
    pytest.param(
        f"{METFORMIN} CtD Diabetes", "'Diabetes'; did you mean diabetes (Disease::1)?", "unknown entity", id="name"
    ),
    pytest.param(
        f"{METFORMIN} CtX Disease::1", "unknown metaedge 'CtX'; known are DaG, CtD", "unknown metaedge", id="metaedge"
    ),
    pytest.param("Disease::1 CtD Disease::1", f"'Disease::1' is a Disease{UNFIT}", "misfit", id="head of another type"),
    pytest.param(f"{METFORMIN} CtD Gene::1", f"'Gene::1' is a Gene{UNFIT}", "misfit", id="tail of another type"),
    pytest.param(f"Disease::1 CtD {METFORMIN}", UNFIT, "misfit", id="reversed"),
]


@pytest.mark.parametrize(("bad", "message", "kind"), BAD)
def test_a_triple_that_does_not_fit_is_named_with_its_file_and_line(bad, message, kind):
    with pytest.raises(BadInputError, match=re.escape(message)) as caught:
        builder().add(facts(GOOD, GOOD, bad, GOOD, start=2), EDGES, KNOWN)
    assert (caught.value.file, caught.value.line) == (EDGES, 4)


@pytest.mark.parametrize(("bad", "message", "kind"), BAD)
def test_a_triple_that_does_not_fit_can_be_set_aside(bad, message, kind):
    reading = Reading(skip_bad_lines=True)
    made = builder(reading)
    made.add(facts(GENE, bad, GOOD, bad), EDGES, KNOWN)
    assert in_words(made.graph("mine")) == [GOOD, GENE]
    assert [(b.file, b.line, b.kind) for b in reading.bad_lines] == [("edges.tsv", 2, kind), ("edges.tsv", 4, kind)]
    assert reading.kinds == {kind: 2}
    assert reading.bad_lines[0].text == "\t".join(bad.split())


def test_the_first_of_several_bad_lines_is_named():
    with pytest.raises(BadInputError, match="'x'") as caught:
        builder().add(facts(GOOD, "x CtD Disease::1", "y CtD Disease::1"), EDGES, KNOWN)
    assert caught.value.line == 2


def test_an_id_that_stands_twice_with_another_name_is_named_with_both_lines():
    with pytest.raises(BadInputError, match="'Gene::2' stands in line 2 already, with another name") as caught:
        GraphBuilder(nodes_of([*NODES, ("Gene::2", "other", "Gene")]), Path("nodes.tsv"), Reading())
    assert (caught.value.file, caught.value.line) == (Path("nodes.tsv"), 7)


def test_an_id_under_two_types_is_named_with_both():
    with pytest.raises(BadInputError, match="the id 'Gene::2' is a Disease here and a Gene in line 2") as caught:
        GraphBuilder(nodes_of([*NODES, ("Gene::2", "TF", "Disease")]), Path("nodes.tsv"), Reading())
    assert caught.value.line == 7


def test_a_node_that_is_said_twice_is_one_and_counted():
    reading = Reading()
    made = GraphBuilder(nodes_of([*NODES, NODES[0]]), Path("nodes.tsv"), reading)
    assert len(made.entities) == len(NODES)
    assert reading.duplicates == 1


def test_a_relation_that_joins_one_pair_of_types_is_its_own_abbreviation():
    made = builder()
    made.add(facts(f"{METFORMIN} treats Disease::1", "Disease::1 has Gene::1"), EDGES)
    graph = made.graph("mine")
    assert [str(e) for e in graph.metaedges] == ["has (Disease has Gene)", "treats (Compound treats Disease)"]
    assert graph.treats == ("treats",)


def test_a_relation_that_joins_several_pairs_of_types_is_a_metaedge_for_each():
    made = builder()
    made.add(facts(f"{METFORMIN} affects Disease::1", f"{METFORMIN} affects Gene::1"), EDGES)
    made.add(facts("Disease::1 affects Gene::1"), EDGES)
    assert [(e.abbreviation, e.head_type, e.tail_type) for e in made.graph("mine").metaedges] == [
        ("affects:Compound-Disease", "Compound", "Disease"),
        ("affects:Compound-Gene", "Compound", "Gene"),
        ("affects:Disease-Gene", "Disease", "Gene"),
    ]


def test_what_is_said_of_a_metaedge_is_gathered_from_its_lines():
    made = builder()
    table = facts(f"{METFORMIN} treats Disease::1", "Compound::DB00945 treats Disease::1", "Disease::1 has Gene::1")
    said = {"source": ["B", "A", ""], "licence": ["CC0 1.0", "CC0 1.0", ""], "version": ["", "2", "1"]}
    made.add(table.with_columns(pl.Series(name, values) for name, values in said.items()), EDGES)
    has, treats = made.graph("mine").metaedges
    assert (treats.source, treats.licence, treats.version) == ("A; B", "CC0 1.0", "2")
    assert (has.source, has.licence, has.version) == ("", "", "1")


triple = st.tuples(st.sampled_from("abcdé"), st.sampled_from("rsT"), st.sampled_from("abcdé"))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(triple, min_size=1, max_size=10), min_size=1, max_size=3))
def test_without_types_entities_and_relations_are_what_stands_in_the_files(files):
    tables = [facts(*(" ".join(row) for row in rows)) for rows in files]
    made = untyped_builder(tables, Path("folder"), Reading())
    for table in tables:
        made.add(table, EDGES)
    graph = made.graph("mine")
    every = [t for rows in files for t in rows]
    assert graph.entities.ids == tuple(sorted({e for h, _, t in every for e in (h, t)}))
    assert [e.abbreviation for e in graph.metaedges] == sorted({r for _, r, _ in every})
    assert [t.name for t in graph.entity_types] == ["Entity"]
    ids, relations = graph.entities.ids, [e.relation for e in graph.metaedges]
    for part, rows in zip(made.parts, files, strict=True):
        assert [(ids[h], relations[r], ids[t]) for h, r, t in part.tolist()] == rows


kinds = st.sampled_from(["Compound", "Disease", "Gene"])


@settings(max_examples=50, deadline=None)
@given(st.lists(kinds, min_size=1, max_size=6), st.data())
def test_a_graph_holds_each_fact_once_under_the_metaedge_of_its_relation_and_types(types, data):
    nodes = [(f"e{i}", "", t) for i, t in enumerate(types)]
    ends = st.sampled_from([entity for entity, _, _ in nodes])
    rows = data.draw(st.lists(st.tuples(ends, st.sampled_from("rs"), ends), min_size=1, max_size=12))
    made = GraphBuilder(nodes_of(nodes), Path("nodes.tsv"), Reading())
    made.add(facts(*(" ".join(row) for row in rows)), EDGES)
    graph = made.graph("mine")
    type_of = {entity: t for entity, _, t in nodes}
    found = []
    for h, r, t in graph.triples.tolist():
        e = graph.metaedges[r]
        head, tail = graph.entities.ids[h], graph.entities.ids[t]
        assert (e.head_type, e.tail_type) == (type_of[head], type_of[tail])
        found.append((head, e.relation, tail))
    assert sorted(found) == sorted(set(rows))
    assert len({e.abbreviation for e in graph.metaedges}) == graph.relations


def test_no_licence_is_left_out_of_a_metaedge_and_facts_without_one_are_said():
    made = builder()
    for i in range(12):
        licence = f"licence {i}" if i else ""
        table = facts(f"{METFORMIN} treats Disease::1").with_columns(licence=pl.lit(licence), source=pl.lit(f"s{i}"))
        made.add(table, EDGES)
    (treats,) = made.graph("mine").metaedges
    assert treats.licence.split("; ") == ["none stated", *(f"licence {i}" for i in range(1, 12))]
    assert treats.source == "; ".join([*(f"s{i}" for i in range(8)), "and 4 more"])


def test_tabs_and_line_ends_in_names_are_spaces_and_in_ids_bad():
    nodes = nodes_of([("Gene::1", "IN\tS\r\n", "Gene"), ("Gene\t2", "TF", "Gene")])
    with pytest.raises(BadInputError, match="an id or type holds a tab or a line end: ") as caught:
        GraphBuilder(nodes, Path("nodes.tsv"), Reading())
    assert caught.value.line == 3
    reading = Reading(skip_bad_lines=True)
    assert GraphBuilder(nodes, Path("nodes.tsv"), reading).entities.names == ("IN S ",)
    assert reading.kinds == {"control character": 1}
