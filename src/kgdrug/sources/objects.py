"""Graphs of other libraries, held in memory, to a `KnowledgeGraph`. None of them is imported here."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kgdrug.errors import UsageError, did_you_mean
from kgdrug.graph import KnowledgeGraph
from kgdrug.sources.bad_lines import Reading
from kgdrug.sources.builder import GraphBuilder
from kgdrug.sources.forms.triples import UNTYPED
from kgdrug.sources.records import table_of

if TYPE_CHECKING:
    import dgl
    import networkx
    import pandas

log = logging.getLogger(__name__)
_NODE = ("id", "name", "type", "smiles")
_FACT = ("head", "abbreviation", "relation", "tail")


def from_pandas(
    facts: "pandas.DataFrame", entities: "pandas.DataFrame | None" = None, name: str = "pandas"
) -> KnowledgeGraph:
    """The graph of a table of facts, and of a table of entities if there is one; see `to_pandas` and `entity_frame`.

    facts: columns `head`, `tail`, and `metaedge` or `relation` or both; entities: `id` and `type`, and if known `name`
    and `smiles`. Without entities, `head_type` and `tail_type` of facts say the types; without those, there is one.
    """
    columns = set(facts.columns)
    labels = [c for c in ("metaedge", "relation") if c in columns]
    missing = [c for c in ("head", "tail") if c not in columns] + ([] if labels else ["metaedge"])
    if missing:
        raise UsageError(
            f"the table of facts needs the column {missing[0]}; it has {', '.join(map(str, facts.columns))}"
        )
    cells = _rows(facts, "head", labels[0], labels[-1], "tail")
    edges = [(head, metaedge or relation, relation or metaedge, tail) for head, metaedge, relation, tail in cells]
    if entities is not None:
        for column in ("id", "type"):
            if column not in entities.columns:
                raise UsageError(
                    f"the table of entities needs the column {column}; it has {', '.join(map(str, entities.columns))}"
                )
        return _graph(_rows(entities, *_NODE), edges, name)
    nodes = []
    for side in ("head", "tail"):
        about = facts if f"{side}_type" in columns else facts.assign(**{f"{side}_type": UNTYPED})
        nodes += [(i, "", t, "") for i, t in dict.fromkeys(_rows(about, side, f"{side}_type"))]
    return _graph(nodes, edges, name)


def from_networkx(graph: "networkx.Graph", name: str | None = None) -> KnowledgeGraph:
    """The graph of a networkx graph: nodes with `type` (or `kind`) and `name`, edges with `metaedge` or `relation`.

    An edge's key, where it is text, is its metaedge. A graph without directions has each edge once, as it gives it.
    """
    nodes: list[tuple[str, ...]] = []
    for node, data in graph.nodes(data=True):
        type_name = _text(data.get("type")) or _text(data.get("kind")) or UNTYPED
        nodes.append((str(node), _text(data.get("name")), type_name, _text(data.get("smiles"))))
    if len({row[0] for row in nodes}) < len(nodes):
        twice = next(node for node, count in Counter(row[0] for row in nodes).items() if count > 1)
        raise UsageError(f"two nodes are {twice} when written as text; ids are text, so rename one")
    edges = []
    every = (
        graph.edges(keys=True, data=True)
        if graph.is_multigraph()
        else ((h, t, None, d) for h, t, d in graph.edges(data=True))
    )
    for head, tail, key, data in every:
        label = _text(data.get("metaedge")) or (key if isinstance(key, str) else "") or _text(data.get("relation"))
        if not label:
            raise UsageError(f"the edge {head} to {tail} names no relation; give it metaedge or relation")
        edges.append((str(head), label, _text(data.get("relation")) or label, str(tail)))
    return _graph(nodes, edges, name or str(graph.graph.get("name") or "networkx"))


def from_dgl(
    graph: "dgl.DGLGraph",
    ids: Mapping[str, Sequence[str]] | None = None,
    names: Mapping[str, Sequence[str]] | None = None,
    relations: Mapping[str, str] | None = None,
    name: str = "dgl",
) -> KnowledgeGraph:
    """The graph of a DGL heterograph, whose nodes are numbers.

    ids: the ids of each node type's nodes in their order, by default `Type::0`, `Type::1`; names: likewise, by default
    the ids; relations: the relation that an edge type means (`{"CtD": "treats"}`), by default its own name.
    """
    nodes, edges = [], []
    known: dict[str, Sequence[str]] = {}
    _refuse_unknown("ids", ids, "node type", graph.ntypes)
    _refuse_unknown("names", names, "node type", graph.ntypes)
    _refuse_unknown("relations", relations, "edge type", graph.etypes)
    for kind in graph.ntypes:
        known[kind] = _ids(kind, graph.num_nodes(kind), (ids or {}).get(kind))
        shown = _ids(kind, graph.num_nodes(kind), (names or {}).get(kind, known[kind]))
        nodes += [(i, n, kind, "") for i, n in zip(known[kind], shown, strict=True)]
    for head_type, kind, tail_type in graph.canonical_etypes:
        heads, tails = (end.tolist() for end in graph.edges(etype=(head_type, kind, tail_type)))
        relation = (relations or {}).get(kind, kind)
        edges += [(known[head_type][h], kind, relation, known[tail_type][t]) for h, t in zip(heads, tails, strict=True)]
    return _graph(nodes, edges, name)


def from_pyg(data: Any, ids: Mapping[str, Sequence[str]] | None = None, name: str = "pyg") -> KnowledgeGraph:
    """The graph of a PyTorch Geometric `HeteroData`.

    A node store's lists `id`, `name` and `smiles` are used where they are; ids: as in `from_dgl`. An edge type
    `rev_x` that only turns another, `x`, round (as `ToUndirected` adds them) is left out: it would give every held-out
    triple away.
    """
    nodes, edges = [], []
    known: dict[str, Sequence[str]] = {}
    _refuse_unknown("ids", ids, "node type", data.node_types)
    for kind in data.node_types:
        store = data[kind]
        if store.num_nodes is None:
            raise UsageError(f"nothing says how many nodes of type {kind} there are; set data[{kind!r}].num_nodes")
        count = int(store.num_nodes)
        known[kind] = _ids(kind, count, (ids or {}).get(kind, store.get("id")))
        shown = _ids(kind, count, store.get("name", known[kind]))
        smiles = store.get("smiles", [""] * count)
        nodes += [(i, n, kind, _text(s)) for i, n, s in zip(known[kind], shown, smiles, strict=True)]
    index = {kind: data[kind].get("edge_index") for kind in data.edge_types}
    for head_type, kind, tail_type in data.edge_types:
        if index[head_type, kind, tail_type] is None:
            raise UsageError(f"the edges {head_type} {kind} {tail_type} have no edge_index")
        unknown = next((end for end in (head_type, tail_type) if end not in known), None)
        if unknown is not None:
            raise UsageError(f"edges join nodes of type {unknown}, of which there are none; set their num_nodes")
        turned = index.get((tail_type, kind.removeprefix("rev_"), head_type)) if kind.startswith("rev_") else None
        pairs = list(zip(*index[head_type, kind, tail_type].tolist(), strict=True))
        if turned is not None and sorted(pairs) == sorted(zip(*turned.flip(0).tolist(), strict=True)):
            log.info("left out %s: it is %s the other way round", kind, kind.removeprefix("rev_"))
            continue
        relation = str(data[head_type, kind, tail_type].get("relation", kind))
        edges += [(known[head_type][h], kind, relation, known[tail_type][t]) for h, t in pairs]
    return _graph(nodes, edges, name)


def from_pykeen(factory: Any, name: str = "pykeen") -> KnowledgeGraph:
    """The graph of a PyKEEN `TriplesFactory`; PyKEEN knows no entity types, and its inverse triples are not kept."""
    labels = {number: str(label) for label, number in factory.entity_to_id.items()}
    relations = {number: str(label) for label, number in factory.relation_to_id.items()}
    nodes = [(label, "", UNTYPED, "") for label in labels.values()]
    triples = factory.mapped_triples.tolist()
    edges = [(labels[h], relations[r], relations[r], labels[t]) for h, r, t in triples if r in relations]
    return _graph(nodes, edges, name)


def _graph(nodes: Sequence[tuple[str, ...]], edges: Sequence[tuple[str, ...]], name: str) -> KnowledgeGraph:
    """The graph of rows of _NODE and _FACT; what is missing in one is a BadInputError with the row's number."""
    reading, place = Reading(), Path(name)
    tables = {}
    for rows, columns, needed in ((edges, _FACT, ("head", "tail", "abbreviation")), (nodes, _NODE, ("id", "type"))):
        what = "facts" if rows is edges else "entities"
        numbered = ((*row, f"{i} of {what}") for i, row in enumerate(rows, 1))
        table = table_of(numbered, (*columns, "record"), place, reading)
        for column in needed:
            words = "has no " + column.replace("abbreviation", "metaedge")
            table = reading.drop(table, (table[column] == "").to_numpy(), place, "empty field", words)
        tables[what] = table
    builder = GraphBuilder(tables["entities"], place, reading)
    builder.add(tables["facts"], place)
    return builder.graph(name)


