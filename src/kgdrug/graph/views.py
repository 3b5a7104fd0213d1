"""The one door to DGL, networkx and pandas: the graph as their own types.

DGL 2.1.0 imports on current PyTorch once a stand-in takes the place of `dgl.graphbolt`, whose compiled
library alone is tied to one torch version; nothing here or in DGL's graph, sampling and message-passing
parts needs it.
"""

import importlib.util
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from kgdrug.errors import KgdrugError
from kgdrug.graph.facts import PARTS, Facts
from kgdrug.graph.graph import ABOUT, KnowledgeGraph
from kgdrug.graph.known import Int

_UNFIT = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # for XML

if TYPE_CHECKING:
    import dgl
    import networkx
    import pandas


def import_dgl() -> ModuleType:
    """DGL on the PyTorch backend. KgdrugError where it is not installed (there are no wheels above Python 3.12)."""
    if "dgl" not in sys.modules:
        if importlib.util.find_spec("dgl") is None:
            raise KgdrugError(
                "DGL is not installed; it has wheels for Python 3.11 and 3.12: pip install 'dgl>=2.1,<2.2'"
            )
        os.environ["DGLBACKEND"] = "pytorch"  # otherwise dgl prints, and writes a file into HOME
        stand_in = ModuleType("dgl.graphbolt")
        stand_in.__spec__ = ModuleSpec("dgl.graphbolt", None)
        sys.modules.setdefault("dgl.graphbolt", stand_in)
    import dgl

    return dgl  # type: ignore[no-any-return]


def to_dgl(graph: KnowledgeGraph) -> "dgl.DGLHeteroGraph":
    """The heterograph: node types are the entity types, edge types `(head type, abbreviation, tail type)`.

    Node `i` of a type is entity `start + i` of that type's slice; edges stand in the order of `graph.triples`.
    """
    dgl = import_dgl()
    import torch

    edges = {
        kind: (torch.from_numpy(ends[:, 0].copy()), torch.from_numpy(ends[:, 1].copy()))
        for kind, _, ends in _typed_edges(graph)
    }
    return dgl.heterograph(edges, num_nodes_dict={t.name: len(t) for t in graph.entity_types})


def write_torch(value: object, path: Path) -> None:
    """Write plain values in the form of `torch.save`."""
    import torch

    torch.save(value, path)


def to_networkx(graph: KnowledgeGraph) -> "networkx.MultiDiGraph":
    """A directed multigraph: nodes are entity ids with `name`, `type` and, where one is known, `smiles`.

    Edges have `metaedge` and `relation`; an edge's key is its metaedge's abbreviation.
    """
    import networkx

    result = networkx.MultiDiGraph(name=graph.name, digest=graph.digest)
    ids, names, smiles = graph.entities.ids, graph.entities.names, graph.smiles
    for t in graph.entity_types:
        about = ({"name": names[i], "type": t.name} | ({"smiles": smiles[i]} if i in smiles else {}) for i in t.range)
        result.add_nodes_from(zip(ids[t.start : t.stop], about, strict=True))
    relation = [(e.abbreviation, {"metaedge": e.abbreviation, "relation": e.relation}) for e in graph.metaedges]
    result.add_edges_from((ids[h], ids[t], *relation[r]) for h, r, t in graph.triples.tolist())
    return result


def facts_to_networkx(graph: KnowledgeGraph, facts: Facts, entities: Int) -> "networkx.MultiDiGraph":
    """What joins these entities `(e,)` with each other: their names, and every fact between two of them.

    Nodes and edges as in `to_networkx`; an edge says also which `parts` of the split hold it, as `train; test`, and its
    `licence`, `source` and `version`. graph: its entities and metaedges, not its triples.
    """
    import networkx

    result, m = networkx.MultiDiGraph(), graph.relations
    ids, names, smiles = graph.entities.ids, graph.entities.names, graph.smiles
    wanted = np.unique(entities)
    for i in wanted.tolist():
        structure = {"smiles": smiles[i]} if i in smiles else {}
        result.add_node(ids[i], name=names[i], type=graph.type_of(i).name, **structure)
    for i in wanted.tolist():
        relations, others, bits = facts.about(i)
        own = (relations < m) & np.isin(others, wanted)
        for r, other, held in zip(relations[own].tolist(), others[own].tolist(), bits[own].tolist(), strict=True):
            e = graph.metaedges[r]
            parts = "; ".join(part for part, bit in PARTS.items() if held & bit)
            about = {"relation": e.relation, "parts": parts} | {name: getattr(e, name) for name in ABOUT}
            result.add_edge(ids[i], ids[other], e.abbreviation, metaedge=e.abbreviation, **about)
    return result


