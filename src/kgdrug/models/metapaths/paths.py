"""Degree-weighted path counts (DWPC) as sparse products: exact, of paths and not of walks.

Source: Himmelstein and Baranzini 2015, doi 10.1371/journal.pcbi.1004259. A path's weight is the product, over its
steps, of both ends' degrees along the metaedge to the power of `-damping`; the DWPC of a pair is the sum over its
paths, on which no entity comes twice.

The matrix of a metapath `A B C D` is `A P` less what comes back to its first entity, where `P` is the matrix of
`B C D`: a path follows an edge and then a path, unless that path holds the edge's first entity. Where it can (its third
or fourth entity is of that type) these are subtracted in closed form: at most products of matrices as sparse as the
edges, so that no gene-by-gene matrix is made. Metapaths that end alike share `P`. hetmatpy counts by cases of the
metapath's form, and above three repeats of a type walks the graph; up to four steps, this takes every form alike.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from kgdrug.graph import EntityType, KnowledgeGraph
from kgdrug.graph.metapath import Metapath, Step, undirected

Float = NDArray[np.float64]
LONGEST = 4  # steps; a path of five can repeat three entities at once
ROUNDING = 1e-12  # what is left of a difference of equal sums, in units of the sums
CELLS = 1 << 24  # of a product of sparse matrices that is made at once


class Steps:
    """The matrices of single steps, and what is made of a few of them; each is made once."""

    def __init__(self, graph: KnowledgeGraph, damping: float) -> None:
        self.graph, self.damping = graph, damping
        self._types = {t.name: t for t in graph.entity_types}
        self._plain: dict[Step, sp.csr_array] = {}
        self._weighted: dict[Step, sp.csr_array] = {}
        self._returns: dict[tuple[Step, ...], Float] = {}

    @cached_property
    def _bounds(self) -> list[int]:
        bounds: list[int] = np.searchsorted(self.graph.triples[:, 1], np.arange(self.graph.relations + 1)).tolist()
        return bounds

    def type(self, name: str) -> EntityType:
        return self._types[name]

    def ends(self, step: Step) -> tuple[EntityType, EntityType]:
        """The types before and after a step."""
        metaedge = self.graph.metaedges[step.relation]
        ends = self._types[metaedge.head_type], self._types[metaedge.tail_type]
        return ends[::-1] if step.back else ends

    def plain(self, step: Step) -> sp.csr_array:
        """1 where a step leads from an entity (row) to another (column), counted from the start of their types."""
        if step not in self._plain:
            metaedge = self.graph.metaedges[step.relation]
            first, last = self._bounds[step.relation : step.relation + 2]
            ends = Step(step.relation)
            rows, columns = (
                self.graph.triples[first:last, column] - entity_type.start
                for column, entity_type in zip((0, 2), self.ends(ends), strict=True)
            )
            if metaedge.head_type == metaedge.tail_type:  # an entity joined with itself is on no path
                rows, columns = rows[rows != columns], columns[rows != columns]
            if undirected(metaedge):
                rows, columns = np.concatenate([rows, columns]), np.concatenate([columns, rows])
            shape = tuple(len(t) for t in self.ends(ends))
            forward = sp.coo_array((np.ones(len(rows)), (rows, columns)), shape=shape).tocsr()
            forward.data[:] = 1  # once, though both directions may be written down
            forward.sort_indices()
            self._plain[ends] = forward
            self._plain[ends.reverse] = sp.csr_array(forward.T)
        return self._plain[step]

    def degrees(self, step: Step) -> tuple[Float, Float]:
        """How many such steps begin at each entity before it, and end at each one after it."""
        plain = self.plain(step)
        return plain.sum(1), plain.sum(0)

    def weighted(self, step: Step) -> sp.csr_array:
        """The weight of each step: both degrees to the power of `-damping`, multiplied."""
        if step not in self._weighted:
            weights = self.plain(step).copy()
            before, after = (np.maximum(d, 1) ** -self.damping for d in self.degrees(step))
            weights.data = before[np.repeat(np.arange(len(before)), np.diff(weights.indptr))] * after[weights.indices]
            self._weighted[step] = weights
        return self._weighted[step]

    def returns(self, *steps: Step) -> Float:
        """The weight of all ways from each entity over two or three steps back to itself: a diagonal."""
        if steps not in self._returns:
            *way, last = (self.weighted(step) for step in steps)
            back = sp.csr_array(last.T)
            total = np.zeros(back.shape[0])
            if len(way) == 1:
                total = way[0].multiply(back).sum(1)
            else:
                per_row = way[0].astype(bool).astype(np.float64) @ np.diff(way[1].indptr)
                for rows in _stretches(per_row):
                    total[rows] = (way[0][rows] @ way[1]).multiply(back[rows]).sum(1)
            self._returns[steps] = total
        return self._returns[steps]


def _stretches(costs: Float) -> Iterator[slice]:
    """Slices of rows whose costs stay below `CELLS` together, or single rows."""
    start, total = 0, 0.0
    for row, cost in enumerate(costs.tolist()):
        if total and total + cost > CELLS:
            yield slice(start, row)
            start, total = row, 0.0
        total += cost
    yield slice(start, len(costs))


def path_counts(steps: Steps, metapaths: Sequence[Metapath]) -> Iterator[tuple[int, Float]]:
    """The DWPC of every pair for each metapath, all of which join the same two types: its place, and `(heads, tails)`.

    They come in the order in which they share work. The matrix is the caller's. A pair of an entity with itself has 0.
    Memory: at most four dense matrices, from all entities of a type to all of the smaller end type.
    """
    if not metapaths:
        return
    if max(map(len, metapaths)) > LONGEST:
        raise ValueError(f"paths of more than {LONGEST} steps are not counted")
    source, target = steps.ends(metapaths[0].steps[0])[0], steps.ends(metapaths[0].steps[-1])[1]
    turned = len(source) < len(target)
    ways = [_turned(metapath.steps) if turned else metapath.steps for metapath in metapaths]
    stack: list[tuple[tuple[Step, ...], Float]] = []  # the ends of a way, each one step longer, and their matrices
    for place in sorted(range(len(ways)), key=lambda i: ways[i][::-1]):
        way = ways[place]
        while stack and way[-len(stack[-1][0]) :] != stack[-1][0]:
            stack.pop()
        while len(stack) < len(way):
            rest = way[len(way) - len(stack) - 1 :]
            stack.append((rest, _extended(steps, rest, [matrix for _, matrix in stack])))
        yield place, stack[-1][1].T.copy() if turned else stack[-1][1].copy()


def _turned(way: tuple[Step, ...]) -> tuple[Step, ...]:
    """The same way from its other end; an undirected step stays what it is."""
    return tuple(step.reverse for step in reversed(way))


def _extended(steps: Steps, way: tuple[Step, ...], shorter: Sequence[Float]) -> Float:
    """The matrix of a way from those of its ends of one step, two steps and so on."""
    a, kinds = steps.weighted(way[0]), [*(steps.ends(step)[0].name for step in way), steps.ends(way[-1])[1].name]
    if len(way) == 1:
        direct: Float = a.toarray()
        return direct
    paths: Float = a @ shorter[-1]
    repeats = [place for place in range(2, len(way)) if kinds[place] == kinds[0]]  # where the first may come again
    summed = paths.copy() if repeats else paths  # the size of what is added and subtracted, whose rounding may be left
    if 2 in repeats:
        there_and_back = a.multiply(steps.weighted(way[1]).T).tocsr()
        walks = steps.returns(*way[:2])[:, None] * shorter[-2]
        paths -= walks
        summed += walks
        if kinds[-1] == kinds[1]:  # of these, what is no path past the first two either was never in `paths`
            _add(paths, there_and_back.multiply(shorter[-2]))
        if len(way) == 4 and kinds[3] == kinds[1]:
            paths += (there_and_back.multiply(steps.weighted(way[2])).tocsr() @ steps.weighted(way[3])).toarray()
    if 3 in repeats:
        b, c, d = (steps.weighted(step) for step in way[1:])
        walks = steps.returns(*way[:3])[:, None] * shorter[0]
        paths -= walks
        summed += walks
        if kinds[-1] == kinds[1]:
            _add(paths, a.multiply(d).multiply((b @ c).T))
        if kinds[-1] == kinds[2]:
            _add(paths, (a @ b).multiply(c.T).multiply(d))
    if repeats:
        paths[paths < ROUNDING * summed] = 0
    if kinds[-1] == kinds[0]:
        np.fill_diagonal(paths, 0)
    return paths


def _add(matrix: Float, sparse: sp.sparray) -> None:
    cells = sparse.tocoo()
    matrix[cells.row, cells.col] += cells.data
