"""KGX, as tables and as JSON lines: real rows, any graph out and in, and lines that are wrong."""

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgdrug.errors import BadInputError, UsageError
from kgdrug.graph import Metaedge
from kgdrug.graph.annotations import Annotation
from kgdrug.sources import FORMS, Reading, load_graph, write_bad_lines, write_graph

NODES, EDGES = "graph_nodes.tsv", "graph_edges.tsv"
JSON_NODES, JSON_EDGES = "valid_nodes.jsonl", "valid_edges.jsonl"
BOTH = ["kgx", "kgx-jsonl"]


def test_real_rows_of_tables_are_read(published, put, tmp_path, facts_of):
    graph = load_graph(put("kgx", published("kgx"), tmp_path / "monarch"))
    assert facts_of(graph) == {
        ("CURIE:123", "related_to:Gene-Disease", "CURIE:456"),
        ("HGNC:9398", "gene_associated_with_condition", "MONDO:0010011"),
        ("HGNC:9398", "related_to:Gene-NamedThing", "HP:0002132"),
    }
    types = {e: graph.type_of(i).name for i, e in enumerate(graph.entities.ids)}
    assert types == {  # the narrowest category, on whichever side of the list it stands
        "CURIE:123": "Gene",
        "CURIE:456": "Disease",
        "HGNC:9398": "Gene",
        "MONDO:0010011": "Disease",
        "HP:0002132": "NamedThing",
    }
    names = dict(zip(graph.entities.ids, graph.entities.names, strict=True))
    assert (names["HGNC:9398"], names["HP:0002132"]) == ("OLIG2", "HP:0002132")
    assert [(e.relation, e.source) for e in graph.metaedges] == [
        ("gene_associated_with_condition", "Monarch"),
        ("related_to", "test"),
        ("related_to", "test"),
    ]
    assert graph.treats == ()
    assert graph.name == "monarch"


def test_real_lines_of_json_are_read_before_kgx_1_and_after(published, put, tmp_path, facts_of):
    graph = load_graph(put("kgx-jsonl", published("kgx-jsonl"), tmp_path))
    assert facts_of(graph) == {
        ("HGNC:11603", "related_to", "MONDO:0005002"),
        ("HGNC:11603", "related_to", "MONDO:0013238"),
        ("PUBCHEM.COMPOUND:10429502", "treats", "MONDO:0005002"),
    }
    names = dict(zip(graph.entities.ids, graph.entities.names, strict=True))
    assert names["PUBCHEM.COMPOUND:10429502"] == "16|A-Methyl Prednisolone"
    assert [(t.name, len(t)) for t in graph.entity_types] == [("ChemicalEntity", 1), ("Disease", 2), ("Gene", 1)]
    assert [(e.abbreviation, e.source) for e in graph.metaedges] == [
        ("related_to", ""),
        ("treats", "infores:drugcentral"),
    ]
    assert graph.treats == ("treats",)


def test_synonyms_are_read_from_a_column_and_from_arrays(published, put, tmp_path):
    files = published("kgx")
    header, *lines = files[NODES].splitlines()
    texts = ["Gene123|g 123", *[""] * (len(lines) - 1)]
    nodes = "\n".join([f"{header}\tsynonym", *(f"{line}\t{text}" for line, text in zip(lines, texts, strict=True)), ""])
    graph = load_graph(put("kgx", files | {NODES: nodes}, tmp_path / "tables"))
    assert graph.entities.synonyms == {graph.entities.index("CURIE:123"): ("Gene123", "g 123")}
    files = published("kgx-jsonl")
    first, *lines = files[JSON_NODES].splitlines()
    record = json.loads(first) | {"synonym": ["one", "a|b", None, "one"]}
    graph = load_graph(
        put("kgx-jsonl", files | {JSON_NODES: "\n".join([json.dumps(record), *lines])}, tmp_path / "json")
    )
    assert graph.entities.synonyms == {graph.entities.index(record["id"]): ("one", "a|b")}


