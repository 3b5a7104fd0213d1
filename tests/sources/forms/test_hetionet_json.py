"""Hetionet's JSON: real records, any graph out and in, and records that are wrong."""

import json
import random
import re
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgdrug.errors import BadInputError
from kgdrug.graph.annotations import Annotation
from kgdrug.sources import Reading, load_graph, write_bad_lines, write_graph
from kgdrug.sources.forms import hetionet_json

NAME = "hetionet-v1.0.json"


@pytest.fixture
def content(published):
    return json.loads(published("hetionet-json")[NAME])


@pytest.fixture
def load(tmp_path):
    """The graph of some content, written as JSON."""

    def load_content(content, reading=None):
        (tmp_path / "graph.json").write_text(json.dumps(content))
        return load_graph(tmp_path / "graph.json", reading=reading)

    return load_content


def test_real_records_are_read(published, put, tmp_path, facts_of):
    graph = load_graph(put("hetionet-json", published("hetionet-json"), tmp_path))
    assert facts_of(graph) == {
        ("Gene::2160", "GpMF", "Molecular Function::GO:0008201"),
        ("Compound::DB01106", "CdG", "Gene::4931"),
        ("Compound::DB00945", "CbG", "Gene::5742"),
        ("Gene::2063", "Gr>G", "Gene::7846"),
    }
    names = dict(zip(graph.entities.ids, graph.entities.names, strict=True))
    assert (names["Gene::2160"], names["Molecular Function::GO:0008201"]) == ("F11", "heparin binding")
    assert [(str(e), e.licence, e.source) for e in graph.metaedges] == [
        ("CbG (Compound binds Gene)", "CC BY-NC 4.0", "DrugBank (target), DrugCentral (ChEMBL)"),
        ("CdG (Compound downregulates Gene)", "", "LINCS L1000"),
        ("GpMF (Gene participates Molecular Function)", "CC BY 4.0", "NCBI gene2go"),
        ("Gr>G (Gene regulates Gene)", "", "LINCS L1000"),
    ]
    assert graph.name == "hetionet"
    assert graph.treats == ()


def test_the_tables_and_the_json_of_one_graph_are_the_same(published, put, tmp_path):
    graph = load_graph(put("hetionet", published("hetionet"), tmp_path / "tables"))
    assert write_graph(graph, tmp_path / "hetionet.json", "hetionet-json") == []
    written = json.loads((tmp_path / "hetionet.json").read_text())
    assert written["metaedge_tuples"][0] == ["Anatomy", "Gene", "expresses", "both"]
    assert ["Gene", "Gene", "regulates", "forward"] in written["metaedge_tuples"]
    assert {"kind": "Gene", "identifier": "9021", "name": "SOCS3", "data": {}} in written["nodes"]
    treats = {"license": "CC0 1.0", "source": "PharmacotherapyDB", "version": "v1.0"}  # CtD follows from the kinds
    ends = {"source_id": ["Compound", "DB00331"], "target_id": ["Disease", "DOID:9352"]}
    assert {**ends, "kind": "treats", "direction": "both", "data": treats} in written["edges"]


def test_an_edge_without_direction_is_found_the_other_way_round_too(content, load):
    expected = load(content).digest
    edge = content["edges"][0]
    edge["source_id"], edge["target_id"] = edge["target_id"], edge["source_id"]
    assert load(content).digest == expected


def test_an_edge_that_points_backward_is_the_one_that_points_forward(content, load):
    expected = load(content).digest
    edge = content["edges"][3]
    edge["source_id"], edge["target_id"], edge["direction"] = edge["target_id"], edge["source_id"], "backward"
    assert load(content).digest == expected
    content["metaedge_tuples"][2] = ["Gene", "Gene", "regulates", "backward"]
    assert load(content).digest == expected


def test_an_edge_with_a_direction_is_not_turned_round(content, load):
    edge = content["edges"][3]
    edge["source_id"], edge["target_id"] = edge["target_id"], edge["source_id"]
    graph = load(content)
    assert graph.text(graph.triples[-1]) == "TUBA1A regulates NR2F6"


