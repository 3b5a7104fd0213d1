"""Filtered realistic ranks of held-out answers.

Sources: Bordes et al. 2013 (filtered ranks); Berrendorf et al. 2020, arXiv 2002.06914 (realistic rank, AMRI).
Read before: kbc's `get_ranking` and PyKEEN's `RankBasedEvaluator`. Both score a query as often as it is asked, and
compare in matrices as large as the scores. Here a query that repeats is scored once, its known answers are put out of
the way once, and what beats a target is counted in a few rows at a time: nothing else has the shape of the scores.
"""

import math
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kgdrug.errors import KgdrugError
from kgdrug.graph import KnowledgeGraph, KnownTails, both_directions
from kgdrug.graph.known import Int
from kgdrug.models import Model

BLOCK = 8_000_000  # scores held at once: 32 MB
TILE = 250_000  # scores compared at once, few enough to stay in the cache


@dataclass(frozen=True, eq=False)
class Ranks:
    """One rank a query; every triple is asked twice, for its tail and for its head.

    relation: `(q,)` metaedge of the triple; head_side: `(q,)` whether the head was asked for; rank: `(q,)` from 1,
    with halves for ties; candidates: `(q,)` how many were ranked, the target with them; triple: `(q,)` row of the
    triple; given, answer: `(q,)` the entity that was given and the one that was asked for.
    """

    relation: Int
    head_side: NDArray[np.bool_]
    rank: NDArray[np.float64]
    candidates: Int
    triple: Int
    given: Int
    answer: Int

    def __getitem__(self, rows: NDArray[np.bool_]) -> "Ranks":
        return Ranks(*(getattr(self, f.name)[rows] for f in fields(self)))


def filtered_ranks(
    scores: Tensor, rows: Tensor, columns: Tensor, known_rows: Tensor, known_columns: Tensor
) -> tuple[Tensor, Tensor]:
    """Rank of each target among the candidates that are not other known answers, and how many those are.

    scores: `(u, k)` of distinct queries, higher is better; changed: known answers become NaN, which nothing beats or
    equals. rows, columns: `(p,)` the cells of the targets, rows ascending; known_rows, known_columns: `(a,)` the
    distinct cells of known answers, the targets among them or not. The four are on the CPU, whatever the scores are on.
    Returns `(p,)` float ranks from 1, ties counting half ("realistic"), and `(p,)` numbers of candidates.
    """
    k, device = scores.shape[1], scores.device
    at, column = rows.to(device), columns.to(device)
    targets = scores[at, column]
    scores[known_rows.to(device), known_columns.to(device)] = math.nan
    away = scores[at, column].isnan()  # where the target is known itself, it no longer equals itself
    higher, not_lower = torch.empty_like(targets), torch.empty_like(targets)
    step = max(1, TILE // k)
    beats = scores.new_empty(min(step, len(rows)), k)  # 1 or 0; sums are exact up to 2²⁴ candidates
    for start in range(0, len(rows), step):
        part = slice(start, min(start + step, len(rows)))
        first, last = int(rows[part.start]), int(rows[part.stop - 1])
        one_each = last - first == part.stop - part.start - 1 and bool((rows[part].diff() == 1).all())
        among = scores[first : last + 1] if one_each else scores[at[part]]
        for count, beat in ((higher, torch.gt), (not_lower, torch.ge)):
            count[part] = beat(among, targets[part, None], out=beats[: len(among)]).sum(1)
    equal = not_lower - higher - (~away).to(targets.dtype)
    known = torch.bincount(known_rows, minlength=len(scores))[rows].to(device)
    return 1 + higher + equal / 2, k - known + away


def rank_triples(
    model: Model, triples: Int, known: KnownTails, graph: KnowledgeGraph, candidates: str = "typed"
) -> Ranks:
    """Ask each triple `(t, 3)` for its tail and for its head.

    candidates: `typed` ranks among the entities of the answer's type, `all` among all entities.
    Memory beyond the model: a block of scores, `BLOCK` numbers or one row, and 32 bytes a known answer of its queries.
    """
    both = both_directions(triples, graph.relations)
    rank, counted = np.empty(len(both)), np.empty(len(both), np.int64)
    if candidates not in ("typed", "all"):
        raise KgdrugError(f"candidates is {candidates!r}; expected 'typed' or 'all'")
    for span, relations in graph.answer_spans(candidates == "all"):
        rows, start, stop = np.flatnonzero(relations[both[:, 1]]), span.start, span.stop
        step = max(1, BLOCK // (stop - start))
        # a repeated query is scored once
        keys, row_of = np.unique(both[rows, 0] * 2 * graph.relations + both[rows, 1], return_inverse=True)
        rows, row_of = rows[np.argsort(row_of, kind="stable")], np.sort(row_of)
        queries = np.stack(np.divmod(keys, 2 * graph.relations), 1)
        for low in range(0, len(queries), step):
            scores = model.scores(torch.from_numpy(queries[low : low + step]), span)
            if scores.amax(1).isnan().any():
                raise KgdrugError("the model's scores are not numbers (NaN); train it with a lower learning rate")
            first, last = np.searchsorted(row_of, [low, low + step])
            block = rows[first:last]
            known_rows, known_tails = known.of(queries[low : low + step])
            inside = (known_tails >= start) & (known_tails < stop)
            cells = row_of[first:last] - low, both[block, 2] - start, known_rows[inside], known_tails[inside] - start
            ranks = filtered_ranks(scores, *(torch.from_numpy(part) for part in cells))
            rank[block], counted[block] = (part.cpu().numpy() for part in ranks)
    side, triple = np.divmod(np.arange(len(both)), max(1, len(triples)))
    return Ranks(both[:, 1] % graph.relations, side == 1, rank, counted, triple, both[:, 0], both[:, 2])
