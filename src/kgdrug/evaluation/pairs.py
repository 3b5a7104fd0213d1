"""Pairs of a compound and a disease as things to be told apart: the treated ones from all that nobody knows of.

Ranks ask one question at a time. A screening, and Himmelstein et al. 2017 (eLife 6:e26726), ask for one list of all
pairs. For that a pair needs one score, which a model does not give: most are trained to order the answers of one query,
and what they add to all answers of a query is arbitrary. See `PairScores`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kgdrug.errors import KgdrugError, UsageError
from kgdrug.graph import KnowledgeGraph, both_directions
from kgdrug.graph.known import Int, distinct
from kgdrug.models import Model
from kgdrug.splits.treated import is_turned

BLOCK = 8_000_000  # scores made at once: 32 MB
HELD = 200_000_000  # pairs whose scores are kept, 800 MB; those of more are made anew where they are needed
MATCHED, NEAREST = 10, 50  # negatives a positive, and how many that are nearest in degree they are drawn from
Scores = NDArray[np.float32]
Bool = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Pairs:
    """All pairs that the treatment relations can join; those between other types than most treatments are left aside.

    relations: those that lead from compounds to diseases, in `[0, 2m)`: the reciprocal of a metaedge whose head is the
    disease. A pair is one integer, `row * columns + column`, its disease the row and its compound the column.
    """

    graph: KnowledgeGraph
    relations: tuple[int, ...]

    @classmethod
    def of(cls, graph: KnowledgeGraph) -> "Pairs":
        if not graph.treatment_relations:
            raise UsageError(f"the graph {graph.name} names no treatment relation, so it has no pairs to be judged")
        counts = np.bincount(graph.triples[:, 1], minlength=graph.relations)
        alike: dict[tuple[range, range], list[int]] = {}
        for i in graph.treatment_relations:
            r = i + graph.relations if is_turned(graph.metaedges[i]) else i
            alike.setdefault((graph.heads(r), graph.answers(r)), []).append(r)
        most = max(alike.values(), key=lambda relations: sum(counts[r % graph.relations] for r in relations))
        return cls(graph, tuple(most))

    @property
    def asking(self) -> tuple[int, ...]:
        """The relations that ask for compounds: the reciprocals."""
        m = self.graph.relations
        return tuple((r + m) % (2 * m) for r in self.relations)

    @property
    def compounds(self) -> range:
        return self.graph.heads(self.relations[0])

    @property
    def diseases(self) -> range:
        return self.graph.answers(self.relations[0])

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.diseases), len(self.compounds)

    def keys(self, compounds: Int, diseases: Int) -> Int:
        """The pairs of entities `(p,)` and `(p,)`; `(p,)`."""
        return (diseases - self.diseases.start) * len(self.compounds) + compounds - self.compounds.start

    def of_triples(self, triples: Int) -> Int:
        """The distinct pairs that triples `(t, 3)` say are treated, ascending."""
        both = both_directions(triples, self.graph.relations)
        treatments = both[np.isin(both[:, 1], self.relations)]
        return distinct(self.keys(treatments[:, 0], treatments[:, 2]))

    def labels(self, keys: Int) -> list[str]:
        """`compound disease` of each pair, as ids."""
        rows, columns = np.divmod(keys, len(self.compounds))
        ids, (compound, disease) = self.graph.entities.ids, (self.compounds.start, self.diseases.start)
        return [f"{ids[compound + c]} {ids[disease + r]}" for r, c in zip(rows.tolist(), columns.tolist(), strict=True)]


class PairScores:
    """One score a pair, of any model; higher is better.

    A model scores a pair twice: its disease among the answers to "what does this compound treat?", and its compound
    among those to "what treats this disease?". Each of the two is standardised over all pairs (mean 0, deviation 1),
    which gives the directions, and the members, one scale, and leaves how pairs of different queries compare as the
    model has it; their mean is the pair's score. Of several treatment relations the best counts, as in an answer.
    Memory: 4 bytes a pair where there are no more than `HELD`; beyond, `BLOCK` numbers or one row, a few times over.
    """

    def __init__(self, model: Model, pairs: Pairs) -> None:
        self.pairs, self.members = pairs, tuple(getattr(model, "members", (model,)))
        self.weights = tuple(getattr(model, "weights", ())) or (1,) * len(self.members)

    def blocks(self) -> Iterator[tuple[int, Scores]]:
        """Rows of all pairs in turn: the first row, and the scores `(b, columns)`."""
        for first, last in self._spans():
            yield first, self._scores(first, last) if self._held is None else self._held[first:last]

    def pick(self, keys: Int) -> Scores:
        """The scores of these pairs; `(p,)`."""
        found, columns = np.empty(len(keys), np.float32), self.pairs.shape[1]
        for first, block in self.blocks():
            inside = (keys >= first * columns) & (keys < first * columns + block.size)
            found[inside] = block.ravel()[keys[inside] - first * columns]
        return found

    def _spans(self) -> list[tuple[int, int]]:
        rows, columns = self.pairs.shape
        step = max(1, BLOCK // max(1, columns))
        return [(first, min(first + step, rows)) for first in range(0, rows, step)]

    @cached_property
    def _held(self) -> Scores | None:
        rows, columns = self.pairs.shape
        if rows * columns > HELD:
            return None
        held = np.empty((rows, columns), np.float32)
        for first, last in self._spans():
            held[first:last] = self._scores(first, last)
        return held

    def _scores(self, first: int, last: int) -> Scores:
        """The pairs of the rows from first on and before last."""
        total = torch.zeros(())
        for member, weight, scales in zip(self.members, self.weights, self.scales, strict=True):
            of_relations = []
            for each, scale in zip(self._asked(member, first, last), scales, strict=True):
                forward, backward = ((part - mean) / spread for part, (mean, spread) in zip(each, scale, strict=True))
                of_relations.append((forward + backward) / 2)
            total = total + weight * torch.stack(of_relations).amax(0)
        return (total / sum(self.weights)).numpy()

    @cached_property
    def scales(self) -> list[list[list[tuple[float, float]]]]:
        """Mean and deviation over all pairs for each member, relation and direction."""
        found = []
        for member in self.members:
            sums = np.zeros((len(self.pairs.relations), 2, 2))
            for first, last in self._spans():
                for of_relation, each in zip(sums, self._asked(member, first, last), strict=True):
                    for of_direction, scores in zip(of_relation, each, strict=True):
                        double = scores.double()
                        of_direction += float(double.sum()), float(double.square().sum())
            if np.isnan(sums).any():
                raise KgdrugError("the model's scores are not numbers (NaN); train it with a lower learning rate")
            mean, square = np.moveaxis(sums / max(1, self.pairs.shape[0] * self.pairs.shape[1]), -1, 0)
            deviation = np.sqrt(np.maximum(square - mean**2, 0))
            scales = np.stack([mean, np.where(deviation > 0, deviation, 1)], -1)
            found.append([[(m, d) for m, d in of_relation] for of_relation in scales.tolist()])
        return found

    def _asked(self, member: Model, first: int, last: int) -> Iterator[tuple[Tensor, Tensor]]:
        """For each relation the scores of these rows: as answers for compounds, as questions; `(b, columns)` each."""
        compounds, diseases = self.pairs.compounds, self.pairs.diseases
        answers = slice(diseases.start + first, diseases.start + last), slice(compounds.start, compounds.stop)
        for r, asking in zip(self.pairs.relations, self.pairs.asking, strict=True):
            forward, backward = (
                member.scores(torch.tensor([[entity, relation] for entity in entities]), among).float().cpu()
                for entities, relation, among in (
                    (compounds, r, answers[0]),
                    (diseases[first:last], asking, answers[1]),
                )
            )
            yield forward.T, backward


@dataclass(frozen=True, eq=False)
class Asked:
    """Which pairs are positive and which negative; each an ascending array of distinct pairs.

    positives: `(p,)`; left_out: neither the one nor the other, such as known treatments; universe: the pairs that can
    be negative, all where it is None.
    """

    pairs: Pairs
    positives: Int
    left_out: Int
    universe: Int | None = None

    def negatives(self, first: int, rows: int) -> Bool:
        """Which pairs of `rows` rows from first on are negative; `(rows, columns)`."""
        columns = self.pairs.shape[1]
        start, stop = first * columns, (first + rows) * columns
        negative = np.full(rows * columns, self.universe is None)
        if self.universe is not None:
            negative[_within(self.universe, start, stop)] = True
        for pairs in (self.left_out, self.positives):
            negative[_within(pairs, start, stop)] = False
        return negative.reshape(rows, columns)

    @cached_property
    def row(self) -> Int:
        """The row, that is the disease, of each positive; `(p,)`."""
        return self.positives // self.pairs.shape[1]

    @cached_property
    def column(self) -> Int:
        """The column, that is the compound, of each positive; `(p,)`."""
        return self.positives % self.pairs.shape[1]


def _within(keys: Int, start: int, stop: int) -> Int:
    low, high = np.searchsorted(keys, [start, stop])
    return keys[low:high] - start


@dataclass(frozen=True, eq=False)
class Rivals:
    """What each positive competes with: how many there are, how many score higher, how many the same; `(p,)` each."""

    pool: Int
    higher: Int
    equal: Int

    @property
    def beaten(self) -> NDArray[np.float64]:
        """The share that scores lower, ties counting half; its mean over positives is the AUROC (Mann and Whitney)."""
        with np.errstate(invalid="ignore"):
            return 1 - (self.higher + self.equal / 2) / self.pool

    @property
    def not_lower(self) -> Int:
        return self.higher + self.equal

    @property
    def rank(self) -> NDArray[np.float64]:
        """The realistic rank of the positive among them, from 1."""
        return 1 + self.higher + self.equal / 2

    def with_others(self, other: "Rivals") -> "Rivals":
        return Rivals(self.pool + other.pool, self.higher + other.higher, self.equal + other.equal)


@dataclass(frozen=True, eq=False)
class PairRanks:
    """Each positive against the negatives, all or those of its disease or compound, and against other positives."""

    score: Scores
    negatives: Rivals
    of_disease: Rivals
    of_compound: Rivals
    positives: Rivals
    positives_of_disease: Rivals


def rank_pairs(scores: PairScores, asked: Asked) -> PairRanks:
    """Count what every positive beats, exactly, in one pass over all pairs. Time: a sort of each block."""
    score, row, column = scores.pick(asked.positives), asked.row, asked.column
    overall, disease, compound = (np.zeros((3, len(score)), np.int64) for _ in range(3))
    for first, block in scores.blocks():
        negative = asked.negatives(first, len(block))
        overall += _counted(np.sort(block[negative]), score)
        ends = np.searchsorted(row, np.arange(first, first + len(block) + 1))
        for i in np.flatnonzero(np.diff(ends)).tolist():
            part = slice(ends[i], ends[i + 1])
            disease[:, part] = _counted(np.sort(block[i, negative[i]]), score[part])
        there = negative[:, column]
        compound[0] += there.sum(0)
        compound[1] += ((block[:, column] > score) & there).sum(0)
        compound[2] += ((block[:, column] == score) & there).sum(0)
    others, alike = _counted(np.sort(score), score), np.zeros((3, len(score)), np.int64)
    bounds = np.flatnonzero(np.diff(row, prepend=-1, append=-1))
    for start, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        alike[:, start:stop] = _counted(np.sort(score[start:stop]), score[start:stop])
    for counts in (others, alike):
        counts[[0, 2]] -= 1  # itself
    return PairRanks(score, *(Rivals(*counts) for counts in (overall, disease, compound, others, alike)))


def _counted(ascending: Scores, score: Scores) -> Int:
    """How many there are, how many are higher than each score, and how many are the same; `(3, p)`."""
    last = np.searchsorted(ascending, score, "right")
    first = np.searchsorted(ascending, score, "left")
    return np.stack([np.full(len(score), len(ascending)), len(ascending) - last, last - first])


def matched_negatives(
    asked: Asked, degrees: Sequence[Int], each: int = MATCHED, nearest: int = NEAREST, seed: int = 0
) -> tuple[Int, Int]:
    """For each positive some negatives of the same disease whose compounds are of about the same degree.

    degrees: `(columns,)` of each compound, the first one counting most. The negatives' compounds are ordered by them,
    and `each` are drawn, without repeats, among the `nearest` in that order. So neither the disease nor how well known
    a compound is tells them apart. Returns `(k,)` pairs and `(k,)` the positive that each belongs to; fewer than `each`
    for one with fewer.
    """
    columns = asked.pairs.shape[1]
    place, random = np.empty(columns, np.int64), np.random.default_rng(seed)
    place[np.lexsort([*degrees[::-1]])] = np.arange(columns)
    at = np.argsort(place)  # the compound at each place
    keys, owners = [], []
    for row in np.unique(asked.row).tolist():
        free = np.sort(place[asked.negatives(row, 1)[0]])
        for i in np.flatnonzero(asked.row == row).tolist():
            own = place[asked.column[i]]
            middle = np.searchsorted(free, own)
            window = free[max(0, middle - nearest) : middle + nearest]
            window = window[np.argsort(np.abs(window - own), kind="stable")[:nearest]]
            chosen = random.choice(window, min(each, len(window)), replace=False)
            keys.append(row * columns + at[chosen])
            owners.append(np.full(len(chosen), i))
    return (np.concatenate(keys), np.concatenate(owners)) if keys else (np.empty(0, np.int64), np.empty(0, np.int64))