def write_graphml(graph: "networkx.MultiDiGraph", path: Path) -> None:
    """Write a graph of networkx as GraphML; a KgdrugError for a control character, for which XML has no room.

    Edges have ids `e0`, `e1` and so on: networkx would write their keys, and readers keep one edge of each id.
    """
    import networkx

    texts = [graph.graph, *(data for _, data in graph.nodes(data=True)), *(data for *_, data in graph.edges(data=True))]
    said = (text for data in texts for text in data.values() if isinstance(text, str))
    unfit = next((text for text in (*map(str, graph.nodes), *said) if _UNFIT.search(text)), None)
    if unfit is not None:
        raise KgdrugError(f"GraphML has no room for the control character in {unfit!r}")
    numbered = networkx.MultiDiGraph(**graph.graph)
    numbered.add_nodes_from(graph.nodes(data=True))
    edges = enumerate(graph.edges(data=True))
    numbered.add_edges_from((head, tail, f"e{i}", data) for i, (head, tail, data) in edges)
    networkx.write_graphml(numbered, path)


def communities(nodes: Int, links: Int) -> list[Int]:
    """Nodes `(v,)` in communities, each ascending, ordered by their first node: Louvain's method on links `(l, 2)`.

    Blondel et al. 2008, arXiv 0803.0476, with resolution 1 and a fixed seed; a link that repeats counts as often.
    """
    import networkx

    graph = networkx.Graph()
    graph.add_nodes_from(nodes.tolist())
    for one, other in links.tolist():
        weight = graph.edges[one, other]["weight"] if graph.has_edge(one, other) else 0
        graph.add_edge(one, other, weight=weight + 1)
    found = (np.array(sorted(one), np.int64) for one in networkx.community.louvain_communities(graph, seed=0))
    return sorted(found, key=lambda community: int(community[0]))


def to_pandas(graph: KnowledgeGraph) -> "pandas.DataFrame":
    """One row a triple: `head metaedge relation tail head_name tail_name`."""
    ids, names = np.array(graph.entities.ids, object), np.array(graph.entities.names, object)
    metaedges = np.array([e.abbreviation for e in graph.metaedges], object)
    relations = np.array([e.relation for e in graph.metaedges], object)
    head, relation, tail = graph.triples.T
    return frame(
        {
            "head": ids[head],
            "metaedge": metaedges[relation],
            "relation": relations[relation],
            "tail": ids[tail],
            "head_name": names[head],
            "tail_name": names[tail],
        }
    )


def entity_frame(graph: KnowledgeGraph) -> "pandas.DataFrame":
    """One row an entity: `id name type smiles`, in the order of the entity table."""
    types = [t.name for t in graph.entity_types for _ in t.range]
    smiles = [graph.smiles.get(i, "") for i in range(len(graph.entities))]
    return frame({"id": graph.entities.ids, "name": graph.entities.names, "type": types, "smiles": smiles})


def to_pyg(graph: KnowledgeGraph) -> Any:
    """A PyTorch Geometric `HeteroData`: ids, names and SMILES as lists of the node stores, edges as in `to_dgl`.

    KgdrugError where PyTorch Geometric is not installed.
    """
    hetero_data = _imported("torch_geometric.data", "torch_geometric").HeteroData
    import torch

    data = hetero_data()
    for t in graph.entity_types:
        data[t.name].num_nodes = len(t)
        data[t.name].id = list(graph.entities.ids[t.start : t.stop])
        data[t.name].name = list(graph.entities.names[t.start : t.stop])
        data[t.name].smiles = [graph.smiles.get(i, "") for i in t.range]
    for (head_type, abbreviation, tail_type), relation, ends in _typed_edges(graph):
        store = data[head_type, abbreviation, tail_type]
        store.edge_index = torch.from_numpy(np.ascontiguousarray(ends.T))
        store.relation = relation
    return data


def to_pykeen(graph: KnowledgeGraph) -> Any:
    """A PyKEEN `TriplesFactory`, numbered as the graph is; KgdrugError where PyKEEN is not installed."""
    factory = _imported("pykeen.triples", "pykeen").TriplesFactory
    import torch

    entities = {entity: i for i, entity in enumerate(graph.entities.ids)}
    relations = {e.abbreviation: i for i, e in enumerate(graph.metaedges)}
    return factory(torch.from_numpy(graph.triples.copy()), entities, relations)


def _imported(module: str, package: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise KgdrugError(
            f"this needs {package}, which does not import here ({error}): pip install {package}"
        ) from None


def _typed_edges(graph: KnowledgeGraph) -> Iterator[tuple[tuple[str, str, str], str, np.ndarray]]:
    """Of each metaedge `(head type, abbreviation, tail type)`, its relation, and ends `(e, 2)` counted within types."""
    starts = {t.name: t.start for t in graph.entity_types}
    bounds = np.searchsorted(graph.triples[:, 1], np.arange(graph.relations + 1))
    for r, e in enumerate(graph.metaedges):
        ends = graph.triples[bounds[r] : bounds[r + 1]][:, [0, 2]]
        yield (e.head_type, e.abbreviation, e.tail_type), e.relation, ends - [starts[e.head_type], starts[e.tail_type]]


def frame(
    rows: Mapping[str, Any] | Iterable[Mapping[str, Any]], columns: Sequence[str] | None = None
) -> "pandas.DataFrame":
    """A pandas table of columns by name, or of rows as mappings."""
    import pandas

    return pandas.DataFrame(rows if isinstance(rows, Mapping) else list(rows), columns=columns)
