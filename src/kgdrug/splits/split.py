"""A split: which triples a model may learn from, which choose its settings, and which judge it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from kgdrug.graph import KnowledgeGraph, KnownTails
from kgdrug.graph.known import Int


@dataclass(frozen=True, eq=False)
class Split:
    """Triples of one graph in three parts, each `(·, 3)` int64, and how they were parted.

    withheld: triples that are in no part, because they would give a held-out pair away (such as its `CpD`).
    made: the kind of split and its settings, enough to make it again.
    """

    graph: KnowledgeGraph
    train: Int
    valid: Int
    test: Int
    withheld: Int = field(default_factory=lambda: np.empty((0, 3), np.int64))
    made: Mapping[str, object] = field(default_factory=dict)

    @cached_property
    def known(self) -> KnownTails:
        """The answers of all parts: what a filtered rank leaves out."""
        everything = np.concatenate([self.train, self.valid, self.test, self.withheld])
        return KnownTails(everything, len(self.graph.entities), self.graph.relations)

    @cached_property
    def known_in_training(self) -> KnownTails:
        return KnownTails(self.train, len(self.graph.entities), self.graph.relations)

    @property
    def passed_over(self) -> list[str]:
        """What the making of the split found and could not use, as `3 pairs without date`; nothing where it is 0."""
        counts = self.made.get("counts")
        if not isinstance(counts, Mapping):
            return []
        told = {what.replace("_", " "): count for what, count in counts.items() if count}
        return [f"{count:,} {what if count > 1 else what.replace('s ', ' ', 1)}" for what, count in told.items()]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the graph's digest and the triples of each part, whatever their order."""
        digest = hashlib.sha256(self.graph.digest.encode())
        for part in (self.train, self.valid, self.test, self.withheld):
            digest.update(f"|{len(part)}|".encode())
            digest.update(np.ascontiguousarray(self.graph.with_triples(part).triples, "<i8").data)
        return digest.hexdigest()
