"""Every fact of a graph as its neighbours see it, on disk as plain arrays that are read where they lie."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgdrug.errors import BadInputError
from kgdrug.graph.known import Int, both_directions, distinct, stretches

Bits = NDArray[np.uint8]
PARTS = {"train": 1, "valid": 2, "test": 4, "withheld": 8}  # of a split; bits, since a fixed one may repeat a triple
_HEADER = 128  # bytes of an array's file before its numbers
_FILES = ("keys", "offsets", "tails", "parts")


@dataclass(frozen=True, eq=False)
class Facts:
    """The answers of each `(head, relation)` in both directions, and the parts that hold them: compressed sparse rows.

    keys: `(u,)` int64 `head * 2m + relation` of the distinct queries, ascending: an entity's facts lie together;
    offsets: `(u + 1,)` int64; tails: `(f,)` int32, those of query `u` in `tails[offsets[u]:offsets[u + 1]]`, ascending;
    parts: `(f,)` bits of the parts of a split that hold the fact; relations: `m`, without reciprocals.
    Memory: 5 bytes a fact and direction and 16 a query; of arrays on disk, what was looked at. For each relation whose
    degrees were asked for, 8 bytes an entity of the type.
    """

    keys: Int
    offsets: Int
    tails: NDArray[np.int32]
    parts: Bits
    relations: int

    @classmethod
    def of_parts(cls, parts: Mapping[int, Int], entities: int, relations: int) -> "Facts":
        """The facts of triples `(t, 3)` by the bit of the part that holds them."""
        n, m2 = max(entities, 1), 2 * relations
        # every value in one integer, so that a single sort orders and joins them
        both = {bit: both_directions(triples, relations) for bit, triples in parts.items()}
        values = {bit: (rows[:, 0] * m2 + rows[:, 1]) * n + rows[:, 2] for bit, rows in both.items()}
        facts = distinct(np.concatenate([*values.values(), np.empty(0, np.int64)]))
        bits = np.zeros(len(facts), np.uint8)
        for bit, of_part in values.items():
            bits[np.searchsorted(facts, of_part)] |= bit
        keys, tails = np.divmod(facts, n)
        starts = np.flatnonzero(np.diff(keys, prepend=-1))
        return cls(keys[starts], np.append(starts, len(keys)).astype(np.int64), tails.astype(np.int32), bits, relations)

    def __len__(self) -> int:
        """How many there are, each counted once."""
        return len(self.tails) // 2

    def rows(self, queries: Int) -> tuple[Int, Int]:
        """Where the answers of queries `(b, 2)` begin and how many there are; `(b,)` each."""
        wanted = queries[:, 0] * (2 * self.relations) + queries[:, 1]
        if not len(self.keys):
            return np.zeros_like(wanted), np.zeros_like(wanted)
        place = self.keys.searchsorted(wanted)  # methods, since numpy's functions take as long again for few queries
        there, starts = self.keys.take(place, mode="clip") == wanted, self.offsets.take(place)
        return starts, (self.offsets.take(place + 1, mode="clip") - starts) * there

    def of(self, queries: Int) -> tuple[Int, Int, Bits]:
        """The answers of queries `(b, 2)`: row in `queries`, ascending, tail, and bits of its parts; `(a,)` each."""
        starts, counts = self.rows(queries)
        places, rows = stretches(starts, counts), np.arange(len(queries)).repeat(counts)
        tails = self.tails.take(places).astype(np.int64)
        return rows, tails, self.parts.take(places)

    def about(self, entity: int) -> tuple[Int, Int, Bits]:
        """Every fact of an entity: relation in `[0, 2m)`, the other end, and bits of its parts; `(a,)` each."""
        m2 = 2 * self.relations
        first, last = np.searchsorted(self.keys, [entity * m2, (entity + 1) * m2]).tolist()
        counts = np.diff(self.offsets[first : last + 1])
        places = slice(int(self.offsets[first]), int(self.offsets[last]))
        relations = np.repeat(self.keys[first:last] - entity * m2, counts)
        return relations, self.tails[places].astype(np.int64), self.parts[places]

    def bits(self, triples: Int) -> Bits:
        """Bits of the parts that hold each triple `(b, 3)`, of relations in `[0, 2m)`; 0 where none does; `(b,)`."""
        low, counts = self.rows(triples[:, :2])
        high = stop = low + counts
        while (open_ := low < high).any():  # all rows are searched at once, each halved in each round
            middle = np.where(open_, (low + high) // 2, 0)
            before = open_ & (self.tails[middle] < triples[:, 2])
            low, high = np.where(before, middle + 1, low), np.where(open_ & ~before, middle, high)
        found = low < stop
        place = low[found]
        bits = np.zeros(len(triples), np.uint8)
        bits[found] = np.where(self.tails[place] == triples[found, 2], self.parts[place], 0)
        return bits

    def degrees(self, entities: Int, relation: int, either: bool = False) -> Int:
        """How many other entities each of `(b,)` is joined with over a relation in `[0, 2m)`; `(b,)`.

        either: in either direction, whoever is joined in both counting once. An entity does not count for itself.
        """
        key = relation % self.relations if either else relation
        if (key, either) not in self._degrees:
            self._degrees[key, either] = self._counted(key, either)
        first, counts = self._degrees[key, either]
        place = entities - first
        inside = (place >= 0) & (place < len(counts))
        return np.where(inside, counts[np.where(inside, place, 0)], 0)

    @cached_property
    def _degrees(self) -> dict[tuple[int, bool], tuple[int, Int]]:
        """Of what was asked for: the first entity that has any, and the degrees from there on."""
        return {}

    def _counted(self, relation: int, either: bool) -> tuple[int, Int]:
        own, m2 = self.keys % (2 * self.relations), 2 * self.relations
        pairs = []
        for wanted in (relation, (relation + self.relations) % m2) if either else (relation,):
            rows = np.flatnonzero(own == wanted)
            heads, starts, counts = self.keys[rows] // m2, self.offsets[rows], self.offsets[rows + 1]
            counts = counts - starts
            tails = self.tails[stretches(starts, counts)]
            heads = np.repeat(heads, counts)
            pairs.append((heads << 32 | tails)[heads != tails])
        heads = (distinct(np.concatenate(pairs)) if either else pairs[0]) >> 32
        if not len(heads):
            return 0, np.zeros(1, np.int64)
        first = int(heads[0])
        return first, np.bincount(heads - first)


def save_facts(facts: Facts, folder: Path) -> None:
    """Write the arrays into an existing folder."""
    for name in _FILES:
        np.save(folder / f"{name}.npy", getattr(facts, name), allow_pickle=False)


def open_facts(folder: Path, relations: int) -> Facts:
    """What `save_facts` wrote, read where it lies; what is none is a BadInputError."""
    arrays: dict[str, NDArray[Any]] = {}
    for name, kind in zip(_FILES, ("int64", "int64", "int32", "uint8"), strict=True):
        path = folder / f"{name}.npy"
        try:
            empty = path.stat().st_size <= _HEADER  # which cannot be mapped
            array = np.load(path, mmap_mode=None if empty else "r", allow_pickle=False)
            # still mapped, but a plain array: the class of memory maps slows each small look-up down
            arrays[name] = array.view(np.ndarray)
        except (OSError, ValueError, EOFError) as error:
            raise BadInputError(path, f"cannot be read as an array: {error}") from None
        if arrays[name].ndim != 1 or arrays[name].dtype != kind:
            raise BadInputError(path, f"holds {arrays[name].dtype} {arrays[name].shape}, not {kind} in one row")
    keys, offsets, tails, parts = (len(arrays[name]) for name in _FILES)
    if offsets != keys + 1 or tails != parts or int(arrays["offsets"][-1]) != tails:
        raise BadInputError(folder, "holds arrays of facts that do not fit each other")
    return Facts(arrays["keys"], arrays["offsets"], arrays["tails"], arrays["parts"], relations)