def test_abbreviations_are_made_where_there_are_none(content, load, facts_of):
    expected = facts_of(load(content))
    del content["kind_to_abbrev"]
    del content["metanode_kinds"]
    assert facts_of(load(content)) == expected
    content["metaedge_tuples"][0][2] = content["edges"][2]["kind"] = "damages"  # begins as downregulates does
    assert {m.abbreviation for m in load(content).metaedges} == {"CdG", "CdaG", "GpMF", "Gr>G"}


def test_any_graph_goes_out_and_in_whole(odd_graphs):
    @settings(max_examples=50, deadline=None)
    @given(odd_graphs)
    def check(graph):
        with tempfile.TemporaryDirectory() as folder:
            assert write_graph(graph, Path(folder) / "graph.json.gz", "hetionet-json") == []
            back = load_graph(Path(folder) / "graph.json.gz")
        assert back.digest == graph.digest
        assert (back.entities.names, back.smiles) == (graph.entities.names, graph.smiles)
        assert (back.metaedges, back.treats) == (graph.metaedges, graph.treats)

    check()


def test_the_short_words_are_such_as_hetnetpy_takes(odd_graphs, tmp_path):
    @settings(max_examples=30, deadline=None)
    @given(odd_graphs)
    def check(graph):
        write_graph(graph, tmp_path / "graph.json", "hetionet-json", force=True)
        written = json.loads((tmp_path / "graph.json").read_text())
        types, relations = written["metanode_kinds"], {kind for _, _, kind, _ in written["metaedge_tuples"]}
        short = written["kind_to_abbrev"]
        assert short.keys() == {*types, *relations}
        assert len(set(short.values())) == len(short)
        assert all(re.fullmatch("[A-Z][A-Z0-9]*", short[t]) for t in types)
        assert all(re.fullmatch("[a-z]+", short[relation]) for relation in relations)

    check()


def test_annotations_are_lost_and_it_says_so(medicine, tmp_path):
    noted = replace(medicine, annotations=(Annotation(1, 2, "trial", "NCT00000000"),))
    assert write_graph(noted, tmp_path / "graph.json", "hetionet-json") == ["1 annotations"]


GENE, COMPOUND = ["Gene", 2160], ["Compound", "DB01106"]
EDGE = {"source_id": COMPOUND, "target_id": GENE, "kind": "binds", "direction": "both", "data": {}}


