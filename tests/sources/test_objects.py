"""Graphs of other libraries, in memory, to a graph and back."""

import logging
import sys
from types import SimpleNamespace

import networkx
import numpy as np
import pandas
import pytest
import torch
from hypothesis import given, settings

from kgdrug.errors import BadInputError, KgdrugError, UsageError
from kgdrug.graph import entity_frame, to_dgl, to_networkx, to_pandas, to_pyg, to_pykeen
from kgdrug.sources import from_dgl, from_networkx, from_pandas, from_pyg, from_pykeen

needs_dgl = pytest.mark.skipif(sys.version_info >= (3, 13), reason="DGL has no wheels above Python 3.12")
FACTS = [("DB1", "CtD", "treats", "1"), ("DB1", "CrC", "resembles", "DB2"), ("DB2", "CtD", "treats", "1")]


def texts(graph) -> set[str]:
    return {graph.text(triple) for triple in graph.triples}


def facts(*columns: str) -> pandas.DataFrame:
    table = pandas.DataFrame(FACTS, columns=["head", "metaedge", "relation", "tail"])
    return table[list(columns)] if columns else table


def same(graph, again, about=("digest", "smiles")) -> bool:
    return graph.entities.names == again.entities.names and all(getattr(graph, a) == getattr(again, a) for a in about)


def test_every_graph_comes_back_from_two_tables_of_pandas(random_graphs):
    @settings(max_examples=40, deadline=None)
    @given(random_graphs)
    def check(graph):
        assert same(graph, from_pandas(to_pandas(graph), entity_frame(graph), graph.name))

    check()


def test_every_graph_comes_back_from_networkx(random_graphs):
    @settings(max_examples=40, deadline=None)
    @given(random_graphs)
    def check(graph):
        again = from_networkx(to_networkx(graph))
        assert same(graph, again)
        assert again.name == graph.name

    check()


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_every_graph_comes_back_from_pyg(random_graphs):
    @settings(max_examples=30, deadline=None)
    @given(random_graphs)
    def check(graph):
        assert same(graph, from_pyg(to_pyg(graph)))

    check()


@needs_dgl
def test_every_graph_comes_back_from_dgl_with_its_ids_names_and_relations(random_graphs):
    @settings(max_examples=30, deadline=None)
    @given(random_graphs)
    def check(graph):
        ids = {t.name: graph.entities.ids[t.start : t.stop] for t in graph.entity_types}
        names = {t.name: graph.entities.names[t.start : t.stop] for t in graph.entity_types}
        relations = {e.abbreviation: e.relation for e in graph.metaedges}
        assert same(graph, from_dgl(to_dgl(graph), ids, names, relations), ("digest",))

    check()


# pandas


def test_facts_alone_make_a_graph_of_one_type():
    graph = from_pandas(facts())
    assert [(t.name, len(t)) for t in graph.entity_types] == [("Entity", 3)]
    assert texts(graph) == {"DB1 treats 1", "DB1 resembles DB2", "DB2 treats 1"}
    assert [(e.abbreviation, e.relation) for e in graph.metaedges] == [("CrC", "resembles"), ("CtD", "treats")]


@pytest.mark.parametrize(
    ("columns", "metaedges"),
    [
        (("tail", "head", "metaedge"), [("CrC", "CrC"), ("CtD", "CtD")]),
        (("head", "relation", "tail"), [("resembles", "resembles"), ("treats", "treats")]),
    ],
)
def test_a_metaedge_or_a_relation_is_enough(columns, metaedges):
    assert [(e.abbreviation, e.relation) for e in from_pandas(facts(*columns)).metaedges] == metaedges


def test_facts_may_say_the_types_of_their_ends():
    table = facts().assign(head_type="Compound", tail_type=["Disease", "Compound", "Disease"])
    graph = from_pandas(table)
    assert [(t.name, len(t)) for t in graph.entity_types] == [("Compound", 2), ("Disease", 1)]
    assert graph.treats == ("CtD",)


@pytest.mark.parametrize("column", ["head", "tail"])
def test_a_table_of_facts_without_an_end_is_named_with_what_it_has(column):
    with pytest.raises(UsageError, match=f"the table of facts needs the column {column}; it has .*metaedge"):
        from_pandas(facts().drop(columns=column))


def test_a_table_without_a_metaedge_or_a_type_is_named():
    with pytest.raises(UsageError, match="needs the column metaedge; it has head, tail"):
        from_pandas(facts("head", "tail"))
    with pytest.raises(UsageError, match="the table of entities needs the column type; it has id, 7"):
        from_pandas(facts(), pandas.DataFrame({"id": ["DB1"], 7: ["x"]}))


