"""Training triples as batches that share their answer type, with all that is random about a step drawn.

Queries that repeat are scored once: a batch is some queries and, for each, some or all of its answers. Everything here
is integers on the CPU, in numpy; a step then only gathers rows, multiplies, and writes rows back.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kgdrug.config import TrainingConfig
from kgdrug.errors import UsageError
from kgdrug.graph import KnowledgeGraph, KnownTails
from kgdrug.graph.known import Int, stretches, within

# Answers of one query in a sampled batch. Whole queries score fewest rows, but few distinct queries then share a step,
# and hubs rule it: on Hetionet valid MRR after two epochs was 0.24 with 8, 0.21 with 128 (batches of 1,024 triples).
PIECE = 8
CHUNK = 1 << 20  # answers that are put in order at once


@dataclass(frozen=True)
class Places:
    """Where the rows of a step belong: row `i` of `ids` sums the rows `order[starts[i]:starts[i + 1]]`.

    ids: `(u,)` distinct, ascending; order: `(o,)` a permutation of the rows; starts: `(u,)`.
    """

    ids: Tensor
    order: Tensor
    starts: Tensor

    @classmethod
    def of(cls, ids: Int) -> "Places":
        """The places of rows `(o,)` that belong to these ids."""
        order = np.argsort(ids)
        ordered = ids[order]
        starts = np.flatnonzero(np.diff(ordered, prepend=-1))
        return cls(*(torch.from_numpy(a) for a in (ordered[starts], order, starts)))

    def sums(self, rows: Tensor) -> Tensor:
        """The rows `(o, d)` summed by id; `(u, d)`."""
        return torch.nn.functional.embedding_bag(self.order, rows, self.starts, mode="sum")


@dataclass(frozen=True)
class Batch:
    """Queries and their answers, all of one type, and what the answers compete with.

    heads, relations, counts: `(b,)` of each query, and how many answers it has here; answers: `(p,)` entities; rows:
    `(p,)` the query that each answers; candidates: the slice of entities that the answers compete with; sample: `(k,)`
    distinct ones of them, or None where all take part; hits: `(a,)` and `(a,)`, the cells of queries and sample that
    are answers; entity_places: of heads, then of answers if with_answers, which says whether the step needs their rows,
    then of sample; inside: the range of those places that are candidates; relation_places: of relations; seed: of what
    else the step draws.
    """

    heads: Tensor
    relations: Tensor
    counts: Tensor
    answers: Tensor
    rows: Tensor
    candidates: slice
    sample: Tensor | None
    hits: tuple[Tensor, Tensor]
    entity_places: Places
    relation_places: Places
    inside: tuple[int, int]
    with_answers: bool
    seed: int

    def to(self, device: torch.device) -> "Batch":
        """The same batch with its tensors on a device; a GPU does not wait for them to arrive."""
        moved: Batch = _moved(self, device)
        return moved


@dataclass(frozen=True)
class _Pieces:
    """Of one answer slice: stretches of `tails`, each with its query."""

    candidates: slice
    queries: Int
    starts: Int
    counts: Int


class Batches:
    """The batches of every epoch, from a seed and the epoch's number alone, so that any epoch can be made again.

    A query with many answers is cut into pieces of at most `answers_per_query`, so that a hub's answers spread over
    many steps: by default of `PIECE`, while with `negatives = "all"` queries stay whole, as scores are what costs.
    Memory: 8 bytes a triple and direction, and 32 a query or piece. With the graph and all that is needed on the way, a
    training peaks at its tables, 45 bytes a triple and 145 a query or piece (the scale part of the benchmarks).
    """

    def __init__(self, graph: KnowledgeGraph, known: KnownTails, config: TrainingConfig, seed: int) -> None:
        """known: the training triples' answers, in both directions."""
        self.config, self.seed = config, seed
        rng = np.random.default_rng(seed)
        counts = np.diff(known.offsets)
        most = config.answers_per_query
        if most == "auto":
            most = "all" if config.negatives == "all" else PIECE
        piece = max(counts.max(initial=1), 1) if most == "all" else most
        self.tails = _shuffled(known, rng)
        pieces_of = -(-counts // piece)
        query, nth = _shown(np.repeat(np.arange(len(counts)), pieces_of), within(pieces_of), graph, known, config)
        starts = known.offsets[query] + nth * piece
        lengths = np.minimum(known.offsets[query + 1] - starts, piece)
        queries = known.queries[query]
        self.groups = []
        for span, relations in graph.answer_spans(config.candidates == "all"):
            rows = np.flatnonzero(relations[queries[:, 1]])
            if len(rows):
                self.groups.append(_Pieces(span, queries[rows], starts[rows], lengths[rows]))

    def __len__(self) -> int:
        """Batches in an epoch."""
        return sum(self._batches_of(group) for group in self.groups)

    def _batches_of(self, group: _Pieces) -> int:
        return -(-len(group.queries) // self.config.batch_size)

    def epoch(self, number: int, first: int = 0) -> Iterator[Batch]:
        """All triples once, treatments `treatment_repeats` times, in both directions, in an order of its own.

        Those of the metaedges `without` are not among them.

        first: the batch to begin with, to go on with an epoch that was left in its middle.
        """
        rng = np.random.default_rng([self.seed, number])
        plan = []
        for group in self.groups:
            order = rng.permutation(len(group.queries))
            plan += [(group, rows) for rows in np.array_split(order, self._batches_of(group))]
        for i, place in enumerate(rng.permutation(len(plan)).tolist()):
            if i >= first:
                group, pieces = plan[place]
                counts = group.counts[pieces]
                answers = self.tails[stretches(group.starts[pieces], counts)]
                drawn = np.random.default_rng([self.seed, number, i])
                yield make_batch(group.queries[pieces], counts, answers, group.candidates, self.config, drawn)


def _shown(query: Int, nth: Int, graph: KnowledgeGraph, known: KnownTails, config: TrainingConfig) -> tuple[Int, Int]:
    """Pieces, each the nth of its query, as often as an epoch has them: those of treatments may come several times."""
    if config.treatment_repeats == 1 and not config.without:
        return query, nth
    relation = known.queries[query, 1] % graph.relations
    times = np.where(np.isin(relation, graph.treatment_relations), config.treatment_repeats, 1)
    times[np.isin(relation, [graph.relation(name) for name in config.without])] = 0
    if len(times) and not times.any():
        raise UsageError(f"training.without leaves out every metaedge of {graph.name} that training has")
    shown = np.repeat(np.arange(len(query)), times)
    return query[shown], nth[shown]


def _shuffled(known: KnownTails, rng: np.random.Generator) -> Int:
    """The tails in random order within their query, so that a piece is a random part of them; `CHUNK` at a time."""
    tails, offsets = known.tails.copy(), known.offsets
    cuts = np.unique(np.searchsorted(offsets, np.arange(0, len(tails) + CHUNK, CHUNK).clip(max=len(tails))))
    for first, last in pairwise(cuts.tolist()):
        part, counts = slice(offsets[first], offsets[last]), np.diff(offsets[first : last + 1])
        query_of = np.repeat(np.arange(len(counts)), counts)
        tails[part] = tails[part][np.lexsort((rng.random(len(query_of)), query_of))]
    return tails


def make_batch(
    queries: Int, counts: Int, answers: Int, candidates: slice, config: TrainingConfig, rng: np.random.Generator
) -> Batch:
    """The batch of queries `(b, 2)` that have `counts` `(b,)` of the answers `(p,)` each, in this order."""
    start, stop = candidates.start, candidates.stop
    rows = np.repeat(np.arange(len(queries)), counts)
    sample, hits = None, (np.empty(0, np.int64), np.empty(0, np.int64))
    if config.negatives != "all" and stop - start > 2 * config.negatives:
        # always as many: oneDNN prepares, and keeps, a program of its own for each shape of a product
        sample = start + np.sort(rng.choice(stop - start, config.negatives, replace=False, shuffle=False))
        columns = np.minimum(np.searchsorted(sample, answers), len(sample) - 1)
        hit = sample[columns] == answers
        hits = rows[hit], columns[hit]
    with_answers = sample is not None or config.n3 > 0 or config.relation_prediction > 0
    heads, relations = np.ascontiguousarray(queries[:, 0]), np.ascontiguousarray(queries[:, 1])
    taking_part = [heads, *([answers] if with_answers else []), *([] if sample is None else [sample])]
    places = Places.of(np.concatenate(taking_part))
    first, last = np.searchsorted(places.ids.numpy(), [start, stop]).tolist()
    return Batch(
        heads=torch.from_numpy(heads),
        relations=torch.from_numpy(relations),
        counts=torch.from_numpy(counts.astype(np.float32)),
        answers=torch.from_numpy(answers),
        rows=torch.from_numpy(rows),
        candidates=candidates,
        sample=None if sample is None else torch.from_numpy(sample),
        hits=(torch.from_numpy(hits[0]), torch.from_numpy(hits[1])),
        entity_places=places,
        relation_places=Places.of(relations),
        inside=(first, last),
        with_answers=with_answers,
        seed=int(rng.integers(2**62)),
    )


def _moved(value: Any, device: torch.device) -> Any:
    """Every tensor in it on a device."""
    if isinstance(value, Tensor):
        # elsewhere the memory that is copied from could be gone before it was
        return value.to(device, non_blocking=device.type == "cuda")
    if isinstance(value, tuple):
        return tuple(_moved(inner, device) for inner in value)
    if isinstance(value, Batch | Places):
        fields = {f.name: _moved(getattr(value, f.name), device) for f in dataclasses.fields(value)}
        return dataclasses.replace(value, **fields)
    return value
