"""What can be asked of a graph in the words of Biolink."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from kgdrug.biolink import category
from kgdrug.graph import KnowledgeGraph, curies
from kgdrug.ranking.statements import meanings


@dataclass(frozen=True)
class MetaStatement:
    """A kind of statements. qualifiers: by their type, the values that come; inferred: whether models predict such."""

    subject: str
    predicate: str
    object: str
    qualifiers: Mapping[str, tuple[str, ...]]
    inferred: bool


@dataclass(frozen=True)
class MetaGraph:
    """The categories of a graph, with the prefixes of their CURIEs, and the kinds of its statements."""

    prefixes: Mapping[str, tuple[str, ...]]
    statements: tuple[MetaStatement, ...]


_PREFIX = r"([^:]+):(?!:)"  # of a CURIE; `Pathway::PC7_1019` is none
_MADE: WeakKeyDictionary[KnowledgeGraph, MetaGraph] = WeakKeyDictionary()


def meta_graph(graph: KnowledgeGraph) -> MetaGraph:
    """The kinds of a graph's statements, in the order of their words; made at the first call.

    Metaedges with the same words are one. A category whose ids are no CURIEs is left out, with what is said of it.
    """
    if graph not in _MADE:
        _MADE[graph] = _made(graph)
    return _MADE[graph]


def _made(graph: KnowledgeGraph) -> MetaGraph:
    names = curies(graph)
    prefixes: dict[str, set[str]] = defaultdict(set)
    for t in graph.entity_types:
        found = (re.match(_PREFIX, names[i]) for i in t.range)
        prefixes[category(t.name)] |= {match[1] for match in found if match}
    values: dict[tuple[str, str, str], dict[str, set[str]]] = {}
    inferred: set[tuple[str, str, str]] = set()
    for e, said in zip(graph.metaedges, meanings(graph), strict=False):  # without the reciprocals
        kind = category(e.head_type), said.predicate, category(e.tail_type)
        if not prefixes[kind[0]] or not prefixes[kind[2]]:
            continue
        of_kind = values.setdefault(kind, defaultdict(set))
        for name, value in said.qualifiers.items():
            of_kind[name].add(value)
        if e.abbreviation in graph.treats:
            inferred.add(kind)
    return MetaGraph(
        {name: tuple(sorted(found)) for name, found in sorted(prefixes.items()) if found},
        tuple(
            MetaStatement(*kind, {name: tuple(sorted(found)) for name, found in sorted(of.items())}, kind in inferred)
            for kind, of in sorted(values.items())
        ),
    )
