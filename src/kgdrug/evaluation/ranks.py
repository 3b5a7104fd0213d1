"""Filtered realistic ranks of held-out answers.

Sources: Bordes et al. 2013 (filtered ranks); Berrendorf et al. 2020, arXiv 2002.06914 (realistic rank, AMRI).
Read before: kbc's `get_ranking` and PyKEEN's `RankBasedEvaluator`. Both mask the known answers in the whole score
matrix; here only the known answers are looked at again, so nothing of the matrix's shape is made but the matrix.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kgdrug.errors import KgdrugError
from kgdrug.graph import KnowledgeGraph, KnownTails, both_directions
from kgdrug.graph.known import Int
from kgdrug.models import Model

BLOCK = 8_000_000  # scores held at once: 32 MB


@dataclass(frozen=True, eq=False)
class Ranks:
    """One rank a query; every triple is asked twice, for its tail and for its head.

    relation: `(q,)` metaedge of the triple; head_side: `(q,)` whether the head was asked for; rank: `(q,)` from 1,
    with halves for ties; candidates: `(q,)` how many were ranked, the target with them.
    """

    relation: Int
    head_side: NDArray[np.bool_]
    rank: NDArray[np.float64]
    candidates: Int

    def __getitem__(self, rows: NDArray[np.bool_]) -> "Ranks":
        return Ranks(self.relation[rows], self.head_side[rows], self.rank[rows], self.candidates[rows])


def filtered_ranks(scores: Tensor, targets: Tensor, known_rows: Tensor, known_columns: Tensor) -> tuple[Tensor, Tensor]:
    """Rank of each target among the candidates that are not other known answers, and how many those are.

    scores: `(b, k)` higher is better; targets: `(b,)` column of the true answer; known_rows, known_columns: `(a,)`
    the cells of known answers, the target's own among them or not.
    Returns `(b,)` float ranks from 1, ties counting half ("realistic"), and `(b,)` numbers of candidates.
    """
    target_scores = scores.gather(1, targets[:, None])
    higher = (scores > target_scores).sum(1)
    equal = (scores == target_scores).sum(1) - 1  # the target equals itself
    others = known_columns != targets[known_rows]
    known_rows, known_columns = known_rows[others], known_columns[others]
    known_scores, own = scores[known_rows, known_columns], target_scores[known_rows, 0]
    higher.index_add_(0, known_rows, (known_scores > own).long(), alpha=-1)
    equal.index_add_(0, known_rows, (known_scores == own).long(), alpha=-1)
    left_out = torch.bincount(known_rows, minlength=len(scores))
    return 1 + higher + equal / 2, scores.shape[1] - left_out


def rank_triples(
    model: Model, triples: Int, known: KnownTails, graph: KnowledgeGraph, candidates: str = "typed"
) -> Ranks:
    """Ask each triple `(t, 3)` for its tail and for its head.

    candidates: `typed` ranks among the entities of the answer's type, `all` among all entities.
    Memory beyond the model: one block of scores, `BLOCK` numbers, and its comparison.
    """
    both = both_directions(triples, graph.relations)
    rank, counted = np.empty(len(both)), np.empty(len(both), np.int64)
    spans = graph.relation_ranges[0][both[:, 1]]
    if candidates not in ("typed", "all"):
        raise KgdrugError(f"candidates is {candidates!r}; expected 'typed' or 'all'")
    if candidates == "all":
        spans = np.tile([0, len(graph.entities)], (len(both), 1))
    for start, stop in sorted(set(map(tuple, spans.tolist()))):
        rows = np.flatnonzero((spans[:, 0] == start) & (spans[:, 1] == stop))
        rows = rows[np.lexsort((both[rows, 1], both[rows, 0]))]  # a repeated query is scored once
        step = max(1, BLOCK // (stop - start))
        for block in (rows[i : i + step] for i in range(0, len(rows), step)):
            queries = both[block, :2]
            distinct_queries, row_of = np.unique(queries, axis=0, return_inverse=True)
            scores = model.scores(torch.from_numpy(distinct_queries), slice(start, stop)).cpu()
            if len(distinct_queries) < len(queries):
                scores = scores[torch.from_numpy(row_of.reshape(-1))]
            if torch.isnan(scores.amax(1)).any():
                raise KgdrugError("the model's scores are not numbers (NaN); train it with a lower learning rate")
            known_rows, known_tails = known.of(queries)
            ranks = filtered_ranks(
                scores,
                torch.from_numpy(both[block, 2] - start),
                torch.from_numpy(known_rows),
                torch.from_numpy(known_tails - start),
            )
            rank[block], counted[block] = ranks[0].numpy(), ranks[1].numpy()
    head_side = np.arange(len(both)) >= len(triples)
    return Ranks(both[:, 1] % graph.relations, head_side, rank, counted)
