"""Paths between two entities, found from both ends.

Each end has its neighbours, and those that they share are paths of two steps. Of three, each middle step is walked from
whichever end's neighbours have fewer, and only sums by metapath are kept; a metapath whose best paths are wanted is
walked again. As a path's weight is a product, so are the sums of all metapaths with one middle step: of two matrices.

Memory: a few arrays of `CELLS` numbers, or of one entity's facts times the codes of a side where that is more. The
first look at the degrees of a relation takes an array of its facts, once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kgdrug.graph import EntityType, KnowledgeGraph
from kgdrug.graph.facts import Facts
from kgdrug.graph.known import Int, distinct, stretches
from kgdrug.graph.metapath import undirected

Float = NDArray[np.float64]
Codes = tuple[int, ...]
Triple = tuple[int, int, int]  # head, relation in [0, 2m), tail
LONGEST = 3  # steps
CELLS = 1 << 20  # numbers of an array that is made at once


@dataclass(frozen=True)
class Way:
    """A path, and the product of all degrees along it: the smaller, the better."""

    degrees: float
    entities: tuple[int, ...]


@dataclass(frozen=True)
class Found:
    """A metapath, by the codes of its steps, how many paths it has, and the sum of their weights."""

    codes: Codes
    count: int
    dwpc: float

    def facts(self, way: Way) -> list[Triple]:
        """The facts along one of its paths."""
        return list(zip(way.entities[:-1], self.codes, way.entities[1:], strict=True))


@dataclass(frozen=True, eq=False)
class Walks:
    """How steps are walked on a graph.

    The code of a step is its relation in `[0, 2m)`; an undirected metaedge is walked in both directions as one step,
    whose code is below `m`.
    """

    graph: KnowledgeGraph
    facts: Facts
    damping: float

    @cached_property
    def codes(self) -> Int:
        """The code of each relation; `(2m,)`."""
        m = self.graph.relations
        either = np.array([undirected(e) for e in self.graph.metaedges] * 2, bool)
        return np.where(either, np.arange(2 * m) % max(m, 1), np.arange(2 * m))

    def either(self, code: int) -> bool:
        """Whether a step goes in both directions of its metaedge."""
        return self._reverse[code] == code

    def reverse(self, code: int) -> int:
        """The same step from its other end."""
        return self._reverse[code]

    @cached_property
    def _reverse(self) -> list[int]:
        turned: list[int] = np.roll(self.codes, self.graph.relations).tolist()
        return turned

    def types(self, code: int) -> tuple[EntityType, EntityType]:
        """The types before and after a step."""
        return self._types[code]

    @cached_property
    def _types(self) -> list[tuple[EntityType, EntityType]]:
        types = {t.name: t for t in self.graph.entity_types}
        ends = [(types[e.head_type], types[e.tail_type]) for e in self.graph.metaedges]
        return ends + [(tail, head) for head, tail in ends]

    @cached_property
    def between(self) -> dict[tuple[EntityType, EntityType], list[int]]:
        """The codes that lead from a type to another."""
        found: dict[tuple[EntityType, EntityType], list[int]] = {}
        for code in distinct(self.codes).tolist():
            found.setdefault(self.types(code), []).append(code)
        return found

    def degrees(self, entities: Int, code: int) -> Int:
        return self.facts.degrees(entities, code, self.either(code))

    def damped(self, degrees: Float | Int) -> Float:
        """Degrees, or products of them, to the power of `-damping`; 0 where there are none."""
        weights: Float = np.where(degrees > 0, np.maximum(degrees, 1.0) ** -self.damping, 0.0)
        return weights

    def steps(self, begin: Int, code: int, place: Int, start: int, most: int) -> Iterator[tuple[Int, Int]]:
        """All steps of a code from distinct entities `(x,)` to those that have a place: rows of both, ascending.

        place: by entity, counted from `start`; -1 has none. Comes in parts of at most `most` facts, or one entity's.
        """
        relations = [code, (code + self.graph.relations) % (2 * self.graph.relations)][: 1 + self.either(code)]
        rows = [self.facts.rows(np.stack([begin, np.full(len(begin), r)], 1)) for r in relations]
        total = np.cumsum(np.sum([counts for _, counts in rows], 0))
        cuts = distinct(np.searchsorted(total, np.arange(0, total[-1] + most, most), "right").clip(max=len(begin)))
        for low, high in pairwise([0, *cuts[cuts > 0].tolist()]):
            parts = []
            for starts, counts in rows:
                counts = counts[low:high]
                ends = self.facts.tails[stretches(starts[low:high], counts)]
                row = low + np.repeat(np.arange(high - low), counts)
                column = place[ends - start]
                there = (column >= 0) & (ends != begin[row])
                parts.append((row[there], column[there]))
            if len(parts) == 1:
                yield parts[0]
            else:
                width = len(place) + 1
                yield np.divmod(distinct(np.concatenate([row * width + column for row, column in parts])), width)


@dataclass(frozen=True, eq=False)
class Side:
    """Neighbours of one type that an end of the pair has.

    entities: `(x,)` ascending; codes: `(a,)` of the steps to them, ascending; degrees: `(x, a)` the product of both
    degrees of each step, 0 where there is none; weights: `(x, a)`.
    """

    type: EntityType
    entities: Int
    codes: Int
    degrees: Float
    weights: Float

    @cached_property
    def place(self) -> Int:
        """The row of each entity of the type, -1 of those that are no neighbours."""
        place = np.full(len(self.type), -1)
        place[self.entities - self.type.start] = np.arange(len(self.entities))
        return place

    def of(self, code: int) -> "Side":
        """Only those that a step of one code leads to."""
        column = int(np.searchsorted(self.codes, code))
        rows = self.degrees[:, column] > 0
        kept = self.degrees[rows, column][:, None], self.weights[rows, column][:, None]
        return Side(self.type, self.entities[rows], self.codes[column : column + 1], *kept)


@dataclass(frozen=True, eq=False)
class End:
    """One entity of the pair: its steps to the other by code, with the product of both degrees, and its neighbours."""

    entity: int
    direct: dict[int, float]
    sides: list[Side]

    @classmethod
    def of(cls, walks: Walks, entity: int, other: int, answered: Int) -> "End":
        """answered: codes that do not join the two."""
        graph, n = walks.graph, len(walks.graph.entities)
        relations, others, _ = walks.facts.about(entity)
        codes, others = np.divmod(distinct((walks.codes[relations] * n + others)[others != entity]), n)
        kept = (others != other) | ~np.isin(codes, answered)
        codes, others = codes[kept], others[kept]
        degrees = np.empty(len(codes))
        starts = np.flatnonzero(np.diff(codes, prepend=-1)).tolist()
        for start, stop in pairwise([*starts, len(codes)]):
            # a step to the other is of no answered code, so that its degrees there are as they are
            degrees[start:stop] = walks.degrees(others[start:stop], walks.reverse(int(codes[start]))) * (stop - start)
        joins = others == other
        direct = dict(zip(codes[joins].tolist(), degrees[joins].tolist(), strict=True))
        codes, others, degrees = codes[~joins], others[~joins], degrees[~joins]
        of_type = np.searchsorted([t.stop for t in graph.entity_types], others, "right")
        sides = []
        for i in distinct(of_type).tolist():
            rows = of_type == i
            entities, columns = distinct(others[rows]), distinct(codes[rows])
            table = np.zeros((len(entities), len(columns)))
            table[np.searchsorted(entities, others[rows]), np.searchsorted(columns, codes[rows])] = degrees[rows]
            sides.append(Side(graph.entity_types[i], entities, columns, table, walks.damped(table)))
        return cls(entity, direct, sides)


def found_metapaths(walks: Walks, first: End, last: End, most_hops: int) -> list[Found]:
    """Every metapath of up to `most_hops` steps that has a path from one end to the other."""
    found = [Found((code,), 1, float(walks.damped(np.array(degrees)))) for code, degrees in first.direct.items()]
    if most_hops > 1:
        for one in first.sides:
            for other in last.sides:
                if one.type == other.type:
                    rows = other.place[one.entities - one.type.start]
                    inner = one.weights[rows >= 0], other.weights[rows[rows >= 0]]
                    found += _tabled(walks, one, (), other, _product(*inner), _product(inner[0] > 0, inner[1] > 0))
    if most_hops > 2:
        for one in first.sides:
            for other in last.sides:
                for code in walks.between.get((one.type, other.type), ()):
                    sums = _middle(walks, one, code, other)
                    if sums is not None:
                        found += _tabled(walks, one, (code,), other, *sums)
    return found


def _product(one: NDArray[np.generic], other: NDArray[np.generic]) -> Float:
    product: Float = one.astype(np.float64).T @ other.astype(np.float64)
    return product


def _tabled(walks: Walks, one: Side, middle: Codes, other: Side, dwpc: Float, count: Float) -> list[Found]:
    """The metapaths of a table `(a, b)` by the codes of both sides."""
    return [
        Found((int(one.codes[a]), *middle, walks.reverse(int(other.codes[b]))), int(count[a, b]), float(dwpc[a, b]))
        for a, b in np.argwhere(count > 0).tolist()
    ]


def _cheaper(walks: Walks, one: Side, code: int, other: Side) -> tuple[Float, Float, bool] | None:
    """The degrees of both sides' entities along a step between them, and whether it is walked back: that costs less."""
    along, against = walks.degrees(one.entities, code), walks.degrees(other.entities, walks.reverse(code))
    if not along.any() or not against.any():
        return None
    return along.astype(np.float64), against.astype(np.float64), bool(against.sum() < along.sum())