@pytest.mark.parametrize("missing", [None, float("nan"), pandas.NA, ""])
@pytest.mark.parametrize("column", ["head", "tail", "metaedge"])
def test_a_missing_cell_of_a_fact_is_named_with_its_row(missing, column):
    table = facts("head", "metaedge", "tail").astype(object)
    table.loc[1, column] = missing
    with pytest.raises(BadInputError, match=f"record 2 of facts: has no {column}"):
        from_pandas(table)


@pytest.mark.parametrize("missing", [None, float("nan"), pandas.NA])
def test_a_missing_cell_of_an_entity_is_a_name_or_structure_that_is_not_known(missing):
    entities = pandas.DataFrame(
        [
            ("DB1", missing, "Compound", "C"),
            ("DB2", "Metformin", "Compound", missing),
            ("1", missing, "Disease", missing),
        ],
        columns=["id", "name", "type", "smiles"],
    )
    graph = from_pandas(facts(), entities)
    assert graph.entities.names == ("DB1", "Metformin", "1")
    assert graph.smiles == {0: "C"}
    entities.loc[1, "type"] = missing
    with pytest.raises(BadInputError, match="record 2 of entities: has no type"):
        from_pandas(facts(), entities)


def test_numbers_are_ids_too():
    graph = from_pandas(pandas.DataFrame({"head": [1, 2], "metaedge": ["r", "r"], "tail": [2, 30]}))
    assert graph.entities.ids == ("1", "2", "30")


def test_a_fact_about_an_entity_that_the_table_does_not_list_is_named():
    with pytest.raises(BadInputError, match="record 2 of facts: unknown entity 'DB2'"):
        from_pandas(facts(), pandas.DataFrame({"id": ["DB1", "1"], "type": ["Compound", "Disease"]}))


# networkx


def test_a_graph_of_single_edges_is_read_by_the_data_of_its_edges():
    network = networkx.DiGraph(name="small")
    network.add_node("DB1", kind="Compound", name="Aspirin")
    network.add_edge("DB1", "1", relation="treats", metaedge="CtD")
    network.add_edge("1", "DB1", relation="is treated by")
    graph = from_networkx(network)
    assert [(t.name, len(t)) for t in graph.entity_types] == [("Compound", 1), ("Entity", 1)]
    assert texts(graph) == {"Aspirin treats 1", "1 is treated by Aspirin"}
    assert graph.name == "small"


def test_a_key_names_an_edge_where_it_is_text():
    network = networkx.MultiDiGraph()
    network.add_edge("a", "b", key="likes")
    network.add_edge("a", "b", key="knows", relation="is known to")
    assert [(e.abbreviation, e.relation) for e in from_networkx(network).metaedges] == [
        ("knows", "is known to"),
        ("likes", "likes"),
    ]


def test_a_graph_without_directions_has_each_edge_once():
    network = networkx.Graph([("a", "b", {"relation": "resembles"}), ("b", "c", {"relation": "resembles"})])
    assert len(from_networkx(network).triples) == 2


def test_nodes_that_are_no_text_are_written_as_text():
    network = networkx.DiGraph([(1, ("x", 2), {"relation": "r"})])
    assert from_networkx(network).entities.ids == ("('x', 2)", "1")


@pytest.mark.parametrize("missing", [None, float("nan"), np.float32("nan"), pandas.NA])
def test_a_missing_value_of_a_node_is_none(missing):
    network = networkx.DiGraph([("a", "b", {"relation": "r", "metaedge": missing})])
    network.add_node("a", name=missing, smiles=missing, type=missing)
    graph = from_networkx(network)
    assert (graph.entities.names, graph.smiles) == (("a", "b"), {})
    assert ([t.name for t in graph.entity_types], graph.metaedges[0].abbreviation) == (["Entity"], "r")


def test_two_nodes_that_are_written_alike_are_not_made_one():
    network = networkx.DiGraph([(1, "1", {"relation": "r"})])
    with pytest.raises(UsageError, match="two nodes are 1 when written as text"):
        from_networkx(network)


def test_an_edge_that_names_no_relation_is_named():
    network = networkx.MultiDiGraph([("a", "b", {"weight": 1})])
    with pytest.raises(UsageError, match="the edge a to b names no relation; give it metaedge or relation"):
        from_networkx(network)


# DGL