@pytest.mark.parametrize(
    ("section", "record", "kind", "message"),
    [
        ("nodes", {"kind": "Gene", "name": "TF"}, "node", "has no kind and identifier"),
        ("nodes", {"kind": "Gene", "identifier": "", "name": "TF"}, "node", "has no kind and identifier"),
        ("nodes", "Gene", "node", "has no kind and identifier"),
        (
            "nodes",
            {"kind": "Gene", "identifier": 2160, "name": "f11"},
            "id twice",
            "'Gene::2160' stands in record 2 of n",
        ),
        (
            "nodes",
            {"kind": "Gene", "identifier": 7, "name": "x", "data": {"id": "Compound::DB01106"}},
            "id twice",
            "the id 'Compound::DB01106' is a Gene here and a Compound in record",
        ),
        ("nodes", {"kind": "Gene", "identifier": "\ud800"}, "encoding", "holds half a character"),
        ("nodes", {"kind": "Gene", "identifier": "\0"}, "NUL", "holds a NUL"),
        ("edges", [1, 2], "edge", "needs source_id, target_id, kind and direction"),
        ("edges", {**EDGE, "target_id": ["Gene"]}, "edge", "needs source_id, target_id, kind and direction"),
        ("edges", {**EDGE, "source_id": None}, "edge", "needs source_id, target_id, kind and direction"),
        ("edges", {**EDGE, "target_id": ["Gene", 7]}, "unknown entity", "unknown entity 'Gene::7'"),
        ("edges", {**EDGE, "kind": "bind"}, "unknown metaedge", "'bind', 'both'] is not in metaedge_tuples"),
        ("edges", {**EDGE, "direction": "forward"}, "unknown metaedge", "'forward'] is not in metaedge_tuples"),
        (
            "edges",
            {**EDGE, "target_id": COMPOUND},
            "unknown metaedge",
            "['Compound', 'Compound', 'binds', 'both'] is not",
        ),
        ("edges", {**EDGE, "kind": "\ud800"}, "unknown metaedge", r"'\ud800', 'both'] is not in metaedge_tuples"),
    ],
)
def test_a_bad_record_is_named_or_set_aside(content, load, tmp_path, section, record, kind, message):
    expected = load(content).digest
    content[section].append(record)
    place = f"record {len(content[section])} of {section}: "
    with pytest.raises(BadInputError) as caught:
        load(content)
    assert str(caught.value).startswith(f"{tmp_path / 'graph.json'}: {place}")
    assert message in str(caught.value)
    reading = Reading(skip_bad_lines=True)
    assert load(content, reading).digest == expected
    assert [bad.kind for bad in reading.bad_lines] == [kind]
    assert reading.bad_lines[0].message.startswith(place)
    write_bad_lines(reading, tmp_path / "bad.tsv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"nodes": [', "line 1: is not JSON: Expecting value"),
        ("[" * 100_000, "is not JSON: nested too deep"),
        ("[]", "is no graph in Hetionet's JSON: it has no metaedge_tuples"),
        ('{"metaedge_tuples": [], "nodes": []}', "is no graph in Hetionet's JSON: it has no edges"),
        ('{"metaedge_tuples": [], "nodes": {}, "edges": []}', "nodes should be a list; came '{}'"),
        ('{"metaedge_tuples": [], "nodes": [], "edges": [], "treats": "CtD"}', "treats should be a list; came 'CtD'"),
        (
            '{"metaedge_tuples": [["a"]], "nodes": [], "edges": []}',
            "metaedge_tuples is a list of [source kind, target kind, ",
        ),
        ('{"metaedge_tuples": 3, "nodes": [], "edges": []}', "came '3'"),
        ('{"metaedge_tuples": [], "nodes": [], "edges": []}', "holds no entities"),
        ("\n\n", "is empty"),
    ],
)
def test_what_is_no_graph_says_why(tmp_path, text, message):
    (tmp_path / "graph.json").write_text(text)
    for skip in (False, True):
        with pytest.raises(BadInputError) as caught:
            load_graph(tmp_path / "graph.json", reading=Reading(skip_bad_lines=skip))
        assert message in str(caught.value)


def test_a_number_may_have_any_length(content, load):
    number = "7" * 5000  # more than Python turns into a number
    content["nodes"].append({"kind": "Gene", "identifier": "NUMBER", "name": "long"})
    text = json.dumps(content).replace('"NUMBER"', number)
    graph = load(content)
    assert "Gene::NUMBER" in graph.entities
    (path := Path(str(graph.made["sources"][0]))).write_text(text)
    assert f"Gene::{number}" in load_graph(path).entities


def test_any_other_value_in_any_place_ends_in_a_plain_error_or_a_graph(content, tmp_path):
    values = st.sampled_from(
        [None, True, 0, -1, 1.5, "", "both", "\ud800", "\0", [], [[]], ["Gene", 2160], {}, {"id": 1}]
    )

    @settings(max_examples=50, deadline=None)
    @given(st.integers(0, 2**32), values, st.booleans())
    def check(seed, value, skip):
        changed = replaced(content, random.Random(seed), value)
        (tmp_path / "graph.json").write_text(json.dumps(changed))
        reading = Reading(skip_bad_lines=skip)
        try:
            hetionet_json.read(tmp_path / "graph.json", reading)
        except BadInputError as error:
            str(error).encode()
        write_bad_lines(reading, tmp_path / "bad.tsv")

    check()


def replaced(value, chance, new):
    """The value with a new one in some place within it."""
    if not value or not isinstance(value, list | dict) or chance.random() < 0.15:
        return new
    place = chance.choice(list(value) if isinstance(value, dict) else range(len(value)))
    changed = value.copy()
    changed[place] = replaced(value[place], chance, new)
    return changed


def test_the_metaedges_that_mean_treatment_are_kept(content, load, tmp_path):
    graph = replace(load(content), treats=("CbG", "GpMF"))
    write_graph(graph, tmp_path / "out.json", "hetionet-json")
    assert load_graph(tmp_path / "out.json").treats == ("CbG", "GpMF")
    assert load(content | {"treats": []}).treats == ()
