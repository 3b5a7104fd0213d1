"""The one door to DGL, networkx and pandas: the graph as their own types.

DGL 2.1.0 imports on current PyTorch once a stand-in takes the place of `dgl.graphbolt`, whose compiled
library alone is tied to one torch version; nothing here or in DGL's graph, sampling and message-passing
parts needs it.
"""

import importlib.util
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from kgdrug.errors import KgdrugError
from kgdrug.graph.graph import KnowledgeGraph

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

    starts = {t.name: t.start for t in graph.entity_types}
    bounds = np.searchsorted(graph.triples[:, 1], np.arange(graph.relations + 1))
    edges = {}
    for r, e in enumerate(graph.metaedges):
        part = graph.triples[bounds[r] : bounds[r + 1]]
        edges[e.head_type, e.abbreviation, e.tail_type] = (
            torch.from_numpy(part[:, 0] - starts[e.head_type]),
            torch.from_numpy(part[:, 2] - starts[e.tail_type]),
        )
    return dgl.heterograph(edges, num_nodes_dict={t.name: len(t) for t in graph.entity_types})


def to_networkx(graph: KnowledgeGraph) -> "networkx.MultiDiGraph":
    """A directed multigraph: nodes are entity ids with `name` and `type`, edge keys are abbreviations."""
    import networkx

    result = networkx.MultiDiGraph(name=graph.name, digest=graph.digest)
    ids, names = graph.entities.ids, graph.entities.names
    for t in graph.entity_types:
        result.add_nodes_from((ids[i], {"name": names[i], "type": t.name}) for i in t.range)
    relation = [(e.abbreviation, {"relation": e.relation}) for e in graph.metaedges]
    result.add_edges_from((ids[h], ids[t], *relation[r]) for h, r, t in graph.triples.tolist())
    return result


def to_pandas(graph: KnowledgeGraph) -> "pandas.DataFrame":
    """One row a triple: `head metaedge tail head_name tail_name`."""
    ids, names = np.array(graph.entities.ids, object), np.array(graph.entities.names, object)
    metaedges = np.array([e.abbreviation for e in graph.metaedges], object)
    head, relation, tail = graph.triples.T
    return frame(
        {
            "head": ids[head],
            "metaedge": metaedges[relation],
            "tail": ids[tail],
            "head_name": names[head],
            "tail_name": names[tail],
        }
    )


def frame(
    rows: Mapping[str, Any] | Iterable[Mapping[str, Any]], columns: Sequence[str] | None = None
) -> "pandas.DataFrame":
    """A pandas table of columns by name, or of rows as mappings."""
    import pandas

    return pandas.DataFrame(rows if isinstance(rows, Mapping) else list(rows), columns=columns)