@needs_dgl
def test_nodes_of_dgl_are_numbered_within_their_type_where_no_ids_are_given():
    from kgdrug.graph.views import import_dgl

    dgl = import_dgl()
    pairs = (torch.tensor([0, 1]), torch.tensor([2, 0]))
    graph = from_dgl(dgl.heterograph({("Compound", "treats", "Disease"): pairs, ("Gene", "treats", "Disease"): pairs}))
    assert texts(graph) == {
        f"{kind}::{head} treats Disease::{tail}" for kind in ("Compound", "Gene") for head, tail in ((0, 2), (1, 0))
    }
    assert [e.abbreviation for e in graph.metaedges] == ["treats:Compound-Disease", "treats:Gene-Disease"]


@needs_dgl
def test_too_few_ids_for_a_type_of_dgl_are_named():
    from kgdrug.graph.views import import_dgl

    graph = import_dgl().heterograph({("a", "r", "b"): (torch.tensor([0, 1]), torch.tensor([0, 0]))})
    with pytest.raises(UsageError, match="2 nodes are of type a, but 1 ids or names came"):
        from_dgl(graph, ids={"a": ["x"]})
    with pytest.raises(BadInputError, match="the id 'x' is a b here and a a in record 1"):
        from_dgl(graph, ids={"a": ["x", "y"], "b": ["x"]})


@needs_dgl
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"ids": {"Compond": ["x"]}}, "ids: unknown node type 'Compond'; did you mean Compound?"),
        ({"names": {"Diseas": ["x"]}}, "names: unknown node type 'Diseas'; did you mean Disease?"),
        ({"relations": {"zzz": "x"}}, "relations: unknown edge type 'zzz'; there are treats"),
    ],
)
def test_a_key_that_is_about_nothing_in_dgl_names_the_closest(given, message):
    from kgdrug.graph.views import import_dgl

    ends = (torch.tensor([0]), torch.tensor([0]))
    graph = import_dgl().heterograph({("Compound", "treats", "Disease"): ends})
    with pytest.raises(UsageError) as caught:
        from_dgl(graph, **given)
    assert message in str(caught.value)


# PyTorch Geometric


@pytest.fixture
def hetero():
    """Two compounds and three diseases without ids, and a relation between each pair of types."""
    data = pytest.importorskip("torch_geometric.data").HeteroData()
    data["Compound"].num_nodes = 2
    data["Disease"].x = torch.zeros(3, 4)
    data["Compound", "treats", "Disease"].edge_index = torch.tensor([[0, 1, 1], [2, 0, 1]])
    data["Disease", "resembles", "Disease"].edge_index = torch.tensor([[0], [1]])
    return data


TREATMENTS = {"Compound::0 treats Disease::2", "Compound::1 treats Disease::0", "Compound::1 treats Disease::1"}
LIKENESS = {"Disease::0 resembles Disease::1"}


def test_a_store_without_ids_is_numbered_within_its_type(hetero):
    graph = from_pyg(hetero)
    assert texts(graph) == TREATMENTS | LIKENESS
    assert graph.treats == ("treats",)
    named = from_pyg(hetero, ids={"Compound": ["DB1", "DB2"]})
    assert "DB1 treats Disease::2" in texts(named)


def test_ids_of_pyg_may_be_a_tensor_and_a_type_that_it_lacks_is_named(hetero):
    hetero["Compound"].id = torch.tensor([7, 30])
    assert set(from_pyg(hetero).entities.ids) >= {"7", "30"}
    with pytest.raises(UsageError, match="ids: unknown node type 'Compund'; did you mean Compound"):
        from_pyg(hetero, ids={"Compund": ["x", "y"]})


def test_edges_that_only_mirror_others_are_left_out_and_said(hetero, caplog):
    to_undirected = pytest.importorskip("torch_geometric.transforms").ToUndirected()
    undirected = to_undirected(hetero)
    assert ("Disease", "rev_treats", "Compound") in undirected.edge_types
    with caplog.at_level(logging.INFO, "kgdrug"):
        graph = from_pyg(undirected)
    assert "left out rev_treats: it is treats the other way round" in caplog.text
    assert texts(graph) >= TREATMENTS
    assert "rev_treats" not in {e.abbreviation for e in graph.metaedges}


@pytest.mark.parametrize("change", ["one fewer", "one more", "another end", "of no other"])
def test_edges_that_are_no_exact_mirror_are_kept(hetero, change):
    heads, tails = hetero["Compound", "treats", "Disease"].edge_index
    turned = {
        "one fewer": torch.stack([tails[1:], heads[1:]]),
        "one more": torch.tensor([[*tails.tolist(), 0], [*heads.tolist(), 0]]),
        "another end": torch.stack([tails, 1 - heads]),
        "of no other": torch.stack([tails, heads]),
    }[change]
    name = "rev_heals" if change == "of no other" else "rev_treats"
    hetero["Disease", name, "Compound"].edge_index = turned
    graph = from_pyg(hetero)
    assert texts(graph) == TREATMENTS | LIKENESS | {
        f"Disease::{head} {name} Compound::{tail}" for head, tail in turned.T.tolist()
    }


