"""Parts of a graph: some of its metaedges, or only those under some licences."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kgdrug.errors import UsageError, did_you_mean
from kgdrug.graph.graph import EntityType, KnowledgeGraph
from kgdrug.graph.known import distinct
from kgdrug.graph.vocabulary import Vocabulary

# what a licence's text says about the kind of licence it is; one text may be of several kinds
LICENCE_KINDS = {
    "non-commercial": re.compile(r"(?<![a-z])nc(?![a-z])|non[- ]?commercial", re.IGNORECASE),
    "share-alike": re.compile(r"(?<![a-z])sa(?![a-z])|share[- ]?alike|odbl|gpl", re.IGNORECASE),
    "unstated": re.compile(r"^$|none stated|unstated|unknown", re.IGNORECASE),
}
# a text that does not say which licences it stands for may hide any
_VAGUE = re.compile(r"\bmixed\b(?!:)|each source|their terms", re.IGNORECASE)


def keep_metaedges(graph: KnowledgeGraph, names: Sequence[str]) -> KnowledgeGraph:
    """The graph of these metaedges only, by abbreviation or by unique relation name."""
    wanted = {graph.relation(name.strip()) for name in names}
    return part(graph, np.isin(graph.triples[:, 1], sorted(wanted)))


def drop_licences(graph: KnowledgeGraph, kinds: Iterable[str]) -> KnowledgeGraph:
    """The graph without the metaedges whose licence is, or may be, even in part, of one of LICENCE_KINDS."""
    unwanted = set()
    for kind in kinds:
        if kind not in LICENCE_KINDS:
            hint = did_you_mean(kind, LICENCE_KINDS)
            raise UsageError(f"unknown kind of licence {kind!r}{hint}; the kinds are {', '.join(LICENCE_KINDS)}")
        unwanted.add(kind)
    dropped = [r for r, e in enumerate(graph.metaedges) if unwanted & licence_kinds(e.licence)]
    return part(graph, ~np.isin(graph.triples[:, 1], dropped))


def licence_kinds(text: str) -> set[str]:
    """Which of LICENCE_KINDS a licence is, or may be: a text such as "mixed" may be of each."""
    return set(LICENCE_KINDS) if _VAGUE.search(text) else {k for k, p in LICENCE_KINDS.items() if p.search(text)}


def part(graph: KnowledgeGraph, kept: NDArray[np.bool_]) -> KnowledgeGraph:
    """The graph of the kept triples `(t,)`; entities and metaedges without a triple are left out."""
    if not kept.any():
        raise UsageError(f"nothing would be left of the graph {graph.name}")
    n, triples = len(graph.entities), graph.triples[kept]
    stay = np.bincount(triples[:, [0, 2]].ravel(), minlength=n) > 0
    place = np.cumsum(stay) - 1
    there = distinct(triples[:, 1])
    counts = [(t.name, int(stay[t.start : t.stop].sum())) for t in graph.entity_types]
    types, start = [], 0
    for name, count in counts:
        if count:
            types.append(EntityType(name, start, start + count))
            start += count
    entities = graph.entities
    ids = [entities.ids[i] for i in np.flatnonzero(stay)]
    names = [entities.names[i] for i in np.flatnonzero(stay)]
    synonyms = {int(place[i]): texts for i, texts in entities.synonyms.items() if stay[i]}
    metaedges = tuple(graph.metaedges[r] for r in there)
    return replace(
        graph,
        entities=Vocabulary(ids, names, entities.kind, synonyms),
        entity_types=tuple(types),
        metaedges=metaedges,
        triples=np.stack([place[triples[:, 0]], np.searchsorted(there, triples[:, 1]), place[triples[:, 2]]], 1),
        treats=tuple(name for name in graph.treats if name in {e.abbreviation for e in metaedges}),
        smiles={int(place[i]): text for i, text in graph.smiles.items() if stay[i]},
        annotations=tuple(
            replace(a, compound=int(place[a.compound]), disease=int(place[a.disease]))
            for a in graph.annotations
            if stay[a.compound] and stay[a.disease]
        ),
    )
