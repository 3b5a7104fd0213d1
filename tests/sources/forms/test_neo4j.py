from collections.abc import Callable
from pathlib import Path

import pytest

from kgdrug.errors import BadInputError
from kgdrug.sources import Reading, load_graph

NODES = 'id:ID,name,smiles,:LABEL\nDB1,"the ""best"", so far",CC,Compound\n1,gout,,Disease\nDB2,,,Compound\n'
FACTS = ':START_ID,:END_ID,:TYPE,relation,licence,source,version\nDB1,1,CtD,treats,CC0 1.0,"a, b",2\nDB1,DB2,CrC,,,,\n'


@pytest.fixture
def put(write, tmp_path) -> Callable[..., Path]:
    def folder(nodes: str | bytes = NODES, facts: str | bytes = FACTS) -> Path:
        write("db/nodes.csv", nodes)
        write("db/relationships.csv", facts)
        return tmp_path / "db"

    return folder


def test_nodes_and_relationships_are_read(put, facts_of):
    graph = load_graph(put())
    assert facts_of(graph) == {("DB1", "CtD", "1"), ("DB1", "CrC", "DB2")}
    assert graph.entities.names == ('the "best", so far', "DB2", "gout")
    assert (graph.smiles, graph.treats, graph.made["form"]) == ({0: "CC"}, ("CtD",), "neo4j")
    assert [(e.relation, e.licence, e.source, e.version) for e in graph.metaedges] == [
        ("CrC", "", "", ""),  # a relationship without a relation is called by its type
        ("treats", "CC0 1.0", "a, b", "2"),
    ]


def test_headers_of_neo4j_with_id_spaces_and_several_labels_are_read(put):
    nodes = "drugbank:ID(Drug),:LABEL,name,approved:boolean\nDB1,Compound;Approved,Aspirin,true\n1,Disease,gout,false\n"
    facts = ":START_ID(Drug),dose:float,:END_ID(Disease),:TYPE\nDB1,1.5,1,TREATS\n"
    graph = load_graph(put(nodes, facts))
    assert [graph.text(triple) for triple in graph.triples] == ["Aspirin TREATS gout"]
    assert [t.name for t in graph.entity_types] == ["Compound", "Disease"]


def test_properties_may_have_their_type_behind_them(put):
    nodes = "id:ID,name:string,smiles:string,:LABEL\nDB1,Aspirin,CC,Compound\n1,gout,,Disease\n"
    facts = ":START_ID,:END_ID,:TYPE,relation:string,licence:string\nDB1,1,CtD,treats,CC0 1.0\n"
    graph = load_graph(put(nodes, facts))
    assert (graph.entities.names, graph.smiles) == (("Aspirin", "gout"), {0: "CC"})
    assert [(e.relation, e.licence) for e in graph.metaedges] == [("treats", "CC0 1.0")]


@pytest.mark.parametrize(
    ("name", "row", "kind", "message"),
    [
        ("nodes", "DB3,x", "columns", "2 fields where 4 comma-separated"),
        ("nodes", "DB3,x,,Compound,y", "columns", "5 fields where 4"),
        ("nodes", "DB3,x,,", "empty field", "an empty field"),
        ("nodes", '"",x,,Compound', "empty field", "an empty field"),
        ("nodes", "1,gout,,Symptom", "id twice", "the id '1' is a Symptom here and a Disease in line 3"),
        ("nodes", 'DB3,"x,,Compound', "quotes", "a quote is opened and not closed"),
        ("nodes", "", "columns", "1 field where 4"),
        ("relationships", "DB1,1", "columns", "2 fields where 7"),
        ("relationships", "DB1,9,CtD,treats,,,", "unknown entity", "unknown entity '9'; no node has this id"),
        ("relationships", "DB1,gout,CtD,treats,,,", "unknown entity", "unknown entity 'gout'; did you mean gout (1)?"),
    ],
)
def test_a_bad_line_is_named_or_set_aside(put, name, row, kind, message):
    expected = load_graph(put()).digest
    folder = put(
        **{"facts" if name == "relationships" else name: (FACTS if name == "relationships" else NODES) + row + "\n"}
    )
    file, line = folder / f"{name}.csv", 5 if name == "nodes" else 4
    with pytest.raises(BadInputError) as caught:
        load_graph(folder)
    assert message in str(caught.value)
    assert (caught.value.file, caught.value.line) == (file, line)
    reading = Reading(skip_bad_lines=True)
    assert load_graph(folder, reading=reading).digest == expected
    assert [(bad.file, bad.line, bad.kind) for bad in reading.bad_lines] == [(str(file), line, kind)]


def test_lines_are_counted_where_a_field_holds_line_ends(put):
    facts = FACTS.replace('"a, b"', '"a\n\nb"') + "DB1,9,CtD,treats,,,\n"
    with pytest.raises(BadInputError, match="unknown entity '9'") as caught:
        load_graph(put(facts=facts))
    assert caught.value.line == 6


def test_a_carriage_return_within_a_name_is_a_space(put):
    nodes = NODES.replace("gout", "go\rut")
    assert "go ut" in load_graph(put(nodes)).entities.names
    reading = Reading(skip_bad_lines=True)
    assert "go ut" in load_graph(put(nodes + "DB3\n"), reading=reading).entities.names
    assert [bad.line for bad in reading.bad_lines] == [5]


def test_a_quote_that_is_not_closed_takes_no_other_line_with_it(put):
    nodes = NODES.replace('"the ""best"", so far"', '"the best')
    reading = Reading(skip_bad_lines=True)
    graph = load_graph(put(nodes, FACTS + "DB2,1,CtD,treats,,,\n"), reading=reading)
    assert graph.entities.ids == ("DB2", "1")
    assert [graph.text(triple) for triple in graph.triples] == ["DB2 treats gout"]
    assert [(bad.line, bad.kind) for bad in reading.bad_lines] == [
        (2, "quotes"), (2, "unknown entity"), (3, "unknown entity"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("nodes", "facts", "file", "ending"),
    [
        (NODES.replace(":LABEL", "label"), FACTS, "nodes.csv", ":LABEL"),
        (NODES.replace("name", "other:ID"), FACTS, "nodes.csv", ":ID"),
        (NODES, FACTS.replace(":TYPE", "type"), "relationships.csv", ":TYPE"),
        (NODES, FACTS.split("\n", 1)[1], "relationships.csv", ":START_ID"),
    ],
)
def test_a_header_that_does_not_say_what_is_what_is_named(put, nodes, facts, file, ending):
    folder = put(nodes, facts)
    with pytest.raises(BadInputError, match=f"the header needs one name that ends with {ending}") as caught:
        load_graph(folder)
    assert (caught.value.file, caught.value.line) == (folder / file, 1)


def test_a_header_in_latin_1_is_named(put):
    with pytest.raises(BadInputError, match="is not UTF-8 text") as caught:
        load_graph(put(NODES.replace("name", "Bezeichnung für Menschen").encode("latin-1")))
    str(caught.value).encode()
    assert caught.value.line == 1