def test_a_node_that_stands_twice_keeps_the_synonyms_of_its_first_line(published, put, tmp_path):
    files = published("kgx-jsonl")
    record = json.loads(files[JSON_NODES].splitlines()[0])
    lines = [json.dumps(record | {"synonym": [text]}) for text in ("first", "second")]
    graph = load_graph(put("kgx-jsonl", files | {JSON_NODES: "\n".join([*lines, files[JSON_NODES]])}, tmp_path))
    assert graph.entities.synonyms == {graph.entities.index(record["id"]): ("first",)}
    assert graph.made["duplicates"] == 2


def test_the_column_of_kgx_before_1_is_read_in_tables_too(published, put, tmp_path):
    files = published("kgx")
    graph = load_graph(put("kgx", files, tmp_path / "new"))
    old = files | {EDGES: files[EDGES].replace("predicate", "edge_label")}
    assert load_graph(put("kgx", old, tmp_path / "old")).digest == graph.digest


def test_the_primary_source_of_a_fact_goes_before_others(published, put, tmp_path):
    files = published("kgx")
    header, *lines = files[EDGES].splitlines()
    edges = [f"{header}\tknowledge_source\tprimary_knowledge_source\tlicense"]
    edges += [f"{line}\tsecond\t{first}\tCC0" for line, first in zip(lines, ["first", "", "first"], strict=True)]
    graph = load_graph(put("kgx", files | {EDGES: "\n".join(edges)}, tmp_path))
    about = {e.abbreviation: (e.source, e.licence) for e in graph.metaedges}
    assert about == {
        "gene_associated_with_condition": ("second", "CC0"),
        "related_to:Gene-Disease": ("first", "CC0"),
        "related_to:Gene-NamedThing": ("first", "CC0"),
    }


def test_a_pair_of_files_is_found_by_either(published, put, tmp_path):
    folder = put("kgx", published("kgx"), tmp_path)
    put("kgx", {"[1]_nodes.tsv": "id\tcategory\na\tbiolink:Gene\n"}, tmp_path)
    put("kgx", {"[1]_edges.tsv": "subject\tpredicate\tobject\na\tr\ta\n"}, tmp_path)
    assert len(load_graph(tmp_path / NODES).triples) == len(load_graph(tmp_path / EDGES).triples) == 3
    assert load_graph(tmp_path / "[1]_edges.tsv").entities.ids == ("a",)
    with pytest.raises(UsageError, match="is no graph"):
        load_graph(folder)  # two pairs
    with pytest.raises(BadInputError, match=r"needs one file that ends with nodes\.tsv, and one with edges\.tsv"):
        load_graph(folder, "kgx")


NODE = {"id": "HGNC:1", "name": "x", "category": ["biolink:Gene"]}
EDGE = {"subject": "HGNC:11603", "predicate": "biolink:related_to", "object": "MONDO:0005002"}


@pytest.mark.parametrize(
    ("name", "line", "text", "kind", "message"),
    [
        (NODES, 3, "CURIE:7\tGene 7", "columns", "2 fields where 4"),
        (NODES, 3, "", "columns", "1 field where 4"),
        (NODES, 3, "CURIE:7\tGene 7\t\t", "empty field", "an empty field"),
        (NODES, 6, "CURIE:123\tGene 123\tbiolink:Protein\t", "id twice", "is a Protein here and a Gene in line 2"),
        (NODES, 6, "CURIE:123\tgene 123\tbiolink:Gene\t", "id twice", "stands in line 2 already, with another name"),
        (NODES, 4, "id\tname\tcategory\tdescription", "header", "the header stands here again"),
        (NODES, 3, "CURIE:7\tGène\tbiolink:Gene\t".encode("latin-1"), "encoding", "(byte 0xe8)"),
        (NODES, 3, "CURIE:7\tx\tbiolink:Gene\t\0", "NUL", "holds a NUL"),
        (EDGES, 3, "CURIE:123\tbiolink:related_to", "columns", "2 fields where 6"),
        (EDGES, 3, "CURIE:123\tbiolink:related_to\tCURIE:456" + "\t" * 8, "columns", "11 fields where 6"),
        (EDGES, 3, "CURIE:123\t\tCURIE:456\t\t\t", "empty field", "an empty field"),
        (EDGES, 3, "CURIE:1234\tr\tCURIE:456\t\t\t", "unknown entity", "unknown entity 'CURIE:1234'"),
        (EDGES, 3, "subject\tpredicate\tobject\t\t\t", "header", "the header stands here again"),
    ],
)
def test_a_bad_line_of_a_table_is_named_or_set_aside(bad_line, name, line, text, kind, message):
    bad_line("kgx", name, line, text, kind, message)


