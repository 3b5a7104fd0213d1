"""What is in a graph, in numbers."""

from collections import Counter, defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgdrug.graph.graph import KnowledgeGraph
from kgdrug.graph.known import Int, distinct, triple_keys

MOST = 10  # how many rows a list of the greatest has


def describe(graph: KnowledgeGraph) -> dict[str, Any]:
    """All that is counted here, as plain values that JSON can hold.

    Types and metaedges, degrees, components, hubs, duplicates, self-loops, treatments, annotations, licences, and
    how the graph was made. A list of the greatest has MOST rows, and ties stand in the order of the graph.
    """
    degree = degrees(graph)
    per_relation = np.bincount(graph.triples[:, 1], minlength=graph.relations)
    return {
        "name": graph.name,
        "digest": graph.digest,
        "entities": len(graph.entities),
        "triples": len(graph.triples),
        "entity_types": {t.name: len(t) for t in graph.entity_types},
        "metaedges": metaedge_rows(graph, per_relation),
        "treats": list(graph.treats),
        "treatments": int(per_relation[graph.treatment_relations].sum()),
        "isolated": int((degree == 0).sum()),
        "types": type_rows(graph, degree),
        "components": component_sizes(graph),
        "hubs": hubs(graph, degree),
        "self_loops": int(_is_loop(graph).sum()),
        "duplicates": {
            "dropped": graph.made.get("duplicates"),
            "names": shared_names(graph),
            "both_ways": both_ways(graph),
            "several_metaedges": several_metaedges(graph),
        },
        "treatment_pairs": treatment_pairs(graph),
        "annotations": dict(sorted(Counter(a.status for a in graph.annotations).items())),
        "licences": licences(graph, per_relation),
        "made": dict(graph.made),
    }


def degrees(graph: KnowledgeGraph) -> Int:
    """How many ends of triples are at each entity; `(n,)`. A triple of an entity with itself has two."""
    return np.bincount(graph.triples[:, [0, 2]].ravel(), minlength=len(graph.entities))


def metaedge_rows(graph: KnowledgeGraph, per_relation: Int) -> dict[str, dict[str, Any]]:
    """What each metaedge joins, how many triples it has, and where they are from, by abbreviation."""
    return {
        e.abbreviation: {
            "head_type": e.head_type,
            "relation": e.relation,
            "tail_type": e.tail_type,
            "triples": int(count),
            "licence": e.licence,
            "source": e.source,
            "version": e.version,
        }
        for e, count in zip(graph.metaedges, per_relation, strict=True)
    }


def type_rows(graph: KnowledgeGraph, degree: Int) -> dict[str, dict[str, Any]]:
    """For each entity type: entities, those without a triple, with a name, with a structure, and their degrees."""
    ids, names = graph.entities.ids, graph.entities.names
    return {
        t.name: {
            "entities": len(t),
            "isolated": int((degree[t.start : t.stop] == 0).sum()),
            "named": sum(names[i] != ids[i] for i in t.range),
            "with_smiles": sum(i in t.range for i in graph.smiles),
            "degree": distribution(degree[t.start : t.stop]),
        }
        for t in graph.entity_types
    }


def distribution(values: Int) -> dict[str, float | None]:
    """Least, quartiles, greatest and mean of whole numbers; None each where there are no values."""
    if not len(values):
        return dict.fromkeys(("min", "lower_quartile", "median", "upper_quartile", "max", "mean"))
    lower, median, upper = np.quantile(values, (0.25, 0.5, 0.75)).tolist()
    return {
        "min": int(values.min()),
        "lower_quartile": lower,
        "median": median,
        "upper_quartile": upper,
        "max": int(values.max()),
        "mean": float(values.mean()),
    }


def components(graph: KnowledgeGraph) -> Int:
    """The least entity of each entity's connected component, whichever way its triples point; `(n,)`.

    Each round hangs the root of every edge's greater end under the least root beside it, then makes the trees flat:
    a logarithm's number of rounds (Shiloach and Vishkin 1982), over ever fewer edges.
    """
    root = np.arange(len(graph.entities))
    one, other = graph.triples[:, 0], graph.triples[:, 2]
    while len(one):
        np.minimum.at(root, np.maximum(one, other), np.minimum(one, other))
        while not np.array_equal(above := root[root], root):
            root = above
        one, other = root[one], root[other]
        apart = one != other
        one, other = one[apart], other[apart]
    return root


def component_sizes(graph: KnowledgeGraph) -> dict[str, Any]:
    """How many connected components there are, an isolated entity being one, and the sizes of the largest."""
    sizes = np.bincount(components(graph), minlength=1)
    ordered = np.sort(sizes[sizes > 0])[::-1]
    return {"count": len(ordered), "sizes": ordered[:MOST].tolist()}


def hubs(graph: KnowledgeGraph, degree: Int) -> list[dict[str, Any]]:
    """The entities of highest degree, with the share of all triples that they stand in."""
    loops = np.bincount(graph.triples[_is_loop(graph), 0], minlength=len(graph.entities))
    return [
        _entity(graph, i) | {"degree": int(degree[i]), "share": float(degree[i] - loops[i]) / len(graph.triples)}
        for i in _greatest(degree)
    ]


