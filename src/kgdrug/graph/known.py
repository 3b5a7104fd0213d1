"""Known answers, kept sorted: which tails does the graph hold for a head and a relation?"""

import itertools

import numpy as np
from numpy.typing import NDArray

Int = NDArray[np.int64]
_CHUNK = 1 << 16  # rows at a time that stay in the cache: fresh memory is what takes the time


def distinct(values: Int) -> Int:
    """The distinct values, ascending. A sort; `np.unique` hashes first, which took 40 times longer on 4 M integers."""
    return distinct_sorted(np.sort(values, axis=None))


def distinct_sorted(ordered: Int) -> Int:
    """The distinct ones of ascending values `(v,)`; the values themselves where they are."""
    first = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return ordered if first.all() else ordered[first]


def triple_keys(triples: Int, entities: int) -> Int:
    """One integer a triple `(t, 3)`, ordered by relation, head, tail; `(t,)`."""
    keys: Int = (triples[:, 1] * entities + triples[:, 0]) * entities + triples[:, 2]
    return keys


def triples_of(keys: Int, entities: int) -> Int:
    """The triples `(t, 3)` that ascending keys `(t,)` of `triple_keys` stand for."""
    n = max(entities, 1)
    triples: Int = np.empty((len(keys), 3), np.int64)
    if not len(keys):
        return triples
    starts = np.searchsorted(keys, np.arange(int(keys[-1]) // n**2 + 2) * n**2).tolist()
    for relation, (first, last) in enumerate(itertools.pairwise(starts)):
        for start in range(first, last, _CHUNK):
            rows = slice(start, min(start + _CHUNK, last))
            pairs = keys[rows] - relation * n**2
            heads = pairs // n
            triples[rows, 0], triples[rows, 1], triples[rows, 2] = heads, relation, pairs - heads * n
    return triples


def within(counts: Int) -> Int:
    """0, 1, ... up to each count, one after the other: places within stretches of so many; `(counts.sum(),)`."""
    return stretches(np.zeros_like(counts), counts)


def stretches(starts: Int, counts: Int) -> Int:
    """The places from each start on, as many as it counts, one stretch after the other; `(counts.sum(),)`."""
    stops = counts.cumsum()
    places: Int = (starts - stops + counts).repeat(counts) + np.arange(stops[-1] if len(stops) else 0)
    return places


def both_directions(triples: Int, relations: int) -> Int:
    """The triples `(t, 3)` and, below them, their reciprocals `(tail, relation + m, head)`; `(2t, 3)`."""
    reciprocal = np.stack([triples[:, 2], triples[:, 1] + relations, triples[:, 0]], 1)
    return np.concatenate([triples, reciprocal])


class KnownTails:
    """Sorted known answers for each `(head, relation)`, in both directions (compressed sparse rows).

    Row `u` is the query `queries[u]`; its answers are `tails[offsets[u]:offsets[u + 1]]`, ascending.
    Memory: 8 bytes a triple and direction, and 24 a distinct query.
    """

    def __init__(self, triples: Int, entities: int, relations: int) -> None:
        self.entities, self.relations = entities, 2 * relations
        triples = np.asarray(triples, np.int64).reshape(-1, 3)
        # one integer a fact, ordered by head, relation, tail: a single sort of integers is the fastest there is; it is
        # made and taken apart in place, as this is where a training needs most memory
        facts: Int = np.empty((2, len(triples)), np.int64)
        for row, (head, shift, tail) in zip(facts, ((0, 0, 2), (2, relations, 0)), strict=True):
            np.multiply(triples[:, head], self.relations, out=row)
            row += triples[:, 1]
            row += shift
            row *= entities
            row += triples[:, tail]
        facts = facts.reshape(-1)
        facts.sort()
        facts = distinct_sorted(facts)
        keys, self.tails = np.divmod(facts, max(entities, 1), out=(np.empty_like(facts), facts))
        starts = np.flatnonzero(np.diff(keys, prepend=-1))
        self.keys: Int = keys[starts]
        self.offsets: Int = np.append(starts, len(keys)).astype(np.int64)

    @property
    def queries(self) -> Int:
        """`(u, 2)` distinct head and relation, the order of the rows."""
        return np.stack(np.divmod(self.keys, self.relations), 1)

    def of(self, queries: Int) -> tuple[Int, Int]:
        """The known answers of each query as pairs: row in `queries` `(a,)` and tail `(a,)`, rows ascending.

        queries: `(b, 2)` head and relation, relation in `[0, 2m)`. A query without known answers has no pair.
        """
        key = queries[:, 0] * self.relations + queries[:, 1]
        place = np.searchsorted(self.keys, key)  # past the end where every key is smaller
        stop = np.searchsorted(self.keys, key, side="right")  # the same place where the key is not there
        starts, counts = self.offsets[place], self.offsets[stop] - self.offsets[place]
        rows = np.repeat(np.arange(len(key)), counts)
        return rows, self.tails[stretches(starts, counts)]

    def contains(self, triples: Int) -> NDArray[np.bool_]:
        """Whether each triple `(b, 3)` is known; `(b,)`."""
        rows, tails = self.of(triples[:, :2])
        hit = np.zeros(len(triples), bool)
        hit[rows[tails == triples[rows, 2]]] = True
        return hit