@pytest.mark.parametrize(
    ("name", "line", "text", "kind", "message"),
    [
        (JSON_NODES, 3, "", "JSON", "is no JSON object (Expecting value"),
        (JSON_NODES, 3, '{"id": "a", "category"', "JSON", "is no JSON object (Expecting ':' delimiter"),
        (JSON_NODES, 3, '["id", "a"]', "JSON", 'is no JSON object (it should begin with a brace): \'["id"'),
        (JSON_NODES, 3, "[" * 100_000, "JSON", "is no JSON object (nested too deep)"),
        (JSON_NODES, 3, '{"id": "a", "category": []}', "columns", "has no category"),
        (JSON_NODES, 3, '{"id": null, "category": "biolink:Gene"}', "columns", "has no id"),
        (JSON_NODES, 3, json.dumps(NODE | {"id": "\ud800"}), "encoding", "holds half a character"),
        (JSON_NODES, 3, json.dumps(NODE | {"name": "\0"}), "NUL", "holds a NUL"),
        (JSON_NODES, 3, '{"id": "é"}'.encode("latin-1"), "encoding", "is not UTF-8 text (byte 0xe9); save the file"),
        (
            JSON_NODES,
            5,
            json.dumps(NODE | {"id": "HGNC:11603"}),
            "id twice",
            "stands in line 1 already, with another n",
        ),
        (
            JSON_NODES,
            5,
            json.dumps({"id": "HGNC:11603", "name": "TBX4", "category": "biolink:Disease"}),
            "id twice",
            "the id 'HGNC:11603' is a Disease here and a Gene in line 1",
        ),
        (JSON_EDGES, 3, json.dumps(EDGE | {"object": ""}), "columns", "has no object"),
        (JSON_EDGES, 3, json.dumps({"subject": "a", "object": "b"}), "columns", "has no predicate"),
        (JSON_EDGES, 3, json.dumps(EDGE | {"object": "MONDO:1"}), "unknown entity", "unknown entity 'MONDO:1'"),
    ],
)
def test_a_bad_line_of_json_is_named_or_set_aside(bad_line, name, line, text, kind, message):
    bad_line("kgx-jsonl", name, line, text, kind, message)


def test_a_table_without_its_header_is_an_error_of_the_first_line(published, put, tmp_path):
    for name in (NODES, EDGES):
        files = published("kgx")
        folder = put("kgx", files | {name: files[name].partition("\n")[2]}, tmp_path)
        with pytest.raises(BadInputError, match="the first line should be a header with") as caught:
            load_graph(folder, "kgx")
        assert (caught.value.file.name, caught.value.line) == (name, 1)


@pytest.mark.parametrize("form", BOTH)
def test_any_graph_goes_out_and_in_whole(odd_graphs, form):
    @settings(max_examples=50, deadline=None)
    @given(odd_graphs)
    def check(graph):
        with tempfile.TemporaryDirectory() as folder:
            assert write_graph(graph, Path(folder) / "graph", form) == []
            back = load_graph(Path(folder) / "graph")
        assert back.digest == graph.digest
        assert (back.entities.names, back.smiles) == (graph.entities.names, graph.smiles)
        assert (back.metaedges, back.treats) == (graph.metaedges, graph.treats)

    check()