def _middle(walks: Walks, one: Side, code: int, other: Side) -> tuple[Float, Float] | None:
    """The DWPC and the number of paths over a middle step, by the codes of both sides; `(a, b)` each."""
    degrees = _cheaper(walks, one, code, other)
    if degrees is None:
        return None
    along, against, turned = degrees
    if turned:
        one, other, along, against, code = other, one, against, along, walks.reverse(code)
    begin, b = one.weights * walks.damped(along)[:, None], len(other.codes)
    # beside the weights whether there is one, so that paths are counted as they are summed
    end = np.concatenate([other.weights * walks.damped(against)[:, None], other.weights > 0], 1)
    dwpc, count = np.zeros((len(one.codes), b)), np.zeros((len(one.codes), b))
    for rows, columns in walks.steps(one.entities, code, other.place, other.type.start, max(1, CELLS // (2 * b))):
        starts = np.flatnonzero(np.diff(rows, prepend=-1))
        if len(starts):
            reached = np.add.reduceat(end[columns], starts, axis=0)
            dwpc += begin[rows[starts]].T @ reached[:, :b]
            count += _product(one.weights[rows[starts]] > 0, reached[:, b:])
    return (dwpc.T, count.T) if turned else (dwpc, count)


def best_ways(walks: Walks, first: End, last: End, codes: Codes, most: int) -> list[Way]:
    """The `most` paths of a metapath with the smallest products of degrees, ties in the order of their entities."""
    if len(codes) == 1:
        return [Way(first.direct[codes[0]], (first.entity, last.entity))]
    one = next(side for side in first.sides if side.type == walks.types(codes[0])[1]).of(codes[0])
    other = next(side for side in last.sides if side.type == walks.types(codes[-1])[0]).of(walks.reverse(codes[-1]))
    if len(codes) == 2:
        rows = other.place[one.entities - one.type.start]
        there = rows >= 0
        ways = one.degrees[there, 0] * other.degrees[rows[there], 0], one.entities[there][:, None]
    else:
        ways = _best_middle(walks, one, codes[1], other, most)
    order = _smallest(walks, *ways, most)
    return [Way(float(ways[0][i]), (first.entity, *ways[1][i].tolist(), last.entity)) for i in order.tolist()]


def _best_middle(walks: Walks, one: Side, code: int, other: Side, most: int) -> tuple[Float, Int]:
    """Products of degrees and both entities of paths over a middle step, the best among them; `(p,)` and `(p, 2)`."""
    kept: tuple[Float, Int] = np.empty(0), np.empty((0, 2), np.int64)
    degrees = _cheaper(walks, one, code, other)
    if degrees is None:
        return kept
    along, against, turned = degrees
    if turned:
        one, other, along, against, code = other, one, against, along, walks.reverse(code)
    begin, end = one.degrees[:, 0] * along, other.degrees[:, 0] * against
    for rows, columns in walks.steps(one.entities, code, other.place, other.type.start, CELLS):
        inner = np.stack([one.entities[rows], other.entities[columns]][:: -1 if turned else 1], 1)
        ways = np.append(kept[0], begin[rows] * end[columns]), np.concatenate([kept[1], inner])
        order = _smallest(walks, *ways, most)
        kept = ways[0][order], ways[1][order]
    return kept


def _smallest(walks: Walks, degrees: Float, entities: Int, most: int) -> Int:
    """The places of the `most` smallest, ties in the order of entities `(p, e)`; all tie where nothing is damped."""
    if not walks.damping:
        degrees = np.ones(len(degrees))
    places = np.arange(len(degrees))
    if len(degrees) > most:
        places = np.flatnonzero(degrees <= np.partition(degrees, most - 1)[most - 1])
    order = np.lexsort([*entities[places].T[::-1], degrees[places]])[:most]
    chosen: Int = places[order]
    return chosen
