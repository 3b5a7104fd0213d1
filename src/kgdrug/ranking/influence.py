"""Which facts of a question's entity and of an answer move the score: each is left out in thought.

For scores that are dot products and linear in the head. An entity's row is taken for the optimum of its own loss: for
each of its training facts, in both directions, the softmax cross entropy against all of the answer's type, and N3.
Without one fact the optimum lies about `H⁻¹ g` away, `g` being the gradient of the fact's loss and `H` the curvature of
the whole (influence functions, Koh and Liang 2017; on graph embeddings Pezeshkpour et al. 2019, arXiv 1905.00563), and
the score moves along. So it is for the rows of both ends; a fact that joins them moves both.

What it is not: a training without the fact. There every row moves, those of other entities with whom the two share
facts among them, and chance has its part. On the sample graph the order and the sign of large changes were those of
such trainings, their sizes less so: `docs/evidence.md`.

What is approximate, beside the first order:
- An entity is also a wrong answer to all queries that are not its own. That is curvature too, and is left to `ridge`.
- Of more than `DRAWN` candidates, the covariance under the softmax is that of so many drawn from it, evenly spaced.
- Where an entity has many facts, its own chance as an answer is against an even part of its type, `CELLS` in all.
- Dropout and the prediction of relations are not looked at, and of N3's curvature only the diagonal.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kgdrug.graph import KnowledgeGraph
from kgdrug.graph.facts import Facts
from kgdrug.graph.known import Int, distinct
from kgdrug.graph.metapath import symmetric
from kgdrug.ranking.paths import Named
from kgdrug.ranking.walks import Triple

Rows = NDArray[np.float32]
DRAWN = 256
CELLS = 1 << 20  # scores of an entity among its type
LARGEST = 0.9  # share of a curvature that one fact is taken to have at most


@dataclass(frozen=True)
class Influence:
    """What a training fact does to a score.

    end: whose row it moves, `question`, `candidate`, or `both` where it joins the two; change: the score without the
    fact less the score with it, so that it is negative where the fact raises the score.
    """

    metaedge: str
    relation: str
    head: Named
    tail: Named
    end: str
    change: float

    def text(self) -> str:
        """`Metformin binds PRKAB1`."""
        return f"{self.head.name} {self.relation} {self.tail.name}"


def influences(
    graph: KnowledgeGraph,
    facts: Facts,
    query: Callable[[Rows, Rows], Rows],
    answers: Callable[[Rows], Rows],
    entity: Rows,
    relation: Rows,
    asked: tuple[int, int, int],
    most: int = 5,
    training_bit: int = 1,
    *,
    n3: float = 0.0,
    ridge: float = 1.0,
    treatment_repeats: int = 1,
    left_out: Collection[int] = (),
    moduli: Callable[[Rows], Rows] = np.abs,
) -> tuple[Influence, ...]:
    """The `most` training facts that raise the score of an answer most, and then those that lower it most.

    query: heads `(b, d)` moved by relations `(b, w)` into the space of answers, `(b, v)`, linear in the heads; answers:
    what of rows `(k, d)` is compared with them, `(k, v)`, linear too; entity, relation: the tables `(n, d)` and
    `(2m, w)`; asked: the question's entity, a relation in `[0, 2m)`, and the candidate; training_bit: of the part that
    was learned from; n3, treatment_repeats: as in training; left_out: relations in `[0, m)` that training did not show;
    moduli: of the numbers of a row, for N3; ridge: added to the curvature. The answered fact itself is not told, of a
    treatment no fact that says that the one treats the other, nor are facts that join an entity with itself.
    """
    head, r, tail = asked
    how = training_bit, n3, ridge, treatment_repeats, left_out, moduli
    rows = _Rows(graph, facts, query, answers, entity, relation, *how)
    moved = rows.map(r)
    ends = (head, moved @ answers(entity[tail][None])[0]), (tail, rows.answer_map @ (entity[head] @ moved))
    m = graph.relations
    found: dict[Triple, tuple[str, float]] = {}
    for name, (end, by_row) in zip(("question", "candidate"), ends, strict=True):
        for code, other, change in _changes(rows, end, by_row):
            fact = (end, code, other) if code < m else (other, code - m, end)
            before = found.get(fact)
            found[fact] = (name, change) if before is None else ("both", before[1] + change)
    own = _answer(graph, *asked)
    told = [(change, fact, end) for fact, (end, change) in found.items() if fact not in own]
    told.sort(key=lambda one: (-abs(one[0]), one[1]))
    raising, lowering = ([one for one in told if sign * one[0] > 0][:most] for sign in (-1, 1))
    return tuple(_told(graph, *one) for one in raising + lowering)


def _answer(graph: KnowledgeGraph, head: int, r: int, tail: int) -> set[Triple]:
    """The facts that would be the answer themselves: the one asked for, and of a treatment all treatments of the two.

    A fact without direction (`CrC`) may be written down from either end; `B IS_A A` is another than `A IS_A B`.
    """
    m, either = graph.relations, set(graph.treatment_relations)
    if r % m not in either:
        either = {r % m} if symmetric(graph.metaedges[r % m]) else set()
    found = {(head, r, tail) if r < m else (tail, r - m, head)}
    return found | {pair for one in either for pair in ((head, one, tail), (tail, one, head))}


def _told(graph: KnowledgeGraph, change: float, fact: Triple, end: str) -> Influence:
    metaedge = graph.metaedges[fact[1]]
    head, tail = (
        Named(graph.entities.ids[e], graph.entities.names[e], graph.type_of(e).name) for e in (fact[0], fact[2])
    )
    return Influence(metaedge.abbreviation, metaedge.relation, head, tail, end, change)


@dataclass(frozen=True, eq=False)
class _Rows:
    """The tables, how they score, and how they were trained; see `influences`."""

    graph: KnowledgeGraph
    facts: Facts
    query: Callable[[Rows, Rows], Rows]
    answers: Callable[[Rows], Rows]
    entity: Rows
    relation: Rows
    training_bit: int
    n3: float
    ridge: float
    treatment_repeats: int
    left_out: Collection[int]
    moduli: Callable[[Rows], Rows]

    @cached_property
    def identity(self) -> Rows:
        return np.eye(self.entity.shape[1], dtype=np.float32)

    @cached_property
    def answer_map(self) -> Rows:
        """The matrix `(d, v)` by which a row becomes what is compared."""
        return self.answers(self.identity)

    def map(self, relation: int) -> Rows:
        """The matrix `(d, v)` by which a relation moves heads: what becomes of each unit vector."""
        shape = len(self.identity), self.relation.shape[1]
        return self.query(self.identity, np.broadcast_to(self.relation[relation], shape))


@dataclass(frozen=True, eq=False)
class _Group:
    """Training facts of an entity that are of one relation, so that they share a query.

    others: `(c,)`; weight: how often training shows each; gradients: `(c, d)` of each one's loss by the entity's row,
    without N3. The curvature of a fact's loss is `spreadᵀ spread`, of the query `(k, d)`, and `pull pullᵀ`, of the fact
    as an answer, a row of `(c, d)`.
    """

    relation: int
    others: Int
    weight: float
    gradients: Rows
    spread: Rows
    pull: Rows


def _groups(rows: _Rows, end: int) -> Iterator[_Group]:
    """The training facts of an entity, by relation."""
    graph, row, m = rows.graph, rows.entity[end], rows.graph.relations
    relations, others, bits = rows.facts.about(end)
    kept = (bits & rows.training_bit > 0) & (others != end) & ~np.isin(relations % m, list(rows.left_out))
    relations, others = relations[kept], others[kept]
    maps = {code: rows.map(code) for code in distinct(relations).tolist()}
    for span in {graph.answers(code): None for code in maps}:
        codes = [code for code in maps if graph.answers(code) == span]
        candidates = rows.answers(rows.entity[span.start : span.stop])
        softmax = _softmax(candidates @ np.stack([row @ maps[code] for code in codes], 1))
        means = softmax.T @ candidates
        for code, chances, mean in zip(codes, softmax.T, means, strict=True):
            ends = others[relations == code]
            spread = _spread(candidates, chances, mean) @ maps[code].T
            as_answer = rows.entity[ends] @ rows.map((code + m) % (2 * m))
            own = _own_chance(rows, end, as_answer)
            pull = as_answer @ rows.answer_map.T
            away = (rows.answers(rows.entity[ends]) - mean) @ maps[code].T
            weight = rows.treatment_repeats if code % m in graph.treatment_relations else 1
            gradients = -away - (1 - own)[:, None] * pull
            yield _Group(code, ends, weight, gradients, spread, pull * np.sqrt(own * (1 - own))[:, None])


def _softmax(scores: Rows) -> Rows:
    """Of each column."""
    chances: Rows = np.exp(scores - scores.max(0))
    chances /= chances.sum(0)
    return chances


def _spread(candidates: Rows, chances: Rows, mean: Rows) -> Rows:
    """Rows `(k, v)` whose products with each other sum to the covariance of candidates under a softmax `(k,)`."""
    if len(chances) <= DRAWN:
        return (candidates - mean) * np.sqrt(chances)[:, None]
    sums = np.cumsum(chances, dtype=np.float64)
    drawn = np.searchsorted(sums, (np.arange(DRAWN) + 0.5) / DRAWN * sums[-1])
    spread: Rows = (candidates[drawn] - mean) / np.float32(np.sqrt(DRAWN))
    return spread


def _own_chance(rows: _Rows, end: int, queries: Rows) -> Rows:
    """The chance of an entity as the answer to each query `(c, v)`, under the softmax over its type; `(c,)`."""
    own = rows.graph.type_of(end)
    others = np.arange(own.start, own.stop, max(1, len(queries) * len(own) // CELLS))
    others = others[others != end]
    if not len(others):
        return np.ones(len(queries), np.float32)
    score = queries @ rows.answers(rows.entity[end][None])[0]
    against = queries @ rows.answers(rows.entity[others]).T - score[:, None]
    top = against.max(1).clip(0)  # so that nothing overflows
    rest = np.exp(against - top[:, None]).sum(1) * np.float32((len(own) - 1) / len(others))
    chance: Rows = np.exp(-top) / (np.exp(-top) + rest)
    return chance


def _changes(rows: _Rows, end: int, by_row: Rows) -> Iterator[tuple[int, int, float]]:
    """Relation, other end, and the change of the score without it, of each training fact of an entity.

    by_row: `(d,)` the gradient of the score by the entity's row. The step is that of Newton along `H⁻¹ g`: where the
    fact makes up a share of the curvature in that direction, the rest holds the row back less.
    """
    groups = list(_groups(rows, end))
    if not groups:
        return
    row = rows.entity[end]
    modulus = rows.moduli(row[None])[0]
    # both of a fact's directions are regularised, so that N3 counts twice
    n3_gradient = 6 * rows.n3 * modulus * row
    n3_curvature = 6 * rows.n3 * (modulus + row**2 / np.maximum(modulus, 1e-12))
    curvature = np.diag(rows.ridge + sum(g.weight * len(g.others) for g in groups) * n3_curvature.astype(np.float64))
    for g in groups:
        curvature += g.weight * (len(g.others) * (g.spread.T @ g.spread) + g.pull.T @ g.pull)
    inverse = np.linalg.inv(curvature).astype(np.float32)
    wanted = inverse @ by_row
    for g in groups:
        gradients = g.weight * (g.gradients + n3_gradient)
        steps = gradients @ inverse
        own = ((steps @ g.spread.T) ** 2).sum(1) + (steps * g.pull).sum(1) ** 2 + steps**2 @ n3_curvature
        share = g.weight * own / np.maximum((steps * gradients).sum(1), 1e-20)
        changes = gradients @ wanted / (1 - share.clip(0, LARGEST))
        for other, change in zip(g.others.tolist(), changes.tolist(), strict=True):
            yield g.relation, other, change
