"""Triples of one graph as triples of another."""

import numpy as np

from kgdrug.graph.graph import KnowledgeGraph
from kgdrug.graph.known import Int


class Map:
    """From one graph to another, by the ids of entities and the abbreviations of metaedges."""

    def __init__(self, origin: KnowledgeGraph, target: KnowledgeGraph) -> None:
        self.same = origin.digest == target.digest
        names = {e.abbreviation: r for r, e in enumerate(target.metaedges)}
        self.relation = np.array([names.get(e.abbreviation, -1) for e in origin.metaedges], np.int64)
        known = target.entities
        self.entity = np.array([known.index(i) if i in known else -1 for i in origin.entities.ids], np.int64)

    def whole(self, triples: Int) -> Int:
        """Every triple, -1 for an end or relation that the other graph lacks; `(t, 3)`."""
        if self.same:
            return triples
        return np.stack([self.entity[triples[:, 0]], self.relation[triples[:, 1]], self.entity[triples[:, 2]]], 1)

    def __call__(self, triples: Int) -> Int:
        """Those that the other graph can say, in the same order; `(·, 3)`."""
        found = self.whole(triples)
        return found[(found >= 0).all(1)]