@pytest.mark.parametrize("form", BOTH)
def test_what_is_written_is_in_the_words_of_the_biolink_model(medicine, tmp_path, form):
    write_graph(medicine, tmp_path / "out", form)
    rows = {}
    for name in ("nodes", "edges"):
        if form == "kgx":
            header, *lines = (tmp_path / "out" / f"{name}.tsv").read_text().splitlines()
            rows[name] = [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]
        else:
            rows[name] = [json.loads(line) for line in (tmp_path / "out" / f"{name}.jsonl").read_text().splitlines()]
    category = "biolink:ChemicalEntity" if form == "kgx" else ["biolink:ChemicalEntity"]
    assert [(n["id"], n["name"]) for n in rows["nodes"]] == [
        ("DRUGBANK:DB00331", "Metformin"),
        ("DRUGBANK:DB00945", "Aspirin"),
        ("DOID:9352", "type 2 diabetes mellitus"),
        ("3630", "INS"),
    ]
    assert rows["nodes"][0]["category"] == category
    assert [(e["subject"], e["predicate"], e["object"]) for e in rows["edges"]] == [
        ("DRUGBANK:DB00331", "biolink:treats", "DOID:9352"),
        ("DOID:9352", "biolink:related_to", "3630"),
    ]
    assert rows["edges"][0]["primary_knowledge_source"] == "textbook"


@pytest.mark.parametrize("form", BOTH)
def test_an_effect_on_a_gene_is_written_with_its_direction(medicine, tmp_path, form):
    metaedges = (Metaedge("CdG", "Compound", "downregulates", "Gene"), medicine.metaedges[0])
    graph = replace(medicine, metaedges=metaedges, triples=np.array([[0, 0, 3], [0, 1, 2]], np.int64))
    assert write_graph(graph, tmp_path / "out", form) == []
    if form == "kgx":
        header, *lines = ((line.split("\t")) for line in (tmp_path / "out" / "edges.tsv").read_text().splitlines())
        rows = [dict(zip(header, line, strict=True)) for line in lines]
    else:
        rows = [json.loads(line) for line in (tmp_path / "out" / "edges.jsonl").read_text().splitlines()]
    names = ("predicate", "qualified_predicate", "object_aspect_qualifier", "object_direction_qualifier")
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("biolink:affects", "biolink:causes", "expression", "decreased"),
        ("biolink:treats", "", "", ""),
    ]


@pytest.mark.parametrize("form", BOTH)
def test_annotations_are_lost_and_it_says_so(medicine, tmp_path, form):
    noted = replace(
        medicine, annotations=(Annotation(1, 2, "trial", "NCT00000000"), Annotation(0, 2, "approved", "label"))
    )
    assert write_graph(noted, tmp_path / "out", form) == ["2 annotations"]


def test_a_tab_or_a_line_end_in_a_name_is_a_space(published, put, tmp_path):
    files = published("kgx-jsonl")
    odd = files[JSON_NODES].replace('"TBX4"', '"T\\tB\\nX"')
    graph = load_graph(put("kgx-jsonl", files | {JSON_NODES: odd}, tmp_path / "in"))
    assert graph.entities.names[graph.entities.index("HGNC:11603")] == "T B X"
    for form in BOTH:
        assert write_graph(graph, tmp_path / form, form) == []


def test_any_other_value_in_a_record_ends_in_a_plain_error_or_a_graph(published, put, tmp_path):
    files = published("kgx-jsonl")
    keys = ["id", "name", "category", "subject", "predicate", "edge_label", "object", "metaedge", "kgdrug_id", "treats"]
    values = [None, True, 0, 1e400, "", "\ud800", "\0", "yes", "|", [], [[]], ["a", None], {}, {"id": 1}, "HGNC:11603"]

    @settings(max_examples=50, deadline=None)
    @given(
        st.sampled_from([JSON_NODES, JSON_EDGES]),
        st.integers(0, 2),
        st.dictionaries(st.sampled_from(keys), st.sampled_from(values), min_size=1, max_size=3),
        st.booleans(),
    )
    def check(name, place, changes, skip):
        lines = files[name].splitlines()
        lines[place] = json.dumps(json.loads(lines[place]) | changes)
        reading = Reading(skip_bad_lines=skip)
        try:
            FORMS["kgx-jsonl"].read(put("kgx-jsonl", files | {name: "\n".join(lines)}, tmp_path), reading)
        except BadInputError as error:
            str(error).encode()
        write_bad_lines(reading, tmp_path / "bad.tsv")

    check()