@pytest.mark.filterwarnings("ignore:Unable to accurately infer")
def test_what_a_hetero_data_lacks_is_named(hetero):
    hetero["Gene"].symbol = "TP53"
    with pytest.raises(UsageError, match=r"how many nodes of type Gene there are; set data\['Gene'\].num_nodes"):
        from_pyg(hetero)
    hetero["Gene"].num_nodes = 1
    hetero["Gene", "interacts", "Gene"].weight = torch.ones(1)
    with pytest.raises(UsageError, match="the edges Gene interacts Gene have no edge_index"):
        from_pyg(hetero)
    hetero["Gene", "interacts", "Gene"].edge_index = torch.zeros(2, 1, dtype=torch.int64)
    hetero["Gene", "is in", "Tissue"].edge_index = torch.zeros(2, 1, dtype=torch.int64)
    with pytest.raises(UsageError, match="edges join nodes of type Tissue, of which there are none"):
        from_pyg(hetero)


def test_edges_of_pyg_stand_as_those_of_dgl_do(random_graphs):
    @settings(max_examples=15, deadline=None)
    @given(random_graphs)
    def check(graph):
        data = to_pyg(graph)
        start = {t.name: t.start for t in graph.entity_types}
        for r, e in enumerate(graph.metaedges):
            ends = graph.triples[graph.triples[:, 1] == r][:, [0, 2]] - [start[e.head_type], start[e.tail_type]]
            assert data[e.head_type, e.abbreviation, e.tail_type].edge_index.T.tolist() == ends.tolist()
            assert data[e.head_type, e.abbreviation, e.tail_type].relation == e.relation

    check()


# PyKEEN, by what its `TriplesFactory` shows of itself


class Factory(SimpleNamespace):
    def __init__(self, mapped_triples, entity_to_id, relation_to_id) -> None:
        super().__init__(mapped_triples=mapped_triples, entity_to_id=entity_to_id, relation_to_id=relation_to_id)


def test_a_factory_of_pykeen_is_read_by_its_labels_and_without_inverse_triples():
    triples = torch.tensor([[0, 0, 1], [2, 1, 1], [1, 2, 0]])  # relation 2 is the inverse of 0, and has no label
    graph = from_pykeen(Factory(triples, {"a": 0, "b": 1, "c": 2, "alone": 3}, {"r": 0, "s": 1}), "toy")
    assert texts(graph) == {"a r b", "c s b"}
    assert (graph.entities.ids, graph.treats, graph.name) == (("a", "alone", "b", "c"), (), "toy")


def test_a_graph_becomes_a_factory_of_pykeen_numbered_as_it_is(random_graphs, monkeypatch):
    monkeypatch.setitem(sys.modules, "pykeen", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "pykeen.triples", SimpleNamespace(TriplesFactory=Factory))

    @settings(max_examples=20, deadline=None)
    @given(random_graphs)
    def check(graph):
        factory = to_pykeen(graph)
        assert factory.mapped_triples.dtype == torch.int64
        assert factory.mapped_triples.tolist() == graph.triples.tolist()
        assert list(factory.entity_to_id) == list(graph.entities.ids)
        again = from_pykeen(factory)
        ids, other = graph.entities.ids, again.entities.ids
        assert {(ids[h], graph.metaedges[r].abbreviation, ids[t]) for h, r, t in graph.triples} == {
            (other[h], again.metaedges[r].abbreviation, other[t]) for h, r, t in again.triples
        }

    check()


def test_a_library_that_is_not_there_is_named(monkeypatch):
    graph = from_pandas(facts())
    for module, make, package in (("pykeen.triples", to_pykeen, "pykeen"), ("torch_geometric.data", to_pyg, "torch_g")):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(KgdrugError, match=f"this needs {package}.*pip install {package}"):
            make(graph)


def test_a_graph_without_triples_goes_through_every_view():
    bare = from_pandas(facts()).with_triples(np.empty((0, 3), np.int64))
    assert len(from_networkx(to_networkx(bare)).entities) == 3
    assert len(from_pyg(to_pyg(bare)).entities) == 3
    assert len(from_pandas(to_pandas(bare), entity_frame(bare)).entities) == 3
    if sys.version_info < (3, 13):
        assert len(from_dgl(to_dgl(bare)).entities) == 3