def _ids(kind: str, count: int, given: Sequence[str] | None) -> list[str]:
    """The given ids, as many as there are nodes, or ids made of type and number."""
    if given is None:
        return [f"{kind}::{i}" for i in range(count)]
    if len(given) != count:
        raise UsageError(f"{count} nodes are of type {kind}, but {len(given)} ids or names came")
    numbers = getattr(given, "tolist", None)  # of a tensor, whose items would be written as tensor(7)
    return [_text(i) for i in (numbers() if numbers else given)]


def _refuse_unknown(argument: str, given: Mapping[str, Any] | None, kind: str, known: Sequence[str]) -> None:
    """UsageError for a key of a mapping that is about nothing in the graph."""
    unknown = next((key for key in given or {} if key not in known), None)
    if unknown is not None:
        hint = did_you_mean(str(unknown), known) or f"; there are {', '.join(dict.fromkeys(known))}"
        raise UsageError(f"{argument}: unknown {kind} {unknown!r}{hint}")


def _text(value: Any) -> str:
    """A value as text; what stands for a missing one (None, NaN, pandas' NA) is ""."""
    text = str(value)
    return "" if value is None or (not isinstance(value, str) and text in ("nan", "NaN", "NaT", "<NA>")) else text


def _rows(table: "pandas.DataFrame", *columns: str) -> list[tuple[str, ...]]:
    """Columns of a pandas table as rows of text; an empty cell, and a column that is not there, is ""."""
    texts = []
    for name in columns:
        if name in table.columns:
            cells = zip(table[name].tolist(), table[name].isna().tolist(), strict=True)
            texts.append(["" if empty else str(value) for value, empty in cells])
        else:
            texts.append([""] * len(table))
    return list(zip(*texts, strict=True))
