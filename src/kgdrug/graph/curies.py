"""Entities of a graph by CURIE."""

from collections import defaultdict
from weakref import WeakKeyDictionary

from kgdrug.biolink import curie
from kgdrug.graph.graph import KnowledgeGraph

_BY_CURIE: WeakKeyDictionary[KnowledgeGraph, dict[str, tuple[int, ...]]] = WeakKeyDictionary()


def curies(graph: KnowledgeGraph) -> list[str]:
    """The CURIE of each entity, by index; two entities may have one, say a disease and a symptom of MeSH."""
    ids = graph.entities.ids
    return [curie(ids[i], t.name) for t in graph.entity_types for i in t.range]


def from_curie(text: str, graph: KnowledgeGraph) -> tuple[int, ...]:
    """The entities that a CURIE names, ascending; mostly one, none where the graph has none.

    It is matched letter by letter; an entity's own id names it too. The CURIEs of a graph are gathered at the first
    call.
    """
    if graph not in _BY_CURIE:
        found = defaultdict(list)
        for i, name in enumerate(curies(graph)):
            found[name].append(i)
        _BY_CURIE[graph] = {name: tuple(entities) for name, entities in found.items()}
    named = _BY_CURIE[graph].get(text, ())
    if text in graph.entities:
        named = tuple(sorted({*named, graph.entities.index(text)}))
    return named