def shared_names(graph: KnowledgeGraph) -> dict[str, Any]:
    """Names that several entities of one type bear: how many, and those with most bearers."""
    found: list[dict[str, Any]] = []
    for t in graph.entity_types:
        bearers: dict[str, list[str]] = defaultdict(list)
        for i in t.range:
            bearers[graph.entities.names[i]].append(graph.entities.ids[i])
        found += [
            {"type": t.name, "name": name, "entities": len(ids), "ids": ids[:MOST]}
            for name, ids in bearers.items()
            if len(ids) > 1
        ]
    return {"count": len(found), "examples": sorted(found, key=lambda row: -row["entities"])[:MOST]}


def both_ways(graph: KnowledgeGraph) -> dict[str, int]:
    """How many pairs stand both ways round under each metaedge that joins a type with itself."""
    within = [e.head_type == e.tail_type for e in graph.metaedges]
    n, triples = len(graph.entities), graph.triples[np.array(within, bool)[graph.triples[:, 1]]]
    head, relation, tail = triples.T
    onward = triple_keys(triples, n)  # ascending, as the triples of a graph are
    up = head < tail
    back = (relation * n + tail)[up] * n + head[up]
    there = np.searchsorted(onward, back, side="right") > np.searchsorted(onward, back)
    count = np.bincount(relation[up][there], minlength=graph.relations)
    return {e.abbreviation: int(c) for e, c, inside in zip(graph.metaedges, count, within, strict=True) if inside}


def several_metaedges(graph: KnowledgeGraph) -> dict[str, Any]:
    """How many pairs of entities stand under several metaedges, whichever way round, and under which together."""
    n, m, (head, relation, tail) = len(graph.entities), max(graph.relations, 1), graph.triples.T
    # one integer a pair and metaedge: those of a pair follow each other, its metaedges ascending
    keys = distinct((np.minimum(head, tail) * n + np.maximum(head, tail)) * m + relation)
    pair, relation = np.divmod(keys, m)
    starts = np.flatnonzero(np.diff(pair, prepend=-1))
    lengths = np.diff(starts, append=len(pair))
    combinations: list[tuple[int, list[int]]] = []
    for length in distinct(lengths[lengths > 1]).tolist():
        rows = relation[starts[lengths == length][:, None] + np.arange(length)]
        found, counts = np.unique(rows.astype(np.min_scalar_type(m)), axis=0, return_counts=True)
        combinations += zip(counts.tolist(), found.tolist(), strict=True)
    combinations.sort(key=lambda c: (-c[0], c[1]))
    return {
        "pairs": int((lengths > 1).sum()),
        "combinations": [
            {"metaedges": [graph.metaedges[r].abbreviation for r in relations], "pairs": count}
            for count, relations in combinations[:MOST]
        ],
    }


def treated(graph: KnowledgeGraph) -> tuple[Int, Int]:
    """The distinct pairs that a treatment joins: their compounds and their diseases, `(pairs,)` each."""
    n, (head, relation, tail) = len(graph.entities), graph.triples.T
    treats = np.isin(relation, graph.treatment_relations)
    return np.divmod(distinct(head[treats] * n + tail[treats]), max(n, 1))


def treatment_pairs(graph: KnowledgeGraph) -> dict[str, Any]:
    """The distinct pairs of a compound and a disease that a treatment joins, and how they spread over the two sides."""
    compounds, diseases = treated(graph)
    treating = [graph.metaedges[r] for r in graph.treatment_relations]
    return {
        "pairs": len(compounds),
        "compounds": _side(graph, compounds, {e.head_type for e in treating}),
        "diseases": _side(graph, diseases, {e.tail_type for e in treating}),
    }


def _side(graph: KnowledgeGraph, ends: Int, types: set[str]) -> dict[str, Any]:
    """How treatments spread over the entities of one side; ends: `(pairs,)` the entity of each pair on that side."""
    count = np.bincount(ends, minlength=len(graph.entities))
    some = count[count > 0]
    return {
        "entities": sum(len(t) for t in graph.entity_types if t.name in types),
        "with_any": len(some),
        "with_one": int((some == 1).sum()),
        "treatments": distribution(some),
        "most": [_entity(graph, i) | {"treatments": int(count[i])} for i in _greatest(count)],
    }


def licences(graph: KnowledgeGraph, per_relation: Int) -> dict[str, int]:
    """Triples by the text of their licence, most first; the text is empty where none is known."""
    count: Counter[str] = Counter()
    for e, triples in zip(graph.metaedges, per_relation.tolist(), strict=True):
        count[e.licence] += triples
    return dict(count.most_common())


def _entity(graph: KnowledgeGraph, index: int) -> dict[str, Any]:
    return {
        "id": graph.entities.ids[index],
        "name": graph.entities.names[index],
        "type": graph.type_of(index).name,
    }


def _is_loop(graph: KnowledgeGraph) -> NDArray[np.bool_]:
    """Whether each triple joins an entity with itself; `(t,)`."""
    result: NDArray[np.bool_] = graph.triples[:, 0] == graph.triples[:, 2]
    return result


def _greatest(count: Int) -> list[int]:
    """The places of the greatest counts above 0, greatest first."""
    order: list[int] = np.argsort(-count, kind="stable")[:MOST].tolist()
    return [i for i in order if count[i] > 0]
