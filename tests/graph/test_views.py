import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgdrug.errors import KgdrugError
from kgdrug.graph import KnowledgeGraph, entity_frame, to_dgl, to_networkx, to_pandas, views

needs_dgl = pytest.mark.skipif(sys.version_info >= (3, 13), reason="DGL has no wheels above Python 3.12")


def ids_by_type(entities: list) -> dict[str, list[str]]:
    """Sorted ids of each type: the place of an id in it is its local number."""
    return {t: sorted(i for i, _, kind in entities if kind == t) for t in {t for _, _, t in entities}}


@needs_dgl
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_dgl_holds_every_fact_by_its_place_within_the_types(data, random_facts, build, metaedges):
    entities, facts = data.draw(random_facts)
    local = ids_by_type(entities)
    heterograph = to_dgl(build(entities, metaedges, facts))
    assert {t: heterograph.num_nodes(t) for t in heterograph.ntypes} == {t: len(ids) for t, ids in local.items()}
    assert sorted(heterograph.canonical_etypes) == [(e.head_type, e.abbreviation, e.tail_type) for e in metaedges]
    for edge_type in heterograph.canonical_etypes:
        head_type, abbreviation, tail_type = edge_type
        expected = sorted(
            (local[head_type].index(h), local[tail_type].index(t)) for h, r, t in set(facts) if r == abbreviation
        )
        heads, tails = heterograph.edges(etype=edge_type, order="eid")
        assert list(zip(heads.tolist(), tails.tolist(), strict=True)) == expected


@needs_dgl
def test_dgl_imports_quietly_where_home_cannot_be_written():
    code = (
        "from kgdrug.graph import load_graph_folder, to_dgl\n"
        "from kgdrug.sources import load_graph\n"
        "g = load_graph('essential'); h = to_dgl(g)\n"
        "assert h.num_nodes() == len(g.entities) and h.num_edges() == len(g.triples)\n"
        "print('done')\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "DGLBACKEND"} | {"HOME": "/dev/null/home"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


def test_where_dgl_is_not_installed_the_error_says_how_to_get_it(medicines, monkeypatch):
    monkeypatch.delitem(sys.modules, "dgl", raising=False)
    monkeypatch.setattr(views.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(KgdrugError, match="pip install 'dgl"):
        to_dgl(medicines)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_networkx_and_pandas_hold_every_fact(data, random_facts, build, metaedges):
    entities, facts = data.draw(random_facts)
    graph, names = build(entities, metaedges, facts), {i: name for i, name, _ in entities}

    network = to_networkx(graph)
    assert dict(network.nodes(data=True)) == {i: {"name": name, "type": kind} for i, name, kind in entities}
    relations = {e.abbreviation: e.relation for e in metaedges}
    edges = network.edges(keys=True, data=True)
    assert Counter((h, r, t, d["metaedge"], d["relation"]) for h, t, r, d in edges) == Counter(
        (h, r, t, r, relations[r]) for h, r, t in set(facts)
    )

    table = to_pandas(graph)
    assert list(table.columns) == ["head", "metaedge", "relation", "tail", "head_name", "tail_name"]
    rows = Counter(table.itertuples(index=False, name=None))
    assert rows == Counter((h, r, relations[r], t, names[h], names[t]) for h, r, t in set(facts))

    kinds = [(i, name, kind, "") for i, name, kind in sorted(entities, key=lambda e: (e[2], e[0]))]
    assert list(entity_frame(graph).columns) == ["id", "name", "type", "smiles"]
    assert list(entity_frame(graph).itertuples(index=False, name=None)) == kinds


def test_structures_are_shown_where_they_are_known(medicines):
    graph = replace(medicines, smiles={1: "CN(C)C(=N)NC(=N)N"})
    entity = graph.entities.ids[1]
    assert to_networkx(graph).nodes[entity]["smiles"] == "CN(C)C(=N)NC(=N)N"
    assert sum("smiles" in data for _, data in to_networkx(graph).nodes(data=True)) == 1
    assert entity_frame(graph)["smiles"].tolist() == ["", "CN(C)C(=N)NC(=N)N", *[""] * 6]


def test_networkx_keeps_the_name_and_digest_of_the_graph(medicines):
    assert to_networkx(medicines).graph == {"name": "medicines", "digest": medicines.digest}


def test_the_rows_of_pandas_are_in_the_order_of_the_triples(medicines):
    ids = medicines.entities.ids
    expected = [(ids[h], medicines.metaedges[r].abbreviation, ids[t]) for h, r, t in medicines.triples]
    assert list(to_pandas(medicines)[["head", "metaedge", "tail"]].itertuples(index=False, name=None)) == expected


def test_a_graph_without_triples_has_all_views(medicines):
    bare: KnowledgeGraph = medicines.with_triples(np.empty((0, 3), np.int64))
    assert to_networkx(bare).number_of_nodes() == 8
    assert to_networkx(bare).number_of_edges() == 0
    assert to_pandas(bare).shape == (0, 6)
    assert entity_frame(bare).shape == (8, 4)
    if sys.version_info < (3, 13):
        assert to_dgl(bare).num_edges() == 0
        assert to_dgl(bare).num_nodes() == 8


def test_a_frame_is_made_of_columns_or_of_rows():
    rows = [{"drug": "a", "score": 1.0}, {"drug": "b", "score": 2.0}]
    of_rows, of_columns = views.frame(iter(rows)), views.frame({"drug": ["a", "b"], "score": [1.0, 2.0]})
    assert of_rows.equals(of_columns)
    assert list(views.frame([], ["drug", "score"]).columns) == ["drug", "score"]


def test_importing_kgdrug_and_loading_a_graph_loads_nothing_heavy():
    code = (
        "import json, sys, kgdrug\n"
        "heavy = ('torch', 'dgl', 'mlflow', 'rdkit', 'pandas', 'networkx', 'polars', 'numpy', 'fastapi')\n"
        "bare = [m for m in heavy if m in sys.modules]\n"
        "kgdrug.describe(kgdrug.load_graph('essential'))\n"
        "print(json.dumps([bare, [m for m in heavy if m in sys.modules]]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    bare, with_graph = json.loads(done.stdout)
    assert bare == []
    assert set(with_graph) == {"polars", "numpy"}


def test_every_public_name_of_kgdrug_is_there():
    import kgdrug

    assert set(kgdrug.__all__) <= set(dir(kgdrug))
    for name in ("KnowledgeGraph", "load_graph", "read_experiment", "UnknownNameError"):
        assert getattr(kgdrug, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Graf'"):
        _ = kgdrug.Graf
