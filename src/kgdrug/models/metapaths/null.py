"""What a DWPC would be if nothing but degrees mattered.

Hubs have paths to everything. Rephetio (Himmelstein et al. 2017) compares each DWPC with those on hetnets whose edges
were swapped so that every entity keeps its degree along every metaedge. Here are both: such swaps (XSwap, Hanhijärvi et
al. 2009), and what they come to where edges fall independently: with an edge's chance in proportion to both its
ends' degrees, the expected DWPC is the product of the two ends' degrees to the power of `1 - damping`, times a number
that is the metapath's own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from kgdrug.graph import KnowledgeGraph
from kgdrug.graph.known import Int
from kgdrug.graph.metapath import Metapath, Step, undirected
from kgdrug.models.metapaths.own import pair_degrees
from kgdrug.models.metapaths.paths import Float, Steps, path_counts

ROUNDS = 10  # swaps that are tried for each edge
Single = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Null:
    """What is expected of a DWPC by degrees alone, of the `kind` none, degrees or swaps.

    counts: `(f, s, t)` of the metapaths; means: of swaps, what `by_swaps` came to, `(f, g * h)` and more columns.
    """

    kind: str
    steps: Steps
    metapaths: Sequence[Metapath]
    counts: Single
    means: Single | None = None
    _ends: dict[tuple[Step, bool], NDArray[Any]] = field(default_factory=dict)

    def expected(self, i: int) -> Single | None:
        """For the metapath of this place, of each pair without its own edges, `(s, t)`; None of the kind none.

        Of degrees, the mean over pairs is that of the DWPC itself.
        """
        if self.kind == "none":
            return None
        metapath = self.metapaths[i]
        first, last = self._end(metapath, heads=True), self._end(metapath, heads=False)
        if self.means is None:
            expected: Single = first * last
            mean = self.counts[i].mean(dtype=np.float64)
            expected *= np.float32(mean / max(expected.mean(dtype=np.float64), np.finfo(np.float32).tiny))
            return expected
        rows, columns = tables(self.steps, [metapath])[0]
        means = self.means[i][: len(rows.degrees) * len(columns.degrees)].reshape(len(rows.degrees), -1)
        return np.asarray(means[first, last])

    def _end(self, metapath: Metapath, heads: bool) -> NDArray[Any]:
        """Of each pair `(s, t)`, what its degree along the first (heads) or last step comes to: a power, or a group."""
        step, other = (metapath.steps[0], metapath.types[-1]) if heads else (metapath.steps[-1], metapath.types[0])
        if (step, heads) not in self._ends:
            degrees = pair_degrees(step, self.steps, other, heads)
            if self.means is None:
                self._ends[step, heads] = (degrees ** (1 - self.steps.damping)).astype(np.float32)
            else:
                self._ends[step, heads] = Groups.along(step, self.steps, heads).nearest(degrees)
        return self._ends[step, heads]


def swapped(graph: KnowledgeGraph, seed: int) -> KnowledgeGraph:
    """The graph with the edges of each metaedge swapped at random: entities keep their degrees, no edge comes twice."""
    rng, parts = np.random.default_rng(seed), []
    bounds = np.searchsorted(graph.triples[:, 1], np.arange(graph.relations + 1))
    for relation, metaedge in enumerate(graph.metaedges):
        edges = graph.triples[bounds[relation] : bounds[relation + 1]][:, [0, 2]]
        edges = edges[edges[:, 0] != edges[:, 1]]  # an entity joined with itself is on no path
        edges = xswap(edges, len(graph.entities), rng, undirected(metaedge))
        parts.append(np.stack([edges[:, 0], np.full(len(edges), relation), edges[:, 1]], 1))
    return graph.with_triples(np.concatenate(parts) if parts else graph.triples)


def xswap(edges: Int, entities: int, rng: np.random.Generator, undirected: bool) -> Int:
    """Edges `(e, 2)` after `ROUNDS` rounds, in each of which pairs of edges that are drawn at random swap their tails.

    A swap that would make an edge that is there, or that another swap of the round makes, or would join an entity with
    itself, is left out. undirected: an edge is the same from both its ends, and swaps either.
    """
    edges = edges.copy()

    def keys(pairs: Int) -> Int:
        low, high = (pairs.min(1), pairs.max(1)) if undirected else (pairs[:, 0], pairs[:, 1])
        return low * entities + high

    for _ in range(ROUNDS if len(edges) > 1 else 0):
        if undirected:
            turned = rng.random(len(edges)) < 0.5
            edges[turned] = edges[turned, ::-1]
        order = rng.permutation(len(edges))
        half = len(edges) // 2
        one, other = order[:half], order[half : 2 * half]
        made = [np.stack([edges[a, 0], edges[b, 1]], 1) for a, b in ((one, other), (other, one))]
        there, proposed = np.sort(keys(edges)), np.stack([keys(pairs) for pairs in made])
        values, count = np.unique(proposed, return_counts=True)
        place = np.searchsorted(there, proposed).clip(max=len(there) - 1)
        good = (there[place] != proposed) & (count[np.searchsorted(values, proposed)] == 1)
        swap = (good & np.stack([pairs[:, 0] != pairs[:, 1] for pairs in made])).all(0)
        edges[one[swap]], edges[other[swap]] = made[0][swap], made[1][swap]
    return edges


@dataclass(frozen=True)
class Groups:
    """Entities with the same degree along a step. degrees: `(g,)` ascending; of: `(n,)` the group of each entity."""

    degrees: Float
    of: Int

    @classmethod
    def along(cls, step: Step, steps: Steps, heads: bool) -> "Groups":
        degrees, of = np.unique(steps.degrees(step)[not heads], return_inverse=True)
        return cls(degrees, of)

    def sums(self) -> sp.csr_array:
        """`(g, n)`, which sums over the entities of each group."""
        n = len(self.of)
        return sp.csr_array((np.ones(n), (self.of, np.arange(n))), shape=(len(self.degrees), n))

    def nearest(self, degrees: Float) -> Int:
        """The group with the closest degree at or below, else the lowest; of any shape."""
        return np.maximum(np.searchsorted(self.degrees, degrees, "right") - 1, 0)


def tables(steps: Steps, metapaths: Sequence[Metapath]) -> list[tuple[Groups, Groups]]:
    """For each metapath the groups by degree along its first step and along its last."""
    first = {way.steps[0]: Groups.along(way.steps[0], steps, heads=True) for way in metapaths}
    last = {way.steps[-1]: Groups.along(way.steps[-1], steps, heads=False) for way in metapaths}
    return [(first[way.steps[0]], last[way.steps[-1]]) for way in metapaths]


def by_swaps(steps: Steps, metapaths: Sequence[Metapath], permutations: int, seed: int) -> Iterator[tuple[int, Float]]:
    """The mean DWPC on swapped graphs by both ends' degrees: a metapath's place, and the mean so far, `(g * h,)`.

    `permutations` times for each metapath; `g` and `h` are the groups of `tables`. Pairs of an entity with itself,
    which have no paths, are left out of the means.
    """
    groups = tables(steps, metapaths)
    sums: dict[int, Float] = {}
    for i in range(1, permutations + 1):
        others = Steps(swapped(steps.graph, seed + i), steps.damping)
        for place, paths in path_counts(others, metapaths):
            first, last = (group.sums() for group in groups[place])
            sums[place] = sums.get(place, 0) + first @ paths @ last.T
            pairs = np.outer(first.sum(1), last.sum(1))
            if metapaths[place].types[0] == metapaths[place].types[-1]:
                pairs -= (first @ last.T).toarray()
            yield place, (sums[place] / np.maximum(pairs, 1) / i).ravel()
